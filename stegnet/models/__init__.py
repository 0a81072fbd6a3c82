"""Hide/reveal pairs, one module for each family; to add a family, register it there and import it here."""

from stegnet.core.card import SHIPPED, Card, read_card, weights_id
from stegnet.models.baluja import Baluja
from stegnet.models.costa import Costa
from stegnet.models.invertible import Invertible, InvertibleLarge
from stegnet.models.modem import Modem
from stegnet.models.pair import Pair, build, build_from, load_pair, names, options_of, save_pair
from stegnet.models.timm_unet import TimmUNet
from stegnet.models.unet import UNet

__all__ = [
    "SHIPPED",
    "Baluja",
    "Card",
    "Costa",
    "Invertible",
    "InvertibleLarge",
    "Modem",
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
