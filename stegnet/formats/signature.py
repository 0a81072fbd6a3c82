"""File formats recognised by their first bytes, and files that are truncated."""

import re

from stegnet.formats import matroska
from stegnet.formats.boxes import HEADER, box_at
from stegnet.formats.opened_file import Source, mapped, start_of

_VP8X_ANIMATION = 2
# Among coded samples, 0xff is followed by 0 or by the number of a restart; before a marker, by any more of them.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_BOX = re.compile(rb"[ -~]{4}")  # names of boxes
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
# Brands of ISO/IEC 23008-12, most of them for pictures coded by HEVC.
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def is_animation(path: Source) -> bool:
    """True if it is an animated WebP or AVIF; False if there is no file."""
    start = start_of(path) if path.is_file() else b""
    animated_webp = start[:4] + start[8:16] == b"RIFFWEBPVP8X" and bool(start[20:21] and start[20] & _VP8X_ANIMATION)
    return animated_webp or start[4:12] == b"ftypavis"


def is_moving_picture(path: Source) -> bool:
    """True if it is a film by what moves in it, but of a format that pictures have: GIF, PNG, WebP or AVIF."""
    return is_animation(path) or start_of(path).startswith((b"GIF8", b"\x89PNG"))


def is_lossy_webp(path: Source) -> bool:
    """True if a WebP's first picture is coded by VP8, not VP8L (RFC 9649: chunks of a name, a 32-bit size, data)."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in {b"VP8 ", b"VP8L"}:
                return head[:4] == b"VP8 "
            size = int.from_bytes(head[4:], "little")
            file.seek(
                16 if head[:4] == b"ANMF" else size + size % 2, 1
            )  # a frame's header has 16 bytes, then come its own chunks
    return False


def is_jpeg(path: Source) -> bool:
    """True if the file begins as a JPEG does."""
    return start_of(path)[:3] == b"\xff\xd8\xff"


def is_heic(path: Source) -> bool:
    """True if it is a HEIC picture, as phones take; an AVIF may have one of its brands, too."""
    start = start_of(path)
    brands = start[: int.from_bytes(start[:4], "big")]
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC and b"avif" not in brands and b"avis" not in brands


def exceeds_scans(path: Source, most: int) -> bool:
    """True if a JPEG's first picture has more scans than this (ITU-T T.81, B.1.1: markers, and segments' lengths)."""
    data = path.read_bytes()
    scans, marker = 0, _JPEG_MARKER.search(data, len(_JPEG_START))
    while marker and marker[0] != _JPEG_END and scans <= most:
        scans += marker[0] == _JPEG_SCAN
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        marker = _JPEG_MARKER.search(data, marker.end() + length)
    return scans > most


def is_mp4(path: Source) -> bool:
    """True if it is an MP4, MOV or 3GP, possibly an unfinished one."""
    return start_of(path)[4:8] in {b"ftyp", b"mdat", b"moov", b"wide", b"free", b"skip", b"pnot"}


def is_matroska(path: Source) -> bool:
    """True if it is Matroska or WebM."""
    return start_of(path).startswith(matroska.EBML)


def is_truncated(path: Source) -> bool:
    """True if a Matroska, MP4 or AVI file is shorter than its header says."""
    start = start_of(path)
    size = path.stat().st_size
    if start.startswith(matroska.EBML):
        return (matroska.end_of_segment(start) or 0) > size
    if start[:4] + start[8:12] == b"RIFFAVI ":
        return 8 + int.from_bytes(start[4:8], "little") > size
    return is_mp4(path) and _end_of_boxes(path, size) > size


def _end_of_boxes(path: Source, size: int) -> int:
    """End of an MP4 file's last box in bytes, which may be behind that of the file."""
    position = 0
    with mapped(path) as data:
        while position + HEADER <= size and _BOX.fullmatch(data[position + 4 : position + 8]):
            found = box_at(data, position, size)
            if found.end < found.content:
                break
            position = found.end
    return position
