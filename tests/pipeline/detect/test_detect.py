"""Stage detect on small pictures: a detector finds what it must, the same twice, and says so where it does not."""

import json
import logging
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from pipeline.detect import detection
from pipeline.detect.__main__ import main
from pipeline.detect.detection import headline, rows_of
from pipeline.detect.detector import _batch
from pipeline.detect.methods import evenly, four_bit_swap, magenta_tint, picture_pairs
from pipeline.evaluate.statistics import Scores
from tests.support.lab import PARAMS, ROOT, TEST, TRAIN, VALIDATION, Config, Shards, load
from tests.support.shards import ShardWriter

METHODS = ["network", "sealed", "control", "smooth_control"]
KINDS = [(TRAIN, "scenes")] * 32 + [(VALIDATION, "scenes")] * 8 + [(TEST, "photographs")] * 8
SIDE = 64


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradients without noise, each at another angle: a step of one level shows."""
    folder = tmp_path_factory.mktemp("shards")
    writer, (y, x) = ShardWriter(folder, 40), np.mgrid[:SIDE, :SIDE] / SIDE
    for number, (split, kind) in enumerate(KINDS):
        slope = x * math.cos(number) + y * math.sin(number)
        picture = 120 + np.stack([40 * slope, 60 * slope**2, 80 * np.sin(slope)], -1)
        writer.add(picture.astype(np.uint8), split, f"{number}", kind, SIDE, SIDE)
    writer.close()
    return folder


def config(pairs: int) -> Config:
    values = load(PARAMS)
    detect = replace(values.detect, pairs=pairs)
    return replace(values, detect=detect, train=replace(values.train, threads=1))


@pytest.mark.slow
def test_the_control_is_found_and_the_figures_repeat(shards: Path, weights: Path, tmp_path: Path, caplog) -> None:
    for out in ("one", "other"):
        main(config(32), shards, weights, tmp_path / out)
    for name in ("detect.csv", "metrics.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    table = pd.read_csv(tmp_path / "one" / "detect.csv")
    columns = ["method", "rate", "pictures", "pairs", "tested", "accuracy", "low", "high", "finding"]
    assert list(table.columns) == columns
    assert list(table["method"].drop_duplicates()) == METHODS
    assert table["tested"].tolist() == [16, 8, 8] * 4 and set(table["pairs"]) == {32}
    figures = json.loads((tmp_path / "one" / "metrics.json").read_text(encoding="utf-8"))
    assert list(figures) == [f"detect_{name}_{key}" for name in METHODS for key in ("accuracy", "low", "high")]
    assert figures["detect_control_accuracy"] > 0.85 and figures["detect_smooth_control_accuracy"] > 0.85
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.slow
def test_a_control_that_is_not_found_is_said(shards: Path, weights: Path, tmp_path: Path, caplog) -> None:
    """One pair teaches nothing."""
    main(config(1), shards, weights, tmp_path)
    assert "does not find its control" in caplog.text
    assert "not found" not in set(pd.read_csv(tmp_path / "detect.csv")["finding"])


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", [0.84, 0.86])
def test_a_control_is_found_by_its_accuracy_wherever_the_interval_ends(
    accuracy: float, shards: Path, weights: Path, tmp_path: Path, caplog, monkeypatch
) -> None:
    own = detection.measure
    monkeypatch.setattr(detection, "measure", lambda *given: own(*given).assign(accuracy=accuracy, low=0.8, high=0.9))
    main(config(1), shards, weights, tmp_path)
    assert ("does not find its control" in caplog.text) == (accuracy < 0.85)


def test_without_pairs_there_is_no_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is read, not even the weights."""
    main(config(0), tmp_path / "none", tmp_path / "none.safetensors", tmp_path / "out")
    assert "off" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8")) == {}
    assert (tmp_path / "out" / "detect.csv").read_bytes() == b""


def test_what_is_off_imports_no_detector() -> None:
    """PyTorch takes longer than all else that the stage then does."""
    program = "import sys, pipeline.detect.__main__; print(*{'pandas', 'scipy', 'timm', 'torch'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("control", "smooth", "finding"),
    [(10, 10, ["found", "not found"]), (6, 10, ["found", "inconclusive"]), (10, 6, ["found", "inconclusive"])],
)
def test_rows_by_hand(control: int, smooth: int, finding: list[str]) -> None:
    """Ten pairs: of each control, some containers are found, and every cover is; all else is as it is called."""
    quiet, loud = np.full(10, -1.0), np.full(10, 1.0)
    part, even = (np.where(np.arange(10) < found, 1.0, -1.0) for found in (control, smooth))
    scores = {"network": Scores(quiet, loud), "sealed": Scores(quiet, quiet), "control": Scores(quiet, part)}
    scores["smooth_control"] = Scores(quiet, even)
    kinds = np.array(["scenes"] * 4 + ["photographs"] * 6)
    table = pd.DataFrame(list(rows_of(scores, kinds, 7)))
    overall = table[table["pictures"] == "all"].set_index("method")
    assert overall.loc[["network", "sealed"], "finding"].tolist() == finding
    assert overall["accuracy"].tolist() == [1, 0.5, (10 + control) / 20, (10 + smooth) / 20]
    interval = binomtest(5, 10).proportion_ci(method="wilson")
    ends = [overall.at["sealed", name] for name in ("low", "high")]
    assert ends == pytest.approx([interval.low, interval.high])
    photographs = table[(table["pictures"] == "photographs") & (table["method"] == "control")]
    assert photographs["accuracy"].item() == (6 + control - 4) / 12
    assert headline(table)["detect_control_accuracy"] == (10 + control) / 20


@pytest.mark.parametrize(("right", "finding"), [(6, "not found"), (9, "found")])
def test_only_an_interval_above_chance_is_a_finding(right: int, finding: str) -> None:
    """Of ten pairs: 60 % is 31 to 83 % (Wilson), 90 % is 60 to 98 %."""
    sides = Scores(np.where(np.arange(10) < right, -1.0, 1.0), np.where(np.arange(10) < right, 1.0, -1.0))
    found = Scores(np.full(10, -1.0), np.full(10, 1.0))
    scores = {"network": sides, "sealed": sides, "control": found, "smooth_control": found}
    rows = rows_of(scores, np.array(["scenes"] * 10), 7)
    assert {row["finding"] for row in rows if row["method"] == "network"} == {finding}


def test_covers_and_containers_are_turned_alike() -> None:
    """A detector must not tell them apart by their orientation."""
    covers = np.random.default_rng(0).integers(256, size=(4, 32, 32, 3), dtype=np.uint8)
    batch = _batch(np.stack([covers, covers]), np.arange(4), 16, np.random.default_rng(1))
    np.testing.assert_array_equal(batch[:4], batch[4:])


def test_pictures_are_turned_and_mirrored_in_all_eight_ways() -> None:
    square = np.random.default_rng(0).integers(256, size=(1, 1, 16, 16, 3), dtype=np.uint8)
    batch = _batch(square, np.zeros(200, int), 16, np.random.default_rng(1)).numpy().transpose(0, 2, 3, 1)
    ways = [np.rot90(side, turns) for side in (square[0, 0], square[0, 0, :, ::-1]) for turns in range(4)]
    counts = [sum(np.array_equal(picture, way) for picture in batch) for way in ways]
    assert sum(counts) == 200 and min(counts) > 10


def test_the_smooth_control_has_no_high_frequencies(picture: Callable[..., np.ndarray]) -> None:
    """Residuals of the change are rounding alone, where those of the 4-bit swap are not."""
    cover, secret = (picture(64, 64, seed) for seed in (0, 1))
    changes = [hide(cover, secret, 0).astype(float) - cover for hide in (magenta_tint, four_bit_swap)]
    smooth, fine = (np.abs(np.diff(change, axis=0)).mean() / np.abs(change).mean() for change in changes)
    assert smooth < 0.1 < fine


def test_pairs_are_spaced_evenly_and_no_picture_hides_itself(shards: Path) -> None:
    pictures = Shards(shards, TEST)
    pairs = list(picture_pairs(shards, TEST, 3, 4))
    assert [pair.kind for pair in pairs] == ["photographs"] * 4
    for pair, number in zip(pairs, (0, 2, 4, 6), strict=True):
        np.testing.assert_array_equal(pair.cover, pictures[number])
        np.testing.assert_array_equal(pair.secret, pictures[(number + 3) % 8])
    assert evenly([1, 2, 3], 5) == [1, 2, 3]
