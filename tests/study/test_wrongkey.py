"""Traces of a secret without its key: nothing that an unrelated picture would not show, too."""

from pathlib import Path

import numpy as np
import pytest

from stegnet.data.shards import TEST
from stegnet.evaluation.quality import PicturePairs
from stegnet.methods.network import Network
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
