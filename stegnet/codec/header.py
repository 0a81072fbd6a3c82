"""The sealed header: what a reader needs besides the pixels. Its layout is specified in docs/format.md.

Sealed, it is nonce (12) ‖ AES-256-GCM(record key, plaintext, AAD "stegnet/1").
"""

import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stegnet.codec.keys import FILM_ID_BYTES, SYSTEM, Key, Randomness
from stegnet.errors import CapacityError, RevealError

VERSION = 1
PICTURE, FILM = 1, 2
_AAD = b"stegnet/1"
_NONCE_BYTES = 12
_MAX_BYTES = 1 << 26
_MAX_SIDE = 1 << 20
_MAX_BLOCK = 256
_MAX_FRAMES = 1 << 24
_MAX_STAMP = 1 << 62

# version, kind, film id, width, height, block, weights
_FIXED = struct.Struct(">BB16sIIH32s")
# frames, time base, rate
_TIMING = struct.Struct(">IIIII")


@dataclass(frozen=True)
class Timing:
    """When a hidden film's frames are shown.

    Attributes:
        pts: strictly increasing, one for each hidden frame, in units of `time_base`.
        time_base: seconds.
        rate: frames per second on average.
    """

    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction


@dataclass(frozen=True)
class Header:
    """What is hidden.

    Attributes:
        film_id: 16 random bytes, fresh for each hiding.
        width, height: the secret's true size.
        block: side of the shuffle's blocks.
        weights: id of the weights it was hidden with, 64 hexadecimal digits.
        timing: of a hidden film; None for a picture.
    """

    film_id: bytes
    width: int
    height: int
    block: int
    weights: str
    timing: Timing | None = None


def seal_header(header: Header, key: Key, randomness: Randomness = SYSTEM) -> bytes:
    """The header's bytes, unreadable and unforgeable without the key.

    Raises:
        CapacityError: the secret is larger or longer than a header can say.
    """
    frames = len(header.timing.pts) if header.timing else 1
    if max(header.width, header.height) > _MAX_SIDE or frames > _MAX_FRAMES:
        raise CapacityError("the secret is too large", f"at most {_MAX_SIDE} pixels a side, and {_MAX_FRAMES} frames")
    nonce = randomness(_NONCE_BYTES)
    return nonce + AESGCM(key.record()).encrypt(nonce, format_header(header), _AAD)


def open_header(sealed: bytes | None, key: Key) -> Header:
    """The header in `sealed`.

    Raises:
        RevealError: there is none, the key is another one, or it was altered; the three can't be told apart.
    """
    try:
        if sealed is None or not _NONCE_BYTES < len(sealed) <= _MAX_BYTES:
            raise ValueError("no header")
        plaintext = AESGCM(key.record()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _AAD)
        return parse_header(plaintext)
    except (InvalidTag, ValueError) as error:
        raise nothing() from error


def nothing() -> RevealError:
    """The one message for a wrong key, nothing hidden, and a broken header."""
    return RevealError(
        "nothing can be revealed: no header opens with this key",
        "the key is another one, or the file was altered, or it hides nothing",
    )


def format_header(header: Header) -> bytes:
    """The plaintext."""
    fixed = _FIXED.pack(
        VERSION,
        FILM if header.timing else PICTURE,
        header.film_id,
        header.width,
        header.height,
        header.block,
        bytes.fromhex(header.weights),
    )
    return fixed + (_format_timing(header.timing) if header.timing else b"")


def parse_header(plaintext: bytes) -> Header:
    """The header that `format_header` wrote.

    Raises:
        ValueError: it is not one: unknown version or kind, an impossible value, too short or too long.
    """
    fields, rest = _unpack(_FIXED, plaintext)
    version, kind, film_id, width, height, block, weights = fields
    _require(version == VERSION and kind in (PICTURE, FILM))
    _require(0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and 0 < block <= _MAX_BLOCK)
    _require(kind == FILM or not rest)
    timing = _parse_timing(rest) if kind == FILM else None
    return Header(film_id, width, height, block, weights.hex(), timing)


def fresh_film_id(randomness: Randomness = SYSTEM) -> bytes:
    """A new film id."""
    return randomness(FILM_ID_BYTES)


def _format_timing(timing: Timing) -> bytes:
    deltas = [timing.pts[0], *(after - before for before, after in pairwise(timing.pts))]
    numbers = (len(deltas), *timing.time_base.as_integer_ratio(), *timing.rate.as_integer_ratio())
    return _TIMING.pack(*numbers) + zlib.compress(struct.pack(f">{len(deltas)}q", *deltas), 9)


def _parse_timing(data: bytes) -> Timing:
    (frames, base_over, base_under, rate_over, rate_under), packed = _unpack(_TIMING, data)
    _require(0 < frames <= _MAX_FRAMES)
    pts = tuple(accumulate(struct.unpack(f">{frames}q", _inflate(packed, frames * 8))))
    _require(all(before < after for before, after in pairwise(pts)))
    _require(max(-pts[0], pts[-1]) < _MAX_STAMP)
    return Timing(pts, _fraction(base_over, base_under), _fraction(rate_over, rate_under))


def _inflate(packed: bytes, size: int) -> bytes:
    """Exactly `size` bytes from a zlib stream that ends where `packed` ends."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError("not a zlib stream") from error
    _require(len(data) == size and inflater.eof and not inflater.unused_data)
    return data


def _unpack(layout: struct.Struct, data: bytes) -> tuple[tuple, bytes]:
    _require(len(data) >= layout.size)
    return layout.unpack_from(data), data[layout.size :]


def _fraction(over: int, under: int) -> Fraction:
    _require(over > 0 and under > 0)
    return Fraction(over, under)


def _require(fine: bool) -> None:
    if not fine:
        raise ValueError("not a header")
