"""Last changes to a film that FFmpeg has written, so that it looks like one of ffmpeg's command line.

FFmpeg's own way to the same bytes for the same input (`bitexact`) leaves out version numbers and numbers the tracks
1, 2, 3, by which such a file is told from others. So it is not used: Matroska's random identifiers are drawn anew, from
given randomness, and the ticks per second of a whole MP4 are the usual 1000.
"""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO

from stegnet.media import matroska

_SEED_BYTES = 4
# FFmpeg's lagged Fibonacci generator: words of its state, and how far back it looks.
_WORDS, _LAGS = 64, (24, 55)
_USUAL_TICKS = 1000
_NOTHING = -1  # the start of an edit that shows nothing
_MOVIE = b"moov"
_BRANCHES = {_MOVIE, b"trak", b"edts"}
# Of each box: its fields after version and flags, with times of 32 and of 64 bits, and the place of its length. An
# edit list has a number of edits before them.
_FIELDS = {b"mvhd": (">IIII", ">QQIQ", 3), b"tkhd": (">IIIII", ">QQIIQ", 4), b"elst": (">IiI", ">QqI", 0)}
_TICKS_PLACE = 2  # in mvhd
_LARGEST = 2**32 - 1


def draw_uids(path: Path, randomness: Callable[[int], bytes]) -> None:
    """Replaces the random identifiers of a Matroska file, those of the segment, the tracks and the attachments.

    They are drawn as FFmpeg draws them: all follow from 32 random bits. Whoever tries all 2³² seeds finds FFmpeg's
    identifiers, and would tell any others from them. The checksums over them are computed anew.

    Args:
        randomness: returns so many random bytes; called once, for 4.
    Raises:
        OSError: the file can't be written.
    """
    words = _random_words(int.from_bytes(randomness(_SEED_BYTES), "little"))
    with path.open("r+b") as film:
        spans = list(matroska.header_spans(film))
        drawn: dict[bytes, bytes] = {}
        for span in spans:
            if span.name in matroska.UIDS:
                old = _read(film, span.start, span.end)
                if old not in drawn:
                    drawn[old] = _drawn_uid(words, segment=span.name == matroska.SEGMENT_UID)
                _write(film, span.start, drawn[old])
        for span in spans:
            if span.name == matroska.CRC32:
                code = zlib.crc32(_read(film, span.end, span.parent_end))
                _write(film, span.start, code.to_bytes(4, "little"))


def _drawn_uid(words: Iterator[int], segment: bool) -> bytes:
    """The segment's are four words as they lie in memory, others two as a number."""
    if segment:
        return struct.pack("<4I", *islice(words, 4))
    return struct.pack(">2I", *islice(words, 2))


def _random_words(seed: int) -> Iterator[int]:
    """Output of FFmpeg's generator of random numbers (libavutil/lfg) for a seed, 32 bits each."""
    state, code = [0] * _WORDS, bytes(16)
    for start in range(8, _WORDS, 4):
        code = hashlib.md5(struct.pack("<IB", seed, start) + code[5:], usedforsecurity=False).digest()
        state[start : start + 4] = struct.unpack("<4I", code)
    for index in count():
        word = sum(state[(index - lag) % _WORDS] for lag in _LAGS) % 2**32
        state[index % _WORDS] = word
        yield word


def use_milliseconds(path: Path) -> None:
    """Sets the ticks per second of a whole MP4 to 1000, unless a track then starts at another time.

    They say how long the film and its tracks last, and when each track starts (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.6.6:
    mvhd, tkhd, elst). Lengths are rounded up, as FFmpeg does.

    Raises:
        OSError: the file can't be written.
    """
    with path.open("r+b") as film:
        start = _movie_box(film)
        movie = _read(film, start, film.seek(0, io.SEEK_END))
        leaves = [(name, _fields(name, body)) for name, body in _leaves(movie) if name in _FIELDS]
        ticks = next((rows[0][_TICKS_PLACE] for name, rows in leaves if name == b"mvhd"), _USUAL_TICKS)
        edits = [edit for name, rows in leaves if name == b"elst" for edit in rows]
        if all(_USUAL_TICKS * length % ticks == 0 for length, begin, _ in edits if begin == _NOTHING):
            _write(film, start, _rescaled(movie, lambda length: -(-length * _USUAL_TICKS // ticks)))
            film.truncate()


def _read(film: BinaryIO, start: int, end: int) -> bytes:
    film.seek(start)
    return film.read(end - start)


def _write(film: BinaryIO, start: int, data: bytes) -> None:
    film.seek(start)
    film.write(data)


def _movie_box(film: BinaryIO) -> int:
    """Start of the movie box, which FFmpeg writes last; the end of the file if there is none."""
    position, end = 0, film.seek(0, io.SEEK_END)
    while position < end:
        head = _read(film, position, position + 16)
        size = int.from_bytes(head[:4], "big")
        if head[4:8] == _MOVIE:
            return position
        position += int.from_bytes(head[8:], "big") if size == 1 else size
    return end


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box; all have sizes of 32 bits."""
    while content:
        size = int.from_bytes(content[:4], "big")
        yield content[4:8], content[8:size]
        content = content[size:]


def _leaves(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    for name, body in _boxes(content):
        yield from _leaves(body) if name in _BRANCHES else [(name, body)]


def _rescaled(content: bytes, rescale: Callable[[int], int]) -> bytes:
    """The boxes, with all that was in ticks of the film in milliseconds."""
    made = ((name, _rescaled_box(name, body, rescale)) for name, body in _boxes(content))
    return b"".join(struct.pack(">I4s", 8 + len(body), name) + body for name, body in made)


def _rescaled_box(name: bytes, body: bytes, rescale: Callable[[int], int]) -> bytes:
    if name in _BRANCHES:
        return _rescaled(body, rescale)
    if name not in _FIELDS:
        return body
    start, end = _extent(name, body)
    place = _FIELDS[name][2]
    rows = [[*row[:place], rescale(row[place]), *row[place + 1 :]] for row in _fields(name, body)]
    if name == b"mvhd":
        rows[0][_TICKS_PLACE] = _USUAL_TICKS
    version = int(any(row[place] >= _LARGEST for row in rows))
    changed = b"".join(struct.pack(_FIELDS[name][version], *row) for row in rows)
    return bytes([version]) + body[1:start] + changed + body[end:]


def _fields(name: bytes, body: bytes) -> list[tuple[int, ...]]:
    """The fields of a box; of an edit list, those of each edit."""
    start, end = _extent(name, body)
    return list(struct.iter_unpack(_FIELDS[name][body[0]], body[start:end]))


def _extent(name: bytes, body: bytes) -> tuple[int, int]:
    """Start and end of the fields: after the version (1 byte) and flags (3)."""
    size = struct.calcsize(_FIELDS[name][body[0]])
    if name != b"elst":
        return 4, 4 + size
    return 8, 8 + size * int.from_bytes(body[4:8], "big")
