"""Weights, optimiser and moving average of one training, and what a step does to them."""

from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stegnet.core.config import Config
from stegnet.core.errors import ConfigError
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr_from_mse
from stegnet.core.reproducible import seed_step
from stegnet.models import SHIPPED, Pair, build_from, load_pair, options_of, read_card
from stegnet.training.batch_pass import HideRevealPass, PassResult, draw_randomness
from stegnet.training.devices import Fabric
from stegnet.training.losses import terms
from stegnet.training.schedule import container_weight, learning_rate
from stegnet.training.share import Share
from stegnet.training.sight import few
from stegnet.training.validation import Best, Validation

REPORTS = 200  # points of a training curve

Point = dict[str, float]


class Trainer:
    """One training, in the process that this is.

    Args:
        validation: what the averaged weights are measured on; None: the last ones are the best.

    Attributes:
        steps: of the whole training.
        done: those that are done.
        curve: its points so far.
        seen: some pairs of the step before, None at first.
        best: the averaged weights that did best in validation, once the container has its full weight.
    """

    def __init__(self, config: Config, fabric: Fabric, precision: str, validation: Validation | None = None) -> None:
        self.steps = max(1, config.train.pairs // config.train.batch)
        self.done, self.curve = 0, list[Point]()
        self.seen: PassResult | None = None
        self.best = Best()
        self._config, self._fabric, self._validation = config, fabric, validation
        self._share = Share.mine(config.train)
        self._every = max(1, self.steps // REPORTS)
        self._pair = first_pair(config).to(fabric.device, memory_format=torch.channels_last).train()
        self._average = AveragedModel(self._pair, multi_avg_fn=get_ema_multi_avg_fn(config.train.ema), use_buffers=True)
        trip = HideRevealPass(self._pair, config.scramble.detail, precision, config.train.compile)
        self._trip, self._optimizer = fabric.setup(trip, _optimizer(self._pair, config))

    def step(self, share: Tensor) -> Point | None:
        """One step of the optimiser, on this process's share of the batch; now and then, a point of the curve.

        Raises:
            FloatingPointError: the loss or its gradient is no longer a number; the weights are as they were.
        """
        train = self._config.train
        rate = learning_rate(self.done, self.steps, train.lr, train.lr_end, train.warmup)
        weight = container_weight(self.done, self.steps, train.container_start, train.container_ramp)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        means = self._gradients(share.to(self._fabric.device, non_blocking=True), weight)
        norm = self._fabric.clip_gradients(self._trip, self._optimizer, max_norm=train.clip, error_if_nonfinite=False)
        _check(means, norm)
        self._optimizer.step()
        self._average.update_parameters(self._pair)
        self.done += 1
        validated = self._validate()
        if self.done % self._every and self.done < self.steps and not validated:
            return None
        self.curve.append(self._point(means, weight, rate, norm) | validated)
        return self.curve[-1]

    @property
    def finished(self) -> bool:
        """All steps are done, or validation found nothing better for too long."""
        return self.done == self.steps or 0 < self._config.train.patience <= self.best.since

    def batch(self) -> range:
        """The indices of the pairs that come next, in all processes."""
        size = self._config.train.batch
        return range(self.done * size, (self.done + 1) * size)

    def averaged(self) -> Pair:
        """The pair with the moving average of its weights, as it was when validation found it best."""
        if self.best.step is not None:
            self._average.module.load_state_dict(self.best.weights)
        return self._average.module.cpu().eval()

    def state(self) -> dict[str, Any]:
        """All that decides what follows; everything random is a function of seed, step and process.

        Raises:
            FloatingPointError: a weight is no longer a number.
        """
        if not torch.stack([weight.isfinite().all() for weight in self._pair.parameters()]).all():
            raise FloatingPointError("a weight is no longer a number")
        parts = {"pair": self._pair, "average": self._average, "optimizer": self._optimizer}
        state = {"step": self.done, "curve": self.curve, "best": self.best.state()}
        return state | {name: part.state_dict() for name, part in parts.items()}

    def restore(self, state: dict[str, Any] | None) -> None:
        """Takes up what `state` gave, if there is any."""
        if state is None:
            return
        self._pair.load_state_dict(state["pair"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.done, self.curve = state["step"], state["curve"]
        self.best.restore(state["best"])

    def _gradients(self, share: Tensor, weight: float) -> Tensor:
        """Leaves the gradient of the batch's mean loss in the weights.

        Returns:
            (4,): both terms, both mean squared errors, over the whole batch.
        """
        seed_step(self._config.seed, self.done, self._fabric.global_rank)
        chance = draw_randomness(self._config, self.done, self._fabric.device)
        means = torch.zeros(4, device=self._fabric.device)
        self._optimizer.zero_grad()
        for here, place in self._share.parts():
            with self._fabric.no_backward_sync(self._trip):
                arrived = self._trip(share[here], chance.part(place))
                losses = terms(arrived, self._config.train.loss)
                loss = weight * losses.container + self._config.beta * losses.secret
                self._fabric.backward(loss / self._share.count)
            figures = (losses.container, losses.secret, losses.container_mse, losses.secret_mse)
            self.seen = few(arrived)
            means += torch.stack(figures).detach() / self._share.count
        self._exchange()
        return self._fabric.all_reduce(means, reduce_op="mean")

    def _exchange(self) -> None:
        """Gives each process the mean of all gradients, added up in the order of the weights.

        Left to itself, DDP changes that order after a process's first step (its `Reducer.rebuild_buckets`), and with
        it the rounding: a training that goes on from a checkpoint would come to other bits.
        """
        gradients = [weight.grad for weight in self._pair.parameters() if weight.grad is not None]
        mean = self._fabric.all_reduce(torch.cat([each.flatten() for each in gradients]), reduce_op="mean")
        for each, part in zip(gradients, mean.split([each.numel() for each in gradients]), strict=True):
            each.copy_(part.view_as(each))

    def _validate(self) -> Point:
        """What the first process measures when it is time to, told to all; else nothing."""
        train, last = self._config.train, self.done == self.steps
        if not self._validation or (self.done % train.validate and not last):
            return {}
        leads = self._fabric.is_global_zero
        figures = self._fabric.broadcast(self._validation.measure(self._average.module) if leads else None)
        if last or self.done > train.container_ramp * self.steps:
            self.best.offer(self.done - 1, figures, self._average.module)
        return figures

    def _point(self, means: Tensor, weight: float, rate: float, norm: Tensor) -> Point:
        container, secret, container_mse, secret_mse = means.tolist()
        return {
            "step": self.done - 1,
            "loss": weight * container + self._config.beta * secret,
            CONTAINER_PSNR: psnr_from_mse(container_mse),
            SECRET_PSNR: psnr_from_mse(secret_mse),
            "container_weight": weight,
            "learning_rate": rate,
            "gradient_norm": norm.item(),
        }


def first_pair(config: Config) -> Pair:
    """What the training begins with: a fresh pair, or the one that comes with stegnet.

    Raises:
        ConfigError: the shipped pair is not of the model that is asked for.
    """
    if config.train.start == "fresh":
        return build_from(config.model)
    card = read_card(SHIPPED)
    shipped, wanted = (card.model, card.options), (config.model.name, options_of(config.model))
    if shipped != wanted:
        raise ConfigError(f"params.yaml: train.start: the shipped pair is {shipped}, model.* asks for {wanted}")
    return load_pair()[0]


def _optimizer(pair: Pair, config: Config) -> torch.optim.Optimizer:
    weights = [weight for weight in pair.parameters() if weight.requires_grad]
    decay = config.train.weight_decay
    return torch.optim.AdamW(weights, config.train.lr, betas=(0.9, 0.98), weight_decay=decay, fused=True)


def _check(means: Tensor, norm: Tensor) -> None:
    if not torch.isfinite(means.sum() + norm):
        what = "gradient" if torch.isfinite(means).all() else "loss"
        raise FloatingPointError(f"the {what} is no longer a number")
