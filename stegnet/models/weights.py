"""Weights files: a safetensors file with a JSON card inside, which `stegnet.core.card` describes."""

import json
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten

import safetensors.torch

from stegnet.core.card import CARD_KEY, SHIPPED, Card, read_card
from stegnet.core.errors import ConfigError, WeightsError
from stegnet.models.pair import Pair
from stegnet.models.registry import build


def save_pair(path: Path, pair: Pair, card: Card) -> None:
    """Writes weights and card to `path`; same pair and card, same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in pair.state_dict().items()}
    text = json.dumps(asdict(card), sort_keys=True)
    path.write_bytes(safetensors.torch.save(tensors, {CARD_KEY: text}))  # its save_file would keep others from reading


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
