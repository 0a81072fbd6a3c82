"""What is seen of a secret without its key: nothing that an unrelated picture would not show, too."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.data.shards import TEST
from stegnet.evaluation.quality import PicturePairs
from stegnet.methods.network import Network
from study.keyless import OPENED
from study.wrongkey import (
    IN_ORDER,
    NONE,
    ONE_BIT,
    OTHER,
    PICTURE,
    RESIDUAL,
    RIGHT,
    STATES,
    KeylessView,
    all_views,
    compare,
    headline,
    panel,
    shown,
    statistics,
    summarise,
)
from tests.support.shards import ShardWriter

pytestmark = [pytest.mark.arithmetic, pytest.mark.slow]

KEY = bytes(range(32))
PAIRS = 5


@pytest.fixture
def views(exact: Network, tmp_path: Path) -> list[KeylessView]:
    """Secrets are busy everywhere, so that blocks in a wrong place do not fit by chance."""
    writer = ShardWriter(tmp_path, 100)
    for number in range(PAIRS):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        writer.add(pixels, TEST, f"{number}.png", "photographs", 64, 64)
    writer.close()
    return all_views(exact, PicturePairs(tmp_path, 2), "photographs", KEY, 0, lambda indices: indices)


def test_the_right_key_shows_all_and_a_wrong_one_nothing(views: list[KeylessView]) -> None:
    table = compare(views)
    means = table.groupby(["state", "of"])[["correlation", "mutual_information", "told"]].mean()
    assert len(table) == PAIRS * len(STATES) * 2
    for of in (PICTURE, RESIDUAL):
        for state in (RIGHT, IN_ORDER):
            assert means.loc[(state, of), "correlation"] > 0.9
            assert means.loc[(state, of), "mutual_information"] > 1
            assert means.loc[(state, of), "told"] == 1
        for state in (ONE_BIT, OTHER, NONE):
            assert abs(means.loc[(state, of), "correlation"]) < 0.05
            assert abs(means.loc[(state, of), "mutual_information"]) < 0.05


def test_secrets_that_were_mixed_up_are_noticed(views: list[KeylessView]) -> None:
    """The measure looks at the own secret, not at just any."""
    mixed = [
        KeylessView(view.names, view.cover, view.container, other.secret, other.base, other.hidden, view.seen)
        for view, other in zip(views, views[1:] + views[:1], strict=True)
    ]
    right = compare(mixed).query("state == @RIGHT")
    assert right["correlation"].abs().max() < 0.1
    assert right["told"].max() == 0


def test_summary_and_headline(views: list[KeylessView]) -> None:
    summary = summarise(compare(views).assign(kind="photographs"))
    assert set(summary["pairs"]) == {PAIRS}
    assert summary["p"].between(0, 1).all()
    assert summary[summary["state"] == RIGHT]["p"].max() == pytest.approx(
        0.5**PAIRS
    )  # all five gain: the least there is
    seen = pd.DataFrame([{"kind": "photographs", "pairs": PAIRS} | statistics(views)])
    refused = pd.DataFrame([("a", "no", 3), ("b", "no", 2), ("c", OPENED, 1)], columns=["kind", "answer", "count"])
    figures = headline(summary, seen, refused)
    assert (figures["attempts"], figures["opened"], figures["answers"]) == (6, 1, 2)
    assert figures["right_key_bits"] > 1 > 20 * abs(figures["no_key_bits"])


def test_each_figure_of_the_headline_is_of_its_own_row() -> None:
    """All of them of the first kind of pictures, and information of the residual."""
    places = list(product(("photographs", "scenes"), ("picture", "residual"), STATES))
    summary = pd.DataFrame(places, columns=["kind", "of", "state"])
    for number, column in enumerate(("correlation", "mutual_information", "mutual_information_others")):
        summary[column] = [100 * number + at for at in range(len(places))]
    seen = pd.DataFrame({"kind": ["photographs", "scenes"], "histogram_correlation": [0.3, 0.4]})
    refused = pd.DataFrame([("a", "no", 30), ("b", OPENED, 4), ("c", OPENED, 5)], columns=["kind", "answer", "count"])
    assert STATES == (RIGHT, IN_ORDER, ONE_BIT, OTHER, NONE)
    assert headline(summary, seen, refused) == {
        "attempts": 39, "opened": 9, "answers": 2,
        "right_key_bits": 105, "one_bit_off_bits": 107, "another_key_bits": 108, "no_key_bits": 109,
        "unrelated_bits": 208, "right_key_correlation": 5,
    }  # fmt: skip


def test_histograms_stay_as_they_are_in_any_order(views: list[KeylessView]) -> None:
    """A network without errors gives all of them; this one keeps five levels."""
    assert 0 < statistics(views)["histogram_correlation"] < 1
    whole = [replace(view, seen=view.seen | {NONE: view.hidden[::-1]}) for view in views]
    assert statistics(whole)["histogram_correlation"] == pytest.approx(1)


def test_the_panel_shows_each_state(views: list[KeylessView]) -> None:
    titles, rows = panel(views[:2])
    assert len(rows) == 2
    assert {len(row) for row in rows} == {len(titles)}
    assert all(picture.shape == (64, 64, 3) and picture.dtype == np.uint8 for row in rows for picture, _ in row)
    levels = np.abs(shown(views[0], RIGHT).astype(int) - views[0].secret)
    assert levels.max() <= 33  # the network keeps five levels


def test_it_repeats_itself(views: list[KeylessView], exact: Network, tmp_path: Path) -> None:
    again = all_views(exact, PicturePairs(tmp_path, 2), "photographs", KEY, 0, lambda indices: indices)
    assert np.array_equal(again[3].container, views[3].container)
    assert np.array_equal(again[3].seen[OTHER], views[3].seen[OTHER])
