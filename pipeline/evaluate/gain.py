"""What training is worth: the pair before its first step, measured as the trained one, on the same pictures."""

from collections.abc import Mapping
from pathlib import Path

import torch

from pipeline.evaluate.quality import Evaluator
from pipeline.evaluate.statistics import headline_kind
from stegnet.core.compute import make_deterministic
from stegnet.core.disk import temporary_folder
from stegnet.core.measures import (
    CONTAINER_PSNR,
    GAIN_PSNR,
    SEALED,
    SECRET_PSNR,
    UNTRAINED_CONTAINER_PSNR,
    UNTRAINED_SECRET_PSNR,
    psnr,
)
from stegnet.networks import Network, build
from stegnet.networks.card import Card, read_card
from stegnet.networks.pair import save_pair


def measure_gain(trained: Mapping[str, float], weights: Path, shards: Path, shift: int, seed: int) -> dict[str, float]:
    """Return the untrained pair's PSNR of container and secret, and the gain of training, in dB.

    The gain is that of the secret, with the container's gain exchanged for the secret's as `beta` would: how much
    better the secret is at equal containers. Without it, a figure could come from the base alone.

    Args:
        trained: headline figures of the trained pair.
        weights: its weights file.
        shards: folder of the prepared pictures.
        shift: the secret for test picture i is picture i + shift.
        seed: seed of the first weights, and of all randomness.
    """
    card = read_card(weights)
    make_deterministic(seed, torch.get_num_threads())  # the first weights are those of the training
    with temporary_folder() as folder:
        pair = build(card.model, **card.options)
        first = folder / "untrained.safetensors"
        scramble = {**card.scramble, "period": pair.period().item()}
        save_pair(first, pair, Card(card.model, card.options, scramble))
        evaluator = Evaluator(Network.load(first, backend="torch"), shards, shift, seed)
    kind = headline_kind(evaluator.pairs.kinds)
    results = [evaluator.run(kind, index, SEALED) for index in range(evaluator.pairs.count(kind))]
    container = sum(psnr(each.cover, each.container) for each in results) / len(results)
    secret = sum(psnr(each.secret, each.revealed) for each in results) / len(results)
    # Decibels of the secret for each of the container, when beta trades one for the other: 0.46 to 0.65 in
    # reports/shipped/tradeoff/means.csv.
    exchange = 0.6
    gain = trained[SECRET_PSNR] - secret + exchange * (trained[CONTAINER_PSNR] - container)
    figures = {UNTRAINED_CONTAINER_PSNR: container, UNTRAINED_SECRET_PSNR: secret, GAIN_PSNR: gain}
    return {name: round(value, 4) for name, value in figures.items()}
