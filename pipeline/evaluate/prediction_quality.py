"""Quality of a network that predicts pictures: of containers as the method "network" makes them, from files."""

from pathlib import Path

import numpy as np

from pipeline.evaluate.quality import HideRevealResult, PictureEvaluator, Row, milliseconds
from stegnet.core.measures import BPP, HIDE_MS, REVEAL_MS, SECRET
from stegnet.keys import PUBLIC_DEMONSTRATION_KEY, seeded
from stegnet.methods.predicted_pictures import hide_predicted, reveal_predicted
from stegnet.near import Coded, Coder, Steps, decode, quantise
from stegnet.near.predicted import encode_predicted
from stegnet.networks import Network
from stegnet.networks.card import MULTISCALE, kind_of
from stegnet.networks.predicting import PredictingNetwork

AnyNetwork = Network | PredictingNetwork


def load_network(weights: Path) -> AnyNetwork:
    """Return the networks in a weights file on PyTorch; errors are those of `Network.load`."""
    if kind_of(weights) == MULTISCALE:
        return PredictingNetwork.load(weights, backend="torch")
    return Network.load(weights, backend="torch")


class PredictionEvaluator(PictureEvaluator):
    """Measurements of a network that predicts pictures."""

    def __init__(self, network: PredictingNetwork, shards: Path, shift: int, seed: int) -> None:
        super().__init__(shards, shift, seed)
        self._network = network

    def run(self, kind: str, index: int, mode: str) -> HideRevealResult:
        """Hide, write, read and reveal pair `index` of a kind."""
        (cover_name, cover), (secret_name, secret) = self.pairs.pair(kind, index)
        key = PUBLIC_DEMONSTRATION_KEY
        container, hidden_bytes = hide_predicted(self._network, cover, secret, key, seeded(self._seed + index))
        revealed = reveal_predicted(self._network, container, key)
        return HideRevealResult((cover_name, secret_name), cover, container, secret, revealed, hidden_bytes)

    def more(self, sealed: HideRevealResult) -> Row:
        """Return the bits per pixel of the secret that are hidden."""
        assert sealed.hidden_bytes is not None
        return {BPP.of(SECRET): 8 * sealed.hidden_bytes / sealed.secret[..., 0].size}


def measure_prediction_speed(network: PredictingNetwork) -> dict[str, float]:
    """Return milliseconds for a megapixel to code once by the network, and to decode; without a search for the steps.

    The picture is smooth with noise, and coded within one level of the original.
    """
    height = width = 1000
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + 60 * np.sin(rows / 40) * np.cos(columns / 60)
    picture = (smooth[..., None] + random.normal(0, 4, (height, width, 3))).clip(0, 255).astype(np.uint8)
    steps = Steps.even(3)
    levels = quantise(picture, steps)
    data = encode_predicted(levels, steps, network.predictor)

    def hide() -> None:
        encode_predicted(levels, steps, network.predictor)

    def reveal() -> None:
        decode(Coded(height, width, steps, Coder.NETWORK, data), network.predictor)

    return {HIDE_MS: milliseconds(hide), REVEAL_MS: milliseconds(reveal)}
