"""Metadata of an MP4 or MOV, and what overwrites it where it stands, so that nothing else moves (ISO/IEC 14496-12).

Tags, times of recording, names of handlers and encoders, and tracks of timed data, such as a camera's positions.
"""

import struct
from collections.abc import Iterator
from mmap import mmap

from stegnet.formats.boxes import Box, all_boxes, boxes
from stegnet.formats.opened_file import Source, mapped
from stegnet.video.mp4 import samples_of, top_boxes, tracks_of

_TAGS = {b"udta": "tags", b"meta": "tags", b"uuid": "tags of a program (uuid)"}
Part = tuple[str, int, int, bytes]  # name, start and end in the file, and the bytes that it is replaced by


def metadata_in_mp4(source: Source) -> list[Part]:
    """Return the metadata by its parts in the file; a name is "" if nothing is to be said of the part."""
    with mapped(source) as data:
        try:
            return [part for part in _parts(data) if data[part[1] : part[2]] != part[3]]
        except (struct.error, LookupError, ValueError, RecursionError):  # damage, which its reader reports
            return []


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
        yield "data behind the film", end, len(data), b""


def _overwritten(data: mmap, part: Box) -> Iterator[Part]:
    kind, start, content, end = part
    if kind in _TAGS:
        head = data[start : start + 4] + b"free" + data[start + 8 : content]
        yield _TAGS[kind], start, end, head + bytes(end - content)
    elif kind in (b"free", b"skip"):
        yield "", content, end, bytes(end - content)
    elif kind in (b"mvhd", b"tkhd", b"mdhd"):
        times = content + 4, content + (20 if data[content] else 12)  # of creation and of the last change
        yield "date", *times, bytes(times[1] - times[0])
    elif kind == b"hdlr":
        name = content + 12, end  # and its manufacturer
        yield "", *name, bytes(end - content - 12)


def _of_track(data: mmap, track: dict[bytes, Box]) -> Iterator[Part]:
    media = track[b"mdia"]
    handler = next(each for each in boxes(data, media.content, media.end) if each.kind == b"hdlr")
    kind = data[handler.content + 8 : handler.content + 12]
    if kind in (b"vide", b"soun"):
        for entry in boxes(data, track[b"stsd"].content + 8, track[b"stsd"].end):
            yield "", entry.content + 12, entry.content + 16, bytes(4)  # the encoder's vendor
            if kind == b"vide":
                yield "", entry.content + 42, entry.content + 74, bytes(32)  # its name
    elif kind == b"meta":
        for start, size in samples_of(data, track):
            yield "timed data", start, start + size, bytes(size)
