"""The training of a network that hides bits in every pixel: random bits in covers, read from the stored containers."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.config import Config
from pipeline.tensors import from_8_bits, through_8_bits
from pipeline.train.hiding import first_weight
from pipeline.train.losses import VALIDATION_LOSS, LossTerms, container_weight, mse
from pipeline.train.pairs import COVERS, validation_crops
from pipeline.train.task import Measure, Point, StepPlan, TaskOutput, TrainingTask, mean_terms
from stegnet.core.compute import autocast
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, psnr_from_mse
from stegnet.networks.families.steganogan import SteganoGAN
from stegnet.networks.pair import Pair


@dataclass(frozen=True)
class BitsRandomness:
    """Everything random in the pass of a batch of B covers."""

    bits: Tensor  # (B, depth, H, W) float, 0 or 1

    def select(self, covers: slice) -> "BitsRandomness":
        """Return the randomness of some of the covers."""
        return BitsRandomness(self.bits[covers])


class BitsResult(NamedTuple):
    """Input and output of a pass."""

    cover: Tensor  # (B, 3, H, W) in [0, 1]
    container: Tensor  # same shape, may overshoot
    stored: Tensor  # same shape in [0, 1], from which the bits are read
    bits: Tensor  # (B, depth, H, W), 0 or 1
    logits: Tensor  # same shape, positive if a bit is more likely 1
    penalty: Tensor  # (), what the pair adds to the container's error


class BitsPass(nn.Module):
    """A network that hides bits, one that reads them, and the storing between them, as one module.

    Containers are rounded to 8 bits, or clamped alone if `rounded` is false; `precision` is "bf16", "fp16" or "fp32".
    """

    def __init__(self, pair: SteganoGAN, rounded: bool, precision: str) -> None:
        super().__init__()
        self.pair = pair
        self._rounded = rounded
        self._precision = precision

    def forward(self, pictures: Tensor, randomness: BitsRandomness) -> BitsResult:
        """Pass covers, (B, 1, 3, H, W) uint8, through hiding, storing and revealing."""
        cover = from_8_bits(pictures[:, 0]).contiguous(memory_format=torch.channels_last)
        with autocast(self._precision, pictures.device):
            container = self.pair.hide(cover, randomness.bits).float()
            penalty = self.pair.penalty(cover, container)
        stored = through_8_bits(container) if self._rounded else container.clamp(0, 1)
        with autocast(self._precision, pictures.device):
            logits = self.pair.reveal(stored).float()
        return BitsResult(cover, container, stored, randomness.bits, logits, penalty)


class BitsTask(TrainingTask[BitsRandomness]):
    """The task that containers resemble their covers, and bits come back.

    The loss is that of SteganoGAN's authors (arXiv 1901.03892, public code): 100 times the container's squared error,
    of samples in [−1, 1], plus the critic's score, plus β times the mean binary cross-entropy of the bits, in nats. The
    paper itself has no factor. Neither `train.loss` nor `train.noise`, `train.bits` and `scramble` have a part in it.
    """

    def __init__(self, pair: SteganoGAN, config: Config, precision: str, steps: int) -> None:
        super().__init__(config, steps, COVERS)
        self._hide_reveal = BitsPass(pair, config.train.rounded, precision)
        self._precision = precision
        self._start = first_weight(config, pair)

    def plan(self, step: int, device: torch.device) -> StepPlan[BitsRandomness]:
        """Draw the bits of the batch, a function of seed and step; the container's weight is `container_weight`."""
        train = self.config.train
        shape = (train.batch, self._hide_reveal.pair.depth, train.crop, train.crop)
        weight = container_weight(step, self.steps, self._start, train.container_ramp)
        return StepPlan(BitsRandomness(random_bits(self.config.seed * 1_000_003 + step, shape, device)), weight)

    def forward(self, pictures: Tensor, randomness: BitsRandomness) -> TaskOutput:
        """Hide bits in a batch and read them; a preview shows cover and container."""
        result = self._hide_reveal(pictures, randomness)
        return TaskOutput(loss_terms(result), (result.cover, result.container))

    def figures(self, means: Tensor) -> Point:
        """Return the container's PSNR in dB, and the Reed–Solomon bits per pixel of the share of right bits."""
        _, _, container_mse, right = means.tolist()
        information = reed_solomon_bits(self._hide_reveal.pair.depth, right)
        return {CONTAINER_PSNR: psnr_from_mse(container_mse), INFORMATION: information}

    def validation(self, data: Path, device: torch.device, batch: int) -> Measure | None:
        """Return the measurement of loss and figures on validation pictures, from containers as files hold them.

        The loss has no penalty, and the container at full weight; None without pictures.
        """
        crops = validation_crops(self.config, data, coded=False)
        if crops is None:
            return None
        covers = crops.to(device)
        shape = (len(covers), self._hide_reveal.pair.depth, *covers.shape[-2:])
        randomness = BitsRandomness(random_bits(self.config.seed, shape, device))  # the same bits every time

        @torch.no_grad()
        def measure(pair: Pair) -> Point:
            assert isinstance(pair, SteganoGAN)
            hide_reveal = BitsPass(pair.eval(), rounded=True, precision=self._precision)

            def terms_of(part: slice) -> LossTerms:
                result = hide_reveal(covers[part], randomness.select(part))
                return loss_terms(result._replace(container=result.stored, penalty=torch.zeros_like(result.penalty)))

            means = mean_terms(len(covers), batch, terms_of)
            loss = means[0].item() + self.config.beta * means[1].item()
            figures = self.figures(means)
            return {VALIDATION_LOSS: loss} | {f"validation_{name}": value for name, value in figures.items()}

        return measure

    def after_step(self, step: int, randomness: BitsRandomness, means: Tensor) -> None:
        """Clamp the weights of the critic."""
        del step, randomness, means
        self._hide_reveal.pair.clamp_critic()


def random_bits(seed: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Draw bits, 0 or 1, as float32 of a shape: a function of the seed, and of the kind of device."""
    random = torch.Generator(device).manual_seed(seed)
    return torch.randint(2, shape, generator=random, device=device).float()


def loss_terms(result: BitsResult) -> LossTerms:
    """Return the container's error with the penalty, the cross-entropy of a bit in nats, and the reported figures.

    The authors' 100 · MSE of samples in [−1, 1] is 400 · MSE of samples in [0, 1].
    """
    factor = 400.0
    squared = mse(result.container, result.cover).mean()
    entropy = functional.binary_cross_entropy_with_logits(result.logits, result.bits)
    right = (result.logits >= 0).eq(result.bits >= 0.5).float().mean()
    return LossTerms(factor * squared + result.penalty, entropy, squared.detach(), right)


def reed_solomon_bits(depth: int, right: float) -> float:
    """Return the bits per pixel that a Reed–Solomon code carries in `depth` bits, of which a share `right` comes back.

    SteganoGAN (arXiv 1901.03892, section 4.1, RS-BPP): a code of rate k/n corrects (n − k)/2 errors, so it carries
    depth · (1 − 2p) bits if a share p is wrong. Here, it is never below 0.
    """
    return max(0.0, depth * (2 * right - 1))
