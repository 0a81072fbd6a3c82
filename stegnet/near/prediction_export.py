"""Exporting a network that predicts pictures as ONNX files, and checking all their bits."""

from collections.abc import Mapping

import numpy as np
import torch

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import WeightsError
from stegnet.core.onnx_writing import serialised
from stegnet.near.integer_layers import IntegerPass, integer_networks
from stegnet.near.order import COLOURS, FILMS, MIXED
from stegnet.near.prediction_network import ACTIVATION, EXPONENT, MEAN, SHARE, PredictionNetwork
from stegnet.near.predictor import GRAPHS, REACH, Predictor


def prediction_graphs(network: PredictionNetwork, metadata: Mapping[str, str]) -> dict[str, bytes]:
    """Return the network's ONNX files by the names in GRAPHS, checked against it: equal in all bits.

    Args:
        network: the network.
        metadata: entries of each file; `Predictor` needs the id of the weights.

    Raises:
        WeightsError: its sums would not be exact.
        PackageError: the packages for exporting are not installed.
    """
    described = {**metadata, REACH: str(1 + network.blocks)}
    rows, columns = 8, 12  # of the example
    number = torch.tensor(1)
    sides = {2: torch.export.Dim("rows", min=1, max=1 << 20), 3: torch.export.Dim("cols", min=1, max=1 << 20)}
    graphs = {}
    for name, module in zip(GRAPHS, integer_networks(network), strict=True):
        if isinstance(module, IntegerPass):
            known = torch.zeros(1, 3 * (1 + GRAPHS.index(name)), rows, columns)
            graphs[name] = serialised(
                module, (known, number), ("known", "film"), ("linear", "features"), (sides, None), described
            )
        else:
            planes = torch.zeros(1, network.width, rows, columns), torch.zeros(1, 6, rows, columns)
            names = "features", "seen", "which"
            graphs[name] = serialised(module, (*planes, number), names, ("mixture",), (sides, sides, None), described)
    _check(network, graphs)
    return graphs


@torch.no_grad()
def _check(network: PredictionNetwork, graphs: Mapping[str, bytes]) -> None:
    """Raise WeightsError unless the ONNX files give what the network does, in all bits, on random levels."""
    random = np.random.default_rng(0)
    with temporary_folder() as folder:
        for name, graph in graphs.items():
            (folder / f"copy.{name}.onnx").write_bytes(graph)
        predictor = Predictor(folder / "copy.safetensors")
        for number, one in enumerate(network.predictors):
            for film in range(FILMS):
                filters = one(film)
                known = random.integers(0, 256, (3 * (number + 1), 13, 17), np.uint8)
                linear, features = filters.trunk(torch.from_numpy(known[None]).float())
                found, integers = predictor.trunk(number, film, known)
                same = [np.array_equal(linear[0].numpy() / MEAN, found)]
                same += [np.array_equal(features.numpy() / ACTIVATION, integers)]
                for colour in range(len(COLOURS)):
                    seen = np.zeros((6, 13, 17), np.float32)
                    seen[: 3 * colour] = random.integers(-64, 65, (3 * colour, 13, 17))
                    output = filters.head(colour, features, torch.from_numpy(seen[None, : 3 * colour]) * ACTIVATION)
                    steps = np.array([MEAN] * MIXED + [EXPONENT] * 2 * MIXED + [SHARE] * colour)[:, None, None]
                    mixture = predictor.mixture(number, colour, integers, seen)[: len(steps)]
                    same.append(np.array_equal(output[0].numpy() / steps, mixture))
                if not all(same):
                    raise WeightsError(f"the ONNX file of pass {number + 1} disagrees with the network")
