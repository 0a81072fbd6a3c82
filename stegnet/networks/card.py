"""The card and the id of a weights file, read without loading the weights and without PyTorch.

The card is the file's metadata: everything needed to rebuild the pair, and its provenance. The file may come from
anyone, so the values in its card are checked before anything is built.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from textwrap import shorten
from types import MappingProxyType
from typing import Any

from stegnet.core.errors import WeightsError, reading
from stegnet.core.names import MARK
from stegnet.core.text import Setting, Text

SHIPPED = Path(__file__).parents[1] / "weights" / "default.safetensors"
MODEM = "modem"  # the family that hides bits
SHIPPED_MODEM = SHIPPED.with_name("modem.safetensors")
NETWORKS = {"prepare": 1, "enhance": 1, "hide": 2, "reveal": 1, "restore": 2}  # and the number of their inputs
CARD_KEY = "stegnet"
# Least and largest numbers in a family's options, and in a modem's rungs, as params.yaml may have them. If both are
# ints, only integers are allowed.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        **{"blocks": (1, 64), "width": (1, 4096), "ends": (0, 64)},
        **{"bits": (1, 64), "scale": (0.01, 100.0), "psnr": (20.0, 60.0), "lowest": (1, 100), "highest": (1, 100)},
    }
)


@dataclass(frozen=True)
class Card:
    """Metadata of a weights file."""

    model: str  # name of the model family
    options: dict[str, Any]  # the family's keyword arguments
    # "base", the part of a secret that both sides know: none, means or coded; "quality", of a coded base; "block", side
    # of the shuffled blocks; "period", modulo which a container's samples are read, in [0, 1].
    scramble: dict[str, Any]
    training: dict[str, Any] = field(default_factory=dict)  # parameters, data hash, pairs seen, precision
    figures: dict[str, Any] = field(default_factory=dict)  # measures by name, added by the evaluation
    receptive_fields: dict[str, int] = field(default_factory=dict)  # of networks, in pixels to each side, if known


def read_card(path: Path) -> Card:
    """Read the card of a weights file.

    Raises:
        WeightsError: the file is missing or is not a stegnet weights file, or its card has impossible values.
    """
    import safetensors  # only who reads a card needs it

    if not path.is_file():
        raise WeightsError(
            "no such weights file",
            Text("train one with `dvc repro`, or omit ", Setting("weights", "FILE")),
            subject=path,
        )
    try:
        _check_header(path)
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        card = Card(**json.loads(metadata[CARD_KEY]))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError("not a stegnet weights file", "weights files come from `dvc repro`", subject=path) from error
    if problem := _problem(card):
        raise WeightsError(f"its card can't be right ({problem})", "it is damaged, or of another version", subject=path)
    return card


def _check_header(path: Path) -> None:
    """Raise ValueError for a header that would take much memory. Its length comes first, in 8 bytes."""
    most_header = 16 << 20  # bytes of a file's header, with its card; 2,000 tensors and a card take 300 kB
    with reading(path), path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > most_header:
            raise ValueError("its header is too long")


def _problem(card: Card) -> str:
    """Return the name and content of a card's first impossible value; "" if all are possible."""
    largest_field = 1 << 16  # pixels of a receptive field
    for entry in fields(Card):
        value = getattr(card, entry.name)
        if not (_is_text(value) if entry.name == "model" else isinstance(value, dict)):
            return _shown(entry.name, value)
    for name, reach in card.receptive_fields.items():
        if name not in NETWORKS or type(reach) is not int or not 0 <= reach <= largest_field:
            return _shown(f"receptive_fields.{name}", reach)
    if MARK in card.model:  # "module:Class", from outside this program: the user trusts it, and its options are its own
        return ""
    return next((_shown(name, value) for name, value in card.options.items() if not _is_possible(name, value)), "")


def _is_possible(name: str, value: Any) -> bool:
    """Return whether an option, or an entry of a rung, may have this value. An unknown name is left to the family."""
    if name in RANGES:
        least, most = RANGES[name]
        return type(value) in (int, type(least)) and least <= value <= most
    if name in ("backbone", "place", "name"):
        return _is_text(value)
    if name == "rungs":
        most_rungs = 64
        return isinstance(value, list) and 0 < len(value) <= most_rungs and all(map(_is_rung, value))
    return isinstance(value, bool) if name == "pretrained" else True


def _is_rung(value: Any) -> bool:
    named = isinstance(value, dict) and {"bits", "scale"} <= value.keys()
    return named and all(_is_possible(*entry) for entry in value.items())


def _is_text(value: Any) -> bool:
    most_characters = 200  # of a name, such as a backbone's
    return isinstance(value, str) and len(value) <= most_characters


def _shown(name: str, value: Any) -> str:
    return f"{name}: {shorten(repr(value), 40, placeholder='…')}"


def weights_id(path: Path) -> str:
    """Return the file's SHA-256, hexadecimal, which identifies the network in a container's header."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def same_kind(path: Path, other: Path) -> bool:
    """Return whether both are weights of modems, or neither is; errors are those of `read_card`."""
    return (read_card(path).model == MODEM) == (read_card(other).model == MODEM)
