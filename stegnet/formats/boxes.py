"""Boxes of ISO base media files (ISO/IEC 14496-12), which make up MP4, MOV and AVIF: reading and writing."""

from collections.abc import Iterator
from mmap import mmap
from typing import NamedTuple

FileBytes = bytes | mmap  # content of a file
# Boxes that hold only other boxes, on the way to the tables of a film.
HOLDERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"}
HEADER = 8  # bytes of a box before its content


class Box(NamedTuple):
    """Box of a file: its type, and the places of its start, its content, and its end."""

    kind: bytes
    start: int
    content: int
    end: int


def box_at(data: FileBytes, start: int, end: int) -> Box:
    """Return the box at a place, which may be incomplete; a box of open size extends to `end`."""
    size = int.from_bytes(data[start : start + 4], "big")
    content = start + HEADER
    if size == 1:
        size = int.from_bytes(data[content : content + 8], "big")
        content = start + 16
    return Box(data[start + 4 : start + 8], start, content, start + size if size else end)


def boxes(data: FileBytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield consecutive boxes in bytes or a mapped file. Raises ValueError if a box is incomplete."""
    end = len(data) if end is None else end
    while start + HEADER <= end:
        next_box = box_at(data, start, end)
        if not next_box.content <= next_box.end <= end:
            raise ValueError("a box of no size")
        yield next_box
        start = next_box.end


def all_boxes(data: FileBytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes, each before those that it holds; errors are those of `boxes`."""
    for outer in boxes(data, start, end):
        yield outer
        if outer.kind in HOLDERS:
            yield from all_boxes(data, outer.content, outer.end)


def samples_and_tracks(data: FileBytes) -> tuple[int, int]:
    """Return how many samples and tracks the tables of an MP4 say that it has, before anything is made of so many.

    As by FFmpeg, a box that is too long ends with the one that holds it.
    """
    counts = {b"stsz": 8, b"stz2": 8, b"trun": 4}  # places in the content
    samples = 0
    tracks = 0
    waiting = [(0, len(data))]
    while waiting:
        start, end = waiting.pop()
        while start + HEADER <= end:
            part = box_at(data, start, end)
            start = min(part.end, end)
            if start < part.content:
                break
            if part.kind in HOLDERS or part.kind in (b"moof", b"traf"):
                waiting.append((part.content, start))
            elif part.kind in counts:
                place = part.content + counts[part.kind]
                samples += int.from_bytes(data[place : place + 4], "big")
            tracks += part.kind == b"trak"
    return samples, tracks


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box with these contents."""
    content = b"".join(parts)
    return (HEADER + len(content)).to_bytes(4, "big") + kind + content


def full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    """Return a box with a version and without flags."""
    return box(kind, bytes([version, 0, 0, 0]), *parts)
