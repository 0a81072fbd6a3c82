"""docs/format.md written down a second time, slowly and without a line of stegnet: what the code is checked against."""

import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET = bytes(range(32))
FILM_ID = bytes(range(0xA0, 0xB0))
NONCE = bytes(range(0xB0, 0xBC))
SALT = bytes(range(0xC0, 0xD0))

Places = list[tuple[int, int]]  # of each bit: the sample, and 1 or -1


def hkdf(secret: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """RFC 5869, one block of SHA-256."""
    return hmac.digest(hmac.digest(salt or bytes(32), secret, "sha256"), info + b"\1", "sha256")


def stream(key: bytes, count: int) -> bytes:
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


def bits_of(data: bytes) -> list[int]:
    return [byte >> place & 1 for byte in data for place in range(7, -1, -1)]


def bytes_of(bits: list[int]) -> bytes:
    return bytes(int("".join(map(str, bits[start : start + 8])), 2) for start in range(0, len(bits), 8))


def salt_places(samples: int) -> list[int]:
    cell = samples // 128
    return [bit * cell + cell // 2 for bit in range(128)]


def keyed_places(samples: int, key: bytes, count: int, taken: set[int]) -> Places:
    free = [sample for sample in range(samples) if sample not in taken]
    cell = len(free) // count
    words = struct.unpack(f"<{count}I", stream(key, 4 * count))
    return [(free[bit * cell + (word >> 1) % cell], 1 if word & 1 else -1) for bit, word in enumerate(words)]


def lead_and_mac_places(samples: int, secret: bytes) -> tuple[Places, Places]:
    places = keyed_places(samples, hkdf(secret, b"stegnet/1/positions"), 392, set(salt_places(samples)))
    return places[:264], places[264:]


def record_places(samples: int, secret: bytes, nonce: bytes, size: int) -> Places:
    lead, mac = lead_and_mac_places(samples, secret)
    taken = {*salt_places(samples), *(place for place, _ in lead + mac)}
    return keyed_places(samples, hkdf(secret, b"stegnet/1/positions", nonce), 8 * size, taken)


def make_lead(secret: bytes, nonce: bytes, size: int, version: int = 1) -> bytes:
    plain = struct.pack(">BI", version, size)
    return nonce + AESGCM(hkdf(secret, b"stegnet/1/lead")).encrypt(nonce, plain, None)


def make_mac(picture: np.ndarray, secret: bytes) -> bytes:
    height, width, _ = picture.shape
    samples = bytearray(picture.tobytes())
    for place, _ in lead_and_mac_places(len(samples), secret)[1]:
        samples[place] &= 254
    text = struct.pack(">II", height, width) + samples
    return hmac.digest(hkdf(secret, b"stegnet/1/mac"), text, "sha256")[:16]


def write(
    picture: np.ndarray,
    record: bytes,
    secret: bytes,
    nonce: bytes,
    salt: bytes | None = None,
    lean: np.ndarray | None = None,
    *,
    version: int = 1,
    size: int | None = None,
) -> np.ndarray:
    """Seals a record; `version` and `size` are what the lead says, true or not."""
    height, width, _ = picture.shape
    samples = [int(sample) for sample in picture.reshape(-1)]
    leans = [0] * len(samples) if lean is None else [int(way) for way in lean.reshape(-1)]

    def step(place: int, sign: int, bit: int) -> None:
        if samples[place] % 2 != bit:
            inward = {0: 1, 255: -1}.get(samples[place])
            samples[place] += inward or leans[place] or sign

    lead = make_lead(secret, nonce, len(record) + 16 if size is None else size, version)
    sealed = AESGCM(hkdf(secret, b"stegnet/1/record")).encrypt(nonce, record, lead)
    if salt is not None:
        for place, bit, sign in zip(salt_places(len(samples)), bits_of(salt), [1, -1] * 64, strict=True):
            step(place, sign, bit)
    lead_places, mac_places = lead_and_mac_places(len(samples), secret)
    for (place, sign), bit in zip(lead_places, bits_of(lead), strict=True):
        step(place, sign, bit)
    for (place, sign), bit in zip(
        record_places(len(samples), secret, nonce, len(sealed)), bits_of(sealed), strict=True
    ):
        step(place, sign, bit)
    written = np.array(samples, np.uint8).reshape(height, width, 3)
    for (place, _), bit in zip(mac_places, bits_of(make_mac(written, secret)), strict=True):
        written.reshape(-1)[place] = samples[place] // 2 * 2 + bit
    return written


def read(picture: np.ndarray, secret: bytes) -> tuple[bytes, bool] | None:
    """The record in a picture, and whether its MAC holds."""
    samples = picture.tobytes()
    if len(samples) < 1296:
        return None
    lead_places, mac_places = lead_and_mac_places(len(samples), secret)
    lead = bytes_of([samples[place] & 1 for place, _ in lead_places])
    try:
        plain = AESGCM(hkdf(secret, b"stegnet/1/lead")).decrypt(lead[:12], lead[12:], None)
        version, size = struct.unpack(">BI", plain)
        if version != 1 or not 16 <= size <= (len(samples) - 520) // 16:
            return None
        sealed = bytes_of([samples[place] & 1 for place, _ in record_places(len(samples), secret, lead[:12], size)])
        record = AESGCM(hkdf(secret, b"stegnet/1/record")).decrypt(lead[:12], sealed, lead)
    except InvalidTag:
        return None
    return record, bytes_of([samples[place] & 1 for place, _ in mac_places]) == make_mac(picture, secret)


def read_salt(picture: np.ndarray) -> bytes:
    samples = picture.tobytes()
    return bytes_of([samples[place] & 1 for place in salt_places(len(samples))])


def read_nonce(picture: np.ndarray, secret: bytes) -> bytes:
    samples = picture.tobytes()
    return bytes_of([samples[place] & 1 for place, _ in lead_and_mac_places(len(samples), secret)[0][:96]])


def commitment(secret: bytes, film_id: bytes) -> bytes:
    return hmac.digest(hkdf(secret, b"stegnet/1/commitment"), film_id, "sha256")


@dataclass
class Parsed:
    """A picture's or film's record, field by field."""

    film_id: bytes
    commitment: bytes
    kind: int
    frames: int
    index: int
    flags: int
    block: int
    weights: bytes
    width: int
    height: int
    hidden: int
    time_base: tuple[int, int]
    rate: tuple[int, int]
    tracks: bytes
    stamp: int
    thumbnail: bytes
    rest: bytes

    def join(self) -> bytes:
        """The record's bytes."""
        start = struct.pack(">16s32sBII", self.film_id, self.commitment, self.kind, self.frames, self.index)
        numbers = self.width, self.height, self.hidden, *self.time_base, *self.rate
        described = struct.pack(">BH32s7I", self.flags, self.block, self.weights, *numbers)
        tracks = struct.pack(">I", len(self.tracks)) + self.tracks
        thumbnail = struct.pack(">I", len(self.thumbnail)) + self.thumbnail
        return start + described + tracks + struct.pack(">q", self.stamp) + thumbnail + self.rest


def parse(record: bytes) -> Parsed:
    start = struct.unpack(">16s32sBII", record[:57])
    flags, block, weights, *numbers = struct.unpack(">BH32s7I", record[57:120])
    (size,) = struct.unpack(">I", record[120:124])
    tracks, record = record[124 : 124 + size], record[124 + size :]
    stamp, size = struct.unpack(">qI", record[:12])
    described = flags, block, weights, *numbers[:3], tuple(numbers[3:5]), tuple(numbers[5:])
    return Parsed(*start, *described, tracks, stamp, record[12 : 12 + size], record[12 + size :])


def unpack_thumbnail(data: bytes, height: int, width: int) -> np.ndarray:
    planes = list(zlib.decompress(data))
    assert len(planes) == 3 * height * width
    means = np.zeros((height, width, 3), int)
    for channel in range(3):
        for y in range(height):
            for x in range(width):
                value = planes[(channel * height + y) * width + x]
                left = means[y, x - 1, channel] if x else 0
                above = means[y - 1, x, channel] if y else 0
                corner = means[y - 1, x - 1, channel] if x and y else 0
                means[y, x, channel] = value + left + above - corner
    means %= 256
    means[..., 0] += means[..., 1]
    means[..., 2] += means[..., 1]
    return (means % 256).astype(np.uint8)


def shuffle_key(secret: bytes, film_id: bytes, index: int) -> bytes:
    return hkdf(secret, b"stegnet/1/shuffle" + struct.pack(">Q", index), film_id)


def draw_shuffle(key: bytes, blocks: int) -> tuple[list[int], list[int]]:
    """The permutation, and the byte that turns each block."""
    data = stream(key, 9 * blocks)
    words = struct.unpack(f"<{blocks}Q", data[: 8 * blocks])
    return sorted(range(blocks), key=lambda block: words[block]), list(data[8 * blocks :])


def turned(block: np.ndarray, turn: int) -> np.ndarray:
    """(b, b, C) as one byte of the shuffle shows it."""
    block = block.transpose(1, 0, 2) if turn & 4 else block
    for _ in range(turn & 3):
        block = block.transpose(1, 0, 2)[::-1]  # a quarter turn counter-clockwise: the right column comes on top
    return -block if turn & 8 else block


def shuffle(picture: np.ndarray, permutation: list[int], turns: list[int], columns: int) -> np.ndarray:
    """(H, W, C) signed, its blocks as a container shows them."""
    block = picture.shape[1] // columns
    shown = np.empty_like(picture)
    for at, (origin, turn) in enumerate(zip(permutation, turns, strict=True)):
        y, x = (place * block for place in divmod(at, columns))
        down, across = (place * block for place in divmod(origin, columns))
        shown[y : y + block, x : x + block] = turned(picture[down : down + block, across : across + block], turn)
    return shown


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
