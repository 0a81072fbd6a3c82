import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import yaml

from stegnet.config.config import load
from stegnet.data.shards import TEST, TRAIN, data_hash
from stegnet.models import FAMILIES
from tests.support.shards import write_shards
from tools import compare, compare_table, compare_train
from tools.compare_table import LSB

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SETS = {
    "tiny": {"narrow": {}, "wide": {"model.width": 12}, "unshuffled": {"train.scrambled": 0}},
    "again": {"same": {}},
    "broken": {
        "diverges": {"model.name": "baluja", "model.width": 4, "train.lr": 1.0, "train.clip": 1e8, "train.warmup": 0},
        "narrow": {},
    },
    "wrong": {"key": {"model.widht": 8}, "fixed": {"train.batch": 4}, "data": {"data.size": 64}, "list": [1]},
}


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with params.yaml for tiny pairs, rows.yaml and shards; this process works there."""
    base = load(ROOT / "params.yaml")
    model = replace(base.model, name="invertible", blocks=1, width=8, backbone="none")
    train = replace(base.train, batch=2, crop=32, warmup=2, precision="fp32", threads=1, workers=0, checkpoint=2)
    small = asdict(replace(base, model=model, train=train))
    for name, content in {"params.yaml": small, "rows.yaml": SETS}.items():
        (tmp_path / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    write_shards(tmp_path / "shards", [(TEST, "photographs")] * 2 + [(TRAIN, "folder")] * 6)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare_train, "LONG_ENOUGH", 0)
    monkeypatch.setattr(compare_table, "ROUNDS", 1)
    return tmp_path


def run(*arguments: str) -> int:
    return compare.main(["--file", "rows.yaml", "--data", "shards", "--out", "out", "--pairs", "8", *arguments])


class Log:
    """Stands in for the progress bar: notes which steps are done, and may stop as Ctrl-C does."""

    def __init__(self, stop: tuple[str, int] | None = None) -> None:
        self.steps: dict[str, list[int]] = {}
        self._stop = stop

    def __call__(self, steps: Iterable[int], name: str, **_: object) -> Iterator[int]:
        for step in steps:
            if (name, step) == self._stop:
                raise KeyboardInterrupt
            self.steps.setdefault(name, []).append(step)
            yield step

    @property
    def trained(self) -> dict[str, list[int]]:
        return {name: steps for name, steps in self.steps.items() if "," not in name}


@pytest.fixture
def log(monkeypatch) -> Callable[..., Log]:
    def start(stop: tuple[str, int] | None = None) -> Log:
        started = Log(stop)
        monkeypatch.setattr(compare_train, "bar", started)
        return started

    return start


def figures(name: str) -> dict[str, dict[str, str]]:
    with open(f"out/{name}.csv", newline="", encoding="utf-8") as file:
        return {line.pop("row"): line for line in csv.DictReader(file)}


def test_rows_are_trained_measured_and_shown(project, capsys):
    assert run("--set", "tiny", "--seconds", "60") == 0
    shown, said = capsys.readouterr()
    assert shown == Path("out/tiny.md").read_text(encoding="utf-8")
    assert "`python -m tools.compare --set tiny --pairs 8 --seconds 60 --threads 1`" in shown
    assert data_hash(project / "shards")[:12] in shown
    assert "means over 2 photographs of 64×64" in shown
    assert str(project) not in shown
    assert list(figures("tiny")) == ["narrow", "wide", "unshuffled", LSB]
    assert [line.split("|")[1].strip() for line in shown.splitlines()[-4:]] == list(figures("tiny"))
    assert "narrow: 8 pairs in " in said


def test_what_is_trained_stays(project, log, capsys):
    first = log()
    run("--set", "tiny")
    assert first.trained == {name: [0, 1, 2, 3] for name in SETS["tiny"]}
    quality = {name: line["secret_psnr"] for name, line in figures("tiny").items()}
    second = log()
    assert run("--set", "tiny") == 0
    assert second.steps == {}
    assert "wide: 8 pairs in" in (said := capsys.readouterr().err)
    assert said.count("trained already") == 3
    assert {name: line["secret_psnr"] for name, line in figures("tiny").items()} == quality
    third = log()
    run("--set", "tiny", "--rows", "wide", "--fresh")
    assert list(third.trained) == ["wide"]


def test_a_row_that_diverges_is_shown_and_the_rest_goes_on(project, log, capsys):
    assert run("--set", "broken", "--pairs", "200") == 1
    broken, narrow = (figures("broken")[name] for name in ("diverges", "narrow"))
    assert 0 < int(broken["diverged"]) < 100
    assert (broken["container_psnr"], broken["hide_ms"], broken["pairs"]) == ("", "", "")
    assert narrow["pairs"] == "200"
    assert f"| diverges | diverged at step {broken['diverged']} | – |" in capsys.readouterr().out
    second = log()
    assert run("--set", "broken", "--pairs", "200") == 1
    assert second.steps == {}


@pytest.mark.parametrize("name", yaml.safe_load((ROOT / compare.ROWS).read_text(encoding="utf-8")))
def test_every_set_that_comes_with_it_can_be_read(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    rows = compare.read_rows(compare.ROWS, name, [], {"train.pairs": 8})
    assert len({row.name for row in rows}) == len(rows) > 1
    assert all(row.config.train.pairs == 8 for row in rows)
    if name == "models":
        assert {row.config.model.name for row in rows} == {*FAMILIES} - {"modem"}
