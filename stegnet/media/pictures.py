"""Pictures as files.

What comes out is what a viewer shows: turned as EXIF says, transparency over white, colours in sRGB. Only the
first still of a file counts (TIFF pages, stereo pairs).
"""

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from stegnet.core.errors import MediaError
from stegnet.media.profiles import BrokenProfileError, describes_rgb, to_srgb
from stegnet.media.signature import heic_error, is_heic

MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS  # of a picture, or of each of a film's: from there on, PIL refuses to read
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error)
_NOT_PLAIN = {"F": "floating-point numbers", "LAB": "CIE L*a*b*", "HSV": "hue, saturation and value"}


def read_picture(path: Path) -> np.ndarray:
    """Any picture file as (H, W, 3) uint8, sRGB.

    Grey, palette, CMYK and 16-bit pictures are converted; of an animation, the first frame is read. An embedded
    ICC profile is applied; a broken one is left out, as viewers do, with a warning.

    Raises:
        MediaError: no such file, not a picture, truncated, or of a kind that has no plain colours.
    """
    return _read(path, keep_profile=False)[0]


def read_cover(path: Path) -> tuple[np.ndarray, bytes | None]:
    """A picture file's own numbers as (H, W, 3) uint8, and the ICC profile that says what they mean.

    Without an RGB profile (none, a broken one, one for grey or CMYK) the numbers are sRGB as in `read_picture`,
    and the profile is None.

    Raises:
        MediaError: as `read_picture`.
    """
    return _read(path, keep_profile=True)


def write_png(path: Path, picture: np.ndarray, icc: bytes | None = None) -> None:
    """Writes (H, W, 3) uint8 as PNG; same input, same bytes.

    Args:
        path: where to; the file is a PNG whatever its suffix.
        picture: (H, W, 3) uint8.
        icc: the ICC profile that says what the numbers mean; None for sRGB.
    Raises:
        MediaError: the file can't be written.
    """
    try:
        Image.fromarray(picture).save(path, format="PNG", icc_profile=icc)
    except OSError as error:
        raise MediaError(f"{path}: can't be written ({error.strerror or error})") from error


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 stretched to (height, width, 3): Lanczos, low-pass filtered when it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def open_picture(path: Path) -> Image.Image:
    """The picture, header read and pixels not yet.

    Raises:
        MediaError: no such file, or not a picture.
    """
    try:
        with warnings.catch_warnings():
            # It says that a picture is large; one that is too large raises.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path}: the picture is too large to read", f"at most {MAX_PIXELS} pixels") from error
    except UNREADABLE as error:
        if path.is_file() and is_heic(path):
            raise heic_error(path) from error
        raise MediaError(f"{path}: not a picture that can be read") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture as RGB, laid over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _read(path: Path, keep_profile: bool) -> tuple[np.ndarray, bytes | None]:
    with open_picture(path) as image:
        if image.mode in _NOT_PLAIN:
            raise MediaError(f"{path}: its pixels are {_NOT_PLAIN[image.mode]}", "convert it to an RGB picture first")
        try:
            upright = _in_8_bits(ImageOps.exif_transpose(image))
        except UNREADABLE as error:
            raise MediaError(f"{path}: the picture is damaged or truncated ({error})") from error
    profile = upright.info.get("icc_profile")
    try:
        if profile and keep_profile and upright.mode != "CMYK" and describes_rgb(profile):
            return np.array(to_rgb(upright)), profile
        shown = to_srgb(upright, profile) if profile else upright
    except BrokenProfileError as error:
        warnings.warn(f"{path}: its colour profile is left out ({error})", stacklevel=3)
        shown = upright
    return np.array(to_rgb(shown)), None


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits (PIL keeps some of it in 32), rounded; other pictures as they are."""
    if not image.mode.startswith("I"):
        image.load()
        return image
    levels = np.asarray(image).astype(np.int64).clip(0, 65535)
    narrow = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    narrow.info = image.info
    return narrow
