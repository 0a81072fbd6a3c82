"""Reading and writing picture files.

Pictures are read as viewers show them: rotated as EXIF or HEIF says, transparency over white, colours in sRGB. Of a
file with several stills (TIFF pages, stereo pairs) the first is read, of a HEIF the main one; a gain map for HDR
screens, which some phones store beside it, is not applied.
"""

import struct
import warnings

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from stegnet.core.errors import MediaError
from stegnet.core.samples import is_grey, strips
from stegnet.media.opened_file import OpenedFile, Source
from stegnet.media.pictures.profiles import BrokenProfileError, keeps_profile, to_srgb
from stegnet.media.signature import exceeds_scans, is_heic

MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS  # of a picture or a film's frame; Pillow refuses larger ones
PngImagePlugin.MAX_TEXT_CHUNK = (
    32 << 20
)  # bytes of a compressed text or colour profile, of Pillow's 64 MB for all texts
TRANSPARENT = "it can be transparent: composited over white"
# What Pillow raises for damaged files.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error)
# What it raises besides for EXIF of other types than the standard's, or that refers to itself.
UNREADABLE_EXIF = (*UNREADABLE, ArithmeticError, AttributeError, LookupError, TypeError)
_TURNS = {  # by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNSUPPORTED = {"F": "floating-point numbers", "LAB": "CIE L*a*b*", "HSV": "hue, saturation and value"}

_PALETTE_MODES, _MANY_GREYS = {"P", "PA", "1"}, 128  # a palette of more greys is that of a grey picture


_SPREAD = {"L;2": 85, "L;4": 17}  # by Pillow's raw mode of a grey PNG: a level of 8 bits for each of its own
_PAGED = {"TIFF", "HEIF"}
_PREVIEW = 1  # NewSubfileType of a TIFF's page: a picture at lower resolution, as in DNG, NEF and ARW
_MOST_COUNTED = 1000  # pages of a TIFF
_JPEG_FORMATS = {"JPEG", "MPO"}
_MOST_SCANS = 32  # of a progressive JPEG; libjpeg writes 10
# ITU-T H.273: primaries and transfer functions that a HEIF may name instead of a profile.
_WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HDR = {16: "PQ", 18: "HLG"}


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


def refuse_palette(path: Source) -> None:
    """Refuses a cover of few colours, those of its palette or black and white: steps would give it others.

    Raises:
        MediaError: it is one, or as `read_picture`.
    """
    with open_picture(path) as image:
        if image.mode not in _PALETTE_MODES:
            return
        try:
            used = len(image.getcolors(MAX_PIXELS))
        except UNREADABLE as error:
            raise MediaError(f"{path}: the picture is damaged or truncated ({error})") from error
        fits = used > _MANY_GREYS and is_grey(_pixels(image))
    if not fits:
        hint = "take a photograph, or the picture in full colours that it was made from"
        colours = f"{used} colour{'s' * (used > 1)}"
        raise MediaError(f"{path}: has a palette of {colours}, and what is hidden would give it others", hint)


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


def open_picture(path: Source) -> Image.Image:
    """Opens a picture and reads its header, not its pixels.

    Raises:
        MediaError: no such file, or not a picture.
    """
    heic = path.is_file() and is_heic(path)
    if heic:
        from pi_heif import register_heif_opener  # takes 40 ms

        register_heif_opener()
    try:
        with warnings.catch_warnings():
            # Merely a large picture; one that is too large raises an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path.open() if isinstance(path, OpenedFile) else path)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path}: the picture is too large to read", f"at most {MAX_PIXELS} pixels") from error
    except UNREADABLE as error:
        if heic:
            raise MediaError(f"{path}: the HEIC picture is damaged, or of a kind that can't be read") from error
        raise MediaError(f"{path}: not a picture that can be read") from error


def exif_orientation(image: Image.Image) -> int:
    """How EXIF or XMP says that a picture is turned, as EXIF counts; 1, as it is, where they are damaged."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except UNREADABLE_EXIF:
        return 1


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts a picture to RGB, transparency over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _read(path: Source, keep_profile: bool) -> tuple[np.ndarray, bytes | None]:
    with open_picture(path) as image:
        if image.mode in _UNSUPPORTED:
            raise MediaError(f"{path}: its pixels are {_UNSUPPORTED[image.mode]}", "convert it to an RGB picture first")
        if image.format == "TIFF" and image.tag_v2.get(ExifTags.Base.NewSubfileType) == _PREVIEW:
            hint = "a camera's raw file: develop it, and save it as PNG, TIFF or JPEG"
            raise MediaError(f"{path}: its first page is but a preview of {image.width}×{image.height} pixels", hint)
        _check_scans(path, image)
        _warn(path, image)
        try:
            _match_transparent_colour(path, image)
            upright = _to_8_bits(_turned(image))
        except UNREADABLE as error:
            raise MediaError(f"{path}: the picture is damaged or truncated ({error})") from error
    profile = upright.info.get("icc_profile")
    try:
        if profile and keep_profile and keeps_profile(profile, upright.mode):
            return _pixels(upright), profile
        converted = to_srgb(upright, profile) if profile else upright
    except BrokenProfileError as error:
        warnings.warn(f"{path}: its colour profile is ignored ({error})", stacklevel=3)
        converted = upright
    return _pixels(converted), None


def _pixels(image: Image.Image) -> np.ndarray:
    """The pixels of a picture, (H, W, 3) uint8, as `to_rgb`; in parts, which bounds the memory."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(image.height, image.width):
        pixels[rows] = np.asarray(to_rgb(image.crop((0, rows.start, image.width, rows.stop))))
    return pixels


def _warn(path: Source, image: Image.Image) -> None:
    """Warns of what viewers may show of a file and is not read."""
    if image.format in _PAGED and (count := _count_pictures(image)) != "1":
        what = "pages, only the first one" if image.format == "TIFF" else "pictures, only the main one"
        warnings.warn(f"{path}: of its {count} {what} is used", stacklevel=4)
    nclx = image.info.get("nclx_profile") if not image.info.get("icc_profile") else None
    if nclx and (hdr := _HDR.get(nclx["transfer_characteristics"])):
        warnings.warn(f"{path}: its colours are HDR ({hdr}): reduced to 8 bits, not tone-mapped", stacklevel=4)
    elif nclx and (wide := _WIDE_GAMUT.get(nclx["color_primaries"])):
        warnings.warn(f"{path}: its colours are {wide}: treated as sRGB", stacklevel=4)


def _count_pictures(image: Image.Image) -> str:
    """Number of pictures in a file; a TIFF's pages are counted up to a limit, since Pillow must read each of them."""
    if image.format != "TIFF":
        return str(getattr(image, "n_frames", 1))
    pages = 1
    try:
        while pages <= _MOST_COUNTED:
            image.seek(pages)
            pages += 1
    except (*UNREADABLE, TypeError):  # there is no such page, or it is damaged
        pass
    image.seek(0)
    return str(pages) if pages <= _MOST_COUNTED else f"more than {_MOST_COUNTED}"


def _check_scans(path: Source, image: Image.Image) -> None:
    """Refuses a JPEG that is decoded scan by scan, each over all of the picture, without end.

    Raises:
        MediaError: it has too many.
    """
    if image.format in _JPEG_FORMATS and exceeds_scans(path, _MOST_SCANS):
        hint = "save it anew in an image editor, as PNG or as JPEG that is not progressive"
        raise MediaError(f"{path}: the JPEG has more than {_MOST_SCANS} scans: too slow to read", hint)


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
