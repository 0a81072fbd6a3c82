import math
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.evaluate.quality import (
    Evaluator,
    HideRevealResult,
    measure_quality,
    measure_speed,
)
from pipeline.evaluate.statistics import REAL
from pipeline.shards import RENDERED
from stegnet.core.measures import SEALED
from stegnet.record import encode_base
from tests.support.lab import TEST, TRAIN
from tests.support.quality import psnr
from tests.support.shards import ShardWriter

pytestmark = pytest.mark.arithmetic

PHOTOGRAPHS, SCENES = ["p0", "p1", "p2"], ["s0", "s1"]
BARE = "bare"


@pytest.fixture
def shards(tmp_path, picture) -> Path:
    writer = ShardWriter(tmp_path / "shards", 2)
    writer.add(picture(64, 64, 99), TRAIN, "trained on", "folder", 64, 64)
    for index, name in enumerate(PHOTOGRAPHS + SCENES):
        source = "photographs" if name in PHOTOGRAPHS else "scenes"
        writer.add(picture(64, 64, index), TEST, name, source, 64, 64)
    writer.close()
    return tmp_path / "shards"


@pytest.mark.parametrize(("shift", "apart"), [(1, 1), (3, 1), (5, 2)])
def test_the_secret_is_another_picture_of_the_same_kind(shards, exact, shift, apart, picture):
    evaluator = Evaluator(exact, shards, shift, 0)
    assert evaluator.pairs.kinds == [REAL, RENDERED]
    assert [evaluator.pairs.count(kind) for kind in evaluator.pairs.kinds] == [3, 2]
    for index in range(3):
        result = evaluator.run(REAL, index, SEALED)
        assert result.names == (PHOTOGRAPHS[index], PHOTOGRAPHS[(index + apart) % 3])
        assert np.array_equal(result.cover, picture(64, 64, index))
        assert np.array_equal(result.secret, picture(64, 64, (index + apart) % 3))
    result = evaluator.run(RENDERED, 1, SEALED)
    assert result.names == ("s1", "s0")  # never the cover itself
    assert np.array_equal(result.cover, picture(64, 64, 4))


def test_no_two_pairs_have_the_same_randomness(tmp_path, exact, picture):
    """Though all pictures are alike."""
    writer = ShardWriter(tmp_path / "shards", 2)
    for name in PHOTOGRAPHS:
        writer.add(picture(64, 64, 0), TEST, name, "photographs", 64, 64)
    writer.close()
    evaluator = Evaluator(exact, tmp_path / "shards", 1, 0)
    assert len({evaluator.run(REAL, index, SEALED).container.tobytes() for index in range(3)}) == 3


@pytest.mark.parametrize("mode", [SEALED, BARE])
def test_the_secret_is_revealed_from_the_container(shards, exact, five_levels, mode):
    result = Evaluator(exact, shards, 1, 0).run(REAL, 0, mode)
    assert np.array_equal(result.revealed, five_levels(result.secret))
    assert np.array_equal(result.container & 0xF0, result.cover & 0xF0)


def test_the_table_has_one_row_per_kind_pair_and_mode_of_that_pair(shards, exact):
    """Threads finish in any order."""
    evaluator = Evaluator(exact, shards, 1, 0)
    table, shown = evaluator.evaluate(2)
    assert list(table.columns[:4]) == ["kind", "mode", "cover", "secret"]
    assert list(table["cover"][::2]) == PHOTOGRAPHS + SCENES
    assert list(table["mode"]) == [SEALED, BARE] * 5
    first = [PHOTOGRAPHS[:2], SCENES[:2]]
    assert [[result.names[0] for result in results] for results in shown.values()] == first
    places = [(REAL, 0), (REAL, 1), (REAL, 2), (RENDERED, 0), (RENDERED, 1)]
    results = [evaluator.run(*place, SEALED) for place in places]
    sealed = table[table["mode"] == SEALED]
    assert list(sealed["secret"]) == [result.names[1] for result in results]
    assert list(sealed["container_psnr"]) == pytest.approx([psnr(each.cover, each.container) for each in results])


def test_measures_of_one_result():
    grey = np.full((16, 16, 3), 100, np.uint8)
    figures = measure_quality(HideRevealResult(("a", "b"), grey, grey + np.uint8(1), grey, grey + np.uint8(2)))
    assert list(figures) == [f"{side}_{name}" for side in ("container", "secret") for name in ("psnr", "ssim", "apd")]
    assert figures["container_psnr"] == pytest.approx(48.1308036)  # 20 · log10(255)
    assert figures["secret_psnr"] == pytest.approx(48.1308036 - 20 * math.log10(2))
    assert (figures["container_apd"], figures["secret_apd"]) == (1, 2)


def test_the_base_alone_is_what_the_record_holds(shards, exact, picture):
    """However much the pair's residual gives: five levels of it, or nothing."""
    coded = replace(exact, base="coded", quality=20)
    grey = np.full((64, 64, 3), 128, np.uint8)
    for network, base in ((coded, lambda secret: encode_base(secret, "coded", 20, 10**6)[1].picture), (exact, grey)):
        table = Evaluator(network, shards, 1, 0).evaluate()[0].query("kind == 'photographs'")
        sealed, bare = (table[table["mode"] == mode]["base_psnr"] for mode in (SEALED, BARE))
        secrets = [picture(64, 64, index) for index in (1, 2, 0)]
        expected = [psnr(secret, base(secret) if callable(base) else base) for secret in secrets]
        assert list(sealed) == pytest.approx(expected)
        assert bare.isna().all()
        assert (table[table["mode"] == SEALED]["secret_psnr"] - sealed).abs().min() > 1


def taking(seconds: float) -> Mock:
    """A network that takes a known time, at least."""

    def compute(picture: np.ndarray, *others: np.ndarray) -> np.ndarray:
        time.sleep(seconds)
        return picture

    return Mock(side_effect=compute)


def test_times_are_of_all_networks_that_a_side_needs() -> None:
    seconds = {"prepare": 0.0, "enhance": 0.02, "hide": 0.03, "reveal": 0.0, "restore": 0.01}
    engine = Mock(**{name: taking(least) for name, least in seconds.items()})
    speed = measure_speed(engine)
    assert speed["hide_ms_per_megapixel"] >= 50
    assert speed["reveal_ms_per_megapixel"] >= 30
    sizes = [{picture[..., 0].size for picture in call.args} for call in engine.hide.call_args_list]
    assert sizes == [{10**6}] * 4  # one to warm up, and three that count
