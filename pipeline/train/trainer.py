"""The step of a training, the same for every task, with its optimiser, schedule, averaged weights and curve."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline.config import Config
from pipeline.train.checkpoint import TrainingState
from pipeline.train.devices import BatchShare, Fabric, mean_over_processes
from pipeline.train.losses import VALIDATION_LOSS
from pipeline.train.task import Point, StepPlan, TrainingTask, first_pictures, preview
from stegnet.core.compute import seed_step
from stegnet.networks.pair import Pair


class Trainer:
    """Weights, optimiser, schedules and moving average of a training, in this process.

    Attributes:
        steps: number of steps in the whole training.
        done: number of steps so far.
        curve: points of the training curve so far.
        best: the best weights that were measured before the first step, and after the container's error reached its
            full weight.
        share: the pairs of each batch that this process computes.
    """

    def __init__(
        self,
        config: Config,
        fabric: Fabric,
        pair: Pair,
        task: TrainingTask[Any],
        data: Path | None = None,
        precision: str = "fp32",
    ) -> None:
        """Prepare the training of `pair` by `task`; `data` is the folder of the shards, for validation.

        In fp16, the loss is scaled, so that gradients neither vanish nor overflow (Micikevicius et al. 2018, arXiv
        1710.03740); a step whose gradients do overflow is left out, and the scale halved.
        """
        self.config = config
        self.task = task
        self.steps = task.steps
        self.done = 0
        self.curve: list[Point] = []
        self.best = BestWeights()
        self.share = BatchShare.of_this_process(config.train)
        self._shown: tuple[Tensor, ...] = ()  # the first pictures of the last step that is shown

        points_wanted = 200
        self._curve_interval = max(1, self.steps // points_wanted)
        previews_wanted = 10
        self._preview_interval = max(1, self.steps // previews_wanted)

        # Weights and their moving average.
        device = fabric.device
        task.to(device).to(memory_format=torch.channels_last).train()
        self._fabric = fabric
        self._pair = pair
        decay = get_ema_multi_avg_fn(config.train.ema)
        self._average = AveragedModel(pair, multi_avg_fn=decay, use_buffers=True)
        self._failure = torch.full((), -1, device=device)  # see _watch
        self._validation = task.validation(data, device, self.share.size // self.share.count) if data else None

        # The task's forward pass, compiled and shared out among processes, and the optimiser.
        if config.train.compile:
            task.compile(mode=self._compile_mode())
        self._peak_rate = config.train.lr
        optimizer = torch.optim.AdamW(
            [weight for weight in pair.parameters() if weight.requires_grad],
            self._peak_rate,
            betas=(0.9, 0.98),
            eps=1e-12,  # gradients are small where a base leaves little to hide
            weight_decay=config.train.weight_decay,
            fused=True,
        )
        self._network, self._optimizer = fabric.setup(task, optimizer)
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    def step(self, share: Tensor) -> Point | None:
        """Do one step of the optimiser on this process's share of the batch, (B, 2 or 3, 3, H, W) uint8.

        Returns:
            A point of the curve, about 200 times in a training and after each validation; otherwise None.

        Raises:
            FloatingPointError: the loss or its gradient is no longer finite; the weights are unchanged. On a GPU, an
                earlier step may have failed, which is then the next one to do.
        """
        train = self.config.train
        if self.done == 0:
            self._validate()  # the start is a candidate, too
        plan = self.task.plan(self.done, self._fabric.device)
        rate = learning_rate(self.done, self.steps, self._peak_rate, train.lr_end, train.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

        means = self._backward(share.to(self._fabric.device, non_blocking=True), plan)
        self._scaler.unscale_(self._optimizer.optimizer)
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=train.clip, error_if_nonfinite=False
        )
        assert norm is not None
        self._watch(means, norm)
        if self.waits:
            self._raise_failure()
        self._optimizer.step()
        self._scaler.update()
        self.task.after_step(self.done, plan.randomness, means)
        self._average.update_parameters(self._pair)
        self.done += 1

        validated = self._validate()
        if self.done % self._curve_interval and self.done < self.steps and not validated:
            return None
        self._raise_failure()
        container, secret, *_ = means.tolist()
        point = {
            "step": self.done - 1,
            "loss": plan.container_weight * container + self.config.beta * secret,
            **self.task.figures(means),
            "container_weight": plan.container_weight,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
            **validated,
        }
        self.curve.append(point)
        return point

    @property
    def waits(self) -> bool:
        """True if the next step waits for its result; on the CPU, all do. A GPU would idle if all did."""
        steps_between_waits = 10
        return self._fabric.device.type == "cpu" or (self.done + 1) % steps_between_waits == 0

    @property
    def shows(self) -> bool:
        """True if the pictures of the next step are shown; a training shows ten steps."""
        return (self.done + 1) % self._preview_interval == 0

    def preview(self) -> NDArray[np.uint8]:
        """Return the pictures of the last step that is shown, (H, W, 3) uint8."""
        return preview(*self._shown)

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
        pair = self._averaged()
        if self.best.step is not None:
            pair.load_state_dict(self.best.weights)
        return pair.cpu().eval()

    def state_dict(self) -> TrainingState:
        """Return everything that decides the rest of the training; randomness is a function of seed, step and rank."""
        self._raise_failure()
        if not torch.stack([weight.isfinite().all() for weight in self._pair.parameters()]).all():
            raise FloatingPointError("a weight is no longer finite")
        return {
            "step": self.done,
            "curve": self.curve,
            "task": self.task.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "best": self.best.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def load_state_dict(self, state: TrainingState | None) -> None:
        """Restore the result of `state_dict`, if there is any."""
        if state is None:
            return
        self.task.load_state_dict(state["task"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.best.load_state_dict(state["best"])
        self._scaler.load_state_dict(state["scaler"])
        self.done = state["step"]
        self.curve = state["curve"]

    def _compile_mode(self) -> str:
        """Return the mode of torch.compile: CUDA graphs if a single process computes its batch at once, on a GPU.

        They reuse the memory of results and gradients in the next pass, so the parts of a batch could not be summed.
        """
        alone = self._fabric.world_size == 1 and self.share.count == 1
        return "reduce-overhead" if alone and self._fabric.device.type == "cuda" else "default"

    def _backward(self, share: Tensor, plan: StepPlan[Any]) -> Tensor:
        """Compute the gradient of the batch's mean loss, and return its LossTerms, (4,)."""
        seed_step(self.config.seed, self.done, self._fabric.global_rank)
        means = torch.zeros(4, device=self._fabric.device)
        self._optimizer.zero_grad()
        for in_share, in_batch in self.share.parts():
            divisor = self.share.divisor(in_share)
            with self._fabric.no_backward_sync(self._network):
                terms, pictures = self._network(share[in_share], plan.randomness.select(in_batch))
                loss = plan.container_weight * terms.container + self.config.beta * terms.secret
                self._fabric.backward(self._scaler.scale(loss / divisor))
            if self.shows:
                self._shown = first_pictures(pictures)
            means += terms.stack() / divisor
        self._average_gradients()
        return mean_over_processes(self._fabric, means)

    def _watch(self, means: Tensor, norm: Tensor) -> None:
        """Note the first step whose loss or gradient is not finite; from then on, the optimiser changes no weight.

        It is noted on the device, as twice the number of the step, plus 1 if the loss is not finite. A scaled gradient
        may overflow; only the scale changes then.
        """
        failed = 2 * self.done + 1 - torch.isfinite(means).all().long()
        overflowed = ~torch.isfinite(norm)
        wrong = ~torch.isfinite(means.sum()) | (overflowed & (self._scaler.is_enabled() == 0))
        self._failure = torch.where((self._failure < 0) & wrong, failed, self._failure)
        # Named by torch.amp.GradScaler, which sets it, too.
        self._optimizer.optimizer.found_inf = ((self._failure >= 0) | overflowed).float()

    def _raise_failure(self) -> None:
        failure = int(self._failure)
        least_scale = 1.0  # that of a gradient which would overflow without any
        if self._scaler.get_scale() < least_scale:
            failure = 2 * self.done
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
        means = mean_over_processes(self._fabric, torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(means, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, parts, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def _averaged(self) -> Pair:
        return cast(Pair, self._average.module)

    def _validate(self) -> Point:
        """Measure the start, every train.validate steps and the end, in the first process, for all; else return {}."""
        train = self.config.train
        last = self.done == self.steps
        if not self._validation or (self.done % train.validate and not last):
            return {}
        leads = self._fabric.is_global_zero
        figures: Point = self._fabric.broadcast(self._validation(self._averaged()) if leads else {})
        in_ramp = 0 < self.done <= train.container_ramp * self.steps
        if VALIDATION_LOSS in figures and (last or not in_ramp):
            self.best.update(self.done, figures, self._averaged())
        return figures


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

    def state_dict(self) -> dict[str, object]:
        """Return all attributes, for a checkpoint."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Restore the result of `state_dict`."""
        vars(self).update(state)


def learning_rate(step: int, steps: int, peak: float, end: float, warmup: int) -> float:
    """Return a linear warm-up over `warmup` steps, then half a cosine from `peak` to `end` · `peak`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)
