"""Costs of a JPEG's coefficients, against conseal's J-UNIWARD, and estimates of what rounding took, against SciPy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conseal.juniward._costmap import Implementation, compute_cost
from PIL import Image
from scipy.signal import wiener

from stegnet.core.pixels import DCT_BASIS
from stegnet.jpeg.cover import estimated_errors, noise_of, rounding_errors, smoothed
from stegnet.jpeg.samples import coefficient_costs, fixed_samples
from stegnet.sealing import WET
from tests.support.jpegs import ZIGZAG, jpeg_cover, juniward, read_jpeg


def test_costs_are_those_of_the_paper(tmp_path: Path, picture):
    """Of the pixels that viewers show."""
    for height, width in ((64, 96), (280, 40)):
        Image.fromarray(picture(height, width)[..., 0]).save(tmp_path / "a.jpg", quality=80)
        jpeg = read_jpeg(tmp_path / "a.jpg")
        table = np.empty(64)
        table[ZIGZAG] = jpeg.quanta(0)
        pixels = jpeg.decoded_luma.shown
        with Image.open(tmp_path / "a.jpg") as image:
            assert np.abs(pixels.astype(np.float32) - np.asarray(image)).max() <= 1
        wanted = compute_cost(
            x0=pixels.astype(float), qt=table.reshape(8, 8), implementation=Implementation.JUNIWARD_FIX_OFF_BY_ONE
        )
        found = np.empty((*jpeg.planes[0].shape[:2], 64))
        found[..., ZIGZAG] = juniward(pixels, jpeg.quanta(0))
        inside = slice(3, -3) if height > width else slice(None)  # conseal pads less, and with zeros
        np.testing.assert_allclose(found.reshape(wanted.shape)[inside, 1:-1], wanted[inside, 1:-1], rtol=5e-3)


def test_clipped_blocks_are_left_alone(tmp_path: Path, picture):
    pixels = np.clip(picture(48, 64)[..., 0], 40, 210)
    pixels[:8, :8] = 255
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=90)
    costs = coefficient_costs(read_jpeg(tmp_path / "a.jpg")).up.reshape(6, 8, 63)
    assert (costs[0, 0] == WET).all() and (costs[1:, 1:] < WET).any()


def test_a_step_towards_what_was_rounded_costs_less(tmp_path: Path, picture):
    Image.fromarray(picture(64, 96)).save(tmp_path / "a.png")
    cover = jpeg_cover(tmp_path / "a.png", 85)
    assert cover.errors is not None
    errors = cover.errors[..., 1:].reshape(cover.picture.planes[0].shape[0], -1, 1)
    rounded = np.abs(errors)[np.abs(cover.picture.planes[0][..., 1:].reshape(errors.shape)) > 1]
    assert np.abs(errors).max() <= 0.5 and 0.2 < rounded.mean() < 0.3  # uniform
    nothing, made = np.zeros_like(cover.errors), coefficient_costs(cover.picture, cover.errors)
    plain = coefficient_costs(cover.picture, nothing).up
    free = (plain > 2000) & (plain < WET)
    near = free & (errors > 0.15) & (errors < 0.49)
    assert (errors[near] > 0.4).any() and (errors[near] < 0.3).any()
    np.testing.assert_allclose(made.up[near], plain[near] * np.maximum(1 - 2 * errors[near], 0.3), atol=1.1)
    np.testing.assert_array_equal(made.down[near], plain[near])


def test_a_step_in_the_estimated_direction_costs_less(tmp_path: Path, picture):
    """The estimate is right more often than chance."""
    pixels = picture(128, 192)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=75)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    errors, estimated = rounding_errors(pixels, jpeg), np.sign(estimated_errors(jpeg)(slice(0, 16)))
    some = (np.abs(jpeg.planes[0]) > 0) & (np.abs(errors) > 0.1)
    some[..., 0] = False
    assert some.sum() > 500
    assert (np.sign(errors) == estimated)[some].mean() > 0.6
    found, plain = coefficient_costs(jpeg), coefficient_costs(jpeg, np.zeros(jpeg.planes[0].shape, np.float32)).up
    towards = estimated[..., 1:].reshape(plain.shape)
    for costs, way in ((found.up, towards > 0), (found.down, towards < 0)):
        free = (plain > 2000) & (plain < WET)
        assert (free & way).sum() > 100
        np.testing.assert_allclose(costs[free & way], 0.65 * plain[free & way], atol=1.1)
        np.testing.assert_array_equal(costs[~way], plain[~way])


@pytest.mark.filterwarnings("error")
def test_the_filter_is_wieners():
    """A flat picture is left as it is."""
    noisy = np.random.default_rng(1).normal(100, 20, (600, 40))
    noisy[:, :20] = 50 + noisy[:, :20] / 10  # nothing is left of this noise
    pixels = np.rint(noisy).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(pixels.astype(float), 1, mode="edge"), (3, 3))
    wanted = wiener(pixels.astype(float), 3, noise=float(windows.var((2, 3)).mean()))
    noise, parts = noise_of(pixels), (slice(first, first + 15) for first in range(0, 75, 15))
    found = np.concatenate([by_row(smoothed(pixels, part, noise)) for part in parts])
    np.testing.assert_allclose(found[1:-1, 1:-1], wanted[1:-1, 1:-1], rtol=1e-4)
    flat = np.full((8, 16), 7, np.uint8)
    np.testing.assert_array_equal(by_row(smoothed(flat, slice(0, 1), noise_of(flat))), 7)


def by_row(blocks: np.ndarray) -> np.ndarray:
    """Pixels of blocks, which are relative to the middle of their range."""
    rows, cols, _ = blocks.shape
    return blocks.reshape(rows, cols, 8, 8).swapaxes(1, 2).reshape(8 * rows, 8 * cols) + 128


def test_frequencies_that_an_encoder_cut_off_are_left_alone(tmp_path: Path, picture):
    Image.fromarray(picture(48, 64)[..., 0]).save(tmp_path / "a.jpg", quality=90)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    luma = jpeg.planes[0].copy()
    luma[..., 40:] = 0
    luma[..., 20] *= 2  # as after a coarser table
    costs = coefficient_costs(replace(jpeg, planes=(luma, *jpeg.planes[1:]))).up.reshape(6, 8, 63)
    assert (costs[..., 39:] == WET).all()
    assert (costs[..., 19][luma[..., 20] == 0] == WET).all() and (costs[..., :19] < WET).mean() > 0.9


def test_samples_whose_steps_would_be_proven_are_fixed(tmp_path: Path, picture):
    """Amid a flat area, and where a step may bring a pixel beyond its range."""
    pixels = np.clip(picture(80, 96)[..., 0], 60, 190)
    pixels[:40, :40] = 77
    pixels[:8, 48:56], pixels[24:32, 48:56] = 255, 240
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=70)
    jpeg = read_jpeg(tmp_path / "a.jpg")
    fixed = fixed_samples(jpeg).reshape(10, 12, 63)
    assert fixed[:4, :4].all() and not fixed[4, 4].any() and not fixed[5:, 5:].any()
    assert fixed[0, 6].all() and 0 < fixed[3, 6].mean() < 1
    level = 128 + jpeg.planes[0][3, 6, 0] * jpeg.quanta(0)[0] / 8
    assert fixed[3, 6].tolist() == (level + jpeg.quanta(0)[1:] * np.abs(DCT_BASIS[1:]).max(1) > 255).tolist()
