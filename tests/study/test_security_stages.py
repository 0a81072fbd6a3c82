"""The stages that ask whether containers can be seen, on small pictures."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, roc_auc_score

from stegnet.config.config import Config
from stegnet.data.shards import TEST, TRAIN
from study import classical, detect, residual
from study.scores import Scores, summarise
from tests.support.shards import write_shards

pytestmark = pytest.mark.slow


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    kinds = [(TRAIN, "a")] * 8 + [(TEST, "photographs")] * 4 + [(TEST, "scenes")] * 2
    return write_shards(tmp_path / "shards", kinds, 8)


@pytest.fixture
def rivals(tmp_path: Path, weights: Path) -> Path:
    folder = tmp_path / "rivals"
    folder.mkdir()
    for name in ("baluja", "unet", "other_seed"):
        shutil.copy(weights, folder / f"{name}.safetensors")
    return folder


def test_classical(config: Config, shards: Path, weights: Path, tmp_path: Path) -> None:
    classical.main(config, shards, weights, tmp_path / "a")
    table = pd.read_csv(tmp_path / "a" / "classical.csv")
    assert len(table) == 6 * 4
    control = table[(table["method"] == "replacement, all bits") & (table["attack"] != "chi-square")]
    assert (control["auc"] > 0.9).all()
    assert set(table["pictures"]) == {4}
    assert len(json.loads((tmp_path / "a" / "metrics.json").read_text())) == 4


def test_residual(config: Config, shards: Path, weights: Path, rivals: Path, tmp_path: Path) -> None:
    residual.main(config, shards, weights, rivals, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "leak.csv")
    assert set(table["method"]) == {"stegnet", "stegnet unshuffled", "4-bit swap", "baluja", "unet"}
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {"leak", "leak_unrelated", "leak_4_bit_swap", "leak_unshuffled"} < set(metrics)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "leak.csv",
        "leak.png",
        "metrics.json",
        "residual.png",
    }


def test_detect(
    config: Config, shards: Path, weights: Path, rivals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detect, "STEPS", 2)
    monkeypatch.setattr(detect, "LADDER", (2, 3, 90))
    monkeypatch.setattr(detect, "DRAWS", {2: 2})
    detect.main(config, shards, weights, rivals, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "detect.csv")
    network = table[(table["method"] == "network") & (table["attacker"] == detect.WEIGHTS)]
    assert network[["pairs", "detectors", "tested"]].to_numpy().tolist() == [[2, 2, 4], [3, 1, 4], [4, 1, 4]]
    assert table[table["method"] == "nothing hidden"]["tested"].tolist() == [2]
    assert "detect_network_own_4" in json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_accuracy_and_auc_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    scores = Scores(random.normal(-0.5, 1, 50), random.normal(0.7, 1, 50))
    logits, labels = np.concatenate([scores.covers, scores.containers]), np.repeat([0, 1], 50)
    figures = summarise([scores], 0)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, logits > 0))
    assert figures["auc"] == pytest.approx(roc_auc_score(labels, logits))
    assert figures["low"] < figures["accuracy"] < figures["high"]
    assert figures["auc_low"] < figures["auc"] < figures["auc_high"]


def test_the_interval_is_of_as_many_trials_as_there_are_pairs() -> None:
    """The two decisions on a pair hang together: 100 pictures are 50 trials."""
    covers, containers = [-1.0] * 42 + [1.0] * 8, [1.0] * 38 + [-1.0] * 12
    figures = summarise([Scores(np.array(covers), np.array(containers))], 0)
    expected = binomtest(40, 50).proportion_ci(method="wilson")
    assert (figures["low"], figures["high"]) == pytest.approx((expected.low, expected.high))
