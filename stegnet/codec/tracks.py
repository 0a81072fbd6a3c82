"""Hidden sound as bytes (docs/format.md, "Sound"): what the tracks are, and their packets."""

import base64
import dataclasses
import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, get_type_hints

from stegnet.codec.parsing import MAX_PART, inflate, require, sized, take, take_fraction, take_sized
from stegnet.core.errors import CapacityError
from stegnet.media import SoundPacket, SoundTrack

MAX_DESCRIPTION = 1 << 20
MAX_TRACKS = 255
# track, is it a key packet, presentation and decoding stamp, duration, samples to drop at its end
_PACKET = struct.Struct(">BBqqII")
_NO_STAMP = -(1 << 63)
PACKET_BYTES = _PACKET.size + 4  # what a packet costs besides its data


def format_tracks(tracks: tuple[SoundTrack, ...]) -> bytes:
    """JSON, a list with an object for each track, compressed by zlib; nothing for no tracks.

    Raises:
        CapacityError: there are too many, or they say too much of themselves.
    """
    if not tracks:
        return b""
    plain = [{name: _to_json(value) for name, value in dataclasses.asdict(track).items()} for track in tracks]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    if len(text) > MAX_DESCRIPTION or len(tracks) > MAX_TRACKS:
        raise CapacityError("the secret's sound has too many tracks", "hide it without sound")
    return zlib.compress(text, 9)


def parse_tracks(data: bytes) -> tuple[SoundTrack, ...]:
    """What `format_tracks` wrote.

    Raises:
        ValueError: it did not.
    """
    if not data:
        return ()
    try:
        plain = json.loads(inflate(data, MAX_DESCRIPTION))
    except RecursionError as error:
        raise ValueError("JSON in too many layers") from error
    require(
        isinstance(plain, list) and 0 < len(plain) <= MAX_TRACKS and all(isinstance(track, dict) for track in plain)
    )
    return tuple(_track(track) for track in plain)


def format_packets(packets: Iterable[SoundPacket]) -> bytes:
    """Each packet's fields, its length and its bytes."""
    return b"".join(_format_packet(packet) for packet in packets)


def parse_packets(data: bytes, tracks: int) -> Iterator[SoundPacket]:
    """The packets in `data`, of `tracks` tracks.

    Raises:
        ValueError: they are not packets.
    """
    rest = memoryview(data)
    while rest:
        (track, key, pts, dts, duration, trim), rest = take(_PACKET, rest)
        require(track < tracks and key in (0, 1))
        content, rest = take_sized(rest)
        yield SoundPacket(track, _stamp(pts), _stamp(dts), duration, bool(key), bytes(content), trim)


def _format_packet(packet: SoundPacket) -> bytes:
    pts, dts = (_NO_STAMP if stamp is None else stamp for stamp in (packet.pts, packet.dts))
    lengths = (length if 0 <= length < 1 << 32 else 0 for length in (packet.duration, packet.trim))
    return _PACKET.pack(packet.track, packet.key, pts, dts, *lengths) + sized(packet.data)


def _stamp(value: int) -> int | None:
    return None if value == _NO_STAMP else value


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return list(value.as_integer_ratio()) if isinstance(value, Fraction) else value


def _track(plain: dict[str, Any]) -> SoundTrack:
    hints = get_type_hints(SoundTrack)
    require(plain.keys() == hints.keys())
    return SoundTrack(**{name: _from_json(hints[name], value) for name, value in plain.items()})


def _from_json(kind: Any, value: Any) -> Any:
    if kind is Fraction:
        require(isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value))
        return take_fraction(*value)
    if kind is bytes:
        require(isinstance(value, str))
        return base64.b64decode(value, validate=True)
    require(isinstance(value, kind) and not isinstance(value, bool))
    require(not isinstance(value, int) or 0 <= value <= MAX_PART)
    if isinstance(value, str):
        value.encode()  # half a surrogate pair is no text
    return value
