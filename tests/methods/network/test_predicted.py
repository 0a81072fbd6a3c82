"""Pictures that a network predicts, by the method "network", as a user hides and reveals them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import coffee, rocket

import stegnet
from pipeline.evaluate.prediction_quality import PredictionEvaluator, load_network
from pipeline.evaluate.statistics import headline, summarise
from stegnet.core.measures import psnr
from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.image.pictures import read_picture
from stegnet.keys import Key
from stegnet.methods.predicted_pictures import hide_predicted, reveal_predicted
from stegnet.near import Steps, quantise
from stegnet.near.predicted import encode_predicted
from stegnet.near.weighing import best_bits
from stegnet.networks import load_pair, save_pair
from stegnet.networks.card import SHIPPED, kind_of, weights_file
from stegnet.networks.predicting import PredictingNetwork
from stegnet.served import PublicPair
from tests.support.lab import TEST
from tests.support.sealing import KEY
from tests.support.shards import ShardWriter

pytestmark = [
    pytest.mark.filterwarnings("ignore:the cover is a copy of one that was saved with loss"),
    pytest.mark.filterwarnings("ignore:.*would change the cover too much"),
    pytest.mark.slow,
]
SIDE = 160
COVER = rocket()[100 : 100 + SIDE, 100 : 100 + SIDE]
SECRET = coffee()[100 : 100 + SIDE, 200 : 200 + SIDE]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(COVER).save("cover.png")
    Image.fromarray(SECRET).save("secret.png")
    return tmp_path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network, as if another training had made it."""
    pair, card = load_pair(SHIPPED_PREDICTOR)
    path = tmp_path_factory.mktemp("own") / "own.safetensors"
    save_pair(path, pair, replace(card, training=card.training | {"beta": 1.0, "note": "another"}))
    return path


def test_pytorch_and_onnx_runtime_give_the_same_bytes() -> None:
    steps = Steps(3, 5, 80)
    levels = quantise(SECRET, steps)
    torch.set_num_threads(1)
    codes = {
        encode_predicted(levels, steps, PredictingNetwork.load(backend=backend).predictor)
        for backend in ("torch", "onnx", "auto")
    }
    assert len(codes) == 1


def test_a_picture_comes_back_within_a_level(files: Path) -> None:
    made = stegnet.hide("cover.png", "secret.png", "sent.png", key=KEY, method="network")
    stegnet.reveal("sent.png", "back.png", key=KEY)
    assert np.abs(read_picture(Path("back.png")).astype(int) - SECRET).max() == 1
    assert made.hiding and made.hiding.method == "network"
    assert psnr(COVER, read_picture(Path("sent.png"))) > 45.9


def test_weights_of_ones_own_fill_a_cover_as_their_beta_says(files: Path, own: Path) -> None:
    shipped = stegnet.hide("cover.png", "secret.png", "full.png", key=KEY, method="network")
    session = stegnet.Session(weights=own)
    session.hide("cover.png", "secret.png", "sent.png", key=KEY, method="network")
    full, sent = (psnr(COVER, read_picture(Path(name))) for name in ("full.png", "sent.png"))
    assert sent > full + 1
    with pytest.raises(stegnet.WeightsError, match="hidden with the network") as caught:
        stegnet.reveal("sent.png", "back.png", key=KEY)
    assert "weights" in str(caught.value.hint)
    assert not Path("back.png").exists()
    session.reveal("sent.png", "back.png", key=KEY)
    assert 44 < psnr(SECRET, read_picture(Path("back.png"))) < (shipped.secret_psnr or 0)


def test_what_needs_a_pair_is_hidden_by_one(files: Path, own: Path, make_film) -> None:
    """A secret of which a copy would lose a part; and pictures, if asked for."""
    transparent = np.dstack([SECRET, np.full((SIDE, SIDE), 200, np.uint8)])
    Image.fromarray(transparent).save("clear.png")
    stegnet.hide("cover.png", "clear.png", "clear-sent.png", key=KEY, method="network")
    stegnet.Session(weights="pair").hide("cover.png", "secret.png", "sent.png", key=KEY, method="network")
    for name in ("clear-sent.png", "sent.png"):
        assert dict(stegnet.info(name, key=KEY))["weights_installed"]
    for name in ("cover.mkv", "secret.mkv"):
        make_film(Path(name), 2, 96, 128)
    with pytest.raises(stegnet.WeightsError, match="predicts pictures, and hides no films"):
        stegnet.Session(weights=own).hide("cover.mkv", "secret.mkv", "sent.mkv", key=KEY, method="network")
    with pytest.raises(stegnet.WeightsError, match="predicts no pictures"):
        PredictingNetwork.load(SHIPPED)


def test_the_name_of_the_shipped_pair_gives_way_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert kind_of(weights_file("pair")) == "pair"
    assert kind_of(SHIPPED_PREDICTOR) == "multiscale"
    Path("pair").touch()
    assert weights_file("pair") == Path("pair")


def test_arrays_travel_through_files() -> None:
    network = PredictingNetwork.load()
    container, size = hide_predicted(network, COVER, SECRET, KEY)
    assert size < 7 * SIDE * SIDE / 8
    revealed = reveal_predicted(network, container, KEY)
    assert np.abs(revealed.astype(int) - SECRET).max() == 1
    with pytest.raises(stegnet.RevealError, match="nothing can be revealed"):
        reveal_predicted(network, container, Key(bytes(32)))
    found = PublicPair(SHIPPED_PREDICTOR).predict({"cover": COVER, "secret": SECRET})
    assert np.abs(found["revealed"].astype(int) - SECRET).max() == 1
    assert psnr(COVER, found["container"]) > 45.9


def test_an_evaluation_has_sizes_and_largest_errors(tmp_path: Path, own: Path) -> None:
    writer = ShardWriter(tmp_path / "shards", 2)
    for index, picture in enumerate((COVER, SECRET)):
        writer.add(np.ascontiguousarray(picture), TEST, f"p{index}", "photographs", SIDE, SIDE)
    writer.close()
    network = load_network(own)
    assert isinstance(network, PredictingNetwork)
    table, shown = PredictionEvaluator(network, tmp_path / "shards", 1, 0).evaluate(lambda indices: indices, 1)
    assert list(table["mode"]) == ["sealed", "sealed"]
    figures = headline(summarise(table))
    assert 2 < figures["secret_bpp"] < 6
    assert 1 <= figures["secret_pae"] <= 3
    assert figures["secret_psnr_worst"] == table["secret_psnr"].min().round(4)
    assert [result.names for result in shown["photographs"]] == [("p0", "p1")]


def test_the_weighed_rate_is_the_least_loss() -> None:
    """Against the errors of every rate, by the distributions of changes."""
    changes = np.arange(-30, 31)
    rates, errors = [], []
    for multiplier in np.exp(np.linspace(-4, 2, 600)):
        weights = np.exp(-multiplier * changes**2)
        shares = weights / weights.sum()
        rates.append(0.945 * -(shares * np.log2(shares.clip(1e-300))).sum())
        errors.append((shares * changes**2).sum())
    for beta in (0.1, 0.5, 1, 4):
        for bits in (1.0, 2.0, 2.5):
            losses = [error + beta * 2 / 3 * 4 ** (bits - rate) for rate, error in zip(rates, errors, strict=True)]
            assert best_bits(beta, bits) == pytest.approx(rates[int(np.argmin(losses))], abs=0.02)
    assert not math.isnan(best_bits(1e6, 8.0))
    assert best_bits(1e-6, 0.01) == pytest.approx(0, abs=0.01)
