"""Files that a training leaves: weights with their card, and the training curve."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import mean

import torch

from pipeline.config import Config
from pipeline.shards import data_hash
from pipeline.train.checkpoint import settings_of
from pipeline.train.trainer import Point
from pipeline.train.validation import FIGURES, BestWeights
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, SECRET_PSNR
from stegnet.networks.card import Card
from stegnet.networks.pair import Pair, options_of, save_pair


def make_card(
    config: Config,
    data: Path,
    device: torch.device,
    precision: str,
    figures: dict[str, float],
    period: float = 0.0,
) -> Card:
    """The card of the weights that this training gives; `period` as in `Pair.period`."""
    origin = {"data": data_hash(data), "source": config.data.source, "device": device.type, "precision": precision}
    settings = {**settings_of(config), **origin}
    scramble = asdict(config.scramble) | {"period": period}
    return Card(config.model.name, options_of(config.model), scramble, settings, figures)


def card_figures(curve: Sequence[Point], best: BestWeights) -> dict[str, float]:
    """Means over the last tenth of the training curve; with validation, the best step and its figures too."""
    last = curve[-max(1, len(curve) // 10) :]
    names = [name for name in (CONTAINER_PSNR, SECRET_PSNR, INFORMATION) if name in last[0]]
    rounded = {f"training_{name}": round(mean(point[name] for point in last), 4) for name in names}
    return rounded if best.step is None else rounded | best.figures | {"validation_step": best.step}


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """Writes the weights file, and its card beside it as JSON for readers without safetensors."""
    with _whole(path) as part:
        save_pair(part, pair, card)
    with _whole(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Writes the training curve as CSV, replacing the file at once: DVC plots it while the training runs.

    The columns of validation figures are always there; cells without a measurement are empty.
    """
    expected = () if INFORMATION in points[0] else FIGURES
    columns = dict.fromkeys([*points[0], *expected, *(name for point in points for name in point)])
    with _whole(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Yields the path to write a file to, which gets its name when it is whole."""
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
