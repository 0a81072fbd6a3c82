"""Small steps of parsing that say ValueError where bytes are not what they should be."""

import struct
import zlib
from fractions import Fraction
from typing import Any, TypeVar

Bytes = TypeVar("Bytes", bytes, memoryview)
MAX_PART = (1 << 31) - 1  # of a fraction: FFmpeg's are no larger


def require(condition: bool) -> None:
    """ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not a stegnet record")


def take(layout: struct.Struct, data: Bytes) -> tuple[tuple[Any, ...], Bytes]:
    """The fields of a layout at the beginning of `data`, and the rest."""
    require(len(data) >= layout.size)
    return layout.unpack_from(data), data[layout.size :]


_SIZE = struct.Struct(">I")


def sized(data: bytes) -> bytes:
    """`data` after its length in 32 bits."""
    return _SIZE.pack(len(data)) + data


def take_sized(data: Bytes) -> tuple[Bytes, Bytes]:
    """What `sized` wrote, and the rest."""
    (size,), rest = take(_SIZE, data)
    require(len(rest) >= size)
    return rest[:size], rest[size:]


def take_fraction(numerator: int, denominator: int) -> Fraction:
    """A fraction above zero."""
    require(0 < numerator <= MAX_PART and 0 < denominator <= MAX_PART)
    return Fraction(numerator, denominator)


def inflate(data: bytes, most: int) -> bytes:
    """What a whole zlib stream and nothing else holds, at most `most` bytes."""
    stream = zlib.decompressobj()
    try:
        flat = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise ValueError("not a stegnet record") from error
    require(stream.eof and not stream.unused_data and len(flat) <= most)
    return flat
