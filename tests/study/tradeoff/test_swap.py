import numpy as np
import pytest

from stegnet.core.measures import psnr
from study.tradeoff.swap import read_out, swap_in

VALUES = np.arange(256, dtype=np.uint8)
COVERS, SECRETS = np.meshgrid(VALUES, VALUES)  # every case there is


@pytest.mark.parametrize("bits", range(1, 8))
def test_the_nearest_container_that_carries_the_secret(bits: int) -> None:
    container = swap_in(COVERS, SECRETS, bits)
    levels = 1 << bits
    assert np.array_equal(container % levels, SECRETS >> 8 - bits)
    away = np.array([[min(abs(v - c) for v in range(s, 256, levels)) for c in range(256)] for s in range(levels)])
    assert np.array_equal(np.abs(container.astype(int) - COVERS), away[SECRETS >> 8 - bits, COVERS])


@pytest.mark.parametrize("bits", range(1, 8))
def test_the_secret_is_guessed_in_the_middle_of_its_bin(bits: int) -> None:
    error = read_out(swap_in(COVERS, SECRETS, bits), bits).astype(int) - SECRETS
    assert (error.min(), error.max()) == (1 - (1 << 7 - bits), 1 << 7 - bits)


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
