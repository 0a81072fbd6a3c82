"""Descriptions of sound tracks in a record (docs/format.md, "Sound")."""

import base64
import dataclasses
import json
import zlib
from fractions import Fraction
from typing import Any, get_type_hints

from stegnet.core.errors import CapacityError
from stegnet.record.fields import MAX_PART, inflate, require, take_fraction
from stegnet.video.sound import SoundTrack

MAX_DESCRIPTION = 1 << 20  # bytes of the tracks' JSON
MAX_TRACKS = 255


def format_tracks(tracks: tuple[SoundTrack, ...]) -> bytes:
    """Formats tracks as a JSON list with an object for each, compressed by zlib; empty for no tracks.

    Raises:
        CapacityError: too many tracks, or too long descriptions.
    """
    if not tracks:
        return b""
    plain = [{name: _to_json(value) for name, value in dataclasses.asdict(track).items()} for track in tracks]
    text = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    if len(text) > MAX_DESCRIPTION or len(tracks) > MAX_TRACKS:
        raise CapacityError("the secret's sound has too many tracks", "hide it without sound")
    return zlib.compress(text, 9)


def parse_tracks(data: bytes) -> tuple[SoundTrack, ...]:
    """Parses tracks; inverse of `format_tracks`.

    Raises:
        ValueError: the data is invalid.
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
