"""The pairs that others are measured beside: every one can be built, and one is trained."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from stegnet.config.config import load
from stegnet.config.params_file import flatten, read
from stegnet.data.shards import TRAIN
from stegnet.models import build_from, load_pair
from study import rival
from tests.support.shards import write_shards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RIVALS = ROOT / "study" / "rivals.yaml"
CONFIG = load(ROOT / "params.yaml")


@pytest.mark.parametrize("name", read(RIVALS))
def test_each_differs_in_what_its_line_says(name: str) -> None:
    before, after = flatten(asdict(CONFIG)), flatten(asdict(rival.rival_config(CONFIG, RIVALS, name)))
    build_from(rival.rival_config(CONFIG, RIVALS, name).model)
    changes = {"train.pairs": CONFIG.study.pairs} | read(RIVALS)[name]
    assert after == before | changes


def test_a_rival_is_trained_and_its_card_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 4)
    train = replace(CONFIG.train, batch=2, crop=32, warmup=1, precision="fp32", devices=1, threads=1, workers=0)
    config = replace(CONFIG, train=train, study=replace(CONFIG.study, pairs=4))
    (tmp_path / "rivals.yaml").write_text("small: {model.blocks: 2, model.backbone: none, seed: 3}\n", encoding="utf-8")
    rival.main(config, tmp_path / "rivals.yaml", tmp_path / "shards", tmp_path / "out" / "small.safetensors")
    _, card = load_pair(tmp_path / "out" / "small.safetensors")
    assert (card.options["blocks"], card.training["seed"], card.training["train"]["pairs"]) == (2, 3, 4)
    assert not list(tmp_path.glob(".checkpoints/rivals/*.pt"))
