"""A training from its parameters to weights and their card: the loop, the step, and the files that it writes."""

import csv
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from textwrap import shorten
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.config import Config
from pipeline.train.checkpoint import Checkpoint, whole_file
from pipeline.train.devices import BatchShare, Fabric, loader_processes, open_fabric
from pipeline.train.hiding import PictureObjective, first_pairs
from pipeline.train.launch import StopRequest, TrainingStopped
from pipeline.train.losses import FIGURES, Objective
from pipeline.train.modem import ModemObjective
from pipeline.train.pairs import COVERS, SECRETS, WITH_BASES, Pairs, load_batches
from pipeline.train.run import TrainingRun
from stegnet.core.compute import is_out_of_memory, make_deterministic, seed_step
from stegnet.core.errors import ConfigError, TrainingError
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, SECRET_PSNR
from stegnet.core.pixels import CODED
from stegnet.networks.card import SHIPPED, Card, read_card
from stegnet.networks.pair import Pair, build_from, load_pair, options_of, receptive_fields, save_pair

Point = dict[str, float]
Report = Callable[[Point], None]
Progress = Callable[[range], Iterable[int]]
Show = Callable[[int, np.ndarray], None]

PREVIEWS = 10
CURVE_POINTS = 200
WAITS = 10  # steps between waits for a GPU: waiting in each would leave it idle
EPSILON = 1e-12  # AdamW's ε: gradients are small where a base leaves little to hide

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
    progress: Progress = lambda steps: steps,
    show: Show = lambda step, pictures: None,
) -> Trained:
    """Train the pair that a run describes, on its shards.

    If an earlier call with the same arguments was interrupted, training resumes from its last checkpoint and ends with
    the same bits. When several processes train together, each makes this call; the first one reports and saves.

    Args:
        checkpoints: folder of the checkpoints; once the result is safe, call `Checkpoint(checkpoints,
            run.fingerprint).remove()`.
        report: called with each point of the training curve, including those before an interruption.
        progress: wraps the range of remaining steps, to show progress.
        show: called PREVIEWS times with a step and its preview pictures, (H, W, 3) uint8.
    Raises:
        TrainingError: the loss is no longer finite, memory is full, or another process runs this training.
        TrainingStopped: on Ctrl-C or SIGTERM; the state is saved.
        ConfigError: there are more processes than pairs in a batch, or than GPUs.
        DataError: there are no training pictures.
    """
    config = run.config

    # This process, and the others that train with it.
    fabric = open_fabric(config, run.device)
    leads, on_gpu = fabric.is_global_zero, run.device.type == "cuda"
    make_deterministic(config.seed, config.train.threads)

    # The pair, its optimiser, schedules and share of each batch; the pictures.
    trainer = Trainer(config, fabric, run.precision, run.data)
    checkpoint = Checkpoint(checkpoints, run.fingerprint)
    parts = COVERS if trainer.objective.covers_only else WITH_BASES if config.scramble.base == CODED else SECRETS
    pairs = Pairs(run.data, config.train.crop, config.train.augment, config.seed, parts)
    workers = loader_processes(config.train, fabric.device)

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
        batches = load_batches(pairs, map(trainer.share.pairs, steps), workers, pinned=on_gpu)
        for _, batch in zip(progress(steps), batches, strict=True):
            waits, shows = trainer.waits, trainer.shows
            point = trainer.step(batch)
            stop = waits and fabric.strategy.reduce_boolean_decision(request.signal > 0, all=False)
            if leads and point:
                report(point)
            if leads and shows:
                show(trainer.done - 1, trainer.objective.preview(trainer.last))
            if leads and (stop or trainer.done % config.train.checkpoint == 0 or trainer.finished):
                checkpoint.save(trainer.state_dict())
            if stop and not trainer.finished:
                raise TrainingStopped(trainer.done, trainer.steps, request.signal)
            if trainer.stopped_early:
                break

    # The averaged weights at their best, and their report.
    rate = (trainer.done - steps.start) * config.train.batch / (time.monotonic() - begun) if steps else None
    if leads and steps:
        memory = torch.cuda.max_memory_allocated(fabric.device) / 1e6 if on_gpu else 0
        _log.info("%.0f pairs a second%s", rate, f", at most {memory:.0f} MB of the first GPU" if on_gpu else "")
    if leads and trainer.stopped_early:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    figures = card_figures(trainer.curve, trainer.best)
    pair = trainer.averaged()
    return Trained(pair, make_card(run, figures, pair), rate)


@contextmanager
def _explained(trainer: "Trainer", pairs: Pairs, checkpoint: Checkpoint) -> Iterator[None]:
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


class Trainer:
    """Weights, optimiser, schedules and moving average of a training, in this process.

    `data` is the folder of the shards, for validation; without it, the last weights are the best.
    """

    def __init__(self, config: Config, fabric: Fabric, precision: str, data: Path | None = None) -> None:
        self.steps = max(1, config.train.pairs // config.train.batch)
        self.done, self.curve = 0, list[Point]()  # steps, and points of the training curve so far
        self.best = BestWeights()  # since the container has its full weight
        self.config, self._fabric = config, fabric
        self.share = BatchShare.of_this_process(config.train)
        self._every = max(1, self.steps // CURVE_POINTS)
        self._pair = first_pair(config).to(fabric.device, memory_format=torch.channels_last).train()
        self._average = AveragedModel(self._pair, multi_avg_fn=get_ema_multi_avg_fn(config.train.ema), use_buffers=True)
        self.objective = objective_of(config, self._pair, self.steps)
        self._failure = torch.full((), -1, device=fabric.device)  # see _watch
        batch = self.share.size // self.share.count
        self._validation = self.objective.validation(data, fabric.device, precision, batch) if data else None
        network, self._terms = self.objective.network(self._pair, precision), self.objective.terms
        if config.train.compile:
            mode = self._compile_mode()
            network.compile(mode=mode)
            self._terms = torch.compile(self._terms, mode=mode)
        weights, decay = [each for each in self._pair.parameters() if each.requires_grad], config.train.weight_decay
        optimizer = torch.optim.AdamW(
            weights, config.train.lr, betas=(0.9, 0.98), eps=EPSILON, weight_decay=decay, fused=True
        )
        self._network, self._optimizer = fabric.setup(network, optimizer)
        self.last: Any = None  # the first pictures of the last step that is shown

    def step(self, share: Tensor) -> Point | None:
        """Do one step of the optimiser on this process's share of the batch, (B, 2 or 3, 3, H, W) uint8.

        Returns:
            A point of the curve, CURVE_POINTS times in a training and after each validation; otherwise None.
        Raises:
            FloatingPointError: the loss or its gradient is no longer finite; the weights are unchanged. On a GPU, it
                may be that of one of the WAITS steps before, which is then the next one to do.
        """
        train = self.config.train
        rate = learning_rate(self.done, self.steps, train.lr, train.lr_end, train.warmup)
        randomness = self.objective.draw(self.done, self._fabric.device)
        weight = self.objective.weight(self.done, randomness)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        means = self._backward(share.to(self._fabric.device, non_blocking=True), randomness, weight)
        clip = self._fabric.clip_gradients
        norm = clip(self._network, self._optimizer, max_norm=train.clip, error_if_nonfinite=False)
        self._watch(means, norm)
        if self.waits:
            self._raise_failure()
        self._optimizer.step()
        self.objective.observe(self.done, randomness, means)
        self._average.update_parameters(self._pair)
        self.done += 1
        validated = self._validate()
        if self.done % self._every and self.done < self.steps and not validated:
            return None
        self._raise_failure()
        container, secret, *_ = means.tolist()
        point = {"step": self.done - 1, "loss": weight * container + self.config.beta * secret}
        point |= self.objective.figures(means) | {"container_weight": weight, "learning_rate": rate}
        self.curve.append(point | {"gradient_norm": norm.item()} | validated)
        return self.curve[-1]

    @property
    def waits(self) -> bool:
        """True if the next step waits for its result; on the CPU, all do."""
        return self._fabric.device.type == "cpu" or (self.done + 1) % WAITS == 0

    @property
    def shows(self) -> bool:
        """True if the next step is one of the PREVIEWS whose pictures are shown."""
        return (self.done + 1) % max(1, self.steps // PREVIEWS) == 0

    @property
    def finished(self) -> bool:
        """True if all steps are done, or validation has not improved for train.patience measurements."""
        return self.done == self.steps or 0 < self.config.train.patience <= self.best.stale

    @property
    def stopped_early(self) -> bool:
        """True if training finished before all steps were done."""
        return self.finished and self.done < self.steps

    def averaged(self) -> Pair:
        """Return the pair with the moving average of its weights, at their best if there is validation; on the CPU."""
        if self.best.step is not None:
            self._average.module.load_state_dict(self.best.weights)
        return self._average.module.cpu().eval()

    def state_dict(self) -> dict[str, Any]:
        """Return everything that decides the rest of the training; randomness is a function of seed, step and rank."""
        self._raise_failure()
        if not torch.stack([weight.isfinite().all() for weight in self._pair.parameters()]).all():
            raise FloatingPointError("a weight is no longer finite")
        parts = {
            "pair": self._pair, "average": self._average, "optimizer": self._optimizer, "best": self.best,
            "objective": self.objective,
        }  # fmt: skip
        return {"step": self.done, "curve": self.curve} | {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restore the result of `state_dict`, if there is any."""
        if state is None:
            return
        self._pair.load_state_dict(state["pair"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.best.load_state_dict(state["best"])
        self.objective.load_state_dict(state["objective"])
        self.done, self.curve = state["step"], state["curve"]

    def _compile_mode(self) -> str:
        """Return the mode of torch.compile: CUDA graphs if a single process computes its batch at once, on a GPU.

        They reuse the memory of results and gradients in the next pass, so the parts of a batch could not be summed.
        """
        alone = self._fabric.world_size == 1 and self.share.count == 1
        return "reduce-overhead" if alone and self._fabric.device.type == "cuda" else "default"

    def _backward(self, share: Tensor, randomness: Any, weight: float) -> Tensor:
        """Compute the gradient of the batch's mean loss, and return its LossTerms, (4,)."""
        seed_step(self.config.seed, self.done, self._fabric.global_rank)
        means = torch.zeros(4, device=self._fabric.device)
        self._optimizer.zero_grad()
        for in_share, in_batch in self.share.parts():
            with self._fabric.no_backward_sync(self._network):
                result = self._network(share[in_share], randomness.select(in_batch))
                terms = self._terms(result)
                loss = weight * terms.container + self.config.beta * terms.secret
                self._fabric.backward(loss / self.share.divisor(in_share))
            if self.shows:
                self.last = first_pairs(result)
            means += terms.stack() / self.share.divisor(in_share)
        self._average_gradients()
        return self._fabric.all_reduce(means, reduce_op="mean")

    def _watch(self, means: Tensor, norm: Tensor) -> None:
        """Note the first step whose loss or gradient is not finite; from then on, the optimiser changes no weight.

        It is noted on the device, as twice the number of the step, plus 1 if the loss is not finite.
        """
        failed = 2 * self.done + 1 - torch.isfinite(means).all().long()
        fails = (self._failure < 0) & ~torch.isfinite(means.sum() + norm)
        self._failure = torch.where(fails, failed, self._failure)
        self._optimizer.optimizer.found_inf = (self._failure >= 0).float()  # as torch.amp.GradScaler sets it

    def _raise_failure(self) -> None:
        failure = int(self._failure)
        if failure >= 0:
            self.done, loss = divmod(failure, 2)
            raise FloatingPointError(f"the {'loss' if loss else 'gradient'} is no longer finite")

    def _average_gradients(self) -> None:
        """Average the gradients of all processes, summed in the order of the weights.

        DDP changes that order after a process's first step (its `Reducer.rebuild_buckets`), and with it the rounding:
        a training resumed from a checkpoint would end with other bits.
        """
        if self._fabric.world_size == 1:
            return
        gradients = [weight.grad for weight in self._pair.parameters() if weight.grad is not None]
        mean = self._fabric.all_reduce(torch.cat([each.flatten() for each in gradients]), reduce_op="mean")
        for each, part in zip(gradients, mean.split([each.numel() for each in gradients]), strict=True):
            each.copy_(part.view_as(each))

    def _validate(self) -> Point:
        """Measure every train.validate steps and at the end, in the first process, for all; else return {}."""
        train, last = self.config.train, self.done == self.steps
        if not self._validation or (self.done % train.validate and not last):
            return {}
        leads = self._fabric.is_global_zero
        figures = self._fabric.broadcast(self._validation(self._average.module) if leads else None)
        if self.objective.selects and (last or self.done > train.container_ramp * self.steps):
            self.best.update(self.done - 1, figures, self._average.module)
        return figures


class BestWeights:
    """The weights with the lowest validation loss so far."""

    def __init__(self) -> None:
        self.step: int | None = None  # the training step after which they were measured
        self.figures: dict[str, float] = {}
        self.weights: dict[str, Tensor] = {}  # all tensors of the pair, by name
        self.stale = 0  # measurements since then

    def update(self, step: int, figures: dict[str, float], pair: Pair) -> None:
        """Copy the weights of `pair` if their loss is the lowest."""
        self.stale += 1
        if self.step is None or figures[FIGURES[0]] < self.figures[FIGURES[0]]:
            self.step, self.figures, self.stale = step, figures, 0
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in pair.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes, for a checkpoint."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the result of `state_dict`."""
        vars(self).update(state)


def objective_of(config: Config, pair: Pair, steps: int) -> Objective:
    """Return the objective of a pair; `steps` is the length of the training."""
    return (ModemObjective if pair.bits else PictureObjective)(config, pair, steps)


def first_pair(config: Config) -> Pair:
    """Return the pair before training: a fresh one, or the one shipped with stegnet, if it is of the same model."""
    if config.train.start == "fresh":
        return build_from(config.model)
    card = read_card(SHIPPED)
    shipped, wanted = (card.model, card.options), (config.model.name, options_of(config.model))
    if shipped != wanted:
        raise ConfigError(f"params.yaml: train.start: the shipped pair is {shipped}, model.* asks for {wanted}")
    return load_pair()[0]


def learning_rate(step: int, steps: int, peak: float, end: float, warmup: int) -> float:
    """Return a linear warm-up over `warmup` steps, then half a cosine from `peak` to `end` · `peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)


def make_card(run: TrainingRun, figures: dict[str, float], pair: Pair) -> Card:
    """Return the card of the weights that a training produces."""
    model, scramble = run.config.model, asdict(run.config.scramble) | {"period": pair.period().item()}
    return Card(model.name, options_of(model), scramble, run.settings, figures, receptive_fields(pair))


def card_figures(curve: Sequence[Point], best: BestWeights) -> dict[str, float]:
    """Return means over the last tenth of the training curve; with validation, also the best step and its figures."""
    last = curve[-max(1, len(curve) // 10) :]
    names = [name for name in (CONTAINER_PSNR, SECRET_PSNR, INFORMATION) if name in last[0]]
    rounded = {f"training_{name}": round(mean(point[name] for point in last), 4) for name in names}
    return rounded if best.step is None else rounded | best.figures | {"validation_step": best.step}


def write_weights(path: Path, pair: Pair, card: Card) -> None:
    """Write the weights file, and its card beside it as JSON for readers without safetensors."""
    with whole_file(path) as part:
        save_pair(part, pair, card)
    with whole_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(asdict(card), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_curve(path: Path, points: Sequence[Point]) -> None:
    """Write the training curve as CSV, replacing the file at once, since DVC plots it while the training runs.

    The columns of validation figures are always there; cells without a measurement are empty.
    """
    expected = () if INFORMATION in points[0] else FIGURES
    columns = dict.fromkeys([*points[0], *expected, *(name for point in points for name in point)])
    with whole_file(path) as part, open(part, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(points)
