import math

import numpy as np
import pytest

from stegnet.core.samples import CODED, MEANS, NONE
from stegnet.core.shuffle import Shuffle, apply
from stegnet.core.tensors import seeded_shuffle
from study.jigsaw.borders import Rules
from study.jigsaw.known_frame import averaged, match, pan, placed, predicted, recover, similarity
from study.keyless import base_of, to_hide

BLOCK, SIDE = 8, 12
SIZE = BLOCK * SIDE
RULES = Rules()
QUALITY = 60


def shuffle(seed: int) -> Shuffle:
    return seeded_shuffle(seed, SIDE, SIDE)


def hidden(picture: np.ndarray, kind: str = MEANS) -> np.ndarray:
    return to_hide(picture, base_of(picture, kind, QUALITY))


def shuffled(picture: np.ndarray, by: Shuffle) -> np.ndarray:
    return apply(picture, by)


@pytest.fixture
def photograph() -> np.ndarray:
    """Of many small things, no two of them alike; (120, 160, 3) uint8."""
    small = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return small.repeat(4, 0).repeat(4, 1)


@pytest.mark.parametrize("kind", [NONE, MEANS, CODED])
@pytest.mark.parametrize("step", [0, 1, 16])
def test_a_known_frame_reveals_one_shuffle_for_a_film(photograph, kind, step):
    known, secret = (hidden(frame, kind) for frame in pan(photograph, SIZE, step))
    true = shuffle(0)
    found = match(known, shuffled(known, true), BLOCK, RULES)
    assert placed(found, true) == 1
    opened = shuffled(secret, true)
    assert np.array_equal(shuffled(secret, found), opened)


@pytest.mark.parametrize("kind", [NONE, MEANS, CODED])
def test_a_still_film_is_recovered_with_any_shuffle(photograph, kind):
    known, secret = pan(photograph, SIZE, 0)
    true = shuffle(1)
    seen = shuffled(hidden(secret, kind), true)
    found = match(hidden(known, kind), seen, BLOCK, RULES)
    got = recover(seen, found, true, secret, base_of(known, kind, QUALITY))
    assert got.placed == 1
    assert got.psnr > 55
    assert got.ssim == pytest.approx(1, abs=1e-3)


def test_a_fast_film_needs_its_motion_known(photograph):
    known, secret = pan(photograph, SIZE, 16)
    true = shuffle(2)
    seen = shuffled(hidden(secret), true)
    shares = [placed(match(hidden(guess), seen, BLOCK, RULES), true) for guess in (known, predicted(known, 16))]
    assert shares[0] < 0.1
    assert shares[1] > 0.7


def test_another_frame_reveals_nothing(photograph):
    other = np.random.default_rng(9).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    true = shuffle(4)
    known = photograph[:SIZE, :SIZE]
    found = match(hidden(known), shuffled(hidden(other), true), BLOCK, RULES)
    assert placed(found, true) < 0.1


def test_only_what_the_key_does_is_tried(photograph):
    known = hidden(photograph[:SIZE, :SIZE], NONE)
    rules = Rules(turned=False, negated=False)
    found = match(known, shuffled(known, shuffle(3)), BLOCK, rules)
    assert not found.orientation.any()
    assert not found.negative.any()


def test_a_pan_moves_by_its_step(photograph):
    first, second = pan(photograph, SIZE, 16)
    assert first.shape == second.shape == (SIZE, SIZE, 3)
    assert np.array_equal(first[:, 16:], second[:, :-16])
    guess = predicted(first, 16)
    assert np.array_equal(guess[:, :-16], second[:, :-16])
    assert np.all(guess[:, -16:] == first[:, -1:])


def test_a_still_films_frames_are_averaged_without_knowing_one(photograph):
    """White noise on eight frames falls to its eighth part."""
    secret = hidden(photograph[:SIZE, :SIZE])
    random = np.random.default_rng(0)
    shuffles = [shuffle(seed) for seed in range(8)]
    frames = [shuffled(secret, by) + random.normal(0, 0.02, secret.shape).astype(np.float32) for by in shuffles]
    mean = averaged(frames, BLOCK, RULES)
    error = np.var(mean - shuffled(secret, shuffles[0]))
    assert error == pytest.approx(0.02**2 / 8, rel=0.1)


def test_similarity():
    a = np.random.default_rng(0).integers(0, 200, (32, 32, 3), dtype=np.uint8)
    assert similarity(a, a) == (math.inf, pytest.approx(1), pytest.approx(1))
    psnr, _, correlation = similarity(a + np.uint8(10), a)
    assert psnr == pytest.approx(20 * math.log10(255 / 10))
    assert correlation == pytest.approx(1)
    assert similarity(255 - a, a)[2] == pytest.approx(-1)
