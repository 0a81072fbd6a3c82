"""A pair as MLflow loads it from a logged model: `mlflow.pyfunc.load_model(uri).predict({"cover": …, "secret": …})`.

The key is the public one of the demonstrations, so that nobody sends a key of theirs to a server: this is to look
at what a pair does. Who has something to hide takes `stegnet.load`. ONNX Runtime computes where ONNX files lie beside
the weights; then nothing here needs PyTorch.
"""

from pathlib import Path
from typing import Any

import numpy as np

import stegnet
from stegnet.evaluation.demonstration import PUBLIC_DEMONSTRATION_KEY


class PublicPair:
    """Hides with a key that everybody knows, and reveals again."""

    def __init__(self, weights: Path) -> None:
        self._pair = stegnet.load(weights)

    def predict(self, pictures: dict[str, np.ndarray], params: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
        """Hides `secret` in `cover`, both (H, W, 3) uint8; gives `container` and `revealed`, likewise.

        Raises:
            CapacityError: the cover is too small.
        """
        container = self._pair.hide(pictures["cover"], pictures["secret"], PUBLIC_DEMONSTRATION_KEY, force=True)
        return {"container": container, "revealed": self._pair.reveal(container, PUBLIC_DEMONSTRATION_KEY).picture}


def _load_pyfunc(path: str) -> PublicPair:
    """What MLflow calls, with the file or folder of the model's data."""
    (weights,) = Path(path).glob("*.safetensors")
    return PublicPair(weights)
