"""What a pair learns: containers that resemble their covers, stored as in a file, and secrets that come back.

`HideRevealPass` is the pass of a batch; `HidingTask` its loss and its validation. `study.tasks` has another task.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pipeline.parameters.training import TrainParameters
from pipeline.tensors import (
    BatchShuffle,
    apply,
    block_means,
    from_8_bits,
    gains_for,
    into_range,
    invert,
    random_shuffles,
    seal_strength,
    through_8_bits,
    to_8_bits,
    with_sealed_bits,
)
from pipeline.train.losses import FIGURES, LossTerms, PassResult, container_weight, loss_terms
from pipeline.train.pairs import SECRETS, WITH_BASES, validation_crops
from stegnet.core.compute import autocast
from stegnet.core.measures import CONTAINER_PSNR, SECRET_PSNR, psnr_from_mse
from stegnet.core.pixels import CODED, GREY, MEANS, NONE
from stegnet.networks.pair import Pair

Point = dict[str, float]  # figures of a step by the names of the training curve's columns
Measure = Callable[[Pair], Point]  # returns figures of the training curve; leaves a pair in evaluation mode


@dataclass(frozen=True)
class PassRandomness:
    """Everything random in the pass of a batch of B pairs."""

    shuffles: BatchShuffle  # block shuffles of the secrets
    shuffled: Tensor  # (B,) bool, the secrets that are shuffled
    sealed: Tensor  # (B, 3, H, W) in [0, 1), decides which samples sealed bits change
    mask: Tensor  # (B, 3, H, W) in [0, 1), in periods of the pair
    noise: Tensor | None  # (B, 3, H, W) added to the stored container

    def select(self, pairs: slice) -> "PassRandomness":
        """Return the randomness of some of the pairs."""
        return PassRandomness(
            self.shuffles.select(pairs),
            self.shuffled[pairs],
            self.sealed[pairs],
            self.mask[pairs],
            None if self.noise is None else self.noise[pairs],
        )


def draw_randomness(config: TrainParameters, step: int, device: torch.device) -> PassRandomness:
    """Draw the randomness of a step's whole batch, a function of seed and step alone."""
    train = config.train
    count = train.batch
    random = torch.Generator(device).manual_seed(config.seed * 1_000_003 + step)
    shape = (count, 3, train.crop, train.crop)
    shuffled = torch.rand(count, generator=random, device=device) < train.scrambled
    blocks = train.crop // config.scramble.block
    shuffles = random_shuffles(random, count, blocks, blocks, config.scramble.block)
    sealed, mask = (torch.rand(shape, generator=random, device=device) for _ in range(2))
    noise = torch.randn(shape, generator=random, device=device) * train.noise if train.noise else None
    return PassRandomness(shuffles, shuffled, sealed, mask, noise)


class HideRevealPass(nn.Module):
    """A hide/reveal pair and all steps between its networks, as one module: one forward call, on any device.

    `scramble.base` and `train.bits` set the base and the sealed bits; `precision` is the networks': "bf16", "fp16" or
    "fp32".
    """

    def __init__(self, pair: Pair, config: TrainParameters, precision: str) -> None:
        super().__init__()
        self.pair = pair
        self._base = config.scramble.base
        self._precision = precision
        self._rounded = config.train.rounded
        self._strength = seal_strength(config.train.bits)

    def forward(self, pictures: Tensor, randomness: PassRandomness) -> PassResult:
        """Pass covers, secrets and, if coded, the secrets' bases, (B, 2 or 3, 3, H, W) uint8, through the pair."""
        cover, secret, *coded = (_channels_last(part) for part in from_8_bits(pictures).unbind(1))  # (B, 3, H, W)
        if self._base == CODED:
            (base,) = coded
        else:
            base = block_means(secret) if self._base == MEANS else torch.full_like(secret, GREY / 255)
        period = self.pair.period()
        mask = _channels_last(randomness.mask * period.detach())
        with autocast(self._precision, pictures.device):
            prepared = self.pair.prepare(secret).float()
            base = self.pair.enhance(base).float()
        gain = torch.ones_like(secret[:, :1, :1, :1]) if self._base == NONE else gains_for(secret, base)
        plain = (prepared - base) * gain
        hidden = torch.where(_per_pair(randomness.shuffled), apply(plain, randomness.shuffles), plain)
        with autocast(self._precision, pictures.device):
            container = self.pair.hide(cover - mask, _channels_last(hidden)).float() + mask
            penalty = self.pair.penalty(cover, container)
        container = into_range(container, period.detach())
        stored = self.store(container, randomness)
        stored = stored if randomness.noise is None else stored + randomness.noise
        # Same value; its gradient accounts for a container's changes being smaller relative to a longer period.
        if self.pair.periodic:
            stored = cover + (stored - cover) * (period.detach() / period)
        with autocast(self._precision, pictures.device):
            revealed = self.pair.reveal(stored - mask).float()
        unshuffled = torch.where(_per_pair(randomness.shuffled), invert(revealed, randomness.shuffles), revealed)
        with autocast(self._precision, pictures.device):
            restored = self.pair.restore(base, _channels_last(unshuffled / gain)).float()
        return PassResult(cover, container, secret, restored, base, penalty)

    def store(self, container: Tensor, randomness: PassRandomness) -> Tensor:
        """Return the container as a file holds it, rounded and with sealed bits; clamped alone if none rounds."""
        if not self._rounded:
            return container.clamp(0, 1)
        return with_sealed_bits(through_8_bits(container), container, _channels_last(randomness.sealed), self._strength)


class StepPlan(NamedTuple):
    """Everything that a step needs beside its pictures."""

    randomness: Any  # of the whole batch; `select(slice)` returns that of some of the pairs
    container_weight: float  # of the container's term of the loss


class TaskOutput(NamedTuple):
    """Result of a forward pass."""

    terms: LossTerms
    pictures: tuple[Tensor, ...]  # cover, container, and others that a preview shows, (B, 3, H, W) each in [0, 1]


class HidingTask(nn.Module):
    """A pair, all that is computed around it in training, and the loss, as one module.

    Its state_dict holds everything that a training of `steps` steps changes in it. A task of other pairs overrides
    what differs.

    Attributes:
        figure_names: names of what `figures` returns.
        pictures_per_pair: COVERS, SECRETS or WITH_BASES of `pipeline.train.pairs`: the pictures it is trained on.
    """

    figure_names: tuple[str, ...] = (CONTAINER_PSNR, SECRET_PSNR)

    def __init__(self, pair: Any, config: Any, precision: str, steps: int) -> None:
        super().__init__()
        self.config = config
        self.precision = precision
        self.steps = steps
        self.pictures_per_pair = WITH_BASES if config.scramble.base == CODED else SECRETS
        self.hide_reveal: nn.Module = HideRevealPass(pair, config, precision)

    def plan(self, step: int, device: torch.device) -> StepPlan:
        """Draw the randomness of a step's whole batch, and weigh the container's error in it by `container_weight`."""
        train = self.config.train
        weight = container_weight(step, self.steps, train.container_start, train.container_ramp)
        return StepPlan(draw_randomness(self.config, step, device), weight)

    def forward(self, pictures: Tensor, randomness: Any) -> TaskOutput:
        """Pass pictures, (B, pictures_per_pair, 3, H, W) uint8, through the pair; a preview shows all four."""
        result = self.hide_reveal(pictures, randomness)
        return TaskOutput(self.terms(result), (result.cover, result.container, result.secret, result.revealed))

    def terms(self, result: Any) -> LossTerms:
        """Return the loss terms of container and secret, with the pair's penalty.

        If a network enhances bases, the secret's term includes the error of these. The secret's own error says little
        about a base: it depends on the strength of the hidden residual as a whole.
        """
        terms = loss_terms(result, self.config.train.loss)
        terms = terms._replace(container=terms.container + result.penalty)
        if not result.base.requires_grad:
            return terms
        enhanced = loss_terms(result._replace(revealed=result.base), self.config.train.loss).secret
        return terms._replace(secret=terms.secret + self.config.train.base_weight * enhanced)

    def figures(self, means: Tensor) -> Point:
        """Return the PSNR in dB of container and revealed secret from means over a batch, (4,) as LossTerms."""
        _, _, container_mse, secret_mse = means.tolist()
        return {CONTAINER_PSNR: psnr_from_mse(container_mse), SECRET_PSNR: psnr_from_mse(secret_mse)}

    def after_step(self, step: int, randomness: Any, means: Tensor) -> None:
        """Do nothing; a task may adapt the container's weight to means of a whole batch, (4,) as LossTerms."""

    def validation(self, data: Path, device: torch.device, batch: int) -> Measure | None:
        """Return a measurement on the validation pictures in `data`, `batch` at once; None without pictures."""
        crops = validation_crops(self.config, data, self.config.scramble.base == CODED)
        if crops is None:
            return None
        pairs = torch.cat([crops[:, :1], crops.roll(-1, 0)], dim=1)  # a cover, and the next picture with its base
        return Validation(pairs.to(device), self.config, self.precision, batch).measure


class Validation:
    """Fixed pairs of centre crops of validation pictures, and the fixed randomness of their pass.

    Pictures are (B, 2 or 3, 3, crop, crop) uint8: covers, secrets and their coded bases. Containers and revealed
    secrets are measured as files hold them: shuffled unless `train.scrambled` is 0, clamped and rounded to 8 bits with
    sealed bits in them, revealed, and rounded again; `batch` pairs at once.
    """

    def __init__(self, pictures: Tensor, config: TrainParameters, precision: str, batch: int) -> None:
        scrambled = 1.0 if config.train.scrambled else 0.0
        train = replace(config.train, batch=len(pictures), scrambled=scrambled, noise=0.0, rounded=True)
        self._config = replace(config, train=train)
        self._randomness = draw_randomness(self._config, 0, pictures.device)
        self._pictures = pictures
        self._precision = precision
        self._batch = batch

    @torch.no_grad()
    def measure(self, pair: Pair) -> Point:
        """Return FIGURES, means over all pairs: the loss with the container at full weight, and PSNR in dB."""
        hide_reveal = HideRevealPass(pair.eval(), self._config, self._precision)

        def terms_of(pairs: slice) -> LossTerms:
            randomness = self._randomness.select(pairs)
            result = hide_reveal(self._pictures[pairs], randomness)
            stored = hide_reveal.store(result.container, randomness)
            revealed = from_8_bits(to_8_bits(result.revealed))
            return loss_terms(result._replace(container=stored, revealed=revealed), self._config.train.loss)

        container, secret, container_mse, secret_mse = mean_terms(len(self._pictures), self._batch, terms_of).tolist()
        loss = container + self._config.beta * secret
        return dict(zip(FIGURES, (loss, psnr_from_mse(container_mse), psnr_from_mse(secret_mse)), strict=True))


def mean_terms(count: int, batch: int, terms_of: Callable[[slice], LossTerms]) -> Tensor:
    """Return the mean of LossTerms over `count` pairs, (4,) float64, computed for `batch` pairs at once."""
    means = torch.zeros(4, dtype=torch.float64)
    for first in range(0, count, batch):
        part = slice(first, min(first + batch, count))
        means += terms_of(part).stack().double().cpu() * ((part.stop - part.start) / count)
    return means


def _per_pair(mask: Tensor) -> Tensor:
    return mask[:, None, None, None]


def _channels_last(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)
