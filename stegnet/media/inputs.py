"""Checks of the files that are read, and covers that are reduced."""

import stat
from pathlib import Path

import numpy as np

from stegnet.core.errors import ConfigError, MediaError
from stegnet.core.kinds import FILM
from stegnet.core.samples import is_grey
from stegnet.media.films.films import is_grey_film
from stegnet.media.pictures.pictures import read_cover, reduced
from stegnet.media.probe import kind
from stegnet.media.signature import is_moving_picture


def input_kind(path: Path) -> str:
    """Media kind of a readable file: PICTURE or FILM.

    Raises:
        MediaError: it can't be read, or is neither.
    """
    check_input(path)
    return kind(path)


def is_grey_cover(path: Path) -> bool:
    """True if all pixels of a picture or film are grey.

    Raises:
        MediaError: it can't be read.
    """
    return is_grey_film(path) if input_kind(path) == FILM else is_grey(read_cover(path)[0])


def cover_name(path: Path, cover_kind: str) -> str:
    """The kind of a cover as a user who takes it for a picture understands it."""
    return "moving picture" if cover_kind == FILM and is_moving_picture(path) else cover_kind


def kind_of_secret(path: Path) -> str:
    """As `input_kind`, for a secret of the network method; the error's hint names the method that hides any file.

    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
    """
    check_input(path)
    try:
        return kind(path)
    except MediaError as error:
        hints = (error.hint, "the method sealed hides any file as it is")
        raise MediaError(str(error), "; ".join(filter(None, hints))) from error


def check_input(path: Path) -> None:
    """Refuses an input that is not a readable file.

    Raises:
        MediaError: no such file, a folder, a device, or no permission.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise MediaError(f"{path}: is a folder", "name a file in it")
        if not stat.S_ISREG(mode):
            raise MediaError(f"{path}: not a file", "write what it gives to a file first")
        path.open("rb").close()
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except OSError as error:
        raise MediaError(f"{path}: can't be read ({error.strerror})") from error


def read_resized(path: Path, side: int | None) -> tuple[np.ndarray, bytes | None]:
    """As `read_cover`, reduced so that the longer side has `side` pixels; None: as it is.

    Raises:
        ConfigError: it has no more pixels than that.
        MediaError: as `read_cover`.
    """
    pixels, profile = read_cover(path)
    if side is None:
        return pixels, profile
    longer = max(pixels.shape[:2])
    if not 0 < side < longer:
        raise ConfigError(f"resize: must be less than the cover's longer side, {longer} pixels, is {side}")
    return reduced(pixels, side), profile
