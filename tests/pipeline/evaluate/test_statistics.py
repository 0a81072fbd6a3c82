import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.statistics import REAL, headline, headline_kind, summarise, summary_stats
from pipeline.shards import RENDERED
from stegnet.core.measures import SEALED

BARE, SIDES = "bare", ("container", "secret")


def stats(values: Sequence[float], measure: str = "psnr") -> dict[str, float]:
    return summary_stats(pd.Series(values, name=f"container_{measure}"))


def test_by_hand():
    figures = stats([30.0, 33.0, 42.0])
    assert list(figures) == ["mean", "ci_low", "ci_high", "median", "worst"]
    half = 4.30265273 * math.sqrt(39) / math.sqrt(3)  # t(2) at 97.5 %, from a table; the variance is 39
    assert figures["mean"] == 35
    assert (figures["ci_low"], figures["ci_high"]) == pytest.approx((35 - half, 35 + half), abs=1e-4)
    assert (figures["median"], figures["worst"]) == (33, 30)


@pytest.mark.parametrize(("measure", "worst"), [("psnr", 0), ("apd", 299)])
def test_the_worst_is_the_lowest_or_the_highest(measure, worst):
    values = np.random.default_rng(2).permutation(300).astype(float)
    assert stats(values, measure)["worst"] == worst


def test_a_single_or_infinite_value_has_no_interval():
    assert math.isnan(stats([40.0])["ci_low"])
    infinite = stats([math.inf, math.inf])
    assert infinite["mean"] == infinite["worst"] == math.inf
    assert math.isnan(infinite["ci_high"])


def test_exact_pictures_are_left_out_of_means():
    assert stats([40.0, math.inf, 44.0]) == stats([40.0, 44.0])


def table(kinds: list[str]) -> pd.DataFrame:
    """Three pairs a kind; scenes are 10 dB better, bare ones 1 dB worse."""
    rows = []
    for kind in kinds:
        for index, psnr in enumerate([30.0, 33.0, 42.0]):
            for mode in (SEALED, BARE):
                value = psnr + 10 * (kind == RENDERED) - (mode == BARE)
                row: dict[str, str | float] = {"kind": kind, "mode": mode, "cover": str(index), "secret": "x"}
                row |= {"container_psnr": value, "container_ssim": value / 100, "container_apd": 50 - value}
                row |= {"secret_psnr": value / 2, "secret_ssim": 0.5, "secret_apd": 2.0}
                if mode == SEALED:
                    row |= {"base_psnr": value / 3, "restored_base_psnr": value / 4}
                rows.append(row)
    return pd.DataFrame(rows)


def test_the_summary_by_hand():
    modes = summarise(table([REAL]))[REAL]
    sealed = modes[SEALED]
    assert list(modes[BARE]) == [f"{side}_{name}" for side in SIDES for name in ("psnr", "ssim", "apd")]
    assert (sealed["container_psnr"]["mean"], sealed["container_psnr"]["worst"]) == (35, 30)
    assert (sealed["container_ssim"]["worst"], sealed["container_apd"]["worst"]) == (0.3, 20)
    assert (sealed["secret_psnr"]["mean"], sealed["secret_psnr"]["worst"]) == (17.5, 15)


@pytest.mark.parametrize(
    ("kinds", "better"), [([REAL], 0), (["bsds500", REAL], 0), ([REAL, RENDERED], 0), ([RENDERED], 10)]
)
def test_the_headline_is_of_photographs_if_there_are_no_own_pictures(kinds, better):
    figures = headline(summarise(table(kinds)))
    bases = ["base_psnr", "restored_base_psnr"]
    others = ["container_ssim", "secret_ssim", "secret_psnr_worst"]
    assert list(figures) == ["container_psnr", "secret_psnr", *bases, *others]
    assert figures["container_psnr"] == 35 + better
    assert figures["container_ssim"] == (35 + better) / 100
    assert figures["secret_ssim"] == 0.5
    assert [figures[name] for name in bases] == [round((35 + better) / count, 4) for count in (3, 4)]


@pytest.mark.parametrize(("kinds", "first"), [
    ([RENDERED, REAL, "folder"], "folder"), (["data", REAL], "data"), (["folder", "test_folder", REAL], "test_folder"),
])  # fmt: skip
def test_own_pictures_are_the_headline(kinds: list[str], first: str) -> None:
    assert headline_kind(kinds) == first
