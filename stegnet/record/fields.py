"""Fields of records, one after the other; whatever does not fit raises ValueError."""

import struct
import zlib
from fractions import Fraction
from typing import Any, TypeVar

MAX_PART = (1 << 31) - 1  # of a fraction: FFmpeg's are no larger
_SIZE = struct.Struct(">I")

Bytes = TypeVar("Bytes", bytes, memoryview)


def require(condition: bool) -> None:
    """Raises ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not a stegnet record")


def take(layout: struct.Struct, data: Bytes) -> tuple[tuple[Any, ...], Bytes]:
    """Unpacks the fields of a layout from the beginning of `data`; returns them and the rest."""
    require(len(data) >= layout.size)
    return layout.unpack_from(data), data[layout.size :]


def sized(data: bytes) -> bytes:
    """`data`, prefixed with its length in 32 bits."""
    return _SIZE.pack(len(data)) + data


def take_sized(data: Bytes) -> tuple[Bytes, Bytes]:
    """Splits off data that `sized` prefixed; returns it and the rest."""
    (size,), rest = take(_SIZE, data)
    require(len(rest) >= size)
    return rest[:size], rest[size:]


def take_fraction(numerator: int, denominator: int) -> Fraction:
    """A fraction above zero, with parts of at most 31 bits."""
    require(0 < numerator <= MAX_PART and 0 < denominator <= MAX_PART)
    return Fraction(numerator, denominator)


def inflate(data: bytes, most: int) -> bytes:
    """Decompresses a complete zlib stream, with nothing after it, to at most `most` bytes."""
    stream = zlib.decompressobj()
    try:
        flat = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise ValueError("not a stegnet record") from error
    require(stream.eof and not stream.unused_data and len(flat) <= most)
    return flat
