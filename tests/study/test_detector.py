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
    _batch,
    detect,
    high_pass,
    train_detector,
)
from study.scores import Scores

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


def certainty(scores: Scores) -> float:
    """By how much a container is likelier called one than a cover is; a side that chance took does not count much."""
    return float(np.mean(1 / (1 + np.exp(-scores.containers)) - 1 / (1 + np.exp(-scores.covers))))


def test_noise_is_detected_in_unseen_pictures(covers: Callable[[range], np.ndarray]) -> None:
    before, unseen = covers(TRAINING), covers(UNSEEN)
    detector = trained(LabelledPairs(before, noisy(before)))
    scores = detect(detector, LabelledPairs(unseen, noisy(unseen)))
    assert scores.accuracy > 0.9
    assert certainty(scores) > 0.6
    assert detect(detector, LabelledPairs(noisy(unseen), unseen)).accuracy == pytest.approx(1 - scores.accuracy)
    again = detect(trained(LabelledPairs(before, noisy(before))), LabelledPairs(unseen, noisy(unseen)))
    assert np.array_equal(again.containers, scores.containers)


def test_shuffled_labels_teach_nothing(covers: Callable[[range], np.ndarray]) -> None:
    before, unseen = covers(TRAINING), covers(UNSEEN)
    after, swap = noisy(before), np.arange(len(before)) % 2 == 1
    faulty = LabelledPairs(before.copy(), after.copy())
    faulty.covers[swap], faulty.containers[swap] = after[swap], before[swap]
    assert abs(certainty(detect(trained(faulty), LabelledPairs(unseen, noisy(unseen))))) < 0.4


def test_a_batch_holds_covers_and_then_their_containers_cut_and_turned_alike() -> None:
    covers = np.random.default_rng(0).integers(0, 200, (5, 160, 150, 3), np.uint8)
    batch = _batch(LabelledPairs(covers, covers + 50), np.array([4, 1, 1]), np.random.default_rng(1))
    assert batch.shape == (6, 3, 96, 96)
    assert torch.equal(batch[:3] + 50, batch[3:])
    assert not torch.equal(batch[1], batch[2])


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
