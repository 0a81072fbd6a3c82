"""Where a result goes, and what may stand in its way."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stegnet.codec.report import Report
from stegnet.core.errors import MediaError
from stegnet.media import FILM, PICTURE, check_picture, whole_file, write_png
from stegnet.media.output import exists_already

FORMS = {PICTURE: (".png",), FILM: (".mkv", ".mp4")}


@dataclass(frozen=True)
class OutputTarget:
    """Where a result goes.

    Attributes:
        path: the file to write.
        force: may a file that is there be overwritten? An input never may.
        inputs: files that are read besides: keys, weights.
    """

    path: Path
    force: bool = False
    inputs: tuple[Path, ...] = ()

    def check(self, suffixes: tuple[str, ...], made: str, *inputs: Path) -> None:
        """Stops where the result can't or must not go.

        Args:
            suffixes: that the file may have; none at all means any.
            made: what is written, for the message: "picture", "film".
            inputs: what it is made of.
        Raises:
            MediaError: a folder, another suffix, an input, or a file that is there.
        """
        try:
            self._check(suffixes, made, (*inputs, *self.inputs))
        except OSError as error:
            raise MediaError(f"{self.path}: can't be written ({error.strerror})") from error

    def _check(self, suffixes: tuple[str, ...], made: str, inputs: tuple[Path, ...]) -> None:
        if self.path.is_dir():
            raise MediaError(f"{self.path}: is a folder", "name the file to write")
        if suffixes and self.path.suffix.lower() not in suffixes:
            hint = f"name it {self.path.with_suffix(suffixes[0])}"
            raise MediaError(f"{self.path}: a {made} is written as {' or '.join(suffixes)}", hint)
        if not os.path.lexists(self.path):
            return
        if self.path.exists() and any(source.exists() and self.path.samefile(source) for source in inputs):
            raise MediaError(f"{self.path}: is an input too", "name another file to write")
        if not self.force:
            raise exists_already(self.path)


def form_of(path: Path) -> str:
    """ "mkv" or "mp4", as a film's name says."""
    return path.suffix.lower().removeprefix(".")


def write_picture(
    out: OutputTarget, picture: np.ndarray, profile: bytes | None = None, *, verify: bool = False, private: bool = False
) -> Report:
    """Writes (H, W, 3) uint8 as PNG.

    Args:
        profile: ICC profile that goes with it.
        verify: read it back and compare.
        private: a secret, which only its owner can read.
    Raises:
        MediaError: it can't be written.
    """
    with whole_file(out.path, overwrite=out.force, private=private) as part:
        write_png(part, picture, icc=profile)
        if verify:
            check_picture(part, picture)
    return Report(picture.shape[1], picture.shape[0])
