"""What the documentation says of a family and a loss of one's own, done."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.train import losses
from stegnet.networks import family_names
from tests.support.lab import PARAMS, ROOT, changed, check, flatten, parse, read
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
    terms = losses.loss_terms(PassResult(ramp, torch.zeros_like(ramp), ramp, ramp), config.train.loss)
    assert terms.container.item() == pytest.approx(2 / 16)
    assert terms.secret.item() == 0
