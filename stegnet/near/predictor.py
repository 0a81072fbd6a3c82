"""The network that predicts the levels of a picture, on ONNX Runtime: the same integers on every machine.

Its weights and activations are integers, and no sum reaches 2²⁴: 32-bit floats hold it exactly, in any order.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stegnet.core.errors import WeightsError
from stegnet.core.names import SHIPPED_PREDICTOR
from stegnet.core.onnx_graphs import ID, UNUSABLE, open_graph
from stegnet.core.parallel import thread_count
from stegnet.near.order import MIXED

Floats = NDArray[np.float32]
GRAPHS = ("pass1", "pass2", "pass3", "mixture")  # files of a network, one for each pass, and one for all mixtures
REACH = "stegnet.reach"  # metadata key: pixels to each side that a graph sees
ID_BYTES = 4  # of the weights' id, which a coded picture names


class Predictor:
    """A network that predicts pictures.

    Args:
        weights: weights file, beside its ONNX files.

    Raises:
        WeightsError: a file is missing or damaged, or they don't belong together.
    """

    def __init__(self, weights: Path) -> None:
        self._weights = weights
        try:
            self._sessions = {name: open_graph(weights.with_suffix(f".{name}.onnx"), thread_count()) for name in GRAPHS}
            described = [session.get_modelmeta().custom_metadata_map for session in self._sessions.values()]
            self.reach = max(int(entries[REACH]) for entries in described)
            identifiers = {bytes.fromhex(entries[ID])[:ID_BYTES] for entries in described}
        except (*UNUSABLE, KeyError) as error:
            raise WeightsError("its ONNX files can't be read", "export it again", subject=weights) from error
        if len(identifiers) != 1:
            raise WeightsError("its ONNX files are not those of one network", subject=weights)
        (self.identifier,) = identifiers

    def trunk(self, number: int, film: int, known: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Floats]:
        """Predict a grid from those that are known.

        Args:
            number: of the pass, from 0.
            film: number of the first layer.
            known: (channels, H, W) levels.

        Returns:
            Linear predictions, (3, H, W) in steps of 1/32 level, and features, (1, C, H, W).
        """
        inputs = {"known": known[None].astype(np.float32), "film": np.array(film)}
        linear, features = self._sessions[GRAPHS[number]].run(None, inputs)
        return linear[0].astype(np.int32), features

    def mixture(self, number: int, colour: int, features: Floats, seen: Floats) -> NDArray[np.int16]:
        """Return the numbers that give a colour's mixtures, (3 · MIXED + 2, H, W).

        They are the logistics' means, to be added to the linear prediction, and the logarithms of their scales and of
        their weights; then the shares, in steps of 1/64, of the errors of both earlier colours.

        Args:
            number: of the pass, from 0.
            colour: its number in the order of coding.
            features: those of `trunk`.
            seen: (6, H, W), what is seen of the errors of earlier colours; 0 of later ones.
        """
        which = np.array(number * 3 + colour)
        inputs = {"features": features, "seen": seen[None], "which": which}
        (output,) = self._sessions[GRAPHS[-1]].run(None, inputs)
        if output.shape[1] != 3 * MIXED + 2:
            raise WeightsError("its ONNX files are not those of such a network", subject=self._weights)
        integers: NDArray[np.int16] = output[0].astype(np.int16)
        return integers


@cache
def shipped_predictor() -> Predictor:
    """Return the network that comes with stegnet."""
    return Predictor(SHIPPED_PREDICTOR)
