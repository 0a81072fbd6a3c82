"""The card and the id of a weights file, read without loading the weights and without PyTorch.

The card is the file's metadata: all that is needed to rebuild the pair, and its provenance.
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
FORMER = SHIPPED.with_name("former.safetensors")  # shipped before that: its containers are still revealed
MODEM = "modem"  # the family that hides bits
SHIPPED_MODEM = SHIPPED.with_name("modem.safetensors")
NETWORKS = {"prepare": 1, "enhance": 1, "hide": 2, "reveal": 1, "restore": 2}  # with the number of pictures each takes
CARD_KEY = "stegnet"


@dataclass(frozen=True)
class Card:
    """Metadata of a weights file."""

    model: str  # name of the model family
    options: dict[str, Any]  # the family's keyword arguments
    # "base", the part of a secret that both sides know: none, means or coded; "quality", of a coded one; "block", side
    # of the shuffled blocks; "period", modulo which a container's samples count, in [0, 1].
    scramble: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)  # parameters, data hash, pairs seen, precision
    figures: dict[str, Any] = field(default_factory=dict)  # measures by name, added by the evaluation
    receptive_fields: dict[str, int] = field(default_factory=dict)  # of networks, in pixels to each side, where known


def read_card(path: Path) -> Card:
    """Reads the card of a weights file.

    Raises:
        WeightsError: there is no such file, or it is not a stegnet weights file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file", 'train one with `dvc repro`, or omit `weights="FILE"`')
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        return Card(**json.loads(metadata[CARD_KEY]))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a stegnet weights file", "weights files come from `dvc repro`") from error


def weights_id(path: Path) -> str:
    """SHA-256 of the file, hexadecimal; identifies the network in a container's header."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_kind(path: Path, other: Path) -> bool:
    """True for weights of two modems, or of two pairs that are none; errors as `read_card`."""
    return (read_card(path).model == MODEM) == (read_card(other).model == MODEM)
