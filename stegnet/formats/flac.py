"""Metadata blocks and frames of a FLAC (RFC 9639, sections 8 and 9)."""

import io
import re
import struct
from bisect import bisect_left
from contextlib import suppress

import soundfile

from stegnet.formats.opened_file import id3_bytes

SEEK_TABLE, LAST = 3, 0x80  # types of metadata blocks: a seek table, and the flag of the last block
_POINT = struct.Struct(">QQH")  # of the seek table: sample, offset, samples of the frame
_MOST_NUMBER = 0x110000  # limit of frame numbers that Python codes as UTF-8
_NO_POINT = (1 << 64) - 1  # in place of a sample
_LENGTH_BYTES, _RATE_BYTES = {6: 1, 7: 2}, {12: 1, 13: 2, 14: 2}  # in a frame's header, by its fields


def metadata_blocks(file: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Return types and contents of the metadata blocks, and the start of the frames.

    Raises:
        ValueError: the metadata is incomplete or invalid.
    """
    blocks, place, kind = [], id3_bytes(file[:10]) + 4, 0
    while not kind & LAST:
        if place + 4 > len(file):
            raise ValueError("its metadata breaks off")
        kind, size = file[place], int.from_bytes(file[place + 1 : place + 4], "big")
        blocks.append((kind & ~LAST, file[place + 4 : place + 4 + size]))
        place += 4 + size
        if place > len(file):
            raise ValueError("its metadata breaks off")
    if blocks[0][0] or len(blocks[0][1]) != 34:
        raise ValueError("no description of the samples")
    return blocks, place


def seek_table(table: bytes, coded: bytes, first: int) -> bytes:
    """Return a seek table with the same points, for frames that begin at `first`, all but the last of equal length."""
    length, total = int.from_bytes(coded[8:10], "big"), int.from_bytes(coded[21:26], "big") & (1 << 36) - 1
    given = [sample for sample, *_ in _POINT.iter_unpack(table)]
    points, place = [], first
    for number in sorted(sample // length for sample in given if sample < total):
        found = find_frame(coded, number, place)
        if found is not None:
            place = found
            points.append((number * length, place - first, min(length, total - number * length)))
    rest = [(_NO_POINT, 0, 0)] * (len(given) - len(points))
    return b"".join(_POINT.pack(*point) for point in (*points, *rest))


def find_frame(coded: bytes, number: int, place: int) -> int | None:
    """Return the start of the frame with a number, from `place` on, by the CRC-8 of its header; None if not found."""
    if number >= _MOST_NUMBER:
        return None
    written = chr(number).encode(errors="surrogatepass")
    for found in re.finditer(b"\xff\xf8(.)." + re.escape(written), memoryview(coded)[place:], re.DOTALL):
        fields = found[1][0]
        end = found.end() + _LENGTH_BYTES.get(fields >> 4, 0) + _RATE_BYTES.get(fields & 15, 0)
        if _crc8(coded[place + found.start() : place + end]) == coded[place + end]:
            return place + found.start()
    return None


def _crc8(header: bytes) -> int:
    """Return the CRC-8 with the polynomial x⁸ + x² + x + 1."""
    crc = 0
    for byte in header:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc


def frames_end(file: bytes, description: bytes, total: int, first: int) -> int:
    """Return the end of the last frame, the least that libFLAC decodes completely; if not found, the file's end."""
    length = max(1, int.from_bytes(description[:2], "big"))
    place, samples = find_frame(file, (total - 1) // length, first), (total - 1) % length + 1
    if place is None:
        return len(file)
    before = b"fLaC\x80\0\0\x22" + description[:13] + bytes([description[13] & 0xF0]) + samples.to_bytes(4) + bytes(16)

    def is_whole(end: int) -> bool:
        with suppress(soundfile.LibsndfileError), soundfile.SoundFile(io.BytesIO(before + file[place:end])) as last:
            return len(last.read()) == samples
        return False

    return bisect_left(range(len(file)), True, lo=place, key=is_whole)
