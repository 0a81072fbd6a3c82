"""All methods on the same pairs, with small pictures, untrained networks and few rates."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stegnet.data.shards import TEST
from stegnet.evaluation.quality import PicturePairs
from stegnet.models import load_pair, save_pair
from study import tradeoff
from study.tradeoff import classical_methods, draw, measure, network_methods, summarise
from tests.support.shards import ShardWriter

pytestmark = pytest.mark.slow

SIZE = 96


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, cat: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "shards"
    writer = ShardWriter(folder, 100)
    for number, (kind, y) in enumerate([("scenes", 0), ("scenes", 30), ("photographs", 60), ("photographs", 150)]):
        writer.add(np.ascontiguousarray(cat[y : y + SIZE, y : y + SIZE]), TEST, f"{number}.png", kind, 256, 256)
    writer.close()
    return folder


@pytest.fixture(scope="module")
def all_rivals(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """All that are needed; the ancestors' hide the whole picture."""
    folder = tmp_path_factory.mktemp("rivals")
    for beta in tradeoff.BETAS:
        shutil.copy(weights, folder / f"beta_{beta}.safetensors")
    pair, card = load_pair(weights)
    for name in tradeoff.ANCESTORS:
        whole = replace(card, scramble=card.scramble | {"base": "none"})
        save_pair(folder / f"{name}.safetensors", pair, whole)
    return folder


@pytest.fixture(scope="module")
def table(shards: Path, all_rivals: Path, weights: Path) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(tradeoff, "RATES", (1.0, 2.0))
        monkeypatch.setattr(tradeoff, "SWAPPED", (1, 4))
        methods = network_methods(weights, all_rivals) | classical_methods()
        return measure(methods, PicturePairs(shards, 1), 0, lambda indices: indices)


def test_every_method_on_every_pair_of_the_main_kind(table: pd.DataFrame) -> None:
    assert set(table["kind"]) == {"photographs"}
    assert set(table.groupby(["series", "setting"]).size()) == {2}
    counts = table.drop_duplicates(["series", "setting"])["series"].value_counts().to_dict()
    assert counts == {"stegnet": 1, "baluja": 1, "unet": 1, "beta": 5, "swap": 2, "sealed": 3, "sealed evenly": 2}
    assert table["bits_per_pixel"].notna().equals(table["series"].isin(("sealed", "sealed evenly")))


def test_the_summary_and_its_bound(table: pd.DataFrame, tmp_path: Path) -> None:
    means = summarise(table)
    users, even, ideal = (
        means[(means["series"] == name) & (means["setting"] == "2.0")].iloc[0]
        for name in ("sealed", "sealed evenly", "ideal")
    )
    assert (ideal["how"], users["how"], even["how"]) == ("computed", "measured", "measured")
    assert users["container_psnr"] < even["container_psnr"] < ideal["container_psnr"] < even["container_psnr"] + 2
    assert ideal["secret_psnr"] == users["secret_psnr"] == even["secret_psnr"]
    published = means[means["how"] == "published"]
    assert published["source"].notna().all()
    assert set(published["setting"]) == {"8 bits", "float"}
    draw(means, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 10_000
