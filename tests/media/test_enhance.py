from fractions import Fraction

import numpy as np
import pytest

from stegnet.media.denoise import enhance, enhance_film
from stegnet.video import read_frames, scan


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (40, 50)])
def test_any_size_and_not_in_place(picture, size):
    before = picture(*size)
    copy = before.copy()
    after = enhance(before, 5)
    assert (after.shape, after.dtype) == ((*size, 3), np.uint8)
    np.testing.assert_array_equal(before, copy)
    np.testing.assert_array_equal(enhance(before, 0), before)


def test_noise_is_reduced_and_edges_get_sharper():
    """Flat noise of 2 levels becomes flatter, and a blurred step steeper, with the same levels beside it."""
    flat = np.full((64, 64, 3), 120, np.uint8)
    noisy = (flat + np.random.default_rng(0).normal(0, 2, flat.shape)).round().astype(np.uint8)
    errors = [np.std(enhance(noisy, strength).astype(float) - flat) for strength in (0, 1, 3, 5)]
    assert errors == sorted(errors, reverse=True)
    step = np.repeat(np.interp(np.arange(64), [28, 36], [60, 200]).round().astype(np.uint8)[None, :, None], 64, 0)
    step = np.repeat(step, 3, 2)
    sharp = enhance(step, 5).astype(int)
    assert np.abs(np.diff(sharp[32, :, 0])).max() > np.abs(np.diff(step[32, :, 0].astype(int))).max()
    np.testing.assert_allclose(sharp[:, :20], 60, atol=2)
    np.testing.assert_allclose(sharp[:, -20:], 200, atol=2)


@pytest.mark.parametrize("form", ["mkv", "mp4"])
def test_a_film(tmp_path, make_film, form):
    """Its times and sound stay."""
    source, calls = make_film(tmp_path / "a.mkv", 4, stamps=[0, 1, 5, 6], sound="aac"), []
    enhance_film(source, tmp_path / f"b.{form}", 1, form, lambda *call: calls.append(call))
    after = scan(tmp_path / f"b.{form}")
    assert list(after.times) == [Fraction(stamp, 25) for stamp in (0, 1, 5, 6)]
    assert after.sound == ("aac",)
    assert calls == [(done, 4) for done in range(1, 5)]
    for before, now in zip(read_frames(source), read_frames(tmp_path / f"b.{form}"), strict=True):
        np.testing.assert_array_equal(now, enhance(before, 1))
