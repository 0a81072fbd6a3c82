"""A BMP, TIFF or lossless WebP becomes a PNG; a container that was saved as one opens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from stegnet import Key, hide, hide_album, reveal

KEY = Key(bytes(range(32)))
COLOURS = astronaut()[100:228, 200:360]
LAYERS = np.dstack([COLOURS, np.asarray(Image.linear_gradient("L").resize((160, 128)))])
SAVE: dict[str, dict[str, Any]] = {
    ".bmp": {},
    ".tif": {},
    ".webp": {"lossless": True, "exact": True},
}


def saved(path: Path, samples: np.ndarray) -> Path:
    Image.fromarray(samples).save(path, **SAVE[path.suffix])
    return path


@pytest.mark.parametrize(
    ("suffix", "samples"),
    [(".bmp", COLOURS), (".tif", COLOURS), (".tif", LAYERS), (".webp", COLOURS), (".webp", LAYERS)],
)
def test_a_container_that_was_saved_as_one_opens(tmp_path, suffix, samples):
    cover = saved(tmp_path / f"cover{suffix}", samples)
    with Image.open(hide(cover, b"hi" * 9, tmp_path / "sent.png", key=KEY).path) as image:
        assert image.has_transparency_data == (samples is LAYERS)
        sent = saved(tmp_path / f"sent{suffix}", np.asarray(image))
    assert reveal(sent, key=KEY).text == "hi" * 9


def test_an_album_of_them_becomes_pngs(tmp_path):
    (covers := tmp_path / "covers").mkdir()
    for suffix in (".bmp", ".tif", ".webp"):
        saved(covers / f"cover{suffix}", COLOURS)
    reports = hide_album(covers, b"x" * 3000, tmp_path / "sent", key=KEY)
    assert {report.path.suffix for report in reports} == {".png"}
