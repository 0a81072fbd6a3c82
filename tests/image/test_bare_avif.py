"""AV1 data without AVIF's boxes: the rebuilt file is one that Pillow reads, with the same samples."""

import io

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.formats import ffmpeg_cli
from stegnet.image.avif import BareCoder, as_file, decode_bare
from tests.support.quality import psnr

QUICK, THOROUGH = BareCoder.quick(8), BareCoder.thorough(6)
each_coder = pytest.mark.parametrize("coder", [QUICK, THOROUGH], ids=["quick", "thorough"])


@pytest.mark.parametrize(("height", "width"), [(61, 97), (1, 1), (64, 3)])
def test_the_rebuilt_file_shows_the_same(picture, height, width):
    """Of 8 bits; those of 10 are of another profile."""
    original = picture(height, width, 5)
    data = QUICK.encode(original, 70)
    decoded = decode_bare(data, height, width, QUICK.depth)
    with Image.open(io.BytesIO(as_file(data, height, width, QUICK.depth))) as rebuilt:
        assert (rebuilt.format, rebuilt.size, rebuilt.mode) == ("AVIF", (width, height), "RGB")
        assert np.array_equal(np.array(rebuilt), decoded)
    assert psnr(original, decoded) > 30
    data = THOROUGH.encode(original, 50)
    assert psnr(original, decode_bare(data, height, width, 10)) > 30
    assert b"\x81\x3f\x40" in as_file(data, height, width, THOROUGH.depth)  # version 1, high profile, high bit depth


def test_the_best_quality_that_fits(picture):
    """Whatever is tried first. The thorough coder makes more of the same room, which it fills."""
    original, found = picture(24, 29, 5), []
    tried = [QUICK.encode(original, quality) for quality in range(QUICK.highest + 1)]
    best = max(quality for quality, each in enumerate(tried) if len(each) <= 200)
    for first in (None, 0, best, best + 1, 1000):
        assert QUICK.to_fit(original, 200, first) == (best, tried[best])
    for coder in (QUICK, THOROUGH):
        setting, data = coder.to_fit(original, 200)
        assert coder.to_fit(original, 200, setting) == (setting, data)
        assert 180 < len(data) <= 200
        assert coder.to_fit(original, 20) is None
        found.append(psnr(original, decode_bare(data, 24, 29, coder.depth)))
    assert found[1] > found[0]


@pytest.mark.parametrize("first", [None, 5, 3000])
@pytest.mark.parametrize("most", [900, 20_000, 80_000])
def test_ten_bits_fill_what_there_is(picture, most, first):
    """By quantisers that are finer than the qualities are; of what is more than enough, the most is used."""
    original = picture(96, 128, 5)
    _, data = THOROUGH.to_fit(original, most, first)
    whole = len(THOROUGH.encode(original, THOROUGH.highest))
    assert 0.9 * min(most, whole) < len(data) <= most


def test_a_smooth_picture_takes_fewer_bytes_than_there_are():
    """The search ends at the best quality."""
    gradient = np.broadcast_to((np.arange(800) * 255 // 800).astype(np.uint8)[:, None], (600, 800, 3))
    _, data = THOROUGH.to_fit(gradient, 4000)
    assert len(data) < 4000
    assert psnr(gradient, decode_bare(data, 600, 800, 10)) > 50


def test_few_pictures_are_coded_in_ten_bits(monkeypatch, picture):
    """Of which two tell how the bytes rise with those asked for."""
    coded = []

    def counted(*arguments, own=ffmpeg_cli.run_ffmpeg, **options):
        coded.append(own(*arguments, **options))
        return coded[-1]

    monkeypatch.setattr(ffmpeg_cli, "run_ffmpeg", counted)
    assert THOROUGH.to_fit(picture(240, 320), 3000) is not None
    assert len(coded) <= 4


@each_coder
def test_what_is_no_picture(picture, coder):
    data = coder.encode(picture(61, 97, 5), 50)
    for damaged in (data[:30], b"", bytes(300)):
        with pytest.raises(ValueError, match="not an AVIF picture"):
            decode_bare(damaged, 61, 97, coder.depth)
    with pytest.raises(MediaError, match="70000×1 pixels can't be made AV1"):
        THOROUGH.encode(np.zeros((1, 70_000, 3), np.uint8), 30)
