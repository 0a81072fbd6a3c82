"""MP4 and MOV files whose H.264 samples are replaced, with every other byte as it was (ISO/IEC 14496-12 and -15).

Sizes of samples, offsets of chunks and the bit rate are mended; no box moves into another place.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.media.opened_file import Source, mapped
from stegnet.media.signature import is_mp4

_FILM = "copy it first: ffmpeg -i FILM -c copy OTHER.mp4"
_H264 = "copy it first: ffmpeg -i FILM -c copy -tag:v avc1 OTHER.mp4; other codecs: with -c:v libx264"
_LONGER = "take a longer film"
_HOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_ABSOLUTE = {b"saio", b"iloc"}  # boxes with offsets in the file that are not mended
_ABOUT = {b"meta", b"udta"}  # boxes that may hold such
_FRAGMENT = b"moof\0\0\0\x10mfhd"  # begins one, which a film that was recorded in fragments still has in its mdat
_HEADER = 8  # bytes of a box before its content
_NEAR = 1e-4  # share by which a bit rate may be rounded
_MOST_32 = (1 << 32) - 1


@dataclass(frozen=True)
class Box:
    """A box of a file: its type, and where it, its content, and what follows begin."""

    kind: bytes
    start: int
    content: int
    end: int


@dataclass(frozen=True)
class Mp4:
    """An MP4 file with a track of H.264; of several, the one with the most pictures.

    Attributes:
        avcc: content of its avcC box: parameter sets, and bytes of a NAL unit's length.
        starts, sizes: (n,) int64, of each sample in decoding order.
        boxes: those at the top of the file.
        table: stsz of that track.
        rate: its btrt box; None: it has none.
        seconds: that it lasts.
        chunks: stco and co64 of all tracks.
    """

    file: Source
    avcc: bytes
    starts: np.ndarray
    sizes: np.ndarray
    boxes: tuple[Box, ...]
    table: Box
    rate: Box | None
    seconds: float
    chunks: tuple[Box, ...]


def read_mp4(path: Source) -> Mp4:
    """Reads the tables of a file.

    Raises:
        MediaError: it is damaged, is in fragments, or has no H.264 of which it is known where it is.
    """
    if not is_mp4(path):
        raise MediaError(f"{path}: is no MP4 or MOV", _FILM)
    with mapped(path) as data:
        try:
            return _read(path, data)
        except (struct.error, LookupError, ValueError, RecursionError) as error:
            raise MediaError(f"{path}: the tables of this MP4 file are damaged", _FILM) from error


def write_mp4(film: Mp4, out: Path, samples: Mapping[int, bytes]) -> None:
    """Writes the file with other samples, by their numbers.

    Raises:
        MediaError: an offset no longer fits into its field.
    """
    order = sorted(samples, key=lambda number: film.starts[number])
    starts = np.array([film.starts[number] for number in order], np.int64)
    sizes = {number: len(new) for number, new in samples.items()}
    growth = np.array([sizes[number] - film.sizes[number] for number in order], np.int64).cumsum()

    def moved(offset: np.ndarray) -> np.ndarray:
        before = np.searchsorted(starts, offset)
        return offset + np.where(before > 0, growth[np.maximum(before, 1) - 1], 0) if len(starts) else offset

    with mapped(film.file) as data:
        numbers = {int(film.starts[number]): number for number in order}
        patches = _sizes_patch(film, sizes) | _rate_patch(film, data, int(growth[-1]) if len(growth) else 0)
        for box in film.chunks:
            patches |= _offsets_patch(film.file, data, box, moved)
        for box in film.boxes:
            patches |= _length_patch(film.file, data, box, int(moved(np.int64(box.end)) - moved(np.int64(box.start))))
        with out.open("wb") as written:
            at = 0
            for start in sorted({*patches, *numbers}):
                number = numbers.get(start)
                size, new = patches[start] if number is None else (int(film.sizes[number]), samples[number])
                written.write(data[at:start])
                written.write(new)
                at = start + size
            written.write(data[at:])


def _read(path: Source, data: mmap.mmap) -> Mp4:
    boxes = tuple(_top_boxes(data))
    if any(box.kind == b"moof" for box in boxes) or data.find(_FRAGMENT) >= 0:
        raise MediaError(f"{path}: this MP4 file was recorded in fragments", _FILM)
    known = [list(_within(data, box)) for box in boxes if box.kind == b"moov"]
    told = [box for box in (*boxes, *chain(*known)) if box.kind in _ABOUT]
    tracks = [track for found in known for track in _tracks(found)]
    if any(box.kind in _ABSOLUTE for box in chain(*known)) or any(b"iloc" in data[b.content : b.end] for b in told):
        raise MediaError(f"{path}: this MP4 file has offsets that are not known here", _FILM)
    films = [track for track in tracks if _avcc(data, track)]
    if not films:
        raise MediaError(f"{path}: has no track of H.264 in the form avc1", _H264)
    track = max(films, key=lambda track: _samples(data, track))
    sizes = _sample_sizes(data, track)
    if sizes is None:
        raise MediaError(f"{path}: has one size for all pictures, as films of one picture do", _LONGER)
    chunks = tuple(track[kind] for track in tracks for kind in (b"stco", b"co64") if kind in track)
    starts = _sample_starts(data, track, sizes)
    _check_samples(starts, sizes, [box for box in boxes if box.kind == b"mdat"])
    for box in chunks:
        _offsets(data, box)
    rate = next((box for box in _described(data, track) if box.kind == b"btrt"), None)
    avcc, seconds = _avcc(data, track), _seconds(data, track[b"mdhd"])
    return Mp4(path, avcc, starts, sizes, boxes, track[b"stsz"], rate, seconds, chunks)


def _top_boxes(data: mmap.mmap) -> Iterator[Box]:
    """The boxes at the top; what some cameras append to a whole film need not be any."""
    found = set()
    try:
        for box in _boxes(data, 0, len(data)):
            found.add(box.kind)
            yield box
    except ValueError:
        if not {b"moov", b"mdat"} <= found:
            raise


def _boxes(data: mmap.mmap, start: int, end: int) -> Iterator[Box]:
    while start + _HEADER <= end:
        size, kind, content = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], start + 8
        if size == 1:
            size, content = int.from_bytes(data[content : content + 8], "big"), content + 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            raise ValueError("a box of no size")
        yield Box(kind, start, content, stop)
        start = stop


def _within(data: mmap.mmap, box: Box) -> Iterator[Box]:
    """All boxes in one, in their order, with those in them."""
    for inner in _boxes(data, box.content, box.end):
        yield inner
        if inner.kind in _HOLDERS:
            yield from _within(data, inner)


def _tracks(found: list[Box]) -> list[dict[bytes, Box]]:
    """The boxes of each track by their types."""
    tracks = [box for box in found if box.kind == b"trak"]
    return [{box.kind: box for box in found if track.start < box.start < track.end} for track in tracks]


def _avcc(data: mmap.mmap, track: dict[bytes, Box]) -> bytes:
    """The avcC box of a track of H.264; b"" of any other."""
    if not {b"stsd", b"stsz", b"stsc", b"mdhd"} <= track.keys():
        return b""
    return next((data[box.content : box.end] for box in _described(data, track) if box.kind == b"avcC"), b"")


def _described(data: mmap.mmap, track: dict[bytes, Box]) -> list[Box]:
    """The boxes that describe a track of H.264; none of any other."""
    entries = list(_boxes(data, track[b"stsd"].content + 8, track[b"stsd"].end))
    if len(entries) != 1 or entries[0].kind != b"avc1":
        return []
    return list(_boxes(data, entries[0].content + 78, entries[0].end))


def _seconds(data: mmap.mmap, box: Box) -> float:
    """Length of a track, from its mdhd box."""
    form, at = (">IQ", 20) if data[box.content] else (">II", 12)
    ticks, length = struct.unpack(form, data[box.content + at : box.content + at + struct.calcsize(form)])
    return length / ticks if ticks else 0.0


def _samples(data: mmap.mmap, track: dict[bytes, Box]) -> int:
    """The number of samples of a track."""
    return int.from_bytes(data[track[b"stsz"].content + 8 : track[b"stsz"].content + 12], "big")


def _sample_sizes(data: mmap.mmap, track: dict[bytes, Box]) -> np.ndarray | None:
    """Bytes of each sample; None where the box has one number for all."""
    at = track[b"stsz"].content + 4
    same, count = struct.unpack(">II", data[at : at + 8])
    if same:
        return None
    return np.frombuffer(data[at + 8 : track[b"stsz"].end], ">u4", count).astype(np.int64)


def _sample_starts(data: mmap.mmap, track: dict[bytes, Box], sizes: np.ndarray) -> np.ndarray:
    """Offset of each sample, from those of chunks and the samples in each."""
    offsets = _offsets(data, track[b"co64"] if b"co64" in track else track[b"stco"]).astype(np.int64)
    table = track[b"stsc"]
    entries = np.frombuffer(data[table.content + 8 : table.end], ">u4", 3 * _count(data, table)).reshape(-1, 3)
    runs = np.diff([*entries[:, 0].astype(np.int64), len(offsets) + 1])
    if (runs < 0).any() or (entries[:1, 0] != 1).any():
        raise ValueError("chunks out of order")
    of_chunk = np.repeat(entries[:, 1].astype(np.int64), runs)
    if of_chunk.sum() != sizes.size:
        raise ValueError("chunks hold another number of samples")
    chunk = np.repeat(np.arange(len(offsets)), of_chunk)
    before = np.concatenate([[0], sizes.cumsum()[:-1]]) if sizes.size else sizes
    first = before[np.concatenate([[0], of_chunk.cumsum()[:-1]])[of_chunk > 0]]
    inside = before - np.repeat(first, of_chunk[of_chunk > 0])
    return offsets[chunk] + inside


def _check_samples(starts: np.ndarray, sizes: np.ndarray, holders: list[Box]) -> None:
    """Refuses samples that are not apart from each other, in the boxes for them."""
    order = starts.argsort()
    ends = (starts + sizes)[order]
    outside = np.ones(starts.size, bool)
    for box in holders:
        outside &= (starts < box.content) | (starts + sizes > box.end)
    if outside.any() or (starts[order][1:] < ends[:-1]).any():
        raise ValueError("samples are not where they can be")


def _count(data: mmap.mmap, box: Box) -> int:
    return int.from_bytes(data[box.content + 4 : box.content + 8], "big")


def _offsets(data: mmap.mmap, box: Box) -> np.ndarray:
    kind = ">u8" if box.kind == b"co64" else ">u4"
    return np.frombuffer(data[box.content + 8 : box.end], kind, _count(data, box))


def _sizes_patch(film: Mp4, sizes: Mapping[int, int]) -> dict[int, tuple[int, bytes]]:
    first = film.table.content + 12
    return {first + 4 * number: (4, size.to_bytes(4, "big")) for number, size in sizes.items()}


def _rate_patch(film: Mp4, data: mmap.mmap, growth: int) -> dict[int, tuple[int, bytes]]:
    """The highest and the mean bit rate, as far as they are the mean of all samples: whoever adds up would see it."""
    if film.rate is None or film.seconds <= 0:
        return {}
    before = 8 * int(film.sizes.sum()) / film.seconds
    after, found = before + 8 * growth / film.seconds, {}
    for at in (film.rate.content + 4, film.rate.content + 8):
        said = int.from_bytes(data[at : at + 4], "big")
        if abs(said - before) <= _NEAR * before:
            found[at] = (4, min(said + int(after) - int(before), _MOST_32).to_bytes(4, "big"))
    return found


def _offsets_patch(path: Source, data: mmap.mmap, box: Box, moved) -> dict[int, tuple[int, bytes]]:
    offsets = _offsets(data, box)
    new = moved(offsets.astype(np.int64))
    if box.kind == b"stco" and new.size and new.max() > _MOST_32:
        raise MediaError(f"{path}: would grow beyond 4 GB, for which its tables are too narrow", _FILM)
    written = new.astype(offsets.dtype).tobytes()
    return {box.content + 8: (len(written), written)}


def _length_patch(path: Source, data: mmap.mmap, box: Box, size: int) -> dict[int, tuple[int, bytes]]:
    """The size of a box at the top, if that has changed."""
    if size == box.end - box.start or data[box.start : box.start + 4] == bytes(4):
        return {}
    if box.content - box.start > _HEADER:
        return {box.start + _HEADER: (8, size.to_bytes(8, "big"))}
    if size > _MOST_32:
        raise MediaError(f"{path}: would grow beyond 4 GB, for which its tables are too narrow", _FILM)
    return {box.start: (4, size.to_bytes(4, "big"))}
