import logging

import numpy as np
import pytest

from stegnet.core.errors import MediaError
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


def test_a_film_against_itself_has_the_best_score(film):
    original = film("a.mkv", [0, 1, 2])
    scores = vmaf(original, original)
    assert len(scores) == 3
    assert min(scores) > 97  # the first frame, without motion, gets 97.4 at most


def test_more_noise_gives_a_lower_score(film):
    original = film("a.mkv", [0, 1, 2])
    means = [np.mean(vmaf(original, film(f"{noise}.mkv", [0, 1, 2], noise))) for noise in (0, 15, 40)]
    assert means[0] > means[1] + 2 > means[2] + 4


def test_frames_are_paired_by_index_up_to_the_shorter_film(film):
    original, longer = film("a.mkv", [0, 1]), film("b.mkv", [0, 1, 2])
    assert vmaf(original, longer) == vmaf(longer, original) == vmaf(original, original)


def test_frames_in_another_order_get_a_low_score(film):
    original = film("a.mkv", [0, 1, 2, 3])
    assert np.mean(vmaf(original, film("b.mkv", [1, 0, 3, 2]))) < np.mean(vmaf(original, original)) - 10


def test_only_luma_is_measured(film):
    """Frames are converted to yuv420p, of which VMAF uses the luma."""
    original = film("a.mkv", [0, 1])
    assert vmaf(original, film("b.mkv", [0, 1])) == vmaf(original, original)


def test_films_of_two_sizes_are_refused(film):
    with pytest.raises(MediaError, match="differ in size"):
        vmaf(film("a.mkv", [0]), film("b.mkv", [0], width=80))


def test_a_failure_of_ffmpeg_is_an_error(film, monkeypatch):
    monkeypatch.setattr(module, "MODEL", "none_of_these")
    original = film("a.mkv", [0, 1, 2])
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
