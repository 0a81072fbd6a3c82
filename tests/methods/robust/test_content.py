"""Pictures made to fit into robust records; the vectors in tests/format have files, and what a reader rejects."""

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError
from stegnet.methods.robust.content import (
    file_bytes,
    file_content,
    fit_picture,
    parse_content,
    within_ratio,
)
from tests.support.quality import psnr


def test_a_picture_that_is_made_to_fit(picture):
    """More room is better."""
    secret, values = picture(96, 120, 5), []
    smaller = np.array(Image.fromarray(secret).resize((8, 6), Image.Resampling.BOX).resize((120, 96)))
    for room in (80, 300, 3000):
        fitted = fit_picture(secret, room, lambda done, total: None)
        assert len(fitted.content) <= room
        revealed = parse_content(fitted.content + bytes(7), 1000)
        assert revealed.shape == secret.shape
        assert psnr(secret, revealed) == pytest.approx(fitted.psnr)
        assert fitted.psnr > psnr(secret, smaller)
        values.append(fitted.psnr)
    assert values == sorted(values)
    assert values[-1] > values[0] + 6


def test_what_does_not_fit(picture):
    with pytest.raises(CapacityError, match="does not fit into 30 bytes"):
        fit_picture(picture(96, 120, 5), 30, lambda done, total: None)
    with pytest.raises(CapacityError, match="70000×1 pixels"):
        fit_picture(np.zeros((1, 70_000, 3), np.uint8), 10_000, lambda done, total: None)
    with pytest.raises(CapacityError, match="has 16777218 bytes"):
        file_content("a", bytes(1 << 24))
    assert file_bytes("ä.txt", 256) == len(file_content("ä.txt", bytes(256)))


def test_a_picture_far_larger_than_its_container(picture):
    """Both are bounded: what a reader builds, and what a writer promises, also of a copy that lost its edges."""
    content = fit_picture(picture(64, 32), 300, lambda done, total: None).content
    assert parse_content(content, 2).shape == (64, 32, 3)
    for area in (1, 0):
        with pytest.raises(ValueError, match="far too large"):
            parse_content(content, area)
    assert within_ratio(picture(64, 32), 4).shape == (64, 32, 3)
    assert within_ratio(picture(64, 32), 1).shape == (32, 16, 3)
