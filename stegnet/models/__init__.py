"""Hide/reveal pairs: one file a family, a registry, and the weights file they are kept in."""

from stegnet.core.card import SHIPPED, Card, read_card, weights_id
from stegnet.models.baluja import Baluja
from stegnet.models.invertible import Invertible, InvertibleLarge
from stegnet.models.pair import Pair
from stegnet.models.registry import build, build_from, names, options_of
from stegnet.models.timm_unet import TimmUNet
from stegnet.models.unet import UNet
from stegnet.models.weights import load_pair, save_pair

__all__ = [
    "SHIPPED",
    "Baluja",
    "Card",
    "Invertible",
    "InvertibleLarge",
    "Pair",
    "TimmUNet",
    "UNet",
    "build",
    "build_from",
    "load_pair",
    "names",
    "options_of",
    "read_card",
    "save_pair",
    "weights_id",
]
