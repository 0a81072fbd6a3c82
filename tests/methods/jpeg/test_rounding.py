"""Estimates of what rounding took from a JPEG's coefficients."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.signal import wiener

from stegnet.media.jpeg import read_jpeg
from stegnet.methods.jpeg.costs import shown_luma
from stegnet.methods.jpeg.rounding import rounding_directions, rounding_errors, smoothed


def test_the_filter_is_wieners():
    noisy = np.random.default_rng(1).normal(100, 20, (600, 40)).astype(np.float32)
    noisy[:, :20] = 50 + noisy[:, :20] / 100  # nothing is left of this noise
    wanted = wiener(noisy.astype(float), 3, noise=_noise(noisy))
    np.testing.assert_allclose(smoothed(noisy)[1:-1, 1:-1], wanted[1:-1, 1:-1], rtol=1e-4)


def _noise(pixels: np.ndarray) -> float:
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(pixels.astype(float), 1, mode="edge"), (3, 3))
    return float(windows.var((2, 3)).mean())


@pytest.mark.filterwarnings("error")
def test_a_flat_picture_is_left_as_it_is():
    np.testing.assert_array_equal(smoothed(np.full((8, 16), 7, np.float32)), 7)


def test_the_estimate_is_right_more_often_than_chance(tmp_path: Path, picture):
    pixels = picture(128, 192)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=75)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    errors, estimated = rounding_errors(pixels, jpeg), rounding_directions(shown_luma(jpeg), jpeg)
    some = (np.abs(jpeg.planes[0]) > 0) & (np.abs(errors) > 0.1)
    some[..., 0] = False
    assert some.sum() > 500
    assert (np.sign(errors) == estimated)[some].mean() > 0.6
