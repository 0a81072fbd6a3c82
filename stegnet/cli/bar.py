"""Progress bars on stderr, where that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

    from stegnet.codec.output import Progress

_CALLED = {
    "compress": "compressing",
    "hide": "hiding",
    "verify": "reading back",
    "check": "checking",
    "hide tiles": "hiding",
    "measure tiles": "checking",
    "reveal tiles": "revealing",
    "reveal": "revealing",
    "enhance": "enhancing",
    "seal": "sealing",
}


@contextmanager
def frames_bar() -> Iterator["Progress"]:
    """Gives the function that work calls after each frame; a bar shows from the first frame of each phase on."""
    bar = _FramesBar()
    try:
        yield bar.show
    finally:
        bar.close()


@contextmanager
def files_bar(files: int) -> Iterator["tqdm"]:
    """A bar over files, above that of the frames."""
    with _bar("files", "file", files) as bar:
        yield bar


class _FramesBar:
    def __init__(self) -> None:
        self._doing = ""
        self._bar: tqdm | None = None

    def show(self, doing: str, done: int, total: int) -> None:
        if self._bar is None or doing != self._doing or done < self._bar.n:
            self.close()
            unit = "tile" if doing.endswith("tiles") else "frame"
            self._doing, self._bar = doing, _bar(_CALLED.get(doing, doing), unit, total)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar(name: str, unit: str, total: int) -> "tqdm":
    from tqdm import tqdm  # here, so that --help need not wait for it

    return tqdm(desc=name, unit=unit, total=total or None, disable=None, dynamic_ncols=True, leave=False)
