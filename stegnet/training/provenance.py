"""What makes a training this one and no other, and what its weights say of it."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import stegnet
from stegnet.core.config import Config
from stegnet.core.ranks import world_size
from stegnet.core.reproducible import cpu_threads
from stegnet.data.shards import data_hash
from stegnet.models import SHIPPED, Card, options_of, weights_id

# The parts of this package that a training computes with.
CODE = ("core", "data", "models", "training")
IRRELEVANT = {"workers", "checkpoint"}  # they change the time that it takes, and nothing else


def fingerprint(config: Config, data: Path, device: torch.device, precision: str) -> str:
    """Names one exact training: what it trains, on which pictures, how it computes, and by which code."""
    parts = [_settings(config), data_hash(data), device.type, precision, torch.__version__, _code_hash()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def make_card(config: Config, data: Path, device: torch.device, precision: str, figures: dict[str, float]) -> Card:
    """What the weights file says of this training."""
    origin = {"data": data_hash(data), "source": config.data.source, "device": device.type, "precision": precision}
    settings = {**_settings(config), **origin}
    return Card(config.model.name, options_of(config.model), asdict(config.scramble), settings, figures)


def _code_hash() -> str:
    """Hash of the source: changed code must not go on from what the old one left."""
    code = hashlib.sha256()
    for part in (Path(stegnet.__file__).parent / name for name in CODE):
        for path in sorted(part.rglob("*.py")) or [part]:
            code.update(path.read_bytes())
    return code.hexdigest()


def _settings(config: Config) -> dict[str, Any]:
    train = {key: value for key, value in asdict(config.train).items() if key not in IRRELEVANT}
    train |= {"devices": world_size(), "threads": cpu_threads(config.train.threads)}
    if config.train.start == "shipped":
        train["start"] = weights_id(SHIPPED)
    sections = {"model": asdict(config.model), "scramble": asdict(config.scramble), "train": train}
    return {"seed": config.seed, "beta": config.beta, **sections}
