"""AV1 data without AVIF's boxes: the rebuilt file is one that Pillow reads, with the same samples."""

import io

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.media.pictures.avif import encode_avif
from stegnet.media.pictures.bare_avif import BareCoder, as_file, decode_bare
from tests.support.quality import psnr

CODERS = BareCoder.quick(8), BareCoder.thorough(6)


@pytest.mark.parametrize(("height", "width"), [(61, 97), (1, 1), (64, 3)])
def test_the_rebuilt_file_shows_the_same(picture, height, width):
    original = picture(height, width, 5)
    data, file = BareCoder.quick(8).encode(original, 70), encode_avif(original, 70, 8)
    assert data in file
    with Image.open(io.BytesIO(as_file(data, height, width, 8))) as rebuilt, Image.open(io.BytesIO(file)) as written:
        assert (rebuilt.format, rebuilt.size, rebuilt.mode) == ("AVIF", (width, height), "RGB")
        assert np.array_equal(np.array(rebuilt), np.array(written))
        assert np.array_equal(np.array(rebuilt), decode_bare(data, height, width, 8))
    assert psnr(original, decode_bare(data, height, width, 8)) > 30


@pytest.mark.parametrize(("height", "width"), [(61, 97), (1, 1), (64, 3)])
def test_ten_bits(picture, height, width):
    original, coder = picture(height, width, 5), BareCoder.thorough(2)
    data = coder.encode(original, 50)
    assert psnr(original, decode_bare(data, height, width, 10)) > 30
    assert b"\x81\x3f\x40" in as_file(data, height, width, coder.depth)  # version 1, high profile, high bit depth


@pytest.mark.parametrize("coder", CODERS)
def test_the_best_quality_that_fits(picture, coder):
    original = picture(61, 97, 5)
    data = coder.to_fit(original, 600)
    assert 450 < len(data) <= 600
    fits = [quality for quality in range(coder.highest + 1) if len(coder.encode(original, quality)) <= 600]
    assert data == coder.encode(original, max(fits))
    assert coder.to_fit(original, 20) is None


def test_the_thorough_coder_is_the_better_one(picture):
    original = picture(128, 96, 5)
    quick, thorough = (
        psnr(original, decode_bare(coder.to_fit(original, 900), 128, 96, coder.depth)) for coder in CODERS
    )
    assert thorough > quick


def test_a_picture_that_is_too_large():
    with pytest.raises(MediaError, match="70000×1 pixels can't be made AV1"):
        BareCoder.thorough(6).encode(np.zeros((1, 70_000, 3), np.uint8), 30)


@pytest.mark.parametrize("coder", CODERS)
def test_damaged_data(picture, coder):
    data = coder.encode(picture(61, 97, 5), 50)
    for damaged in (data[:30], b"", bytes(300)):
        with pytest.raises(ValueError, match="not an AVIF picture"):
            decode_bare(damaged, 61, 97, coder.depth)
