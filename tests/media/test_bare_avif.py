"""AV1 data without AVIF's boxes: the rebuilt file is one that Pillow reads, with the same samples."""

import io

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
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
    """The thorough coder makes more of the same room."""
    original, found = picture(24, 29, 5), []
    for coder, step in ((QUICK, 1), (THOROUGH, 9)):
        data = coder.to_fit(original, 200)
        tried = [coder.encode(original, quality) for quality in range(0, coder.highest + 1, step)]
        best = [each for each in tried if len(each) <= 200][-1]
        assert len(best) <= len(data) <= 200
        assert step > 1 or data == best
        assert coder.to_fit(original, 20) is None
        found.append(psnr(original, decode_bare(data, 24, 29, coder.depth)))
    assert found[1] > found[0]


@each_coder
def test_what_is_no_picture(picture, coder):
    data = coder.encode(picture(61, 97, 5), 50)
    for damaged in (data[:30], b"", bytes(300)):
        with pytest.raises(ValueError, match="not an AVIF picture"):
            decode_bare(damaged, 61, 97, coder.depth)
    with pytest.raises(MediaError, match="70000×1 pixels can't be made AV1"):
        THOROUGH.encode(np.zeros((1, 70_000, 3), np.uint8), 30)
