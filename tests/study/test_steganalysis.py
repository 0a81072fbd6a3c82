"""The stage steganalysis on small pictures."""

import json
from pathlib import Path

import pandas as pd
import pytest

from stegnet.config.config import Config
from stegnet.data.shards import TEST, TRAIN
from study import steganalysis
from tests.support.shards import write_shards


@pytest.mark.slow
def test_each_method_is_tested_at_each_rate(
    config: Config, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    small = {"RATES": (0.2,), "REFERENCE_RATES": (0.2,), "MOST": 6, "LADDER": (5, 90)}
    for name, value in small.items():
        monkeypatch.setattr(steganalysis, name, value)
    shards = write_shards(tmp_path / "shards", [(TRAIN, "a")] * 7 + [(TEST, "photographs")] * 2, 8)
    steganalysis.main(config, shards, weights, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "steganalysis.csv")
    assert len(table) == 5 * 2 * 2
    assert table[["pairs", "tested"]].drop_duplicates().to_numpy().tolist() == [[5, 2], [6, 8]]
    assert {"steganalysis_sealed_0.2", "steganalysis_network"} == set(
        json.loads((tmp_path / "out" / "metrics.json").read_text())
    )
