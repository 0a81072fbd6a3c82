"""The private folder for temporary files: what the page passes to the program, and results until they are fetched."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

from stegnet.core.errors import MediaError
from stegnet.formats.output import locked_folder

_PREFIX = "stegnet-gui-"
_ID_BYTES = 12
_KEPT = 4  # results; a page shows two


class Workspace(ExitStack):
    """A folder that only its owner can read; a context manager, which removes it in the end.

    What killed programs have left is removed at the start.

    Raises:
        MediaError: the system's folder for temporary files can't be written.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            self._folder = self.enter_context(locked_folder(_PREFIX, Path(tempfile.gettempdir())))
        except OSError as error:
            hint = "set TMPDIR to a folder that you can write"
            raise MediaError(f"no folder for temporary files ({error.strerror})", hint) from error
        self._results: list[tuple[Path, dict[str, Path]]] = []  # a job's folder, and its files by id
        self._changes = Lock()

    @contextmanager
    def inputs(self) -> Iterator[Path]:
        """Yields a new folder for the files of a job, and removes it after the block."""
        made = tempfile.TemporaryDirectory(prefix="inputs-", dir=self._folder, ignore_cleanup_errors=True)
        with made as folder:
            yield Path(folder)

    @contextmanager
    def outputs(self) -> Iterator[Path]:
        """Yields a new folder for the results of a job; it is removed if the block fails, else by `publish`'s rule."""
        folder = Path(tempfile.mkdtemp(prefix="results-", dir=self._folder))
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def publish(self, folder: Path, paths: list[Path]) -> list[str]:
        """Offers files of an output folder; returns their ids. Beyond four results, the oldest is removed."""
        ids = [secrets.token_urlsafe(_ID_BYTES) for _ in paths]
        with self._changes:
            self._results.append((folder, dict(zip(ids, paths, strict=True))))
            old, self._results = self._results[:-_KEPT], self._results[-_KEPT:]
        for removed, _ in old:
            shutil.rmtree(removed, ignore_errors=True)
        return ids

    def published(self, file_id: str) -> Path | None:
        """The file with this id, None if there is none."""
        with self._changes:
            return next((files[file_id] for _, files in self._results if file_id in files), None)

    def check_space(self, size: int) -> None:
        """Refuses files of so many bytes unless twice as many are free on the disk: the result needs some, too.

        Raises:
            MediaError: too few are free.
        """
        free = shutil.disk_usage(self._folder).free
        if 2 * size > free:
            what = f"{size / 1e6:.0f} MB are too much for the folder for temporary files: {free / 1e6:.0f} MB are free"
            raise MediaError(what, "set TMPDIR to a folder on a larger disk, and start again; or use `stegnet hide`")
