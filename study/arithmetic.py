"""Stage arithmetic: what the networks must beat, the same base and its residual hidden by plain arithmetic.

A container's sample modulo m is a digit: it goes to the nearest value with the wanted remainder, which carries log2(m)
bits for a squared error of about m²/12. No network, no trellis. Two rivals use it:

- residual: the coded base takes its share of the samples; the others carry the residual, quantised by Lloyd's method
  (Lloyd 1982, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28) to as many levels as they have room for;
- enhanced: the same, after the pair's own network has enhanced the base on both sides.

All digits are masked by a key. The containers are 8 bits, read back as they are. Nothing is spent on a message
authentication code or on hiding where the digits are: the rivals are a little better here than in a real format.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config import Config
from pipeline.detect.methods import container_seed, key_of, network_by_key
from pipeline.evaluate.quality import PicturePairs
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr
from stegnet.core.pixels import LEVELS
from stegnet.image.avif import decode_avif, fit_avif
from stegnet.networks import Network, reveal_picture

MODULI = (3, 4, 5)
QUALITIES = (80, 85, 90, 95)  # of the base
MOST_PAIRS = 50  # of a kind
NETWORK, RESIDUAL, ENHANCED = "network", "residual", "enhanced"

_BITS, _DIGITS = {3: 19, 4: 2, 5: 16}, {3: 12, 4: 1, 5: 7}  # so many bits are written as so many digits
_GROUP = 24  # residual samples whose levels share digits: the product of their levels stays below 2⁶³
_CENTRE_BITS = 16  # for each level's value, beside the base
_ROUNDS = 40  # of Lloyd's method


@dataclass(frozen=True)
class Embedding:
    """A container, the secret that is read from it, both (H, W, 3) uint8, and the payload in bits per pixel."""

    container: np.ndarray
    revealed: np.ndarray
    bits: float = math.nan


Method = Callable[[np.ndarray, np.ndarray, int], Embedding]  # of cover, secret, and a seed


def by_network(pair: Network) -> Method:
    """The network method as users get it."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        container = network_by_key(pair)(cover, secret, seed)
        return Embedding(container, reveal_picture(pair, container, key_of(seed)).picture)

    return hide


def residual_arithmetic(modulus: int, quality: int, pair: Network | None = None) -> Method:
    """A coded base in its share of the samples, enhanced if a pair is given; the quantised residual in all others."""

    def decoded(data: bytes, height: int, width: int) -> np.ndarray:
        base = decode_avif(data, height, width)
        return base if pair is None else pair.enhance(base) * float(LEVELS)

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> Embedding:
        data = fit_avif(secret, quality, cover.size * _BITS[modulus] // _DIGITS[modulus] // 8 - 64)
        base = decoded(data, *secret.shape[:2])
        bits = 8 * len(data) + 2 * modulus * _CENTRE_BITS  # of the base and the levels' centres
        code = ResidualCode(modulus, cover.size + -bits // _BITS[modulus] * _DIGITS[modulus], cover.size)
        residual = secret.astype(float) - base
        centres, levels = code.quantise(residual)
        digits = np.concatenate([_to_digits(data, modulus), code.pack(levels)])
        mask = np.random.default_rng(seed).integers(0, modulus, cover.size)
        container = write_digits(cover, np.pad(digits, (0, cover.size - digits.size)), mask, modulus)
        found, split = read_digits(container, mask, modulus), _to_digits(data, modulus).size
        coarse = decoded(_to_bytes(found[:split], modulus, len(data)), *secret.shape[:2])
        fine = code.values(code.unpack(found[split:]), centres).reshape(secret.shape)
        revealed = (coarse + fine).round().clip(0, 255).astype(np.uint8)
        return Embedding(container, revealed, 8 * len(data) / (cover.size // 3))

    return hide


class ResidualCode:
    """Levels of a residual's samples as digits, which count modulo `modulus`, in groups of _GROUP samples.

    Each group has the same number of digits, as many as there are; its first samples have a level more than the others,
    so that the digits are filled as well as whole levels allow.
    """

    def __init__(self, modulus: int, digits: int, samples: int) -> None:
        self._modulus, self._samples = modulus, samples
        self._groups = -(-samples // _GROUP)
        self._digits = max(0, min(_GROUP, digits // self._groups))
        capacity, few = modulus**self._digits, 1
        while (few + 1) ** _GROUP <= capacity:
            few += 1
        more = 0
        while more < _GROUP and (few + 1) ** (more + 1) * few ** (_GROUP - more - 1) <= capacity:
            more += 1
        self._levels = np.array([few + 1] * more + [few] * (_GROUP - more))

    def quantise(self, residual: np.ndarray) -> tuple[dict[int, np.ndarray], np.ndarray]:
        """Centres by the number of levels, and the level of each sample."""
        flat, levels = residual.reshape(-1), np.zeros(self._samples, np.int64)
        centres = {}
        for count, inside in self._parts():
            centres[count] = lloyd(flat[inside], count)
            levels[inside] = np.searchsorted((centres[count][1:] + centres[count][:-1]) / 2, flat[inside])
        return centres, levels

    def values(self, levels: np.ndarray, centres: dict[int, np.ndarray]) -> np.ndarray:
        """The quantised residual, (samples,)."""
        found = np.zeros(self._samples)
        for count, inside in self._parts():
            found[inside] = centres[count][levels[inside]]
        return found

    def pack(self, levels: np.ndarray) -> np.ndarray:
        """Levels to digits."""
        padded = np.pad(levels, (0, self._groups * _GROUP - self._samples)).reshape(self._groups, _GROUP)
        number = np.zeros(self._groups, np.int64)
        for place in range(_GROUP):
            number = number * self._levels[place] + padded[:, place]
        digits = np.empty((self._groups, self._digits), np.int64)
        for place in range(self._digits):
            number, digits[:, place] = np.divmod(number, self._modulus)
        return digits.reshape(-1)

    def unpack(self, digits: np.ndarray) -> np.ndarray:
        """Digits to levels."""
        own = digits[: self._groups * self._digits].reshape(self._groups, self._digits)
        number = np.zeros(self._groups, np.int64)
        for place in reversed(range(self._digits)):
            number = number * self._modulus + own[:, place]
        levels = np.empty((self._groups, _GROUP), np.int64)
        for place in reversed(range(_GROUP)):
            number, levels[:, place] = np.divmod(number, self._levels[place])
        return levels.reshape(-1)[: self._samples]

    def _parts(self) -> list[tuple[int, np.ndarray]]:
        """The samples with each number of levels."""
        counts = np.resize(self._levels, self._samples)
        return [(int(count), counts == count) for count in np.unique(counts)]


def lloyd(values: np.ndarray, count: int) -> np.ndarray:
    """The `count` centres of Lloyd's quantiser, ascending."""
    centres = np.quantile(values, (np.arange(count) + 0.5) / count)
    for _ in range(_ROUNDS):
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
        sums, sizes = (np.bincount(nearest, weights, count) for weights in (values, None))
        centres = np.where(sizes > 0, sums / np.maximum(sizes, 1), centres)
    return np.sort(centres).astype(np.float16).astype(float)


def write_digits(cover: np.ndarray, digits: np.ndarray, mask: np.ndarray, modulus: int) -> np.ndarray:
    """The container, uint8: each sample at the value nearest to the cover's with the masked digit as its remainder."""
    flat = cover.reshape(-1).astype(np.int64)
    away = (digits + mask - flat) % modulus
    near = flat + away - modulus * (2 * away > modulus)
    near += modulus * (near < 0) - modulus * (near > 255)
    return near.astype(np.uint8).reshape(cover.shape)


def read_digits(container: np.ndarray, mask: np.ndarray, modulus: int) -> np.ndarray:
    """The digits that `write_digits` wrote."""
    return (container.reshape(-1).astype(np.int64) - mask) % modulus


def compare(network: Network, pairs: PicturePairs, kind: str, seed: int) -> pd.DataFrame:
    """Quality of the network, by key, and of its rivals on pairs of a kind: one row per method and pair."""
    methods: dict[tuple[str, int, int], Method] = {(NETWORK, 0, network.quality): by_network(network)}
    for name, pair in ((RESIDUAL, None), (ENHANCED, network)):
        methods |= {
            (name, modulus, quality): residual_arithmetic(modulus, quality, pair)
            for modulus in MODULI
            for quality in QUALITIES
        }
    count = min(MOST_PAIRS, pairs.count(kind))
    rows = []
    for index in bar(range(count), kind):
        (_, cover), (_, secret) = pairs.pair(kind, index)
        for (name, modulus, quality), method in methods.items():
            found = method(cover, secret, container_seed(seed, index))
            row = {"kind": kind, "method": name, "modulus": modulus, "quality": quality, "pair": index}
            row |= {"bits_per_pixel": found.bits, CONTAINER_PSNR: psnr(cover, found.container)}
            rows.append(row | {SECRET_PSNR: psnr(secret, found.revealed)})
    return pd.DataFrame(rows)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Means and worst pictures of each method on each kind."""
    groups = table.groupby(["kind", "method", "modulus", "quality"], sort=False)
    means = groups[["bits_per_pixel", CONTAINER_PSNR, SECRET_PSNR]].mean()
    worst = groups[[CONTAINER_PSNR, SECRET_PSNR]].min().add_suffix("_worst")
    return means.join(worst).reset_index()


def lead(summary: pd.DataFrame, kind: str, rival: str = RESIDUAL) -> float:
    """dB of the secret by which the network leads the best arithmetic of a sort at its own container quality.

    Between two measured containers, the rivals' secrets are interpolated.
    """
    own = summary[summary["kind"] == kind]
    network = own[own["method"] == NETWORK].iloc[0]
    best = -math.inf
    for _, rivals in own[own["method"] == rival].groupby("quality"):
        ordered = rivals.sort_values(CONTAINER_PSNR)
        best = max(best, float(np.interp(network[CONTAINER_PSNR], ordered[CONTAINER_PSNR], ordered[SECRET_PSNR])))
    return float(network[SECRET_PSNR]) - best


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    network, pairs = Network.load(weights, backend="torch"), PicturePairs(shards, config.evaluate.shift)
    table = pd.concat([compare(network, pairs, kind, config.seed) for kind in pairs.kinds])
    summary = summarise(table)
    write_table(out / "pairs.csv", table)
    write_table(out / "summary.csv", summary)
    leads = {f"{kind}_lead_db": round(lead(summary, kind), 3) for kind in pairs.kinds}
    leads |= {f"{kind}_lead_enhanced_db": round(lead(summary, kind, ENHANCED), 3) for kind in pairs.kinds}
    write_json(out / "metrics.json", leads)
    print(summary.to_string(index=False, float_format=lambda value: f"{value:.2f}"))


def _to_digits(data: bytes, modulus: int) -> np.ndarray:
    """Bytes as digits, most significant bit first, filled up with zero bits."""
    wide, long = _BITS[modulus], _DIGITS[modulus]
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    bits = np.pad(bits, (0, -bits.size % wide)).reshape(-1, wide)
    number = bits @ (1 << np.arange(wide)[::-1])
    return (number[:, None] // modulus ** np.arange(long)[::-1] % modulus).reshape(-1)


def _to_bytes(digits: np.ndarray, modulus: int, size: int) -> bytes:
    """Inverts `_to_digits`."""
    wide, long = _BITS[modulus], _DIGITS[modulus]
    number = digits.reshape(-1, long) @ modulus ** np.arange(long)[::-1]
    bits = number[:, None] >> np.arange(wide)[::-1] & 1
    return np.packbits(bits.reshape(-1)[: 8 * size].astype(np.uint8)).tobytes()


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
