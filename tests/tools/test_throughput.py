import sys
from pathlib import Path

import pytest
import yaml

from stegnet.data.shards import TRAIN
from tests.support.shards import write_shards
from tools.throughput import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["size"] = 64
    params["model"] |= {"blocks": 2, "width": 4, "ends": 0, "backbone": "none"}
    params["train"] |= {"batch": 2, "crop": 32, "precision": "fp32", "threads": 1, "workers": 1}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    write_shards(tmp_path / "shards", [(TRAIN, "folder")] * 4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_figure_has_a_line(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["throughput", "shards", "--seconds", "0.3", "--pictures", "2000"])
    assert main() == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("1 threads, 1 loaders, batches of 2 × 32²")
    names = ["loader alone", "loader, 2,000 pictures", "step alone", "together"]
    assert [line[:28].strip() for line in lines] == names
    assert all(int(line[28:36]) > 0 for line in lines)
