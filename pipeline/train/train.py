"""A training from its parameters to weights and their card, and the files that it leaves."""

import csv
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from textwrap import shorten
from typing import NamedTuple

import numpy as np
import torch

from pipeline.config import Config
from pipeline.fingerprint import code_hashes
from pipeline.shards import data_hash
from pipeline.train.checkpoint import Checkpoint, checkpoint_of, settings_of, whole_file, with_defaults
from pipeline.train.devices import BatchShare, loader_processes, open_fabric
from pipeline.train.launch import StopRequest, TrainingStopped
from pipeline.train.pairs import COVERS, SECRETS, WITH_BASES, Pairs, load_batches
from pipeline.train.trainer import Point, Trainer
from pipeline.train.validation import FIGURES, BestWeights
from stegnet.core.compute import is_out_of_memory, make_deterministic, resolve
from stegnet.core.errors import TrainingError
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, SECRET_PSNR
from stegnet.core.samples import CODED
from stegnet.networks.card import Card
from stegnet.networks.pair import Pair, options_of, receptive_fields, save_pair

Report = Callable[[Point], None]
Progress = Callable[[range], Iterable[int]]
Show = Callable[[int, np.ndarray], None]

PREVIEWS = 10

_log = logging.getLogger(__name__)


@contextmanager
def _memory_explained() -> Iterator[None]:
    """Shortens PyTorch's error of a training that needs too much memory."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        hint = "raise train.accumulate, for the same result with less memory; or lower train.batch or train.crop"
        raise TrainingError("training needs more memory than the device has left", hint) from error


class Trained(NamedTuple):
    """Result of a training: the pair with averaged weights, on the CPU, and its card; its speed, if it did a step.

    The weights are those with the best validation loss, or the last ones if there are no validation pictures.
    """

    pair: Pair
    card: Card
    pairs_per_second: float | None


@_memory_explained()
def train(
    config: Config,
    data: Path,
    checkpoints: Path,
    report: Report = lambda point: None,
    progress: Progress = lambda steps: steps,
    show: Show = lambda step, pictures: None,
) -> Trained:
    """Trains the pair that `config` describes on the shards in `data`.

    If an earlier call with the same arguments was interrupted, training resumes from its last checkpoint and ends with
    the same bits. When several processes train together, each makes this call; the first one reports and saves.

    Args:
        checkpoints: folder of the checkpoints; call `checkpoint_of(…).remove()` once the result is safe.
        report: called with each point of the training curve, including those before an interruption.
        progress: wraps the range of remaining steps, to show progress.
        show: called PREVIEWS times with a step and its preview pictures, (H, W, 3) uint8.
    Raises:
        TrainingError: the loss is no longer finite, memory is full, or another process runs this training.
        TrainingStopped: on Ctrl-C or SIGTERM; the state is saved.
        ConfigError: there are more processes than pairs in a batch, or than GPUs.
        DataError: there are no training pictures.
    """
    config = with_defaults(config)

    # The device of this process, and the others that train with it.
    fabric = open_fabric(config)
    leads, on_gpu = fabric.is_global_zero, fabric.device.type == "cuda"
    precision = resolve(config.train.precision, fabric.device)
    make_deterministic(config.seed, config.train.threads)

    # The pair, its optimiser and schedules; the pictures, and this process's share of each batch.
    trainer, checkpoint = Trainer(config, fabric, precision, data), checkpoint_of(config, data, checkpoints)
    parts = COVERS if trainer.objective.covers_only else WITH_BASES if config.scramble.base == CODED else SECRETS
    pairs = Pairs(data, config.train.crop, config.train.augment, config.seed, parts)
    share, workers = BatchShare.of_this_process(config.train), loader_processes(config.train, fabric.device)

    with (
        checkpoint.lock() if leads else nullcontext(),
        StopRequest() as request,
        _explained(trainer, pairs, checkpoint),
    ):
        # Where an earlier call was interrupted, it goes on.
        trainer.load_state_dict(fabric.broadcast(checkpoint.load() if leads else None))
        for point in trainer.curve if leads else ():
            report(point)
        steps, begun = trainer.remaining_steps(), time.monotonic()
        batches = load_batches(pairs, map(share.pairs, steps), workers, pinned=on_gpu)
        for _, batch in zip(progress(steps), batches, strict=True):
            waits = trainer.waits
            point = trainer.step(batch)
            stop = waits and fabric.strategy.reduce_boolean_decision(request.signal > 0, all=False)
            if leads and point:
                report(point)
            if leads and trainer.done % max(1, trainer.steps // PREVIEWS) == 0:
                show(trainer.done - 1, trainer.preview())
            if leads and (stop or trainer.done % config.train.checkpoint == 0 or trainer.finished):
                checkpoint.save(trainer.state_dict())
            if stop and not trainer.finished:
                raise TrainingStopped(trainer.done, trainer.steps, request.signal)
            if trainer.stopped_early:
                break

    # The averaged weights at their best, and what is told of them.
    rate = (trainer.done - steps.start) * config.train.batch / (time.monotonic() - begun) if steps else None
    if leads and steps:
        memory = torch.cuda.max_memory_allocated(fabric.device) / 1e6 if on_gpu else 0
        _log.info("%.0f pairs a second%s", rate, f", at most {memory:.0f} MB of the first GPU" if on_gpu else "")
    if leads and trainer.stopped_early:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    figures = card_figures(trainer.curve, trainer.best)
    pair = trainer.averaged()
    return Trained(pair, make_card(config, data, fabric.device, precision, figures, pair), rate)


@contextmanager
def _explained(trainer: Trainer, pairs: Pairs, checkpoint: Checkpoint) -> Iterator[None]:
    """Adds the pictures of the batch and the last checkpoint to the error of a training that diverges."""
    try:
        yield
    except FloatingPointError as error:
        covers, secrets = zip(*pairs.names(trainer.next_batch()), strict=True)
        pictures = f"covers: {_shortened(covers)}; secrets: {_shortened(secrets)}"
        newest = checkpoint.newest()
        state = f"the last good state is {newest}; " if newest else ""
        raise TrainingError(
            f"training diverged at step {trainer.done}: {error}; {pictures}",
            f"{state}look at the pictures, or try a lower train.lr or train.clip",
        ) from error


def _shortened(names: Sequence[str]) -> str:
    return shorten(", ".join(names), 200, placeholder=f" … ({len(names)} in all)")


def make_card(
    config: Config, data: Path, device: torch.device, precision: str, figures: dict[str, float], pair: Pair
) -> Card:
    """The card of the weights that this training gives."""
    origin = {"data": data_hash(data), "source": config.data.source, "device": device.type, "precision": precision}
    origin |= {"code": code_hashes(config)["network"]}  # so that other stages run again, too, if it changes
    settings = {**settings_of(config), **origin}
    scramble = asdict(config.scramble) | {"period": pair.period().item()}
    return Card(config.model.name, options_of(config.model), scramble, settings, figures, receptive_fields(pair))


def card_figures(curve: Sequence[Point], best: BestWeights) -> dict[str, float]:
    """Means over the last tenth of the training curve; with validation, the best step and its figures too."""
    last = curve[-max(1, len(curve) // 10) :]
    names = [name for name in (CONTAINER_PSNR, SECRET_PSNR, INFORMATION) if name in last[0]]
    rounded = {f"training_{name}": round(mean(point[name] for point in last), 4) for name in names}
    return rounded if best.step is None else rounded | best.figures | {"validation_step": best.step}


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """Writes the weights file, and its card beside it as JSON for readers without safetensors."""
    with whole_file(path) as part:
        save_pair(part, pair, card)
    with whole_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Writes the training curve as CSV, replacing the file at once: DVC plots it while the training runs.

    The columns of validation figures are always there; cells without a measurement are empty.
    """
    expected = () if INFORMATION in points[0] else FIGURES
    columns = dict.fromkeys([*points[0], *expected, *(name for point in points for name in point)])
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)
