"""The stage on small pictures: its table, its headline, and the same bytes again."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.config.config import Config, load
from stegnet.core.samples import NONE
from stegnet.data.shards import TEST
from stegnet.methods.network import Network
from study import known
from study.known import BUSY, COPIED, EXACT, MATCHING, READ, SAME, STATISTICS, headline, read
from tests.support.shards import ShardWriter

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

SIZE, PAIRS = 64, 4


@pytest.fixture
def config() -> Config:
    config = load(Path(__file__).parents[2] / "params.yaml")
    return replace(config, train=replace(config.train, threads=1))


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


def test_every_attack_on_every_kind_and_the_same_again(config, shards, weights, tmp_path) -> None:
    for out in ("a", "b"):
        known.main(config, shards, weights, tmp_path / out)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {"known.csv", "metrics.json"}
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
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


def test_a_network_without_errors_gives_all_away(exact: Network) -> None:
    """Secrets of five levels, each sample drawn by itself: nothing but the samples tells them, and copies do not."""
    random = np.random.default_rng(0)
    levels = np.rint(np.linspace(0, 255, 5)).astype(np.uint8)
    pictures = [levels[random.integers(0, 5, (SIZE, SIZE, 3))] for _ in range(PAIRS)]
    pairs = list(zip(pictures, pictures[1:] + pictures[:1], strict=True))
    rows = {(row["attack"], row["copies"]): row for row in read(exact, pairs, 0, lambda items, label: items)}
    assert len(rows) == 6
    assert rows[MATCHING, SAME]["told"] == rows[MATCHING, SAME]["auc"] == 1
    assert rows[MATCHING, SAME]["base"] == NONE


def test_each_figure_of_the_headline_is_of_its_own_row() -> None:
    rows = []
    for kind in ("photographs", "scenes"):
        rows += [(kind, EXACT, BUSY, SAME, 1.0, 0.25)]
        for place, (copies, attack) in enumerate(product([SAME, COPIED], [BUSY, STATISTICS, MATCHING])):
            rows.append((kind, READ, attack, copies, 0.1 * place + (kind == "scenes"), 0.25))
    table = pd.DataFrame(rows, columns=["kind", "blocks", "attack", "copies", "told", "chance"])
    assert headline(table) == pytest.approx(
        {
            "told_busy": 0.0, "told_statistics": 0.1, "told_matching": 0.2, "told_busy_copies": 0.3,
            "told_statistics_copies": 0.4, "told_matching_copies": 0.5, "chance": 0.25,
        }
    )  # fmt: skip
