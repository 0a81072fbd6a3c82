"""The stages that ask whether containers can be seen, on small pictures: their files, and the same bytes again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline import classical, detect, residual
from stegnet.config import Config, load
from stegnet.data.shards import TEST, TRAIN
from stegnet.errors import WeightsError
from tests.support.shards import write_shards

pytestmark = pytest.mark.slow


@pytest.fixture
def config() -> Config:
    config = load(Path(__file__).parents[2] / "params.yaml")
    return replace(config, train=replace(config.train, threads=1))  # so little work only waits for a second one


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


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_classical(config: Config, shards: Path, weights: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        classical.main(config, shards, weights, tmp_path / out)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    table = pd.read_csv(tmp_path / "a" / "classical.csv")
    assert len(table) == 6 * 3
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
    assert set(files(tmp_path / "out")) == {"leak.csv", "leak.png", "metrics.json", "residual.png"}


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


@pytest.mark.parametrize(("stage", "name"), [(residual, "unet"), (detect, "other_seed")])
def test_a_missing_rival_is_named(
    stage, name: str, config: Config, shards: Path, weights: Path, rivals: Path, tmp_path: Path
) -> None:
    (rivals / f"{name}.safetensors").unlink()
    with pytest.raises(WeightsError, match=name):
        stage.main(config, shards, weights, rivals, tmp_path / "out")
