"""Pictures: read, written and resized, with notes on all that is left out.

Pictures are read as viewers show them: rotated as EXIF or HEIF says, transparency over white, colours in sRGB. Of a
file with several stills (TIFF pages, stereo pairs) the first is read, of a HEIF the main one; a gain map for HDR
screens, which some phones store beside it, is not applied.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageFile, PngImagePlugin
from PIL.TiffImagePlugin import TiffImageFile

from stegnet.core.disk import unwritable
from stegnet.core.errors import MediaError
from stegnet.core.names import PICTURE, counted, shown_size
from stegnet.core.pixels import check_reading, is_grey, strips
from stegnet.core.process_settings import Borrowed
from stegnet.core.text import LOSS, Setting, Text
from stegnet.formats.opened_file import OpenedFile, Source, is_quiet
from stegnet.formats.signatures import Form, form_of, suffixes_of, unknown_form
from stegnet.image.colour_profiles import BrokenProfileError, changes_colours, is_rgb_profile, keeps_profile, to_srgb
from stegnet.image.stated_colours import stated_colours
from stegnet.jpeg.markers import parse_jpeg, refuse_excess, refuse_many_scans
from stegnet.png.file import LIBPNG_DEFLATE, LIBPNG_FILTERS, PngForm, open_png, profile_chunk

MAX_PIXELS = 2 * 89_478_485  # of a picture or a film's frame; Pillow refuses larger ones (Image.MAX_IMAGE_PIXELS)
TRANSPARENT = Text("it can be transparent: composited over white", kind=LOSS)
# Errors that Pillow raises for damaged files, by its checks or for lack of one.
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
_HDR_NOTE = "its colours are HDR"  # beginning of a note
# Beginnings of notes on what a container in the form of its cover keeps, metadata first.
KEPT_IN_FORM = ("EXIF", "XMP metadata", "its comments", _HDR_NOTE)
_UNSUPPORTED = {"F": "floating-point numbers", "LAB": "CIE L*a*b*", "HSV": "hue, saturation and value"}
_PALETTE_MODES = {"P", "PA", "1"}
_PAGED = {"TIFF", "HEIF"}
_JPEGS = {"JPEG", "MPO"}


@dataclass(frozen=True)
class PictureForm:
    """Format in which a picture is written.

    Attributes:
        name: Pillow's name of the format.
        options: Pillow's options, for a picture that hardly differs from the original.
        lossless: Pillow's options that keep every bit; None: the format can't.
    """

    name: str
    options: dict[str, object]
    lossless: dict[str, object] | None

    def lossless_options(self, path: Path) -> dict[str, object]:
        """Return Pillow's options that keep every bit. Raises MediaError, which names `path`, if it has none."""
        if self.lossless is None:
            hint = Text("name it .png or .webp, or omit ", Setting("lossless", True))
            raise MediaError(f"{self.name} is never lossless", hint, subject=path)
        return self.lossless


_SAVED = (
    PictureForm("PNG", {}, {}),
    PictureForm("JPEG", {"quality": 95, "subsampling": "4:4:4"}, None),
    PictureForm("WEBP", {"quality": 95}, {"lossless": True}),
    PictureForm("AVIF", {"quality": 90, "subsampling": "4:4:4", "speed": 8}, None),
)
PICTURE_FORMS = {suffix: form for form in _SAVED for suffix in suffixes_of(form.name)}


def read_picture(path: Source) -> np.ndarray:
    """Read any picture file as (H, W, 3) uint8, sRGB.

    Grey, palette, CMYK and 16-bit pictures are converted; of an animation, the first frame is read. An embedded
    ICC profile is applied, and so are colours that the file states otherwise; a broken profile is ignored with a
    warning.

    Raises:
        MediaError: no such file, not a picture, truncated, or in an unsupported colour space.
    """
    return _read(path, keep_profile=False)[0]


def read_cover(path: Source) -> tuple[np.ndarray, bytes | None]:
    """Read a picture without converting its colours: return (H, W, 3) uint8 and its ICC profile.

    A valid RGB profile is kept, and a grey one of a grey picture. With any other, or none, the pixels are converted to
    sRGB as by `read_picture`, and the profile is None.

    Raises:
        MediaError: as `read_picture`.
    """
    return _read(path, keep_profile=True)


class ReadPicture(NamedTuple):
    """A picture as `read_cover` returns it, and what its file says besides."""

    pixels: np.ndarray  # (H, W, 3) uint8; (H, W, 4) with opacity
    profile: bytes | None
    notes: tuple[str, ...]  # as `picture_notes`
    orientation: int  # by EXIF or XMP, as EXIF counts
    is_converted: bool  # its colours are not kept, but converted to sRGB


def read_with_notes(path: Source, layers: bool = False) -> ReadPicture:
    """Open a picture and decode it, once for all that is asked; with `layers`, its pixels have their opacity."""
    notes: list[str] = []
    with open_picture(path) as image:
        check_reading(image.height, image.width, "the picture", path)
        is_converted = converts_colours(image)
        shown = _shown(path, image, keep_profile=True, notes=notes)
        return ReadPicture(pixels_of(shown.image, layers), shown.profile, tuple(notes), shown.orientation, is_converted)


class PictureHead(NamedTuple):
    """Facts that a picture's file states, read before it is decoded."""

    width: int
    height: int
    has_palette: bool  # or is black and white
    has_layers: bool  # it can be transparent, and has no palette
    has_position: bool  # its EXIF or XMP says where it was taken; False of a PNG, which may say so behind its pixels


def picture_head(path: Source) -> PictureHead:
    """Return the facts that a picture's file states; an opened file is asked once. Errors: `open_picture`."""
    return path.once("picture head", _head) if isinstance(path, OpenedFile) else _head(path)


def _head(path: Source) -> PictureHead:
    with open_picture(path, hands_on=True) as image:
        has_palette = image.mode in _PALETTE_MODES
        has_position = image.format != "PNG" and _has_position(image)
        return PictureHead(*image.size, has_palette, image.has_transparency_data and not has_palette, has_position)


def refuse_palette(path: Source) -> None:
    """Raise a MediaError for a cover with a palette or in black and white: hiding would give it other colours."""
    many_greys = 128  # a palette of more greys belongs to a grey picture
    if not picture_head(path).has_palette:
        return
    with open_picture(path) as image:
        used = len(image.getcolors(MAX_PIXELS) or ())
        fits = used > many_greys and is_grey(pixels_of(image))
    if not fits:
        hint = "use a photograph, or the picture in full colours that it was made from"
        colours = counted(used, "colour")
        raise MediaError(f"has a palette of {colours}, and what is hidden would give it others", hint, subject=path)


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize (H, W, 3) uint8 to (height, width, 3) by a Lanczos filter, antialiased when it shrinks."""
    if picture.shape[:2] == (height, width):
        return picture
    most_at_once = 1 << 22  # pixels
    if height < picture.shape[0] or height * width <= most_at_once:
        return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))
    # Pillow, too, resizes each row first, if there are to be more. Parts of the columns bound the memory.
    image = Image.fromarray(picture).resize((width, picture.shape[0]), Image.Resampling.LANCZOS)
    resized = np.empty((height, width, 3), np.uint8)
    at_once = max(1, most_at_once // height)
    for left in range(0, width, at_once):
        right = min(left + at_once, width)
        part = image.crop((left, 0, right, image.height))
        resized[:, left:right] = np.asarray(part.resize((right - left, height), Image.Resampling.LANCZOS))
    return resized


def reduced(picture: np.ndarray, side: int) -> np.ndarray:
    """Reduce (H, W, 3) uint8 so that neither side has more pixels than `side`."""
    height, width = picture.shape[:2]
    factor = min(1.0, side / max(height, width))
    return resize(picture, max(1, round(factor * height)), max(1, round(factor * width)))


@contextmanager
def _large_texts() -> Iterator[None]:
    """Have Pillow read large texts and profiles of a PNG in the block."""
    before = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = 32 << 20  # bytes of a compressed one, of Pillow's 64 MB for all texts
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = before


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Ignore warnings of the readers in the block, not those of this module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module=r"(PIL|pi_heif)\.")
        yield


_reading_large_texts = Borrowed(_large_texts)
ignoring_warnings = Borrowed(_no_warnings)


@contextmanager
def open_picture(path: Source, *, hands_on: bool = False) -> Iterator[ImageFile.ImageFile]:
    """Open a picture for a block, and read its header, not its pixels.

    Args:
        path: file of the picture.
        hands_on: the block decodes nothing: the next one goes on with the open picture, if the file stays open.

    Raises:
        MediaError: there is no such file, it is not a picture, or one of a rare kind, or its data, as far as the block
            reads it, is damaged.
    """
    try:
        with _reading_large_texts:
            image = (path.take("opened picture") if isinstance(path, OpenedFile) else None) or _opened(path)
            opened = path if hands_on and isinstance(path, OpenedFile) else None
            with opened.handing_on("opened picture", image) if opened else closing(image):
                try:
                    yield image
                except UNREADABLE as error:
                    _refuse_rare_jpeg(path, image.format)
                    message = " ".join(str(error).split())  # of several lines, from some libraries
                    reason = f" ({message})" if message else ""
                    raise MediaError(f"the picture is damaged or truncated{reason}", _AGAIN, subject=path) from error
    except Image.DecompressionBombError as error:
        raise MediaError("the picture is too large to read", f"at most {MAX_PIXELS} pixels", subject=path) from error


def refuse_large(path: Source, form: Form) -> None:
    """Raise a MediaError for a file with far more bytes than its picture needs, if all of them would be read."""
    most_bytes = 512 << 20
    if form.name == "JPEG":
        refuse_excess(path)
    elif form.name == "PNG":
        open_png(path)
    elif form.name in {"WebP", "AVIF", "HEIC"} and (length := path.stat().st_size) > most_bytes:
        # Libraries of these forms get all bytes at once.
        hint = "save the picture alone in an image editor"
        raise MediaError(f"the picture's file has {shown_size(length)}: too large to read", hint, subject=path)


def _opened(path: Source) -> ImageFile.ImageFile:
    """Open a picture by its content, whatever its suffix."""
    if not path.is_file():
        raise MediaError("not a file" if path.exists() else "no such file", subject=path)
    form = form_of(path)
    if form is None:
        raise unknown_form(path)
    if form.kind != PICTURE:
        raise MediaError(f"is {form.name}, and not a picture", subject=path)
    refuse_large(path, form)
    file = path.open() if isinstance(path, OpenedFile) else path
    try:
        # They are on a picture that is merely large (one that is too large raises an error), or on a damaged tag, or
        # list of views or frames: the first picture is read, as by viewers.
        with ignoring_warnings:
            image = _open_heif(file) if form.reader == "HEIF" else Image.open(file, formats=[form.reader])
            _add_colours(path, image)
    except UNREADABLE as error:
        _refuse_rare_jpeg(path, form.name)
        what = f"the {form.name} picture is damaged, or of a kind that can't be read"
        raise MediaError(what, _AGAIN, subject=path) from error
    # Pillow reads as many bytes as lie between two strips of a TIFF, however many these are said to be; an offset is of
    # the type that the file says.
    offsets = [tile.offset for tile in image.tile] if image.format == "TIFF" else []
    if any(not isinstance(offset, int) or offset > path.stat().st_size for offset in offsets):
        image.close()
        problem = "the TIFF is truncated: its samples are said to be behind its end"
        raise MediaError(problem, _AGAIN, subject=path)
    if image.format in _JPEGS:  # libjpeg can't wait for more of arithmetically coded data
        image.decodermaxblock = path.stat().st_size
    return image


def _refuse_rare_jpeg(path: Source, form: str | None) -> None:
    """Raise the error of a JPEG that Pillow could not read, if it says what is rare or wrong about the picture."""
    if form in _JPEGS:
        parse_jpeg(path.read_bytes(), str(path))


def _add_colours(path: Source, image: Image.Image) -> None:
    """Set what a picture's file says of its colours in `image.info`: "icc_profile", and "hdr", as StatedColours."""
    with suppress(*UNREADABLE):  # what is damaged in it does not matter
        profile, image.info["hdr"] = stated_colours(path, image)
        image.info.pop("icc_profile", None)
        if profile:
            image.info["icc_profile"] = profile


def _open_heif(file: Path | BinaryIO) -> ImageFile.ImageFile:
    """Open a picture that Pillow can't read without a plugin, which is not registered: callers may use Pillow, too."""
    from pi_heif import HeifImageFile  # takes 40 ms

    image: ImageFile.ImageFile = HeifImageFile(file)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    return image


def is_lossy_tiff(image: Image.Image) -> bool:
    """Return whether an opened picture is a TIFF whose first page is compressed as JPEG or WebP."""
    lossy = {6, 7, 50001}  # by its tag Compression: JPEG of TIFF 6.0 and of its Technical Note 2, libtiff's WebP
    return isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.Compression) in lossy


def is_lossy_jpeg_2000(path: Source, image: Image.Image) -> bool:
    """Return whether an opened picture is a JPEG 2000 that was compressed with loss.

    Then its wavelet is the irreversible one (ITU-T T.800, table A.20), or a part of the reversible one was left out.
    """
    if image.format != "JPEG2000":
        return False
    with path.open("rb") as file:
        head = file.read(1 << 16)
        size = file.seek(0, io.SEEK_END)

    place = head.find(b"\xff\x4f\xff\x51") + 2  # behind SOC, which begins the stream
    while place < len(head) and head[place : place + 2] != b"\xff\x52":  # COD
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    irreversible = head[place + 13 : place + 14] == b"\0"
    samples = image.width * image.height * len(image.getbands())
    return irreversible or 8 * size < samples  # without loss, JPEG 2000 makes no photograph that much smaller


def picture_has_position(path: Source) -> bool:
    """Return whether a picture's EXIF or XMP says where it was taken; errors are those of `open_picture`.

    A PNG is decoded for it.
    """
    if picture_head(path).has_position:
        return True
    form = form_of(path)
    if form is None or form.name != "PNG":
        return False
    with open_picture(path) as image:
        return _has_position(image)


def _has_position(image: Image.Image) -> bool:
    return says_position(image.getexif, [image.info.get(name) or b"" for name in ("xmp", "XML:com.adobe.xmp")])


def says_position(exif: Callable[[], Image.Exif], packets: Iterable[bytes | str]) -> bool:
    """Return whether a picture's EXIF or its packets of XMP say where it was taken.

    `exif` reads the EXIF, of which damage counts as no position: it was reported when the picture was read.
    """
    position: dict[int, object] = {}
    with ignoring_warnings, suppress(*UNREADABLE):
        position = exif().get_ifd(ExifTags.IFD.GPSInfo)
    latitude = b"GPSLatitude"  # XMP, part 2, section 3.3: the namespace exif
    in_xmp = any(latitude in (packet.encode() if isinstance(packet, str) else packet) for packet in packets)
    return ExifTags.GPS.GPSLatitude in position or in_xmp


def lost_by_pixels(path: Source) -> str:
    """Name the content of a picture's file besides one picture of 8-bit colours; "" if there is only metadata.

    Raises:
        MediaError: it can't be read.
    """
    raw_tags = {330, 33422, 50706}  # SubIFDs, CFAPattern and DNGVersion (TIFF/EP; DNG 1.7)
    photoshop_layers = 37724  # Adobe's ImageSourceData
    with open_picture(path) as image:
        tags = image.tag_v2.keys() if isinstance(image, TiffImageFile) else set()
        if tags & raw_tags:
            return "a camera's raw data"
        if image.format == "PSD" or photoshop_layers in tags:
            return "its layers"
        if image.format in _PAGED and (count := _count_pictures(image)) != "1":
            return f"all but one of its {count} {'pages' if image.format == 'TIFF' else 'pictures'}"
        if image.mode in _UNSUPPORTED:
            return f"its pixels, which are {_UNSUPPORTED[image.mode]}"
        if (bits := _bits(path, image)) > 8:
            return f"its {bits} bits per sample"
        hdr = image.info.get("hdr")
        transparent = image.has_transparency_data and np.asarray(image.convert("RGBA").getchannel("A")).min() < 255
    transparency = "its transparency" if transparent else ""
    return f"its colours, which are HDR ({hdr})" if hdr else transparency


def exif_orientation(image: Image.Image) -> int:
    """Return the orientation of a picture by EXIF or XMP, as EXIF counts; 1, upright, if they are damaged."""
    try:
        with ignoring_warnings:
            orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    except UNREADABLE:
        return 1
    return orientation


def over_white(image: Image.Image) -> Image.Image:
    """Convert a picture to RGB, transparency over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _read(path: Source, keep_profile: bool) -> tuple[np.ndarray, bytes | None]:
    """Read a picture like `read_cover`, or converted to sRGB."""
    with open_picture(path) as image:
        check_reading(image.height, image.width, "the picture", path)
        shown = _shown(path, image, keep_profile)
        return pixels_of(shown.image), shown.profile


def changes_by_profile(image: Image.Image) -> bool:
    """Return whether an opened picture has an ICC profile for other colours than sRGB."""
    with suppress(BrokenProfileError):
        profile = image.info.get("icc_profile")
        return profile is not None and changes_colours(profile, image.mode)
    return False


def pixel_strips(path: Source) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of a picture in parts, each with its pixels as `read_cover` gives them; it takes less memory."""
    with open_picture(path) as image:
        yield from _strips_of(_shown(path, image, keep_profile=True, notes=[]).image)


class _Shown(NamedTuple):
    """A decoded picture as viewers show it."""

    image: Image.Image
    profile: bytes | None  # ICC profile
    orientation: int  # in the file


def _shown(path: Source, image: ImageFile.ImageFile, keep_profile: bool, notes: list[str] | None = None) -> _Shown:
    """Decode an opened picture, like `read_cover` or converted to sRGB, and add lines to `notes`."""
    if image.mode in _UNSUPPORTED:
        problem = f"its pixels are {_UNSUPPORTED[image.mode]}"
        raise MediaError(problem, "convert it to an RGB picture first", subject=path)
    preview = 1  # NewSubfileType of a TIFF's page: a picture at lower resolution, as in DNG, NEF and ARW
    if isinstance(image, TiffImageFile) and image.tag_v2.get(ExifTags.Base.NewSubfileType) == preview:
        hint = "a camera's raw file: develop it, and save it as PNG, TIFF or JPEG"
        problem = f"its first page is but a preview of {image.width}×{image.height} pixels"
        raise MediaError(problem, hint, subject=path)
    if image.format in _JPEGS:
        refuse_many_scans(path)

    if not is_quiet(path):
        _warn(path, image)
    if notes is not None:
        notes += _pixel_notes(path, image, secret=False)
    elif not is_quiet(path):
        for line in hdr_notes(image):
            warnings.warn(f"{path}: {line}", stacklevel=4)
    _match_transparent_colour(path, image)
    if notes is not None:
        notes += _metadata(image)

    image.load()  # a TIFF is turned by this
    orientation = exif_orientation(image)
    upright = _to_8_bits(_turned(image, orientation))
    profile = upright.info.get("icc_profile")
    try:
        if profile and keep_profile and keeps_profile(profile, upright.mode):
            return _Shown(upright, profile, orientation)
        return _Shown(to_srgb(upright, profile) if profile else upright, None, orientation)
    except BrokenProfileError as error:
        if not is_quiet(path):
            warnings.warn(f"{path}: its colour profile is ignored ({error})", stacklevel=4)
        return _Shown(upright, None, orientation)


def pixels_of(image: Image.Image, layers: bool = False) -> np.ndarray:
    """Return the pixels of a picture over white, (H, W, 3) uint8, or its layers, (H, W, 4).

    They are converted in parts, which bounds the memory.
    """
    pixels = np.empty((image.height, image.width, 4 if layers else 3), np.uint8)
    for rows, part in _strips_of(image, layers):
        pixels[rows] = part
    return pixels


def _strips_of(image: Image.Image, layers: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of a picture in parts, each with its pixels, as `pixels_of` returns them."""
    for rows in strips(image.height, image.width):
        part = image.crop((0, rows.start, image.width, rows.stop))
        yield rows, np.asarray(part.convert("RGBA") if layers else over_white(part))


def _warn(path: Source, image: Image.Image) -> None:
    """Warn of pictures in a file that viewers may show and that are not read."""
    if image.format in _PAGED and (count := _count_pictures(image)) != "1":
        what = "pages, only the first one" if image.format == "TIFF" else "pictures, only the main one"
        warnings.warn(f"{path}: of its {count} {what} is used", stacklevel=5)


def _count_pictures(image: Image.Image) -> str:
    """Return the number of pictures in a file; a TIFF's pages are counted up to a limit, as Pillow must read each."""
    if image.format != "TIFF":
        return str(getattr(image, "n_frames", 1))
    pages = 1
    most_counted = 1000
    try:
        while pages <= most_counted:
            image.seek(pages)
            pages += 1
    except UNREADABLE:  # there is no such page, or it is damaged
        pass
    image.seek(0)
    return str(pages) if pages <= most_counted else f"more than {most_counted}"


def _match_transparent_colour(path: Source, image: ImageFile.ImageFile) -> None:
    """Convert the transparent colour of a PNG from the file's samples to those that Pillow returns.

    Of 16 bits and colours, Pillow keeps the high bytes, to which the low ones are read; 16-bit grey follows later.
    """
    colour = image.info.get("transparency")
    raw = image.tile[0].args if image.tile else ""
    if image.format != "PNG" or colour is None:
        return
    if raw == "L;2":  # grey of 2 bits
        image.info["transparency"] = 85 * colour
    elif raw == "L;4":
        image.info["transparency"] = 17 * colour
    elif raw == "RGB;16B":
        with open_picture(path) as low:
            low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]
            opaque = (np.asarray(image) != np.array(colour) >> 8) | (np.asarray(low) != np.array(colour) & 255)
        del image.info["transparency"]
        image.putalpha(_as_alpha(opaque.any(-1)))


def _as_alpha(opaque: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(opaque, np.uint8(255), np.uint8(0)))


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture upright. Unlike in ImageOps.exif_transpose, its EXIF is not rewritten, which can fail."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return image
    upright = image.transpose(turn)
    image.close()  # which frees its pixels
    return upright


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture, (H, W) or (H, W, channels) uint8, that is stored with this orientation, upright."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.asarray(Image.fromarray(pixels).transpose(turn))


def turned_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an upright picture, (H, W, channels) uint8, to the layout in a file with this orientation."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return pixels
    inverses = {  # of those that are not their own inverses
        Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
    }
    back = inverses.get(turn, turn)
    return np.asarray(Image.fromarray(pixels).transpose(back))


def converts_colours(image: Image.Image) -> bool:
    """Return whether the colours of an opened cover are not kept, but converted to sRGB."""
    with suppress(BrokenProfileError):
        profile = image.info.get("icc_profile")
        return profile is not None and not keeps_profile(profile, image.mode)
    return False


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Round 16-bit grey (which Pillow sometimes stores in 32 bits) to 8 bits; return other pictures as they are."""
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
    """Open a file to write it anew. Raises MediaError if it can't be written."""
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise unwritable(path, error) from error


def write_png(path: Path, picture: np.ndarray, icc: bytes | None = None, *, smallest: bool = False) -> None:
    """Write a PNG of (H, W, 3) or (H, W, 4) uint8 as OpenCV does, whatever the path's suffix, with an ICC profile.

    The same input gives the same bytes. A grey picture is stored as grey; without a profile, colours are sRGB.

    Args:
        path: file to write.
        picture: (H, W, 3) uint8, or (H, W, 4) with opacity.
        icc: ICC profile of the colours; None for sRGB.
        smallest: write it as libpng does by default if that is much smaller, as for drawings.

    Raises:
        MediaError: the file can't be written.
    """
    with writing(path) as file:
        _write_png(file, picture, icc, smallest)


def png_bytes(picture: np.ndarray) -> bytes:
    """Return the bytes of the PNG that `write_png` writes of (H, W, 3) uint8, sRGB."""
    _write_png(file := io.BytesIO(), picture)
    return file.getvalue()


def png_size(picture: np.ndarray) -> int:
    """Return about how many bytes the PNG has that `write_png` writes of (H, W, 3) uint8, from some of its rows."""
    rows = 16  # in a row, several times
    enough = 1_000_000  # pixels
    height, width, _ = picture.shape
    parts = max(1, enough // (rows * width))
    if parts * rows >= height:
        return len(png_bytes(picture))
    tops = [index * (height - rows) // max(1, parts - 1) for index in range(parts)]
    sample = np.concatenate([picture[top : top + rows] for top in tops])
    return int(len(png_bytes(sample)) * height / len(sample))


def _write_png(file: BinaryIO, picture: np.ndarray, icc: bytes | None = None, smallest: bool = False) -> None:
    """Write a PNG as `write_png` into an open file."""
    stored, profile = as_stored(picture[..., :3], icc)
    samples = stored if picture.shape[2] == 3 else np.dstack([stored, picture[..., 3]])
    form = PngForm(profile=profile_chunk(profile) if profile else b"")
    if smallest:
        libpng = replace(form, filters=LIBPNG_FILTERS, deflate=LIBPNG_DEFLATE)
        compared_rows = 32  # in the middle
        much_larger = 1.1  # times
        top = max(0, len(samples) - compared_rows) // 2
        middle = samples[top : top + compared_rows]
        if _written_bytes(form, middle) > much_larger * _written_bytes(libpng, middle):
            form = libpng
    form.write(file, samples)


def _written_bytes(form: PngForm, samples: np.ndarray) -> int:
    form.write(file := io.BytesIO(), samples)
    return file.tell()


def as_stored(picture: np.ndarray, icc: bytes | None) -> tuple[np.ndarray, bytes | None]:
    """Return a picture's pixels for a format that has grey, (H, W, 3), or (H, W) if they are grey; and its ICC profile.

    A grey file can't have an RGB profile: one for sRGB is left out; with any other the picture is stored as RGB.
    """
    if not is_grey(picture):
        return picture, icc
    if icc is None or not is_rgb_profile(icc):
        return picture[..., 0], icc
    return (picture, icc) if changes_colours(icc, "RGB") else (picture[..., 0], None)


def save_picture(
    path: Path, picture: np.ndarray, suffix: str, icc: bytes | None = None, *, lossless: bool = False
) -> None:
    """Write a picture in the format of a suffix, which need not be the path's: nearly or exactly equal to the original.

    Args:
        path: file to write.
        picture: (H, W, 3) uint8.
        suffix: one of PICTURE_FORMS.
        icc: ICC profile; None for sRGB.
        lossless: keep every bit.

    Raises:
        MediaError: the format is never lossless, or the file can't be written.
    """
    form = PICTURE_FORMS[suffix]
    if form.name == "PNG":
        write_png(path, picture, icc, smallest=True)
        return
    options = form.lossless_options(path) if lossless else form.options
    try:
        Image.fromarray(picture).save(path, form.name, icc_profile=icc, **options)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise unwritable(path, error) from error
        size = f"{picture.shape[1]}×{picture.shape[0]} pixels"  # too large for some formats
        raise MediaError(f"{size} can't be made {form.name} ({error})", "name it .png", subject=path) from error


def check_lossless(path: Path, suffix: str) -> None:
    """Raise a MediaError if the format of a suffix of PICTURE_FORMS can't keep every bit."""
    PICTURE_FORMS[suffix].lossless_options(path)


def picture_notes(path: Source, *, secret: bool = False) -> tuple[str, ...]:
    """Return lines on everything that is left out or converted when a picture is read.

    The colours of a secret are converted to sRGB; a cover keeps its colour profile, and grey stays grey. Errors are
    those of `open_picture`.
    """
    with open_picture(path) as image:
        return (*_pixel_notes(path, image, secret), *_metadata(image))


def _pixel_notes(path: Source, image: ImageFile.ImageFile, secret: bool) -> Iterator[str]:
    """Yield the lines of `picture_notes` on the pixels."""
    bits = _bits(path, image)
    mode = image.mode
    if bits > 8:
        yield Text(f"it has {bits} bits per sample: reduced to 8", kind=LOSS)
    if mode == "CMYK":
        yield "its colours are CMYK: converted to RGB"
    elif secret and mode in ("P", "PA"):
        yield "its colours are those of a palette: converted to RGB"
    elif secret and (mode in ("1", "L", "LA", "La") or mode.startswith("I")):
        yield "it is grey: converted to RGB"
    if image.has_transparency_data:
        is_opaque = "A" in image.getbands() and image.getchannel("A").getextrema() == (255, 255)
        yield str(TRANSPARENT) if is_opaque else TRANSPARENT
    if not secret:  # a warning says so where a secret is read
        yield from hdr_notes(image)
    profile = image.info.get("icc_profile")
    if profile:
        with suppress(BrokenProfileError):  # such a profile is ignored
            if changes_colours(profile, mode) and (secret or not keeps_profile(profile, mode)):
                yield "its colour profile is left out: its colours are converted to sRGB"


def hdr_notes(image: Image.Image) -> tuple[str, ...]:
    """Return a line if an opened picture has HDR's colours."""
    hdr = image.info.get("hdr")
    return (Text(f"{_HDR_NOTE} ({hdr}): reduced to 8 bits, not tone-mapped", kind=LOSS),) if hdr else ()


def _bits(path: Source, image: ImageFile.ImageFile) -> int:
    """Return the bits of a sample in the file, since Pillow returns 8 of some that have more."""
    if image.format == "HEIF":
        bit_depth: int = image.info["bit_depth"]
        return bit_depth

    raw = image.tile[0].args if image.tile else ""
    deep_ppm = image.format == "PPM" and isinstance(raw, tuple) and raw[-1] == (1 << 16) - 1  # greatest value
    if image.mode.startswith("I") or ";16" in str(raw) or deep_ppm:
        return 16
    if image.format == "AVIF":  # by its box "av1C" (AV1-ISOBMFF 1.2, section 2.3)
        with path.open("rb") as file:
            head = file.read(1 << 16)
        at = head.find(b"av1C")
        flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    return 8


def _metadata(image: Image.Image) -> Iterator[str]:
    """Yield a line for each kind of metadata that is left out."""
    if image.format == "PNG":
        image.load()  # so that chunks behind the pixels are read, too
    try:
        with ignoring_warnings:  # damage in it was reported when it was read
            notes = list(_exif_notes(image))
        yield from notes
    except UNREADABLE:  # damaged metadata does not matter
        yield "EXIF is left out"
    if any(image.info.get(name) for name in ("xmp", "XML:com.adobe.xmp")):
        yield "XMP metadata is left out"
    if image.info.get("comment") or getattr(image, "text", {}).keys() - {"XML:com.adobe.xmp"}:
        yield "its comments are left out"


def _exif_notes(image: Image.Image) -> Iterator[str]:
    """Yield a line on EXIF that is left out; of a TIFF's tags, those that describe its pixels do not count."""
    exif = image.getexif()
    dates = {ExifTags.Base.DateTime, ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized}
    about = dates | {  # tags of a TIFF that do not describe its pixels
        *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model),
        *(ExifTags.Base.Artist, ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo),
    }
    tags = exif.keys() & about if image.format == "TIFF" else exif.keys() - {ExifTags.Base.Orientation}
    if not tags:
        return
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    parts = ["GPS position"] if exif.get_ifd(ExifTags.IFD.GPSInfo) else []
    parts += ["date"] if (exif.keys() | inner.keys()) & dates else []
    yield f"EXIF with {' and '.join(parts)} is left out" if parts else "EXIF is left out"
