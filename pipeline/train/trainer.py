"""A training's weights, optimiser, schedules and moving average, and the step that updates them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.config import Config
from pipeline.train.devices import BatchShare, Fabric
from pipeline.train.hiding import PictureObjective, first_pairs
from pipeline.train.losses import Objective
from pipeline.train.modem import ModemObjective
from pipeline.train.validation import BestWeights
from stegnet.core.compute import seed_step
from stegnet.core.errors import ConfigError
from stegnet.networks.card import SHIPPED, read_card
from stegnet.networks.pair import Pair, build_from, load_pair, options_of

CURVE_POINTS = 200
WAITS = 10  # steps after which a GPU is waited for: to do so in each would leave it idle
EPSILON = 1e-12  # of AdamW: gradients are small where a base leaves little to hide

Point = dict[str, float]


class Trainer:
    """One training, in this process.

    Args:
        data: folder of the shards, for validation; None: the last weights are the best.

    Attributes:
        steps: number of steps of the whole training.
        done: number of steps done.
        curve: points of the training curve so far.
        objective: what the pair learns.
        best: averaged weights with the best validation loss since the container has its full weight.
    """

    def __init__(self, config: Config, fabric: Fabric, precision: str, data: Path | None = None) -> None:
        self.steps = max(1, config.train.pairs // config.train.batch)
        self.done, self.curve = 0, list[Point]()
        self.best = BestWeights()
        self._config, self._fabric = config, fabric
        self._share = BatchShare.of_this_process(config.train)
        self._every = max(1, self.steps // CURVE_POINTS)
        self._pair = first_pair(config).to(fabric.device, memory_format=torch.channels_last).train()
        self._average = AveragedModel(self._pair, multi_avg_fn=get_ema_multi_avg_fn(config.train.ema), use_buffers=True)
        self.objective = objective_of(config, self._pair, self.steps)
        self._failure = torch.full((), -1, device=fabric.device)  # see _watch
        batch = self._share.size // self._share.count
        self._validation = self.objective.validation(data, fabric.device, precision, batch) if data else None
        network = self.objective.network(self._pair, precision, config.train.compile)
        self._network, self._optimizer = fabric.setup(network, _optimizer(self._pair, config))
        self._last: Any = None  # the first pictures of the last step

    def step(self, share: Tensor) -> Point | None:
        """Does one step of the optimiser on this process's share of the batch, (B, 2 or 3, 3, H, W) uint8.

        Returns:
            A point of the curve, CURVE_POINTS times in a training and after each validation; otherwise None.
        Raises:
            FloatingPointError: the loss or its gradient is no longer finite; the weights are unchanged. On a GPU, it
                may be that of one of the WAITS steps before, which is then the next one to do.
        """
        train = self._config.train
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
        self.curve.append(self._point(means, weight, rate, norm) | validated)
        return self.curve[-1]

    @property
    def waits(self) -> bool:
        """The next step waits for its result; on the CPU, all do."""
        return self._fabric.device.type == "cpu" or (self.done + 1) % WAITS == 0

    @property
    def finished(self) -> bool:
        """All steps are done, or validation has not improved for train.patience measurements."""
        return self.done == self.steps or 0 < self._config.train.patience <= self.best.stale

    @property
    def stopped_early(self) -> bool:
        """Finished before all steps are done."""
        return self.finished and self.done < self.steps

    def remaining_steps(self) -> range:
        """The steps still to do; none if finished."""
        return range(self.done, self.done if self.finished else self.steps)

    def next_batch(self) -> range:
        """The indices of the next step's pairs, in all processes."""
        size = self._config.train.batch
        return range(self.done * size, (self.done + 1) * size)

    def preview(self) -> np.ndarray:
        """Pictures of the last step, (H, W, 3) uint8."""
        return self.objective.preview(self._last)

    def averaged(self) -> Pair:
        """The pair with the moving average of its weights, at their best if there is validation; on the CPU."""
        if self.best.step is not None:
            self._average.module.load_state_dict(self.best.weights)
        return self._average.module.cpu().eval()

    def state_dict(self) -> dict[str, Any]:
        """All that decides the rest of the training; everything random is a function of seed, step and rank.

        Raises:
            FloatingPointError: as `step`; or a weight is no longer finite.
        """
        self._raise_failure()
        if not torch.stack([weight.isfinite().all() for weight in self._pair.parameters()]).all():
            raise FloatingPointError("a weight is no longer finite")
        parts = {
            "pair": self._pair, "average": self._average, "optimizer": self._optimizer, "best": self.best,
            "objective": self.objective,
        }  # fmt: skip
        return {"step": self.done, "curve": self.curve} | {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restores the result of `state_dict`, if there is any."""
        if state is None:
            return
        self._pair.load_state_dict(state["pair"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.best.load_state_dict(state["best"])
        self.objective.load_state_dict(state["objective"])
        self.done, self.curve = state["step"], state["curve"]

    def _backward(self, share: Tensor, randomness: Any, weight: float) -> Tensor:
        """Computes the gradient of the batch's mean loss, with the container's term at `weight`.

        Returns:
            (4,): LossTerms over the whole batch.
        """
        seed_step(self._config.seed, self.done, self._fabric.global_rank)
        means = torch.zeros(4, device=self._fabric.device)
        self._optimizer.zero_grad()
        for in_share, in_batch in self._share.parts():
            with self._fabric.no_backward_sync(self._network):
                result = self._network(share[in_share], randomness.select(in_batch))
                terms = self.objective.terms(result)
                loss = weight * terms.container + self._config.beta * terms.secret
                self._fabric.backward(loss / self._share.divisor(in_share))
            self._last = first_pairs(result)
            means += terms.stack() / self._share.divisor(in_share)
        self._average_gradients()
        return self._fabric.all_reduce(means, reduce_op="mean")

    def _watch(self, means: Tensor, norm: Tensor) -> None:
        """Notes the first step whose loss or gradient is not finite; from it on, the optimiser changes no weight.

        It is noted on the device, as twice the number of the step, plus 1 if the loss is not finite.
        """
        failed = 2 * self.done + 1 - torch.isfinite(means).all().long()
        fails = (self._failure < 0) & ~torch.isfinite(means.sum() + norm)
        self._failure = torch.where(fails, failed, self._failure)
        self._optimizer.optimizer.found_inf = (self._failure >= 0).float()  # as torch.amp.GradScaler tells it

    def _raise_failure(self) -> None:
        failure = int(self._failure)
        if failure >= 0:
            self.done, loss = divmod(failure, 2)
            raise FloatingPointError(f"the {'loss' if loss else 'gradient'} is no longer finite")

    def _average_gradients(self) -> None:
        """Averages the gradients of all processes, summed in the order of the weights.

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
        """Measures every train.validate steps and at the end, in the first process, for all; else returns {}."""
        train, last = self._config.train, self.done == self.steps
        if not self._validation or (self.done % train.validate and not last):
            return {}
        leads = self._fabric.is_global_zero
        figures = self._fabric.broadcast(self._validation(self._average.module) if leads else None)
        if self.objective.selects and (last or self.done > train.container_ramp * self.steps):
            self.best.update(self.done - 1, figures, self._average.module)
        return figures

    def _point(self, means: Tensor, weight: float, rate: float, norm: Tensor) -> Point:
        container, secret, *_ = means.tolist()
        return {
            "step": self.done - 1,
            "loss": weight * container + self._config.beta * secret,
            **self.objective.figures(means),
            "container_weight": weight,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
        }


def objective_of(config: Config, pair: Pair, steps: int) -> Objective:
    """The objective of a pair; `steps` is the length of the training."""
    if not pair.bits:
        return PictureObjective(config, pair, steps)
    return ModemObjective(config, pair, steps)


def first_pair(config: Config) -> Pair:
    """The pair before training: a fresh one, or the one shipped with stegnet.

    Raises:
        ConfigError: the shipped pair is of another model than `config` names.
    """
    if config.train.start == "fresh":
        return build_from(config.model)
    card = read_card(SHIPPED)
    shipped, wanted = (card.model, card.options), (config.model.name, options_of(config.model))
    if shipped != wanted:
        raise ConfigError(f"params.yaml: train.start: the shipped pair is {shipped}, model.* asks for {wanted}")
    return load_pair()[0]


def learning_rate(step: int, steps: int, peak: float, end: float, warmup: int) -> float:
    """Linear warm-up over `warmup` steps, then half a cosine from `peak` to `end` · `peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)


def _optimizer(pair: Pair, config: Config) -> torch.optim.Optimizer:
    weights = [weight for weight in pair.parameters() if weight.requires_grad]
    decay = config.train.weight_decay
    return torch.optim.AdamW(weights, config.train.lr, betas=(0.9, 0.98), eps=EPSILON, weight_decay=decay, fused=True)
