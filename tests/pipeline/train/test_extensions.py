"""What the documentation says of a family, a loss and a measure of one's own, done."""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.check import check_code
from pipeline.evaluate import quality
from pipeline.evaluate.statistics import summarise
from pipeline.stage import write_json
from pipeline.tracking.results import evaluate_result
from pipeline.train import losses
from pipeline.train.own_code import code_hashes
from pipeline.train.pairs import check_augmentation
from stegnet import ConfigError, WeightsError
from stegnet.core.measures import MEASURES, SPEED
from stegnet.networks import build, load_pair, save_pair
from study.zoo.__main__ import PROFILES, read_profile
from tests.support.lab import PARAMS, ROOT, TEST, Augment, Config, changed, check, load, read
from tests.support.shards import write_shards
from tests.support.training import PassResult


def blocks(page: str, heading: str) -> list[str]:
    """The code blocks of a page of docs/ after a heading or a bold phrase, without their fences."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(heading)[2]
    return [part.partition("\n")[2] for part in text.split("```")[1::2]]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the user's, outside the tree, with the network and the loss of the documentation."""
    pages = (
        ("networks.md", "## A network of your own"),
        ("training.md", "**A loss of"),
        ("training.md", "**An augmentation"),
    )
    parts = [blocks(*page)[0] for page in pages]
    (tmp_path / "mine.py").write_text("\n".join(parts), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    return tmp_path / "mine.py"


@pytest.mark.usefixtures("mine")
def test_a_network_and_its_weights(run, make_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's weights file runs code that was not trusted."""
    config = make_config()
    trained = run(replace(config, model=replace(config.model, name="mine:Plain", width=4)))
    assert (trained.card.model, trained.card.options) == ("mine:Plain", {"width": 4})
    assert len(trained.steps) == 12
    save_pair(path := tmp_path / "pair.safetensors", trained.pair, trained.card)
    monkeypatch.delenv("STEGNET_NETWORK", raising=False)
    with pytest.raises(WeightsError, match="its network is mine:Plain, whose code would run here") as caught:
        load_pair(path)
    monkeypatch.setenv(*caught.value.hint.partition("set ")[2].split("="))
    assert load_pair(path)[1] == trained.card


@pytest.mark.usefixtures("mine")
def test_a_loss() -> None:
    config = check(changed(read(PARAMS), {"train.loss.own": "mine:edges", "train.loss.mse": 0.0}))
    ramp = torch.arange(16.0).expand(1, 3, 8, 16) / 16
    terms = losses.loss_terms(PassResult(ramp, torch.zeros_like(ramp), ramp, ramp, ramp), config.train.loss)
    assert terms.container.item() == pytest.approx(1 / 16)
    assert terms.secret.item() == 0


@pytest.mark.usefixtures("mine")
def test_an_augmentation(picture) -> None:
    values = changed(read(PARAMS), {f"train.augment.{key}": 0.0 for key in asdict(load(PARAMS).train.augment)})
    plain, own = (
        check(changed(values, {"train.augment.own": name})).train.augment for name in ("none", "mine:sharper")
    )
    check_augmentation(32, own)
    pixels = picture(32, 32)
    crops = [Augment(32, own)(pixels, seed) for seed in range(60)]
    changes = sum(not np.array_equal(crop, pixels) for crop in crops)
    assert 0 < changes < 20
    assert all(np.array_equal(Augment(32, plain)(pixels, seed), pixels) for seed in range(9))
    for wrong in ("mine:edges", "mine:Plain", "os:path", "mine:nothing"):
        with pytest.raises(ConfigError, match=f"^params.yaml: train.augment.own: {wrong} can't "):
            check_augmentation(32, replace(own, own=wrong))


@pytest.mark.usefixtures("mine")
def test_a_loss_that_is_not_found_is_named_once() -> None:
    with pytest.raises(ConfigError) as caught:
        losses.check_loss(check(changed(read(PARAMS), {"train.loss.own": "mine:nothing"})).train.loss)
    assert str(caught.value).count("mine:nothing") == 1
    assert "PYTHONPATH" in caught.value.hint


@pytest.mark.parametrize("name", ["nowhere:Plain", "mine:Nothing", "mine:edges", "mine:"])
@pytest.mark.usefixtures("mine")
def test_a_network_that_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^model.name: {name} (can't be imported|is not a subclass)"):
        build(name)
    with pytest.raises(ConfigError, match=f"^model.name: {name} "):
        check(changed(read(PARAMS), {"model.name": name}))


def named_by(key: str, value: str) -> Config:
    """Parameters with code of one's own, also if no file has its module."""
    if key != "model.name":
        return check(changed(read(PARAMS), {key: value}))
    config = load(PARAMS)
    return replace(config, model=replace(config.model, name=value))


@pytest.mark.parametrize(
    ("key", "value", "file"),
    [
        ("model.name", "mine:Plain", "mine.py"),
        ("train.loss.own", "mine:edges", "mine.py"),
        ("train.augment.own", "mine:sharper", "mine.py"),
        ("model.name", "ours.deep:Plain", "ours"),
    ],
)
@pytest.mark.usefixtures("mine")
def test_code_that_is_not_watched_is_refused(tmp_path: Path, monkeypatch, key: str, value: str, file: str) -> None:
    """Wherever it is; the hint is what to do."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "__init__.py").touch()
    config = named_by(key, value)
    for folder, named in ((ROOT, tmp_path / file), (tmp_path, file)):
        monkeypatch.chdir(folder)
        with pytest.raises(ConfigError, match=f"^{key}: its code is in {named}, which DVC does not watch") as caught:
            check_code(config)
    advised = str(caught.value.hint).removeprefix("-S code=").partition(",")[0]
    for code in (advised, str(tmp_path)):
        check_code(replace(config, code=code))


@pytest.mark.parametrize("name", ["mine:Plain", "ours.deep:Plain"])
@pytest.mark.usefixtures("mine")
def test_all_code_that_is_watched_counts(tmp_path: Path, name: str) -> None:
    """A change beside the network's file, as that of a layer that it imports, trains it again."""
    (tmp_path / "ours").mkdir()
    config = replace(named_by("model.name", name), code=str(tmp_path))
    first = code_hashes(config)
    (tmp_path / "layers.py").write_text("width = 3", encoding="utf-8")
    second = code_hashes(config)
    assert first["network"] != second["network"]
    assert first["loss"] == second["loss"]


def test_profiles_of_the_zoo_name_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC leaves out a folder in a project of its own, as study/ is, so that `code` names files there."""
    monkeypatch.chdir(ROOT)
    own = [values for values in map(read_profile, PROFILES) if ":" in str(values["model.name"])]
    assert len(own) == 4
    for values in own:
        check_code(check(changed(read(PARAMS), values)))
        for folder in ("study", "study/zoo"):
            with pytest.raises(ConfigError, match=f"^code: {folder}: DVC watches no folder in study"):
                check_code(check(changed(read(PARAMS), values | {"code": folder})))


def test_a_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (MEASURES, quality.PIXEL_MEASURES):  # forgotten after the test
        monkeypatch.setitem(table, "rmse", None)
        del table["rmse"]
    code = blocks("training.md", "**A measure of your own**")[0]
    exec(code, dict(vars(quality)))
    grey = np.zeros((16, 16, 3), np.uint8)
    measured = quality.measure_quality(quality.HideRevealResult(("a", "b"), grey, grey + 1, grey, grey + 2))
    write_json(tmp_path / "details.json", summarise(pd.DataFrame([{"kind": "scenes", "mode": "sealed"} | measured])))
    write_json(tmp_path / "metrics.json", {})
    write_json(tmp_path / "speed.json", dict.fromkeys(SPEED, 1.0))
    shards = write_shards(tmp_path / "shards", [(TEST, "scenes")] * 2)
    result = evaluate_result(tmp_path / "metrics.json", tmp_path, tmp_path / "speed.json", shards)
    assert result.metrics["evaluate/scenes/sealed/secret_rmse/mean"] == 2
