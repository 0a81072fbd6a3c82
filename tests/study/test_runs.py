"""Stages of the study on a few small pictures, as DVC runs them."""

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import cloudpickle
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from pipeline.parameters.training import TrainParameters
from stegnet.networks import build_from, load_pair
from study import (
    classical,
    contents,
    jpeg_steganalysis,
    known,
    residual,
    sizes,
    steganalysis,
    survive,
    training,
    wrongkey,
)
from study.jpeg_features import Luma
from study.jpeg_steganalysis import HIDERS, JPEG, NOTHING, NSF5, OWN, WHILE_SAVING, JpegCase, available
from study.wrongkey import NONE, ONE_BIT, OTHER, RIGHT, compare, view
from tests.support.lab import PARAMS, ROOT, DataError, changed, check_as, flatten, read
from tests.support.pairs import Network
from tests.support.shards import write_shards

MODEM = ROOT / "study" / "modem.yaml"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kinds = [("train", "a")] * 7 + [("test", "photographs")] * 4
    return write_shards(tmp_path_factory.mktemp("shards"), kinds, 8)


def shrink(monkeypatch: pytest.MonkeyPatch, module: ModuleType, **values: object) -> None:
    """Makes a stage short."""
    for name, value in values.items():
        monkeypatch.setattr(module, name, value)


def by_a_copy(job: Callable[[], object]) -> object:
    """Return the result of a job that another process gets as a pickle."""
    return cloudpickle.loads(cloudpickle.dumps(job))()


def figures(folder: Path) -> dict[str, float]:
    return json.loads((folder / "metrics.json").read_text())


def test_steganalysis(config, shards: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    shrink(monkeypatch, steganalysis, RATES=(0.4,), REFERENCE_RATES=(0.4,), MOST=6, PROCESSES=1, call=by_a_copy)
    steganalysis.main(config, shards, weights, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "steganalysis.csv")
    assert len(table) == 3 * 2
    assert table[["pairs", "tested"]].drop_duplicates().to_numpy().tolist() == [[6, 10]]
    assert figures(tmp_path / "out").keys() == {"steganalysis_sealed_0.4", "steganalysis_network"}


def grey_levels(picture: np.ndarray) -> np.ndarray:
    """Return few features of a picture."""
    return np.histogram(picture, 8)[0].astype(np.float32)


def test_each_container_of_a_study_has_a_seed_of_its_own(
    picture: Callable[..., np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    shrink(monkeypatch, steganalysis, FAST={"levels": grey_levels}, SLOW={}, PROCESSES=1)
    pairs = [(picture(16, 16, seed), picture(16, 16, seed + 1)) for seed in range(12)]
    seeds: list[int] = []

    def hide(cover: np.ndarray, secret: np.ndarray, seed: int) -> np.ndarray:
        seeds.append(seed)
        return cover // 2

    rows = list(steganalysis.measure(steganalysis.Case("any", 0.4, hide), pairs[:8], pairs[8:], 0))
    assert (rows[0]["pairs"], rows[0]["tested"]) == (8, 12)
    assert len(set(seeds)) == len(seeds) == 12


def test_the_best_detector_is_published_as_such() -> None:
    table = pd.DataFrame({
        "name": ["sealed_0.4", "sealed_0.4", "control"],
        "method": [steganalysis.SEALED, steganalysis.SEALED, steganalysis.MATCHING],
        "accuracy": [0.6, 0.9, 1.0],
    })  # fmt: skip
    assert steganalysis.best_detectors(table) == {"steganalysis_sealed_0.4": 0.9}


@pytest.mark.night
def test_jpeg_steganalysis(config, cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    cases = [JpegCase(75, JPEG, 0.4, "DCTR"), JpegCase(75, NSF5, 0.4, "JRM"), JpegCase(95, WHILE_SAVING, 0.4, "GFR")]
    shrink(monkeypatch, jpeg_steganalysis, SIDE=64, LEAST=96, CASES=cases, MEGAPIXEL=3, AT_ONCE=cases[:1])
    shrink(monkeypatch, steganalysis, PROCESSES=1, call=by_a_copy)
    for number in range(10):
        Image.fromarray(np.roll(cat, 20 * number, 1)[:100, :120]).save(tmp_path / f"{number}.png")
    jpeg_steganalysis.main(config, tmp_path, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "jpeg_steganalysis.csv")
    assert list(table["method"]) == [JPEG, NSF5, WHILE_SAVING, JPEG]
    assert set(table["pairs"]) == {8} and list(table["tested"]) == [10, 10, 10, 3]
    assert (table.loc[table["method"].isin(OWN), "bits"] >= table.loc[table["method"].isin(OWN), "rate"]).all()
    assert figures(tmp_path / "out").keys() == {"jpeg_steganalysis_75_0.4", "jpeg_steganalysis_made_95_0.4"}


@pytest.mark.parametrize("method", [method for method in HIDERS if method != NOTHING])
def test_a_method_changes_some_coefficients_of_its_cover(method: str, cat: np.ndarray) -> None:
    if not available(method):
        pytest.skip(f"{method} is not installed")
    cover, container = (HIDERS[each](cat, 75, 0.2, 3) for each in (NOTHING, method))
    np.testing.assert_array_equal(cover.table, container.table)
    changes = container.coefficients.astype(int) - cover.coefficients
    assert 0.02 < np.count_nonzero(changes) / cover.nonzero < 0.15
    if method in OWN:
        assert np.abs(changes).max() == 1 and not changes[..., 0, 0].any()


def test_photographs_that_are_small_or_grey_are_left_out(tmp_path: Path, picture: Callable[..., np.ndarray]) -> None:
    Image.fromarray(picture(300, 400)).save(tmp_path / "small.png")
    Image.fromarray(picture(330, 400)[..., 0]).save(tmp_path / "grey.png")
    with pytest.raises(DataError, match="0 photographs"):
        jpeg_steganalysis.covers(tmp_path)


def test_sizes(exact: Network, picture: Callable[..., np.ndarray], five_levels) -> None:
    """Picture i hides picture i + 4 of its kind and size."""
    pictures = {("scenes", size): [picture(size, size, seed) for seed in range(3)] for size in (64, 128)}
    table = sizes.measure(exact, pictures, 4, 0)
    assert len(table) == 2 * 2 * 3  # sizes, sides, measures
    errors = [
        np.mean((picture(128, 128, seed).astype(float) - five_levels(picture(128, 128, seed))) ** 2)
        for seed in range(3)
    ]
    expected = 10 * np.log10(255**2 / np.array(errors))
    (secret,) = table.query("kind == 'scenes' and size == 128 and side == 'secret' and measure == 'psnr'").itertuples()
    assert (secret.mean, secret.worst) == pytest.approx((expected.mean(), expected.min()), abs=1e-4)


@pytest.mark.parametrize("shift", [0, 1, 3, 6])
def test_no_picture_hides_itself(
    exact: Network, picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    """Also where evaluate.shift is a multiple of the number of pictures."""
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    hide_and_reveal = sizes.hide_and_reveal

    def seen(network: Network, cover: np.ndarray, secret: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        pairs.append((cover, secret))
        return hide_and_reveal(network, cover, secret, seed)

    monkeypatch.setattr(sizes, "hide_and_reveal", seen)
    sizes.measure(exact, {("scenes", 64): [picture(64, 64, seed) for seed in range(3)]}, shift, 0)
    assert len(pairs) == 3
    assert not any(np.array_equal(cover, secret) for cover, secret in pairs)


def test_changes_are_a_share_of_the_cover_s_coefficients() -> None:
    """Those that are not 0: three of four, of which one becomes 0, and one that was 0 becomes 1."""
    before, after = (np.zeros((1, 1, 8, 8), np.int16) for _ in range(2))
    before[0, 0, :2, 1:3] = [[1, 2], [-1, 0]]
    after[0, 0, :2, 1:3] = [[0, 2], [-1, 0]]
    cover, container = (Luma(each, np.ones((8, 8), int), 75) for each in (before, after))
    assert jpeg_steganalysis._share_changed(cover, container) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("module", "written"),
    [
        (classical, (5 * 4, "classical_control")),
        (known, (2 * 2, "told_matching")),
        (residual, (2, "leak_4_bit_swap")),
        (survive, (1 + 7 + 7 + 4 + 1, "survive_jpeg_95_secret_psnr")),
    ],
)
def test_a_stage_writes_a_table_and_its_headline(
    config, shards: Path, weights: Path, tmp_path: Path, module: ModuleType, written: tuple[int, str]
) -> None:
    module.main(config, shards, weights, tmp_path)
    (table,) = tmp_path.glob("*.csv")
    rows, figure = written
    assert len(pd.read_csv(table)) == rows
    assert np.isfinite(figures(tmp_path)[figure])


@pytest.mark.night
def test_contents(config, shards: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hardest covers and secrets, each found alone, are also combined."""
    every, few = contents.contents, ("picture", "white", "noise", "text")
    shrink(monkeypatch, contents, HARDEST=2, contents=lambda *a: {name: every(*a)[name] for name in few})
    contents.main(config, shards, weights, tmp_path)
    table = pd.read_csv(tmp_path / "contents.csv").set_index(["cover", "secret"])
    assert len(table) == figures(tmp_path)["contents_trials"]
    alone = table.index[:7].tolist()
    assert alone == [*((name, "picture") for name in few), *(("picture", name) for name in few[1:])]
    worst_cover = table["container_psnr"].xs("picture", level="secret").idxmin()
    worst_secret = table["secret_psnr"].xs("picture", level="cover").idxmin()
    assert (worst_cover, worst_secret) in table.index
    assert figures(tmp_path)["contents_secret_psnr_worst"] == table["secret_psnr"].min()


def test_wrongkey(config, shards: Path, weights: Path, tmp_path: Path) -> None:
    """The right key shows all, a wrong one nothing, and all wrong ones get one answer."""
    wrongkey.main(config, shards, weights, tmp_path)
    found = figures(tmp_path)
    assert (found["attempts"], found["opened"], found["answers"]) == (256 + 4 + 3 * 5, 0, 1)
    assert pd.read_csv(tmp_path / "answers.csv")["answer"].str.startswith("error: nothing can be revealed").all()


@pytest.mark.arithmetic
def test_the_right_key_shows_all_and_a_wrong_one_nothing(exact: Network) -> None:
    """Secrets are busy everywhere, so that blocks in a wrong place do not fit by chance."""
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(5)]
    views = [view(exact, pair, bytes(range(32)), seed) for seed, pair in enumerate(pairwise(pictures))]
    states = {row["state"]: row for row in compare(views).to_dict("records")}
    assert states[RIGHT]["correlation"] > 0.9 and states[RIGHT]["mutual_information"] > 1
    assert states[RIGHT]["correlation_others"] < 0.1, "it looks at the own secret"
    for state in (ONE_BIT, OTHER, NONE):
        assert abs(states[state]["correlation"]) < 0.05 and abs(states[state]["mutual_information"]) < 0.05


def test_other_networks_differ_in_what_their_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    after = training.changed_config(MODEM)
    assert build_from(after.model).bits == 162
    pair = check_as(changed(read(PARAMS), {"model.name": "unet", "scramble.base": "none"}), TrainParameters)
    assert flatten(asdict(after)) == flatten(asdict(pair)) | flatten(read(MODEM))


@pytest.mark.night
def test_a_modem_is_trained_and_its_card_says_how(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train = {"batch": 2, "warmup": 1, "precision": "fp32", "devices": 1, "workers": 0}
    alone = {f"train.{key}": value for key, value in train.items()}
    Path("params.yaml").write_text(yaml.safe_dump(changed(read(PARAMS), alone)), encoding="utf-8")
    small = {"model.blocks": 2, "model.width": 4, "seed": 3, "train.pairs": 4, "train.crop": 32}
    Path("modem.yaml").write_text(yaml.safe_dump(changed(read(MODEM), small)), encoding="utf-8")
    training.main(Path("modem.yaml"), shards, Path("out/small.safetensors"))
    _, card = load_pair(Path("out/small.safetensors"))
    assert (card.options["blocks"], card.training["seed"], card.training["train"]["pairs"]) == (2, 3, 4)
    assert not list(tmp_path.glob(".checkpoints/others/*.pt"))
