"""The stage jpeg_steganalysis on small pictures, and the ways to hide that it compares."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet import DataError
from stegnet.config.config import Config
from study import jpeg_steganalysis
from study.jpeg_hiders import HIDERS, JPEG, JUNIWARD, NOTHING, NSF5, OWN, STEGHIDE, WHILE_SAVING, Case, available
from study.jpeg_steganalysis import covers, main, summed
from study.scores import Scores


@pytest.mark.parametrize("method", [method for method in HIDERS if method != NOTHING])
def test_a_method_changes_some_coefficients_of_its_cover(method, cat):
    if not available(method):
        pytest.skip(f"{method} is not installed")
    cover, container = (HIDERS[each](cat, 75, 0.2, 3) for each in (NOTHING, method))
    np.testing.assert_array_equal(cover.table, container.table)
    changes = container.coefficients.astype(int) - cover.coefficients
    assert 0.02 < np.count_nonzero(changes) / cover.nonzero < 0.15
    if method in OWN:
        assert np.abs(changes).max() == 1 and not changes[..., 0, 0].any()


def test_the_method_jpeg_saves_what_was_of_quality_100(cat):
    cover, container = (HIDERS[each](cat, 100, 0.2, 3) for each in (NOTHING, JPEG))
    assert (cover.table == container.table).all() and cover.table.max() > 1


@pytest.mark.slow
def test_each_case_is_tested(config: Config, tmp_path: Path, cat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jpeg_steganalysis, "SIDE", 64)
    monkeypatch.setattr(jpeg_steganalysis, "LEAST", 96)
    cases = [Case(75, JPEG, 0.4, "DCTR"), Case(75, NSF5, 0.4, "JRM"), Case(95, WHILE_SAVING, 0.4, "GFR")]
    monkeypatch.setattr(jpeg_steganalysis, "CASES", (*cases, Case(75, STEGHIDE, 0.1, "DCTR")))
    monkeypatch.setattr(jpeg_steganalysis, "MEGAPIXEL", 3)
    monkeypatch.setattr(jpeg_steganalysis, "AT_ONCE", cases[:1])
    monkeypatch.setattr(jpeg_steganalysis, "available", lambda method: method != STEGHIDE)
    for number in range(10):
        Image.fromarray(np.roll(cat, 20 * number, 1)[:100, :120]).save(tmp_path / f"{number}.png")
    main(config, tmp_path, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "jpeg_steganalysis.csv")
    assert list(table["method"]) == [JPEG, NSF5, WHILE_SAVING, JPEG, JUNIWARD, JPEG]
    assert set(table["pairs"]) == {8} and list(table["tested"]) == [10, 10, 10, 3, 10, 10]
    assert (table.loc[table["method"].isin(OWN), "bits"] >= table.loc[table["method"].isin(OWN), "rate"]).all()
    assert set(json.loads((tmp_path / "out" / "metrics.json").read_text())) == {
        "jpeg_steganalysis_75_0.4",
        "jpeg_steganalysis_made_95_0.4",
    }


def test_pictures_are_judged_together_by_the_sum_of_votes() -> None:
    scores = Scores(np.array([-1.0, 0.5, 1.0, 1.0, 9.0]), np.array([2.0, -1.0, -1.0, 0.5, 9.0]))
    together = summed(scores, 2)
    assert together.covers.tolist() == [-0.25, 1] and together.containers.tolist() == [0.5, -0.25]


def test_photographs_that_are_small_or_grey_are_left_out(tmp_path: Path, picture):
    Image.fromarray(picture(300, 400)).save(tmp_path / "small.png")
    Image.fromarray(picture(330, 400)[..., 0]).save(tmp_path / "grey.png")
    for number in range(10):
        with pytest.raises(DataError, match=f"{number} photographs"):
            covers(tmp_path)
        Image.fromarray(picture(330 + number, 400)).save(tmp_path / f"{number}.png")
    assert [cover.shape for cover in covers(tmp_path)] == [(256, 256, 3)] * 10
