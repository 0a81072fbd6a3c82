"""The detector: its filters against scipy, what it learns, and that faults in the pairs show."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from stegnet.core.compute import make_deterministic
from study.detector import (
    THRESHOLD,
    Detector,
    LabelledPairs,
    detect,
    high_pass,
    train_detector,
)

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

KB = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4  # Fridrich and Kodovský 2012, SQUARE 3×3
SIDE, STEPS = 48, 40
TRAINING, UNSEEN = range(24), range(24, 54)


@pytest.fixture
def covers(picture: Callable[..., np.ndarray]) -> Callable[[range], np.ndarray]:
    return lambda seeds: np.stack([picture(SIDE, SIDE, seed) for seed in seeds])


def noisy(pictures: np.ndarray) -> np.ndarray:
    """Steps of up to six levels: plainly more than the noise that there was."""
    step = np.random.default_rng(len(pictures)).integers(-6, 7, pictures.shape)
    return (pictures.astype(int) + step).clip(0, 255).astype(np.uint8)


def trained(pairs: LabelledPairs, seed: int = 0) -> torch.nn.Module:
    make_deterministic(0, 1)
    return train_detector(pairs, STEPS, seed, lambda steps: steps)


def test_noise_is_detected_in_unseen_pictures(covers: Callable[[range], np.ndarray]) -> None:
    before, unseen = covers(TRAINING), covers(UNSEEN)
    detector = trained(LabelledPairs(before, noisy(before)))
    scores = detect(detector, LabelledPairs(unseen, noisy(unseen)))
    assert scores.accuracy > 0.9
    assert detect(detector, LabelledPairs(noisy(unseen), unseen)).accuracy == pytest.approx(1 - scores.accuracy)


def test_filters_give_nothing_on_an_even_area_and_one_step_for_one() -> None:
    filters = high_pass()
    assert filters.shape == (6, 1, 5, 5)
    assert filters.sum((1, 2, 3)).abs().max() < 1e-6
    assert filters.abs().amax((1, 2, 3)).tolist() == [1] * 6


def test_residuals_of_each_colour_are_scipys(picture) -> None:
    colours = picture(24, 24)
    detector, seen = Detector().eval(), []
    detector.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        detector(torch.from_numpy(colours).permute(2, 0, 1)[None].float())
    found = seen[0][0].reshape(3, 6, 20, 20)
    for colour in range(3):
        expected = correlate2d(colours[..., colour].astype(float), KB, "same")[2:-2, 2:-2]
        assert np.allclose(found[colour, 4], expected.clip(-THRESHOLD, THRESHOLD), atol=1e-3)
