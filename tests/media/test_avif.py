import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.media.pictures.avif import FAST, FASTEST, LEAST_FILE, LEAST_PER_PIXEL, decode_avif, encode_avif, fit_avif
from tests.support.quality import psnr


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [127 + 100 * np.sin(x / (5 + 2 * each) + y / (9 - each)) for each in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("speed", [FAST, FASTEST])
def test_a_picture_comes_back_nearly_as_it_was(speed):
    """The same samples by Pillow, and the same bytes of the same picture."""
    picture = smooth(64, 96)
    coded = {quality: encode_avif(picture, quality, speed) for quality in (40, 70, 95)}
    found = [psnr(decode_avif(data, 64, 96), picture) for data in coded.values()]
    assert found == sorted(found) and found[0] > 25 and found[2] > 42
    assert encode_avif(picture.copy(), 70, speed) == coded[70]
    with Image.open(io.BytesIO(coded[70])) as opened:
        assert (opened.format, opened.size, opened.mode) == ("AVIF", (96, 64), "RGB")
        np.testing.assert_array_equal(decode_avif(coded[70], 64, 96), np.asarray(opened))


def test_the_quality_is_lowered_until_it_fits(picture):
    """What never fits comes at the lowest quality."""
    noisy = picture(64, 64)
    sizes = {quality: len(encode_avif(noisy, quality)) for quality in (90, 85, 80, 75)}
    for room, quality in ((sizes[90], 90), (sizes[90] - 1, 85), (sizes[80], 80), (sizes[80] - 1, 75)):
        assert len(fit_avif(noisy, 90, room)) == sizes[quality]
    assert fit_avif(noisy, 90, 10) == fit_avif(noisy, 0, 10) == encode_avif(noisy, 0)


@pytest.mark.parametrize("speed", [FAST, FASTEST])
def test_the_least_bytes_suffice_for_the_worst_pictures(speed):
    for (height, width), cell in product([(8, 8), (16, 64), (64, 64), (128, 256)], (1, 2, 4)):
        cells = np.random.default_rng(cell).integers(0, 2, (height // cell, width // cell, 3), np.uint8) * 255
        worst = cells.repeat(cell, 0).repeat(cell, 1)
        assert len(encode_avif(worst, 0, speed)) <= LEAST_FILE + LEAST_PER_PIXEL * height * width


def test_another_size_is_not_decoded(monkeypatch):
    coded = encode_avif(smooth(40, 24), 80)
    monkeypatch.setattr("PIL.AvifImagePlugin.AvifImageFile.load", lambda self: pytest.fail("decoded"))
    for size in ((24, 40), (40, 32), (8, 8)):
        with pytest.raises(ValueError, match="another size"):
            decode_avif(coded, *size)


def test_transparency_and_other_formats_are_refused():
    for mode, form in (("RGBA", "AVIF"), ("RGB", "PNG"), ("RGB", "JPEG")):
        file = io.BytesIO()
        Image.new(mode, (16, 16)).save(file, form)
        with pytest.raises(ValueError):
            decode_avif(file.getvalue(), 16, 16)


def test_damaged_files_are_value_errors_or_pictures():
    coded = encode_avif(smooth(40, 24), 80)
    for cut in range(0, len(coded) // 2, 7):
        with pytest.raises(ValueError):
            decode_avif(coded[:cut], 40, 24)
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(coded)
        damaged[random.integers(len(coded))] ^= 1 << random.integers(8)
        try:
            assert decode_avif(bytes(damaged), 40, 24).shape == (40, 24, 3)
        except ValueError:
            continue


def test_a_picture_too_large_for_avif():
    with pytest.raises(MediaError, match="65544×8 pixels can't be made AVIF"):
        encode_avif(np.zeros((8, 65544, 3), np.uint8), 50)
