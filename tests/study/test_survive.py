"""The channel study: figures of known distortions, its report, and the stage with untrained networks."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stegnet.config.config import load
from stegnet.core import samples
from stegnet.data.shards import TEST
from stegnet.evaluation.quality import through_file
from study import pairs as study_pairs
from study import survive
from study.distortions import FILM_DISTORTIONS, NONE, PICTURE_DISTORTIONS, Distortion, crop
from study.methods import Embedding, Recovered, bare_network
from study.survive import Material, figure, measure
from tests.support.pairs import save_untrained
from tests.support.shards import write_shards

SIZE = 64
GREY = samples.Base.grey(SIZE, SIZE)
CROP = Distortion(
    "crop", "cut off", "share", (0.125, 0.25), 0, lambda many, share, _: [crop(one, share) for one in many]
)
SWAPPED = Distortion("swapped", "in another order", "", (1,), None, lambda many, *_: many[1:] + many[:1])


@pytest.fixture
def pairs(picture):
    return [(picture(SIZE, SIZE, seed), picture(SIZE, SIZE, seed + 1)) for seed in range(3)]


def same(steps):
    return steps


def measured(pairs, method, *distortions, name="pictures", workers=2):
    return measure(Material(name, pairs, distortions), {"it": method}, 0, workers, same)


def as_it_is(cover, secret, seed):
    """Sends the secret itself."""
    return Embedding(secret, Recovered)


def test_an_undistorted_container_is_measured_as_from_a_file(pairs, exact):
    row = figure(measured(pairs, bare_network(exact, False), NONE), "pictures", "none", 0, "it")
    containers = [through_file(exact.hide(cover, secret, None, GREY).container) for cover, secret in pairs]
    revealed = [exact.reveal(container, None, GREY) for container in containers]
    secrets = [peak_signal_noise_ratio(secret, back) for (_, secret), back in zip(pairs, revealed, strict=True)]
    covers = [peak_signal_noise_ratio(cover, other) for (cover, _), other in zip(pairs, containers, strict=True)]
    assert row["secret_psnr"] == pytest.approx(np.mean(secrets))
    assert row["container_psnr"] == pytest.approx(np.mean(covers))
    assert row["pairs"] == 3


def test_the_received_picture_is_measured(pairs):
    table = measured(pairs, as_it_is, CROP)
    for share in CROP.strengths:
        row, cut = figure(table, "pictures", "crop", share, "it"), [crop(secret, share) for _, secret in pairs]
        whole = [secret for _, secret in pairs]
        psnr = [peak_signal_noise_ratio(*each) for each in zip(whole, cut, strict=True)]
        options = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        ssim = [structural_similarity(*each, data_range=255, **options) for each in zip(whole, cut, strict=True)]
        assert row["secret_psnr"] == pytest.approx(np.mean(psnr))
        assert row["secret_ssim"] == pytest.approx(np.mean(ssim))


def test_pictures_in_another_order_are_noticed(pairs):
    table = measured(pairs, as_it_is, NONE, SWAPPED)
    assert figure(table, "pictures", "none", 0, "it")["secret_psnr"] == math.inf
    assert figure(table, "pictures", "swapped", 1, "it")["secret_psnr"] < 20


GAMMA = Distortion("gamma", "gamma", "exponent", (0.9, 1.1), 1, lambda many, *_: list(many))
CONTROL = Distortion("control", "control", "", (0,), 0, lambda many, *_: list(many))
REPORTED = Material("pictures", [], (NONE, CONTROL, GAMMA))


@pytest.fixture
def report_table() -> pd.DataFrame:
    rows = []
    for place, (distortion, strength) in enumerate(REPORTED.steps):
        here = {"material": "pictures", "kind": distortion.kind, "strength": float(strength), "pairs": 4}
        here["container_psnr"] = 40.0 - place
        rows.append(here | {"method": "default", "secret_psnr": 38.0 - place})
        rows.append(here | {"method": "sealed", "opened": 1 - place / 4})
    rows.append(rows[0] | {"method": "base alone", "secret_psnr": 22.5})
    return pd.DataFrame([*rows, rows[0] | {"material": "film", "secret_psnr": 1.0}])


def test_a_line_for_each_distortion(report_table):
    text = survive.markdown(report_table, REPORTED, "default", "What is free.")
    assert "mean over 4 pairs" in text
    assert "What is free." in text
    assert [line for line in text.splitlines() if line.startswith("|")] == [
        "| distortion | container (default) | default | sealed | base alone |",
        "| --- | --: | --: | --: | --: |",
        "| undistorted | 40.0 | 38.0 | 100% | 22.5 |",
        "| control | 39.0 | 37.0 | 75% |  |",
        "| gamma, 0.9 (exponent) | 38.0 | 36.0 | 50% |  |",
        "| gamma, 1.1 (exponent) | 37.0 | 35.0 | 25% |  |",
    ]


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


@pytest.fixture
def run(tmp_path, rivals, make_film, monkeypatch):
    """Runs the stage into a folder of this name."""
    monkeypatch.setattr(survive, "PAIRS", 3)
    monkeypatch.setattr(study_pairs, "SIDE", 64)
    monkeypatch.setattr(survive, "PICTURE_DISTORTIONS", few(PICTURE_DISTORTIONS))
    monkeypatch.setattr(survive, "FILM_DISTORTIONS", few(FILM_DISTORTIONS))
    write_shards(tmp_path / "shards", [(TEST, "photographs")] * 4)
    films = {
        f"film_{name}": make_film(tmp_path / f"{name}.mkv", 2, 64, 96, seed=seed)
        for name, seed in (("cover", 0), ("secret", 9))
    }

    def stage(name: str) -> Path:
        weights, out = rivals / f"{survive.DEFAULT}.safetensors", tmp_path / name
        survive.main(load(ROOT / "params.yaml"), tmp_path / "shards", weights, rivals, out, **films)
        return out

    return stage


@pytest.mark.slow
def test_figures_table_and_charts_the_same_each_time(run, capsys):
    first, second = run("first"), run("second")
    names = {"metrics.json", "survive.csv", "survive.md", "pictures_jpeg.png", "film_h264.png"}
    assert {path.name for path in first.iterdir()} == names
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    table = pd.read_csv(first / "survive.csv")
    assert len(table) == 4 * 7 + 1 + 3 * 7 + 1
    assert set(table["method"]) == {"default", *survive.RIVALS, "4-bit swap", "sealed", "base alone"}
    assert table.groupby("material")["pairs"].unique().to_dict() == {"film": [2], "pictures": [3]}
    assert table[table["method"] == "sealed"].groupby("kind")["opened"].max().to_dict() == {
        "none": 1, "jpeg": 0, "noise": 0, "h264": 0,
    }  # fmt: skip
    figures = json.loads((first / "metrics.json").read_text())
    assert len(figures) == 4 * 3 + 1
    jpeg = table[(table["kind"] == "jpeg") & (table["strength"] == 90) & (table["method"] == "plain")]
    assert figures["survive_jpeg_90_plain_secret_psnr"] == jpeg["secret_psnr"].item()
    assert "secret after JPEG 90 and H.264 CRF 18: default" in capsys.readouterr().out
