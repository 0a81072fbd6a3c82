"""Pictures that stay a BMP, TIFF or lossless WebP if the container's name says so."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stegnet.core.errors import ConfigError, MediaError
from stegnet.core.pixels import check_memory
from stegnet.core.text import Setting, Text
from stegnet.formats.bmp import read_bmp
from stegnet.formats.opened_file import Source
from stegnet.formats.raster import Raster, not_kept
from stegnet.formats.signatures import form_of
from stegnet.formats.tiff import read_tiff
from stegnet.image.pictures import KEPT_IN_FORM, orientation_of, turned_back, writing
from stegnet.image.webp import WebpFile
from stegnet.media.cover import Cover, about_cover


class _KeptForm(NamedTuple):
    """Form that a container may keep."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Source], Raster | WebpFile]


_FORMS = {
    form.name: form
    for form in (
        _KeptForm("BMP", (".bmp",), read_bmp),
        _KeptForm("TIFF", (".tif", ".tiff"), read_tiff),
        _KeptForm("WebP", (".webp",), WebpFile),
    )
}


def kept_suffixes(cover: Cover) -> tuple[str, ...]:
    """Return the suffixes of a picture's form, other than PNG and JPEG, that a container may keep; () without one.

    Raises:
        MediaError: the picture can't be read.
    """
    form = _form(cover)
    return form.suffixes if form else ()


def _form(cover: Cover) -> _KeptForm | None:
    form = form_of(cover)
    return _FORMS.get(form.name) if form else None


def check_kept(cover: Cover, suffix: str, *, resized: bool = False, opaque: bool = False) -> None:
    """Check that a picture can keep its form, if the container's suffix asks for it.

    Args:
        cover: opened cover; covers of other forms pass.
        suffix: suffix of the container, with its dot.
        resized: the container is smaller.
        opaque: the container is opaque even if the cover is not.

    Raises:
        MediaError: the cover is of a rare kind, or can't be read.
        ConfigError: the container is resized.
    """
    form = _form(cover)
    if form is None or suffix not in form.suffixes:
        return
    if resized:
        message = f"resize: {cover} is a {form.name}, and what is resized becomes a PNG"
        hint = Text("name the container .png, or leave ", Setting("resize", "PIXELS", quoted=False), " out")
        raise ConfigError(message, hint)

    file = _opened(cover, form)
    if opaque and cover.is_transparent:
        raise not_kept(cover, form.name, "it would become opaque")
    # Libtiff fills such tiles with leftovers in its memory, those of the tile before.
    if isinstance(file, Raster) and file.padded:
        raise not_kept(cover, form.name, "its tiles reach over its edge, and repeat other pixels there")

    lying = {5, 6, 7, 8}  # EXIF orientations that show rows as columns
    upright = (file.width, file.height) if orientation_of(cover) in lying else (file.height, file.width)
    if upright != cover.size:
        problem = f"the {form.name} is damaged: it says two sizes"
        raise MediaError(problem, "copy it again from its source", subject=cover)
    if isinstance(file, WebpFile):
        what = f"{file.width}×{file.height} pixels of a WebP"
        times = 3  # the memory of hiding, which libwebp takes: 900 MB for 12 megapixels, measured
        check_memory(cover, times * file.height * file.width, what)


def write_kept(cover: Cover, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
    """Write a copy of a picture's file with its pixels replaced, and return lines for the report.

    Call `check_kept` before.

    Args:
        cover: opened picture, for which `check_kept` passed.
        part: file to write.
        pixels: (H, W, 3) uint8, or (H, W, 4) with opacity.

    Raises:
        MediaError: the file can't be written.
    """
    form = _form(cover)
    assert form is not None  # as `check_kept` found
    stored = turned_back(pixels, orientation_of(cover))
    with writing(part) as target:
        unrecognised = _opened(cover, form).write(target, stored)
    return (*about_cover(cover, without=KEPT_IN_FORM), *([f"cover: {unrecognised}"] if unrecognised else []))


def _opened(cover: Cover, form: _KeptForm) -> Raster | WebpFile:
    return cover.once("kept form", form.read)
