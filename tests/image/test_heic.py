"""HEIC pictures, as phones take them. What made the files, pillow-heif, is in commit 32183b2d (make_heic.py)."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import MediaError
from stegnet.core.names import PICTURE
from stegnet.image import read_cover, read_picture
from stegnet.media.cover import probe

FOLDER = Path(__file__).parent / "heic"
QUARTERS = RED, GREEN, BLUE, YELLOW = (250, 40, 30), (30, 220, 60), (40, 60, 240), (240, 220, 40)


def quarters(picture: np.ndarray) -> np.ndarray:
    """The colour in the middle of each quarter, row by row."""
    height, width, _ = picture.shape
    return np.array([picture[y * height // 4, x * width // 4].astype(int) for y in (1, 3) for x in (1, 3)])


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        *((name, None) for name in ("plain", "ten_bits", "profile", "gain_map", "turned")),
        ("two", "of its 2 pictures, only the main one is used"),
        ("hdr", "its colours are HDR (PQ): reduced to 8 bits, not tone-mapped"),
    ],
)
def test_colours(name, warning):
    """Of the picture itself where a gain map lies beside it. A rotation is stored twice, by HEIF, which counts, and in
    EXIF. A warning says what is lost."""
    path = FOLDER / f"{name}.heic"
    shape, colours = ((64, 48, 3), (BLUE, RED, YELLOW, GREEN)) if name == "turned" else ((48, 64, 3), QUARTERS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shown, (cover, profile) = read_picture(path), read_cover(path)
    assert [str(one.message) for one in caught] == ([f"{path}: {warning}"] * 2 if warning else [])
    for picture in (shown, cover):
        assert picture.shape == shape
        assert np.abs(quarters(picture) - colours).max() <= 2
    assert probe(path) == (PICTURE, "a HEIC")
    assert bool(profile) == (name == "profile") or warning


def test_transparency_becomes_white():
    top, _, bottom, _ = quarters(read_picture(FOLDER / "transparent.heic"))
    assert (top > np.array(RED)).all()
    assert (np.abs(top - 255) < np.abs(bottom - 255)).any()


def refused(path, *ways):
    for read in ways:
        with pytest.raises(MediaError, match=r"a\.heic: the (HEIC )?picture is damaged"):
            read(path)


def test_what_no_heic_decoder_reads_is_refused(tmp_path, picture):
    """FFmpeg would read AVIF under another brand as a film of one frame."""
    path, whole = tmp_path / "a.heic", (FOLDER / "plain.heic").read_bytes()
    for left in (20, 60, 300, 600):
        path.write_bytes(whole[:left])
        refused(path, read_picture)
    path.write_bytes(whole[:-10])  # what its decoder says in two lines is one
    with pytest.raises(MediaError, match=r"is damaged or truncated \(Invalid input: .* file position \d+\)\)$"):
        read_picture(path)
    Image.fromarray(picture(32, 32)).save(tmp_path / "a.avif")
    for brand in (b"heic", b"mif1"):
        path.write_bytes((tmp_path / "a.avif").read_bytes().replace(b"avif", brand))
        refused(path, read_picture, read_cover)


def test_an_avif_of_a_brand_of_heif_is_read(tmp_path, picture):
    shutil.copy(FOLDER / "plain.heic", tmp_path)
    read_picture(tmp_path / "plain.heic")  # its decoder would take the other file, too
    Image.fromarray(picture(32, 32)).save(tmp_path / "a.avif", quality=100)
    data = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.avif").write_bytes(data[:8] + b"mif1" + data[12:])
    assert np.abs(read_picture(tmp_path / "a.avif").astype(int) - picture(32, 32)).mean() < 3
