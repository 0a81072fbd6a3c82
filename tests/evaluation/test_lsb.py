import numpy as np
import pytest

from stegnet.evaluation.lsb import read_out, swap_in
from stegnet.metrics import psnr

VALUES = np.arange(256, dtype=np.uint8)


def test_the_container_carries_the_secret_and_no_other_that_does_is_nearer():
    cover, secret = np.meshgrid(VALUES, VALUES)  # every case there is
    container = swap_in(cover, secret)
    assert container.dtype == np.uint8
    assert np.array_equal(container % 16, secret // 16)
    assert np.array_equal(np.abs(container.astype(int) - cover), nearest()[cover, secret // 16])


def nearest() -> np.ndarray:
    """(256, 16): how far the nearest value that carries a level is from a cover, by trying all values."""
    return np.array(
        [[min(abs(v - cover) for v in range(256) if v % 16 == level) for level in range(16)] for cover in range(256)]
    )


def test_what_is_read_out_is_the_middle_of_the_secrets_bin():
    revealed = read_out(swap_in(VALUES[::-1], VALUES))
    assert revealed.dtype == np.uint8
    assert np.array_equal(revealed // 16, VALUES // 16)
    assert set(revealed % 16) == {8}
    assert np.abs(revealed.astype(int) - VALUES).max() == 8


def test_the_quality_that_even_distributions_give():
    """Errors of the container run evenly from -8 to 7, as do those of the secret: 10 log10(255² / 21.5) dB."""
    random = np.random.default_rng(0)
    cover, secret = random.integers(8, 248, (512, 512, 3), np.uint8), random.integers(0, 256, (512, 512, 3), np.uint8)
    container = swap_in(cover, secret)
    assert psnr(cover, container) == pytest.approx(34.807, abs=0.02)
    assert psnr(secret, read_out(container)) == pytest.approx(34.807, abs=0.02)


def test_the_pictures_given_stay_as_they_are():
    cover, secret = VALUES.copy(), VALUES[::-1].copy()
    swap_in(cover, secret)
    assert np.array_equal(cover, VALUES)
    assert np.array_equal(secret, VALUES[::-1])
