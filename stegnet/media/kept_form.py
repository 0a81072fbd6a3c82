"""Pictures that stay a BMP, TIFF or lossless WebP if the container's name says so."""

from pathlib import Path

import numpy as np

from stegnet.core.errors import ConfigError, MediaError
from stegnet.core.pixels import check_memory
from stegnet.core.text import Setting, Text
from stegnet.formats.bmp import read_bmp
from stegnet.formats.raster import Raster, not_kept
from stegnet.formats.signatures import form_of
from stegnet.formats.tiff import read_tiff
from stegnet.image.pictures import METADATA, orientation_of, turned_back, writing
from stegnet.image.webp import WebpFile
from stegnet.media.cover import Cover, about_cover

_READERS = {"BMP": read_bmp, "TIFF": read_tiff, "WebP": WebpFile}
_SUFFIXES = {"BMP": (".bmp",), "TIFF": (".tif", ".tiff"), "WebP": (".webp",)}
_LYING = {5, 6, 7, 8}  # EXIF orientations that show rows as columns
# Times the memory of hiding, which libwebp takes to code as many pixels: 900 MB for 12 megapixels, measured.
_TIMES_MEMORY = 3


def kept_suffixes(cover: Cover) -> tuple[str, ...]:
    """Return the suffixes of a picture's form that a container may keep, other than PNG and JPEG; may be empty.

    Raises:
        MediaError: the picture can't be read.
    """
    form = form_of(cover)
    return _SUFFIXES.get(form.name, ()) if form else ()


def check_kept(cover: Cover, suffix: str, *, resized: bool = False, opaque: bool = False) -> None:
    """Refuse a picture that can't keep its form, if the container's suffix asks for it.

    Args:
        resized: the container is smaller.
        opaque: the container is opaque even where the cover is not.

    Raises:
        MediaError: the cover is of a rare kind, or can't be read.
        ConfigError: the container is resized.
    """
    if suffix not in kept_suffixes(cover):
        return
    form = form_of(cover).name
    if resized:
        message = f"resize: {cover} is a {form}, and what is resized becomes a PNG"
        raise ConfigError(
            message, Text("name the container .png, or leave ", Setting("resize", "PIXELS", quoted=False), " out")
        )
    file = _opened(cover)
    if opaque and cover.is_transparent:
        raise not_kept(cover, form, "it would become opaque")
    # Libtiff fills such tiles with leftovers in its memory, those of the tile before.
    if isinstance(file, Raster) and file.padded:
        raise not_kept(cover, form, "its tiles reach over its edge, and repeat other pixels there")
    upright = (file.width, file.height) if orientation_of(cover) in _LYING else (file.height, file.width)
    if upright != cover.size:
        raise MediaError(f"the {form} is damaged: it says two sizes", "copy it again from its source", subject=cover)
    if isinstance(file, WebpFile):
        what = f"{file.width}×{file.height} pixels of a WebP"
        check_memory(cover, _TIMES_MEMORY * file.height * file.width, what)


def write_kept(cover: Cover, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
    """Write a picture's own file with other pixels, and return lines for the report. Call `check_kept` before.

    Args:
        pixels: (H, W, 3) uint8, or (H, W, 4) with opacity.

    Raises:
        MediaError: the file can't be written.
    """
    stored = turned_back(pixels, orientation_of(cover))
    with writing(part) as target:
        unrecognised = _opened(cover).write(target, stored)
    return (*about_cover(cover, without=METADATA), *([f"cover: {unrecognised}"] if unrecognised else []))


def _opened(cover: Cover) -> Raster | WebpFile:
    return cover.once("kept form", lambda file: _READERS[form_of(file).name](file))
