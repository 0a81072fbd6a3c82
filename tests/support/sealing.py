"""Sealed frames as a holder of their key sees them: where their zones are, and frames that hold any record."""

import random
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from stegnet.keys import ContainerKeys, Key
from stegnet.record.coding import sized, take_sized
from stegnet.sealing import Costs, SealOptions, frame_salt, seal, texture_costs, zones_of
from stegnet.sealing.sample_order import order_of
from stegnet.sealing.zones import read_lead, read_mac

KEY = Key(bytes(range(32)))
FILM_ID, FILM_SECRET = bytes(range(0xA0, 0xB0)), bytes(range(0xC0, 0xD0))
# Fields of the record of a picture or film that have a fixed place, and how they are packed.
PLACES = {
    "kind": (0, "B"), "film_secret": (1, "16s"), "film_id": (17, "16s"), "frames": (33, "I"), "index": (37, "I"),
    "flags": (41, "B"), "block": (42, "H"), "weights": (44, "32s"), "width": (76, "I"), "height": (80, "I"),
    "hidden": (84, "I"), "time_base": (88, "2I"), "rate": (96, "2I"), "aspect": (104, "2I"),
}  # fmt: skip
FIXED = 112  # bytes


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
    """The lead in a frame; its tag is the first 16 bytes."""
    order = order_of(picture.size, KEY, frame_salt(picture))
    found = read_lead(picture.reshape(-1), order, zones_of(picture.size))
    assert found is not None
    return found


def mac_of(picture: np.ndarray) -> np.ndarray:
    """The trits of the MAC in a frame."""
    order = order_of(picture.size, KEY, frame_salt(picture))
    return read_mac(picture.reshape(-1), order, zones_of(picture.size))


def apart(zone: np.ndarray, across: int) -> np.ndarray:
    """Elements of the zone of lead (27 across) or MAC (21), of which their trits are made."""
    return zone.reshape(across, -1).T.reshape(-1)


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
