"""The forms that pictures are written in without loss: a row for each one that is written (`formats.signatures`)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from stegnet.core.names import PICTURE
from stegnet.formats.signatures import FORMS
from stegnet.media.cover import Cover
from stegnet.png.writing import write_like

# By suffix: the function that writes pixels, (H, W, 3) uint8, with an ICC profile or for sRGB, as the cover is written
# if it has this form, and returns lines for the report: of kind LOSS for what the form can't hold, such as a profile.
WRITERS: dict[str, Callable[[Cover, bytes | None, Path, np.ndarray], tuple[str, ...]]] = {
    ".png": write_like,  # also (H, W, 4), with opacity
}
assert tuple(WRITERS) == FORMS[PICTURE], "each form that is written has a writer"


def write_picture(suffix: str, cover: Cover, profile: bytes | None, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
    """Write a picture in the form of a suffix, and return lines for the report.

    Args:
        suffix: one of FORMS; "": the usual one.
        cover: opened picture, which it was made of.
        profile: ICC profile of the pixels' colours; None: they are sRGB.
        part: file to write.
        pixels: (H, W, 3) uint8, or (H, W, 4) with opacity where the form has it.

    Raises:
        MediaError: the file can't be written.
    """
    return WRITERS[suffix or FORMS[PICTURE][0]](cover, profile, part, pixels)
