"""The stage on small pictures: its table, and its headline."""

import json

import pandas as pd
import pytest

from stegnet.data.shards import TEST
from study import known
from study.known import BUSY, EXACT, MATCHING, READ, STATISTICS
from tests.support.shards import write_shards

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

PAIRS = 4


def test_every_attack_on_every_kind(config, weights, tmp_path) -> None:
    kinds = [(TEST, kind) for kind in ("photographs", "scenes") for _ in range(PAIRS)]
    shards = write_shards(tmp_path / "shards", kinds)
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
