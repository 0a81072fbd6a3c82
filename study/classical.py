"""Stage classical: four classical attacks on lowest bits, each from its paper, none with training, program or key.

All were designed for the *replacement* of lowest bits, which swaps the values 2k and 2k + 1 and leaves a trace in their
counts. Stegnet steps by one level up or down, and its network changes higher bits, too: that they find little does not
prove that nothing can be found (see `study.steganalysis`).

Pictures are (H, W, 3) uint8; pairs and groups lie within one channel, and the counts of all channels are added up.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sealwatch import ws

from pipeline.detect.methods import Method, container_seed, network_by_key, sealed_at
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.networks import Network
from study.photograph_pairs import photograph_pairs
from study.stats import auc, auc_interval

CONTROL = "replacement, all bits"
HEADLINE = {"network": "network", "sealed, 1 bit": "sealed_1", "sealed, a tenth of a bit": "sealed_tenth"}
_MASK = np.array([0, 1, 1, 0])
_LEAST_COUNT = 4  # a pair of values with fewer samples in either place is ignored (Westfeld 1999)


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    pairs = photograph_pairs(shards, config.evaluate.shift)
    before = _scores([cover for cover, _ in pairs])
    rows: list[dict[str, Any]] = []
    for method, hide in methods(Network.load(weights, backend="torch")).items():
        numbers = bar(range(len(pairs)), method)
        after = _scores([hide(*pairs[number], container_seed(config.seed, number)) for number in numbers])
        rows += _rows(method, before, after, config.seed)
    table = pd.DataFrame(rows)
    write_table(out / "classical.csv", table)
    figures = headline(table)
    write_json(out / "metrics.json", figures)
    best = ", ".join(f"{method} {figures[f'classical_{name}']:.2f}" for method, name in HEADLINE.items())
    print(f"AUC of the best classical attack: {best}")


def methods(network: Network) -> dict[str, Method]:
    """What is attacked: the shipped methods, and lowest bits that are replaced."""
    own = zip(HEADLINE, (network_by_key(network), sealed_at(1.0), sealed_at(0.1)), strict=True)
    replaced = {CONTROL: lsb_replacement(1.0), "replacement, a fifth": lsb_replacement(0.2)}
    return dict(own) | replaced


def lsb_replacement(rate: float) -> Method:
    """Random bits in the lowest bits of a share of the samples, half of which change: the positive control."""

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        bits = random.integers(0, 2, cover.shape, np.uint8)
        return np.where(random.random(cover.shape) < rate, cover & 0xFE | bits, cover)

    return hide


def sample_pairs(picture: np.ndarray) -> float:
    """Share of the samples that carry a replaced bit, as sample pair analysis estimates it; not clipped to [0, 1].

    Dumitrescu, Wu and Wang 2003, "Detection of LSB steganography via sample pair analysis", IEEE Transactions on
    Signal Processing 51(7), eq. 9, over all neighbours in rows and columns. Its pairs (u, v) form X (v even and
    u < v, or v odd and u > v), Y (the other way round), Z (u = v), and W, the pairs of Y that differ in the lowest
    bit alone.
    """
    values = picture.astype(np.int16)
    columns, rows = (values[:, :-1], values[:, 1:]), (values[:-1], values[1:])
    u, v = (np.concatenate([a.ravel(), b.ravel()]) for a, b in zip(columns, rows, strict=True))
    even = v % 2 == 0
    x = np.count_nonzero(np.where(even, u < v, u > v))
    y = np.count_nonzero(np.where(even, u > v, u < v))
    same_pair = np.count_nonzero(u >> 1 == v >> 1)  # W and Z
    return float(np.roots([same_pair / 2, 2 * x - u.size, y - x]).real.min())


def regular_singular(picture: np.ndarray) -> float:
    """Share of the samples that carry a replaced bit, as RS analysis estimates it; not clipped to [0, 1].

    Fridrich, Goljan and Du 2001, "Reliable detection of LSB steganography in color and grayscale images", ACM
    Workshop on Multimedia and Security, with groups of four samples in a row and the mask 0 1 1 0. A group is
    regular if flipping the masked samples makes it rougher, singular if smoother.
    """
    values = picture.astype(np.int16)
    d0, d0_minus = _balance(values, 1), _balance(values, -1)
    d1, d1_minus = _balance(values ^ 1, 1), _balance(values ^ 1, -1)
    roots = np.roots([2 * (d1 + d0), d0_minus - d1_minus - d1 - 3 * d0, d0 - d0_minus]).real
    z = roots[np.abs(roots).argmin()]
    return float(z / (z - 0.5))


def chi_square(picture: np.ndarray) -> float:
    """χ² of equal counts of 2k and 2k + 1, per degree of freedom; near 1 where all lowest bits are replaced.

    Westfeld and Pfitzmann 1999, "Attacks on steganographic systems", Information Hiding. Their p-value is 0 for nearly
    every cover and could not rank them, so this is the statistic itself. The histogram is of the whole
    picture, channel by channel, for bits that are spread over it.
    """
    counts = np.concatenate([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(picture, -1, 0)])
    even, odd = counts[::2], counts[1::2]
    counted = even + odd > 2 * _LEAST_COUNT
    even, odd = even[counted], odd[counted]
    return float(np.mean((even - odd) ** 2 / (even + odd)))


def weighted_stego(picture: np.ndarray) -> float:
    """Share of the samples whose lowest bit was changed, as WS estimates it; 0 at least. Mean over the channels.

    Fridrich and Goljan 2004, "On estimation of secret message length in LSB steganography in spatial domain", SPIE
    5306; by the package sealwatch.
    """
    return float(np.mean([ws.attack(np.ascontiguousarray(channel)) for channel in np.moveaxis(picture, -1, 0)]))


# Scores are higher for likelier containers.
ATTACKS = {
    "sample pairs": sample_pairs,
    "RS": regular_singular,
    "chi-square": lambda picture: -chi_square(picture),
    "WS": weighted_stego,
}


def headline(table: pd.DataFrame) -> dict[str, float]:
    """AUC of the best attack on each method, and of the worst attack on the positive control."""
    best = table.groupby("method")["auc"].max()
    figures = {f"classical_{name}": best[method] for method, name in HEADLINE.items()}
    figures["classical_control"] = table[table["method"] == CONTROL]["auc"].min()
    return {name: round(float(value), 4) for name, value in figures.items()}


def _scores(pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array([attack(picture) for picture in pictures]) for name, attack in ATTACKS.items()}


def _rows(
    method: str, before: dict[str, np.ndarray], after: dict[str, np.ndarray], seed: int
) -> Iterator[dict[str, Any]]:
    """A row for each attack: AUC with its 95 % interval."""
    for attack in ATTACKS:
        covers, containers = before[attack], after[attack]
        low, high = auc_interval(covers, containers, seed)
        figures = {"pictures": len(covers), "auc": auc(covers, containers), "low": low, "high": high}
        yield {"method": method, "attack": attack} | figures


def _balance(values: np.ndarray, direction: int) -> float:
    """Share of regular groups less that of singular ones.

    Args:
        values: (H, W, 3) int16.
        direction: 1 flips 2k and 2k + 1, −1 flips 2k − 1 and 2k.
    """
    height, width, channels = values.shape
    groups = values[:, : width // 4 * 4].reshape(height, width // 4, 4, channels)
    flipped = groups ^ 1 if direction == 1 else ((groups + 1) ^ 1) - 1
    masked = np.where(_MASK[:, None] == 1, flipped, groups)
    return float(np.sign(_roughness(masked) - _roughness(groups)).mean())


def _roughness(groups: np.ndarray) -> np.ndarray:
    """(H, W/4, C): Σ |xᵢ₊₁ − xᵢ| of each group, (H, W/4, 4, C)."""
    return np.abs(np.diff(groups, axis=2)).sum(2)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
