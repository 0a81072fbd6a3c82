"""Writing picture files."""

import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.samples import is_grey
from stegnet.media.pictures.profiles import is_identity_profile, is_rgb_profile

_SAMPLE, _LARGER = 32, 1.1  # rows that are compressed both ways, and by how much larger a file may get
# By suffix: Pillow's name of the format, options, and those that keep every bit; None: the format can't.
PICTURE_FORMS: dict[str, tuple[str, dict, dict | None]] = {
    ".png": ("PNG", {}, {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".webp": ("WEBP", {"quality": 95}, {"lossless": True}),
    ".avif": ("AVIF", {"quality": 90, "subsampling": "4:4:4", "speed": 8}, None),
}


def write_png(path: Path, picture: np.ndarray, icc: bytes | None = None) -> None:
    """Writes a PNG, whatever the path's suffix; the same input gives the same bytes. A grey picture is stored as grey.

    Args:
        picture: (H, W, 3) uint8.
        icc: ICC profile to embed; None for sRGB.
    Raises:
        MediaError: the file can't be written.
    """
    stored, profile = as_stored(picture, icc)
    save_picture(path, stored, ".png", profile)


def as_stored(picture: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """Pixels to store of a picture in a file that can be grey: (H, W, 3), or (H, W) of a grey one; and its ICC profile.

    A grey file can't have an RGB profile: that of sRGB is left out, with any other the picture is stored as RGB.
    """
    if not is_grey(picture):
        return picture, icc
    if icc is None or not is_rgb_profile(icc):
        return picture[..., 0], icc
    return (picture[..., 0], None) if is_identity_profile(icc) else (picture, icc)


def save_picture(
    path: Path, picture: np.ndarray, suffix: str, icc: bytes | None = None, *, lossless: bool = False
) -> None:
    """Writes a picture in the format of a suffix, whatever the path's: hardly different from the original, or equal.

    Args:
        picture: (H, W, 3) uint8, or (H, W) to be stored as grey.
        suffix: one of PICTURE_FORMS.
        icc: ICC profile to embed; None for sRGB.
        lossless: keep every bit of the samples.
    Raises:
        MediaError: the format can't, or the file can't be written.
    """
    form, options, exact = PICTURE_FORMS[suffix]
    if lossless:
        check_lossless(path, suffix)
    try:
        image, options = Image.fromarray(picture), exact if lossless else options
        if form == "PNG":
            options = _png_options(image)
        image.save(path, form, icc_profile=icc, **options)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise MediaError(f"{path}: can't be written ({error.strerror})") from error
        size = f"{picture.shape[1]}×{picture.shape[0]} pixels"  # too large for some formats
        raise MediaError(f"{path}: {size} can't be made {form} ({error})", "name it .png") from error


def _png_options(image: Image.Image) -> dict[str, int]:
    """zlib's strategy for a PNG: of photographs, looking for runs alone is six times as fast, and the file as small."""
    top = max(0, image.height - _SAMPLE) // 2
    sample, runs = image.crop((0, top, image.width, top + _SAMPLE)), {"compress_type": zlib.Z_RLE}
    sizes = []
    for options in ({}, runs):
        sample.save(buffer := BytesIO(), "PNG", **options)
        sizes.append(len(buffer.getvalue()))
    return runs if sizes[1] <= _LARGER * sizes[0] else {}


def check_lossless(path: Path, suffix: str) -> None:
    """Refuses a suffix of PICTURE_FORMS whose format can't keep every bit.

    Raises:
        MediaError: it can't.
    """
    form, _, exact = PICTURE_FORMS[suffix]
    if exact is None:
        raise MediaError(f"{path}: {form} is never lossless", "name it .png or .webp, or let it lose a little")
