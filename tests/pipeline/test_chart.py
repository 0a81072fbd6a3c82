"""Charts: the same drawing gives the same bytes, and a failure leaves no file."""

from pathlib import Path

import pytest
from PIL import Image

from pipeline.chart import chart


def _draw(path: Path) -> None:
    with chart(path, "quality", "PSNR in dB", size=(4, 3)) as axes:
        axes.plot([1, 2, 3], [30, 35, 37], label="secret")


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    _draw(tmp_path / "a.png")
    _draw(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (480, 360)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), chart(tmp_path / "a.png", "x", "y"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
