"""Loader of logged models: `mlflow.pyfunc.load_model(uri).predict({"cover": …, "secret": …})`.

It uses the public key of the demonstrations, so that nobody sends a private key to a server: this only shows what a
pair does. For real secrets, use `stegnet.hide`. With ONNX files beside the weights, PyTorch is not needed.
"""

from pathlib import Path

import numpy as np

from stegnet.keys import PUBLIC_DEMONSTRATION_KEY
from stegnet.networks import Network, hide_picture, reveal_picture


class PublicPair:
    """Model that hides with the public demonstration key, and reveals again."""

    def __init__(self, weights: Path) -> None:
        self._network = Network.load(weights)

    def predict(
        self, pictures: dict[str, np.ndarray], params: dict[str, object] | None = None
    ) -> dict[str, np.ndarray]:
        """Hide `secret` in `cover`; return `container` and `revealed`, all (H, W, 3) uint8.

        Raises:
            CapacityError: the cover is too small.
        """
        container = hide_picture(self._network, pictures["cover"], pictures["secret"], PUBLIC_DEMONSTRATION_KEY)
        revealed = reveal_picture(self._network, container, PUBLIC_DEMONSTRATION_KEY)
        return {"container": container, "revealed": revealed.picture}


def _load_pyfunc(path: str) -> PublicPair:
    """Return the model from the folder of its data: MLflow's entry point."""
    (weights,) = Path(path).glob("*.safetensors")
    return PublicPair(weights)
