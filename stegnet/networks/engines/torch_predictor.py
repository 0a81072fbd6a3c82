"""The network that predicts the levels of a picture, on PyTorch: for weights that are not exported."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stegnet.core.errors import WeightsError
from stegnet.core.predicted_order import COLOURS
from stegnet.near import ID_BYTES, Predictor
from stegnet.networks.card import weights_id
from stegnet.networks.families.multiscale import Multiscale
from stegnet.networks.integer_layers import integer_networks
from stegnet.networks.pair import load_pair

Floats = NDArray[np.float32]


class TorchPredictor(Predictor):
    """A network that PyTorch computes, on the CPU: fast algorithms of GPUs would round.

    Args:
        weights: weights file.

    Raises:
        WeightsError: it is damaged, predicts no pictures, or its sums would not be exact.
    """

    def __init__(self, weights: Path) -> None:
        pair, _ = load_pair(weights)
        if not isinstance(pair, Multiscale):
            raise WeightsError("its network predicts no pictures", "take those of `multiscale`", subject=weights)
        self.identifier = bytes.fromhex(weights_id(weights))[:ID_BYTES]
        self.reach = 1 + pair.blocks
        *self._passes, self._mixture = integer_networks(pair.cpu())

    def trunk(self, number: int, film: int, known: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Floats]:
        """Predict a grid as `Predictor.trunk`."""
        with torch.inference_mode():
            levels = torch.from_numpy(known[None]).float()
            linear, features = self._passes[number](levels, torch.tensor(film))
        return linear[0].numpy().astype(np.int32), features.numpy()

    def mixture(self, number: int, colour: int, features: Floats, seen: Floats) -> NDArray[np.int16]:
        """Return the numbers of `Predictor.mixture`."""
        which = torch.tensor(number * len(COLOURS) + colour)
        with torch.inference_mode():
            output: Tensor = self._mixture(torch.from_numpy(features), torch.from_numpy(seen[None]), which)
        integers: NDArray[np.int16] = output[0].numpy().astype(np.int16)
        return integers
