import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stegnet.codec import Network
from stegnet.data.shards import TEST, TRAIN, ShardWriter
from stegnet.evaluation.quality import (
    BARE,
    MEASURES,
    REAL,
    RENDERED,
    SEALED,
    Bench,
    Trip,
    foremost,
    headline,
    measures,
    presentable,
    summarise,
)
from stegnet.models import Pair

pytestmark = pytest.mark.arithmetic

PHOTOGRAPHS, SCENES = ["p0", "p1", "p2"], ["s0", "s1"]


class Swap(Pair):
    """The container is the hidden picture itself, brought to [0, 1]."""

    def hide(self, cover, hidden):
        return hidden + 0.5

    def reveal(self, container):
        return container - 0.5


@pytest.fixture
def swap() -> Network:
    return Network.of(Swap(), "5a" * 32, detail=False, block=8, precision="fp32")


@pytest.fixture
def shards(tmp_path, picture) -> Path:
    writer = ShardWriter(tmp_path / "shards", 2)
    writer.add(picture(64, 64, 99), TRAIN, "trained on", "folder", 64, 64)
    for index, name in enumerate(PHOTOGRAPHS + SCENES):
        source = "photographs" if name in PHOTOGRAPHS else "scenes"
        writer.add(picture(64, 64, index), TEST, name, source, 64, 64)
    writer.close()
    return tmp_path / "shards"


def silent(indices):
    return indices


@pytest.mark.parametrize(("shift", "apart"), [(1, 1), (2, 2), (3, 1), (4, 1), (5, 2), (6, 1)])
def test_the_secret_is_another_picture_of_the_same_kind(shards, exact, shift, apart, picture):
    bench = Bench(exact, shards, shift, 0)
    assert bench.kinds == [REAL, RENDERED]
    assert [bench.count(kind) for kind in bench.kinds] == [3, 2]
    for index in range(3):
        trip = bench.travel(REAL, index, SEALED)
        assert trip.names == (PHOTOGRAPHS[index], PHOTOGRAPHS[(index + apart) % 3])
        assert np.array_equal(trip.cover, picture(64, 64, index))
        assert np.array_equal(trip.secret, picture(64, 64, (index + apart) % 3))
    trip = bench.travel(RENDERED, 1, SEALED)
    assert trip.names == ("s1", "s0")  # never the cover itself
    assert np.array_equal(trip.cover, picture(64, 64, 4))


def test_each_source_is_a_kind_unless_it_has_a_single_picture(tmp_path, exact, picture):
    writer = ShardWriter(tmp_path, 2)
    for index, source in enumerate(["folder", "bsds500", "data", "bsds500", "folder", "folder"]):
        writer.add(picture(64, 64, index), TEST, f"{source} {index}", source, 64, 64)
    writer.close()
    bench = Bench(exact, tmp_path, 1, 0)
    assert {kind: bench.count(kind) for kind in bench.kinds} == {"folder": 3, "bsds500": 2}
    assert bench.travel("bsds500", 1, SEALED).names == ("bsds500 3", "bsds500 1")


@pytest.mark.parametrize("mode", [SEALED, BARE])
def test_what_is_revealed_comes_out_of_the_container(shards, exact, five_levels, mode):
    trip = Bench(exact, shards, 1, 0).travel(REAL, 0, mode)
    assert np.array_equal(trip.revealed, five_levels(trip.secret))
    assert np.array_equal(trip.container & 0xF0, trip.cover & 0xF0)


def test_the_secret_is_scrambled_and_only_sealed_bits_tell_the_modes_apart(shards, swap):
    sealed, bare = (Bench(swap, shards, 1, 0).travel(REAL, 0, mode) for mode in (SEALED, BARE))
    assert np.array_equal(bare.revealed, bare.secret)
    assert (bare.container != bare.secret).mean() > 0.5
    change = np.abs(sealed.revealed.astype(int) - sealed.secret)
    assert change.max() == 1
    assert 0.05 < change.mean() < 0.5


def test_shuffles_follow_from_seed_and_picture(shards, swap):
    def container(seed: int, index: int, mode: str) -> np.ndarray:
        return Bench(swap, shards, 2 - index, seed).travel(REAL, index, mode).container  # always of p2

    for mode in (SEALED, BARE):
        assert np.array_equal(container(0, 0, mode), container(0, 0, mode))
        assert not np.array_equal(container(0, 0, mode), container(1, 0, mode))
        assert not np.array_equal(container(0, 0, mode), container(0, 1, mode))


def test_sealed_bits_cost_the_container_and_spare_an_ideal_pair(shards, exact):
    table = Bench(exact, shards, 1, 0).measure(silent)
    secret = [f"secret_{measure}" for measure in MEASURES]
    sealed, bare = (table[table["mode"] == mode].reset_index(drop=True) for mode in (SEALED, BARE))
    pd.testing.assert_frame_equal(sealed[["cover", "secret", *secret]], bare[["cover", "secret", *secret]])
    assert len(sealed) == len(bare) == 5
    assert (table["container_psnr"] > 25).all()


def test_the_table_has_one_row_per_kind_pair_and_mode(shards, exact):
    seen = []
    table = Bench(exact, shards, 1, 0).measure(lambda indices: seen.append(indices) or indices)
    assert seen == [range(3), range(2)]
    assert list(table.columns[:4]) == ["kind", "mode", "cover", "secret"]
    assert list(table["cover"][::2]) == PHOTOGRAPHS + SCENES
    assert list(table["mode"]) == [SEALED, BARE] * 5


def test_measures_of_one_trip():
    grey = np.full((16, 16, 3), 100, np.uint8)
    figures = measures(Trip(("a", "b"), grey, grey + np.uint8(1), grey, grey + np.uint8(2)))
    assert list(figures) == [f"{side}_{name}" for side in ("container", "secret") for name in ("psnr", "ssim", "apd")]
    assert figures["container_psnr"] == pytest.approx(48.1308036)  # 20 · log10(255)
    assert figures["secret_psnr"] == pytest.approx(48.1308036 - 20 * math.log10(2))
    assert (figures["container_apd"], figures["secret_apd"]) == (1, 2)


SIGHT = ["msssim", "haarpsi", "de2000"]


def test_the_eyes_measures_are_taken_of_sealed_pairs(shards, exact):
    table = Bench(exact, shards, 1, 0).measure(silent)
    columns = [f"{side}_{name}" for side in ("container", "secret") for name in SIGHT]
    assert list(table.columns[10:16]) == columns
    assert table[table["mode"] == SEALED][columns].notna().all(axis=None)
    assert table[table["mode"] == BARE][columns].isna().all(axis=None)
    summary = summarise(table)[REAL]
    assert set(summary[SEALED]) - set(summary[BARE]) >= set(columns)
    assert summary[SEALED]["container_de2000"]["worst"] == pytest.approx(
        table[(table["kind"] == REAL) & (table["mode"] == SEALED)]["container_de2000"].max(), abs=1e-4
    )


def test_any_number_of_threads_gives_the_same_figures(shards, weights):
    def measured(threads: int) -> pd.DataFrame:
        torch.set_num_threads(threads)
        return Bench(Network.load(weights, device="cpu"), shards, 1, 0).measure(silent)

    pd.testing.assert_frame_equal(measured(1), measured(3), check_exact=True)


def test_each_row_is_of_its_own_pair(shards, exact):
    """Threads finish in any order; and a container that is measured against another cover would show."""
    bench = Bench(exact, shards, 1, 0)
    table = bench.measure(silent)
    for kind in bench.kinds:
        rows = table[(table["kind"] == kind) & (table["mode"] == SEALED)]
        for (_, row), index in zip(rows.iterrows(), range(bench.count(kind)), strict=True):
            trip = bench.travel(kind, index, SEALED)
            error = np.mean((trip.cover.astype(float) - trip.container) ** 2)
            assert row["container_psnr"] == pytest.approx(10 * math.log10(255**2 / error))
            assert row["secret"] == trip.names[1]
            wrong = bench.travel(kind, index + 1, SEALED)
            assert (
                measures(Trip(trip.names, wrong.cover, trip.container, trip.secret, trip.revealed))["container_psnr"]
                < row["container_psnr"] - 10
            )


def test_trips_are_those_of_a_user(shards, exact):
    bench = Bench(exact, shards, 1, 0)
    for index, trip in enumerate(bench.trips(REAL, range(2))):
        assert np.array_equal(trip.container, bench.travel(REAL, index, SEALED).container)


def table(kinds: list[str]) -> pd.DataFrame:
    """Three pairs a kind; scenes are 10 dB better, bare ones 1 dB worse."""
    rows = []
    for kind in kinds:
        for index, psnr in enumerate([30.0, 33.0, 42.0]):
            for mode in (SEALED, BARE):
                value = psnr + 10 * (kind == RENDERED) - (mode == BARE)
                row = {"kind": kind, "mode": mode, "cover": str(index), "secret": "x"}
                row |= {"container_psnr": value, "container_ssim": value / 100, "container_apd": 50 - value}
                row |= {"secret_psnr": value / 2, "secret_ssim": 0.5, "secret_apd": 2.0}
                if mode == SEALED:
                    row |= {f"{side}_haarpsi": value / 50 for side in ("container", "secret")}
                    row |= {f"{side}_de2000": 60 - value for side in ("container", "secret")}
                rows.append(row)
    return pd.DataFrame(rows)


def test_the_summary_by_hand():
    modes = summarise(table([REAL]))[REAL]
    sealed = modes[SEALED]
    assert list(modes[BARE]) == [f"{side}_{name}" for side in ("container", "secret") for name in MEASURES]
    expected = {"mean": 35.0, "ci_low": 19.4866, "ci_high": 50.5134, "median": 33.0}  # 4.30265 · √13 to each side
    assert sealed["container_psnr"] == expected | {"worst": 30.0, "worst_1_percent": 30.0}
    assert sealed["container_ssim"]["worst"] == 0.3
    assert (sealed["container_apd"]["median"], sealed["container_apd"]["worst"]) == (17, 20)
    assert (sealed["container_de2000"]["worst"], sealed["container_haarpsi"]["worst"]) == (30, 0.6)
    assert (sealed["secret_psnr"]["mean"], sealed["secret_psnr"]["worst"]) == (17.5, 15)


@pytest.mark.parametrize(
    ("kinds", "better"), [([REAL], 0), (["bsds500", REAL], 0), ([REAL, RENDERED], 0), ([RENDERED], 10)]
)
def test_the_headline_is_of_photographs_where_there_are_any(kinds, better):
    figures = headline(summarise(table(kinds)))
    assert figures["container_psnr"] == 35 + better
    assert figures["container_psnr_worst"] == 30 + better
    assert figures["container_psnr_bare"] == 34 + better
    assert figures["secret_psnr_worst"] == 15 + better / 2
    assert figures["secret_apd"] == 2
    assert figures["secret_de2000"] == 25 - better
    assert figures["container_haarpsi"] == (35 + better) / 50
    assert len(figures) == 5 * 2 + 2 + 2


def test_each_figure_of_the_headline_is_of_its_own_column():
    """No two are alike: each is the place of its mode, side, measure and statistic."""
    of = ("mean", "ci_low", "ci_high", "median", "worst", "worst_1_percent")
    sides, names = ("container", "secret"), ("psnr", "ssim", "apd", "haarpsi", "de2000", "msssim")
    modes = {
        mode: {
            f"{side}_{name}": {statistic: f"{mode} {side} {name} {statistic}" for statistic in of}
            for side in sides
            for name in names
        }
        for mode in (SEALED, BARE)
    }
    expected = {f"{side}_{name}": f"sealed {side} {name} mean" for side in sides for name in names[:5]}
    expected |= {f"{side}_psnr_worst": f"sealed {side} psnr worst" for side in sides}
    assert headline({REAL: modes}) == expected | {f"{side}_psnr_bare": f"bare {side} psnr mean" for side in sides}


def test_pictures_of_ones_own_come_before_scenes():
    assert foremost([RENDERED, "folder"]) == "folder"
    assert presentable(["folder", RENDERED, REAL]) == RENDERED
    assert presentable(["folder", REAL]) == REAL
