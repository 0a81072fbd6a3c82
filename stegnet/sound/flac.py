"""Metadata blocks and frames of a FLAC (RFC 9639, sections 8 and 9)."""

import re
import struct

from stegnet.formats.boxes import FileBytes
from stegnet.formats.opened_file import FileSlices, id3_bytes

STREAM = 0  # types of metadata blocks
PADDING = 1
APPLICATION = 2
SEEK_TABLE = 3
COMMENTS = 4
LAST = 0x80  # flag of the last metadata block

Coded = FileBytes | FileSlices  # content of a file


def metadata_blocks(file: Coded) -> tuple[list[tuple[int, bytes]], int]:
    """Return types and contents of the metadata blocks, and the start of the frames.

    Raises:
        ValueError: the metadata is incomplete or invalid.
    """
    blocks = []
    place = id3_bytes(file[:10]) + 4
    kind = 0
    while not kind & LAST:
        if place + 4 > len(file):
            raise ValueError("its metadata breaks off")
        kind = file[place]
        size = int.from_bytes(file[place + 1 : place + 4], "big")
        blocks.append((kind & ~LAST, file[place + 4 : place + 4 + size]))
        place += 4 + size
        if place > len(file):
            raise ValueError("its metadata breaks off")
    if blocks[0][0] or len(blocks[0][1]) != 34:
        raise ValueError("no description of the samples")
    return blocks, place


def written_blocks(blocks: list[tuple[int, bytes]]) -> bytes:
    """Return metadata blocks, given by type and content, as they stand in a file."""
    heads = [kind.to_bytes(1) + len(content).to_bytes(3) for kind, content in blocks[:-1]]
    kind, content = blocks[-1]
    heads.append((kind | LAST).to_bytes(1) + len(content).to_bytes(3))
    return b"".join(head + content for head, (_, content) in zip(heads, blocks, strict=True))


def comments_of(content: bytes) -> list[bytes]:
    """Return the comments, NAME=TEXT each, of a block of them. Raises struct.error if it breaks off."""
    place = 4 + int.from_bytes(content[:4], "little")  # behind the encoder's name
    (count,) = struct.unpack_from("<I", content, place)
    comments = []
    place += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<I", content, place)
        comments.append(content[place + 4 : place + 4 + length])
        place += 4 + length
    return comments


def with_comments(content: bytes, comments: list[bytes]) -> bytes:
    """Return a block of comments with others."""
    first = 4 + int.from_bytes(content[:4], "little")
    counted = [len(each).to_bytes(4, "little") + each for each in comments]
    rest = content[first + 4 + sum(4 + len(each) for each in comments_of(content)) :]
    return b"".join((content[:first], len(comments).to_bytes(4, "little"), *counted, rest))


def seek_table(table: bytes, coded: Coded, first: int) -> bytes:
    """Return a seek table with the same points, for frames that begin at `first`, all but the last of equal length."""
    length = int.from_bytes(coded[8:10], "big")
    total = int.from_bytes(coded[21:26], "big") & (1 << 36) - 1
    point_form = struct.Struct(">QQH")  # of the seek table: sample, offset, samples of the frame
    old_points = [sample for sample, *_ in point_form.iter_unpack(table)]
    points = []
    place = first
    for number in sorted(sample // length for sample in old_points if sample < total):
        frame = find_frame(coded, number, place)
        if frame is not None:
            place = frame
            points.append((number * length, place - first, min(length, total - number * length)))
    no_point = (1 << 64) - 1  # in place of a sample
    rest = [(no_point, 0, 0)] * (len(old_points) - len(points))
    return b"".join(point_form.pack(*point) for point in (*points, *rest))


def find_frame(coded: Coded, number: int, place: int) -> int | None:
    """Return the start of the frame with a number, from `place` on, by the CRC-8 of its header; None if not found."""
    most_number = 0x110000  # limit of frame numbers that Python codes as UTF-8
    if number >= most_number:
        return None
    written = chr(number).encode(errors="surrogatepass")
    longest_header = 16
    at_once = 1 << 20  # bytes that are looked at together
    length_bytes = {6: 1, 7: 2}  # bytes in a frame's header for its length, by a field
    rate_bytes = {12: 1, 13: 2, 14: 2}  # bytes in a frame's header for its rate, by a field
    for first in range(place, len(coded), at_once):
        part = coded[first : first + at_once + longest_header]
        for match in re.finditer(b"\xff\xf8(.)." + re.escape(written), part, re.DOTALL):
            fields = match[1][0]
            end = match.end() + length_bytes.get(fields >> 4, 0) + rate_bytes.get(fields & 15, 0)
            if part[end : end + 1] == bytes([_crc8(part[match.start() : end])]):
                return first + match.start()
    return None


def _crc8(header: bytes) -> int:
    """Return the CRC-8 with the polynomial x⁸ + x² + x + 1."""
    crc = 0
    for byte in header:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc
