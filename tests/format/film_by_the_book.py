"""A reader of the robust films of docs/format.md, slow; error correction alone is stegnet's, which the page has, too.

A film is a list of frames, (H, W, 3) uint8.
"""

import hashlib
import hmac
import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scipy.fft import dctn

from stegnet.sealing import RepeatAccumulateCode, decode_message, message_capacity

Film = Sequence[np.ndarray]

GROUP, VARIANTS = 48, 32
FREQUENCIES = (
    (0, 2), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 0), (3, 0), (0, 0), (0, 3), (2, 2), (3, 1), (4, 0), (1, 3),
    (3, 2), (4, 1),
)  # fmt: skip
TABLE = 10, 11, 12, 12, 13, 14, 14, 14, 16, 16, 16, 17, 18, 19, 22, 22
MOST = 1 << 25  # bytes of a message
SURENESS, FACTORS = 1.5, [2 ** (power / 2) for power in range(-8, 7)]  # log-likelihood ratios of a sine of 1
HEADER_CODE = RepeatAccumulateCode(384, 64, 10)


@dataclass(frozen=True)
class FilmRung:
    """C coefficients, runs of u frames, and the scale s."""

    coefficients: int
    run: int
    scale: float

    @property
    def group_bits(self) -> int:
        """Bits of a block in a group, r."""
        return GROUP * self.coefficients // self.run

    @property
    def periods(self) -> np.ndarray:
        """(C,), in levels."""
        return self.scale * np.array(TABLE[: self.coefficients])


RUNGS = FilmRung(8, 4, 7.0), FilmRung(8, 4, 5.0), FilmRung(16, 4, 2.5), FilmRung(16, 1, 2.5)


def shape_of(group: Film) -> tuple[int, int]:
    """Rows and columns of blocks."""
    height, width, _ = group[0].shape
    return height // 8, width // 8


def rounded_luma(frame: np.ndarray) -> np.ndarray:
    """(H, W), of the hidden area."""
    return np.rint(area_of(frame) @ np.array([0.2126, 0.7152, 0.0722]))


# Keys and random numbers


def hkdf(secret: bytes, info: bytes, salt: bytes) -> bytes:
    """RFC 5869, one block of SHA-256."""
    return hmac.digest(hmac.digest(salt, secret, "sha256"), info + b"\1", "sha256")


def stream(key: bytes, count: int) -> bytes:
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


def u64(key: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack(f"<{count}Q", stream(key, 8 * count))


def argsort(words: Sequence[int]) -> list[int]:
    return sorted(range(len(words)), key=lambda place: words[place])


def bits_of(data: bytes) -> list[int]:
    return np.unpackbits(np.frombuffer(data, np.uint8)).tolist()


@dataclass(frozen=True)
class Keys:
    """Subkeys of a group with this key and salt, its variant included."""

    key: bytes
    salt: bytes

    def of(self, name: str, header: bytes = b"") -> bytes:
        return hkdf(self.key, b"stegnet/1/robust/" + name.encode(), self.salt + header)


# Salt and dither


def area_of(picture: np.ndarray) -> np.ndarray:
    return picture[: picture.shape[0] // 8 * 8, : picture.shape[1] // 8 * 8]


def region_lumas(picture: np.ndarray) -> list[tuple[int, int]]:
    """The sum L of each region, and its number of pixels n."""
    found = []
    for (top, bottom), (left, right) in itertools.product(*(spans(side // 8) for side in picture.shape[:2])):
        red, green, blue = (int(picture[top:bottom, left:right, channel].sum(dtype=int)) for channel in range(3))
        found.append((299 * red + 587 * green + 114 * blue, (bottom - top) * (right - left)))
    return found


def spans(blocks: int) -> list[tuple[int, int]]:
    """First and last row, or column, of pixels of the regions of so many blocks."""
    left_out = 1 if blocks >= 6 else 0
    rest = blocks - 2 * left_out
    parts = min(rest, 4)
    edges = [8 * (left_out + rest * part // parts) for part in range(parts + 1)]
    return list(itertools.pairwise(edges))


def steps_tried(lumas: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """The steps of regions, given L and n of each, that a reader tries, in order."""
    steps, means = [total // (16000 * size) for total, size in lumas], [total / (1000 * size) for total, size in lumas]
    edges = [min((abs(mean - edge), edge) for edge in range(16, 241, 16))[1] for mean in means]
    distances = [abs(mean - edge) for mean, edge in zip(means, edges, strict=True)]
    near = [region for region in range(len(means)) if distances[region] < 1]
    near = sorted(near, key=lambda region: distances[region])[:6]
    subsets = [some for count in range(len(near) + 1) for some in itertools.combinations(near, count)]
    subsets.sort(key=lambda some: sum(distances[region] for region in some))
    for some in subsets[:8]:
        other = list(steps)
        for region in some:
            edge = edges[region] // 16
            other[region] = edge - 1 if steps[region] >= edge else edge
        yield other


def salts(group: Film) -> Iterator[bytes]:
    """Those that a reader tries, in order."""
    each = [region_lumas(frame) for frame in group]
    summed = [(sum(total for total, _ in region), GROUP * region[0][1]) for region in zip(*each, strict=True)]
    return (film_salt(group, steps) for steps in steps_tried(summed))


def film_salt(group: Film, steps: Sequence[int]) -> bytes:
    start = b"stegnet/1/robust/film/salt" + struct.pack(">II", *group[0].shape[:2])
    return hashlib.sha256(start + bytes(steps)).digest()[:16]


def words(key: bytes, blocks: int, rung: FilmRung) -> np.ndarray:
    """(blocks, r) numbers in [0, 1)."""
    count = blocks * rung.group_bits
    return (np.array(struct.unpack(f"<{count}H", stream(key, 2 * count))) / 65536).reshape(blocks, -1)


def record_key(keys: Keys, header: bytes) -> bytes:
    return hkdf(keys.key, b"stegnet/1/robust/dither", keys.salt + header)


def dither_of(keys: Keys, header: bytes, shape: tuple[int, int], rung: FilmRung) -> np.ndarray:
    """(rows · cols, r), of all blocks."""
    found = places(*shape, rung.group_bits, keys)
    assert found
    first = found.first
    made = words(record_key(keys, header), shape[0] * shape[1], rung)
    made[first] = words(keys.of("dither"), len(first), rung)
    return made


# Places, header and record


@dataclass(frozen=True)
class Places:
    """Numbers of the bits that carry the header, element after element, and the blocks that may carry the record.

    Attributes:
        first: the header's blocks in their order.
        bits: of a block.
    """

    first: list[int]
    header: list[int]
    rest: list[int]
    bits: int

    def used(self, header: bytes) -> list[int]:
        """Numbers of the bits that carry the record, in order."""
        blocks, (_, share, start) = len(self.rest), fields(header)
        first = start % blocks if share else 0
        used = (self.rest[first:] + self.rest[:first])[: shared(blocks, share)]
        return [block * self.bits + bit for block in used for bit in range(self.bits)]

    def record(self, keys: Keys, header: bytes) -> list[int]:
        used = self.used(header)
        return [used[place] for place in argsort(u64(keys.of("order", header), len(used)))]


def places(rows: int, cols: int, bits: int, keys: Keys) -> Places | None:
    """None where nothing can be hidden."""
    blocks, some = rows * cols, header_blocks(rows * cols, bits)
    if blocks <= some:
        return None
    words = u64(keys.of("places"), blocks + some * bits)
    order = argsort([words[row // 2 * -(-cols // 2) + col // 2] for row in range(rows) for col in range(cols)])
    first, rest = order[:some], order[some:]
    header = [block * bits + bit for block in first for bit in range(bits)]
    return Places(first, [header[place] for place in argsort(words[blocks:])], rest, bits)


def masked(key: bytes, bits: Sequence[int]) -> list[int]:
    return [bit ^ mask for bit, mask in zip(bits, bits_of(stream(key, -(-len(bits) // 8))), strict=False)]


def signed(key: bytes, ratios: np.ndarray) -> np.ndarray:
    return ratios * (1 - 2 * np.array(masked(key, [0] * len(ratios))))


def more(rows: int, cols: int, header: bytes) -> bytes:
    """The additional data."""
    return header + struct.pack(">II", rows, cols)


def fields(header: bytes) -> tuple[int, int, int]:
    """Rate, number of a share, and the random number."""
    number = int.from_bytes(header, "big")
    return number >> 58, number >> 52 & 63, number & 2**52 - 1


def header_blocks(blocks: int, bits: int) -> int:
    return max(-(-1152 // bits), min(-(-blocks // 32), 128, max(48, -(-4608 // bits))))


def shared(blocks: int, share: int) -> int:
    return (8 - share % 4) * blocks // 2 ** (share // 4 + 3)


def coded_header(header: bytes, count: int) -> list[int]:
    return np.resize(HEADER_CODE.encode(np.array(bits_of(header), np.uint8)), count).tolist()


def open_rung(
    ratios: np.ndarray, rows: int, cols: int, keys: Keys, better: Callable[[bytes, np.ndarray], np.ndarray]
) -> bytes | None:
    """The content, if it opens; `ratios` are those of a rung's header, (rows, cols, r).

    Args:
        better: gives the ratios that the record is read from, by the header and its own ratios, positive where they
            are right.
    """
    found, flat = places(rows, cols, ratios.shape[-1], keys), ratios.reshape(-1).astype(float)
    if found is None:
        return None
    sums, copies = np.zeros(384), signed(keys.of("header"), flat[found.header])
    np.add.at(sums, np.arange(len(found.header)) % 384, copies)
    bits = HEADER_CODE.decode(sums) if sum(sums**2) > 1.2 * sum(copies**2) else None
    if bits is None or not 1 <= fields(header := np.packbits(bits).tobytes())[0] <= 58:
        return None
    count, rate = len(found.used(header)), fields(header)[0]
    if message_capacity(count, rate) // 8 < 16:
        return None
    flat = better(header, copies * (2.0 * np.array(coded_header(header, len(copies))) - 1)).reshape(-1)
    message = decode_message(signed(keys.of("mask", header), flat[found.record(keys, header)]), rate)
    if message is None:
        return None
    sealed = np.packbits(message[: message.size // 8 * 8]).tobytes()
    try:
        return AESGCM(keys.of("record", header)).decrypt(bytes(12), sealed, more(rows, cols, header))
    except InvalidTag:
        return None


# Phases


def coefficients(lumas: np.ndarray) -> np.ndarray:
    """(rows · cols, T, 16) of lumas, (T, H, W)."""
    frames, height, width = lumas.shape
    blocks = (lumas - 127.5).reshape(frames, height // 8, 8, width // 8, 8)
    found = dctn(blocks, axes=(2, 4), norm="ortho").transpose(1, 3, 0, 2, 4)
    some = np.stack([found[..., down, across] for down, across in FREQUENCIES], -1)
    return some.reshape(-1, frames, len(FREQUENCIES))


def phases(found: np.ndarray, dither: np.ndarray, rung: FilmRung) -> np.ndarray:
    """(blocks, r): y / Q − d, of coefficients (blocks, 48, 16) and a dither (blocks, r)."""
    some = found[:, :: rung.run, : rung.coefficients] / rung.periods
    return some.reshape(len(found), -1) - dither


def header_sines(found: np.ndarray, shape: tuple[int, int], keys: Keys, rung: FilmRung) -> np.ndarray:
    """Sines of the phases of a header's bits, (blocks, r), of coefficients (blocks, 48, 16); 0 of all others."""
    made = np.zeros((len(found), rung.group_bits))
    if where := places(*shape, rung.group_bits, keys):
        dither = words(keys.of("dither"), len(where.first), rung)
        made[where.first] = np.sin(2 * np.pi * phases(found[where.first], dither, rung))
    return made


# Groups and messages


def open_group(group: Film, key_of: Callable[[bytes], bytes]) -> bytes | None:
    """The content of a group, if it opens.

    Args:
        key_of: K, by the robust salt.
    """
    shape, found = shape_of(group), coefficients(np.stack([rounded_luma(frame) for frame in group]))
    derived = ((salt, key_of(salt)) for salt in salts(group))
    for (salt, key), variant in itertools.product(derived, range(VARIANTS)):
        keys = Keys(key, salt + bytes([variant]))
        for rung in RUNGS:

            def of_record(header: bytes, right: np.ndarray, keys: Keys = keys, rung: FilmRung = rung) -> np.ndarray:
                sines = np.sin(2 * np.pi * phases(found, dither_of(keys, header, shape, rung), rung))
                return surest(right / SURENESS) * sines

            ratios = SURENESS * header_sines(found, shape, keys, rung)
            content = open_rung(ratios.reshape(*shape, -1), *shape, keys, of_record)
            if content is not None:
                return content
    return None


def surest(right: np.ndarray) -> float:
    """The factor by which sines, positive where right, give most information."""
    return max(FACTORS, key=lambda factor: -np.logaddexp(0, -factor * right).mean())


def read(film: Film, key_of: Callable[[bytes], bytes]) -> bytes | None:
    """The message of a film."""
    for first in range(min(GROUP, len(film) - GROUP + 1)):
        groups = (film[start : start + GROUP] for start in range(first, len(film) - GROUP + 1, GROUP))
        contents = [content for group in groups if (content := open_group(group, key_of)) is not None]
        if contents:
            return joined(contents)
    return None


def joined(contents: Sequence[bytes]) -> bytes | None:
    """The message whose pieces are among the contents of groups."""
    found: dict[bytes, dict[int, int]] = {}
    for content in contents:
        first, size = struct.unpack(">II", content[:8])
        if first < size <= MOST:
            known = found.setdefault(content[4:16], {})
            known |= dict(enumerate(content[16 : 16 + size - first], first))
    for head, known in found.items():
        message = bytes(known[place] for place in sorted(known))
        if len(message) == int.from_bytes(head[:4], "big") and hashlib.sha256(message).digest()[:8] == head[4:]:
            return message
    return None
