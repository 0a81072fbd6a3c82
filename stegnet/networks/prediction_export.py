"""Exporting a network that predicts pictures as ONNX files, and checking all their bits."""

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import WeightsError
from stegnet.core.onnx_graphs import ID
from stegnet.core.predicted_order import COLOURS, FILMS, MIXED
from stegnet.near import GRAPHS, REACH, Predictor
from stegnet.networks.card import Card
from stegnet.networks.families.multiscale import (
    ACTIVATION,
    EXPONENT,
    MEAN,
    SHARE,
    Multiscale,
)
from stegnet.networks.integer_layers import IntegerPass, integer_networks
from stegnet.networks.onnx_file import serialised


def prediction_graphs(pair: Multiscale, card: Card, identifier: str) -> dict[str, bytes]:
    """Return the network's ONNX files by name, with the id of its weights, checked against it: equal in all bits.

    Raises:
        WeightsError: its sums would not be exact.
    """
    described = {
        ID: identifier,
        "stegnet.card": json.dumps(asdict(card), sort_keys=True),
        REACH: str(1 + pair.blocks),
    }
    rows, columns = 8, 12  # of the example
    number = torch.tensor(1)
    sides = {2: torch.export.Dim("rows", min=1, max=1 << 20), 3: torch.export.Dim("cols", min=1, max=1 << 20)}
    graphs = {}
    for name, module in zip(GRAPHS, integer_networks(pair), strict=True):
        if isinstance(module, IntegerPass):
            known = torch.zeros(1, 3 * (1 + GRAPHS.index(name)), rows, columns)
            graphs[name] = serialised(
                module, (known, number), ("known", "film"), ("linear", "features"), (sides, None), described
            )
        else:
            planes = torch.zeros(1, pair.width, rows, columns), torch.zeros(1, 6, rows, columns)
            names = "features", "seen", "which"
            graphs[name] = serialised(module, (*planes, number), names, ("mixture",), (sides, sides, None), described)
    _check(pair, graphs)
    return graphs


@torch.no_grad()
def _check(pair: Multiscale, graphs: Mapping[str, bytes]) -> None:
    """Raise WeightsError unless the ONNX files give what the network does, in all bits, on random levels."""
    random = np.random.default_rng(0)
    with temporary_folder() as folder:
        for name, graph in graphs.items():
            (folder / f"copy.{name}.onnx").write_bytes(graph)
        predictor = Predictor(folder / "copy.safetensors")
        for number, network in enumerate(pair.predictors):
            for film in range(FILMS):
                filters = network(film)
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
