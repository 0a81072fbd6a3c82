"""What the documentation says of a family, a loss and a measure of one's own, done."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.evaluate import quality
from pipeline.evaluate.statistics import summarise
from pipeline.stage import write_json
from pipeline.tracking.results import evaluate_result
from pipeline.train import losses
from stegnet.core.measures import MEASURES
from stegnet.networks import family_names
from tests.support.lab import PARAMS, ROOT, TEST, changed, check, flatten, parse, read
from tests.support.shards import write_shards
from tests.support.training import PassResult


def blocks(page: str, heading: str) -> list[str]:
    """The code blocks of a page of docs/ after a heading or a bold phrase, without their fences."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(heading)[2]
    return [part.partition("\n")[2] for part in text.split("```")[1::2]]


def test_a_family(run, make_config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain.py").write_text(blocks("networks.md", "## A family of your own")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plain", raising=False)
    __import__("plain")
    assert "plain" in family_names()
    config = make_config()
    trained = run(replace(config, model=replace(config.model, name="plain", width=4)))
    assert (trained.card.model, trained.card.options) == ("plain", {"width": 4})
    assert len(trained.steps) == 12


def test_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    code, line, *_ = blocks("training.md", "**A loss of your own**")
    monkeypatch.setattr(losses, "MEASURES", dict(losses.MEASURES))
    exec(code, vars(losses) | {"__name__": "losses"})
    (added,) = flatten(parse(line.strip()))
    config = check(changed(read(PARAMS), {f"train.loss.{added}": 2.0, "train.loss.mse": 0.0}))
    ramp = torch.arange(16.0).expand(1, 3, 8, 16) / 16
    terms = losses.loss_terms(PassResult(ramp, torch.zeros_like(ramp), ramp, ramp, ramp), config.train.loss)
    assert terms.container.item() == pytest.approx(2 / 16)
    assert terms.secret.item() == 0


def test_a_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (MEASURES, quality.PIXEL_MEASURES):  # forgotten after the test
        monkeypatch.setitem(table, "rmse", None)
        del table["rmse"]
    code = blocks("training.md", "**A measure of your own**")[0]
    exec(code, dict(vars(quality)))
    with pytest.raises(ValueError, match="a name of its own"):
        exec(code, dict(vars(quality)))
    grey = np.zeros((16, 16, 3), np.uint8)
    measured = quality.measure_quality(quality.HideRevealResult(("a", "b"), grey, grey + 1, grey, grey + 2))
    write_json(tmp_path / "details.json", summarise(pd.DataFrame([{"kind": "scenes", "mode": "sealed"} | measured])))
    write_json(tmp_path / "metrics.json", {})
    shards = write_shards(tmp_path / "shards", [(TEST, "scenes")] * 2)
    result = evaluate_result(tmp_path / "metrics.json", tmp_path, shards)
    assert result.metrics["evaluate/scenes/sealed/secret_rmse/mean"] == 2
    assert result.texts["figures.csv"].count("rmse") == 2
