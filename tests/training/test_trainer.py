"""The schedules of a training."""

import pytest

from stegnet.training.objectives import container_weight
from stegnet.training.trainer import learning_rate


def rate(step: int, *, steps: int = 110, warmup: int = 10) -> float:
    return learning_rate(step, steps, peak=2.0, end=0.1, warmup=warmup)


def test_learning_rate():
    """It ends its warm-up at step 9, and is half way between 2 and 0.2 at 60; 35 is at a cosine of 45°."""
    for step, expected in (
        (0, 0.2),
        (4, 1),
        (9, 2),
        (10, 2),
        (35, 0.2 + 1.8 * (1 + 2**-0.5) / 2),
        (60, 1.1),
        (110, 0.2),
    ):
        assert rate(step) == pytest.approx(expected)
    assert rate(0, warmup=0) == 2
    for warmup in (5, 6, 50):  # as long as the training, or longer
        rates = [rate(step, steps=5, warmup=warmup) for step in range(5)]
        assert rates == pytest.approx([2 * (step + 1) / warmup for step in range(5)])


def test_container_weight():
    """Geometric: half way is 0.1."""
    for step, expected in ((0, 0.01), (15, 0.01**0.75), (30, 0.1), (60, 1), (61, 1), (99, 1)):
        assert container_weight(step, 100, start=0.01, ramp=0.6) == pytest.approx(expected)
    assert container_weight(0, 100, start=0.01, ramp=0) == 1
