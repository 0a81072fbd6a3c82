"""The stage from end to end, with networks that are not trained."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline import survive
from stegnet.core.config import load
from stegnet.core.errors import WeightsError
from stegnet.data.shards import TEST
from study.survival import measure as survival
from study.survival.distortion import NONE, OF_FILMS, OF_PICTURES
from tests.support.pairs import save_untrained
from tests.support.shards import write_shards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHOSEN = {"jpeg": (100, 90), "noise": (2,), "h264": (18, 28)}


def few(distortions):
    """Those that the headline needs, and one with several strengths for a chart."""
    kept = [one for one in distortions if one.kind in CHOSEN]
    return (NONE, *(replace(one, strengths=CHOSEN[one.kind]) for one in kept))


@pytest.fixture
def rivals(tmp_path) -> Path:
    """Pairs that are not trained: DEFAULT with its detail layer on, the others without."""
    folder = tmp_path / "rivals"
    folder.mkdir()
    for seed, name in enumerate((survive.DEFAULT, *survive.RIVALS)):
        training = {"train": {"scrambled": float("plain" in name)}}
        save_untrained(folder / f"{name}.safetensors", training, detail=name == survive.DEFAULT, seed=seed)
    return folder


@pytest.fixture
def run(tmp_path, rivals, make_film, monkeypatch):
    """Runs the stage into a folder of this name."""
    monkeypatch.setattr(survive, "PAIRS", 3)
    monkeypatch.setattr(survival, "SIDE", 64)
    monkeypatch.setattr(survive, "OF_PICTURES", few(OF_PICTURES))
    monkeypatch.setattr(survive, "OF_FILMS", few(OF_FILMS))
    write_shards(tmp_path / "shards", [(TEST, "photographs")] * 4)
    films = [make_film(tmp_path / f"{seed}.mkv", 2, 64, 96, seed=seed) for seed in (0, 9)]

    def stage(name: str) -> Path:
        weights, out = rivals / f"{survive.DEFAULT}.safetensors", tmp_path / name
        survive.main(load(ROOT / "params.yaml"), tmp_path / "shards", weights, rivals, *films, out)
        return out

    return stage


def test_figures_table_and_charts_the_same_each_time(run, capsys):
    first, second = run("first"), run("second")
    names = {"metrics.json", "survive.csv", "survive.md", "pictures_jpeg.png", "film_h264.png"}
    assert {path.name for path in first.iterdir()} == names
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    table = pd.read_csv(first / "survive.csv")
    assert len(table) == 4 * 7 + 1 + 3 * 7 + 1
    assert set(table["method"]) == {"default", *survive.RIVALS, "4-bit swap", "sealed", "means alone"}
    assert table.groupby("material")["pairs"].unique().to_dict() == {"film": [2], "pictures": [3]}
    assert table[table["method"] == "sealed"].groupby("kind")["opened"].max().to_dict() == {
        "none": 1, "jpeg": 0, "noise": 0, "h264": 0,
    }  # fmt: skip
    figures = json.loads((first / "metrics.json").read_text())
    assert len(figures) == 4 * 3 + 1
    jpeg = table[(table["kind"] == "jpeg") & (table["strength"] == 90) & (table["method"] == "plain")]
    assert figures["survive_jpeg_90_plain_secret_psnr"] == jpeg["secret_psnr"].item()
    assert "secret after JPEG 90 and H.264 CRF 18: default" in capsys.readouterr().out


def test_each_figure_comes_from_its_own_row():
    """No two rows have a figure in common, so that one from another row would show."""
    methods = (survive.DEFAULT, "plain", "plain_noise", "plain_other", "sealed")
    materials = {"pictures": OF_PICTURES, "film": OF_FILMS}
    places = [
        (material, kind, float(strength), method)
        for material, distortions in materials.items()
        for kind, strength in [(one.kind, strength) for one in distortions for strength in one.strengths]
        for method in methods
    ]
    places.append(("pictures", "none", 0.0, survive.MEANS))
    values = {place: 10 + number / 4 for number, place in enumerate(places)}
    rows = [
        dict(zip(survival.PLACE, place, strict=True)) | {"container_psnr": -value, "secret_psnr": value}
        for place, value in values.items()
    ]
    table = pd.DataFrame(rows)
    wanted = {"none": ("pictures", "none", 0.0), "jpeg_90": ("pictures", "jpeg", 90.0)}
    wanted |= {"noise_2": ("pictures", "noise", 2.0), "h264_18": ("film", "h264", 18.0)}
    expected = {
        f"survive_{name}_{method}_secret_psnr": round(values[(*place, method)], 4)
        for name, place in wanted.items()
        for method in methods[:3]
    }
    expected["survive_means_alone_secret_psnr"] = round(values["pictures", "none", 0.0, survive.MEANS], 4)
    assert survive._headline(table) == expected
    jpeg, h264 = ([values[(*wanted[name], method)] for method in methods[:2]] for name in ("jpeg_90", "h264_18"))
    told = [f"{method} {jpeg[at]:.1f} and {h264[at]:.1f} dB" for at, method in enumerate(methods[:2])]
    assert survive._told(table) == [", ".join(told)]


def test_a_rival_that_is_missing_stops_it(run, rivals):
    (rivals / "plain_noise.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"plain_noise\.safetensors"):
        run("out")
