"""A training, from the data to the weights: `train` is its loop, `Trainer.step` a step of it.

What a pair learns, with its loss, is a task: `pipeline.train.hiding`.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.parameters.training import TrainParameters
from pipeline.tensors import to_8_bits
from pipeline.train.checkpoint import Checkpoint, TrainingState
from pipeline.train.hiding import Point, StepPlan
from pipeline.train.losses import VALIDATION_LOSS
from pipeline.train.pairs import Pairs, load_batches
from pipeline.train.processes import connected, from_first_process, mean_over_processes
from pipeline.train.run import TrainingRun, make_card
from stegnet.core.compute import is_out_of_memory, make_deterministic, seed_step
from stegnet.core.errors import ConfigError, TrainingError
from stegnet.core.measures import DIFFERENCE_GAIN
from stegnet.core.parallel import rank, world_size
from stegnet.networks.card import SHIPPED, Card, read_card
from stegnet.networks.layers import has_batch_norms, synchronise_batch_norms
from stegnet.networks.pair import Pair, build_from, load_pair, options_of

_log = logging.getLogger(__name__)


class Trained(NamedTuple):
    """Result of a training: the pair with averaged weights, on the CPU, and its card; its speed, if it did a step.

    The weights are those with the best validation loss, or the last ones if there are no validation pictures.
    """

    pair: Pair
    card: Card
    pairs_per_second: float | None


def train(
    run: TrainingRun,
    checkpoints: Path,
    report: Callable[[Point], None] = lambda point: None,
    progress: Callable[[range], Iterable[int]] = lambda steps: steps,
    show: Callable[[int, NDArray[np.uint8]], None] = lambda step, pictures: None,
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
        TrainingError: the loss is no longer finite, or memory is full.
        ConfigError: there are more processes than pairs in a batch, or than GPUs.
        DataError: there are no training pictures.
    """
    settings = run.config.train
    leads = rank() == 0
    with connected(run.config, run.device), _errors_explained():
        make_deterministic(run.config.seed, run.threads)
        trainer = Trainer(run, run.data)
        checkpoint = Checkpoint(checkpoints, run.fingerprint)
        pairs = Pairs(run.data, settings.crop, settings.augment, run.config.seed, trainer.task.pictures_per_pair)

        # Continue where an earlier call was interrupted.
        trainer.load_state_dict(from_first_process(checkpoint.load() if leads else None))
        if leads and trainer.done:
            _log.info("goes on after step %d of %d, from the last checkpoint", trainer.done, trainer.steps)
        for point in trainer.curve if leads else ():
            report(point)
        steps = range(trainer.done, trainer.done if trainer.finished else trainer.steps)
        begun = time.monotonic()
        batches = load_batches(pairs, map(trainer.pairs_of, steps), run.loaders, run.device.type == "cuda")
        for _, batch in zip(progress(steps), batches, strict=True):
            shows = trainer.shows
            try:
                measured = trainer.step(batch)
                if leads and measured:
                    report(measured)
                if leads and shows:
                    show(trainer.done - 1, trainer.preview())
                if leads and (trainer.done % settings.checkpoint == 0 or trainer.finished):
                    checkpoint.save(trainer.state_dict())
            except FloatingPointError as error:
                raise _diverged(trainer, pairs, checkpoint, error) from error
            if trainer.finished:
                break
        seconds = time.monotonic() - begun

    rate = (trainer.done - steps.start) * settings.batch / seconds if steps else None
    if leads and rate is not None:
        memory = f", at most {torch.cuda.max_memory_allocated() / 1e6:.0f} MB of the first GPU"
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
        _log.info("%s pairs a second%s", speed, memory if run.device.type == "cuda" else "")
    if leads and trainer.done < trainer.steps:
        _log.info("stopped early, after %d of %d steps: train.patience", trainer.done, trainer.steps)
    if leads and trainer.best.step == 0:
        _log.warning("no validation was better than the first, before step 1: the weights are those of the start")
    pair = trainer.averaged()
    best = {} if trainer.best.step is None else trainer.best.figures | {"validation_step": trainer.best.step}
    return Trained(pair, make_card(run, trainer.curve, trainer.task.figure_names, best, pair), rate)


class Trainer:
    """Weights, optimiser, schedules and moving average of a training, in this process.

    Attributes:
        task: the pair and what it learns.
        steps: number of steps in the whole training.
        done: number of steps so far.
        curve: points of the training curve so far.
        best: the best weights that were measured before the first step, and after the container's error reached its
            full weight.
    """

    def __init__(self, run: TrainingRun, data: Path | None = None) -> None:
        """Prepare a training before its first step; `data` is the folder of the shards, for validation.

        In fp16, the loss is scaled, so that gradients neither vanish nor overflow (Micikevicius et al. 2018, arXiv
        1710.03740); a step whose gradients do overflow is left out, and the scale halved.
        """
        settings = run.config.train
        self._config, self._device = run.config, run.device
        self.steps = max(1, settings.pairs // settings.batch)
        self.done = 0
        self.curve: list[Point] = []
        self.best = BestWeights()
        self._share = settings.batch // world_size()  # pairs of each batch that this process computes
        self._part = self._share // settings.accumulate  # those that it computes at once
        self._shown: tuple[Tensor, ...] = ()  # the first pictures of the last step that is shown
        self._failed = torch.full((), -1, device=run.device)  # first step whose loss or gradient was not finite

        # The weights and their moving average, and what the pair learns.
        self._pair = first_pair(run.config)
        if world_size() > 1 and run.device.type == "cuda" and has_batch_norms(self._pair):
            synchronise_batch_norms(self._pair)
        self.task = run.task(self._pair, run.config, run.precision, self.steps)
        self.task.to(run.device).to(memory_format=torch.channels_last).train()
        decay = get_ema_multi_avg_fn(settings.ema)
        self._average = AveragedModel(self._pair, multi_avg_fn=decay, use_buffers=True)
        self._validation = self.task.validation(data, run.device, self._part) if data else None
        if settings.compile:
            # CUDA graphs reuse the memory of gradients in the next pass, so the parts of a batch could not be summed.
            alone = world_size() == 1 and settings.accumulate == 1 and run.device.type == "cuda"
            self.task.compile(mode="reduce-overhead" if alone else "default")

        self._optimizer = torch.optim.AdamW(
            [weight for weight in self._pair.parameters() if weight.requires_grad],
            settings.lr,
            betas=(0.9, 0.98),
            eps=1e-12,  # gradients are small where a base leaves little to hide
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self._scaler = torch.amp.GradScaler(run.device.type, enabled=run.precision == "fp16")

    def step(self, share: Tensor) -> Point | None:
        """Do one step of the optimiser on this process's share of the batch, (B, 2 or 3, 3, H, W) uint8.

        Returns:
            A point of the curve, about 200 times in a training and after each validation; otherwise None.

        Raises:
            FloatingPointError: the loss or its gradient is no longer finite; the weights are unchanged. On a GPU, an
                earlier step may have failed, which is then the next one to do.
        """
        settings = self._config.train
        if self.done == 0:
            self._validate()  # the start is a candidate, too
        plan = self.task.plan(self.done, self._device)
        rate = learning_rate(self.done, self.steps, settings.lr, settings.lr_end, settings.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

        means = self._backward(share.to(self._device, non_blocking=True), plan)
        self._scaler.unscale_(self._optimizer)
        norm = clip_grad_norm_(self._pair.parameters(), settings.clip)
        overflowed = ~torch.isfinite(norm)  # in fp16, only the scale changes then
        wrong = ~torch.isfinite(means.sum()) | (overflowed & (self._scaler.is_enabled() == 0))
        self._failed = torch.where((self._failed < 0) & wrong, self.done, self._failed)
        if self.waits:
            self._raise_failure()
        # From a failure on, no weight changes. The attribute is PyTorch's own, which the scaler sets, too.
        self._optimizer.found_inf = ((self._failed >= 0) | overflowed).float()  # type: ignore[attr-defined]
        self._optimizer.step()
        self._scaler.update()
        self.task.after_step(self.done, plan.randomness, means)
        self._average.update_parameters(self._pair)
        self.done += 1

        validated = self._validate()
        points_wanted = 200
        if self.done % max(1, self.steps // points_wanted) and self.done < self.steps and not validated:
            return None
        self._raise_failure()
        container, secret, *_ = means.tolist()
        point = {
            "step": self.done - 1,
            "loss": plan.container_weight * container + self._config.beta * secret,
            **self.task.figures(means),
            "container_weight": plan.container_weight,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            **validated,
        }
        self.curve.append(point)
        return point

    def _backward(self, share: Tensor, plan: StepPlan) -> Tensor:
        """Compute the gradient of the batch's mean loss, and return its LossTerms, (4,)."""
        seed_step(self._config.seed, self.done, rank())
        means = torch.zeros(4, device=self._device)
        parts = self._config.train.accumulate
        self._optimizer.zero_grad()
        for start in range(0, self._share, self._part):
            in_batch = slice(rank() * self._share + start, rank() * self._share + start + self._part)
            terms, pictures = self.task(share[start : start + self._part], plan.randomness.select(in_batch))
            loss = plan.container_weight * terms.container + self._config.beta * terms.secret
            self._scaler.scale(loss / parts).backward()
            if self.shows:
                pairs_shown = 4
                self._shown = tuple(part[:pairs_shown].detach().clone() for part in pictures)
            means += terms.stack() / parts
        if world_size() > 1:  # not by DDP, which sums gradients in another order after a resume, and so in other bits
            gradients = [weight.grad for weight in self._pair.parameters() if weight.grad is not None]
            summed = mean_over_processes(torch.cat([gradient.flatten() for gradient in gradients]))
            for gradient, mean in zip(gradients, summed.split([each.numel() for each in gradients]), strict=True):
                gradient.copy_(mean.view_as(gradient))
        return mean_over_processes(means)

    def _validate(self) -> Point:
        """Measure the start, every train.validate steps and the end, in the first process, for all; else return {}."""
        settings = self._config.train
        last = self.done == self.steps
        if not self._validation or (self.done % settings.validate and not last):
            return {}
        figures = from_first_process(self._validation(self._averaged) if rank() == 0 else {})
        in_ramp = 0 < self.done <= settings.container_ramp * self.steps
        if VALIDATION_LOSS in figures and (last or not in_ramp):
            self.best.update(self.done, figures, self._averaged)
        return figures

    def _raise_failure(self) -> None:
        least_scale = 1.0  # that of a gradient which would overflow without any
        failed = self.done if self._scaler.get_scale() < least_scale else int(self._failed)
        if failed >= 0:
            self.done = failed
            raise FloatingPointError("the loss or its gradient is no longer finite")

    def pairs_of(self, step: int) -> range:
        """Return the indices of the training pairs of a step that this process computes."""
        first = step * self._config.train.batch + rank() * self._share
        return range(first, first + self._share)

    @property
    def waits(self) -> bool:
        """True if the next step waits for its result; on the CPU, all do. A GPU would idle if all did."""
        steps_between_waits = 10
        return self._device.type == "cpu" or (self.done + 1) % steps_between_waits == 0

    @property
    def shows(self) -> bool:
        """True if the pictures of the next step are shown; a training shows ten steps."""
        previews_wanted = 10
        return (self.done + 1) % max(1, self.steps // previews_wanted) == 0

    def preview(self) -> NDArray[np.uint8]:
        """Return the last step that is shown, (H, W, 3) uint8: a row per pair.

        Its columns are cover, container, their difference times DIFFERENCE_GAIN, and what else the task shows.
        """
        cover, container, *revealed = self._shown
        columns = (cover, container, (container - cover).abs() * DIFFERENCE_GAIN, *revealed)
        rows = torch.cat([to_8_bits(column) for column in columns], dim=3)  # (B, 3, H, n·W)
        picture: NDArray[np.uint8] = rows.permute(0, 2, 3, 1).reshape(-1, rows.shape[3], 3).cpu().numpy()
        return picture

    @property
    def finished(self) -> bool:
        """True if all steps are done, or validation has not improved for train.patience measurements."""
        return self.done == self.steps or 0 < self._config.train.patience <= self.best.stale

    @property
    def _averaged(self) -> Pair:
        return cast(Pair, self._average.module)

    def averaged(self) -> Pair:
        """Return the pair with the moving average of its weights, at their best if there is validation; on the CPU."""
        if self.best.step is not None:
            self._averaged.load_state_dict(self.best.weights)
        return self._averaged.cpu().eval()

    def state_dict(self) -> TrainingState:
        """Return everything that decides the rest of the training; randomness is a function of seed, step and rank."""
        self._raise_failure()
        if not torch.stack([weight.isfinite().all() for weight in self._pair.parameters()]).all():
            raise FloatingPointError("a weight is no longer finite")
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {"step": self.done, "curve": self.curve, "best": dict(vars(self.best)), "parts": parts}

    def load_state_dict(self, state: TrainingState | None) -> None:
        """Restore the result of `state_dict`, if there is any."""
        if state is None:
            return
        for name, part in self._parts().items():
            part.load_state_dict(state["parts"][name])
        vars(self.best).update(state["best"])
        self.done = state["step"]
        self.curve = state["curve"]

    def _parts(self) -> dict[str, Any]:
        return {"task": self.task, "average": self._average, "optimizer": self._optimizer, "scaler": self._scaler}


@dataclass
class BestWeights:
    """The weights with the lowest validation loss so far."""

    step: int | None = None  # the number of steps after which they were measured; 0: the start
    figures: Point = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)  # all tensors of the pair, by name
    stale: int = 0  # measurements since then

    def update(self, step: int, figures: Point, pair: Pair) -> None:
        """Copy the weights of `pair` if their loss is the lowest."""
        self.stale += 1
        if self.step is None or figures[VALIDATION_LOSS] < self.figures[VALIDATION_LOSS]:
            self.step = step
            self.figures = figures
            self.stale = 0
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in pair.state_dict().items()}


def first_pair(config: TrainParameters) -> Pair:
    """Return the pair before training: a fresh one, or the shipped one of its kind, if it is of the same model."""
    if config.train.start == "fresh":
        return build_from(config.model)
    card = read_card(SHIPPED)
    shipped = card.options | {"name": card.model}
    wanted = options_of(config.model) | {"name": config.model.name}
    for key in ("name", *wanted):
        if shipped.get(key) != wanted[key]:
            reason = f"the shipped pair's model.{key} is {shipped.get(key)}, not {wanted[key]}"
            raise ConfigError(f"params.yaml: train.start: {reason}", "train.start=fresh")
    return load_pair(SHIPPED)[0]


def learning_rate(step: int, steps: int, peak: float, end: float, warmup: int) -> float:
    """Return a linear warm-up over `warmup` steps, then half a cosine from `peak` to `end` · `peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)


@contextmanager
def _errors_explained() -> Iterator[None]:
    """Shorten PyTorch's error if a training needs too much memory."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        hint = "raise train.accumulate, for the same result with less memory; or lower train.batch or train.crop"
        raise TrainingError("training needs more memory than the device has left", hint) from error


def _diverged(trainer: Trainer, pairs: Pairs, checkpoint: Checkpoint, error: FloatingPointError) -> TrainingError:
    """Return the error of a training that diverges, with the pictures of its batch, and the last checkpoint."""
    size = trainer.task.config.train.batch
    batch = range(trainer.done * size, (trainer.done + 1) * size)
    covers, secrets = (
        shorten(", ".join(names), 200, placeholder=f" … ({size} in all)")
        for names in zip(*pairs.names(batch), strict=True)
    )
    state = f"the last good state is {checkpoint.path}; " if checkpoint.path.exists() else ""
    return TrainingError(
        f"training diverged at step {trainer.done}: {error}; covers: {covers}; secrets: {secrets}",
        f"{state}look at the pictures, or try a lower train.lr or train.clip",
    )
