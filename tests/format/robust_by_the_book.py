"""Robust containers of docs/format.md a second time, slowly and without a line of stegnet (`by_the_book`: the others;
`code_by_the_book`: their error correction).

A modem is a function: `reveal(area, dither)` gives ratios, (rows, cols, K), for an area, (H, W, 3) uint8, and a dither,
(rows, cols, 64).
"""

import hashlib
import itertools
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import av
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image

from tests.format.code_by_the_book import HEADER, Coding, argsort, u64
from tests.format.seal_by_the_book import bits_of, bytes_of, hkdf, stream

Reveal = Callable[[np.ndarray, np.ndarray], np.ndarray]
Better = Callable[[bytes, np.ndarray], np.ndarray]


def area_of(picture: np.ndarray) -> np.ndarray:
    return picture[: picture.shape[0] // 8 * 8, : picture.shape[1] // 8 * 8]


# Salt


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


def salt_of(steps: Sequence[int], start: bytes = b"stegnet/2/robust/salt") -> bytes:
    return hashlib.sha256(start + bytes(steps)).digest()[:16]


def salts(picture: np.ndarray) -> Iterator[bytes]:
    """Those that a reader tries, in order."""
    return (salt_of(steps) for steps in steps_tried(region_lumas(picture)))


def steps_tried(lumas: Sequence[tuple[int, int]], most: float = 0.75) -> Iterator[list[int]]:
    """The steps of regions, given L and n of each, that a reader tries, in order; `most`: distance of an edge."""
    steps, means = [total // (16000 * size) for total, size in lumas], [total / (1000 * size) for total, size in lumas]
    edges = [min(range(16, 241, 16), key=lambda edge, mean=mean: abs(mean - edge)) for mean in means]
    distances = [abs(mean - edge) for mean, edge in zip(means, edges, strict=True)]
    near = [region for region in range(len(means)) if distances[region] < most]
    near = sorted(near, key=lambda region: distances[region])[:6]
    subsets = [some for count in range(len(near) + 1) for some in itertools.combinations(near, count)]
    subsets.sort(key=lambda some: sum(distances[region] for region in some))
    for some in subsets[:8]:
        other = list(steps)
        for region in some:
            edge = edges[region] // 16
            other[region] = edge - 1 if steps[region] >= edge else edge
        yield other


# Keys and places


@dataclass(frozen=True)
class Keys:
    """Subkeys of a container with this key and salt, which may be a group of a film's frames.

    Attributes:
        textures: of its blocks, by which they are chosen; None: they are not.
    """

    key: bytes
    salt: bytes
    film: bool = False
    textures: list[int] | None = None

    def of(self, name: str, header: bytes = b"") -> bytes:
        return hkdf(self.key, b"stegnet/2/robust/" + name.encode(), self.salt + header)

    def dither(self, rows: int, cols: int) -> np.ndarray:
        words = struct.unpack(f"<{64 * rows * cols}H", stream(self.of("dither"), 128 * rows * cols))
        return (np.array(words) / 65536).reshape(rows, cols, 64)


@dataclass(frozen=True)
class Places:
    """Numbers of the bits that carry the header, element after element, and the blocks that may carry the record.

    Attributes:
        first: the header's blocks in their order.
        textures: of all blocks; None: they are not chosen by them.
    """

    first: list[int]
    header: list[int]
    rest: list[int]
    bits: int
    textures: list[int] | None

    def used(self, header: bytes) -> list[int]:
        """Numbers of the bits that carry the record, in order."""
        blocks, (_, share, start) = len(self.rest), fields(header)
        first = start % blocks if share else 0
        used = chosen(self.rest[first:] + self.rest[:first], shared(blocks, share), self.textures)
        return [block * self.bits + bit for block in used for bit in range(self.bits)]

    def record(self, keys: Keys, header: bytes) -> list[int]:
        used = self.used(header)
        return [used[place] for place in argsort(u64(keys.of("order", header), len(used)))]


def places(rows: int, cols: int, bits: int, keys: Keys) -> Places | None:
    """None where nothing can be hidden."""
    blocks = rows * cols
    some = header_blocks(blocks, bits, keys.film, keys.textures is not None)
    if blocks <= some:
        return None
    words = u64(keys.of("places"), blocks + some * bits)
    own = words[:blocks]
    if keys.film:
        own = [words[row // 2 * -(-cols // 2) + col // 2] for row in range(rows) for col in range(cols)]
    order = argsort(own)
    first = chosen(order, some, keys.textures)
    header = [block * bits + bit for block in first for bit in range(bits)]
    taken = set(first)
    rest = [block for block in order if block not in taken]
    return Places(first, [header[place] for place in argsort(words[blocks:])], rest, bits, keys.textures)


def chosen(order: list[int], count: int, textures: list[int] | None) -> list[int]:
    if textures is None:
        return order[:count]
    some = order[: 16 * count]
    edges = [part * len(some) // max(count, 1) for part in range(count + 1)]
    return [max(some[start:end], key=textures.__getitem__) for start, end in itertools.pairwise(edges)]


def texture(area: np.ndarray) -> list[int]:
    """The textures of the blocks of a hidden area."""
    rows, cols = (side // 8 for side in area.shape[:2])
    deviations = {}
    for row in range(rows):
        for col in range(cols):
            pixels = area[8 * row : 8 * row + 8, 8 * col : 8 * col + 8].reshape(64, 3).tolist()
            lumas = [(299 * red + 587 * green + 114 * blue) // 1000 for red, green, blue in pixels]
            deviations[row, col] = math.isqrt(64 * sum(luma**2 for luma in lumas) - sum(lumas) ** 2)
    around = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if (down, across) != (0, 0)]
    return [
        sum(
            deviations[min(max(row + down, 0), rows - 1), min(max(col + across, 0), cols - 1)]
            for down, across in around
        )
        for row in range(rows)
        for col in range(cols)
    ]


# Header and record


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


def header_of(rate: int, random: bytes, share: int = 0) -> bytes:
    """That with the last 52 of some random bits."""
    return (rate << 58 | share << 52 | int.from_bytes(random, "big") & 2**52 - 1).to_bytes(8, "big")


def header_blocks(blocks: int, bits: int, film: bool, textured: bool) -> int:
    most = min(128, max(48, -(-4608 // bits))) if film else -(-576 // bits) if textured else 64
    return max(-(-(1152 if film else 384) // bits), min(-(-blocks // 32), most))


def shared(blocks: int, share: int) -> int:
    return (8 - share % 4) * blocks // 2 ** (share // 4 + 3)


def room(blocks: int, bits: int, header: bytes, film: bool = False, textured: bool = False) -> int:
    """Bytes of content, given the header."""
    rate, share, _ = fields(header)
    return Coding(shared(blocks - header_blocks(blocks, bits, film, textured), share) * bits, rate).room // 8 - 16


def seal(rows: int, cols: int, bits: int, header: bytes, content: bytes, keys: Keys) -> bytes:
    """The sealed record. Content is filled up with zeros."""
    filled = content.ljust(room(rows * cols, bits, header, keys.film, keys.textures is not None), b"\0")
    return AESGCM(keys.of("record", header)).encrypt(bytes(12), filled, more(rows, cols, header))


def carried(rows: int, cols: int, bits: int, header: bytes, content: bytes, keys: Keys) -> list[int]:
    """Every bit of a container's rung, by its number."""
    found = places(rows, cols, bits, keys)
    made = [0] * (rows * cols * bits)
    repeated = list(itertools.islice(itertools.cycle(HEADER.encode(bits_of(header))), len(found.header)))
    for number, bit in zip(found.header, masked(keys.of("header"), repeated), strict=True):
        made[number] = bit
    coding = Coding(len(found.used(header)), fields(header)[0])
    sealed = seal(rows, cols, bits, header, content, keys)
    message = bits_of(sealed) + [0] * (coding.room - 8 * len(sealed))
    coded = masked(keys.of("mask", header), coding.encode(message))
    for number, bit in zip(found.record(keys, header), coded, strict=True):
        made[number] = bit
    return made


def open_rung(
    ratios: np.ndarray,
    rows: int,
    cols: int,
    keys: Keys,
    better: Callable[[bytes, np.ndarray], np.ndarray] | None = None,
) -> bytes | None:
    """The content, if it opens; `ratios` are those of a rung, (rows, cols, r).

    Args:
        better: gives the ratios that the record is read from, by the header and its own ratios, positive where they
            are right; None: the same ones.
    """
    found, flat = places(rows, cols, ratios.shape[-1], keys), ratios.reshape(-1).astype(float)
    if found is None:
        return None
    sums, copies = np.zeros(384), signed(keys.of("header"), flat[found.header])
    np.add.at(sums, np.arange(len(found.header)) % 384, copies)
    agree = not keys.film or sum(sums**2) > 1.2 * sum(copies**2)
    bits = HEADER.decode(sums) if agree else None
    if bits is None or not 1 <= fields(header := bytes_of(bits))[0] <= 58:
        return None
    coding = Coding(len(found.used(header)), fields(header)[0])
    if coding.room // 8 < 16:
        return None
    if better is not None:
        sent = np.resize(HEADER.encode(bits_of(header)), len(copies))
        flat = better(header, copies * (2.0 * sent - 1)).reshape(-1)
    message = coding.decode(signed(keys.of("mask", header), flat[found.record(keys, header)]))
    if message is None:
        return None
    try:
        sealed = bytes_of(message[: coding.room // 8 * 8])
        return AESGCM(keys.of("record", header)).decrypt(bytes(12), sealed, more(rows, cols, header))
    except InvalidTag:
        return None


def read(picture: np.ndarray, key_of: Callable[[bytes], bytes], rungs: Sequence[int], reveal: Reveal) -> bytes | None:
    """The content of a container.

    Args:
        key_of: K, by the robust salt.
        rungs: bits of each.
    """
    area = area_of(picture)
    rows, cols = (side // 8 for side in area.shape[:2])
    textures = texture(area)
    for salt in salts(picture) if area.size else ():
        keys, first = Keys(key_of(salt), salt), 0
        ratios = reveal(area, keys.dither(rows, cols))
        for bits in rungs:
            for each in (replace(keys, textures=textures), keys):
                content = open_rung(ratios[..., first : first + bits], rows, cols, each)
                if content is not None:
                    return content
            first += bits
    return None


def read_part(
    part: np.ndarray, key: bytes, rungs: Sequence[int], reveal: Reveal, block: tuple[int, int]
) -> bytes | None:
    """The content of a part of a container that may be cropped.

    Args:
        part: from its first whole block on.
        block: row and column of the map that this block has.
    """
    area, keys = area_of(part), Keys(key, hashlib.sha256(b"stegnet/2/robust/tiles/salt").digest()[:16])
    rows, cols = (side // 8 for side in area.shape[:2])
    dither, masks = keys.dither(512, 512), bits_of(stream(keys.of("tiles"), 2**21))
    across = [[((block[0] + row) % 512, (block[1] + col) % 512) for col in range(cols)] for row in range(rows)]
    ratios, first = reveal(area, np.array([[dither[place] for place in line] for line in across])), 0
    for bits in rungs:
        sums = np.zeros((32, 32, bits))
        for line, places_of_line in zip(ratios, across, strict=True):
            for found, (row, col) in zip(line, places_of_line, strict=True):
                start = 64 * (512 * row + col)
                signs = 1 - 2 * np.array(masks[start : start + bits])
                sums[row % 32, col % 32] += found[first : first + bits] * signs
        content = open_rung(sums, 32, 32, keys)
        if content is not None:
            return content
        first += bits
    return None


# Content


def parse(content: bytes, pixels: int) -> tuple[bytes, bytes] | np.ndarray | None:
    """Name and bytes of a file, or a picture, (h, w, 3) uint8; None if a reader rejects it.

    Args:
        pixels: of the picture that it was read from.
    """
    length = int.from_bytes(content[1:4], "big")
    body, rest = content[4 : 4 + length], content[4 + length :]
    if len(body) < length or any(rest) or content[0] not in (1, 2):
        return None
    return parse_picture(body, pixels) if content[0] == 1 else parse_file(body)


def parse_file(body: bytes) -> tuple[bytes, bytes] | None:
    name = body[1 : 1 + body[0]] if body else b""
    wrong = name in (b"", b".", b"..") or b"/" in name or b"\0" in name or len(name) != body[0]
    return None if wrong else (name, body[1 + body[0] :])


def parse_picture(body: bytes, pixels: int) -> np.ndarray | None:
    if len(body) < 6:
        return None
    height, width, scale = struct.unpack(">HHB", body[:5])
    if not 0 < height * width <= min(1 << 28, 1024 * pixels):
        return None
    coded = [max(1, math.floor(side * 2 ** (-scale / 4) + 0.5)) for side in (height, width)]
    small = decode_av1(body[5:])
    if small is None or small.shape[:2] != tuple(coded):
        return None
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.LANCZOS))


def decode_av1(data: bytes) -> np.ndarray | None:
    """A picture in AV1, as a film of one frame; colours by the formulae of ITU-R BT.601 at full range."""
    decoder = av.CodecContext.create("libdav1d", "r")
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.FFmpegError:
        return None
    if len(frames) != 1 or not frames[0].format.name.startswith(("yuv444p", "yuvj444p", "gbrp")):
        return None
    luma, blue, red = (np.asarray(plane, float) for plane in frames[0].to_ndarray(channel_last=False))
    blue, red = blue - 128, red - 128
    rgb = luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue
    return np.clip(np.floor(np.stack(rgb, -1) + 0.5), 0, 255).astype(np.uint8)
