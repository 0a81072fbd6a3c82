import numpy as np
import pandas as pd
import pytest

from stegnet.core.measures import psnr
from study.arithmetic import (
    MODULI,
    ResidualCode,
    digital_avif,
    lead,
    lloyd,
    read_digits,
    residual_arithmetic,
    write_digits,
)


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


@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_containers_stay_in_range(level):
    cover = np.full((8, 8, 3), level, np.uint8)
    digits = np.arange(cover.size) % 5
    container = write_digits(cover, digits, np.zeros(cover.size, int), 5)
    np.testing.assert_array_equal(container.ravel() % 5, digits)
    assert np.abs(container.astype(int) - level).max() <= 4


@pytest.mark.parametrize("modulus", MODULI)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_levels_fill_the_digits_and_come_back(modulus, share):
    samples = 1000
    code = ResidualCode(modulus, int(share * 1008), samples)
    residual = np.random.default_rng(1).laplace(0, 2, samples)
    centres, levels = code.quantise(residual)
    digits = code.pack(levels)
    assert digits.size <= share * 1008
    assert digits.size == 0 or 0 <= digits.min() <= digits.max() < modulus
    np.testing.assert_array_equal(code.unpack(digits), levels)
    used = sum(np.log2(count) * inside.sum() for count, inside in code._parts())
    assert used >= 0.8 * (digits.size * np.log2(modulus) - 24)
    assert np.mean((code.values(levels, centres) - residual) ** 2) <= np.mean(residual**2) + 1e-3


@pytest.mark.parametrize(("count", "error"), [(2, 0.3634), (3, 0.1902), (4, 0.1175)])
def test_lloyds_quantiser_is_the_textbooks(count, error):
    """Max 1960, "Quantizing for minimum distortion", table I: a Gaussian variable."""
    values = np.random.default_rng(0).normal(size=200_000)
    centres = lloyd(values, count)
    nearest = np.abs(values[:, None] - centres).min(1)
    assert np.mean(nearest**2) == pytest.approx(error, rel=0.02)


@pytest.mark.parametrize("modulus", MODULI)
def test_both_rivals_bring_a_picture_back(waves, picture, modulus):
    cover = picture(64, 96, 3)
    for method in (digital_avif(modulus), residual_arithmetic(modulus, 70)):
        embedding = method(cover, waves, 5)
        assert embedding.container.dtype == np.uint8
        assert psnr(cover, embedding.container) > 44
        revealed = embedding.reveal(embedding.container).picture
        assert revealed.shape == waves.shape
        assert psnr(waves, revealed) > 34


def test_the_lead_is_read_at_the_networks_container():
    rows = [
        ("network", 0, 90, 46.0, 46.5),
        ("residual", 4, 90, 46.5, 45.5),
        ("residual", 5, 90, 45.0, 47.0),
        ("residual", 4, 80, 46.5, 44.0),
        ("residual", 5, 80, 45.0, 45.5),
        ("digital", 4, 100, 46.5, 48.0),
    ]
    columns = ["method", "modulus", "quality", "container_psnr", "secret_psnr"]
    table = pd.DataFrame(rows, columns=columns).assign(kind="scenes")
    assert lead(table, "scenes") == pytest.approx(0.5)
