import numpy as np
import pytest

from stegnet.core.measures import psnr
from study.tradeoff.matching import embed, extract

random = np.random.default_rng(0)
COVER = random.integers(0, 256, (64, 64, 3), np.uint8)


@pytest.mark.parametrize("size", [0, 1, 100, COVER.size // 8])
def test_bytes_come_back(size: int) -> None:
    data = random.bytes(size)
    container = embed(COVER, data, seed=3)
    assert extract(container, size, seed=3) == data
    assert np.abs(container.astype(int) - COVER).max(initial=0) <= 1


def test_half_of_the_samples_change_if_all_carry() -> None:
    """Mean squared error 1/2: 51.14 dB; steps go up as often as down."""
    cover = random.integers(1, 255, (128, 128, 3), np.uint8)
    container = embed(cover, random.bytes(cover.size // 8), seed=0)
    assert psnr(cover, container) == pytest.approx(51.14, abs=0.05)
    assert np.mean(container.astype(int) - cover) == pytest.approx(0, abs=0.01)


def test_another_seed_reads_other_bytes() -> None:
    data = random.bytes(200)
    assert extract(embed(COVER, data, seed=0), 200, seed=1) != data


def test_black_and_white_step_inwards() -> None:
    for level in (0, 255):
        cover = np.full((16, 16, 3), level, np.uint8)
        assert psnr(cover, embed(cover, bytes([0x55]) * 96, seed=0)) > 50


def test_more_bits_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="carry no"):
        embed(COVER, bytes(COVER.size // 8 + 1), seed=0)
