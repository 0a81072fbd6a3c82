"""Networks that predict the levels of a picture: the contract of coding by one."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
GRAPHS = ("pass1", "pass2", "pass3", "mixture")  # files of a network, one for each pass, and one for all mixtures
REACH = "stegnet.reach"  # metadata key: pixels to each side that a graph sees
ID_BYTES = 4  # of the weights' id, which a coded picture names


class Predictor(ABC):
    """A network that predicts pictures: the same integers on every machine, by whatever it is computed.

    Attributes:
        identifier: the first bytes of the weights' id, which a coded picture begins with.
        reach: pixels to each side that a pass sees.
    """

    identifier: bytes
    reach: int

    @abstractmethod
    def trunk(self, number: int, film: int, known: NDArray[np.uint8]) -> tuple[NDArray[np.int32], Floats]:
        """Predict a grid from those that are known.

        Args:
            number: of the pass, from 0.
            film: number of the first layer.
            known: (channels, H, W) levels.

        Returns:
            Linear predictions, (3, H, W) in steps of 1/32 level, and features, (1, C, H, W).
        """

    @abstractmethod
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
