"""Checks of the files that are read, and covers that are reduced."""

from pathlib import Path

import numpy as np

from stegnet.core.errors import ConfigError, MediaError
from stegnet.media.opened_file import OpenedFile, Source
from stegnet.media.pictures.pictures import reduced
from stegnet.media.probe import kind


def kind_of_secret(path: Source) -> str:
    """As `kind`, for a secret of the network method; the error's hint names the method that hides any file.

    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
    """
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
    OpenedFile(path).close()


def reduced_to(pixels: np.ndarray, side: int | None) -> np.ndarray:
    """A cover, (H, W, 3) uint8, reduced so that the longer side has `side` pixels; None: as it is.

    Raises:
        ConfigError: it has no more pixels than that.
    """
    longer = max(pixels.shape[:2])
    if side is None:
        return pixels
    if not 0 < side < longer:
        raise ConfigError(f"resize: must be less than the cover's longer side, {longer} pixels, is {side}")
    return reduced(pixels, side)
