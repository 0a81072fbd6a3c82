"""Metadata of an MP4 or MOV, and what overwrites it where it stands, so that nothing else moves (ISO/IEC 14496-12).

Tags, times of recording, names of handlers and encoders, and tracks of timed data, such as a camera's positions.
"""

import struct
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from stegnet.core.errors import MediaError
from stegnet.core.names import printable
from stegnet.formats.boxes import HOLDERS, Box, all_boxes, boxes
from stegnet.formats.opened_file import Part, Source, mapped
from stegnet.video.mp4 import samples_of, top_boxes, tracks_of

_TAGS = {b"udta": "tags", b"meta": "tags", b"uuid": "tags of a program (uuid)"}
# Boxes at the top, and in those that hold others, that say how a film is shown; all others may say anything.
_KEPT = HOLDERS | {b"ftyp", b"mdat", b"free", b"skip", b"wide", b"pdin"}
_KEPT |= {
    b"mvhd",
    b"iods",
    b"mvex",
    b"tkhd",
    b"tref",
    b"tapt",
    b"load",
    b"clip",
    b"matt",
    b"elst",
    b"mdhd",
    b"hdlr",
    b"elng",
}
_KEPT |= {
    b"vmhd",
    b"smhd",
    b"hmhd",
    b"nmhd",
    b"sthd",
    b"gmhd",
    b"dinf",
    b"stsd",
    b"stts",
    b"ctts",
    b"cslg",
    b"stss",
    b"stps",
}
_KEPT |= {
    b"sdtp",
    b"stsz",
    b"stz2",
    b"stsc",
    b"stco",
    b"co64",
    b"stsh",
    b"padb",
    b"stdp",
    b"sgpd",
    b"sbgp",
    b"subs",
    b"saiz",
}


def metadata_in_mp4(source: Source) -> list[Part]:
    """Return the metadata by its parts in the file, without those that hold what they would be replaced by.

    Raises:
        MediaError: the file is damaged, so that not all of it can be found.
    """
    with mapped(source) as data:
        try:
            return [part for part in _parts(data) if data[part.start : part.end] != part.rest]
        except (struct.error, LookupError, ValueError, RecursionError) as error:
            raise unreadable_metadata(source) from error


def unreadable_metadata(source: Source) -> MediaError:
    """Return the error for a file whose metadata can't be left out, since a part of it can't be read."""
    copied = f"copy it first: ffmpeg -i OLD -map_metadata -1 -c copy NEW{Path(str(source)).suffix}"
    problem = "a part of it is damaged, so that not all of its metadata can be found and left out"
    return MediaError(problem, copied, subject=source)


def _parts(data: mmap) -> Iterator[Part]:
    end = 0
    for top in top_boxes(data):
        end = top.end
        yield from _overwritten(data, top)
        if top.kind == b"moov":
            movie = list(all_boxes(data, top.content, top.end))
            for each in movie:
                yield from _overwritten(data, each)
            for track in tracks_of(movie):
                yield from _of_track(data, track)
    if end < len(data):
        yield Part("data behind the film", end, len(data))


def _overwritten(data: mmap, part: Box) -> Iterator[Part]:
    """Yield what is replaced in a box. Raises ValueError if the box is too short for its fields."""
    kind, start, content, end = part
    shortest = {b"mvhd": 32, b"tkhd": 32, b"mdhd": 32, b"hdlr": 20}.get(kind, 0)  # bytes
    if end - start < shortest or (kind in (b"mvhd", b"tkhd", b"mdhd") and data[content] and end - start < shortest + 8):
        raise ValueError("a box that is too short")
    if kind not in _KEPT:
        head = data[start : start + 4] + b"free" + data[start + 8 : content]
        name = _TAGS.get(kind) or f"box {printable(kind.decode('latin-1'))}"
        yield Part(name, start, end, head + bytes(end - content))
    elif kind in (b"free", b"skip"):
        yield Part("", content, end, bytes(end - content))
    elif kind in (b"mvhd", b"tkhd", b"mdhd"):
        times = content + 4, content + (20 if data[content] else 12)  # of creation and of the last change
        yield Part("date", *times, bytes(times[1] - times[0]))
    elif kind == b"hdlr":  # its name, and its manufacturer
        yield Part("", content + 12, end, bytes(end - content - 12))


def _of_track(data: mmap, track: dict[bytes, Box]) -> Iterator[Part]:
    """Yield what is replaced in a track's description and samples. Raises ValueError if its kind is not said."""
    if b"stsd" not in track:  # it has no samples
        return
    media = track[b"mdia"]
    handler = next((each for each in boxes(data, media.content, media.end) if each.kind == b"hdlr"), None)
    if handler is None:
        raise ValueError("a track of no kind")
    kind = data[handler.content + 8 : handler.content + 12]
    if kind in (b"vide", b"soun"):
        for entry in boxes(data, track[b"stsd"].content + 8, track[b"stsd"].end):
            if entry.end - entry.content < (74 if kind == b"vide" else 16):
                raise ValueError("a description that is too short")
            yield Part("", entry.content + 12, entry.content + 16, bytes(4))  # the encoder's vendor
            if kind == b"vide":
                yield Part("", entry.content + 42, entry.content + 74, bytes(32))  # its name
    elif kind == b"meta":
        for start, size in samples_of(data, track):
            yield Part("timed data", start, start + size, bytes(size))
