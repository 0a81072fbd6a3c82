import numpy as np
import pytest

from stegnet.codec.base import KINDS, decode, encode, least, least_per_pixel, through_bytes
from stegnet.core.errors import CapacityError
from stegnet.core.samples import block_means, from_8_bits, split
from stegnet.media.avif import decode_avif

MOST = 10**6


@pytest.fixture
def secret() -> np.ndarray:
    """Waves and some noise, (64, 96, 3)."""
    y, x = np.mgrid[:64, :96]
    waves = np.stack([127 + 100 * np.sin(x / (5 + 2 * each) + y / (9 - each)) for each in range(3)], axis=-1)
    return (waves + np.random.default_rng(0).normal(0, 5, waves.shape)).clip(0, 255).astype(np.uint8)


def test_the_order_of_kinds_is_part_of_the_format():
    assert KINDS == ("none", "means", "coded")


def test_means_are_exact(secret):
    base = decode(encode(secret, "means", 0, MOST), "means", 64, 96)
    np.testing.assert_array_equal(base.picture, np.kron(block_means(secret), np.ones((8, 8, 1), np.uint8)))


def test_a_coded_base_is_an_avif_file_after_a_byte(secret):
    data = encode(secret, "coded", 80, MOST)
    base = decode(data, "coded", 64, 96)
    np.testing.assert_array_equal(base.picture, decode_avif(data[1:], 64, 96))
    assert np.abs(base.picture.astype(int) - secret).mean() < 6


def test_no_base_is_grey(secret):
    assert encode(secret, "none", 80, 0) == b""
    base = decode(b"", "none", 64, 96)
    assert np.unique(base.picture).tolist() == [128]
    assert base.gain == 1


@pytest.mark.parametrize("kind", ["means", "coded"])
@pytest.mark.parametrize("quality", [10, 95])
def test_the_residual_is_equally_strong_for_every_base(secret, kind, quality):
    base = through_bytes(secret, kind, quality, MOST)
    hidden = split(from_8_bits(secret), base.picture, base.gain)
    assert np.sqrt(np.mean(np.square(hidden))) == pytest.approx(
        0.1, rel=0.05
    )  # gains are steps of an eighth of an octave


@pytest.mark.parametrize("level", [0, 255])
def test_gains_of_exact_bases_are_finite(level):
    flat = np.full((16, 16, 3), level, np.uint8)
    for kind in ("means", "coded"):
        assert 50 < through_bytes(flat, kind, 100, MOST).gain < 128


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_secret_gives_the_same_bytes(secret, kind):
    for film in (False, True):
        assert encode(secret, kind, 70, MOST, film) == encode(secret.copy(), kind, 70, MOST, film)


def test_the_quality_falls_until_the_base_fits(secret):
    sizes = [len(encode(secret, "coded", 90, most)) for most in (10_000, 4_000, 2_000, 1_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size <= most for size, most in zip(sizes, (10_000, 4_000, 2_000, 1_000), strict=True))
    exactly = len(encode(secret, "coded", 90, MOST))
    assert len(encode(secret, "coded", 90, exactly)) == exactly
    assert len(encode(secret, "coded", 90, exactly - 1)) < exactly


@pytest.mark.parametrize("kind", ["means", "coded"])
def test_a_base_without_room(secret, kind):
    with pytest.raises(CapacityError, match=r"needs \d+ bytes of its cover, and there is room for 99") as raised:
        encode(secret, kind, 90, 99)
    assert "larger cover" in raised.value.hint


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8, 8), (64, 64), (128, 72)])
@pytest.mark.parametrize("cell", [1, 2, 8])
def test_the_least_room_suffices_for_the_worst_pictures(kind, size, cell):
    height, width = size
    cells = np.random.default_rng(cell).integers(0, 2, (height // cell, width // cell, 3), np.uint8) * 255
    worst = cells.repeat(cell, 0).repeat(cell, 1)
    room = least(kind, height, width)
    for film in (False, True):
        assert len(encode(worst, kind, 90, room, film)) <= room


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_room_grows_with_the_pixels(kind):
    pixels = 1024 * 2048
    assert least(kind, 1024, 2048) - least(kind, 0, 0) == pytest.approx(least_per_pixel(kind) * pixels, rel=1e-3)


def test_invalid_bases(secret):
    means, coded = encode(secret, "means", 80, MOST), encode(secret, "coded", 80, MOST)
    cases = [
        (b"-", "none"),
        (b"", "means"),
        (b"", "coded"),
        (means[:1], "means"),
        (means[:-1], "means"),
        (means + b"-", "means"),
        (bytes([128]) + means[1:], "means"),
        (coded, "means"),
        (means, "coded"),
        (coded[: len(coded) // 2], "coded"),
        (bytes([255]) + coded[1:], "coded"),
    ]
    for data, kind in cases:
        with pytest.raises(ValueError):
            decode(data, kind, 64, 96)
    for kind, data in (("means", means), ("coded", coded)):
        for size in ((64, 88), (72, 96)):
            with pytest.raises(ValueError):
                decode(data, kind, *size)
