import struct
import zlib
from fractions import Fraction

import pytest

from stegnet.codec.parsing import inflate, require, sized, take, take_fraction, take_sized

PAIR = struct.Struct(">BI")


def test_require():
    require(True)
    with pytest.raises(ValueError, match="record"):
        require(False)


def test_fields_are_taken_from_the_front():
    assert take(PAIR, b"\1\0\0\0\2rest") == ((1, 2), b"rest")
    assert take(PAIR, b"\1\0\0\0\2") == ((1, 2), b"")


@pytest.mark.parametrize("size", range(5))
def test_fields_that_are_cut_off(size):
    with pytest.raises(ValueError, match="record"):
        take(PAIR, bytes(size))


@pytest.mark.parametrize("data", [b"", b"x", b"x" * 300])
def test_sized(data):
    assert sized(data) == len(data).to_bytes(4, "big") + data
    assert take_sized(sized(data) + b"rest") == (data, b"rest")


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\3ab", b"\xff\xff\xff\xffab"])
def test_sized_that_is_cut_off(data):
    with pytest.raises(ValueError, match="record"):
        take_sized(data)


def test_fractions_are_above_zero():
    assert take_fraction(2, 4) == Fraction(1, 2)
    assert take_fraction(2**31 - 1, 2**31 - 1) == 1
    for parts in [(0, 1), (1, 0), (0, 0), (1 << 31, 1), (1, 1 << 31)]:
        with pytest.raises(ValueError, match="record"):
            take_fraction(*parts)


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000])
def test_inflate(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert inflate(zlib.compress(data[:size]), size) == data[:size]
    assert inflate(zlib.compress(data[:size]), size + 1) == data[:size]


@pytest.mark.parametrize("size", [1, 1000, 70_000])
def test_what_unpacks_to_too_much(size):
    with pytest.raises(ValueError, match="record"):
        inflate(zlib.compress(bytes(size)), size - 1)


def test_a_bomb_is_not_unpacked():
    """A gigabyte would be noticed: the stream is given up after the first byte too many."""
    bomb = zlib.compressobj(9)
    stream = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(1 << 6)) + bomb.flush()
    with pytest.raises(ValueError, match="record"):
        inflate(stream, 10)


WHOLE = zlib.compress(b"Twice and twice and twice.")


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_an_unfinished_stream(size):
    with pytest.raises(ValueError, match="record"):
        inflate(WHOLE[:size], 100)


@pytest.mark.parametrize("data", [b"no zlib", WHOLE + b"\0", WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), b"\x78\x9c\xff"])
def test_what_is_no_single_stream(data):
    with pytest.raises(ValueError, match="record"):
        inflate(data, 100)
