"""Costs of changes, against HILL made of SciPy's filters in floating point."""

import numpy as np
import pytest
from scipy import ndimage

from stegnet.media.evidence.copies import regular_areas
from stegnet.sealing import MEDIAN, WET, Costs, rounding_costs, texture_costs

KER_BOEHME = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]])
# The reciprocals of textures are rounded down to whole numbers: each of 225 by less than 1.
ROUNDED = 225


def hill(picture: np.ndarray) -> np.ndarray:
    """Sums of reciprocal textures in 15×15 pixels, times 2²⁰; the borders mirrored."""
    channels = picture.astype(float).transpose(2, 0, 1)
    residuals = sum(np.abs(ndimage.convolve(channel, KER_BOEHME, mode="reflect")) for channel in channels)
    texture = np.maximum(9 * ndimage.uniform_filter(residuals, 3, mode="reflect"), 1)
    return ROUNDED * ndimage.uniform_filter(2.0**20 / texture, 15, mode="reflect")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def half(height: int, width: int) -> np.ndarray:
    """Left of the middle flat, right of it noise."""
    picture = noise(height, width)
    picture[:, : width // 2] = 77
    return picture


@pytest.mark.parametrize("size", [(40, 48), (33, 21), (16, 3), (3, 40), (1, 1), (2, 2)], ids=str)
def test_texture_costs_are_hill(picture, size):
    for make in (picture, noise, half):
        shown = make(*size)
        shown.flags.writeable = False
        exact = hill(shown)
        median = np.sort(exact, axis=None)[exact.size // 2]
        expected = (exact * MEDIAN / median).clip(1, WET)
        found = texture_costs(shown)
        for costs in found:
            assert costs.shape == shown.shape
            assert costs.dtype == np.uint16
            assert (costs == costs[..., :1]).all()
        tolerance = 1.01 + expected * ROUNDED * (1 / exact + 1 / (median - ROUNDED))
        assert (np.abs(found.up[..., 0] - expected) <= tolerance).all()
        np.testing.assert_array_equal(found.up, found.down)
        np.testing.assert_array_equal(shown, make(*size))


def test_smooth_areas_cost_most():
    """Where all is flat, all costs the same: sums of the highest costs do not overflow."""
    shown = noise(64, 200)
    shown[:, :80] = 77
    costs = texture_costs(shown).up[..., 0]
    assert (costs[:, :72] == WET).all()
    assert costs[:, 90:].max() < WET / 8
    assert (np.diff(costs.astype(int)[:, :88].mean(0)) <= 0).all()
    for size, level in (((8, 8), 0), ((8, 8), 255), ((3000, 20), 128)):
        assert all((costs == MEDIAN).all() for costs in texture_costs(np.full((*size, 3), level, np.uint8)))


def test_areas_that_are_exact_cost_most_up_to_their_edge():
    """A margin, and a part that is copied."""
    plain, framed, copied = noise(96, 128), noise(96, 128), noise(96, 128)
    framed[:, :20] = (90, 120, 40)
    copied[50:90, 10:60] = copied[5:45, 70:120]
    found = [texture_costs(picture, regular_areas(picture)).up for picture in (plain, framed, copied)]
    np.testing.assert_array_equal(found[0], texture_costs(plain).up)
    assert (found[1][:, :20] == WET).all()
    np.testing.assert_array_equal(found[1][:, 20:], texture_costs(framed).down[:, 20:])
    assert (found[2][50:90, 10:60] == WET).mean() > 0.4
    assert (found[2][5:45, 70:120] == WET).mean() > 0.4
    for size in ((1, 1), (2, 9), (3, 3), (1, 40)):
        assert regular_areas(np.full((*size, 3), 9, np.uint8)).shape == size


def test_rounding_costs_are_the_squared_error_that_a_step_adds():
    """In 64ths of a level's square, and 1 more, so that no step is free; an exact sample steps either way."""
    error = np.arange(-127, 128, dtype=np.int8).reshape(1, 85, 3)
    up, down = rounding_costs(error)
    off = error / 254
    np.testing.assert_allclose(up, 1 + 64 * ((1 - off) ** 2 - off**2), atol=1.01)
    np.testing.assert_allclose(down, 1 + 64 * ((1 + off) ** 2 - off**2), atol=1.01)
    assert isinstance(rounding_costs(error), Costs)
    assert up.dtype == down.dtype == np.uint8
    assert min(up.min(), down.min()) >= 1
    assert (np.sign(down.astype(int) - up)[np.abs(error) > 2] == np.sign(error)[np.abs(error) > 2]).all()
    assert up[error == 0] == down[error == 0]
