"""Sealed frames as a holder of their key sees them: where their zones are, and frames that hold any record."""

import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from stegnet.keys import ContainerKeys, Key
from stegnet.record.record import sized, take_sized
from stegnet.sealing import (
    LEAD_BITS,
    MAC_BITS,
    Costs,
    SealOptions,
    frame_salt,
    seal,
    texture_costs,
    zones_of,
)
from stegnet.sealing.sample_order import order_of
from stegnet.sealing.zones import parities_of

KEY = Key(bytes(range(32)))
FILM_ID, FILM_SECRET = bytes(range(0xA0, 0xB0)), bytes(range(0xC0, 0xD0))
# Fields of the record of a picture or film that have a fixed place, and how they are packed.
PLACES = {
    "film_id": (0, "16s"), "commitment": (16, "32s"), "kind": (48, "B"), "frames": (49, "I"), "index": (53, "I"),
    "flags": (57, "B"), "block": (58, "H"), "weights": (60, "32s"), "width": (92, "I"), "height": (96, "I"),
    "hidden": (100, "I"), "time_base": (104, "2I"), "rate": (112, "2I"), "aspect": (120, "2I"),
}  # fmt: skip
FIXED = 128  # bytes


def sealed(
    picture: np.ndarray,
    record: bytes,
    seed: int = 0,
    costs: Callable[[np.ndarray], Costs] = texture_costs,
    **options: Any,
) -> np.ndarray:
    """A copy with the record, by fields of `SealOptions`; quickly, if the effort is not given."""
    keys, drawn = ContainerKeys(KEY, bytes(16)), random.Random(seed).randbytes(32)
    return seal(picture, record, keys, drawn, costs(picture), SealOptions(True, **{"effort": 1} | options))


def zones(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of the samples of each zone, in their order."""
    found, order = zones_of(picture.size), order_of(picture.size, KEY, frame_salt(picture))
    return {name: order.numbers(getattr(found, name)) for name in ("lead", "mac", "record")}


def sides(picture: np.ndarray) -> np.ndarray:
    """Sides of the MAC's samples."""
    return order_of(picture.size, KEY, frame_salt(picture)).sides


def lead_of(picture: np.ndarray) -> bytes:
    """The lead in a frame; its nonce is the first 12 bytes."""
    return np.packbits(parities_of(picture.reshape(-1)[zones(picture)["lead"]], LEAD_BITS)).tobytes()


def mac_of(picture: np.ndarray) -> bytes:
    """The MAC in a frame."""
    return np.packbits(parities_of(picture.reshape(-1)[zones(picture)["mac"]] + sides(picture), MAC_BITS)).tobytes()


def salt_samples(samples: int) -> np.ndarray:
    """Number 15 of every 31."""
    return np.arange(15, samples // 31 * 31, 31)


def forged(record: bytes, **fields: object) -> bytes:
    """The record of a picture or film of which some fields are others, possible or not."""
    head = bytearray(record[:FIXED])
    tracks, rest = take_sized(record[FIXED:])
    (stamp,), (base, data) = struct.unpack(">q", rest[:8]), take_sized(rest[8:])
    tail = {"tracks": tracks, "stamp": stamp, "base": base, "rest": data}
    for name, value in fields.items():
        if name in tail:
            tail[name] = value
        else:
            place, form = PLACES[name]
            struct.pack_into(f">{form}", head, place, *(value if isinstance(value, tuple) else (value,)))
    return b"".join((head, sized(tail["tracks"]), struct.pack(">q", tail["stamp"]), sized(tail["base"]), tail["rest"]))
