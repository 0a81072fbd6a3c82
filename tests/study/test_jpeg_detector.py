"""The network that detects containers in JPEGs: what it sees, what it learns, and its stage on a few pictures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic
from study import jpeg_detector, jpeg_network, jpeg_steganalysis
from study.jpeg_detector import Rung, main, split
from study.jpeg_features import Luma
from study.jpeg_hiders import JPEG, NSF5, STEGHIDE, saved_luma
from study.jpeg_network import JpegNetwork, LumaPairs, score, soft_bins, train_network

BACKBONE = ("resnet10t", 2)


@pytest.fixture
def covers(picture) -> list[Luma]:
    return [saved_luma(picture(64, 64, seed), 75) for seed in range(40)]


def stepped(cover: Luma) -> Luma:
    """Every tenth coefficient a step away: far more than any method changes."""
    random = np.random.default_rng(cover.nonzero)
    steps = random.choice((-1, 1), cover.coefficients.shape) * (random.random(cover.coefficients.shape) < 0.1)
    return replace(cover, coefficients=cover.coefficients + steps)


def pairs_of(covers: list[Luma]) -> LumaPairs:
    return LumaPairs(*(np.stack([luma.pixels() for luma in side]) for side in (covers, map(stepped, covers))))


@pytest.mark.slow
def test_steps_are_detected_in_unseen_pictures(covers: list[Luma], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_network, "BATCH", 8)
    make_deterministic(0, 1)
    start = JpegNetwork(covers[0].table, *BACKBONE)
    before = [values.clone() for values in start.state_dict().values()]
    network = train_network(start, pairs_of(covers[:24]), 40, 0, lambda steps: steps)
    unseen = pairs_of(covers[24:])
    assert score(network, unseen).accuracy > 0.9
    assert score(network, LumaPairs(unseen.containers, unseen.covers)).accuracy < 0.1
    assert all(map(torch.equal, before, start.state_dict().values())), "the network that it starts from stays as it was"


def test_the_first_channels_are_the_sizes_of_the_coefficients(covers: list[Luma]) -> None:
    network, luma = JpegNetwork(covers[0].table, *BACKBONE), covers[0]
    steps = network._on_grids(torch.from_numpy(luma.pixels())[None, None])
    own = steps[0].reshape(64, 4, 8, 8)[:, 0].permute(1, 2, 0).reshape(8, 8, 8, 8)
    np.testing.assert_allclose(own, luma.coefficients, atol=1e-3)
    bins = soft_bins(torch.tensor([0.0, -1.0, 1.5, 9.0]).reshape(1, 4, 1, 1)).reshape(4, 4)
    assert bins[:3].tolist() == [[1, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 0.5, 0]]


def test_a_stem_keeps_its_resolution(covers: list[Luma]) -> None:
    for backbone in ("resnet10t", "efficientnet_b0"):
        network = JpegNetwork(covers[0].table, backbone, 2)
        assert network.encoder(torch.zeros(1, 96, 32, 32))[0].shape[2:] == (32, 32)


def test_no_photograph_is_both_trained_on_and_tested_on() -> None:
    photographs = [np.full((256, 300, 3), number, np.uint8) for number in range(50)]
    known, unseen = split(photographs)
    assert len(known) == 2 * (50 - len(unseen)) and {one.shape for one in (*known, *unseen)} == {(256, 256, 3)}
    assert not {one.max() for one in known} & {one.max() for one in unseen}


@pytest.mark.slow
def test_each_rung_is_tested_and_resumed(config: Config, tmp_path: Path, cat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEGNET_CACHE", str(tmp_path / "cache"))
    for module in (jpeg_steganalysis, jpeg_detector):
        monkeypatch.setattr(module, "SIDE", 64)
    monkeypatch.setattr(jpeg_steganalysis, "LEAST", 96)
    monkeypatch.setattr(jpeg_network, "BATCH", 4)
    monkeypatch.setattr(jpeg_detector, "BACKBONES", {"cpu": BACKBONE, "cuda": BACKBONE})
    rungs = (Rung(STEGHIDE, 0.1, 2), Rung(NSF5, 0.4, 3, "steghide_0.1"), Rung(JPEG, 0.4, 3, "nsF5_0.4"))
    monkeypatch.setattr(jpeg_detector, "RUNGS", rungs)
    monkeypatch.setattr(jpeg_detector, "is_available", lambda method: method != STEGHIDE)
    for number in range(10):
        Image.fromarray(np.roll(cat, 20 * number, 1)[:100, :120]).save(tmp_path / f"{number}.png")
    main(config, tmp_path, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "jpeg_detector.csv")
    assert list(table["method"]) == [NSF5, JPEG] and set(table["pairs"]) == {14} and set(table["tested"]) == {3}
    assert set(json.loads((tmp_path / "out" / "metrics.json").read_text())) == {
        "jpeg_detector_nsF5_0.4",
        "jpeg_detector_jpeg_0.4",
    }
    monkeypatch.setattr(jpeg_detector, "train_network", None)  # what is kept is not trained again
    main(config, tmp_path, tmp_path / "again")
    assert (tmp_path / "again" / "jpeg_detector.csv").read_bytes() == (
        tmp_path / "out" / "jpeg_detector.csv"
    ).read_bytes()
