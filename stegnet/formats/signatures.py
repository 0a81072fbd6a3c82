"""Forms of pictures, films and sounds, recognised by a file's first bytes before any decoder is tried.

The list is closed: a file of another form is just a file, whatever a decoder finds in it. FFmpeg takes a PDF, a ZIP or
a TAR of photographs for a film, and Pillow some source code for a picture. docs/inputs.md names the same forms.
Signatures are those of the formats' specifications, in the order in which they are tried.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stegnet.core.errors import MediaError
from stegnet.core.names import COVERS, FILM, PICTURE, SOUND
from stegnet.formats import matroska
from stegnet.formats.opened_file import OpenedFile, Source, id3_bytes, is_heic, is_mp4, is_sound, start_of

_EMPTY_BOXES = {b"wide", b"free", b"skip", b"pnot"}  # in an MP4 or MOV, another box follows them


class Form(NamedTuple):
    """Form of files.

    Attributes:
        name: as people know it, such as "JPEG".
        kind: PICTURE (or an animation), FILM (or its sound alone), or SOUND.
        reader: Pillow's name of a picture's format, or FFmpeg's of a film's; "" for a sound.
        suffixes: of its files, the usual one first; () of forms that people seldom have.
        is_written: containers without loss are written in it.
        keeps_metadata: a container that is written in it has the metadata of a cover of this form.
        lossy: name of a picture that it stores with loss, such as "a JPEG"; "": it depends, or it does not.
        lossless: a sound that can be converted to WAV or FLAC without loss.
    """

    name: str
    kind: str
    reader: str = ""
    suffixes: tuple[str, ...] = ()
    is_written: bool = False
    keeps_metadata: bool = False
    lossy: str = ""
    lossless: bool = False


_Test = Callable[[bytes], bool]


def _begins(*starts: bytes) -> _Test:
    return lambda start: start.startswith(starts)


def _is_riff(*kinds: bytes) -> _Test:
    return lambda start: start[:4] == b"RIFF" and start[8:12] in kinds


def _is_jpeg(start: bytes) -> bool:
    """Return whether a file is JPEG, not JPEG-LS, which differs only in its first marker."""
    return start[:3] == b"\xff\xd8\xff" and start[3:4] != b"\xf7"


def _is_tiff(start: bytes) -> bool:
    """Return whether a file is TIFF or BigTIFF, not CR2, a raw file with a preview first."""
    return start.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")) and start[8:10] != b"CR"


def _is_bmp(start: bytes) -> bool:
    header_sizes = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes of the header after a BMP's first 14
    return start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in header_sizes


def _is_icon(start: bytes) -> bool:
    """Return whether a file begins with a plausible directory of icons: MPEG-4 video begins alike."""
    count, size, offset = (int.from_bytes(start[at:end], "little") for at, end in ((4, 6), (14, 18), (18, 22)))
    return start[:4] == b"\x00\x00\x01\x00" and 0 < count < 256 and size > 0 and offset >= 6 + 16 * count


def _is_ppm(start: bytes) -> bool:
    """Return whether a file is P1 to P6 of Netpbm; PFM, with floating-point numbers, is excluded."""
    return start[:1] == b"P" and start[1:2] in b"123456" and start[2:3] in b" \t\r\n#" and len(start) > 2


def _is_transport_stream(start: bytes) -> bool:
    """Return whether sync bytes stand at equal distances (ISO/IEC 13818-1, section 2.4.3.2), at any offset."""
    packet_sizes = (188, 192, 204)  # bytes: plain, with a time stamp before each (BDAV), with parity after it
    return any(
        start[first : first + 1] == b"\x47" and _has_packets(start, first, size)
        for size in packet_sizes
        for first in range(size)
    )


def _has_packets(start: bytes, first: int, size: int) -> bool:
    """Return whether packets of a transport stream follow one another, by their headers."""
    most_packets = 16
    heads = [start[at : at + 4] for at in range(first, len(start) - 3, size)][:most_packets]
    least_packets = 4
    # The bits for payload and adaptation field are never both 0.
    return len(heads) >= least_packets and all(head[:1] == b"\x47" and head[3] & 0x30 for head in heads)


def _is_program_stream(start: bytes) -> bool:
    """Return whether a file begins with a pack header of MPEG-2 or MPEG-1.

    ISO/IEC 13818-1, 2.5.3.3; ISO/IEC 11172-1, 2.4.3.2.
    """
    return start[:4] == b"\x00\x00\x01\xba" and len(start) > 4 and (start[4] >> 6 == 1 or start[4] >> 4 == 2)


def _unit(start: bytes) -> bytes:
    """Return the bytes after the start code of three or four bytes that a stream begins with; b"" without one."""
    if start[:3] == b"\x00\x00\x01":
        return start[3:]
    return start[4:] if start[:4] == b"\x00\x00\x00\x01" else b""


def _unit_begins(*starts: bytes) -> _Test:
    return lambda start: _unit(start).startswith(starts)


def _is_mpeg_video(start: bytes) -> bool:
    """Return whether a file begins with a sequence header of MPEG-1 or MPEG-2 video whose sides are not 0."""
    return start[:4] == b"\x00\x00\x01\xb3" and any(start[4:6]) and len(start) > 6 and bool(start[5] & 15 or start[6])


def _is_mpeg4_video(start: bytes) -> bool:
    """Return whether a file begins with a sequence, a visual object, or a video object with its layer.

    ISO/IEC 14496-2, 6.2.
    """
    layer = start[:3] == b"\x00\x00\x01" and start[3:4] < b"\x20" and start[4:7] == b"\x00\x00\x01"
    return start.startswith((b"\x00\x00\x01\xb0", b"\x00\x00\x01\xb5")) or (layer and start[7:8] in b"\x20\x21\x22\x23")


def _is_gxf(start: bytes) -> bool:
    return start[:6] == b"\x00\x00\x00\x00\x01\xbc" and start[14:16] == b"\xe1\xe2"


def _is_matroska(start: bytes) -> bool:
    head = start[:80]  # contains the document's type
    return start.startswith(matroska.EBML) and (b"matroska" in head or b"webm" in head)


_JPEG = Form("JPEG", PICTURE, "JPEG", (".jpg", ".jpeg"), lossy="a JPEG")
_MPEG_PS = Form("MPEG-PS", FILM, "mpeg", (".mpg", ".mpeg"))
# Forms that the first bytes identify, in the order in which they are tried.
_FORMS: tuple[tuple[Form, _Test], ...] = (
    (Form("PNG", PICTURE, "PNG", (".png",), is_written=True, keeps_metadata=True), _begins(b"\x89PNG\r\n\x1a\n")),
    (_JPEG, _is_jpeg),
    (Form("WebP", PICTURE, "WEBP", (".webp",)), _is_riff(b"WEBP")),
    (Form("GIF", PICTURE, "GIF", (".gif",), lossy="a GIF"), _begins(b"GIF87a", b"GIF89a")),
    (Form("TIFF", PICTURE, "TIFF", (".tif", ".tiff")), _is_tiff),
    (Form("BMP", PICTURE, "BMP", (".bmp",)), _is_bmp),
    (Form("JPEG 2000", PICTURE, "JPEG2000"), _begins(b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
    (Form("PPM", PICTURE, "PPM"), _is_ppm),
    (Form("ICO", PICTURE, "ICO"), _is_icon),
    (
        Form("PCX", PICTURE, "PCX"),
        _begins(*(bytes([10, version, 1, bits]) for version in (0, 2, 3, 4, 5) for bits in (1, 2, 4, 8))),
    ),
    (Form("QOI", PICTURE, "QOI"), _begins(b"qoif")),
    (
        Form("SGI", PICTURE, "SGI"),
        _begins(*(b"\x01\xda" + bytes([packed, size]) for packed in (0, 1) for size in (1, 2))),
    ),
    (Form("DDS", PICTURE, "DDS"), _begins(b"DDS |\x00\x00\x00")),
    (Form("PSD", PICTURE, "PSD"), _begins(b"8BPS\x00\x01")),
    (Form("ICNS", PICTURE, "ICNS"), _begins(b"icns")),
    (Form("Sun raster", PICTURE, "SUN"), _begins(b"\x59\xa6\x6a\x95")),
    (Form("Matroska", FILM, "matroska", (".mkv", ".webm"), is_written=True), _is_matroska),
    (Form("AVI", FILM, "avi", (".avi",)), _is_riff(b"AVI ", b"AVIX")),
    (Form("WMV", FILM, "asf", (".wmv",)), _begins(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"))),
    (Form("FLV", FILM, "flv"), _begins(b"FLV\x01")),
    (Form("Ogg", FILM, "ogg"), _begins(b"OggS\x00")),
    # SMPTE ST 377-1: key of a partition pack, without its kind.
    (Form("MXF", FILM, "mxf"), _begins(bytes.fromhex("060e2b34020501010d01020101"))),
    (Form("RealMedia", FILM, "rm"), _begins(b".RMF")),
    (Form("NUT", FILM, "nut"), _begins(b"nut/multimedia container\x00")),
    (Form("WTV", FILM, "wtv"), _begins(bytes.fromhex("b7d800203749da11a64e0007e95ead8d"))),
    (Form("YUV4MPEG2", FILM, "yuv4mpegpipe"), _begins(b"YUV4MPEG2 ")),
    (Form("IVF", FILM, "ivf"), _begins(b"DKIF\x00\x00")),
    (Form("DV", FILM, "dv"), _begins(b"\x1f\x07\x00\x3f", b"\x1f\x07\x00\xbf")),
    (Form("GXF", FILM, "gxf"), _is_gxf),
    (_MPEG_PS, _is_program_stream),
    (_MPEG_PS, _is_riff(b"CDXA")),
    (Form("MPEG video", FILM, "mpegvideo"), _is_mpeg_video),
    (Form("MPEG-4 video", FILM, "m4v"), _is_mpeg4_video),
    # Sequence parameter sets, with nal_ref_idc, and the delimiter of access units (ITU-T H.264, 7.4.1).
    (Form("H.264", FILM, "h264"), _unit_begins(b"\x27", b"\x47", b"\x67", b"\x09")),
    (Form("HEVC", FILM, "hevc"), _unit_begins(b"\x40\x01", b"\x46\x01")),
    (Form("VVC", FILM, "vvc"), _unit_begins(b"\x00\x71", b"\x00\x79", b"\x00\xa1")),
    (Form("VC-1", FILM, "vc1"), _begins(*(b"\x00\x00\x01\x0f" + bytes([profile]) for profile in range(0xC0, 0x100)))),
    (Form("AV1", FILM, "obu"), _begins(b"\x12\x00\x0a")),
    (Form("AIFF", SOUND, lossless=True), lambda start: start[:4] == b"FORM" and start[8:12] in {b"AIFF", b"AIFC"}),
    (Form("CAF", SOUND, lossless=True), _begins(b"caff\x00\x01")),
    (Form("W64", SOUND, lossless=True), _begins(b"riff\x2e\x91\xcf\x11")),
    (Form("AU", SOUND, lossless=True), _begins(b".snd")),
    (Form("WavPack", SOUND, lossless=True), _begins(b"wvpk")),
    (Form("Monkey's Audio", SOUND, lossless=True), _begins(b"MAC ")),
    (Form("TTA", SOUND, lossless=True), _begins(b"TTA1", b"TTA2")),
    (Form("AMR", SOUND), _begins(b"#!AMR")),
    (Form("AC-3", SOUND), _begins(b"\x0b\x77")),
    (Form("DTS", SOUND), _begins(b"\x7f\xfe\x80\x01")),
    (Form("AAC", SOUND), _begins(b"\xff\xf1", b"\xff\xf9")),
    (Form("MP3", SOUND), _begins(b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2")),
    (Form("MPEG-TS", FILM, "mpegts", (".ts", ".m2ts", ".mts")), _is_transport_stream),
)
_MP4 = Form("MP4", FILM, "mov", (".mp4", ".mov", ".m4v"), is_written=True)
_AVIF = Form("AVIF", PICTURE, "AVIF", (".avif",), lossy="an AVIF")
_HEIC = Form("HEIC", PICTURE, "HEIF", (".heic", ".heif"), lossy="a HEIC")
_WAV = Form("WAV", SOUND, "", (".wav",), is_written=True, keeps_metadata=True, lossless=True)
_FLAC = Form("FLAC", SOUND, "", (".flac",), is_written=True, keeps_metadata=True, lossless=True)
_ALL = (*dict.fromkeys(form for form, _ in _FORMS), _MP4, _AVIF, _HEIC, _WAV, _FLAC)
JPEG_SUFFIXES = _JPEG.suffixes
LOSSY = {form.reader: form.lossy for form in _ALL if form.lossy}  # by Pillow's name
# By kind of media: the suffixes of all its files, and the usual ones of the forms that are written without loss.
SUFFIXES = {kind: tuple(suffix for form in _ALL if form.kind == kind for suffix in form.suffixes) for kind in COVERS}
FORMS = {kind: tuple(form.suffixes[0] for form in _ALL if form.kind == kind and form.is_written) for kind in COVERS}
FILM_READERS = tuple(dict.fromkeys(form.reader for form, _ in (*_FORMS, (_MP4, None)) if form.kind == FILM))
# FFmpeg's names of picture formats that may be films; it can't read animated WebP, nor all of AVIF.
ANIMATIONS = {"PNG": "apng", "GIF": "gif"}


def form_of(source: Source) -> Form | None:
    """Return the form of a file; None if it is not a picture, film or sound. Raises MediaError if it can't be read."""
    if isinstance(source, OpenedFile):
        return source.once("form", lambda file: next(_forms(file), None))
    return next(_forms(source), None)


def has_form(source: Source, suffix: str) -> bool:
    """Return whether a container is what its suffix says, by its first bytes; errors are those of `form_of`."""
    form = form_of(source)
    return form is not None and suffix in form.suffixes


def suffixes_of(reader: str) -> tuple[str, ...]:
    """Return the suffixes of the files that Pillow or FFmpeg calls so."""
    return next(form.suffixes for form in _ALL if form.reader == reader)


def unknown_form(path: Source) -> MediaError:
    """Return the error for a file that must be a picture, film or sound, but isn't."""
    if start_of(path)[:4] == b"\xff\xd8\xff\xf7":
        problem = "is a file, not a picture, film or sound that can be read: it is a JPEG-LS, which is not supported"
        return MediaError(problem, "convert it to PNG first", subject=path)
    hint = "use a picture, film, WAV or FLAC; convert other pictures to PNG, films to MP4"
    return MediaError("is a file, not a picture, film or sound that can be read", hint, subject=path)


def _forms(source: Source) -> Iterator[Form]:
    """Yield the forms that a file may have, the most certain one first."""
    start = start_of(source)
    if is_sound(source):
        yield _WAV if start[8:12] == b"WAVE" else _FLAC
    if start[4:8] == b"ftyp":
        yield from _of_brand(source, start)
        return
    yield from (form for form, test in _FORMS if test(start))
    if is_mp4(source) and (start[4:8] not in _EMPTY_BOXES or _has_next_box(start)):
        yield _MP4
    if id3_bytes(start):
        yield Form("MP3", SOUND)
    if _ends_as_tga(source):
        yield Form("TGA", PICTURE, "TGA")


def _of_brand(source: Source, start: bytes) -> Iterator[Form]:
    """Yield the form of a file of boxes (ISO/IEC 14496-12) by its brands."""
    brand = start[8:12]
    if brand in {b"avif", b"avis"} or (brand == b"mif1" and not is_heic(source)):
        yield _AVIF
    elif is_heic(source):
        yield _HEIC
    elif brand != b"crx ":  # CR3, as Canon's cameras write it
        yield _MP4


def _has_next_box(start: bytes) -> bool:
    """Return whether another box follows the first one, which is small."""
    end = int.from_bytes(start[:4], "big")
    return 8 <= end <= len(start) - 8 and start[end + 4 : end + 8] in {b"ftyp", b"moov", b"mdat", *_EMPTY_BOXES}


def _ends_as_tga(source: Source) -> bool:
    """Return whether a file ends with a Targa footer (Truevision TGA 2.0, "TGA file footer"), which older ones lack."""
    footer = b"TRUEVISION-XFILE.\x00"
    with source.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - len(footer), 0))
        return file.read() == footer
