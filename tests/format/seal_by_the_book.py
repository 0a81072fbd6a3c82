"""The sealed layer of docs/format.md a second time, slowly and without a line of stegnet (`by_the_book`: the rest)."""

import hashlib
import hmac
import random
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET = bytes(range(32))
NONCE = bytes(range(0xB0, 0xBC))
NO_FILM_SECRET = bytes(16)  # of a key file

COLUMNS = {
    1: [1] * 16,
    2: [8, 5, 4, 7, 4, 5, 7, 5, 4, 5, 8, 8, 7, 8, 5, 4],
    3: [25, 13, 23, 19, 20, 22, 26, 14, 16, 11, 17, 10, 26, 25, 26, 13],
    4: [70, 32, 79, 35, 74, 47, 71, 80, 44, 68, 55, 59, 77, 62, 28, 40],
    5: [202, 131, 119, 100, 178, 127, 86, 175, 130, 184, 212, 137, 205, 94, 133, 83],
    6: [514, 647, 512, 650, 293, 593, 403, 665, 287, 383, 353, 725, 694, 728, 641, 400],
}


def hkdf(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """RFC 5869, one block of SHA-256."""
    return hmac.digest(hmac.digest(salt or bytes(32), secret, "sha256"), info + b"\1", "sha256")


def stream(key: bytes, count: int) -> bytes:
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


def bits_of(data: bytes) -> list[int]:
    return [byte >> place & 1 for byte in data for place in range(7, -1, -1)]


def bytes_of(bits: list[int]) -> bytes:
    return bytes(int("".join(map(str, bits[start : start + 8])), 2) for start in range(0, len(bits), 8))


# Samples and zones

PIXELS, COEFFICIENTS, LEVELS = 12_288, 2048, 4096  # carriers for each sample of a group


def samples_of(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3), or (H, W, 1) of a picture that is grey."""
    return picture[:, :, :1].copy() if (picture == picture[:, :, :1]).all() else picture


def salt_samples(samples: int) -> list[int]:
    return [sample for sample in range(samples // 31 * 31) if sample % 31 == 15]


def carriers(samples: int) -> list[int]:
    return [sample for sample in range(samples // 31 * 31) if sample % 31 != 15]


def free_samples(samples: int) -> list[int]:
    """Those that carry nothing whatever the key: the salt's, and what is left over at the end."""
    runs = carriers(samples)[: len(carriers(samples)) // 32 * 32]
    return sorted(set(range(samples)) - set(runs))


def frame_salt(picture: np.ndarray) -> bytes:
    """Of a picture's samples, (H, W, 3) or (H, W, 1)."""
    height, width, _ = picture.shape
    samples = picture.tobytes()
    values = bytes(samples[sample] for sample in salt_samples(len(samples)))
    return hashlib.sha256(b"stegnet/2/salt" + struct.pack(">II", height, width) + values).digest()[:16]


@dataclass
class Zones:
    """The samples of each zone of a frame, in order, and the sides of the MAC's."""

    lead: list[int]
    mac: list[int]
    sides: list[int]
    record: list[int]


def run_order(picture: np.ndarray, key: bytes, share: int = PIXELS) -> tuple[list[int], list[int], int]:
    """The runs in their order, the sides, and the groups' size."""
    carrying = len(carriers(picture.size))
    runs, groups = carrying // 32, min(max(carrying // share, 1), 64)
    data = stream(hkdf(key, b"stegnet/2/positions", frame_salt(picture)), 8 * runs + 16 * groups)
    words = struct.unpack(f"<{runs}Q", data[: 8 * runs])
    return sorted(range(runs), key=lambda run: words[run]), bits_of(data[8 * runs :]), groups


def ephemeral_runs(picture: np.ndarray, recipient: bytes | None, share: int = PIXELS) -> list[int]:
    """The runs that carry an ephemeral key for a recipient."""
    if recipient is None:
        return []
    order, _, groups = run_order(picture, recipient, share)
    return order[: 32 * groups]


def samples_of_runs(picture: np.ndarray, runs: list[int]) -> list[int]:
    carrying = carriers(picture.size)
    return [carrying[32 * run + number] for run in runs for number in range(32)]


def zones(picture: np.ndarray, key: bytes, recipient: bytes | None = None, share: int = PIXELS) -> Zones | None:
    """None where there is no room for any record.

    Args:
        key: of the frame.
        recipient: whose ephemeral key the frame carries.
        share: carriers for each sample of a group.
    """
    taken = set(ephemeral_runs(picture, recipient, share))
    order, sides, groups = run_order(picture, key, share)
    places = samples_of_runs(picture, [run for run in order if run not in taken])
    if len(places) - 528 * groups < 84:
        return None
    lead, mac, record = places[: 400 * groups], places[400 * groups : 528 * groups], places[528 * groups :]
    return Zones(lead, mac, sides, record)


def share_of(context: bytes, share: int | None) -> int:
    """Unless it is given: of pixels, the MAC covers nothing besides."""
    return share or (COEFFICIENTS if context else PIXELS)


def parities(values: list[int], groups: int) -> list[int]:
    return [sum(values[group::groups]) % 2 for group in range(groups)]


# The record's trits


def trits_of(data: bytes, filler: int = 0) -> list[int]:
    """Trits; bits that are missing in the last 19 are the filler."""
    bits = bits_of(data)
    bits += [filler] * (-len(bits) % 19)
    numbers = [int("".join(map(str, bits[start : start + 19])), 2) for start in range(0, len(bits), 19)]
    return [number // 3**place % 3 for number in numbers for place in range(11, -1, -1)]


def bytes_of_trits(trits: list[int], size: int) -> bytes | None:
    """None where a writer can't have written these."""
    numbers = [int("".join(map(str, trits[start : start + 12])), 3) for start in range(0, len(trits), 12)]
    if max(numbers) >= 1 << 19:
        return None
    bits = [number >> place & 1 for number in numbers for place in range(18, -1, -1)]
    return None if any(bits[8 * size :]) else bytes_of(bits[: 8 * size])


def largest_record(room: int) -> int:
    """Bytes of the largest record that `room` elements may hold."""
    return 19 * ((room - max(1, min(room // 128, 65536))) // 12) // 8 - 16


@dataclass
class Lanes:
    """Elements of the record zone that each sum adds, `rows[lane][row][sum]`; and the number of trits."""

    rows: list[list[list[list[int]]]]
    trits: int


def lanes(size: int, room: int) -> Lanes:
    """Layout of a sealed record of `size` bytes in `room` elements."""
    trits = -(-8 * size // 19) * 12
    count = max(1, min(trits // 128, 65536))
    rows, elements = -(-trits // count), room // count
    added = -(-elements // (16 * rows))
    width, wide = divmod(elements // added, rows)
    starts = [row * width + row * wide // rows for row in range(rows + 1)]

    def sums(lane: int, row: int) -> list[list[int]]:
        numbers = range(starts[row], starts[row + 1])
        return [[(number * added + part) * count + lane for part in range(added)] for number in numbers]

    return Lanes([[sums(lane, row) for row in range(rows)] for lane in range(count)], trits)


def digit(number: int, place: int) -> int:
    return number // 3**place % 3


def syndrome(values: list[list[int]], row: int, height: int) -> int:
    """The trit of one row of a lane.

    Args:
        values: the lane's sums, row by row.
    """
    return (
        sum(
            digit(COLUMNS[height][number], row - earlier) * value
            for earlier in range(max(0, row - height + 1), row + 1)
            for number, value in enumerate(values[earlier])
        )
        % 3
    )


# Writing and reading


def record_samples(zone: list[int], code: int, channels: int) -> list[int]:
    """Those of a zone that carry the record; `code` as the lead says it. All samples of a grey picture are green."""
    return [sample for sample in zone if sample % 3 == 1] if code & 16 and channels == 3 else zone


def make_lead(key: bytes, salt: bytes, nonce: bytes, fields: bytes) -> bytes:
    """Seals a lead; `fields` as `lead_fields` makes them."""
    return nonce + AESGCM(hkdf(key, b"stegnet/2/lead", salt)).encrypt(nonce, fields, None)


def lead_fields(size: int, code: int, film_secret: bytes = NO_FILM_SECRET, version: int = 2) -> bytes:
    return struct.pack(">BBI", version, code, size) + film_secret


def make_mac(
    picture: np.ndarray, key: bytes, recipient: bytes | None = None, context: bytes = b"", share: int | None = None
) -> bytes:
    height, width, _ = picture.shape
    found, samples = zones(picture, key, recipient, share_of(context, share)), bytearray(picture.tobytes())
    for sample, side in zip(found.mac, found.sides, strict=True):
        samples[sample] = samples[sample] + side >> 1
    text = struct.pack(">II", height, width) + samples + context
    return hmac.digest(hkdf(key, b"stegnet/2/mac", frame_salt(picture)), text, "sha256")[:16]


def stepped(value: int, way: int) -> int:
    """A value one level on, or two levels the other way at the end of the range."""
    return value + way if 0 <= value + way <= 255 else value - 2 * way


def with_dummies(picture: np.ndarray, randomness: random.Random, share: float) -> np.ndarray:
    """A copy in which that share of the free samples has been changed by one level."""
    picture = picture.copy()
    for sample in free_samples(picture.size):
        if randomness.random() < share:
            value = int(picture.flat[sample])
            picture.flat[sample] = {0: 1, 255: 254}.get(value, value + randomness.choice((-1, 1)))
    return picture


class Sealing(NamedTuple):
    """The seal of a record; what the lead says may be untrue.

    Attributes:
        code: height, plus 16 for a grey record, of which only green samples are changed here.
        filler: as in `trits_of`.
        context: what the MAC covers besides the samples.
    """

    code: int = 3
    film_secret: bytes = NO_FILM_SECRET
    version: int = 2
    size: int | None = None
    filler: int = 0
    context: bytes = b""


def write(
    picture: np.ndarray, record: bytes, key: bytes, nonce: bytes, recipient: bytes | None = None, **how: Any
) -> np.ndarray:
    """Seals a record under the salt that the picture has. Of all changes that do, it takes the first.

    Args:
        key: of the frame.
        recipient: whose ephemeral key the picture already carries.
        how: as in `Sealing`.
    """
    picture, (code, film_secret, version, size, filler, context) = picture.copy(), Sealing(**how)
    salt, found = frame_salt(picture), zones(picture, key, recipient, share_of(context, None))
    fields = lead_fields(len(record) + 16 if size is None else size, code, film_secret, version)
    lead = make_lead(key, salt, nonce, fields)
    sealed = AESGCM(hkdf(key, b"stegnet/2/record", salt)).encrypt(nonce, record, lead)
    values = picture.reshape(-1)
    write_parities(values, found.lead, bits_of(lead))
    zone = record_samples(found.record, code, picture.shape[2])
    write_trits(values, zone, lanes(len(sealed), len(zone)), trits_of(sealed, filler), code & 15)
    for group in range(128):
        members = list(zip(found.mac[group::128], found.sides[group::128], strict=True))
        if all(side == 1 and values[sample] in (0, 255) for sample, side in members):
            values[members[0][0]] = stepped(int(values[members[0][0]]), 1 if values[members[0][0]] == 0 else -1)
    tag = bits_of(make_mac(picture, key, recipient, context))
    for group in range(128):
        members = list(zip(found.mac[group::128], found.sides[group::128], strict=True))
        if sum(int(values[sample]) + side & 1 for sample, side in members) % 2 != tag[group]:
            sample, other = next(
                (sample, other)
                for sample, side in members
                if 0 <= (other := (int(values[sample]) + side ^ 1) - side) <= 255
            )
            values[sample] = other
    return picture


def write_parities(values: np.ndarray, zone: list[int], bits: list[int]) -> None:
    """Changes the first sample of each group that is wrong."""
    for group, parity in enumerate(parities([int(values[sample]) for sample in zone], len(bits))):
        if parity != bits[group]:
            value = int(values[zone[group]])
            values[zone[group]] = value - 1 if value == 255 else value + 1


def write_trits(values: np.ndarray, zone: list[int], arranged: Lanes, trits: list[int], height: int) -> None:
    """Changes the first sample of each row of a lane, whose lowest digit is never 0, as the row needs it."""
    height = height if height in COLUMNS else 1
    trits = trits + [0] * (len(arranged.rows) * len(arranged.rows[0]) - len(trits))
    for lane, rows in enumerate(arranged.rows):
        inside = sums_of(values, zone, rows)
        for number, row in enumerate(rows):
            missing = (trits[number * len(arranged.rows) + lane] - syndrome(inside, number, height)) % 3
            if missing:
                way = 1 if digit(COLUMNS[height][0], 0) == missing else -1
                sample = zone[row[0][0]]
                inside[number][0] += way
                values[sample] = stepped(int(values[sample]), way)


def sums_of(values: np.ndarray, zone: list[int], rows: list[list[list[int]]]) -> list[list[int]]:
    """The sums of one lane, row by row."""
    return [[sum(int(values[zone[element]]) for element in part) for part in row] for row in rows]


def read_lead(
    picture: np.ndarray, key: bytes, recipient: bytes | None = None, context: bytes = b"", share: int | None = None
) -> tuple[bytes, bytes] | None:
    """The lead in a picture, and its fields opened."""
    found = zones(picture, key, recipient, share_of(context, share))
    if found is None:
        return None
    values = picture.tobytes()
    lead = bytes_of(parities([values[sample] for sample in found.lead], 400))
    try:
        return lead, AESGCM(hkdf(key, b"stegnet/2/lead", frame_salt(picture))).decrypt(lead[:12], lead[12:], None)
    except InvalidTag:
        return None


def read(
    picture: np.ndarray,
    key: bytes,
    film_secret: bytes = NO_FILM_SECRET,
    recipient: bytes | None = None,
    context: bytes = b"",
    share: int | None = None,
) -> tuple[bytes, bool] | None:
    """The record in a picture, (H, W, 3) uint8 or a grey one's (H, W, 1), and whether its MAC holds.

    Args:
        key: of the frame.
        recipient: whose ephemeral key the frame carries.
        context: what the MAC covers besides.
        share: carriers for each sample of a group; None: as many as in pixels, or with a context as in a JPEG.
    """
    picture = samples_of(picture)
    opened = read_lead(picture, key, recipient, context, share)
    if opened is None:
        return None
    lead, fields = opened
    version, code, size = struct.unpack(">BBI", fields[:6])
    found, values = zones(picture, key, recipient, share_of(context, share)), picture.tobytes()
    zone = record_samples(found.record, code, picture.shape[2])
    if version != 2 or code & 15 not in COLUMNS or code > 31 or fields[6:] != film_secret:
        return None
    if not 16 <= size <= largest_record(len(zone)) + 16:
        return None
    arranged = lanes(size, len(zone))
    inside = [sums_of(picture.reshape(-1), zone, lane) for lane in arranged.rows]
    trits = [syndrome(lane, row, code & 15) for row in range(len(inside[0])) for lane in inside]
    sealed = bytes_of_trits(trits[: arranged.trits], size)
    if sealed is None:
        return None
    try:
        record = AESGCM(hkdf(key, b"stegnet/2/record", frame_salt(picture))).decrypt(lead[:12], sealed, lead)
    except InvalidTag:
        return None
    bits = [values[sample] + side & 1 for sample, side in zip(found.mac, found.sides, strict=True)]
    return record, bytes_of(parities(bits, 128)) == make_mac(picture, key, recipient, context, share)
