"""Weights files: a safetensors file with a JSON card inside.

The card is all that is needed to build the pair again and to know where it comes from: family,
options, training parameters, hash of the data, figures.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors
import safetensors.torch

from stegnet.errors import ConfigError, WeightsError
from stegnet.models.pair import Pair
from stegnet.models.registry import build

SHIPPED = Path(str(files("stegnet") / "weights" / "default.safetensors"))
_CARD_KEY = "stegnet"


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


def save_pair(path: Path, pair: Pair, card: Card) -> None:
    """Writes weights and card to `path`; same pair and card, same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in pair.state_dict().items()}
    text = json.dumps(asdict(card), sort_keys=True)
    path.write_bytes(safetensors.torch.save(tensors, {_CARD_KEY: text}))  # its save_file would keep others from reading


def read_card(path: Path) -> Card:
    """The card in a weights file.

    Raises:
        WeightsError: there is no such file, or it is not a stegnet weights file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file", "train one with `dvc repro`, or leave --weights out")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return Card(**json.loads(metadata[_CARD_KEY]))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: not a stegnet weights file", "it should come from `dvc repro`") from error


def load_pair(path: Path = SHIPPED) -> tuple[Pair, Card]:
    """The pair in a weights file, in evaluation mode on the CPU, float32, and its card.

    Raises:
        WeightsError: there is no such file, or its contents do not fit its card.
    """
    card = read_card(path)
    # The file holds every weight: those that the training began with need no download.
    options = {key: value for key, value in card.options.items() if key != "pretrained"}
    try:
        pair = build(card.model, **options)
        pair.load_state_dict(safetensors.torch.load_file(path))
    except (ConfigError, TypeError, RuntimeError) as error:
        reason = shorten(str(error), 160, placeholder=" …")
        raise WeightsError(f"{path}: the weights do not fit their card ({reason})") from error
    return pair.eval(), card


def weights_id(path: Path) -> str:
    """SHA-256 of the file, hexadecimal: the name by which a container's header calls its network."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
