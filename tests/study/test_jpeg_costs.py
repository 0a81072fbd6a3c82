"""Costs of a JPEG's coefficients side by side, and their stage on small pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stegnet.config.config import Config
from study import jpeg_costs, jpeg_steganalysis
from study.jpeg_costs import COSTS, POLARISED, embedded, juniward_costs, main, planes_of, polarised_costs
from study.jpeg_hiders import HIDERS, JUNIWARD, UERD, saved_luma


@pytest.mark.parametrize("costs", COSTS)
def test_the_same_bits_change_few_coefficients_whatever_the_costs(cat, costs: str) -> None:
    planes = planes_of(jpeg_costs._saved(cat), 75)
    np.testing.assert_array_equal(planes[0].coefficients, saved_luma(cat, 75).coefficients)
    after = embedded(planes, [COSTS[costs](planes[0])], 0.2, 3)
    assert 0.02 < np.mean(after[0].coefficients != planes[0].coefficients) * 64**2 * 16 / planes[0].nonzero < 0.08
    assert after[1:] == planes[1:]
    if costs in HIDERS:
        by_hider = HIDERS[costs](cat, 75, 0.2, 3)
        changed = [np.count_nonzero(one.coefficients != planes[0].coefficients) for one in (after[0], by_hider)]
        assert changed[0] == pytest.approx(changed[1], rel=0.1)


def test_chroma_takes_its_share_of_the_bits(cat) -> None:
    planes = planes_of(jpeg_costs._saved(cat), 75)
    after = embedded(planes, [juniward_costs(plane) for plane in planes], 0.2, 3)
    moved = [np.count_nonzero(a.coefficients != b.coefficients) for a, b in zip(planes, after, strict=True)]
    assert all(moved) and moved[0] > 3 * max(moved[1:])


def test_a_step_towards_the_estimate_costs_less(cat) -> None:
    luma = saved_luma(cat, 75)
    (plain, _), (plus, minus) = juniward_costs(luma), polarised_costs(luma)
    ratios = np.stack([plus / plain, minus / plain])
    assert set(np.unique(ratios.round(3))) == {0.65, 1}
    assert ratios.min(0).max() < 1 or (ratios == 1).all(0).any()
    assert (ratios < 1).all(0).sum() == 0


@pytest.mark.slow
def test_each_cost_is_tested(config: Config, tmp_path: Path, cat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jpeg_steganalysis, "SIDE", 64)
    monkeypatch.setattr(jpeg_steganalysis, "LEAST", 96)
    for number in range(10):
        Image.fromarray(np.roll(cat, 20 * number, 1)[:100, :120]).save(tmp_path / f"{number}.png")
    main(config, tmp_path, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "jpeg_costs.csv")
    assert list(table["method"]) == [name for name in (JUNIWARD, UERD, POLARISED, JUNIWARD, JUNIWARD) for _ in range(2)]
    assert list(table["seen"]) == ["luma"] * 6 + ["all"] * 4 and set(table["tested"]) == {10}
