"""The record of a frame and its bytes (docs/format.md, "Record").

Every frame of a container holds one and can be read alone: the header describes the whole secret, the rest is this
frame's share of it. Whatever is not a record raises ValueError.
"""

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from cryptography.hazmat.primitives.constant_time import bytes_eq

from stegnet.core.errors import CapacityError
from stegnet.core.kinds import FILE, FILM, PICTURE
from stegnet.core.samples import NONE
from stegnet.keys import FILM_ID_BYTES, Key
from stegnet.record.base import KINDS
from stegnet.record.erasure import SHARES
from stegnet.record.fields import MAX_PART, require, sized, take, take_fraction, take_sized
from stegnet.record.spread import ErasureCode, least_shares
from stegnet.record.tracks import format_tracks, parse_tracks
from stegnet.video.sound import SoundTrack

_NUMBERS = {PICTURE: 1, FILM: 2, FILE: 3}
_KINDS = {number: kind for kind, number in _NUMBERS.items()}
_SPREAD, _SPARE = 4, 5  # the kinds of a spread file, and of one in an album with pictures to spare, in bytes
MAX_SIDE = 1 << 20
MAX_BLOCK = 256
MAX_FRAMES = 1 << 24
MAX_NAME = 255
MAX_STAMP = 1 << 62
MAX_PIXELS = 1 << 28
MAX_SECONDS = 1 << 40

# film id, commitment, kind, frames of the container, index of this one
_START = struct.Struct(">16s32sBII")
# flags, block, weights, width, height, hidden frames, time base, rate
_PICTURES = struct.Struct(">BH32sIIIIIII")
# size, SHA-256
_FILE = struct.Struct(">Q32s")
_STAMP = struct.Struct(">q")
_OFFSET = struct.Struct(">Q")
_NEEDED = struct.Struct(">H")
# shares needed, pictures that are enough, number of the first share
_ALBUM = struct.Struct(">HIH")


@dataclass(frozen=True)
class Pictures:
    """Header of a picture or film that a network hides.

    Attributes:
        width, height: its true size.
        hidden: number of its frames; 1 for a picture.
        time_base: unit of its time stamps, in seconds.
        rate: frames per second on average.
        base: one of `base.KINDS`; if any, records hold it, and the network hides the residual only.
        block: side of the shuffle's blocks in pixels.
        weights: id of the weights, 64 hexadecimal digits.
        tracks: its sound.
    """

    width: int
    height: int
    hidden: int
    time_base: Fraction
    rate: Fraction
    base: str
    block: int
    weights: str
    tracks: tuple[SoundTrack, ...] = ()


@dataclass(frozen=True)
class File:
    """Header of a file that is hidden byte for byte, without a network.

    Attributes:
        name: without folders.
        size: in bytes.
        digest: SHA-256.
        needed: shares of a group of frames that give all others; 0 if the file is not spread.
        enough: pictures of an album that give it, whichever; 0: it takes all, or it is in a film.
    """

    name: str
    size: int
    digest: bytes
    needed: int = 0
    enough: int = 0


@dataclass(frozen=True)
class Header:
    """Description of what is hidden; the same in every frame.

    Attributes:
        film_id: 16 random bytes, fresh for each hiding.
        kind: PICTURE, FILM or FILE.
        frames: of the container.
        secret: Pictures for the first two kinds, File for the third.
    """

    film_id: bytes
    kind: str
    frames: int
    secret: Pictures | File

    @cached_property
    def spread(self) -> ErasureCode | None:
        """Places of a file's bytes in the frames; None if no file is spread over them."""
        if not isinstance(self.secret, File) or not self.secret.needed:
            return None
        shares = SHARES if self.secret.enough else self.frames
        return ErasureCode(self.film_id, shares, self.secret.size, self.secret.needed)

    @property
    def enough(self) -> int:
        """Pictures of an album that give the file, whichever; 0 if it is in no album."""
        if not isinstance(self.secret, File) or self.frames == 1:
            return 0
        return self.secret.enough or (0 if self.secret.needed else self.frames)


@dataclass(frozen=True)
class Record:
    """A header, and one frame's share of the secret.

    Attributes:
        header: of the container.
        index: of the frame.
        stamp: time stamp of the hidden frame; of a file that is not spread: offset of `data` in it; of one in an album
            with pictures to spare: number of the first share.
        base: the hidden picture's base as bytes; empty if the frame hides no picture, or the network hides all of it.
        data: sound packets, or the file's bytes, or shares of a spread file.
    """

    header: Header
    index: int
    stamp: int = 0
    base: bytes = b""
    data: bytes = b""

    def shares(self) -> Iterator[tuple[int, bytes]]:
        """The shares of a spread file that it holds, each with its number (of a film: that of the frame)."""
        size = self.header.spread.share_bytes
        if not self.header.secret.enough:
            yield self.index, self.data
            return
        for number, start in enumerate(range(0, len(self.data), size), self.stamp):
            yield number, self.data[start : start + size]


def format_record(record: Record, key: Key) -> bytes:
    """Formats a record as bytes, to be sealed.

    Raises:
        CapacityError: a size or time is beyond what a record can hold.
    """
    header = record.header
    _check(record)
    if isinstance(header.secret, File):
        kind, place = _place_of(header.secret, record.stamp)
        described = _format_file(header.secret) + place
    else:
        kind = _NUMBERS[header.kind]
        described = _format_pictures(header.secret) + _STAMP.pack(record.stamp) + sized(record.base)
    start = _START.pack(header.film_id, key.commitment(header.film_id), kind, header.frames, record.index)
    return start + described + record.data


def parse_record(data: bytes, key: Key) -> Record:
    """Parses a record; inverse of `format_record`.

    Raises:
        ValueError: an unknown kind, an impossible value, another key's commitment, or too few bytes.
    """
    (film_id, commitment, number, frames, index), rest = take(_START, data)
    require(bytes_eq(commitment, key.commitment(film_id)) and number in (*_KINDS, _SPREAD, _SPARE))
    require(0 <= index < frames <= MAX_FRAMES)
    if number in (_SPREAD, _SPARE):
        return (_parse_spread if number == _SPREAD else _parse_spare)(film_id, frames, index, rest)
    kind = _KINDS[number]
    if kind == FILE:
        file, rest = _parse_file(rest)
        (offset,), rest = take(_OFFSET, rest)
        require(offset + len(rest) <= file.size)
        return Record(Header(film_id, kind, frames, file), index, offset, b"", rest)
    pictures, rest = _parse_pictures(rest)
    require(kind == FILM or pictures.hidden == frames == 1)
    require(pictures.hidden <= frames)
    (stamp,), rest = take(_STAMP, rest)
    require(_in_time(stamp, pictures.time_base))
    base, rest = take_sized(rest)
    require(bool(base) == (pictures.base != NONE and index < pictures.hidden))
    return Record(Header(film_id, kind, frames, pictures), index, stamp, base, rest)


def _parse_spread(film_id: bytes, frames: int, index: int, data: bytes) -> Record:
    file, rest = _parse_file(data)
    (needed,), rest = take(_NEEDED, rest)
    require(0 < needed <= least_shares(frames))
    header = Header(film_id, FILE, frames, dataclasses.replace(file, needed=needed))
    require(len(rest) == header.spread.share_bytes)
    return Record(header, index, data=rest)


def _parse_spare(film_id: bytes, frames: int, index: int, data: bytes) -> Record:
    file, rest = _parse_file(data)
    (needed, enough, first), rest = take(_ALBUM, rest)
    require(file.size > 0 and 0 < needed <= SHARES and 0 < enough <= frames)
    header = Header(film_id, FILE, frames, dataclasses.replace(file, needed=needed, enough=enough))
    count, over = divmod(len(rest), header.spread.share_bytes)
    require(not over and first + count <= SHARES)
    return Record(header, index, first, data=rest)


def _place_of(secret: File, stamp: int) -> tuple[int, bytes]:
    """The kind of a file's record, and the fields that say which of its bytes follow."""
    if secret.enough:
        return _SPARE, _ALBUM.pack(secret.needed, secret.enough, stamp)
    return (_SPREAD, _NEEDED.pack(secret.needed)) if secret.needed else (_NUMBERS[FILE], _OFFSET.pack(stamp))


def _check(record: Record) -> None:
    secret = record.header.secret
    if record.header.frames > MAX_FRAMES:
        raise CapacityError("the cover is too long", f"a film has at most {MAX_FRAMES} frames")
    if isinstance(secret, File):
        return
    if not _in_size(secret.width, secret.height):
        raise CapacityError("the secret is too large", f"at most {MAX_SIDE} pixels a side, {MAX_PIXELS} in all")
    parts = *secret.time_base.as_integer_ratio(), *secret.rate.as_integer_ratio()
    if not (_in_time(record.stamp, secret.time_base) and 0 < min(parts) <= max(parts) <= MAX_PART):
        raise CapacityError("the secret's time stamps are beyond what can be hidden", "convert it to MP4 first")


def _in_size(width: int, height: int) -> bool:
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS


def _in_time(stamp: int, base: Fraction) -> bool:
    return abs(stamp) <= MAX_STAMP and abs(stamp) * base <= MAX_SECONDS


def _format_pictures(secret: Pictures) -> bytes:
    flags = KINDS.index(secret.base)
    times = (*secret.time_base.as_integer_ratio(), *secret.rate.as_integer_ratio())
    weights = bytes.fromhex(secret.weights)
    fixed = _PICTURES.pack(flags, secret.block, weights, secret.width, secret.height, secret.hidden, *times)
    return fixed + sized(format_tracks(secret.tracks))


def _parse_pictures(data: bytes) -> tuple[Pictures, bytes]:
    (flags, block, weights, width, height, hidden, *times), rest = take(_PICTURES, data)
    require(flags < len(KINDS) and 0 < block <= MAX_BLOCK and block % 8 == 0)
    require(_in_size(width, height) and hidden > 0)
    base, rate = take_fraction(*times[:2]), take_fraction(*times[2:])
    tracks, rest = take_sized(rest)
    secret = Pictures(width, height, hidden, base, rate, KINDS[flags], block, weights.hex(), parse_tracks(tracks))
    return secret, rest


def _format_file(secret: File) -> bytes:
    name = secret.name.encode("utf-8", "surrogateescape")
    return _FILE.pack(secret.size, secret.digest) + sized(name)


def is_file_name(name: bytes) -> bool:
    """Returns True for a name that a record can hold: a file's, without its folder."""
    return 0 < len(name) <= MAX_NAME and b"/" not in name and b"\0" not in name and name not in (b".", b"..")


def _parse_file(data: bytes) -> tuple[File, bytes]:
    (size, digest), rest = take(_FILE, data)
    name, rest = take_sized(rest)
    require(is_file_name(name))
    return File(name.decode("utf-8", "surrogateescape"), size, digest), rest


assert _START.size == FILM_ID_BYTES + 32 + 9
