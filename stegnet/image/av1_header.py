"""Headers of AV1 pictures (AV1 Bitstream & Decoding Process Specification, 5.3 to 5.5), which say how large they are.

The boxes around a picture say it, too, but decoders believe the AV1 data, and scale what they have decoded: a small
file may declare a small picture around a frame that takes gigabytes. So what comes from strangers is decoded only if
all of its headers declare one picture of the size that it should have.
"""

from enum import IntEnum

from stegnet.formats.boxes import Box, boxes


class _Unit(IntEnum):
    """Types of units (OBUs)."""

    SEQUENCE_HEADER = 1
    FRAME_HEADER = 3
    FRAME = 6


def require_picture(data: bytes, height: int, width: int) -> None:
    """Raise ValueError unless AV1 data is one frame of this size, by its sequence header."""
    is_declared = False
    frames = 0
    for kind, unit in _units(data):
        if kind == _Unit.SEQUENCE_HEADER:
            _require(_size(unit[:16]) == (height, width))
            is_declared = True
        elif kind in (_Unit.FRAME_HEADER, _Unit.FRAME):
            _require(is_declared)
            frames += 1
    _require(frames == 1)


def _units(data: bytes) -> list[tuple[int, bytes]]:
    """Return the type and the content of each unit (5.3)."""
    units = []
    place = 0
    while place < len(data):
        kind, is_extended, has_size = data[place] >> 3 & 15, data[place] & 4, data[place] & 2
        place += 2 if is_extended else 1
        size = len(data) - place
        if has_size:
            size, place = _leb128(data, place)
        _require(0 <= size <= len(data) - place)
        units.append((kind, data[place : place + size]))
        place += size
    return units


def _leb128(data: bytes, place: int) -> tuple[int, int]:
    """Return a number in groups of 7 bits, the lowest first (4.10.5), and the place behind it."""
    value = 0
    for index, byte in enumerate(data[place : place + 8]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, place + index + 1
    raise ValueError("not an AVIF picture of this size: a unit has no size")


def _size(header: bytes) -> tuple[int, int]:
    """Return height and width of a still picture by its sequence header (5.5.1), which must be the reduced one."""
    value = int.from_bytes(header, "big")
    left = 8 * len(header)

    def take(count: int) -> int:
        nonlocal left
        left -= count
        _require(left >= 0)
        return value >> left & ((1 << count) - 1)

    take(3)  # profile
    _require(take(1) == 1)  # a still picture
    _require(take(1) == 1)  # reduced: without frames of other sizes
    take(5)  # level
    bits_of_width = take(4) + 1
    bits_of_height = take(4) + 1
    width = take(bits_of_width) + 1
    return take(bits_of_height) + 1, width


def picture_data(file: bytes) -> bytes:
    """Return the AV1 data of an AVIF file of one picture (ISO/IEC 14496-12, 8.11). Raises ValueError if it is none."""
    meta = _only(b"meta", list(boxes(file)))
    _require(not any(part.kind == b"moov" for part in boxes(file)))  # not a film
    inside = list(boxes(file, meta.content + 4, meta.end))
    items = _only(b"iinf", inside)
    _require(file[items.content : items.content + 6] == bytes([0, 0, 0, 0, 0, 1]))
    place = _only(b"iloc", inside)
    # One item of one extent, at a place in the file of 32 bits, as encoders write it.
    described = file[place.content : place.end]
    _require(described[:8] == bytes([0, 0, 0, 0, 0x44, 0, 0, 1]) and len(described) == 22)
    _require(described[10:14] == bytes([0, 0, 0, 1]))
    start = int.from_bytes(described[14:18], "big")
    size = int.from_bytes(described[18:], "big")
    _require(start + size <= len(file))
    return file[start : start + size]


def _only(kind: bytes, among: list[Box]) -> Box:
    """Return the only box of a type. Raises ValueError if there are none or several."""
    found = [part for part in among if part.kind == kind]
    _require(len(found) == 1)
    return found[0]


def _require(condition: bool) -> None:
    """Raise ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not an AVIF picture of this size")
