"""VMAF of films that differ by noise, or by the order of their frames."""

from pathlib import Path

import numpy as np

from study.vmaf import vmaf
from tests.support.films import encode


def test_noise_and_another_order_are_seen(tmp_path: Path, picture) -> None:
    def film(name: str, frames: list[int], noise: float = 0.0) -> Path:
        random = np.random.default_rng(5)
        noisy = (picture(48, 64, seed) + random.normal(0, noise, (48, 64, 3)) for seed in frames)
        return encode(tmp_path / name, [pixels.clip(0, 255).round().astype(np.uint8) for pixels in noisy])

    original = film("a.mkv", [0, 1, 2, 3])
    same = vmaf(original, original)
    assert len(same) == 4
    assert min(same) > 97  # the first frame, without motion, gets 97.4 at most
    means = [np.mean(vmaf(original, film(f"{noise}.mkv", [0, 1, 2, 3], noise))) for noise in (0, 15, 40)]
    assert means[0] > means[1] + 2 > means[2] + 4
    assert np.mean(vmaf(original, film("c.mkv", [1, 0, 3, 2]))) < np.mean(same) - 10
