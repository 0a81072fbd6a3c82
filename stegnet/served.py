"""The loader of logged models: `mlflow.pyfunc.load_model(uri).predict({"cover": …, "secret": …})`.

It uses the public key of the demonstrations, so that nobody sends a key of their own to a server: this only shows what
a pair does. To hide in earnest, use `stegnet.hide`. With ONNX files beside the weights, PyTorch is not needed.
"""

from pathlib import Path
from typing import Any

import numpy as np

from stegnet.keys import PUBLIC_DEMONSTRATION_KEY
from stegnet.networks import Network, hide_picture, reveal_picture


class PublicPair:
    """Hides with the public demonstration key, and reveals again."""

    def __init__(self, weights: Path) -> None:
        self._network = Network.load(weights)

    def predict(self, pictures: dict[str, np.ndarray], params: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
        """Hides `secret` in `cover`; returns `container` and `revealed`, all (H, W, 3) uint8.

        Raises:
            CapacityError: the cover is too small.
        """
        container = hide_picture(self._network, pictures["cover"], pictures["secret"], PUBLIC_DEMONSTRATION_KEY)
        revealed = reveal_picture(self._network, container, PUBLIC_DEMONSTRATION_KEY)
        return {"container": container, "revealed": revealed.picture}


def _load_pyfunc(path: str) -> PublicPair:
    """MLflow's entry point, with the folder of the model's data."""
    (weights,) = Path(path).glob("*.safetensors")
    return PublicPair(weights)
