"""The gain of training over the pair that it started from, which is measured on the same pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.evaluate.quality import Evaluator
from pipeline.evaluate.statistics import headline_kind
from stegnet.core.compute import make_deterministic
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import DataError
from stegnet.core.measures import (
    CONTAINER_PSNR,
    GAIN_HIGH,
    GAIN_LOW,
    GAIN_PSNR,
    SEALED,
    SECRET_PSNR,
    UNTRAINED_CONTAINER_PSNR,
    UNTRAINED_SECRET_PSNR,
    psnr,
)
from stegnet.networks import Network, build
from stegnet.networks.card import SHIPPED, Card, read_card, weights_id
from stegnet.networks.pair import save_pair


def measure_gain(trained: Mapping[str, float], weights: Path, shards: Path, shift: int, seed: int) -> dict[str, float]:
    """Return PSNR of container and secret before training, and the gain of training with its bounds, in dB.

    The gain is that of the secret, with the container's gain exchanged for the secret's as `beta` would: how much
    better the secret is at equal containers. Without it, a figure could come from the base alone.

    Args:
        trained: headline figures of the trained pair.
        weights: its weights file.
        shards: folder of the prepared pictures.
        shift: the secret for test picture i is picture i + shift.
        seed: seed of the first weights, and of all randomness.

    Raises DataError if the training started from weights that are not here.
    """
    with temporary_folder() as folder:
        start = _start(weights, folder / "untrained.safetensors", seed)
        evaluator = Evaluator(Network.load(start, backend="torch"), shards, shift, seed)
    kind = headline_kind(evaluator.pairs.kinds)
    results = [evaluator.run(kind, index, SEALED) for index in range(evaluator.pairs.count(kind))]
    container = sum(psnr(each.cover, each.container) for each in results) / len(results)
    secret = sum(psnr(each.secret, each.revealed) for each in results) / len(results)
    # Decibels of the secret for each of the container, when beta trades one for the other: between neighbours of
    # reports/shipped/tradeoff/means.csv, and a middle.
    least, middle, most = 0.33, 0.6, 0.69
    low, gain, high = (
        trained[SECRET_PSNR] - secret + exchange * (trained[CONTAINER_PSNR] - container)
        for exchange in (least, middle, most)
    )
    figures = {UNTRAINED_CONTAINER_PSNR: container, UNTRAINED_SECRET_PSNR: secret, GAIN_PSNR: gain}
    figures |= {GAIN_LOW: min(low, high), GAIN_HIGH: max(low, high)}
    return {name: round(value, 4) for name, value in figures.items()}


def _start(weights: Path, fresh: Path, seed: int) -> Path:
    """Return the weights file that a training started from; first weights are drawn again, and saved as `fresh`."""
    card = read_card(weights)
    training: Any = card.training
    start = training["train"]["start"]
    if start == "fresh":
        make_deterministic(seed, torch.get_num_threads())  # the first weights are those of the training
        pair = build(card.model, **card.options)
        save_pair(fresh, pair, Card(card.model, card.options, {**card.scramble, "period": pair.period().item()}))
        return fresh
    if start != weights_id(SHIPPED):
        raise DataError(f"{weights}: its training started from weights that are not those of {SHIPPED}", "train again")
    return SHIPPED
