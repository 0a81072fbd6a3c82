import numpy as np
import pytest

from study.arithmetic import MODULI, lloyd, read_digits, residual_arithmetic, write_digits
from tests.support.quality import psnr


@pytest.fixture
def waves() -> np.ndarray:
    """A smooth picture with some noise, (64, 96, 3)."""
    y, x = np.mgrid[:64, :96]
    planes = [127 + 90 * np.sin(x / (9 + each) + y / (15 - each)) for each in range(3)]
    noise = np.random.default_rng(0).normal(0, 4, (64, 96, 3))
    return (np.stack(planes, axis=-1) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("modulus", MODULI)
def test_digits_come_back_and_cost_what_a_uniform_error_costs(modulus):
    random = np.random.default_rng(modulus)
    cover = random.integers(20, 236, (100, 100, 3), np.uint8)
    digits, mask = (random.integers(0, modulus, cover.size) for _ in range(2))
    container = write_digits(cover, digits, mask, modulus)
    np.testing.assert_array_equal(read_digits(container, mask, modulus), digits)
    steps = np.arange(-((modulus - 1) // 2), modulus // 2 + 1)
    assert np.mean((container.astype(float) - cover) ** 2) == pytest.approx(np.mean(steps**2), rel=0.03)


@pytest.mark.parametrize(("count", "error"), [(2, 0.3634), (3, 0.1902), (4, 0.1175)])
def test_lloyds_quantiser_is_the_textbooks(count, error):
    """Max 1960, "Quantizing for minimum distortion", table I: a Gaussian variable."""
    values = np.random.default_rng(0).normal(size=200_000)
    centres = lloyd(values, count)
    nearest = np.abs(values[:, None] - centres).min(1)
    assert np.mean(nearest**2) == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize("modulus", MODULI)
def test_a_rival_brings_a_picture_back(waves, picture, modulus):
    cover = picture(64, 96, 3)
    embedding = residual_arithmetic(modulus, 70)(cover, waves, 5)
    assert embedding.container.dtype == np.uint8
    assert psnr(cover, embedding.container) > 44
    assert psnr(waves, embedding.revealed) > 34
