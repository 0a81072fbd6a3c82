"""Training a detector: it learns what is there, nothing where nothing is, and faults in the pairs show."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, roc_auc_score

from stegnet.core.reproducible import make_deterministic
from study.steganalysis.detection import (
    Pairs,
    Verdict,
    _batch,
    _tensor,
    judge,
    summarise_detection,
    train_detector,
)

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

SIDE, STEPS = 48, 40
TRAINING, UNSEEN = range(24), range(24, 54)


@pytest.fixture
def covers(picture: Callable[..., np.ndarray]) -> Callable[[range], np.ndarray]:
    return lambda seeds: np.stack([picture(SIDE, SIDE, seed) for seed in seeds])


def noisy(pictures: np.ndarray) -> np.ndarray:
    """Steps of up to six levels: plainly more than the noise that there was."""
    step = np.random.default_rng(len(pictures)).integers(-6, 7, pictures.shape)
    return (pictures.astype(int) + step).clip(0, 255).astype(np.uint8)


def trained(pairs: Pairs, seed: int = 0) -> torch.nn.Module:
    make_deterministic(0, 1)
    return train_detector(pairs, STEPS, seed, lambda steps: steps)


def certainty(verdict: Verdict) -> float:
    """By how much a container is likelier called one than a cover is; a side that chance took does not count much."""
    return float(np.mean(1 / (1 + np.exp(-verdict.containers)) - 1 / (1 + np.exp(-verdict.covers))))


def test_what_is_there_is_found_in_pictures_never_seen(covers: Callable[[range], np.ndarray]) -> None:
    before, unseen = covers(TRAINING), covers(UNSEEN)
    detector = trained(Pairs(before, noisy(before)))
    verdict = judge(detector, Pairs(unseen, noisy(unseen)))
    assert verdict.accuracy > 0.9
    assert certainty(verdict) > 0.6
    assert judge(detector, Pairs(noisy(unseen), unseen)).accuracy == pytest.approx(1 - verdict.accuracy)
    again = judge(trained(Pairs(before, noisy(before))), Pairs(unseen, noisy(unseen)))
    assert np.array_equal(again.containers, verdict.containers)


def test_the_threshold_fits_the_final_weights(covers: Callable[[range], np.ndarray]) -> None:
    """Running means of five steps would still be near where they began."""
    before = covers(TRAINING)
    pairs = Pairs(before, noisy(before))
    make_deterministic(0, 1)
    detector = train_detector(pairs, 5, 0, lambda steps: steps)
    verdict = judge(detector, pairs)
    with torch.inference_mode():
        together = detector.train()(_tensor(np.concatenate([pairs.covers, pairs.containers]))).numpy()
    apart = np.abs(np.concatenate([verdict.covers, verdict.containers]) - together).mean()
    assert apart < 0.4 * together.std()


def test_nothing_is_found_where_nothing_is(covers: Callable[[range], np.ndarray]) -> None:
    """Pictures against other pictures: no way of handling them gives away which are called containers."""
    detector = trained(Pairs(covers(TRAINING), covers(range(100, 124))))
    verdict = judge(detector, Pairs(covers(range(200, 300)), covers(range(300, 400))))
    assert abs(certainty(verdict)) < 0.4


def test_shuffled_labels_teach_nothing(covers: Callable[[range], np.ndarray]) -> None:
    before, unseen = covers(TRAINING), covers(UNSEEN)
    after, swap = noisy(before), np.arange(len(before)) % 2 == 1
    faulty = Pairs(before.copy(), after.copy())
    faulty.covers[swap], faulty.containers[swap] = after[swap], before[swap]
    assert abs(certainty(judge(trained(faulty), Pairs(unseen, noisy(unseen))))) < 0.4


def test_a_batch_holds_covers_and_then_their_containers_cut_and_turned_alike() -> None:
    covers = np.random.default_rng(0).integers(0, 200, (5, 160, 150, 3), np.uint8)
    batch = _batch(Pairs(covers, covers + 50), np.array([4, 1, 1]), np.random.default_rng(1))
    assert batch.shape == (6, 3, 96, 96)
    assert torch.equal(batch[:3] + 50, batch[3:])
    assert not torch.equal(batch[1], batch[2])


def test_accuracy_and_auc_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    verdict = Verdict(random.normal(-0.5, 1, 50), random.normal(0.7, 1, 50))
    scores, labels = np.concatenate([verdict.covers, verdict.containers]), np.repeat([0, 1], 50)
    figures = summarise_detection([verdict], 0)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, scores > 0))
    assert figures["auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert figures["low"] < figures["accuracy"] < figures["high"]
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]


def test_the_interval_is_of_as_many_trials_as_there_are_pairs() -> None:
    """The two decisions on a pair hang together: 100 pictures are 50 trials."""
    covers, containers = [-1.0] * 42 + [1.0] * 8, [1.0] * 38 + [-1.0] * 12
    figures = summarise_detection([Verdict(np.array(covers), np.array(containers))], 0)
    expected = binomtest(40, 50).proportion_ci(method="wilson")
    assert (figures["low"], figures["high"]) == pytest.approx((expected.low, expected.high))


def test_several_detectors_give_their_mean() -> None:
    right, wrong = Verdict(-np.ones(9), np.ones(9)), Verdict(np.ones(9), -np.ones(9))
    figures = summarise_detection([right, wrong], 0)
    assert (figures["accuracy"], figures["auc"]) == (0.5, 0.5)


def test_a_detector_that_always_says_the_same_is_right_half_of_the_time() -> None:
    assert Verdict(np.ones(7), np.ones(7)).accuracy == 0.5
    assert Verdict(np.zeros(7), np.zeros(7)).accuracy == 0.5


def test_pairs_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="containers"):
        Pairs(np.zeros((3, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8))
