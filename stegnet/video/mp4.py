"""MP4 and MOV files that are changed in place (ISO/IEC 14496-12 and -15).

H.264 samples are replaced, and sample sizes, chunk offsets and the bit rate are updated; all other bytes stay, except
for boxes that the caller replaces. In a film that PyAV has written, the ticks of the whole film become milliseconds,
and the width at which it is shown is set from the pixel aspect ratio.
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stegnet.core.errors import MediaError
from stegnet.formats.boxes import HEADER, HOLDERS, Box, all_boxes, box, boxes
from stegnet.formats.opened_file import Source, is_mp4, mapped, spliced

_COPY_HINT = "copy it first: ffmpeg -i FILM -c copy OTHER.mp4"
_MOST_32 = (1 << 32) - 1
_USUAL_TICKS = 1000  # of a second


class _TickFields(NamedTuple):
    """Fields after version and flags of a box that counts in ticks of the film."""

    narrow: str  # `struct` format with times of 32 bits
    wide: str  # with times of 64 bits
    length: int  # index of the length among the fields
    ticks: int | None = None  # index of the number of ticks in a second


# In an edit list, the number of edits comes first.
_FIELDS = {
    b"mvhd": _TickFields(">IIII", ">QQIQ", 3, ticks=2),
    b"tkhd": _TickFields(">IIIII", ">QQIIQ", 4),
    b"elst": _TickFields(">IiI", ">QqI", 0),
}
_Changes = dict[tuple[int, int], bytes]  # by the start and end of the bytes they replace


@dataclass(frozen=True)
class Mp4:
    """An MP4 file with a track of H.264; of several, the one with the most pictures."""

    file: Source
    avcc: bytes  # content of its avcC box: parameter sets, and the bytes of a NAL unit's length
    starts: NDArray[np.int64]  # starts, sizes: (n,), of each sample in decoding order
    sizes: NDArray[np.int64]
    boxes: tuple[Box, ...]  # those at the top of the file
    table: Box  # stsz of that track
    rate: Box | None  # its btrt box, if it has one
    durations: tuple[float, ...]  # in seconds: as the track's header says, and the sum over its samples
    chunks: tuple[Box, ...]  # stco and co64 of all tracks


def read_mp4(path: Source) -> Mp4:
    """Read the tables of a file. Raises MediaError if it has no H.264, or does not clearly say where it is."""
    if not is_mp4(path):
        raise MediaError("is not an MP4 or MOV", _COPY_HINT, subject=path)
    with mapped(path) as data:
        try:
            return _read(path, data)
        except (struct.error, LookupError, ValueError, RecursionError) as error:
            raise MediaError("the tables of this MP4 file are damaged", _COPY_HINT, subject=path) from error


def write_mp4(
    film: Mp4,
    out: Path,
    samples: Mapping[int, bytes],
    replaced: Mapping[tuple[int, int], bytes] = MappingProxyType({}),
) -> None:
    """Write the file with other samples.

    Args:
        film: the file.
        out: file to write.
        samples: bytes of samples, by their numbers.
        replaced: bytes instead of boxes at the top of the file, by their start and end, or of other parts of one size.

    Raises:
        MediaError: an offset no longer fits into its field.
    """
    of_samples = {int(film.starts[number]): len(data) - int(film.sizes[number]) for number, data in samples.items()}
    of_boxes = {start: len(rest) - (end - start) for (start, end), rest in replaced.items()}
    starts, more = np.array(sorted({**of_samples, **of_boxes}.items()), np.int64).reshape(-1, 2).T
    growth = more.cumsum()

    def moved(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(starts):
            return offsets
        before = np.searchsorted(starts, offsets)
        return offsets + np.where(before > 0, growth[np.maximum(before, 1) - 1], 0)

    with mapped(film.file) as data:
        changes = {**_changed_rate(film, data, sum(of_samples.values())), **replaced}
        for number, sample in samples.items():
            place = film.table.content + 12 + 4 * number
            changes[place, place + 4] = len(sample).to_bytes(4, "big")
        for table in film.chunks:
            offsets = _offsets(data, table)
            new = moved(offsets.astype(np.int64))
            if table.kind == b"stco" and new.size and new.max() > _MOST_32:
                raise _too_large(film.file)
            written = new.astype(offsets.dtype).tobytes()
            changes[table.content + 8, table.content + 8 + len(written)] = written
        for top in film.boxes:
            if (top.start, top.end) in replaced:
                continue
            start, end = moved(np.array([top.start, top.end])).tolist()
            changes |= _changed_length(film.file, data, top, end - start)
        for number, sample in samples.items():
            start = int(film.starts[number])
            changes[start, start + int(film.sizes[number])] = sample
        with out.open("wb") as file:
            file.writelines(spliced(data, changes))


def _read(path: Source, data: mmap.mmap) -> Mp4:
    # A film that was recorded in fragments may have become one, and still has the beginning of a fragment in its mdat.
    fragment_start = b"moof\0\0\0\x10mfhd"
    top = tuple(top_boxes(data))
    if any(part.kind == b"moof" for part in top) or data.find(fragment_start) >= 0:
        raise MediaError("this MP4 file was recorded in fragments", _COPY_HINT, subject=path)

    # Boxes with file offsets are not updated, apart from those of chunks; some are in boxes that are not looked into.
    movies = [list(all_boxes(data, part.content, part.end)) for part in top if part.kind == b"moov"]
    inner = list(chain(*movies))
    unread = [part for part in (*top, *inner) if part.kind in (b"meta", b"udta")]
    has_iloc = any(b"iloc" in data[part.content : part.end] for part in unread)
    if has_iloc or any(part.kind in (b"saio", b"iloc") for part in inner):
        raise MediaError("this MP4 file has an unsupported offset box", _COPY_HINT, subject=path)

    # Of several tracks of H.264, the one with the most pictures is read.
    tracks = [track for movie in movies for track in tracks_of(movie)]
    films = [track for track in tracks if _avcc(data, track)]
    if not films:
        hint = "copy it first: ffmpeg -i FILM -c copy -tag:v avc1 OTHER.mp4; other codecs: with -c:v libx264"
        raise MediaError("has no track of H.264 in the form avc1", hint, subject=path)
    track = max(films, key=lambda track: struct.unpack_from(">I", data, track[b"stsz"].content + 8))

    # Sizes and starts of its samples.
    table = track[b"stsz"]
    if struct.unpack_from(">I", data, table.content + 4)[0]:
        problem = "has one size for all pictures, as films of one picture do"
        raise MediaError(problem, "use a longer film", subject=path)
    sizes = _sizes(data, table)
    chunks = tuple(track[kind] for track in tracks for kind in (b"stco", b"co64") if kind in track)
    starts = _sample_starts(data, track, sizes)
    _check_samples(starts, sizes, [part for part in top if part.kind == b"mdat"])
    for chunk_table in chunks:
        _offsets(data, chunk_table)

    rate = next((part for part in _boxes_of_entry(data, track) if part.kind == b"btrt"), None)
    durations = _durations(data, track)
    return Mp4(path, _avcc(data, track), starts, sizes, top, table, rate, durations, chunks)


def tracks_of(movie: list[Box]) -> Iterator[dict[bytes, Box]]:
    """Yield the boxes of each track by type, from all boxes of a moov box."""
    for track in movie:
        if track.kind == b"trak":
            yield {part.kind: part for part in movie if track.start < part.start < track.end}


def _durations(data: mmap.mmap, track: dict[bytes, Box]) -> tuple[float, ...]:
    """Return the durations of a track in seconds, by its mdhd and by its stts box, as far as they give any."""
    header = track[b"mdhd"]
    is_wide = data[header.content]
    form, offset = (">IQ", 20) if is_wide else (">II", 12)
    ticks, length = struct.unpack_from(form, data, header.content + offset)
    lengths = [length]
    if times := track.get(b"stts"):
        runs = np.frombuffer(data[times.content + 8 : times.end], ">u4", 2 * _count(data, times)).reshape(-1, 2)
        lengths.append(int(runs.astype(np.uint64).prod(1).sum()))
    return tuple(each / ticks for each in lengths if ticks and each)


def top_boxes(data: mmap.mmap) -> Iterator[Box]:
    """Yield the boxes at the top. Data that some cameras append to a complete film need not be boxes."""
    kinds = set()
    try:
        for part in boxes(data):
            kinds.add(part.kind)
            yield part
    except ValueError:
        if not {b"moov", b"mdat"} <= kinds:
            raise


def _avcc(data: mmap.mmap, track: dict[bytes, Box]) -> bytes:
    """Return the avcC box of a track of H.264; b"" for any other track."""
    if not {b"stsd", b"stsz", b"stsc", b"mdhd"} <= track.keys():
        return b""
    return next((data[part.content : part.end] for part in _boxes_of_entry(data, track) if part.kind == b"avcC"), b"")


def _boxes_of_entry(data: mmap.mmap, track: dict[bytes, Box]) -> list[Box]:
    """Return the boxes in the only sample entry of an H.264 track; an empty list for any other track."""
    header = 8  # version, flags, count of entries
    fields = 78  # of a VisualSampleEntry (ISO/IEC 14496-12, section 12.1.3)
    entries = list(boxes(data, track[b"stsd"].content + header, track[b"stsd"].end))
    if len(entries) != 1 or entries[0].kind != b"avc1":
        return []
    return list(boxes(data, entries[0].content + fields, entries[0].end))


def samples_of(data: mmap.mmap, track: dict[bytes, Box]) -> list[tuple[int, int]]:
    """Return the start and the size of each sample of a track. Raises errors of damaged tables."""
    sizes = _sizes(data, track[b"stsz"])
    starts = _sample_starts(data, track, sizes)
    _check_samples(starts, sizes, [Box(b"", 0, 0, len(data))])
    return list(zip(starts.tolist(), sizes.tolist(), strict=True))


def _sizes(data: mmap.mmap, table: Box) -> NDArray[np.int64]:
    """Return the size of each sample, which may be the same for all."""
    same, count = struct.unpack_from(">II", data, table.content + 4)
    if same:
        if count * same > len(data):
            raise ValueError("more samples than the file has bytes")
        return np.full(count, same, np.int64)
    return np.frombuffer(data[table.content + 12 : table.end], ">u4", count).astype(np.int64)


def _sample_starts(data: mmap.mmap, track: dict[bytes, Box], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offset of each sample, from the offsets of chunks and the number of samples in each."""
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
    starts: NDArray[np.int64] = offsets[chunk] + inside
    return starts


def _check_samples(starts: NDArray[np.int64], sizes: NDArray[np.int64], holders: list[Box]) -> None:
    """Raise ValueError for samples that overlap, or are outside the boxes for them."""
    order = starts.argsort()
    ends = (starts + sizes)[order]
    outside = np.ones(starts.size, bool)
    for holder in holders:
        outside &= (starts < holder.content) | (starts + sizes > holder.end)
    if outside.any() or (starts[order][1:] < ends[:-1]).any():
        raise ValueError("samples are not where they can be")


def _count(data: mmap.mmap, table: Box) -> int:
    count: int = struct.unpack_from(">I", data, table.content + 4)[0]
    return count


def _offsets(data: mmap.mmap, table: Box) -> NDArray[np.unsignedinteger]:
    """Return the offsets of chunks, (n,), of 32 or 64 bits as in the table."""
    kind = ">u8" if table.kind == b"co64" else ">u4"
    return np.frombuffer(data[table.content + 8 : table.end], kind, _count(data, table))


def _changed_rate(film: Mp4, data: mmap.mmap, growth: int) -> _Changes:
    """Return changes of the highest and the mean bit rate, if these equal the mean over all samples.

    Anyone who adds up the samples would notice otherwise.
    """
    if film.rate is None:
        return {}
    rounding = 1e-4  # share by which a bit rate may be rounded
    bits = 8 * int(film.sizes.sum())
    changes: _Changes = {}
    for seconds, place in product(film.durations, (film.rate.content + 4, film.rate.content + 8)):
        before, after = bits / seconds, (bits + 8 * growth) / seconds
        said = int.from_bytes(data[place : place + 4], "big")
        if abs(said - before) <= rounding * before:
            changes[place, place + 4] = min(said + int(after) - int(before), _MOST_32).to_bytes(4, "big")
    return changes


def _changed_length(path: Source, data: mmap.mmap, top: Box, size: int) -> _Changes:
    """Return the change of a top box's size, if it has changed."""
    if size == top.end - top.start or data[top.start : top.start + 4] == bytes(4):
        return {}
    if top.content - top.start > HEADER:
        return {(top.start + HEADER, top.start + HEADER + 8): size.to_bytes(8, "big")}
    if size > _MOST_32:
        raise _too_large(path)
    return {(top.start, top.start + 4): size.to_bytes(4, "big")}


def _too_large(path: Source) -> MediaError:
    return MediaError("would grow beyond 4 GB, for which its tables are too narrow", _COPY_HINT, subject=path)


def use_milliseconds(path: Path) -> None:
    """Set the ticks per second of a whole MP4 to the usual 1000, unless a track would then start at another time.

    Ticks give the duration of the film and its tracks, and the start of each track (ISO/IEC 14496-12, 8.2.2, 8.3.2,
    8.6.6: mvhd, tkhd, elst). Durations are rounded up, as FFmpeg does.
    """
    with mapped(path) as data:
        start = next((part.start for part in boxes(data) if part.kind == b"moov"), len(data))  # the last box
        movie = data[start:]
    timed = [part for part in all_boxes(movie) if part.kind in _FIELDS]
    fields = [(part.kind, _rows(part.kind, movie[part.content : part.end])[1]) for part in timed]
    timescale = 2  # index among the fields of mvhd
    ticks = next((rows[0][timescale] for kind, rows in fields if kind == b"mvhd"), _USUAL_TICKS)
    edits = [edit for kind, rows in fields if kind == b"elst" for edit in rows]
    shows_nothing = -1  # start of an edit without pictures, which delays a track
    if all(_USUAL_TICKS * length % ticks == 0 for length, begin, _ in edits if begin == shows_nothing):
        changed = list(_in_milliseconds(movie, ticks))
        with path.open("r+b") as film:
            film.seek(start)
            film.write(b"".join(changed))
            film.truncate()


def set_shown_width(path: Path, aspect: Fraction) -> None:
    """Set the width at which an MP4's pictures are shown, in pixels as high as theirs (ISO/IEC 14496-12, 8.3.2: tkhd).

    PyAV passes FFmpeg the pixel aspect ratio for the other places of a file, not for this one.
    """
    with mapped(path) as data:
        # Width and height are the last eight bytes of a tkhd box; they are 0 in tracks without pictures.
        places = (part.end - 8 for part in all_boxes(data) if part.kind == b"tkhd")
        place = next(place for place in places if any(data[place : place + 8]))
        pixels = int.from_bytes(data[place : place + 4], "big")
    shown = int(pixels * aspect + Fraction(1, 2))
    if 0 < shown <= _MOST_32:
        with path.open("r+b") as film:
            film.seek(place)
            film.write(shown.to_bytes(4, "big"))


def _in_milliseconds(data: bytes, ticks: int) -> Iterator[bytes]:
    """Yield boxes with all ticks of the film converted to milliseconds."""
    for part in boxes(data):
        kind = part.kind
        content = data[part.content : part.end]
        if kind in HOLDERS:
            content = b"".join(_in_milliseconds(content, ticks))
        elif kind in _FIELDS:
            start, rows, end = _rows(kind, content)
            fields = _FIELDS[kind]
            for row in rows:
                row[fields.length] = -(-row[fields.length] * _USUAL_TICKS // ticks)
                if fields.ticks is not None:
                    row[fields.ticks] = _USUAL_TICKS
            is_wide = any(row[fields.length] >= _MOST_32 for row in rows)
            changed = b"".join(struct.pack(fields.wide if is_wide else fields.narrow, *row) for row in rows)
            content = bytes([int(is_wide)]) + content[1:start] + changed + content[end:]
        yield box(kind, content)


def _rows(kind: bytes, content: bytes) -> tuple[int, list[list[int]], int]:
    """Return the fields of a box, or of each edit of an edit list, between their start and end in its content."""
    form = _FIELDS[kind].wide if content[0] else _FIELDS[kind].narrow
    start, count = (8, int.from_bytes(content[4:8], "big")) if kind == b"elst" else (4, 1)
    end = start + count * struct.calcsize(form)
    return start, [list(row) for row in struct.iter_unpack(form, content[start:end])], end
