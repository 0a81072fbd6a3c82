"""docs/format.md written down a second time, slowly and without a line of stegnet: what the code is checked against."""

import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tests.format.seal_by_the_book import (
    NO_FILM_SECRET,
    NONCE,
    SECRET,
    bits_of,
    bytes_of,
    frame_salt,
    hkdf,
    read,
    read_lead,
    samples_of,
    stream,
    with_dummies,
    write,
    zones,
)

__all__ = ["NONCE", "NO_FILM_SECRET", "SECRET", "bits_of", "bytes_of", "with_dummies", "write", "zones"]  # from there

FILM_ID = bytes(range(0xA0, 0xB0))
FILM_SECRET = bytes(range(0xC0, 0xD0))


# Keys of a passphrase


def scrypt(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(passphrase.encode())


def film_key(film_secret: bytes) -> bytes:
    return hkdf(film_secret, b"stegnet/2/film")


def is_anchor(picture: np.ndarray) -> bool:
    return frame_salt(picture)[0] < 4


def find_film_secret(frames: list[np.ndarray], passphrase: str) -> bytes | None:
    """That of the first frame whose record opens: the first of the file, or one of eight anchors."""
    for picture in [frames[0], *[frame for frame in frames[1:] if is_anchor(frame)][:8]]:
        key = scrypt(passphrase, frame_salt(picture))
        opened = read_lead(picture, key)
        if opened and read(picture, key, opened[1][6:]):
            return opened[1][6:]
    return None


def read_film(frames: list[np.ndarray], passphrase: str) -> list[tuple[bytes, bool] | None]:
    """The records of a film's frames."""
    frames = [samples_of(frame) for frame in frames]
    film_secret = find_film_secret(frames, passphrase)
    if film_secret is None:
        return [None] * len(frames)
    records, key, tries = [], film_key(film_secret), 8
    for picture in frames:
        found = None if is_anchor(picture) else read(picture, key, film_secret)
        if found is None and (is_anchor(picture) or tries):
            tries -= not is_anchor(picture)
            found = read(picture, scrypt(passphrase, frame_salt(picture)), film_secret)
        records.append(found)
    return records


# Records and pictures


def commitment(key: bytes, film_id: bytes) -> bytes:
    return hmac.digest(hkdf(key, b"stegnet/2/commitment"), film_id, "sha256")


def pack_packet(
    track: int, key_packet: bool, times: tuple[int, int], duration: int, dropped: int, data: bytes
) -> bytes:
    """A sound packet; `times` are its presentation and decoding stamps."""
    return struct.pack(">BBqqIII", track, key_packet, *times, duration, dropped, len(data)) + data


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
    base: bytes
    rest: bytes

    def join(self) -> bytes:
        """The record's bytes."""
        start = struct.pack(">16s32sBII", self.film_id, self.commitment, self.kind, self.frames, self.index)
        numbers = self.width, self.height, self.hidden, *self.time_base, *self.rate
        described = struct.pack(">BH32s7I", self.flags, self.block, self.weights, *numbers)
        tracks = struct.pack(">I", len(self.tracks)) + self.tracks
        base = struct.pack(">I", len(self.base)) + self.base
        return start + described + tracks + struct.pack(">q", self.stamp) + base + self.rest


def file_record(key: bytes, film_id: bytes, name: bytes, data: bytes) -> bytes:
    """That of a file, alone in its container.

    Args:
        key: of the film.
    """
    start = struct.pack(">16s32sBII", film_id, commitment(key, film_id), 3, 1, 0)
    described = struct.pack(">Q32sI", len(data), hashlib.sha256(data).digest(), len(name)) + name
    return start + described + struct.pack(">Q", 0) + data


def parse(record: bytes) -> Parsed:
    start = struct.unpack(">16s32sBII", record[:57])
    flags, block, weights, *numbers = struct.unpack(">BH32s7I", record[57:120])
    (size,) = struct.unpack(">I", record[120:124])
    tracks, record = record[124 : 124 + size], record[124 + size :]
    stamp, size = struct.unpack(">qI", record[:12])
    described = flags, block, weights, *numbers[:3], tuple(numbers[3:5]), tuple(numbers[5:])
    return Parsed(*start, *described, tracks, stamp, record[12 : 12 + size], record[12 + size :])


def pack_means(means: np.ndarray) -> bytes:
    """(h, w, 3) uint8, without its gain."""
    height, width, _ = means.shape
    plain = means.astype(int)
    plain[..., 0] -= plain[..., 1]
    plain[..., 2] -= plain[..., 1]
    values = [
        plain[y, x, channel]
        - (plain[y - 1, x, channel] if y else 0)
        - (plain[y, x - 1, channel] if x else 0)
        + (plain[y - 1, x - 1, channel] if x and y else 0)
        for channel in range(3)
        for y in range(height)
        for x in range(width)
    ]
    return zlib.compress(bytes(int(value) % 256 for value in values), 9)


def unpack_means(data: bytes, height: int, width: int) -> np.ndarray:
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


def shuffle_key(key: bytes, film_id: bytes, index: int) -> bytes:
    return hkdf(key, b"stegnet/2/shuffle" + struct.pack(">Q", index), film_id)


def draw_shuffle(key: bytes, blocks: int) -> tuple[list[int], list[int]]:
    """The permutation, and the byte that turns each block."""
    data = stream(key, 9 * blocks)
    words = struct.unpack(f"<{blocks}Q", data[: 8 * blocks])
    return sorted(range(blocks), key=lambda block: words[block]), list(data[8 * blocks :])


def draw_mask(key: bytes, height: int, width: int) -> np.ndarray:
    """Changes of the samples of the hidden area, (height, width, 3), in periods.

    Args:
        key: of the shuffle.
    """
    cipher = Cipher(algorithms.AES256(key), modes.CTR(b"\x80" + bytes(15))).encryptor()
    words = struct.unpack(f"<{3 * height * width}H", cipher.update(bytes(6 * height * width)))
    return np.array(words).reshape(height, width, 3) / 65536


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
