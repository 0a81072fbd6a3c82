"""Handing items from one thread to others that want the newest only."""

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Keeps the newest of the items that are put; nothing waits in a queue."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None
        self._closed = False
        self._count = 0

    @property
    def count(self) -> int:
        """How many items have been put."""
        return self._count

    def put(self, item: T) -> None:
        """Forgets the item before."""
        with self._changed:
            self._item = item
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def over(self, after: int) -> bool:
        """Whether nothing follows the first `after` items any more."""
        with self._changed:
            return self._closed and self._count <= after

    def wait(self, after: int, seconds: float) -> tuple[int, T] | None:
        """The newest item and its number, counted from 1, once it is none of the first `after`.

        None where none comes within the time, or at all.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > after, seconds)
            return (self._count, self._item) if self._count > after else None
