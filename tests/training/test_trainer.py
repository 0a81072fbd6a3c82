import pytest

from stegnet.training.objectives import container_weight
from stegnet.training.trainer import learning_rate


def rate(step: int, *, steps: int = 110, warmup: int = 10) -> float:
    return learning_rate(step, steps, peak=2.0, end=0.1, warmup=warmup)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.2),
        (4, 1.0),
        (9, 2.0),  # end of the warm-up
        (10, 2.0),  # cos 0
        (60, 1.1),  # cos 90°: half way between 2 and 0.2
        (10 + 25, 0.2 + 1.8 * (1 + 2**-0.5) / 2),  # cos 45°
        (110, 0.2),  # cos 180°
    ],
)
def test_learning_rate(step, expected):
    assert rate(step) == pytest.approx(expected)


def test_without_warm_up_it_starts_at_the_peak():
    assert rate(0, warmup=0) == 2


@pytest.mark.parametrize("warmup", [5, 6, 50])
def test_a_warm_up_as_long_as_the_training(warmup):
    rates = [rate(step, steps=5, warmup=warmup) for step in range(5)]
    assert rates == pytest.approx([2 * (step + 1) / warmup for step in range(5)])


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.01), (15, 0.01**0.75), (30, 0.1), (60, 1), (61, 1), (99, 1)],  # geometric: half way is 0.1
)
def test_container_weight(step, expected):
    assert container_weight(step, 100, start=0.01, ramp=0.6) == pytest.approx(expected)


def test_without_a_ramp_the_container_counts_from_the_start():
    assert container_weight(0, 100, start=0.01, ramp=0) == 1
