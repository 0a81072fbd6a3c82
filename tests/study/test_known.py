"""Attacks that tell which known picture is hidden: what the shuffle leaves, and what the mask hides."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from scipy.fft import idctn

from pipeline.tensors import seeded_shuffle
from stegnet.core.keystream import apply
from study.known import MATCHING, STATISTICS, attacks, matching_score, statistics, success
from tests.support.pairs import FivePhases, network_of

COUNT, SIDE, BLOCK = 6, 64, 8


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def matching(seen: list[np.ndarray], known: list[np.ndarray]) -> np.ndarray:
    return np.array([[matching_score(one, other, BLOCK) for other in known] for one in seen])


def test_known_residuals_are_told_though_they_are_shuffled(random: np.random.Generator) -> None:
    """They are busy here and there, each elsewhere and otherwise."""
    known, seen = [], []
    for number in range(COUNT):
        busy = random.gamma(1 + number, 0.05, (8, 8, 1)).repeat(BLOCK, 0).repeat(BLOCK, 1)
        known.append((random.uniform(-1, 1, (SIDE, SIDE, 3)) * busy).astype(np.float32))
        shuffled = apply(known[-1], seeded_shuffle(number, SIDE // BLOCK, SIDE // BLOCK))
        seen.append(shuffled + random.normal(0, 0.01, shuffled.shape))
    scores = matching(seen, known)
    assert success(scores)["told"] == 1 and success(scores)["auc"] > 0.95
    assert success(np.roll(scores, 1, 1))["told"] == 0


def test_success_by_hand() -> None:
    """The second is not told, and likelier than half of the others."""
    scores = np.array([[3.0, 1.0, 0.0], [2.0, 1.5, 1.0], [0.0, 1.0, 4.0]])
    assert success(scores) == {"told": pytest.approx(2 / 3), "auc": pytest.approx(17 / 18)}


def test_each_frequency_counts_in_one_band() -> None:
    """A residual of a single one raises the energy of one band, and the peaks."""
    for row, column in np.ndindex(8, 8):
        frequencies = np.zeros((8, 8))
        frequencies[row, column] = 1
        block = idctn(frequencies, norm="ortho")
        picture = np.tile(block[..., None], (4, 4, 3))
        seen, nothing = (statistics(each, 8).round(6) for each in (picture, 0 * picture))
        features = round((np.sqrt(8 * seen.size + (2 * 17 + 1) ** 2) - (2 * 17 + 1)) / 2)  # 17 quantiles, covariances
        assert features % 3 == 0  # of luma and two colour differences, which are 0 here
        raised = (seen != nothing)[:features].reshape(-1, 3)
        assert raised.sum(0).tolist() == [2, 0, 0], (row, column)


@pytest.mark.arithmetic
def test_a_mask_hides_what_the_shuffle_shows(random: np.random.Generator) -> None:
    """Pictures of blocks that are as strong as their number says; four sets of them, as one may be told by chance."""
    masked = network_of(FivePhases())
    told = defaultdict[tuple[float, str], list[float]](list)
    for _ in range(4):
        pictures = []
        for number in range(COUNT):
            noise = random.normal(0, 20 + 15 * number, (SIDE, SIDE, 3))
            pictures.append((128 + noise).clip(0, 255).astype(np.uint8))
        pairs = list(zip(pictures, pictures[1:] + pictures[:1], strict=True))
        for network in (masked, replace(masked, period=0.0)):
            for attack, scores in attacks(network, pairs, 0, ""):
                told[network.period, attack].append(success(scores)["told"])
    means = {key: float(np.mean(shares)) for key, shares in told.items()}
    assert means[0.0, STATISTICS] > 0.75 and means[0.0, MATCHING] > 0.75
    assert all(share < 0.4 for (period, _), share in means.items() if period), means
