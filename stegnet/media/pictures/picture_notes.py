"""Notes about what a picture file has, and its pixels as they are read have not: metadata, bits, colours, transparency.

Films have theirs in `frames`. What `pictures` warns of while it reads, such as more pages than one, is not repeated.
"""

import warnings
from collections.abc import Iterator

from PIL import ExifTags, Image

from stegnet.core.kinds import PICTURE
from stegnet.media.opened_file import Source
from stegnet.media.pictures.pictures import TRANSPARENT, UNREADABLE_EXIF, open_picture
from stegnet.media.pictures.profiles import changes_colours, keeps_profile
from stegnet.media.probe import media_kind

_MOST_OF_16 = (1 << 16) - 1
_HEAD = 1 << 16  # bytes, in which an AVIF says how many bits it has
_DATES = {ExifTags.Base.DateTime, ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized}
# Of a TIFF's tags, those that are not about its pixels.
_ABOUT = _DATES | {
    *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model),
    *(ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo),
}


def about_cover(path: Source, *, with_exif: bool = True) -> tuple[str, ...]:
    """The notes on a picture whose container is another file, which may have its EXIF."""
    with open_picture(path) as image:
        return tuple(f"cover: {line}" for line in (*_pixels(path, image, False), *_metadata(image, with_exif)))


def about_secret(path: Source) -> tuple[str, ...]:
    """The notes on a secret that is not hidden byte for byte, if it is a picture."""
    return tuple(f"secret: {line}" for line in picture_notes(path, secret=True)) if media_kind(path) == PICTURE else ()


def picture_notes(path: Source, *, secret: bool = False) -> tuple[str, ...]:
    """One line for each thing that a picture is read without, or converted from, starting in lower case.

    Args:
        path: of a picture that can be read.
        secret: its colours are converted to sRGB; a cover keeps its colour profile, and grey stays grey.
    Raises:
        MediaError: it is no picture.
    """
    with open_picture(path) as image:
        return (*_pixels(path, image, secret), *_metadata(image, True))


def _pixels(path: Source, image: Image.Image, secret: bool) -> Iterator[str]:
    bits, mode = _bits(path, image), image.mode
    if bits > 8:
        yield f"it has {bits} bits per sample: reduced to 8"
    if mode == "CMYK":
        yield "its colours are CMYK: converted to RGB"
    elif secret and mode in ("P", "PA"):
        yield "its colours are those of a palette: converted to RGB"
    elif secret and (mode in ("1", "L", "LA", "La") or mode.startswith("I")):
        yield "it is grey: converted to RGB"
    if image.has_transparency_data:
        yield TRANSPARENT
    profile = image.info.get("icc_profile")
    if profile and changes_colours(profile, mode) and (secret or not keeps_profile(profile, mode)):
        yield "its colour profile is left out: its colours are converted to sRGB"


def _bits(path: Source, image: Image.Image) -> int:
    """Bits of a sample in the file, since Pillow gives 8 of some that have more."""
    raw = image.tile[0].args if image.tile else ""
    if image.mode.startswith("I") or ";16" in str(raw) or (image.format == "PPM" and raw[-1] == _MOST_OF_16):
        return 16
    if image.format == "AVIF":
        with path.open("rb") as file:
            return _avif_bits(file.read(_HEAD))
    return image.info.get("bit_depth") or 8  # of a HEIF


def _avif_bits(head: bytes) -> int:
    """Bits by the box "av1C" (AV1-ISOBMFF 1.2, section 2.3)."""
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _metadata(image: Image.Image, with_exif: bool) -> Iterator[str]:
    """One line for each kind of what is written beside the pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is damaged in it was said when it was read
            found = list(_exif(image)) if with_exif else []
        yield from found
    except UNREADABLE_EXIF:  # damaged, which hinders nobody
        yield "EXIF is left out"
    if any(image.info.get(name) for name in ("xmp", "XML:com.adobe.xmp")):
        yield "XMP metadata is left out"
    if image.info.get("comment") or getattr(image, "text", {}).keys() - {"XML:com.adobe.xmp"}:
        yield "its comments are left out"


def _exif(image: Image.Image) -> Iterator[str]:
    exif = image.getexif()
    tags = exif.keys() & _ABOUT if image.format == "TIFF" else exif.keys() - {ExifTags.Base.Orientation}
    if not tags:
        return
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    parts = ["GPS position"] if exif.get_ifd(ExifTags.IFD.GPSInfo) else []
    parts += ["date"] if (exif.keys() | inner.keys()) & _DATES else []
    yield f"EXIF{' with ' * bool(parts)}{' and '.join(parts)} is left out"
