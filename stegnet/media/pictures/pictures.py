"""Reading and writing picture files.

Pictures are read as viewers show them: rotated as EXIF or HEIF says, transparency over white, colours in sRGB. Of a
file with several stills (TIFF pages, stereo pairs) the first is read, of a HEIF the main one; a gain map for HDR
screens, which some phones store beside it, is not applied.
"""

import io
import itertools
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from stegnet.core.errors import MediaError
from stegnet.core.samples import is_grey, strips
from stegnet.media.signature import exceeds_scans, is_heic

MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS  # of a picture or a film's frame; Pillow refuses larger ones
TRANSPARENT = "it can be transparent: composited over white"
# What Pillow raises for damaged files.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error)
_UNSUPPORTED = {"F": "floating-point numbers", "LAB": "CIE L*a*b*", "HSV": "hue, saturation and value"}

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_GREY_MODES = {"L", "LA", "La", "1"}
_PALETTE_MODES, _MANY_GREYS = {"P", "PA", "1"}, 128  # a palette of more greys is that of a grey picture
_TEST_COLOURS = tuple(itertools.product(range(0, 256, 51), repeat=3))


_PAGED = {"TIFF", "HEIF"}
_MOST_COUNTED = 1000  # pages of a TIFF
_JPEG_FORMATS = {"JPEG", "MPO"}
_MOST_SCANS = 32  # of a progressive JPEG; libjpeg writes 10
# ITU-T H.273: primaries and transfer functions that a HEIF may name instead of a profile.
_WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HDR = {16: "PQ", 18: "HLG"}
# By suffix: Pillow's name of the format, options, and those that keep every bit; None: the format can't.
PICTURE_FORMS: dict[str, tuple[str, dict, dict | None]] = {
    ".png": ("PNG", {}, {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    ".webp": ("WEBP", {"quality": 95}, {"lossless": True}),
    ".avif": ("AVIF", {"quality": 90, "subsampling": "4:4:4", "speed": 8}, None),
}


class _BrokenProfileError(ValueError):
    """A colour profile that can't be read, or doesn't match the picture's colour space."""


def read_picture(path: Path) -> np.ndarray:
    """Reads any picture file as (H, W, 3) uint8, sRGB.

    Grey, palette, CMYK and 16-bit pictures are converted; of an animation, the first frame is read. An embedded
    ICC profile is applied; a broken one is ignored with a warning.

    Raises:
        MediaError: no such file, not a picture, truncated, or in an unsupported colour space.
    """
    return _read(path, keep_profile=False)[0]


def read_cover(path: Path) -> tuple[np.ndarray, bytes | None]:
    """Reads a picture without converting its colours: (H, W, 3) uint8, and its ICC profile.

    Without a valid RGB profile, or one for greys of a grey picture, the pixels are converted to sRGB as by
    `read_picture`, and the profile is None.

    Raises:
        MediaError: as `read_picture`.
    """
    return _read(path, keep_profile=True)


def refuse_palette(path: Path) -> None:
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
    if icc is None or not _is_rgb_profile(icc):
        return picture[..., 0], icc
    return (picture[..., 0], None) if _is_identity(_transform(icc, "RGB")) else (picture, icc)


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
        Image.fromarray(picture).save(path, form, icc_profile=icc, **(exact if lossless else options))
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise MediaError(f"{path}: can't be written ({error.strerror})") from error
        size = f"{picture.shape[1]}×{picture.shape[0]} pixels"  # too large for some formats
        raise MediaError(f"{path}: {size} can't be made {form} ({error})", "name it .png") from error


def check_lossless(path: Path, suffix: str) -> None:
    """Refuses a suffix of PICTURE_FORMS whose format can't keep every bit.

    Raises:
        MediaError: it can't.
    """
    form, _, exact = PICTURE_FORMS[suffix]
    if exact is None:
        raise MediaError(f"{path}: {form} is never lossless", "name it .png or .webp, or let it lose a little")


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


def open_picture(path: Path) -> Image.Image:
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
            return Image.open(path)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path}: the picture is too large to read", f"at most {MAX_PIXELS} pixels") from error
    except UNREADABLE as error:
        if heic:
            raise MediaError(f"{path}: the HEIC picture is damaged, or of a kind that can't be read") from error
        raise MediaError(f"{path}: not a picture that can be read") from error


def keeps_profile(profile: bytes, mode: str) -> bool:
    """True if a cover of this mode keeps its colour profile: its samples, as red, green and blue, mean the same.

    Raises _BrokenProfileError for a broken one.
    """
    space = _parse_profile(profile).profile.xcolor_space
    return mode != "CMYK" and (space == "RGB " or (space == "GRAY" and mode in _GREY_MODES))


def changes_colours(profile: bytes, mode: str) -> bool:
    """True if a colour profile shows pixels of a mode as others than sRGB does; False for a broken one."""
    try:
        read_as = _profile_mode(mode, profile)
        return read_as != "RGB" or not _is_identity(_transform(profile, read_as))
    except _BrokenProfileError:
        return False


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts a picture to RGB, transparency over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _read(path: Path, keep_profile: bool) -> tuple[np.ndarray, bytes | None]:
    with open_picture(path) as image:
        if image.mode in _UNSUPPORTED:
            raise MediaError(f"{path}: its pixels are {_UNSUPPORTED[image.mode]}", "convert it to an RGB picture first")
        _check_scans(path, image)
        _warn(path, image)
        try:
            ImageOps.exif_transpose(image, in_place=True)
            upright = _to_8_bits(image)
        except UNREADABLE as error:
            raise MediaError(f"{path}: the picture is damaged or truncated ({error})") from error
    profile = upright.info.get("icc_profile")
    try:
        if profile and keep_profile and keeps_profile(profile, upright.mode):
            return _pixels(upright), profile
        converted = _to_srgb(upright, profile) if profile else upright
    except _BrokenProfileError as error:
        warnings.warn(f"{path}: its colour profile is ignored ({error})", stacklevel=3)
        converted = upright
    return _pixels(converted), None


def _pixels(image: Image.Image) -> np.ndarray:
    """The pixels of a picture, (H, W, 3) uint8, as `to_rgb`; in parts, which bounds the memory."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(image.height, image.width):
        pixels[rows] = np.asarray(to_rgb(image.crop((0, rows.start, image.width, rows.stop))))
    return pixels


def _warn(path: Path, image: Image.Image) -> None:
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
    except UNREADABLE:  # there is no such page, or it is damaged
        pass
    image.seek(0)
    return str(pages) if pages <= _MOST_COUNTED else f"more than {_MOST_COUNTED}"


def _check_scans(path: Path, image: Image.Image) -> None:
    """Refuses a JPEG that is decoded scan by scan, each over all of the picture, without end.

    Raises:
        MediaError: it has too many.
    """
    if image.format in _JPEG_FORMATS and exceeds_scans(path, _MOST_SCANS):
        hint = "save it anew in an image editor, as PNG or as JPEG that is not progressive"
        raise MediaError(f"{path}: the JPEG has more than {_MOST_SCANS} scans: too slow to read", hint)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Rounds 16-bit grey (which Pillow sometimes stores in 32 bits) to 8 bits; other pictures stay as they are."""
    if not image.mode.startswith("I"):
        image.load()
        return image
    levels = np.asarray(image).astype(np.int64).clip(0, 65535)
    rounded = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    rounded.info = image.info
    return rounded


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts a picture from its ICC profile to sRGB: relative colorimetric, with black point compensation.

    A profile that changes no colour by more than one level is sRGB under another name: the picture stays as it is.

    Args:
        image: 8 bits per sample: RGB, grey, palette or CMYK; transparency is kept.
    Raises:
        _BrokenProfileError: the profile can't be read, or doesn't match the picture's colour space.
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
        raise _BrokenProfileError(str(error)) from error


def _parse_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise _BrokenProfileError(str(error)) from error


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if the transform changes no colour by more than one level."""
    colours = np.array(_TEST_COLOURS, np.uint8)[None]
    converted = np.array(ImageCms.applyTransform(Image.fromarray(colours), transform))
    return np.abs(converted.astype(int) - colours).max() <= 1
