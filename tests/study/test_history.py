import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet.core.measures import PEAK
from stegnet.media.history import strange_pixels
from study import history
from study.history import main, moved_blocks

FILM = Path(__file__).parents[2] / "assets" / "cover.mp4"


def saved(picture: np.ndarray, form: str, **options: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return np.array(Image.open(file).convert("RGB"))


@pytest.mark.parametrize(
    ("decoder", "form", "options"),
    [
        ("jpeg", "JPEG", {"quality": 85, "subsampling": 0}),
        ("jpeg", "JPEG", {"quality": 60, "subsampling": 2}),
        ("webp", "WEBP", {"quality": 80}),
    ],
)
def test_a_decoder_gives_no_strange_colour_and_a_step_does(cat, decoder, form, options):
    cover = saved(cat, form, **options)
    assert strange_pixels(cover, decoder) == 0
    assert strange_pixels(stepped(cover, 200), decoder) > 20


def test_a_jpeg_saved_again_hardly_changes_and_steps_do(cat):
    cover = saved(cat, "JPEG", quality=85, subsampling=0)
    assert moved_blocks(cover, 85) == 0
    assert moved_blocks(stepped(cover, 40), 85) > 0


def stepped(picture: np.ndarray, count: int) -> np.ndarray:
    """A copy in which single samples, spread over the picture, changed by one level."""
    samples = picture.copy().reshape(-1)
    places = np.linspace(0, samples.size - 1, count).astype(int)
    samples[places] += np.where(samples[places] < PEAK, 1, -1).astype(np.int8).view(np.uint8)
    return samples.reshape(picture.shape)


@pytest.mark.slow
def test_the_table(tmp_path, cat, monkeypatch):
    monkeypatch.setattr(history, "SIDE", 96)
    monkeypatch.setattr(history, "FRAMES", 2)
    for number in range(3):
        Image.fromarray(np.rot90(cat, number)).save(tmp_path / f"{number}.jpg", quality=95)
    main(tmp_path, FILM, tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv").set_index(["method", "cover", "content", "attack"]).sort_index()
    assert len(table) == 16 + 2 * 12
    own = table.loc["jpeg"].drop("saved again", level="attack")
    assert (own["auc"] == 0.5).all()
    assert (own[["highest_cover", "lowest_container"]] == 0).all(axis=None)
    again = table.xs("saved again", level="attack")
    assert (again["lowest_container"] - again["highest_cover"] < 0.1).all(), "most blocks stay"
    table = table.loc["sealed"]
    assert table.loc[("JPEG, 4:2:0", "a tenth full", "colours"), "auc"] == 1
    assert table.loc[("JPEG, then reduced to half", "20 bytes", "grid"), "highest_cover"] < 0.5
