"""A reader of the tolerant JPEG containers of docs/format.md, slow; error correction is stegnet's.

A luma is (R, C, 64) integers: quantised coefficients in zigzag order; a table is its 64 quantisation steps.
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from scipy.fft import idctn

from stegnet.sealing import RepeatAccumulateCode, decode_message, message_capacity

LEAD_CODE = RepeatAccumulateCode(384, 64, 10)
WIDTHS = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
PAIRS = ("00", "02", "10", "20", "12", "22", "11", "21")
COLUMNS = {
    1: (1,) * 16,
    2: (8, 5, 4, 7, 4, 5, 7, 5, 4, 5, 8, 8, 7, 8, 5, 4),
    3: (25, 13, 23, 19, 20, 22, 26, 14, 16, 11, 17, 10, 26, 25, 26, 13),
    4: (70, 32, 79, 35, 74, 47, 71, 80, 44, 68, 55, 59, 77, 62, 28, 40),
    5: (202, 131, 119, 100, 178, 127, 86, 175, 130, 184, 212, 137, 205, 94, 133, 83),
    6: (514, 647, 512, 650, 293, 593, 403, 665, 287, 383, 353, 725, 694, 728, 641, 400),
}
ZIGZAG = sorted(range(64), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else n % 8))


def stream(key: bytes, size: int) -> bytes:
    """AES-256-CTR keystream."""
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def bits_of(data: bytes) -> list[int]:
    return [byte >> place & 1 for byte in data for place in range(7, -1, -1)]


def bytes_of(bits: list[int]) -> bytes:
    return bytes(int("".join(map(str, bits[start : start + 8])), 2) for start in range(0, len(bits), 8))


def salts(luma: np.ndarray, table: np.ndarray) -> Iterator[bytes]:
    """The salts that a reader tries, in their order."""
    edges = []
    for blocks in luma.shape[:2]:
        margin = 1 if blocks >= 6 else 0
        parts = min(blocks - 2 * margin, 4)
        edges.append([margin + (blocks - 2 * margin) * i // parts for i in range(parts + 1)])
    means = []
    for (top, bottom), (left, right) in itertools.product(*map(itertools.pairwise, edges)):
        mean = 128 + luma[top:bottom, left:right, 0].mean() * int(table[0]) / 8
        means.append(min(max(mean, 0), 255))
    steps = [int(mean // 16) for mean in means]
    near = []
    for place, mean in enumerate(means):
        edge = min(max(round(mean / 16) * 16, 16), 240)
        if abs(mean - edge) < 0.25:
            near.append((abs(mean - edge), place, edge // 16 if mean < edge else edge // 16 - 1))
    near = sorted(near)[:6]
    subsets = [list(subset) for size in range(len(near) + 1) for subset in itertools.combinations(near, size)]
    for subset in sorted(subsets, key=lambda subset: sum(distance for distance, _, _ in subset))[:8]:
        moved = list(steps)
        for _, place, step in subset:
            moved[place] = step
        yield hashlib.sha256(b"stegnet/1/jpeg/salt" + bytes(moved)).digest()[:16]


def rooms(luma: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Room of each block, (R · C,)."""
    found = []
    for block in luma.reshape(-1, 64):
        square = np.zeros(64)
        square[ZIGZAG] = block * table
        pixels = idctn(square.reshape(8, 8), norm="ortho") + 128
        found.append(min(pixels.min(), 255 - pixels.max()))
    return np.array(found)


def samples(luma: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(S,) integers."""
    values = (luma.reshape(-1, 64)[:, 1:21].astype(int) + 128) % 256
    values[rooms(luma, table) <= 8] = 128
    return values.reshape(-1)


@dataclass(frozen=True)
class Keys:
    """K and the salt."""

    secret: bytes
    salt: bytes

    def subkey(self, name: str, lead: bytes = b"") -> bytes:
        info = b"stegnet/1/robust/" + name.encode()
        return HKDF(SHA256(), 32, self.salt + lead, info).derive(self.secret)


def drawn(key: bytes, size: int, count: int, before: list[int]) -> list[int]:
    """The samples of a zone's elements."""
    words = np.frombuffer(stream(key, 8 * 20 * size), "<u8") % size
    numbers: list[int] = []
    used = set(before)
    for number in map(int, words):
        if len(numbers) == count:
            return numbers
        if number not in used:
            numbers.append(number)
            used.add(number)
    raise AssertionError("too few words")


@dataclass(frozen=True)
class Zone:
    """P coded bits, w samples for each trit, the height h, the zone key, and the elements."""

    bits: int
    width: int
    height: int
    key: bytes
    elements: list[int]

    @property
    def trits(self) -> int:
        return 2 * -(-self.bits // 3)

    def order_and_mask(self) -> tuple[list[int], list[int]]:
        data = stream(self.key, 8 * self.bits + -(-self.bits // 8))
        order = np.argsort(np.frombuffer(data[: 8 * self.bits], "<u8"), kind="stable").tolist()
        return order, bits_of(data[8 * self.bits :])[: self.bits]

    def sums(self, lane: int) -> list[list[list[int]]]:
        """The elements of each sum of each row of a lane."""
        lanes, rows = self.lanes_and_rows
        in_lane = len(self.elements) // lanes
        merged = -(-in_lane // (16 * rows))
        count = in_lane // merged
        width, wide = divmod(count, rows)
        sums = [[self.elements[(place * merged + i) * lanes + lane] for i in range(merged)] for place in range(count)]
        starts = [row * width + row * wide // rows for row in range(rows + 1)]
        return [sums[start:end] for start, end in itertools.pairwise(starts)]

    @property
    def lanes_and_rows(self) -> tuple[int, int]:
        lanes = max(1, min(self.trits // 128, 65_536))
        return lanes, -(-self.trits // lanes)

    def digit(self, down: int, place: int) -> int:
        return COLUMNS[self.height][place] // 3**down % 3

    def read(self, values: np.ndarray) -> list[int]:
        """The trits."""
        lanes, rows = self.lanes_and_rows
        trits = [0] * (lanes * rows)
        for lane in range(lanes):
            for row, row_sums in enumerate(self.sums(lane)):
                for place, members in enumerate(row_sums):
                    total = int(values[members].sum())
                    for down in range(min(self.height, rows - row)):
                        trits[(row + down) * lanes + lane] += self.digit(down, place) * total
        return [trit % 3 for trit in trits[: self.trits]]

    def ratios(self, values: np.ndarray) -> np.ndarray:
        """Log-likelihood ratios of the coded bits: all alike, but for the pair that is no number."""
        listed = []
        trits = self.read(values)
        for first, second in zip(trits[::2], trits[1::2], strict=True):
            pair = f"{first}{second}"
            number = PAIRS.index(pair) if pair in PAIRS else None
            listed += [0.0] * 3 if number is None else [3.0 if number >> place & 1 else -3.0 for place in (2, 1, 0)]
        order, mask = self.order_and_mask()
        return np.array([listed[place] * (1 - 2 * bit) for place, bit in zip(order, mask, strict=True)], np.float32)


def lead_zone(size: int, keys: Keys) -> Zone:
    width = min(size // 1024, 48)
    elements = drawn(keys.subkey("places"), size, 256 * width, [])
    return Zone(384, width, 1, keys.subkey("header"), elements)


def fields_of(lead: bytes) -> tuple[int, int, int, int]:
    """Rate, height, number of w, and length."""
    number = int.from_bytes(lead, "big") >> 27
    return number >> 31, number >> 28 & 7, number >> 24 & 15, number % (1 << 24)


def record_zone(size: int, keys: Keys, lead: bytes, first: Zone) -> Zone | None:
    rate, height, width, length = fields_of(lead)
    if not (1 <= rate <= 58 and 1 <= height <= 6 and width < len(WIDTHS) and length >= 28):
        return None
    bits = 8 * length * 64 // rate
    while message_capacity(bits, rate) < 8 * length:
        bits += 1
    count = WIDTHS[width] * 2 * -(-bits // 3)
    if count > size * 3 // 4 - len(first.elements):
        return None
    elements = drawn(keys.subkey("order", lead), size, count, first.elements)
    return Zone(bits, WIDTHS[width], height, keys.subkey("mask", lead), elements)


def associated(lead: bytes, luma: np.ndarray) -> bytes:
    return lead + b"".join(side.to_bytes(4, "big") for side in luma.shape[:2])


def read(luma: np.ndarray, table: np.ndarray, secret: bytes, salt: bytes) -> bytes | None:
    """The record that opens with this key and salt."""
    keys = Keys(secret, salt)
    values = samples(luma, table)
    first = lead_zone(values.size, keys)
    bits = LEAD_CODE.decode(first.ratios(values))
    if bits is None:
        return None
    lead = bytes_of(bits.tolist())
    second = record_zone(values.size, keys, lead, first)
    if second is None:
        return None
    rate, _, _, length = fields_of(lead)
    message = decode_message(second.ratios(values), rate)
    if message is None:
        return None
    sealed = bytes_of(message[: 8 * length].tolist())
    try:
        return AESGCM(keys.subkey("record", lead)).decrypt(sealed[:12], sealed[12:], associated(lead, luma))
    except InvalidTag:
        return None
