"""Room in a JPEG, and the part of it that is hard to find."""

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, Session
from stegnet.methods.jpeg.amounts import secure_payload
from stegnet.methods.jpeg.making import jpeg_cover


def test_what_is_hard_to_find_follows_the_square_root_law(tmp_path, picture):
    """Four times the picture, and the same bits for twice as many; finer tables and known rounding errors bear more."""
    tile, path = picture(256, 256), tmp_path / "a.jpg"

    def bits(sides: int, quality: int, made: bool = False) -> float:
        own = tmp_path / "a.png" if made else path
        Image.fromarray(np.tile(tile, (sides, sides, 1))).save(own, quality=quality)
        return 8 * secure_payload(jpeg_cover(own, quality)).hard + 8 * 200  # what every record takes is counted

    assert bits(8, 75) == pytest.approx(2 * bits(4, 75), rel=0.01)
    assert bits(8, 75) < bits(8, 85) < bits(8, 95) and bits(8, 85) < bits(8, 85, made=True)


def test_at_most_safe(tmp_path, picture, key):
    """The limit that `info` gives is kept: a byte more is refused, and a picture is made to fit."""
    Image.fromarray(np.tile(picture(256, 256), (4, 4, 1))).save(tmp_path / "c.jpg", quality=90)
    session, out = Session(), tmp_path / "o.jpg"
    safe = next(fit.safe for fit in session.room(tmp_path / "c.jpg") if fit.method == "jpeg")
    assert 100 < safe < 10_000
    for size in (safe, safe + 1):
        if size > safe:
            with pytest.raises(CapacityError, match=f"has {size} bytes, and {safe} are hard to find"):
                session.hide(tmp_path / "c.jpg", bytes(size), to=out, key=key, overwrite=True, at_most_safe=True)
        else:
            report = session.hide(tmp_path / "c.jpg", bytes(size), to=out, key=key, at_most_safe=True)
            assert report.hiding.detection == "hard"
    Image.fromarray(picture(48, 48, 3)).save(tmp_path / "p.png")
    report = session.hide(tmp_path / "c.jpg", tmp_path / "p.png", to=out, key=key, overwrite=True, at_most_safe=True)
    assert report.hiding.hidden_bytes <= safe


def test_nothing_is_hard_to_find_in_what_was_saved_before(tmp_path, picture, key):
    """A coarser table leaves gaps, a decoder its colours; a resized cover has neither."""
    session, out = Session(), tmp_path / "o.jpg"
    large = Image.fromarray(np.tile(picture(256, 256), (3, 3, 1)))
    large.save(tmp_path / "once.jpg", quality=75)
    decoded = Image.open(tmp_path / "once.jpg")
    decoded.save(tmp_path / "twice.jpg", quality=92)
    decoded.save(tmp_path / "copy.png")
    for name, said in (("twice.jpg", "saved before with coarser tables"), ("copy.png", "a copy of one")):
        with pytest.warns(UserWarning, match=said):
            report = session.hide(tmp_path / name, b"text", to=out, key=key, overwrite=True)
        assert report.hiding.detection == "easy"
        with pytest.raises(CapacityError, match="0 are hard to find"):
            session.hide(tmp_path / name, b"text", to=out, key=key, overwrite=True, at_most_safe=True)
    for name, how in (("once.jpg", {}), ("twice.jpg", {"resize": 700}), ("copy.png", {"resize": 700})):
        report = session.hide(tmp_path / name, b"text", to=out, key=key, overwrite=True, at_most_safe=True, **how)
        assert (report.warnings, report.hiding.detection) == ((), "hard")
