"""All attacks on one small picture, and the tables that they make."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.jigsaw import attacks
from study.jigsaw.attacks import KINDS, TITLES, Row, Task, attack, block_statistics, example, wide_enough
from study.shuffle import headline, report

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(attacks, "SIZE", 64)
        monkeypatch.setattr(attacks, "FRAMES", 2)
        yield


@pytest.fixture(scope="module")
def task(small: None, weights: Path, cat: np.ndarray) -> Task:
    return Task(weights, "cat", cat[:64, :96], np.ascontiguousarray(cat[100:164, 100:164]), 60, 0)


@pytest.fixture(scope="module")
def rows(task: Task) -> list[Row]:
    return attack(task)


@pytest.fixture
def table(rows: list[Row], cat: np.ndarray) -> pd.DataFrame:
    squares = [("cat", cat[:64, :64]), ("ear", cat[:64, 128:192])]
    return pd.DataFrame([*rows, *block_statistics(squares, 60)])


def test_exact_blocks_are_put_together_and_those_of_an_untrained_network_are_not(table: pd.DataFrame) -> None:
    means = table.groupby(["attack", "kind", "block", "setting", "measure"])["value"].mean()
    assert means["jigsaw", "plain", 32, "neighbours", "brightness"] == 1
    assert means["jigsaw", "plain", 32, "correlation", "brightness"] == pytest.approx(1)
    assert means["jigsaw", "plain", 32, "psnr", "brightness"] == np.inf
    assert means["jigsaw", "plain", 8, "neighbours", "random"] < 0.1
    assert means["jigsaw", "means", 8, "correlation", "random"] < 0.2
    assert means["revealed", "one picture", 8, "correlation", "blind"] < 0.5
    assert means["fresh shuffle, same place", "plain", 8, "still", "placed"] > 0.9


def test_all_tables_stand_in_the_report(table: pd.DataFrame) -> None:
    text = report(table)
    assert text.count("\n## ") == 6
    assert all(f"| {kind} " in text for kind in KINDS)
    assert "nan" not in text
    figures = headline(table)
    assert all(np.isfinite(value) for value in figures.values())
    assert {"read_8_neighbours", "exact_16_correlation", "placed_still"} <= set(figures)


def test_each_figure_of_the_headline_is_of_its_own_rows() -> None:
    """Means over the pictures; of the two solvers, the better one."""
    solved = product(
        ["neighbours", "correlation"],
        [32, 16, 8],
        [("revealed", "one picture"), ("jigsaw", "coded, turned, negated"), ("jigsaw", "means, turned, negated")],
    )
    names = {"one picture": "read", "coded, turned, negated": "exact", "means, turned, negated": "exact_means"}
    rows, expected = [], {}
    for number, (setting, block, (attacked, kind)) in enumerate(solved):
        better = ("brightness", "blind")[number % 2]
        for measure in ("brightness", "blind", "random"):
            value = number + {better: 0.5, "random": 0.9}.get(measure, 0.1)
            rows += [("cat", attacked, kind, block, setting, measure, value - 0.05)]
            rows += [("ear", attacked, kind, block, setting, measure, value + 0.05)]
        expected[f"{names[kind]}_{block}_{setting}"] = number + 0.5
    for number, film in enumerate(["still", "slow, 1 px", "fast, 16 px"], 50):
        for kind, worse in (("as revealed", 0), ("coded", 20)):
            rows.append(("cat", "fresh shuffle, same place", kind, 8, film, "placed", number + worse))
    expected |= {"read_8_correlation_random": 15.9, "placed_still": 50, "placed_slow": 51, "placed_fast": 52}
    columns = ["picture", "attack", "kind", "block", "setting", "measure", "value"]
    assert headline(pd.DataFrame(rows, columns=columns)) == pytest.approx(expected)


def test_pictures_for_each_title(task: Task) -> None:
    pictures = example(task)
    assert len(pictures) == len(TITLES)
    assert {picture.shape for picture, _ in pictures} == {(64, 64, 3)}


def test_it_repeats_itself(task: Task, rows: list[Row]) -> None:
    again, other = attack(task), attack(replace(task, seed=1))
    assert again == rows
    assert other != rows


def test_a_film_needs_room_to_pan(small: None) -> None:
    assert wide_enough(np.zeros((64, 80, 3), np.uint8))
    assert not wide_enough(np.zeros((64, 79, 3), np.uint8))
    assert not wide_enough(np.zeros((63, 80, 3), np.uint8))
