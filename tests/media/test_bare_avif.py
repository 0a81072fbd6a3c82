"""AV1 data without AVIF's boxes: the rebuilt file is one that Pillow reads, with the same samples."""

import io

import numpy as np
import pytest
from PIL import Image

from stegnet.core.measures import psnr
from stegnet.media.pictures.avif import encode_avif
from stegnet.media.pictures.bare_avif import as_file, decode_bare, encode_bare, encode_bare_to_fit


@pytest.mark.parametrize(("height", "width"), [(61, 97), (1, 1), (64, 3)])
def test_the_rebuilt_file_shows_the_same(picture, height, width):
    original = picture(height, width, 5)
    data, file = encode_bare(original, 70, 8), encode_avif(original, 70, 8)
    assert data in file
    with Image.open(io.BytesIO(as_file(data, height, width))) as rebuilt, Image.open(io.BytesIO(file)) as written:
        assert (rebuilt.format, rebuilt.size, rebuilt.mode) == ("AVIF", (width, height), "RGB")
        assert np.array_equal(np.array(rebuilt), np.array(written))
        assert np.array_equal(np.array(rebuilt), decode_bare(data, height, width))
    assert psnr(original, decode_bare(data, height, width)) > 30


def test_the_best_quality_that_fits(picture):
    original = picture(61, 97, 5)
    data = encode_bare_to_fit(original, 600, 8)
    assert 450 < len(data) <= 600
    assert encode_bare_to_fit(original, 20, 8) is None


def test_damaged_data(picture):
    data = encode_bare(picture(61, 97, 5), 70, 8)
    for damaged in (data[:30], b"", bytes(300)):
        with pytest.raises(ValueError, match="not an AVIF picture"):
            decode_bare(damaged, 61, 97)
