"""A training from its parameters to weights and their card: the loop, and the files that it writes."""

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
from numpy.typing import NDArray

from pipeline.config import Config
from pipeline.train.checkpoint import Checkpoint
from pipeline.train.devices import Fabric, open_fabric
from pipeline.train.launch import StopRequest, TrainingStopped
from pipeline.train.losses import FIGURES
from pipeline.train.pairs import Pairs, load_batches
from pipeline.train.run import TrainingRun
from pipeline.train.task import Point
from pipeline.train.trainer import Trainer
from stegnet.core.compute import is_out_of_memory, make_deterministic
from stegnet.core.disk import atomic_write
from stegnet.core.errors import ConfigError, TrainingError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR
from stegnet.networks.card import SHIPPED, Card, read_card
from stegnet.networks.layers import has_batch_norms, synchronise_batch_norms
from stegnet.networks.pair import Pair, build_from, load_pair, options_of, receptive_fields, save_pair

Report = Callable[[Point], None]
Show = Callable[[int, NDArray[np.uint8]], None]

# Columns of a training curve, which DVC plots.
_COLUMNS = (*FIGURES, CONTAINER_PSNR, SECRET_PSNR)
_log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """Result of a training: the pair with averaged weights, on the CPU, and its card; its speed, if it did a step.

    The weights are those with the best validation loss, or the last ones if there are no validation pictures.
    """

    pair: Pair
    card: Card
    pairs_per_second: float | None


@contextmanager
def _memory_explained() -> Iterator[None]:
    """Shorten PyTorch's error if a training needs too much memory."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        hint = "raise train.accumulate, for the same result with less memory; or lower train.batch or train.crop"
        raise TrainingError("training needs more memory than the device has left", hint) from error


@_memory_explained()
def train(
    run: TrainingRun,
    checkpoints: Path,
    report: Report = lambda point: None,
    progress: Callable[[range], Iterable[int]] = lambda steps: steps,
    show: Show = lambda step, pictures: None,
) -> Trained:
    """Train the pair that a run describes, on its shards.

    If an earlier call with the same arguments was interrupted, training resumes from its last checkpoint and ends with
    the same bits. When several processes train together, each makes this call; the first one reports and saves.

    Args:
        run: the training, as `prepare_run` resolved it.
        checkpoints: folder of the checkpoints; once the result is safe, call `Checkpoint(checkpoints,
            run.fingerprint).remove()`.
        report: called with each point of the training curve, including those before an interruption.
        progress: wraps the range of remaining steps, to show progress.
        show: called ten times with a step and its preview pictures, (H, W, 3) uint8.

    Raises:
        TrainingError: the loss is no longer finite, memory is full, or another process runs this training.
        TrainingStopped: on Ctrl-C or SIGTERM; the state is saved.
        ConfigError: there are more processes than pairs in a batch, or than GPUs.
        DataError: there are no training pictures.
    """
    config = run.config

    # This process, and the others that train with it.
    fabric = open_fabric(config, run.device)
    leads = fabric.is_global_zero
    on_gpu = run.device.type == "cuda"
    make_deterministic(config.seed, run.threads)

    # The pair, its optimiser, schedules and share of each batch; the pictures.
    trainer = open_trainer(run, fabric, run.data)
    checkpoint = Checkpoint(checkpoints, run.fingerprint)
    pictures = trainer.task.pictures_per_pair
    pairs = Pairs(run.data, config.train.crop, config.train.augment, config.seed, pictures)

    with (
        checkpoint.lock() if leads else nullcontext(),
        StopRequest() as request,
        _explained(trainer, pairs, checkpoint),
    ):
        # Continue where an earlier call was interrupted.
        trainer.load_state_dict(fabric.broadcast(checkpoint.load() if leads else None))
        for point in trainer.curve if leads else ():
            report(point)
        steps = range(trainer.done, trainer.done if trainer.finished else trainer.steps)
        begun = time.monotonic()
        batches = load_batches(pairs, map(trainer.share.pairs, steps), run.loaders, pinned=on_gpu)
        for _, batch in zip(progress(steps), batches, strict=True):
            waits = trainer.waits
            shows = trainer.shows
            measured = trainer.step(batch)
            stop = waits and fabric.strategy.reduce_boolean_decision(request.signal > 0, all=False)
            if leads and measured:
                report(measured)
            if leads and shows:
                show(trainer.done - 1, trainer.preview())
            if leads and (stop or trainer.done % config.train.checkpoint == 0 or trainer.finished):
                checkpoint.save(trainer.state_dict())
            if stop and not trainer.finished:
                raise TrainingStopped(trainer.done, trainer.steps, request.signal)
            if trainer.stopped_early:
                break

    # The averaged weights at their best, and their report.
    rate = (trainer.done - steps.start) * config.train.batch / (time.monotonic() - begun) if steps else None
    if leads and rate is not None:
        memory = torch.cuda.max_memory_allocated(fabric.device) / 1e6 if on_gpu else 0
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
        _log.info("%s pairs a second%s", speed, f", at most {memory:.0f} MB of the first GPU" if on_gpu else "")
    if leads and trainer.stopped_early:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    if leads and trainer.best.step == 0:
        _log.warning("no validation was better than the first, before step 1: the weights are those of the start")
    figures = card_figures(trainer)
    pair = trainer.averaged()
    return Trained(pair, make_card(run, figures, pair), rate)


@contextmanager
def _explained(trainer: Trainer, pairs: Pairs, checkpoint: Checkpoint) -> Iterator[None]:
    """Add the pictures of the batch and the last checkpoint to the error of a training that diverges."""
    try:
        yield
    except FloatingPointError as error:
        size = trainer.config.train.batch
        batch = range(trainer.done * size, (trainer.done + 1) * size)
        covers, secrets = zip(*pairs.names(batch), strict=True)
        pictures = f"covers: {_shortened(covers)}; secrets: {_shortened(secrets)}"
        newest = checkpoint.newest()
        state = f"the last good state is {newest}; " if newest else ""
        raise TrainingError(
            f"training diverged at step {trainer.done}: {error}; {pictures}",
            f"{state}look at the pictures, or try a lower train.lr or train.clip",
        ) from error


def _shortened(names: Sequence[str]) -> str:
    return shorten(", ".join(names), 200, placeholder=f" … ({len(names)} in all)")


def open_trainer(run: TrainingRun, fabric: Fabric, data: Path | None = None) -> Trainer:
    """Return the state of a training before its first step.

    `data` is the folder of the shards, for validation; without it, the last weights are the best.
    """
    config = run.config
    pair = first_pair(config)
    if fabric.world_size > 1 and fabric.device.type == "cuda" and has_batch_norms(pair):
        synchronise_batch_norms(pair)
    steps = max(1, config.train.pairs // config.train.batch)
    return Trainer(config, fabric, pair, run.task(pair, config, run.precision, steps), data, run.precision)


def first_pair(config: Config) -> Pair:
    """Return the pair before training: a fresh one, or the shipped one of its kind, if it is of the same model."""
    if config.train.start == "fresh":
        return build_from(config.model)
    card = read_card(SHIPPED)
    shipped = (card.model, card.options)
    wanted = (config.model.name, options_of(config.model))
    if shipped != wanted:
        raise ConfigError(f"params.yaml: train.start: the shipped pair is {shipped}, model.* asks for {wanted}")
    return load_pair(SHIPPED)[0]


def make_card(run: TrainingRun, figures: dict[str, float], pair: Pair) -> Card:
    """Return the card of the weights that a training produces."""
    model = run.config.model
    scramble = asdict(run.config.scramble) | {"period": pair.period().item()}
    return Card(model.name, options_of(model), scramble, run.settings, figures, receptive_fields(pair))


def card_figures(trainer: Trainer) -> dict[str, float]:
    """Return means over the last tenth of the training curve; with validation, also the best step and its figures."""
    curve, best = trainer.curve, trainer.best
    last = curve[-max(1, len(curve) // 10) :]
    names = trainer.task.figure_names
    rounded = {f"training_{name}": round(mean(point[name] for point in last), 4) for name in names}
    return rounded if best.step is None else rounded | best.figures | {"validation_step": best.step}


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """Write the weights file, and its card beside it as JSON for readers without safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        save_pair(part, pair, card)
    with atomic_write(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Write the training curve as CSV, replacing the file at once, since DVC plots it while the training runs.

    Cells without a figure are empty.
    """
    columns = dict.fromkeys([*points[0], *_COLUMNS, *(name for point in points for name in point)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)
