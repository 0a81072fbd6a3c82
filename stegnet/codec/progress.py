"""How long work tells how far it is."""

from collections.abc import Callable

# Called with what is being done, and the number of frames done and of all.
Progress = Callable[[str, int, int], None]


def no_progress(doing: str, done: int, total: int) -> None:
    """Shows nothing."""
