"""Makes the test vectors of records in two layers: `python -m tests.format.make_two_layer_vectors`.

Most have one thing wrong, such that a reader that does not look for it finds the record. They are written by the book,
slowly and not by stegnet, and nothing is left to chance; only zlib may compress otherwise elsewhere. answers.json is
like that of `vectors/`.
"""

import hmac
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stegnet.image import write_png
from tests.format.tolerant_by_the_book import COLUMNS, bits_of, stream

FOLDER = Path(__file__).parent / "two_layer_vectors"
ANSWERS = "answers.json"
SECRET = bytes(range(32))
FILM_ID = bytes(range(0xF0, 0x100))
SMALL, MIDDLE, LARGE = (20, 24), (40, 48), (90, 96)  # rows and columns; LARGE has two samples in each group of the lead
Values = list[int]
ROWS, LAYERED_ROWS = 128, 512  # of a lane at least, in one layer and in two


def subkey(name: str, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), 32, salt, b"stegnet/1/" + name.encode()).derive(SECRET)


def record_of(data: bytes) -> bytes:
    """The record of a file, of kind 3."""
    commitment = hmac.digest(subkey("commitment"), FILM_ID, "sha256")
    head = FILM_ID + commitment + struct.pack(">BIIQ", 3, 1, 0, len(data)) + sha256(data).digest()
    return head + struct.pack(">I", 1) + b"x" + struct.pack(">Q", 0) + data


def data_of(sealed: int) -> bytes:
    """A file whose sealed record has so many bytes."""
    return stream(bytes(32), sealed - 16 - len(record_of(b"")))


def carried(zone: int) -> int:
    """The most bytes in one coded layer of so many elements, m of "Division"."""
    return 19 * ((zone - max(1, min(zone // 128, 65_536))) // 12) // 8


class Sizes(NamedTuple):
    """Bytes of sealed records in so many elements, Y."""

    elements: int

    def coded(self, size: int) -> int:
        return (22 * carried(self.elements) + 15 * size) // 40

    @property
    def plain(self) -> int:
        return 19 * (self.elements // 12) // 8

    @property
    def largest(self) -> int:
        return self.plain + carried(31 * self.elements // 64)

    def is_plain(self, size: int) -> bool:
        return self.coded(size) >= carried(self.elements)

    def first(self, size: int) -> int:
        """Bytes in the first layer."""
        return self.plain if self.is_plain(size) else self.coded(size)


@dataclass
class Frame:
    """A picture's samples, and the zones that key and salt give."""

    picture: np.ndarray  # (H, W, 3), or (H, W, 1) of a grey one

    def __post_init__(self) -> None:
        self.values: Values = self.picture.reshape(-1).tolist()
        blocks = len(self.values) // 31
        salts = bytes(self.values[31 * block + 15] for block in range(blocks))
        self.salt = sha256(b"stegnet/1/salt" + self.size + salts).digest()[:16]
        carriers = [sample for sample in range(31 * blocks) if sample % 31 != 15]
        runs = len(carriers) // 32
        self.group = min(max(len(carriers) // 12_288, 1), 64)
        data = stream(subkey("positions", self.salt), 8 * runs + 16 * self.group)
        words = struct.unpack(f"<{runs}Q", data[: 8 * runs])
        order = sorted(range(runs), key=words.__getitem__)
        places = [carriers[32 * run + at] for run in order for at in range(32)]
        self.lead, self.mac = places[: 400 * self.group], places[400 * self.group : 528 * self.group]
        self.sides = bits_of(data[8 * runs :])
        self.elements = self.lead[400:] + self.mac[128:] + places[528 * self.group :]

    @property
    def size(self) -> bytes:
        return struct.pack(">II", *self.picture.shape[:2])

    def change(self, sample: int, levels: int) -> None:
        """Change a sample, or by twice as much the other way if it would leave 0 to 255."""
        after = self.values[sample] + levels
        self.values[sample] = after if 0 <= after <= 255 else self.values[sample] - 2 * levels

    def make_parity(self, zone: Values, bits: Sequence[int], added: Sequence[int], step: Callable[[int], int]) -> None:
        """Change the first element of each group whose parity is wrong; `added` to values, side by side."""
        for group, bit in enumerate(bits):
            members = range(group, len(zone), len(bits))
            if sum(self.values[zone[e]] + added[e] for e in members) % 2 != bit:
                self.values[zone[group]] += step(group)

    def write_lead(self, lead: bytes) -> None:
        samples, none = self.lead, [0] * len(self.lead)
        self.make_parity(samples, bits_of(lead), none, lambda e: -1 if self.values[samples[e]] == 255 else 1)

    def write_mac(self) -> None:
        values, sides = self.values, self.sides
        for sample, side in list(zip(self.mac, sides, strict=True))[:128]:
            if side and values[sample] in (0, 255):
                values[sample] = 1 if values[sample] == 0 else 254
        pairs = list(values)
        for sample, side in zip(self.mac, sides, strict=True):
            pairs[sample] = (values[sample] + side) // 2
        mac = hmac.digest(subkey("mac", self.salt), self.size + bytes(pairs), "sha256")[:16]
        self.make_parity(self.mac, bits_of(mac), sides, lambda e: -1 if (values[self.mac[e]] + sides[e]) % 2 else 1)

    def write_coded(self, trits: Sequence[int], height: int, unit: int, least: int = LAYERED_ROWS) -> None:
        """Write trits in the samples divided by a unit: change the first element of each row, whatever it costs."""
        lanes = max(1, min(len(trits) // least, 65_536))
        rows, each = -(-len(trits) // lanes), len(self.elements) // lanes
        merged = -(-each // (16 * rows))
        width, wide = divmod(each // merged, rows)
        starts = [row * width + row * wide // rows for row in range(rows + 1)]
        for lane in range(lanes):
            found = [0] * (rows + height)
            for row, (start, end) in enumerate(pairwise(starts)):
                members = self.elements[start * merged * lanes + lane : end * merged * lanes : lanes]
                wanted = trits[row * lanes + lane] if row * lanes + lane < len(trits) else 0
                missing = (wanted - found[row] - self._sum(members, merged, height, 0, unit)) % 3
                if missing:
                    up = COLUMNS[height][0] % 3 == missing
                    self.change(members[0], unit if up else -unit)
                for later in range(height):
                    found[row + later] += self._sum(members, merged, height, later, unit)

    def _sum(self, members: Values, merged: int, height: int, later: int, unit: int) -> int:
        """What a row adds to the trit of a later one, or its own."""
        columns = COLUMNS[height]
        return sum(columns[i // merged] // 3**later % 3 * (self.values[n] // unit) for i, n in enumerate(members))


class Fault(NamedTuple):
    """What is wrong with a container; None: nothing."""

    code: int | None = None  # what the lead says instead of 32 and the height
    padding: int | None = None  # layer, 0 or 1, whose last bit of padding is set
    word: int | None = None  # layer whose last 12 trits are the number 2¹⁹ more than they should be


RIGHT = Fault()


def trits_of(data: bytes, is_padded: bool, is_beyond: bool) -> Values | None:
    """Trits of one layer; None if 12 trits can't be a number so large."""
    bits = bits_of(data)
    missing = -len(bits) % 19
    assert missing or not is_padded, "another size, for padding"
    bits += [0] * missing
    numbers = [int("".join(map(str, bits[start : start + 19])), 2) for start in range(0, len(bits), 19)]
    if is_padded or is_beyond:
        numbers[-1] += 1 if is_padded else 1 << 19
    if max(numbers, default=0) >= 3**12:
        return None
    return [number // 3**place % 3 for number in numbers for place in range(11, -1, -1)]


def container_of(cover: np.ndarray, size: int, height: int, fault: Fault = RIGHT) -> Frame:
    """A container of a sealed record of `size` bytes in two layers."""
    frame = Frame(cover)
    sizes = Sizes(len(frame.elements))
    low: Values | None = None
    high: Values | None = None
    fields = struct.pack(">BBI", 1, 32 + height if fault.code is None else fault.code, size) + bytes(16)
    for tries in count():
        nonce = tries.to_bytes(12, "big")
        lead = nonce + AESGCM(subkey("lead", frame.salt)).encrypt(nonce, fields, None)
        sealed = AESGCM(subkey("record", frame.salt)).encrypt(nonce, record_of(data_of(size)), lead)
        first = sizes.first(size)
        low = trits_of(sealed[:first], fault.padding == 0, fault.word == 0)
        high = trits_of(sealed[first:], fault.padding == 1, fault.word == 1)
        if low is not None and high is not None:
            break
    assert low is not None
    assert high is not None
    if sizes.is_plain(size):
        for sample, trit in zip(frame.elements, low, strict=False):
            frame.change(sample, (trit - frame.values[sample] + 1) % 3 - 1)
    else:
        frame.write_coded(low, height, 1)
    if high:
        frame.write_coded(high, height, 3)
    frame.write_lead(lead)
    frame.write_mac()
    return frame


def moved(frame: Frame, sample: int, levels: int) -> Frame:
    """A copy with one other sample."""
    other = Frame(frame.picture)
    other.values = list(frame.values)
    other.change(sample, levels)
    return other


def slopes(height: int, width: int) -> np.ndarray:
    """A picture that has all levels, cut off at 0 and 255."""
    y, x = np.mgrid[:height, :width] * 256 // width
    return np.stack([x * 3 // 2 - 40 + y // 4, 200 - y * 2, (x + y * 4) // 2], -1).clip(0, 255).astype(np.uint8)


def edges(height: int, width: int) -> np.ndarray:
    """A picture of 0 to 2 and 253 to 255 alone."""
    y, x = np.mgrid[:height, :width]
    return np.stack([(x + y) % 3, 255 - y % 3, (x // 3 + y) % 2 * 253 + x % 3], -1).astype(np.uint8)


def main() -> None:
    """Write all files."""
    small, middle, large = slopes(*SMALL), slopes(*MIDDLE), slopes(*LARGE)
    grey = middle[..., 1:2]
    of_small, of_middle, of_large, of_grey = (
        Sizes(len(Frame(cover).elements)) for cover in (small, middle, large, grey)
    )
    least = next(size for size in count(1) if of_small.coded(size) < size)
    coded = next(size for size in count(least) if of_small.coded(size) >= carried(of_small.elements)) - 2
    good = container_of(middle, of_middle.plain + 100, 3)
    mac = good.mac[0]
    partner = 1 - 2 * ((good.values[mac] + good.sides[0]) % 2)

    whole = {
        "coded": (container_of(middle, carried(of_middle.elements) + 7, 4), carried(of_middle.elements) + 7),
        "plain": (good, of_middle.plain + 100),
        "least": (container_of(small, least, 6), least),
        "largest": (container_of(small, of_small.largest, 1), of_small.largest),
        "two_in_a_group": (container_of(large, of_large.largest, 2), of_large.largest),
        "two_in_a_group_coded": (container_of(large, of_large.plain, 5), of_large.plain),
        "grey": (container_of(grey, of_grey.largest, 3), of_grey.largest),
        "grey_coded": (container_of(grey, of_grey.plain, 3), of_grey.plain),
        "edges": (container_of(edges(*MIDDLE), of_middle.largest, 2), of_middle.largest),
        "edges_coded": (container_of(edges(*SMALL), coded, 3), coded),
    }
    altered = {
        "by_18": moved(good, good.elements[-1], 18),  # the same trits and bits
        "mac_bit": moved(good, mac, partner),
    }
    nothing = {
        "by_1": moved(good, good.elements[10], 1),
        "by_3": moved(good, good.elements[10], 3),
        "height_0": container_of(small, of_small.largest, 1, Fault(code=32)),
        "height_7": container_of(small, of_small.largest, 1, Fault(code=39)),
        "grey_and_layers": container_of(small, of_small.largest, 1, Fault(code=49)),
        "too_long": container_of(small, of_small.largest + 1, 1),
        "too_short": container_of(small, least - 1, 1),
        "padding_of_first": container_of(small, coded, 1, Fault(padding=0)),
        "padding_of_plain": container_of(small, of_small.largest, 1, Fault(padding=0)),
        "padding_of_second": container_of(small, of_small.largest, 1, Fault(padding=1)),
        "trits_of_first": container_of(small, coded, 1, Fault(word=0)),
        "trits_of_plain": container_of(small, of_small.largest, 1, Fault(word=0)),
        "trits_of_second": container_of(small, of_small.largest, 1, Fault(word=1)),
    }
    frames = {name: frame for name, (frame, _) in whole.items()} | altered | nothing
    sizes = {name: size for name, (_, size) in whole.items()} | dict.fromkeys(altered, of_middle.plain + 100)
    FOLDER.mkdir(exist_ok=True)
    vectors = []
    for name, frame in frames.items():
        pixels = np.array(frame.values, np.uint8).reshape(frame.picture.shape)
        write_png(FOLDER / f"{name}.png", np.repeat(pixels, 3 // frame.picture.shape[2], 2))
        answer = "whole" if name in whole else "altered" if name in altered else "nothing"
        shown = [sha256(data_of(sizes[name])).hexdigest()] if name in sizes else []
        vectors.append({"file": f"{name}.png", "key": SECRET.hex(), "answer": answer, "shown": shown})
    (FOLDER / ANSWERS).write_text(json.dumps({"vectors": vectors}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
