"""The attacks on places, against sealers that have the faults they look for, and against stegnet's."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stegnet.evaluation.demonstration import seeded
from stegnet.keys import Key, KeySource
from stegnet.methods.sealed import hide_bytes
from study import places
from study.hiders import Hider, SealedHider
from study.pairs import Pair
from study.places import COVER, PLACES, few_keys, many_keys, still_films
from study.prediction import SHIFT, SPREAD

SIDE, PAIRS = 96, 24
FIXED = 500  # samples that a bad sealer uses in each container

pytestmark = pytest.mark.slow


class BadSealer(Hider):
    """Puts random bits at places of the key, or at public ones: ±1 in a direction that is the place's own, or any."""

    name = "bad"

    def __init__(self, public: bool, directed: bool) -> None:
        self.public, self.directed = public, directed

    def picture(self, cover: np.ndarray, secret: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        spots, directions = bad_places(cover.size, None if self.public else key)
        random, samples = np.random.default_rng(seed), cover.reshape(-1).astype(np.int16)
        steps = directions if self.directed else random.choice([-1, 1], spots.size)
        samples[spots] += random.integers(0, 2, spots.size) * steps
        return samples.clip(0, 255).astype(np.uint8).reshape(cover.shape)

    def film(self, cover: np.ndarray, secret: np.ndarray, frames: int, key: Key, seed: int) -> np.ndarray:
        return np.stack([self.picture(cover, secret, key, seed * frames + index) for index in range(frames)])

    def fixed_places(self, samples: int, key: KeySource) -> np.ndarray:
        return bad_places(samples, None if self.public else key)[0]

    def _hide_film(self, *args: object) -> None:
        raise NotImplementedError


class SealedFrames(SealedHider):
    """The sealed method; the frames of its films are containers of their own, and no file is written."""

    def film(self, cover: np.ndarray, secret: np.ndarray, frames: int, key: Key, seed: int) -> np.ndarray:
        hidden = [hide_bytes(cover, bytes(300), key, randomness=seeded(seed * 99 + index)) for index in range(frames)]
        return np.stack(hidden)


def bad_places(samples: int, key: Key | None) -> tuple[np.ndarray, np.ndarray]:
    seed = 0 if key is None else int.from_bytes(key.commitment(bytes(16))[:4], "big")
    random = np.random.default_rng(seed)
    return random.permutation(samples)[:FIXED], 1 - 2 * (np.arange(FIXED, dtype=np.int16) % 2)


@pytest.fixture
def pairs(picture: Callable[..., np.ndarray]) -> list[Pair]:
    """Smooth pictures with little noise, in which a step of one level weighs most."""
    return [(calm(picture(SIDE, SIDE, seed), seed), picture(SIDE, SIDE, seed + 1)) for seed in range(PAIRS)]


def calm(picture: np.ndarray, seed: int) -> np.ndarray:
    smooth = gaussian_filter(picture.astype(float), (3, 3, 0))
    noise = np.random.default_rng((seed, 1)).normal(0, 0.7, picture.shape)
    return (smooth + noise).round().clip(0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEYS": 2, "LEARNT": 12, "FILMS": 4, "FRAMES": 12, "POINTED": 200}.items():
        monkeypatch.setattr(places, name, value)


def by_question(rows: list[dict], attack: str) -> dict[str, dict]:
    return {row["question"]: row for row in rows if row["attack"].startswith(attack)}


@pytest.mark.parametrize(("directed", "attack"), [(True, SHIFT), (False, SPREAD)])
def test_places_that_are_public_are_found(pairs: list[Pair], directed: bool, attack: str) -> None:
    rows = by_question(list(many_keys(BadSealer(True, directed), pairs, 0)), attack)
    assert rows[PLACES]["low"] > 0.55
    assert rows[COVER]["low"] > 0.55


@pytest.mark.parametrize("attacked", [few_keys, still_films])
def test_stegnet_treats_no_place_alike(attacked: Callable[..., Iterator[dict]], pairs: list[Pair]) -> None:
    for row in attacked(SealedFrames(), pairs, 0):
        assert row["low"] < 0.55, row
        assert row["high"] > 0.45, row
        if row["question"] == PLACES:
            assert 0.45 < row["auc"] < 0.55, row
