"""What a frame's record says. Its layout is specified in docs/format.md, "Record".

Every frame of a container holds one, readable alone: what the whole secret is, and this frame's part of it.
"""

import struct
from dataclasses import dataclass
from fractions import Fraction

from cryptography.hazmat.primitives.constant_time import bytes_eq

from stegnet.codec.keys import FILM_ID_BYTES, Key
from stegnet.codec.parsing import MAX_PART, require, sized, take, take_fraction, take_sized
from stegnet.codec.tracks import format_tracks, parse_tracks
from stegnet.core.errors import CapacityError
from stegnet.media import SoundTrack

PICTURE, FILM, FILE = 1, 2, 3
MAX_SIDE = 1 << 20
MAX_BLOCK = 256
MAX_FRAMES = 1 << 24
MAX_NAME = 255
MAX_STAMP = 1 << 62
MAX_PIXELS = 1 << 28
MAX_SECONDS = 1 << 40
_DETAIL = 1

# film id, commitment, kind, frames of the container, index of this one
_START = struct.Struct(">16s32sBII")
# flags, block, weights, width, height, hidden frames, time base, rate
_PICTURES = struct.Struct(">BH32sIIIIIII")
# size, SHA-256
_FILE = struct.Struct(">Q32s")
_STAMP = struct.Struct(">q")
_OFFSET = struct.Struct(">Q")


@dataclass(frozen=True)
class Pictures:
    """A picture or film that a network hides.

    Attributes:
        width, height: its true size.
        hidden: number of its frames; 1 for a picture.
        time_base: of its stamps, in seconds.
        rate: frames per second on average.
        detail: does the network hide the detail only, and the record hold the block means?
        block: side of the shuffle's blocks.
        weights: id of the weights, 64 hexadecimal digits.
        tracks: its sound.
    """

    width: int
    height: int
    hidden: int
    time_base: Fraction
    rate: Fraction
    detail: bool
    block: int
    weights: str
    tracks: tuple[SoundTrack, ...] = ()


@dataclass(frozen=True)
class File:
    """Any file, hidden byte for byte without a network.

    Attributes:
        name: without folders.
        size: in bytes.
        digest: SHA-256.
    """

    name: str
    size: int
    digest: bytes


@dataclass(frozen=True)
class Header:
    """What is hidden; the same in every frame.

    Attributes:
        film_id: 16 random bytes, fresh for each hiding.
        kind: PICTURE, FILM or FILE.
        frames: of the container.
        secret: Pictures for the first two kinds, File for the third.
    """

    film_id: bytes
    kind: int
    frames: int
    secret: Pictures | File


@dataclass(frozen=True)
class Record:
    """A header, and one frame's part of the secret.

    Attributes:
        header: of the container.
        index: of the frame.
        stamp: time stamp of the hidden frame; of a file: offset of `data` in it.
        thumbnail: packed block means; empty where the frame hides no picture, or all of it is with the network.
        data: sound packets, or the file's bytes.
    """

    header: Header
    index: int
    stamp: int = 0
    thumbnail: bytes = b""
    data: bytes = b""


def format_record(record: Record, key: Key) -> bytes:
    """The record's bytes, to be sealed.

    Raises:
        CapacityError: the secret is larger or longer than a record can say.
    """
    header = record.header
    _check(record)
    start = _START.pack(header.film_id, key.commitment(header.film_id), header.kind, header.frames, record.index)
    if isinstance(header.secret, File):
        return start + _format_file(header.secret) + _OFFSET.pack(record.stamp) + record.data
    return start + _format_pictures(header.secret) + _STAMP.pack(record.stamp) + sized(record.thumbnail) + record.data


def parse_record(data: bytes, key: Key) -> Record:
    """The record that `format_record` wrote.

    Raises:
        ValueError: it is not one: an unknown kind, an impossible value, another key's commitment, too short.
    """
    (film_id, commitment, kind, frames, index), rest = take(_START, data)
    require(bytes_eq(commitment, key.commitment(film_id)) and kind in (PICTURE, FILM, FILE))
    require(0 <= index < frames <= MAX_FRAMES)
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
    thumbnail, rest = take_sized(rest)
    require(bool(thumbnail) == (pictures.detail and index < pictures.hidden))
    return Record(Header(film_id, kind, frames, pictures), index, stamp, thumbnail, rest)


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
    flags = _DETAIL if secret.detail else 0
    times = (*secret.time_base.as_integer_ratio(), *secret.rate.as_integer_ratio())
    weights = bytes.fromhex(secret.weights)
    fixed = _PICTURES.pack(flags, secret.block, weights, secret.width, secret.height, secret.hidden, *times)
    return fixed + sized(format_tracks(secret.tracks))


def _parse_pictures(data: bytes) -> tuple[Pictures, bytes]:
    (flags, block, weights, width, height, hidden, *times), rest = take(_PICTURES, data)
    require(flags in (0, _DETAIL) and 0 < block <= MAX_BLOCK and block % 8 == 0)
    require(_in_size(width, height) and hidden > 0)
    base, rate = take_fraction(*times[:2]), take_fraction(*times[2:])
    tracks, rest = take_sized(rest)
    secret = Pictures(
        width, height, hidden, base, rate, bool(flags & _DETAIL), block, weights.hex(), parse_tracks(tracks)
    )
    return secret, rest


def _format_file(secret: File) -> bytes:
    name = secret.name.encode("utf-8", "surrogateescape")
    return _FILE.pack(secret.size, secret.digest) + sized(name)


def _parse_file(data: bytes) -> tuple[File, bytes]:
    (size, digest), rest = take(_FILE, data)
    name, rest = take_sized(rest)
    require(0 < len(name) <= MAX_NAME and b"/" not in name and b"\0" not in name and name not in (b".", b".."))
    return File(name.decode("utf-8", "surrogateescape"), size, digest), rest


assert _START.size == FILM_ID_BYTES + 32 + 9
