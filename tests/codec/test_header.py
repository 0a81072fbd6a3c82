import random
import struct
import zlib
from dataclasses import replace
from fractions import Fraction

import pytest

from stegnet.codec import Header, Key, open_header, seal_header
from stegnet.codec.header import Timing, format_header, parse_header
from stegnet.errors import CapacityError, RevealError

PICTURE = Header(bytes(range(16)), 97, 61, 8, "ab" * 32)
FILM = replace(PICTURE, timing=Timing((-5, 0, 3, 1000, 1001), Fraction(1001, 90_000), Fraction(30_000, 1001)))
LONG = replace(PICTURE, timing=Timing(tuple(range(0, 400_000, 4)), Fraction(1, 90_000), Fraction(25)))


@pytest.mark.parametrize("header", [PICTURE, FILM, LONG])
def test_headers_come_back(key, header):
    assert parse_header(format_header(header)) == header
    assert open_header(seal_header(header, key), key) == header


def test_even_time_stamps_cost_next_to_nothing(key):
    assert len(seal_header(LONG, key)) < 1500


def test_same_randomness_same_bytes(key):
    a, b = (seal_header(FILM, key, random.Random(7).randbytes) for _ in range(2))
    assert a == b
    assert seal_header(FILM, key) != seal_header(FILM, key)


def message(sealed, key):
    with pytest.raises(RevealError) as caught:
        open_header(sealed, key)
    return str(caught.value), caught.value.hint


def test_one_message_for_all_that_does_not_open(key):
    sealed = seal_header(FILM, key)
    bad = [None, b"", sealed[:12], sealed[:-1], sealed + b"\0", bytes(len(sealed))]
    bad += [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    messages = {message(one, key) for one in bad} | {message(sealed, Key(bytes(32)))}
    assert len(messages) == 1


def plaintext(timing=b"", **fields):
    values = {"version": 1, "kind": 1, "width": 97, "height": 61, "block": 8} | fields
    start = struct.pack(">BB16sII", values["version"], values["kind"], bytes(16), values["width"], values["height"])
    return start + struct.pack(">H32s", values["block"], bytes(32)) + timing


def timing(frames=2, base=(1, 25), rate=(25, 1), deltas=(0, 1), packed=None, end=b""):
    packed = zlib.compress(struct.pack(f">{len(deltas)}q", *deltas)) if packed is None else packed
    return struct.pack(">IIIII", frames, *base, *rate) + packed + end


def test_the_layout_is_as_written():
    assert parse_header(plaintext()) == Header(bytes(16), 97, 61, 8, "00" * 32)
    assert parse_header(plaintext(timing(), kind=2)).timing == Timing((0, 1), Fraction(1, 25), Fraction(25))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        plaintext()[:-1],
        plaintext(b"\0"),
        plaintext(version=0),
        plaintext(version=2),
        plaintext(kind=0),
        plaintext(kind=3),
        plaintext(width=0),
        plaintext(height=0),
        plaintext(width=(1 << 20) + 1),
        plaintext(block=0),
        plaintext(block=257),
        plaintext(kind=2),
        plaintext(timing()[:19], kind=2),
        plaintext(timing(frames=0, deltas=()), kind=2),
        plaintext(timing(frames=1), kind=2),
        plaintext(timing(frames=3), kind=2),
        plaintext(timing(frames=1 << 31), kind=2),
        plaintext(timing(base=(0, 1)), kind=2),
        plaintext(timing(base=(1, 0)), kind=2),
        plaintext(timing(rate=(1, 0)), kind=2),
        plaintext(timing(deltas=(0, 0)), kind=2),
        plaintext(timing(deltas=(5, -1)), kind=2),
        plaintext(timing(deltas=(1 << 62, 1)), kind=2),
        plaintext(timing(deltas=(-(1 << 62), 1)), kind=2),
        plaintext(timing(packed=b""), kind=2),
        plaintext(timing(packed=b"no zlib stream"), kind=2),
        plaintext(timing(packed=zlib.compress(bytes(1 << 24))), kind=2),
        plaintext(timing(end=b"\0"), kind=2),
        plaintext(timing()[:-1], kind=2),
    ],
)
def test_what_is_no_header_is_rejected(data):
    with pytest.raises(ValueError, match=r"not a (header|zlib stream)"):
        parse_header(data)


@pytest.mark.parametrize("header", [replace(PICTURE, width=1 << 21), replace(FILM, height=1 << 21)])
def test_what_a_header_can_not_say_is_refused(key, header):
    with pytest.raises(CapacityError, match="too large"):
        seal_header(header, key)
