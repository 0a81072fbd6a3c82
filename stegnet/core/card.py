"""The card of a weights file, and the id by which a container names it; both without loading the weights.

The card is all that is needed to build the pair again and to know where it comes from: family,
options, training parameters, hash of the data, figures.
"""

import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import safetensors

from stegnet.core.errors import WeightsError

SHIPPED = Path(str(files("stegnet") / "weights" / "default.safetensors"))
CARD_KEY = "stegnet"


@dataclass(frozen=True)
class Card:
    """What a weights file says of itself.

    Attributes:
        model: name of the family.
        options: the family's keyword arguments.
        scramble: what of a secret it hides: "detail" (bool), and "block", the side of the shuffled blocks.
        training: how it was trained: parameters, data hash, pairs seen, precision.
        figures: measures by name, filled in by whoever measured.
    """

    model: str
    options: dict[str, Any]
    scramble: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def read_card(path: Path) -> Card:
    """The card in a weights file.

    Raises:
        WeightsError: there is no such file, or it is not a stegnet weights file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file", "train one with `dvc repro`, or leave --weights out")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        return Card(**json.loads(metadata[CARD_KEY]))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a stegnet weights file", "it should come from `dvc repro`") from error


def weights_id(path: Path) -> str:
    """SHA-256 of the file, hexadecimal: the name by which a container's header calls its network."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
