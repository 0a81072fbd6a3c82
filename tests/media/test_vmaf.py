import logging

import numpy as np
import pytest

from stegnet import MediaError
from stegnet.media import vmaf as module
from stegnet.media.vmaf import has_vmaf, vmaf
from tests.support.films import encode


@pytest.fixture
def film(tmp_path, picture):
    """Writes a lossless film of test pictures with noise."""

    def write(name: str, frames: list[int], noise: float = 0.0, height: int = 48, width: int = 64):
        random = np.random.default_rng(5)
        noisy = (picture(height, width, seed) + random.normal(0, noise, (height, width, 3)) for seed in frames)
        return encode(tmp_path / name, [pixels.clip(0, 255).round().astype(np.uint8) for pixels in noisy])

    return write


def test_scores(film):
    """Frames are paired by index up to the shorter film, and noise and another order are seen."""
    original, longer = film("a.mkv", [0, 1, 2]), film("b.mkv", [0, 1, 2, 3])
    same = vmaf(original, original)
    assert len(same) == 3
    assert min(same) > 97  # the first frame, without motion, gets 97.4 at most
    assert vmaf(original, longer) == vmaf(longer, original) == same
    means = [np.mean(vmaf(original, film(f"{noise}.mkv", [0, 1, 2], noise))) for noise in (0, 15, 40)]
    assert means[0] > means[1] + 2 > means[2] + 4
    assert np.mean(vmaf(longer, film("c.mkv", [1, 0, 3, 2]))) < np.mean(vmaf(longer, longer)) - 10


def test_failures_are_errors(film, monkeypatch):
    original = film("a.mkv", [0, 1, 2])
    with pytest.raises(MediaError, match="differ in size"):
        vmaf(original, film("b.mkv", [0], width=80))
    monkeypatch.setattr(module, "MODEL", "none_of_these")
    with pytest.raises(MediaError, match="can't measure VMAF"):
        vmaf(original, original)


def test_the_reason_is_logged_if_it_can_not_be_measured(tmp_path, monkeypatch, caplog):
    assert has_vmaf(17, 40)
    with caplog.at_level(logging.INFO):
        assert not has_vmaf(16, 40)
        without = tmp_path / "ffmpeg"
        without.write_text("#!/bin/sh\necho ' ... scale  V->V  Scale the input video.'\n")
        without.chmod(0o755)
        monkeypatch.setattr(module, "bundled_ffmpeg", lambda: str(without))
        assert not has_vmaf(64, 64)
    assert len(caplog.records) == 2
    assert "libvmaf" in caplog.text
