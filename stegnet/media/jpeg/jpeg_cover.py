"""A JPEG to hide in, made of any picture: its rounding errors say which steps are nearly free."""

import warnings
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags

from stegnet.core.jpeg import encode_jpeg
from stegnet.core.parallel import parallel_map
from stegnet.core.temporary import temporary_folder
from stegnet.media.cover import Cover
from stegnet.media.history import picture_copied_with_loss, saved_twice
from stegnet.media.inputs import reduced_to
from stegnet.media.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.media.jpeg.rounding import rounding_errors
from stegnet.media.pictures.picture_notes import about_cover
from stegnet.media.pictures.pictures import UNREADABLE_EXIF, open_picture, refuse_palette
from stegnet.media.pictures.writing import as_stored

_FINEST = 1.8  # mean quantisation step; below, at qualities 99 and 100, steps are found by themselves
_MOST_EXIF = (1 << 16) - 3  # bytes of a JPEG's segment


@dataclass(frozen=True, eq=False)
class JpegCover:
    """A JPEG to hide in.

    Attributes:
        picture: its coefficients.
        shown: the pixels that viewers show, (H, W, 3) uint8.
        history: what it was saved as before, if that shows steps; None: it does not.
        errors: what rounding took from luma's, (rows, columns, 64) float32, −0.5 to 0.5; None: not known.
        notes: one line each, on how it was made.
    """

    picture: JpegPicture
    shown: np.ndarray
    history: str | None = None
    errors: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def jpeg_cover(cover: Cover, quality: int, side: int | None = None) -> JpegCover:
    """The cover, if it is a JPEG that steps can be hidden in; else a JPEG of a quality that is made of it.

    Args:
        side: pixels of the longer side to which it is reduced; None: it is not.
    Raises:
        ConfigError: it has no more pixels than that.
        MediaError: it can't be read, or has a palette.
    """
    if not cover.is_jpeg:
        refuse_palette(cover)
        return _made(cover, quality, side)
    picture, shown = read_both(cover)
    if side is not None:
        return _made(cover, quality, side)
    if picture.steps(0).mean() >= _FINEST:
        return JpegCover(picture, shown, saved_twice(picture.planes[0]))
    return _made(cover, quality, None, "in a JPEG of quality 99 or 100 every step shows: ")


def read_both(cover: Cover) -> tuple[JpegPicture, np.ndarray]:
    """A JPEG's coefficients, and the pixels that viewers show, (H, W, 3) uint8; two threads read them.

    Raises:
        MediaError: as `read_jpeg`, or as `read_cover`.
    """
    picture, (shown, _) = parallel_map(lambda read: read(), (lambda: read_jpeg(cover), lambda: cover.picture), 2)
    return picture, shown


def _made(cover: Cover, quality: int, side: int | None, why: str = "") -> JpegCover:
    read = reduced_to(cover.pixels, side)
    pixels, profile = as_stored(read, cover.picture[1])
    exif = _exif(cover)
    with temporary_folder() as folder:
        path = folder / "cover.jpg"
        path.write_bytes(encode_jpeg(pixels, quality, icc=profile, exif=exif))
        with Cover(path) as made:
            picture, shown = read_both(made)
    notes = (f"{why}the cover was saved as JPEG of quality {quality}", *about_cover(cover, with_exif=not exif))
    history = None if side or why else picture_copied_with_loss(read)
    return JpegCover(picture, shown, history, rounding_errors(pixels, picture), notes)


def _exif(cover: Cover) -> bytes:
    """EXIF of a cover, for upright pixels; b"" if none can be copied, as of a TIFF, whose tags are about its pixels."""
    with open_picture(cover) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is damaged in it was said when it was read
        try:
            exif = image.getexif()
            exif.pop(ExifTags.Base.Orientation, None)
            found = b"" if image.format == "TIFF" or not exif else exif.tobytes()
        except UNREADABLE_EXIF:
            return b""
    return found if len(found) <= _MOST_EXIF else b""
