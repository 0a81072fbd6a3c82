"""Content of robust records: pictures made to fit, files, and what a reader rejects."""

import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import CapacityError
from stegnet.core.measures import psnr
from stegnet.methods.robust.content import (
    RobustFile,
    file_bytes,
    file_content,
    fit_picture,
    parse_content,
    within_ratio,
)


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


def test_files():
    assert file_bytes("ä.txt", 256) == len(file_content("ä.txt", bytes(range(256))))
    content = file_content("ä.txt", bytes(range(256)))
    assert parse_content(content, 0) == parse_content(content + bytes(9), 0) == RobustFile("ä.txt", bytes(range(256)))


DAMAGED = {
    "empty": b"",
    "longer than there is": b"\2\0\0\5\1a",
    "rest": b"\2\0\0\2\1a\0\1",
    "kind": b"\3\0\0\0",
    "no name": b"\2\0\0\1\0",
    "folder": b"\2\0\0\4\3a/b",
    "name cut off": b"\2\0\0\2\3a",
    "no picture": b"\1\0\0\0",
    "no size": b"\1\0\0\6\0\0\0\5\0x",
    "no AV1": b"\1\0\0\x08\0\5\0\5\0abc",
}


def test_damaged_content():
    for what, content in DAMAGED.items():
        with pytest.raises(ValueError):
            parse_content(content, 1000)
            pytest.fail(what)


def test_a_picture_far_larger_than_its_container(picture):
    """Both are bounded: what a reader builds, and what a writer promises, also of a copy that lost its edges."""
    content = fit_picture(picture(64, 32), 300, lambda done, total: None).content
    assert parse_content(content, 2).shape == (64, 32, 3)
    for area in (1, 0):
        with pytest.raises(ValueError, match="far too large"):
            parse_content(content, area)
    assert within_ratio(picture(64, 32), 4).shape == (64, 32, 3)
    assert within_ratio(picture(64, 32), 1).shape == (32, 16, 3)
