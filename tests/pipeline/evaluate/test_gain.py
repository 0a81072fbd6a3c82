"""The gain of training, against the pair that it started from."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.evaluate.gain import measure_gain
from pipeline.evaluate.quality import Evaluator
from pipeline.evaluate.statistics import REAL
from stegnet.core.measures import SEALED
from stegnet.networks import SHIPPED, Network, load_pair, save_pair, weights_id
from tests.support.lab import TEST, DataError
from tests.support.pairs import save_untrained
from tests.support.quality import psnr
from tests.support.shards import write_shards

pytestmark = pytest.mark.arithmetic


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_shards(tmp_path / "shards", [(TEST, REAL)] * 2)


def test_a_better_container_counts_for_the_secret(shards: Path, tmp_path: Path) -> None:
    """And a worse one against it."""
    weights = save_untrained(tmp_path / "pair.safetensors", {"train": {"start": "fresh"}})

    def gains(container: float, secret: float) -> list[float]:
        trained = {"container_psnr": start["container"] + container, "secret_psnr": start["secret"] + secret}
        found = measure_gain(trained, weights, shards, 1, 0)
        return [found[f"gain_psnr{bound}"] for bound in ("", "_low", "_high")]

    found = measure_gain({"container_psnr": 0.0, "secret_psnr": 0.0}, weights, shards, 1, 0)
    start = {side: found[f"untrained_{side}_psnr"] for side in ("container", "secret")}
    assert gains(2, 1) == pytest.approx([1 + 2 * 0.6, 1 + 2 * 0.33, 1 + 2 * 0.69], abs=1e-3)
    assert gains(-2, 1) == pytest.approx([1 - 2 * 0.6, 1 - 2 * 0.69, 1 - 2 * 0.33], abs=1e-3)


def test_a_training_that_started_from_the_shipped_pair_is_compared_with_it(shards: Path, tmp_path: Path) -> None:
    pair, card = load_pair(SHIPPED)

    def started_from(weights: str) -> Path:
        save_pair(tmp_path / "pair.safetensors", pair, replace(card, training={"train": {"start": weights}}))
        return tmp_path / "pair.safetensors"

    shipped = Evaluator(Network.load(SHIPPED, backend="torch"), shards, 1, 0)
    results = [shipped.run(REAL, index, SEALED) for index in range(2)]
    expected = {
        "container_psnr": sum(psnr(each.cover, each.container) for each in results) / 2,
        "secret_psnr": sum(psnr(each.secret, each.revealed) for each in results) / 2,
    }
    found = measure_gain(expected, started_from(weights_id(SHIPPED)), shards, 1, 0)
    assert found["untrained_secret_psnr"] == pytest.approx(expected["secret_psnr"], abs=1e-3)
    assert found["gain_psnr"] == pytest.approx(0, abs=1e-3)
    with pytest.raises(DataError, match="weights that are not those"):
        measure_gain(expected, started_from("5e" * 32), shards, 1, 0)
