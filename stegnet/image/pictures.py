"""Pictures: read, written and resized, and their ICC profiles.

Pictures are read as viewers show them: rotated as EXIF or HEIF says, transparency over white, colours in sRGB. Of a
file with several stills (TIFF pages, stereo pairs) the first is read, of a HEIF the main one; a gain map for HDR
screens, which some phones store beside it, is not applied.
"""

import io
import itertools
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from stegnet.core.disk import unwritable
from stegnet.core.errors import MediaError
from stegnet.core.names import PICTURE, counted, shown_size
from stegnet.core.pixels import is_grey, strips
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import OpenedFile, Source, is_quiet
from stegnet.formats.png import LIBPNG_DEFLATE, LIBPNG_FILTERS, PngForm, chunks_of, profile_chunk
from stegnet.formats.signatures import Form, form_of, unknown_form
from stegnet.image.jpeg_markers import parse_jpeg, refuse_excess, refuse_many_scans

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_GREY_MODES = {"L", "LA", "La", "1"}
_TEST_COLOURS = tuple(itertools.product(range(0, 256, 51), repeat=3))
MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS  # of a picture or a film's frame; Pillow refuses larger ones
PngImagePlugin.MAX_TEXT_CHUNK = 32 << 20  # bytes of a compressed text or profile, of Pillow's 64 MB for all texts
TRANSPARENT = "it can be transparent: composited over white"
# What Pillow raises for damaged files, by its own checks or where it makes none.
UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error, zlib.error),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError),
)
_AGAIN = "copy it again from its source, or convert it to PNG"
_TURNS = {  # by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BACK = {  # of those that are not their own inverses
    Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
    Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
}
METADATA = ("EXIF", "XMP metadata", "its comments")  # begin lines on what is written beside the pixels
_UNSUPPORTED = {"F": "floating-point numbers", "LAB": "CIE L*a*b*", "HSV": "hue, saturation and value"}
_PALETTE_MODES, _MANY_GREYS = {"P", "PA", "1"}, 128  # a palette of more greys is that of a grey picture
_SPREAD = {"L;2": 85, "L;4": 17}  # by Pillow's raw mode of a grey PNG: a level of 8 bits for each of its own
_PAGED = {"TIFF", "HEIF"}
_PREVIEW = 1  # NewSubfileType of a TIFF's page: a picture at lower resolution, as in DNG, NEF and ARW
_LOSSY_IN_TIFF = {6, 7, 50001}  # by its tag Compression: JPEG of TIFF 6.0 and of its Technical Note 2, libtiff's WebP
_LEAST_WITHOUT_LOSS = 8  # times smaller than its samples: no photograph is made so by JPEG 2000
_MOST_COUNTED = 1000  # pages of a TIFF
# SubIFDs, CFAPattern and DNGVersion (TIFF/EP; DNG 1.7), of raw files, and Adobe's ImageSourceData.
_RAW_TAGS, _PHOTOSHOP_LAYERS = {330, 33422, 50706}, 37724
_JPEG_FORMATS = {"JPEG", "MPO"}
_READ_WHOLE, _MOST_BYTES = {"WebP", "AVIF", "HEIC"}, 512 << 20  # forms whose libraries get all bytes at once
_SAMPLES_OF_PNG, _MOST_BESIDE_PNG = {"IDAT", "fdAT"}, 64 << 20  # chunks, and bytes of the others
# ITU-T H.273: primaries and transfer functions that films have, and a HEIF may name instead of a profile.
WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
HDR = {16: "PQ", 18: "HLG"}
# By suffix: Pillow's name of the format, options, and those that keep every bit; None: the format can't.
PICTURE_FORMS: dict[str, tuple[str, dict, dict | None]] = {
    ".png": ("PNG", {}, {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".webp": ("WEBP", {"quality": 95}, {"lossless": True}),
    ".avif": ("AVIF", {"quality": 90, "subsampling": "4:4:4", "speed": 8}, None),
}
_SAMPLE, _LARGER = 32, 1.1  # rows that are compressed both ways, and by how much larger a file may get
_XMP_LATITUDE = b"GPSLatitude"  # XMP, part 2, section 3.3: the namespace exif
_LOBES = 3  # of the Lanczos filter
SMOOTHNESS, SMOOTHEST = 0.002, 0.03  # s for an error of one level, as it grows with its square; and at most
_AT_ONCE, _MARGIN = 128, 32  # pixels that are solved for at once, and on either side of them
_MOST_OF_16 = (1 << 16) - 1
_HEAD = 1 << 16  # bytes, in which an AVIF says how many bits it has
_DATES = {ExifTags.Base.DateTime, ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized}
# Of a TIFF's tags, those that are not about its pixels.
_ABOUT = _DATES | {
    *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model),
    *(ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo),
}


class BrokenProfileError(ValueError):
    """A colour profile that can't be read, or doesn't match the picture's colour space."""


def _keeps_profile(profile: bytes, mode: str) -> bool:
    """True if a cover of this mode keeps its colour profile, BrokenProfileError if that is broken.

    Its samples, as red, green and blue, then mean the same.
    """
    space = _parse_profile(profile).profile.xcolor_space
    _transform(profile, _profile_mode(mode, profile))  # which some that can be parsed don't give
    return mode != "CMYK" and (space == "RGB " or (space == "GRAY" and mode in _GREY_MODES))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts a picture from its ICC profile to sRGB: relative colorimetric, with black point compensation.

    A profile that changes no colour by more than one level is sRGB under another name: the picture stays as it is.
    """
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image.convert(_profile_mode(image.mode, profile))
    transform = _transform(profile, plain.mode)
    if plain.mode == "RGB" and _is_identity(transform):
        return image
    converted = ImageCms.applyTransform(plain, transform)
    if alpha:
        converted.putalpha(alpha)
    return converted


def _is_rgb_profile(profile: bytes) -> bool:
    return _parse_profile(profile).profile.xcolor_space == "RGB "


def _profile_mode(mode: str, profile: bytes) -> str:
    """Pillow's mode of the profile's input; grey pictures often have an RGB profile."""
    if mode == "CMYK":
        return "CMYK"
    return "L" if mode in _GREY_MODES and not _is_rgb_profile(profile) else "RGB"


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    try:
        return ImageCms.buildTransform(_parse_profile(profile), _SRGB, mode, "RGB", _INTENT, _FLAGS)
    except ImageCms.PyCMSError as error:
        raise BrokenProfileError(str(error)) from error


def _parse_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise BrokenProfileError(str(error)) from error


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if the transform changes no colour by more than one level."""
    colours = np.array(_TEST_COLOURS, np.uint8)[None]
    converted = np.array(ImageCms.applyTransform(Image.fromarray(colours), transform))
    return np.abs(converted.astype(int) - colours).max() <= 1


def read_picture(path: Source) -> np.ndarray:
    """Reads any picture file as (H, W, 3) uint8, sRGB.

    Grey, palette, CMYK and 16-bit pictures are converted; of an animation, the first frame is read. An embedded
    ICC profile is applied; a broken one is ignored with a warning.

    Raises:
        MediaError: no such file, not a picture, truncated, or in an unsupported colour space.
    """
    return _read(path, keep_profile=False)[0]


def read_cover(path: Source) -> tuple[np.ndarray, bytes | None]:
    """Reads a picture without converting its colours: (H, W, 3) uint8, and its ICC profile.

    Without a valid RGB profile, or one for greys of a grey picture, the pixels are converted to sRGB as by
    `read_picture`, and the profile is None.

    Raises:
        MediaError: as `read_picture`.
    """
    return _read(path, keep_profile=True)


def read_cover_and_notes(path: Source, layers: bool = False) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """Reads a picture, decoded once, as `read_cover`, or its layers, (H, W, 4); and its `picture_notes`."""
    notes: list[str] = []
    return *_read(path, keep_profile=True, notes=notes, layers=layers), tuple(notes)


def has_layers(path: Source) -> bool:
    """True if a picture can be transparent, and has no palette."""
    with open_picture(path) as image:
        return image.has_transparency_data and image.mode not in _PALETTE_MODES


def refuse_palette(path: Source) -> None:
    """Refuses, by a MediaError, a cover of few colours, of a palette or black and white: steps would give it others."""
    with open_picture(path) as image:
        if image.mode not in _PALETTE_MODES:
            return
        used = len(image.getcolors(MAX_PIXELS))
        fits = used > _MANY_GREYS and is_grey(pixels_of(image))
    if not fits:
        hint = "use a photograph, or the picture in full colours that it was made from"
        colours = counted(used, "colour")
        raise MediaError(f"has a palette of {colours}, and what is hidden would give it others", hint, subject=path)


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes (H, W, 3) uint8 to (height, width, 3) by a Lanczos filter, antialiased when it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """Reduces (H, W, 3) uint8 so that neither side has more pixels than this."""
    height, width = picture.shape[:2]
    factor = min(1.0, side / max(height, width))
    return resize(picture, max(1, round(factor * height)), max(1, round(factor * width)))


@contextmanager
def open_picture(path: Source) -> Iterator[Image.Image]:
    """Opens a picture of a form that is known for the block, and reads its header, not its pixels.

    Raises:
        MediaError: there is none, it is no picture, or one of a rare kind, or what is read in the block is damaged.
    """
    with _too_large(path), _opened(path) as image:
        # Pillow reads as many bytes as lie between two strips of a TIFF, however many these are said to be.
        if image.format == "TIFF" and any(tile.offset > path.stat().st_size for tile in image.tile):
            raise MediaError("the TIFF is truncated: its samples are said to be behind its end", _AGAIN, subject=path)
        try:
            yield image
        except UNREADABLE as error:
            said = " ".join(str(error).split())  # some libraries say it in several lines
            reason = f" ({said})" if said else ""
            raise MediaError(f"the picture is damaged or truncated{reason}", _AGAIN, subject=path) from error


@contextmanager
def _too_large(path: Source) -> Iterator[None]:
    """Turns Pillow's error for too many pixels, in a picture's header or in one of its frames, into a MediaError."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise MediaError("the picture is too large to read", f"at most {MAX_PIXELS} pixels", subject=path) from error


def refuse_large(path: Source, form: Form) -> None:
    """Refuses, by a MediaError, a picture's file of far more bytes than it needs, where all of them would be read."""
    if form.name == "JPEG":
        refuse_excess(path)
    elif form.name == "PNG":
        _refuse_rare_png(path)
    elif (length := path.stat().st_size) > _MOST_BYTES and form.name in _READ_WHOLE:
        hint = "save the picture alone in an image editor"
        raise MediaError(f"the picture's file has {shown_size(length)}: too large to read", hint, subject=path)


def _refuse_rare_png(path: Source) -> None:
    """Refuses, by a MediaError, a PNG with large chunks beside its samples, which Pillow reads, or of Apple's kind."""
    size, beside = path.stat().st_size, 0
    for chunk in chunks_of(path):
        if chunk.length > size:
            reason = "a chunk says that it is longer than the file"
            raise MediaError(f"the PNG is damaged or truncated ({reason})", _AGAIN, subject=path)
        if chunk.kind == "CgBI":
            hint = "open it on a Mac or iPhone, and export it as PNG"
            raise MediaError("is a PNG of Apple's own kind (CgBI), which other programs can't read", hint, subject=path)
        beside += 0 if chunk.kind in _SAMPLES_OF_PNG else chunk.length
    if beside > _MOST_BESIDE_PNG:
        hint = "save the picture alone in an image editor"
        raise MediaError(f"the PNG has {shown_size(beside)} beside its picture: too many to keep", hint, subject=path)


def _opened(path: Source) -> Image.Image:
    if not path.is_file():
        raise MediaError("not a file" if path.exists() else "no such file", subject=path)
    form = form_of(path)
    if form is None:
        raise unknown_form(path)
    if form.kind != PICTURE:
        raise MediaError(f"is {form.name}, and not a picture", subject=path)
    refuse_large(path, form)
    if form.reader == "HEIF":
        from pi_heif import register_heif_opener  # takes 40 ms

        register_heif_opener()
    try:
        with warnings.catch_warnings():
            # Merely a large picture; one that is too large raises an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # A damaged tag, or list of views or frames: the first picture is read, as by viewers.
            warnings.simplefilter("ignore", UserWarning)
            return Image.open(path.open() if isinstance(path, OpenedFile) else path, formats=[form.reader])
    except UNREADABLE as error:
        if form.name == "JPEG":
            parse_jpeg(path.read_bytes(), str(path))  # which says what is rare about it
        what = f"the {form.name} picture is damaged, or of a kind that can't be read"
        raise MediaError(what, _AGAIN, subject=path) from error


def is_lossy_tiff(image: Image.Image) -> bool:
    """True if an opened picture is a TIFF whose first page is compressed as JPEG or WebP."""
    return image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.Compression) in _LOSSY_IN_TIFF


def is_lossy_jpeg_2000(path: Source, image: Image.Image) -> bool:
    """True if an opened picture is a JPEG 2000 that was compressed with loss.

    Its wavelet is the irreversible one then (ITU-T T.800, table A.20), or a part of the reversible one was left out.
    """
    if image.format != "JPEG2000":
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, io.SEEK_END)
    place = head.find(b"\xff\x4f\xff\x51") + 2  # behind SOC, which begins the stream
    while place < len(head) and head[place : place + 2] != b"\xff\x52":  # COD
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    irreversible = head[place + 13 : place + 14] == b"\0"
    return irreversible or _LEAST_WITHOUT_LOSS * size < image.width * image.height * len(image.getbands())


def picture_has_position(path: Source) -> bool:
    """True if a picture's EXIF or XMP says where it was taken. Errors as `open_picture`."""
    with open_picture(path) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is damaged in it was said when it was read
        try:
            position = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        except UNREADABLE:
            position = {}
        packets = [image.info.get(name) or b"" for name in ("xmp", "XML:com.adobe.xmp")]
    in_xmp = any(_XMP_LATITUDE in (each.encode() if isinstance(each, str) else each) for each in packets)
    return ExifTags.GPS.GPSLatitude in position or in_xmp


def lost_by_pixels(path: Source) -> str:
    """Name the content of a picture's file besides one picture of 8-bit colours; "": none but metadata.

    Raises:
        MediaError: it can't be read.
    """
    with open_picture(path) as image:
        if image.format == "TIFF" and image.tag_v2.keys() & _RAW_TAGS:
            return "a camera's raw data"
        if image.format == "PSD" or (image.format == "TIFF" and _PHOTOSHOP_LAYERS in image.tag_v2):
            return "its layers"
        if image.format in _PAGED and (count := _count_pictures(image)) != "1":
            return f"all but one of its {count} {'pages' if image.format == 'TIFF' else 'pictures'}"
        if image.mode in _UNSUPPORTED:
            return f"its pixels, which are {_UNSUPPORTED[image.mode]}"
        if (bits := _bits(path, image)) > 8:
            return f"its {bits} bits per sample"
        seen_through = image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255
    return "its transparency" if seen_through else ""


def exif_orientation(image: Image.Image) -> int:
    """Orientation of a picture by EXIF or XMP, as EXIF counts; 1, upright, where they are damaged."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except UNREADABLE:
        return 1


def over_white(image: Image.Image) -> Image.Image:
    """Converts a picture to RGB, transparency over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _read(
    path: Source, keep_profile: bool, notes: list[str] | None = None, layers: bool = False
) -> tuple[np.ndarray, bytes | None]:
    """Reads a picture as `read_cover`, or converted to sRGB; adds lines to `notes`. With `layers`, (H, W, 4)."""
    with open_picture(path) as image:
        shown, profile = _shown(path, image, keep_profile, notes)
        return pixels_of(shown, layers), profile


def has_pixels(path: Source, pixels: np.ndarray) -> bool:
    """Return whether `read_cover` gives these pixels, (H, W, 3) uint8; it takes less memory."""
    with open_picture(path) as image:
        shown, _ = _shown(path, image, keep_profile=True)
        if (shown.height, shown.width) != pixels.shape[:2]:
            return False
        return all(np.array_equal(part, pixels[rows]) for rows, part in _strips_of(shown))


def _shown(
    path: Source, image: Image.Image, keep_profile: bool, notes: list[str] | None = None
) -> tuple[Image.Image, bytes | None]:
    """Decode an opened picture as viewers show it, and return its ICC profile; arguments as of `_read`."""
    if image.mode in _UNSUPPORTED:
        raise MediaError(
            f"its pixels are {_UNSUPPORTED[image.mode]}", "convert it to an RGB picture first", subject=path
        )
    if image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.NewSubfileType) == _PREVIEW:
        hint = "a camera's raw file: develop it, and save it as PNG, TIFF or JPEG"
        problem = f"its first page is but a preview of {image.width}×{image.height} pixels"
        raise MediaError(problem, hint, subject=path)
    if image.format in _JPEG_FORMATS:
        refuse_many_scans(path)
    if not is_quiet(path):
        _warn(path, image)
    if notes is not None:
        notes += _pixel_notes(path, image, secret=False)
    _match_transparent_colour(path, image)
    if notes is not None:
        notes += _metadata(image)
    upright = _to_8_bits(_turned(image))
    profile = upright.info.get("icc_profile")
    try:
        if profile and keep_profile and _keeps_profile(profile, upright.mode):
            return upright, profile
        return (_to_srgb(upright, profile) if profile else upright), None
    except BrokenProfileError as error:
        if not is_quiet(path):
            warnings.warn(f"{path}: its colour profile is ignored ({error})", stacklevel=4)
        return upright, None


def pixels_of(image: Image.Image, layers: bool = False) -> np.ndarray:
    """The pixels of a picture, (H, W, 3) uint8, as `over_white`, or its layers; in parts, which bounds the memory."""
    pixels = np.empty((image.height, image.width, 4 if layers else 3), np.uint8)
    for rows, part in _strips_of(image, layers):
        pixels[rows] = part
    return pixels


def _strips_of(image: Image.Image, layers: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some rows of a picture after the other, and their pixels, as `pixels_of`."""
    for rows in strips(image.height, image.width):
        part = image.crop((0, rows.start, image.width, rows.stop))
        yield rows, np.asarray(part.convert("RGBA") if layers else over_white(part))


def _warn(path: Source, image: Image.Image) -> None:
    """Warns of what viewers may show of a file and is not read."""
    if image.format in _PAGED and (count := _count_pictures(image)) != "1":
        what = "pages, only the first one" if image.format == "TIFF" else "pictures, only the main one"
        warnings.warn(f"{path}: of its {count} {what} is used", stacklevel=5)
    nclx = image.info.get("nclx_profile") if not image.info.get("icc_profile") else None
    if nclx and (hdr := HDR.get(nclx["transfer_characteristics"])):
        warnings.warn(f"{path}: its colours are HDR ({hdr}): reduced to 8 bits, not tone-mapped", stacklevel=5)
    elif nclx and (wide := WIDE_GAMUT.get(nclx["color_primaries"])):
        warnings.warn(f"{path}: its colours are {wide}: treated as sRGB", stacklevel=5)


def _count_pictures(image: Image.Image) -> str:
    """Number of pictures in a file; a TIFF's pages are counted up to a limit, since Pillow must read each of them."""
    if image.format != "TIFF":
        return str(getattr(image, "n_frames", 1))
    pages = 1
    try:
        while pages <= _MOST_COUNTED:
            image.seek(pages)
            pages += 1
    except UNREADABLE:  # there is no such page, or it is damaged
        pass
    image.seek(0)
    return str(pages) if pages <= _MOST_COUNTED else f"more than {_MOST_COUNTED}"


def _match_transparent_colour(path: Source, image: Image.Image) -> None:
    """Finds a PNG's one transparent colour in the samples that Pillow gives, which it leaves in those of the file.

    Of 16 bits and colours, Pillow keeps the high bytes, to which the low ones are read; 16-bit grey follows later.
    """
    colour, raw = image.info.get("transparency"), image.tile[0].args if image.tile else ""
    if image.format != "PNG" or colour is None:
        return
    if raw in _SPREAD:
        image.info["transparency"] = _SPREAD[raw] * colour
    elif raw == "RGB;16B":
        with open_picture(path) as low:
            low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
            opaque = (np.asarray(image) != np.array(colour) >> 8) | (np.asarray(low) != np.array(colour) & 255)
        del image.info["transparency"]
        image.putalpha(_as_alpha(opaque.any(-1)))


def _as_alpha(opaque: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(opaque, np.uint8(255), np.uint8(0)))


def _turned(image: Image.Image) -> Image.Image:
    """A picture upright. Its EXIF is not written anew, as ImageOps.exif_transpose does: some can't be."""
    image.load()  # a TIFF is turned by this
    turn = _TURNS.get(exif_orientation(image))
    if turn is None:
        return image
    upright = image.transpose(turn)
    image.close()  # which frees its pixels
    return upright


def orientation_of(path: Source) -> int:
    """Orientation of a picture, as `exif_orientation`; errors as `open_picture`."""
    with open_picture(path) as image:
        return exif_orientation(image)


def turned_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an upright picture, (H, W, channels) uint8, as the file has it that is shown by this orientation."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return pixels
    back = _BACK.get(turn, turn)
    return np.asarray(Image.fromarray(pixels).transpose(back))


def converts_colours(path: Source) -> bool:
    """True if a picture's ICC profile is not kept: its colours are converted to sRGB; errors as `open_picture`."""
    with open_picture(path) as image:
        try:
            return not _keeps_profile(image.info["icc_profile"], image.mode)
        except BrokenProfileError:
            return False


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Rounds 16-bit grey (which Pillow sometimes stores in 32 bits) to 8 bits; other pictures stay as they are."""
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image).astype(np.int64).clip(0, 65535)
    rounded = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    rounded.info = dict(image.info)
    colour = rounded.info.pop("transparency", None)
    if colour is not None:
        rounded.putalpha(_as_alpha(levels != colour))
    return rounded


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write it anew; MediaError if it can't be written."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise unwritable(path, error) from error


def write_png(path: Path, picture: np.ndarray, icc: bytes | None = None, *, smallest: bool = False) -> None:
    """Writes a PNG of (H, W, 3) or (H, W, 4) uint8 as OpenCV does, whatever the path's suffix, with an ICC profile.

    The same input gives the same bytes. A grey picture is stored as grey; without a profile, colours are sRGB.

    Args:
        smallest: as libpng does by default, if that is much smaller, as of drawings.

    Raises:
        MediaError: the file can't be written.
    """
    stored, profile = as_stored(picture[..., :3], icc)
    samples = stored if picture.shape[2] == 3 else np.dstack([stored, picture[..., 3]])
    form = PngForm(profile=profile_chunk(profile) if profile else b"")
    if smallest:
        other = replace(form, filters=LIBPNG_FILTERS, deflate=LIBPNG_DEFLATE)
        top = max(0, len(samples) - _SAMPLE) // 2
        own, others = (_written_bytes(each, samples[top : top + _SAMPLE]) for each in (form, other))
        form = form if own <= _LARGER * others else other
    with writing(path) as file:
        form.write(file, samples)


def _written_bytes(form: PngForm, samples: np.ndarray) -> int:
    form.write(file := io.BytesIO(), samples)
    return file.tell()


def as_stored(picture: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """Pixels to store of a picture in a file that can be grey: (H, W, 3), or (H, W) of a grey one; and its ICC profile.

    A grey file can't have an RGB profile: that of sRGB is left out, with any other the picture is stored as RGB.
    """
    if not is_grey(picture):
        return picture, icc
    if icc is None or not _is_rgb_profile(icc):
        return picture[..., 0], icc
    return (picture[..., 0], None) if _is_identity(_transform(icc, "RGB")) else (picture, icc)


def save_picture(
    path: Path, picture: np.ndarray, suffix: str, icc: bytes | None = None, *, lossless: bool = False
) -> None:
    """Writes a picture in the format of a suffix, whatever the path's: hardly different from the original, or equal.

    The picture is (H, W, 3) uint8, the suffix one of PICTURE_FORMS, and the ICC profile None for sRGB.

    Raises:
        MediaError: the format can't, or the file can't be written.
    """
    form, options, exact = PICTURE_FORMS[suffix]
    if form == "PNG":
        write_png(path, picture, icc, smallest=True)
        return
    if lossless:
        check_lossless(path, suffix)
    try:
        Image.fromarray(picture).save(path, form, icc_profile=icc, **(exact if lossless else options))
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise unwritable(path, error) from error
        size = f"{picture.shape[1]}×{picture.shape[0]} pixels"  # too large for some formats
        raise MediaError(f"{size} can't be made {form} ({error})", "name it .png", subject=path) from error


def check_lossless(path: Path, suffix: str) -> None:
    """Refuses, by a MediaError, a suffix of PICTURE_FORMS whose format can't keep every bit."""
    form, _, exact = PICTURE_FORMS[suffix]
    if exact is None:
        raise MediaError(
            f"{form} is never lossless",
            Text("name it .png or .webp, or omit ", Setting("lossless", True)),
            subject=path,
        )


def unresize(picture: np.ndarray, height: int, width: int, noise: float) -> np.ndarray:
    """The picture, (height, width, 3) uint8, of which `resize` made one of (H, W, 3) uint8; reduced sides are enlarged.

    The noise, not 0, is the root mean square of the error that `picture` may have at most, in levels.
    """
    rows, cols = picture.shape[:2]
    if height >= rows and width >= cols:
        return resize(picture, height, width)
    picture = resize(picture, max(rows, height), max(cols, width))  # along the sides that were reduced
    smooth = min(2.0 ** round(math.log2(SMOOTHNESS * noise**2)), SMOOTHEST)  # in steps: few matrices for a film
    restored = np.empty((height, width, 3), np.uint8)
    for channel in range(3):  # one after the other, for large pictures take much memory
        plane = _along_columns(picture[..., channel].astype(np.float32), height, smooth)
        plane = _along_columns(plane.T, width, smooth).T
        restored[..., channel] = np.rint(plane).clip(0, 255)
    return restored


def _along_columns(plane: np.ndarray, length: int, smooth: float) -> np.ndarray:
    """(m, …) to (length, …) float32; length ≤ m."""
    if len(plane) == length:
        return plane
    return np.concatenate([matrix @ plane[rows] for rows, matrix in _inverse(length, len(plane), smooth)])


@lru_cache(maxsize=16)  # the sides of a film's frames, for some errors of their bases
def _inverse(length: int, enlarged: int, smooth: float) -> list[tuple[slice, np.ndarray]]:
    """The inverse by blocks of its rows: for each, the samples that it reads, and its float32 matrix."""
    blocks = []
    for first in range(0, length, _AT_ONCE):
        end = min(first + _AT_ONCE, length)
        low, high = max(first - _MARGIN, 0), min(end + _MARGIN, length)
        rows = slice(low * enlarged // length, -(-high * enlarged // length))
        weights = _weights(length, enlarged, rows, slice(low, high))
        differences = np.diff(np.eye(high - low), axis=0)
        solved = np.linalg.solve(weights.T @ weights + smooth * differences.T @ differences, weights.T)
        blocks.append((rows, solved[first - low : end - low].astype(np.float32)))
    return blocks


def _weights(length: int, enlarged: int, rows: slice, cols: slice) -> np.ndarray:
    """A part of R, as Pillow computes it, (rows, cols) float64."""
    centres = (np.arange(rows.start, rows.stop) + 0.5) * length / enlarged
    first = max(cols.start - _LOBES, 0)  # with all that a row weighs
    away = np.arange(first, min(cols.stop + _LOBES, length)) + 0.5 - centres[:, None]
    weights = np.sinc(away) * np.sinc(away / _LOBES) * (np.abs(away) < _LOBES)
    return (weights / weights.sum(1, keepdims=True))[:, cols.start - first : cols.stop - first]


def picture_notes(path: Source, *, secret: bool = False) -> tuple[str, ...]:
    """One line for each thing that a picture, which can be read, is read without, or converted from.

    The colours of a secret are converted to sRGB; a cover keeps its colour profile, and grey stays grey.
    """
    with open_picture(path) as image:
        return (*_pixel_notes(path, image, secret), *_metadata(image))


def _pixel_notes(path: Source, image: Image.Image, secret: bool) -> Iterator[str]:
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
    if profile:
        with suppress(BrokenProfileError):  # which is ignored
            read_as = _profile_mode(mode, profile)
            transform = _transform(profile, read_as)
            changes = read_as != "RGB" or not _is_identity(transform)
            if changes and (secret or not _keeps_profile(profile, mode)):
                yield "its colour profile is left out: its colours are converted to sRGB"


def _bits(path: Source, image: Image.Image) -> int:
    """Bits of a sample in the file, since Pillow gives 8 of some that have more."""
    if image.format == "HEIF":
        return image.info["bit_depth"]
    raw = image.tile[0].args if image.tile else ""
    if image.mode.startswith("I") or ";16" in str(raw) or (image.format == "PPM" and raw[-1] == _MOST_OF_16):
        return 16
    if image.format == "AVIF":  # by its box "av1C" (AV1-ISOBMFF 1.2, section 2.3)
        with path.open("rb") as file:
            head = file.read(_HEAD)
        at = head.find(b"av1C")
        flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    return 8


def _metadata(image: Image.Image) -> Iterator[str]:
    """One line for each kind of what is written beside the pixels."""
    if image.format == "PNG":
        image.load()  # before what is written behind its pixels can be read
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is damaged in it was said when it was read
            found = list(_exif(image))
        yield from found
    except UNREADABLE:  # damaged, which hinders nobody
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
    yield f"EXIF with {' and '.join(parts)} is left out" if parts else "EXIF is left out"
