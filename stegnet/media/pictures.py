"""Pictures as files.

What comes out is what a viewer shows: turned as EXIF says, transparency over white. Numbers are taken as
sRGB; a colour profile is not applied.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from stegnet.errors import MediaError

# Private, ancillary, and not safe to copy: an editor that changes the pixels should drop it.
NOTE_CHUNK = b"stEG"
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError)


def read_picture(path: Path) -> np.ndarray:
    """Any picture file as (H, W, 3) uint8, sRGB.

    Grey, palette, CMYK and 16-bit pictures are converted; of an animation, the first frame is read.

    Raises:
        MediaError: no such file, not a picture, truncated, or of a kind that has no plain colours.
    """
    image = open_picture(path)
    try:
        with image:
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
    except _UNREADABLE as error:
        raise MediaError(f"{path}: the picture is damaged or truncated ({error})") from error


def write_png(path: Path, picture: np.ndarray, note: bytes | None = None) -> None:
    """Writes (H, W, 3) uint8 as PNG, with `note` in a private chunk; same input, same bytes.

    Raises:
        MediaError: the file can't be written.
    """
    info = PngImagePlugin.PngInfo()
    if note is not None:
        info.add(NOTE_CHUNK, note)
    try:
        Image.fromarray(picture).save(path, format="PNG", pnginfo=info)
    except OSError as error:
        raise MediaError(f"{path}: can't be written ({error.strerror or error})") from error


def read_note(path: Path) -> bytes | None:
    """The note that `write_png` left in a picture, or None.

    Raises:
        MediaError: no such file, or not a picture.
    """
    with open_picture(path) as image:
        chunks = getattr(image, "private_chunks", [])
        return next((chunk[1] for chunk in chunks if chunk[0] == NOTE_CHUNK), None)


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
        raise MediaError(f"{path}: the picture is too large to read") from error
    except _UNREADABLE as error:
        raise MediaError(f"{path}: not a picture that can be read") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits (PIL keeps some of it in 32) to 8, rounded."""
    levels = np.asarray(image).astype(np.int64).clip(0, 65535)
    return Image.fromarray(((levels + 128) // 257).astype(np.uint8))
