"""The network that predicts pictures, as a family that the trainer builds and saves."""

from stegnet.near.prediction_network import PredictionNetwork
from stegnet.networks.pair import Pair, register


@register
class Multiscale(Pair, PredictionNetwork):
    """`PredictionNetwork` with its options; it hides nothing."""

    hides_pictures = False
