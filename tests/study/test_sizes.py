from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.media import resize
from study import sizes as module
from study.sizes import LARGE, measure, pictures_of_all_sizes

CATALOGUE = Path(__file__).parents[2] / "assets" / "sources.yaml"


@pytest.fixture
def small(monkeypatch) -> None:
    """Sizes and a number of scenes that are rendered fast."""
    monkeypatch.setattr(module, "SIZES", (64, 512))
    monkeypatch.setattr(module, "SCENES", 2)


def test_a_kind_has_the_same_motifs_at_each_size_and_nothing_is_enlarged(small):
    pictures = pictures_of_all_sizes(CATALOGUE, 0)
    counts = {key: len(members) for key, members in pictures.items()}
    assert counts == {
        ("photographs", 64): 9,  # the smallest is 300 high
        (LARGE, 64): 3,
        (LARGE, 512): 3,
        ("scenes", 64): 2,
        ("scenes", 512): 2,
    }
    assert all(member.shape == (size, size, 3) for (_, size), members in pictures.items() for member in members)
    kinds = (LARGE, "scenes")
    pairs = [pair for kind in kinds for pair in zip(pictures[kind, 512], pictures[kind, 64], strict=True)]
    for large, little in pairs:
        assert np.corrcoef(resize(large, 64, 64).ravel(), little.ravel())[0, 1] > 0.99


@pytest.fixture
def table(exact, picture) -> pd.DataFrame:
    pictures = {("scenes", size): [picture(size, size, seed) for seed in range(3)] for size in (64, 128)}
    return measure(exact, pictures | {("few", 64): [picture(64, 64, 8), picture(64, 64, 9)]}, 4, 0, lambda jobs: jobs)


def test_a_row_for_each_kind_size_side_and_measure(table, picture, five_levels):
    assert len(table) == 3 * 2 * 3
    rows = table.set_index(["kind", "size", "side", "measure"])
    assert rows["pairs"].groupby("kind").first().to_dict() == {"few": 2, "scenes": 3}
    errors = [
        np.mean((picture(128, 128, seed).astype(float) - five_levels(picture(128, 128, seed))) ** 2)
        for seed in range(3)
    ]
    expected = 10 * np.log10(255**2 / np.array(errors))
    secret = rows.loc[("scenes", 128, "secret", "psnr")]
    assert (secret["mean"], secret["worst"]) == pytest.approx((expected.mean(), expected.min()), abs=1e-4)
