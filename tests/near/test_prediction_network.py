"""The network that predicts pictures: what its filters see, and the same integers from every engine."""

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from stegnet import WeightsError
from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.core.onnx_graphs import ID
from stegnet.near import GRAPHS, Predictor
from stegnet.near.integer_layers import integer_networks
from stegnet.near.order import FILMS
from stegnet.near.prediction_export import prediction_graphs
from stegnet.near.prediction_network import rounded
from stegnet.networks import load_pair
from study.tasks.multiscale import Multiscale


@pytest.fixture
def network() -> Multiscale:
    torch.manual_seed(0)
    return Multiscale(blocks=1, width=8)


def test_blind_filters_do_not_see_brightness(network: Multiscale):
    """After rounding, too."""
    with torch.no_grad():
        for one in network.predictors:
            for film in range(FILMS):
                weight, _ = one(film).first
                assert weight[: 8 - 4].sum((1, 2, 3)).abs().max() == 0
            assert (one.linear()[0].sum((1, 2, 3)) == 0).all()


def test_rounding_has_the_gradient_of_what_is_inside():
    values = torch.tensor([-3.0, -0.26, 0.13, 0.12, 1.9, 2.6], requires_grad=True)
    result = rounded(values, 0.25, 2.0)
    assert result.tolist() == [-2.0, -0.25, 0.25, 0.0, 2.0, 2.0]
    result.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 1, 1, 1, 1, 1]  # the last one leads back
    values.grad = None
    (-rounded(values, 0.25, 2.0).sum()).backward()
    assert values.grad.tolist() == [0, -1, -1, -1, -1, 0]


def test_every_engine_gives_the_same_integers():
    """ONNX Runtime, NumPy as the package onnx has it, and PyTorch; the page's runtime reads test vectors."""
    predictor = Predictor(SHIPPED_PREDICTOR)
    modules = integer_networks(load_pair(SHIPPED_PREDICTOR)[0])
    reference = [ReferenceEvaluator(onnx.load(SHIPPED_PREDICTOR.with_suffix(f".{name}.onnx"))) for name in GRAPHS]
    random = np.random.default_rng(3)
    for number in range(3):
        channels = 3 * (number + 1)
        checker = np.indices((21, 30)).sum(0) % 2 * np.full((channels, 1, 1), 255)
        for film, known in ((0, random.integers(0, 256, (channels, 21, 30))), (4, checker), (8, checker // 5)):
            linear, features = predictor.trunk(number, film, known.astype(np.uint8))
            inputs = {"known": known[None].astype(np.float32), "film": np.array(film)}
            slow = reference[number].run(None, inputs)
            with torch.no_grad():
                learnt = modules[number](torch.from_numpy(inputs["known"]), torch.tensor(film))
            for found in (slow, [part.numpy() for part in learnt]):
                np.testing.assert_array_equal(found[0][0], linear)
                np.testing.assert_array_equal(found[1], features)
            assert features.min() >= 0
            assert features.max() <= 255
            seen = random.integers(-64, 65, (6, 21, 30)).astype(np.float32)
            mixture = predictor.mixture(number, 2, features, seen)
            inputs = {"features": features, "seen": seen[None], "which": np.array(3 * number + 2)}
            np.testing.assert_array_equal(reference[3].run(None, inputs)[0][0], mixture)


def test_exported_files_hold_the_network_and_are_the_same_bytes_again(network: Multiscale):
    """`prediction_graphs` compares each with the network, and would raise."""
    graphs = prediction_graphs(network, {ID: "00" * 32})
    assert set(graphs) == set(GRAPHS)
    assert graphs == prediction_graphs(network, {ID: "00" * 32})


def test_weights_that_are_too_large_are_not_exported():
    """Their sums would not be exact."""
    network = Multiscale(blocks=1, width=80)
    network.predictors[0].middle[0].weight.data.uniform_(0.9, 1.0)
    with pytest.raises(WeightsError, match="would not be exact"):
        prediction_graphs(network, {ID: "00" * 32})
