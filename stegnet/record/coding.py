"""The record of a frame and its bytes, with a film's sound (docs/format.md, "Record" and "Sound").

Every frame of a container holds a record and can be read alone: the header describes the whole secret, the rest is this
frame's share of it. Packets of sound are spread evenly over the frames. Invalid records raise ValueError.
"""

import base64
import json
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar, get_type_hints

from stegnet import video
from stegnet.core.errors import CapacityError
from stegnet.core.names import FILE, FILM, PICTURE
from stegnet.core.pixels import CODED, MEANS, NONE
from stegnet.formats.opened_file import Source
from stegnet.keys import FILM_ID_BYTES, SECRET_BYTES
from stegnet.record.spread import SHARES, ErasureCode, least_shares
from stegnet.video.sound_packets import SoundPacket, SoundTrack

Bytes = TypeVar("Bytes", bytes, memoryview)

MAX_BLOCK = 256  # pixels, side of the shuffle's blocks
MAX_FRAMES = 1 << 24
MAX_NAME = 255  # bytes
KINDS = (NONE, MEANS, CODED)  # of bases; a record holds the index


# Limits beyond which a record is invalid.
_MAX_SIDE = 1 << 20  # pixels
_MAX_PIXELS = 1 << 28
_MAX_STAMP = 1 << 62  # in the time base
_MAX_SECONDS = 1 << 40
_MAX_PART = (1 << 31) - 1  # largest part of a fraction, as in FFmpeg
_MAX_DESCRIPTION = 1 << 20  # bytes of the tracks' JSON
_MAX_TRACKS = 255


class RecordKind(IntEnum):
    """Kind of a record, as its number."""

    PICTURE = 1
    FILM = 2
    FILE = 3  # whole, in the only frame of its container
    SPREAD = 4  # file spread over the frames of a film
    SPARE = 5  # file in an album with pictures to spare
    PART = 6  # file in an album without


NUMBERS = {PICTURE: RecordKind.PICTURE, FILM: RecordKind.FILM}


class _Fields:
    """Fields of records, by what they describe."""

    start = struct.Struct(">16s16sII")  # film secret, film id, frames of the container, index of this frame
    # Base, block, weights, width, height, hidden frames, time base, rate, pixel aspect ratio.
    pictures = struct.Struct(">BH32sIIIIIIIII")
    time = struct.Struct(">q")  # of the hidden frame
    file = struct.Struct(">Q32s")  # size, SHA-256
    offset = struct.Struct(">Q")  # place in the file of the bytes that follow
    needed = struct.Struct(">H")  # shares needed
    album = struct.Struct(">HIH")  # shares needed, pictures that are enough, number of the first share
    # Track, 1 for a key packet, presentation and decoding stamp (`no_stamp` if it has no such stamp), duration, samples
    # to drop at its end.
    packet = struct.Struct(">BBqqII")
    no_stamp = -(1 << 63)
    size = struct.Struct(">I")  # length of the bytes that follow


@dataclass(frozen=True)
class Pictures:
    """Header of a picture or film that a network hides."""

    width: int  # true size
    height: int
    hidden: int  # number of its frames; 1 for a picture
    time_base: Fraction  # unit of its time stamps, in seconds
    rate: Fraction  # average frames per second
    base: str  # one of KINDS; unless it is "none", records hold it, and the network hides the residual only
    block: int  # side of the shuffle's blocks in pixels
    weights: str  # id of the weights, 64 hexadecimal digits
    tracks: tuple[SoundTrack, ...] = ()  # its sound tracks
    aspect: Fraction = Fraction(1)  # pixel aspect ratio, width by height; 1 for a picture


@dataclass(frozen=True)
class File:
    """Header of a file that is hidden byte for byte, without a network."""

    name: str  # without folders
    size: int  # in bytes
    digest: bytes  # SHA-256
    needed: int = 0  # shares of a group of frames that give all others; 0 if the file is not spread
    enough: int = 0  # pictures of an album, of any choice, that give it; 0: it takes all, or it is in a film


@dataclass(frozen=True)
class Header:
    """Header of a record, which describes the secret; the same in every frame."""

    film_id: bytes  # 16 random bytes, fresh for each hiding; of a whole file that was read, from its digest
    kind: str  # PICTURE, FILM or FILE
    frames: int  # number of the container's frames
    secret: Pictures | File  # `File` if the kind is FILE

    @property
    def file(self) -> File:
        """Header of the hidden file; the kind must be FILE."""
        assert isinstance(self.secret, File)
        return self.secret

    @property
    def pictures(self) -> Pictures:
        """Header of the hidden picture or film; the kind must be PICTURE or FILM."""
        assert isinstance(self.secret, Pictures)
        return self.secret

    @property
    def erasure_code(self) -> ErasureCode:
        """Erasure code of a file that is spread."""
        assert self.spread is not None
        return self.spread

    @cached_property
    def spread(self) -> ErasureCode | None:
        """Erasure code that spreads a file over the frames; None if no file is spread."""
        if not isinstance(self.secret, File) or not self.secret.needed:
            return None
        # An album's pictures carry some of all SHARES shares each, from their `first_share` on.
        shares = SHARES if self.secret.enough else self.frames
        return ErasureCode(self.film_id, shares, self.secret.size, self.secret.needed)

    @property
    def enough(self) -> int:
        """Number of an album's pictures, of any choice, that give the file; 0 if it is not in an album."""
        if not isinstance(self.secret, File) or self.frames == 1:
            return 0
        return self.secret.enough or (0 if self.secret.needed else self.frames)


@dataclass(frozen=True)
class Record:
    """Header, and one frame's share of the secret."""

    header: Header  # header of the container
    index: int  # index of the frame
    time: int = 0  # of the hidden frame, in the secret's time base
    base: bytes = b""  # base of the hidden picture; empty if the frame hides no picture, or the network hides all of it
    data: bytes = b""  # sound packets, or the file's bytes, or shares of a spread file
    offset: int = 0  # of `data` in a file that is divided, and not spread
    first_share: int = 0  # number of the first share in `data`, in an album with pictures to spare

    def shares(self) -> Iterator[tuple[int, bytes]]:
        """Yield the record's shares of a spread file, each with its number (in a film, the number of the frame)."""
        size = self.header.erasure_code.share_bytes
        if not self.header.file.enough:
            yield self.index, self.data
            return
        for number, start in enumerate(range(0, len(self.data), size), self.first_share):
            yield number, self.data[start : start + size]


def format_record(record: Record, film_secret: bytes) -> bytes:
    """Format a record as bytes to be sealed; the film secret, 16 bytes, is part of all but those of a whole file.

    Raises CapacityError if a size or time exceeds the limits of a record.
    """
    header = record.header
    secret = record.header.secret
    if header.frames > MAX_FRAMES:
        raise CapacityError("the cover is too long", f"a film has at most {MAX_FRAMES} frames")
    if isinstance(secret, File):
        name = secret.name.encode("utf-8", "surrogateescape")
        if header.frames == 1 and not secret.needed:
            return bytes([RecordKind.FILE, len(name)]) + name + record.data
        kind = RecordKind.PART
        place = _Fields.offset.pack(record.offset)
        if secret.enough:
            kind = RecordKind.SPARE
            place = _Fields.album.pack(secret.needed, secret.enough, record.first_share)
        elif secret.needed:
            kind = RecordKind.SPREAD
            place = _Fields.needed.pack(secret.needed)
        described = _Fields.file.pack(secret.size, secret.digest) + sized(name) + place
    else:
        kind = NUMBERS[header.kind]
        described = _format_pictures(secret, record.time) + _Fields.time.pack(record.time) + sized(record.base)
    start = _Fields.start.pack(film_secret, header.film_id, header.frames, record.index)
    return bytes([kind]) + start + described + record.data


def record_bytes(record: Record) -> int:
    """Return the size of a record as `format_record` gives it."""
    return len(format_record(record, bytes(SECRET_BYTES)))


def parse_record(data: bytes) -> tuple[Record, bytes | None]:
    """Parse a record, and its film secret, which a whole file's has not; inverse of `format_record`.

    Raises:
        ValueError: the kind is unknown, a value is impossible, or bytes are missing.
    """
    number, rest = data[0] if data else 0, data[1:]
    require(number in list(RecordKind))
    if number == RecordKind.FILE:  # whole, in the only frame of its container
        require(bool(rest))
        end = 1 + rest[0]
        name, content = rest[1:end], rest[end:]
        require(len(name) == rest[0] and is_file_name(name))
        digest = sha256(content).digest()
        file = File(name.decode("utf-8", "surrogateescape"), len(content), digest)
        return Record(Header(digest[:FILM_ID_BYTES], FILE, 1, file), 0, data=content), None
    (film_secret, film_id, frames, index), rest = take(_Fields.start, rest)
    require(0 <= index < frames <= MAX_FRAMES)
    if number in (RecordKind.PART, RecordKind.SPREAD, RecordKind.SPARE):
        return _parse_file(film_id, number, frames, index, rest), film_secret

    # A picture or film that a network hides: its description, then this frame's time, base and sound.
    kind = PICTURE if number == RecordKind.PICTURE else FILM
    (flags, block, weights, width, height, hidden, *fractions), rest = take(_Fields.pictures, rest)
    require(flags < len(KINDS) and 0 < block <= MAX_BLOCK and block % 8 == 0)
    require(_in_size(width, height) and 0 < hidden <= frames and (kind == FILM or frames == 1))
    time_base, rate, aspect = (take_fraction(*fractions[at : at + 2]) for at in range(0, 6, 2))
    require(1 / video.MOST_ASPECT <= aspect <= video.MOST_ASPECT and (kind == FILM or aspect == 1))
    tracks, rest = take_sized(rest)
    pictures = Pictures(
        width=width,
        height=height,
        hidden=hidden,
        time_base=time_base,
        rate=rate,
        base=KINDS[flags],
        block=block,
        weights=weights.hex(),
        tracks=parse_tracks(tracks),
        aspect=aspect,
    )
    (time,), rest = take(_Fields.time, rest)
    require(_in_time(time, time_base))
    base, rest = take_sized(rest)
    require(bool(base) == (pictures.base != NONE and index < hidden))
    return Record(Header(film_id, kind, frames, pictures), index, time, base, rest), film_secret


def _parse_file(film_id: bytes, kind: int, frames: int, index: int, data: bytes) -> Record:
    """Parse the record of a file that is spread over the frames of a film, or divided over the files of an album."""
    (size, digest), rest = take(_Fields.file, data)
    name, rest = take_sized(rest)
    require(is_file_name(name))
    file = File(name.decode("utf-8", "surrogateescape"), size, digest)
    if kind == RecordKind.SPREAD:
        (needed,), rest = take(_Fields.needed, rest)
        require(0 < needed <= least_shares(frames))
        header = Header(film_id, FILE, frames, replace(file, needed=needed))
        require(len(rest) == header.erasure_code.share_bytes)
        return Record(header, index, data=rest)
    if kind == RecordKind.SPARE:
        (needed, enough, first), rest = take(_Fields.album, rest)
        require(size > 0 and 0 < needed <= SHARES and 0 < enough <= frames)
        header = Header(film_id, FILE, frames, replace(file, needed=needed, enough=enough))
        count, over = divmod(len(rest), header.erasure_code.share_bytes)
        require(not over and first + count <= SHARES)
        return Record(header, index, data=rest, first_share=first)
    (offset,), rest = take(_Fields.offset, rest)
    require(offset + len(rest) <= size)
    return Record(Header(film_id, FILE, frames, file), index, data=rest, offset=offset)


def _format_pictures(secret: Pictures, time: int) -> bytes:
    """Return the description of pictures in a record's header; check that the frame's time is in range, too."""
    if not _in_size(secret.width, secret.height):
        raise CapacityError("the secret is too large", f"at most {_MAX_SIDE} pixels a side, {_MAX_PIXELS} in all")
    times = *secret.time_base.as_integer_ratio(), *secret.rate.as_integer_ratio()
    if not (_in_time(time, secret.time_base) and 0 < min(times) <= max(times) <= _MAX_PART):
        raise CapacityError("the secret's time stamps are beyond what can be hidden", "convert it to MP4 first")
    kind_of_base = KINDS.index(secret.base)
    weights = bytes.fromhex(secret.weights)
    numbers = secret.width, secret.height, secret.hidden, *times, *secret.aspect.as_integer_ratio()
    return _Fields.pictures.pack(kind_of_base, secret.block, weights, *numbers) + sized(format_tracks(secret.tracks))


def _in_size(width: int, height: int) -> bool:
    return 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE and width * height <= _MAX_PIXELS


def _in_time(time: int, base: Fraction) -> bool:
    return abs(time) <= _MAX_STAMP and abs(time) * base <= _MAX_SECONDS


def is_file_name(name: bytes) -> bool:
    """Return whether a record can hold this name: a file's, without its folder."""
    return 0 < len(name) <= MAX_NAME and b"/" not in name and b"\0" not in name and name not in (b".", b"..")


def format_tracks(tracks: tuple[SoundTrack, ...]) -> bytes:
    """Format sound tracks as a JSON list of objects, compressed by zlib; without tracks, the result is empty.

    Raises:
        CapacityError: there are too many tracks, or their descriptions are too long.
    """
    if not tracks:
        return b""
    plain = [{name: _to_json(value) for name, value in asdict(track).items()} for track in tracks]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    if len(text) > _MAX_DESCRIPTION or len(tracks) > _MAX_TRACKS:
        raise CapacityError("the secret's sound has too many tracks", "hide it without sound")
    return zlib.compress(text, zlib.Z_BEST_COMPRESSION)


def parse_tracks(data: bytes) -> tuple[SoundTrack, ...]:
    """Parse sound tracks; inverse of `format_tracks`. Raises ValueError if the data is invalid."""
    if not data:
        return ()
    stream = zlib.decompressobj()
    try:
        flat = stream.decompress(data, _MAX_DESCRIPTION + 1)
        require(stream.eof and not stream.unused_data and len(flat) <= _MAX_DESCRIPTION)
        plain = json.loads(flat)
    except (zlib.error, RecursionError) as error:  # RecursionError: JSON is nested too deeply
        raise ValueError("not a stegnet record") from error
    require(isinstance(plain, list) and 0 < len(plain) <= _MAX_TRACKS)
    hints = get_type_hints(SoundTrack)
    require(all(isinstance(track, dict) and track.keys() == hints.keys() for track in plain))
    return tuple(
        SoundTrack(**{name: _from_json(hints[name], value) for name, value in track.items()}) for track in plain
    )


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return list(value.as_integer_ratio()) if isinstance(value, Fraction) else value


def _from_json(kind: Any, value: Any) -> Any:
    if kind is Fraction:
        require(isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value))
        return take_fraction(*value)
    if kind is bytes:
        require(isinstance(value, str))
        return base64.b64decode(value, validate=True)
    require(isinstance(value, kind) and not isinstance(value, bool))
    require(not isinstance(value, int) or 0 <= value <= _MAX_PART)
    if isinstance(value, str):
        value.encode()  # half a surrogate pair can't be encoded
    return value


@dataclass(frozen=True)
class Sound:
    """Sound of a film, to be spread over frames."""

    path: Source  # the film
    tracks: tuple[SoundTrack, ...]
    frames: int  # foreign
    end: Fraction | None  # seconds; packets that begin then or later are left out
    total: int  # bytes of all packets in records
    most: int  # most bytes in one frame

    def shares(self) -> Generator[bytes, None, None]:
        """Yield the packets of each frame as bytes."""
        packets = _kept(self.path, self.tracks, self.end) if self.tracks else ()
        for _, share in _spread(packets, self.total, self.frames):
            yield format_packets(share)


def plan_sound(path: Source, frames: int, end: Fraction | None) -> Sound:
    """Plan how packets are spread, reading all of them twice. Raises MediaError if the film can't be read."""
    tracks = video.sound_tracks(path)
    if not tracks:
        return no_sound(path, frames)
    total = sum(_size(packet) for packet in _kept(path, tracks, end))
    spread = _spread(_kept(path, tracks, end), total, frames)
    return Sound(path, tracks, frames, end, total, max(size for size, _ in spread))


def no_sound(path: Source, frames: int) -> Sound:
    """Return sound without tracks."""
    return Sound(path, (), frames, None, 0, 0)


def _kept(path: Source, tracks: tuple[SoundTrack, ...], end: Fraction | None) -> Iterator[SoundPacket]:
    """Yield the packets of a film's sound that begin before its end in seconds; None: all."""
    for packet in video.read_sound(path):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if end is None or stamp is None or stamp * tracks[packet.track].time_base < end:
            yield packet


def _spread(packets: Iterable[SoundPacket], total: int, frames: int) -> Iterator[tuple[int, list[SoundPacket]]]:
    """Yield size and packets of each frame's share: the packets that begin in its equal part of all bytes."""
    packets = iter(packets)
    waiting = next(packets, None)
    before = 0
    for frame in range(frames):
        chosen: list[SoundPacket] = []
        start = before
        while waiting is not None and before * frames < total * (frame + 1):
            chosen.append(waiting)
            before += _size(waiting)
            waiting = next(packets, None)
        yield before - start, chosen


def _size(packet: SoundPacket) -> int:
    return _Fields.packet.size + 4 + len(packet.data)


def format_packets(packets: Iterable[SoundPacket]) -> bytes:
    """Format packets as bytes: for each its fields, its length and its data."""
    parts = []
    for packet in packets:
        pts, dts = (_Fields.no_stamp if stamp is None else stamp for stamp in (packet.pts, packet.dts))
        lengths = (length if 0 <= length < 1 << 32 else 0 for length in (packet.duration, packet.trim))
        parts.append(_Fields.packet.pack(packet.track, packet.key, pts, dts, *lengths) + sized(packet.data))
    return b"".join(parts)


def parse_packets(data: bytes, tracks: int) -> Iterator[SoundPacket]:
    """Yield the packets in `data`, of a film with `tracks` tracks. Raises ValueError if they are not packets."""
    rest = memoryview(data)
    while rest:
        (track, key, pts, dts, duration, trim), rest = take(_Fields.packet, rest)
        require(track < tracks and key in (0, 1))
        content, rest = take_sized(rest)
        yield SoundPacket(track, _stamp(pts), _stamp(dts), duration, bool(key), bytes(content), trim)


def _stamp(number: int) -> int | None:
    return None if number == _Fields.no_stamp else number


def describe_tracks(tracks: Iterable[SoundTrack]) -> list[str]:
    """Return one line for each track."""
    return [f"{track.codec}, {track.rate} Hz, {track.layout}" for track in tracks]


def require(condition: bool) -> None:
    """Raise ValueError unless the condition holds."""
    if not condition:
        raise ValueError("not a stegnet record")


def take(layout: struct.Struct, data: Bytes) -> tuple[tuple[Any, ...], Bytes]:
    """Unpack the fields of a layout from the start of data; return them and the rest, or raise ValueError."""
    require(len(data) >= layout.size)
    return layout.unpack_from(data), data[layout.size :]


def sized(data: bytes) -> bytes:
    """Prefix data with its length in 32 bits."""
    return _Fields.size.pack(len(data)) + data


def take_sized(data: Bytes) -> tuple[Bytes, Bytes]:
    """Split off data that `sized` prefixed; return it and the rest. Raises ValueError if bytes are missing."""
    (size,), rest = take(_Fields.size, data)
    require(len(rest) >= size)
    return rest[:size], rest[size:]


def take_fraction(numerator: int, denominator: int) -> Fraction:
    """Return a fraction above zero with parts of at most 31 bits. Raises ValueError if it is not one."""
    require(0 < numerator <= _MAX_PART and 0 < denominator <= _MAX_PART)
    return Fraction(numerator, denominator)
