"""The private folder for temporary files: what the page passes to the program, and results until they are fetched."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from stegnet.core.errors import MediaError
from stegnet.media.locks import locked_folder

_PREFIX = "stegnet-gui-"
_ID_BYTES = 12
_KEPT = 4  # results; a page shows two


@dataclass(frozen=True)
class Result:
    """Files of a finished job.

    Attributes:
        folder: that holds them, and goes with them.
        files: by the id under which they are fetched.
    """

    folder: Path
    files: dict[str, Path]


class Workspace:
    """A folder that only its owner can read; a context manager, which removes it in the end.

    What killed programs have left is removed at the start.

    Raises:
        MediaError: the system's folder for temporary files can't be written.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        try:
            self._folder = self._stack.enter_context(locked_folder(_PREFIX, Path(tempfile.gettempdir())))
        except OSError as error:
            hint = "set TMPDIR to a folder that you can write"
            raise MediaError(f"no folder for temporary files ({error.strerror})", hint) from error
        self._results: list[Result] = []
        self._changes = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def inputs(self) -> Iterator[Path]:
        """Yields a new folder for the files of a job, and removes it after the block."""
        folder = self._new("inputs-")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def outputs(self) -> Iterator[Path]:
        """Yields a new folder for the results of a job; it is removed if the block fails, else by `publish`'s rule."""
        folder = self._new("results-")
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def publish(self, folder: Path, paths: list[Path]) -> list[str]:
        """Offers files of an output folder; returns their ids. Beyond four results, the oldest is removed."""
        ids = [secrets.token_urlsafe(_ID_BYTES) for _ in paths]
        with self._changes:
            self._results.append(Result(folder, dict(zip(ids, paths, strict=True))))
            old, self._results = self._results[:-_KEPT], self._results[-_KEPT:]
        for result in old:
            shutil.rmtree(result.folder, ignore_errors=True)
        return ids

    def published(self, file_id: str) -> Path | None:
        """The file with this id, None if there is none."""
        with self._changes:
            return next((result.files[file_id] for result in self._results if file_id in result.files), None)

    def check_room(self, size: int) -> None:
        """Refuses files of so many bytes if the disk has not twice as much room: the result takes some, too.

        Raises:
            MediaError: there is too little room.
        """
        free = shutil.disk_usage(self._folder).free
        if 2 * size > free:
            what = f"{size / 1e6:.0f} MB are too much for the folder for temporary files: {free / 1e6:.0f} MB are free"
            raise MediaError(what, "set TMPDIR to a folder on a larger disk, and start again; or use `stegnet hide`")

    def _new(self, prefix: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))
