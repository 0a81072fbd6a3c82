"""The training of a hide/reveal pair."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from textwrap import shorten

import numpy as np

from stegnet.config.config import Config
from stegnet.core.compute import make_deterministic, resolve
from stegnet.core.errors import TrainingError
from stegnet.core.samples import CODED
from stegnet.data.pairs import COVERS, SECRETS, WITH_BASES, Pairs, load_batches
from stegnet.models import Card, Pair
from stegnet.training.artifacts import card_figures, make_card
from stegnet.training.checkpoint import Checkpoint, checkpoint_of
from stegnet.training.devices import BatchShare, open_fabric
from stegnet.training.launch import StopRequest, TrainingStopped
from stegnet.training.trainer import Point, Trainer

Report = Callable[[Point], None]
Progress = Callable[[range], Iterable[int]]
Show = Callable[[int, np.ndarray], None]

PREVIEWS = 10

_log = logging.getLogger(__name__)


def train(
    config: Config,
    data: Path,
    checkpoints: Path,
    report: Report = lambda point: None,
    progress: Progress = lambda steps: steps,
    show: Show = lambda step, pictures: None,
) -> tuple[Pair, Card]:
    """Trains the pair that `config` describes on the shards in `data`.

    If an earlier call with the same arguments was interrupted, training resumes from its last checkpoint and ends with
    the same bits. When several processes train together, each makes this call; the first one reports and saves.

    Args:
        checkpoints: folder of the checkpoints; call `checkpoint_of(…).remove()` once the result is safe.
        report: called with each point of the training curve, including those before an interruption.
        progress: wraps the range of remaining steps, to show progress.
        show: called PREVIEWS times with a step and its preview pictures, (H, W, 3) uint8.
    Returns:
        The pair with averaged weights, on the CPU, and its card. The weights are those with the best validation loss,
        or the last ones if there are no validation pictures.
    Raises:
        TrainingError: the loss is no longer finite, or another process runs this training.
        TrainingStopped: on Ctrl-C or SIGTERM; the state is saved.
        ConfigError: the batch does not divide evenly among the processes.
        DataError: there are no training pictures.
    """
    fabric = open_fabric(config)
    leads, precision = fabric.is_global_zero, resolve(config.train.precision, fabric.device)
    make_deterministic(config.seed, config.train.threads)
    trainer, checkpoint = Trainer(config, fabric, precision, data), checkpoint_of(config, data, checkpoints)
    parts = COVERS if trainer.objective.covers_only else WITH_BASES if config.scramble.base == CODED else SECRETS
    pairs = Pairs(data, config.train.crop, config.train.augment, config.seed, parts)
    share = BatchShare.of_this_process(config.train)
    with (
        checkpoint.lock() if leads else nullcontext(),
        StopRequest() as request,
        _explained(trainer, pairs, checkpoint),
    ):
        trainer.load_state_dict(fabric.broadcast(checkpoint.load() if leads else None))
        for point in trainer.curve if leads else ():
            report(point)
        steps = trainer.remaining_steps()
        batches = load_batches(pairs, map(share.pairs, steps), config.train.workers)
        for _, batch in zip(progress(steps), batches, strict=True):
            point = trainer.step(batch)
            stop = fabric.strategy.reduce_boolean_decision(request.signal > 0, all=False)
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
    if leads and trainer.stopped_early:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    figures = card_figures(trainer.curve, trainer.best)
    pair = trainer.averaged()
    return pair, make_card(config, data, fabric.device, precision, figures, pair.period().item())


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
