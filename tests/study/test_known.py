"""The stage on small pictures: its table, and its headline."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.data.shards import TEST
from study import known
from study.known import BUSY, EXACT, MATCHING, READ, STATISTICS
from tests.support.shards import ShardWriter

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

SIZE, PAIRS = 64, 4


@pytest.fixture
def shards(tmp_path: Path, cat: np.ndarray) -> Path:
    writer = ShardWriter(tmp_path / "shards", 100)
    for kind in ("photographs", "scenes"):
        for number in range(PAIRS):
            y = 40 * number
            square = np.ascontiguousarray(cat[y : y + SIZE, 100 : 100 + SIZE])
            writer.add(square, TEST, f"{kind}{number}.png", kind, SIZE, SIZE)
    writer.close()
    return tmp_path / "shards"


def test_every_attack_on_every_kind(config, shards, weights, tmp_path) -> None:
    known.main(config, shards, weights, tmp_path / "a")
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"known.csv", "metrics.json"}
    table = pd.read_csv(tmp_path / "a" / "known.csv")
    assert len(table) == 2 * (2 + 6)
    assert table["kind"].tolist() == ["photographs"] * 8 + ["scenes"] * 8
    assert set(table["attack"]) == {BUSY, STATISTICS, MATCHING}
    bases = zip(table["blocks"], table["base"], strict=True)
    assert set(bases) == {(EXACT, "means"), (EXACT, "coded"), (READ, "means")}
    assert (table[table["blocks"] == EXACT]["told"] == 1).all()  # no shuffle hides it
    assert table[["told", "auc"]].stack().between(0, 1).all()
    figures = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert figures["chance"] == 1 / PAIRS
