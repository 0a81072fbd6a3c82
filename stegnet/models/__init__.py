"""Hide/reveal pairs, one module for each family; a new family is a module here and a line in `pair.FAMILIES`.

Shipped are `costa` and `modem`. The others are rivals, for training and comparison: nothing here imports them, and a
weights file names its own.
"""

from stegnet.core.card import SHIPPED, Card, read_card, weights_id
from stegnet.models.pair import FAMILIES, Pair, build, build_from, load_pair, options_of, save_pair

__all__ = [
    "FAMILIES",
    "SHIPPED",
    "Card",
    "Pair",
    "build",
    "build_from",
    "load_pair",
    "options_of",
    "read_card",
    "save_pair",
    "weights_id",
]
