"""The training of a hide/reveal pair."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from textwrap import shorten

import numpy as np

from stegnet.core.config import Config
from stegnet.core.errors import TrainingError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.core.reproducible import make_deterministic
from stegnet.data.pairs import Pairs, load_batches
from stegnet.models import Card, Pair, save_pair
from stegnet.models.precision import pick_device, resolve
from stegnet.training.checkpoint import Checkpoint
from stegnet.training.devices import open_fabric
from stegnet.training.provenance import fingerprint, make_card
from stegnet.training.share import Share
from stegnet.training.sight import sight
from stegnet.training.stop import StopRequest, TrainingStopped
from stegnet.training.trainer import Point, Trainer
from stegnet.training.validation import Validation

Report = Callable[[Point], None]
Progress = Callable[[range], Iterable[int]]
Show = Callable[[int, np.ndarray], None]

SIGHTS = 10  # times that a training shows pictures

_log = logging.getLogger(__name__)


def train(
    config: Config,
    data: Path,
    checkpoints: Path,
    report: Report,
    progress: Progress,
    show: Show = lambda step, pictures: None,
) -> tuple[Pair, Card]:
    """Trains the pair that `config` describes on the shards in `data`.

    Where an earlier call with the same arguments was stopped, it goes on from its last checkpoint and ends
    with the same weights. Where several processes train together, each makes this call; the first one reports
    and saves.

    Args:
        checkpoints: folder for the training's state; remove what `checkpoint_of` names there once its result is safe.
        report: called with each point of the training curve, those from before the stop too.
        progress: wraps the range of steps still to do, to show how far it is.
        show: called SIGHTS times with the step and pictures of where the training stands, (H, W, 3) uint8.
    Returns:
        The pair with averaged weights, on the CPU, and its card. The weights are those that did best in validation, if
        there are pictures for it, else the last ones.
    Raises:
        TrainingError: the loss is no longer a number, or somebody else runs this training.
        TrainingStopped: a signal asked for it; what was reached is saved.
        ConfigError: the batch can't be shared out.
        DataError: there are no training pictures.
    """
    fabric = open_fabric(config)
    precision = resolve(config.train.precision, fabric.device)
    make_deterministic(config.seed, config.train.threads)
    pairs, share = Pairs(data, config.train.crop, config.train.augment, config.seed), Share.mine(config.train)
    validation = Validation.open(config, data, fabric.device, precision, share.size // share.count)
    trainer = Trainer(config, fabric, precision, validation)
    leads, checkpoint = fabric.is_global_zero, checkpoint_of(config, data, checkpoints)
    with checkpoint.alone() if leads else nullcontext(), StopRequest() as wish, _explained(trainer, pairs, checkpoint):
        trainer.restore(fabric.broadcast(checkpoint.load() if leads else None))
        for point in trainer.curve if leads else ():
            report(point)
        steps = range(trainer.done, trainer.done if trainer.finished else trainer.steps)
        batches = load_batches(pairs, map(share.pairs, steps), config.train.workers)
        for _, batch in zip(progress(steps), batches, strict=True):
            point = trainer.step(batch)
            stop = fabric.strategy.reduce_boolean_decision(wish.signal > 0, all=False)
            if leads and point:
                report(point)
            if leads and trainer.done % max(1, trainer.steps // SIGHTS) == 0:
                show(trainer.done - 1, sight(trainer.seen))
            if leads and (stop or trainer.done % config.train.checkpoint == 0 or trainer.finished):
                checkpoint.save(trainer.state())
            if stop and not trainer.finished:
                raise TrainingStopped(trainer.done, trainer.steps, wish.signal)
            if trainer.finished and trainer.done < trainer.steps:
                break
    if leads and trainer.done < trainer.steps:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    return trainer.averaged(), make_card(config, data, fabric.device, precision, _figures(trainer))


def checkpoint_of(config: Config, data: Path, checkpoints: Path) -> Checkpoint:
    """Where the training that `config` describes keeps its state."""
    device = pick_device()
    return Checkpoint(checkpoints, fingerprint(config, data, device, resolve(config.train.precision, device)))


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """The weights file, and its card as JSON beside it for people and tools that read no safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_pair(path, pair, card)
    path.with_suffix(".json").write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _explained(trainer: Trainer, pairs: Pairs, checkpoint: Checkpoint) -> Iterator[None]:
    """Says of a training that diverged on which pictures it did, and what is left of it."""
    try:
        yield
    except FloatingPointError as error:
        covers, secrets = zip(*pairs.names(trainer.batch()), strict=True)
        pictures = f"covers: {_few(covers)}; secrets: {_few(secrets)}"
        kept = checkpoint.newest()
        state = f"the last good state is {kept}; " if kept else ""
        raise TrainingError(
            f"training diverged at step {trainer.done}: {error}; {pictures}",
            f"{state}look at the pictures, or try a lower train.lr or train.clip",
        ) from error


def _few(names: Sequence[str]) -> str:
    return shorten(", ".join(names), 200, placeholder=f" … ({len(names)} in all)")


def _figures(trainer: Trainer) -> dict[str, float]:
    """Means over the last tenth of the training curve; where there is validation, the best step and its figures."""
    last = trainer.curve[-max(1, len(trainer.curve) // 10) :]
    figures = {f"training_{name}": mean(point[name] for point in last) for name in (CONTAINER_PSNR, SECRET_PSNR)}
    rounded = {name: round(value, 4) for name, value in figures.items()}
    best = trainer.best
    return rounded if best.step is None else rounded | best.figures | {"validation_step": best.step}
