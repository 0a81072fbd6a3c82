import time

import numpy as np

from pipeline.evaluate.speed import RUNS, measure_speed


class SleepingEngine:
    """Its networks take a known time, at least."""

    hidden = 0

    def prepare(self, secret: np.ndarray) -> np.ndarray:
        return secret

    def enhance(self, base: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        return base

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        assert cover.shape == hidden.shape and cover[..., 0].size == 1e6
        self.hidden += 1
        time.sleep(0.03)
        return cover

    def reveal(self, container: np.ndarray) -> np.ndarray:
        return container

    def restore(self, base: np.ndarray, residual: np.ndarray) -> np.ndarray:
        time.sleep(0.01)
        return base + residual


def test_times_are_of_all_networks_that_a_side_needs() -> None:
    engine = SleepingEngine()
    speed = measure_speed(engine)
    assert speed["hide_ms_per_megapixel"] >= 50
    assert speed["reveal_ms_per_megapixel"] >= 30
    assert engine.hidden == 1 + RUNS
