"""The channel study: figures of known distortions, its report, and the stage with untrained networks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stegnet.config.config import load
from stegnet.core import samples
from stegnet.data.shards import TEST
from study import pairs as study_pairs
from study import survive
from study.distortions import FILM_DISTORTIONS, NONE, PICTURE_DISTORTIONS, Distortion, crop
from study.methods import Embedding, Recovered
from study.survive import Material, figure, measure
from tests.support.pairs import save_untrained
from tests.support.shards import write_shards

SIZE = 64
CROP = Distortion(
    "crop", "cut off", "share", (0.125, 0.25), 0, lambda many, share, _: [crop(one, share) for one in many]
)


@pytest.fixture
def pairs(picture):
    return [(picture(SIZE, SIZE, seed), picture(SIZE, SIZE, seed + 1)) for seed in range(3)]


def as_it_is(cover, secret, seed):
    """Sends the secret itself."""
    return Embedding(secret, Recovered)


def test_the_received_picture_is_measured(pairs):
    table = measure(Material("pictures", pairs, (CROP,)), {"it": as_it_is}, 0, 2, lambda steps: steps)
    for share in CROP.strengths:
        row, cut = figure(table, "pictures", "crop", share, "it"), [crop(secret, share) for _, secret in pairs]
        whole = [secret for _, secret in pairs]
        psnr = [peak_signal_noise_ratio(*each) for each in zip(whole, cut, strict=True)]
        options = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = [structural_similarity(*each, data_range=255, **options) for each in zip(whole, cut, strict=True)]
        assert row["secret_psnr"] == pytest.approx(np.mean(psnr))
        assert row["secret_ssim"] == pytest.approx(np.mean(ssim))


ROOT = Path(__file__).parents[2]
CHOSEN = {"jpeg": (100, 90), "noise": (2,), "h264": (18, 28)}


def few(distortions):
    """Those that the headline needs, and one with several strengths for a chart."""
    kept = [one for one in distortions if one.kind in CHOSEN]
    return (NONE, *(replace(one, strengths=CHOSEN[one.kind]) for one in kept))


@pytest.fixture
def rivals(tmp_path) -> Path:
    """Pairs that are not trained: DEFAULT with block means as its base, the others without a base."""
    folder = tmp_path / "rivals"
    folder.mkdir()
    for seed, name in enumerate((survive.DEFAULT, *survive.RIVALS)):
        training = {"train": {"scrambled": float("plain" in name)}}
        base = samples.MEANS if name == survive.DEFAULT else samples.NONE
        save_untrained(folder / f"{name}.safetensors", training, base=base, seed=seed)
    return folder


@pytest.mark.slow
def test_figures_table_and_charts(tmp_path, rivals, make_film, monkeypatch, capsys):
    monkeypatch.setattr(survive, "PAIRS", 3)
    monkeypatch.setattr(study_pairs, "SIDE", 64)
    monkeypatch.setattr(survive, "PICTURE_DISTORTIONS", few(PICTURE_DISTORTIONS))
    monkeypatch.setattr(survive, "FILM_DISTORTIONS", few(FILM_DISTORTIONS))
    write_shards(tmp_path / "shards", [(TEST, "photographs")] * 4)
    films = {
        f"film_{name}": make_film(tmp_path / f"{name}.mkv", 2, 64, 96, seed=seed)
        for name, seed in (("cover", 0), ("secret", 9))
    }
    weights, out = rivals / f"{survive.DEFAULT}.safetensors", tmp_path / "out"
    survive.main(load(ROOT / "params.yaml"), tmp_path / "shards", weights, rivals, out, **films)
    names = {"metrics.json", "survive.csv", "survive.md", "pictures_jpeg.png", "film_h264.png"}
    assert {path.name for path in out.iterdir()} == names
    table = pd.read_csv(out / "survive.csv")
    assert len(table) == 4 * 7 + 1 + 3 * 7 + 1
    assert set(table["method"]) == {"default", *survive.RIVALS, "4-bit swap", "sealed", "base alone"}
    assert table.groupby("material")["pairs"].unique().to_dict() == {"film": [2], "pictures": [3]}
    assert table[table["method"] == "sealed"].groupby("kind")["opened"].max().to_dict() == {
        "none": 1, "jpeg": 0, "noise": 0, "h264": 0,
    }  # fmt: skip
    figures = json.loads((out / "metrics.json").read_text())
    assert len(figures) == 4 * 3 + 1
    jpeg = table[(table["kind"] == "jpeg") & (table["strength"] == 90) & (table["method"] == "plain")]
    assert figures["survive_jpeg_90_plain_secret_psnr"] == jpeg["secret_psnr"].item()
    assert "secret after JPEG 90 and H.264 CRF 18: default" in capsys.readouterr().out
