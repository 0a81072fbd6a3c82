"""The training of a modem: bits are hidden in covers, which are distorted, saved by a real codec, and read again."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import albumentations
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pipeline.tensors import from_8_bits, through_8_bits, to_8_bits
from pipeline.train.hiding import HidingTask, Measure, Point, StepPlan, TaskOutput, mean_terms
from pipeline.train.losses import LossTerms
from pipeline.train.pairs import COVERS, validation_crops
from stegnet.core.compute import autocast
from stegnet.core.measures import CONTAINER_PSNR, psnr_from_mse
from stegnet.core.pixels import BLOCK, DITHER, through_jpeg, through_webp
from stegnet.networks.families.modem import YCBCR, Modem
from stegnet.networks.pair import Pair
from study.tasks.modem_config import ChannelConfig, DistortConfig, ModemConfig

INFORMATION = "information"  # in bits per pixel, that a modem's likelihoods hold


@dataclass(frozen=True)
class ModemRandomness:
    """Everything random in the pass of a batch of B covers."""

    rung: int  # index in `model.rungs`, the operating points (bits against robustness); the same for all covers
    bits: Tensor  # (B, bits, H/8, W/8) float, −1 or 1; 0 for those of other rungs
    dither: Tensor  # (B, DITHER, H/8, W/8) in [0, 1)
    quality: Tensor  # (B,) of JPEG
    twice: Tensor  # (B,) bool, saved as JPEG of quality 95 before
    full_chroma: Tensor  # (B,) bool, saved as JPEG without chroma subsampling
    webp: Tensor  # (B,) bool, saved as WebP
    seeds: Tensor  # (B,) of the distortions

    def select(self, covers: slice) -> "ModemRandomness":
        """Return the randomness of some of the covers."""
        return ModemRandomness(
            self.rung,
            self.bits[covers],
            self.dither[covers],
            self.quality[covers],
            self.twice[covers],
            self.full_chroma[covers],
            self.webp[covers],
            self.seeds[covers],
        )


class ModemResult(NamedTuple):
    """Input and output of a pass."""

    cover: Tensor  # (B, 3, H, W) in [0, 1]
    container: Tensor  # same shape, may overshoot
    bits: Tensor  # (B, bits, H/8, W/8): −1, 1, or 0 if not used
    likelihoods: Tensor  # same shape, log-likelihood ratios


def randomness_of(
    config: ModemConfig, pair: Modem, rung: int, count: int, random: torch.Generator, device: torch.device
) -> ModemRandomness:
    """Draw the randomness of `count` covers in a given rung."""
    rungs = config.model.rungs
    channel = config.channel
    side = config.train.crop // BLOCK

    bits = torch.zeros(count, pair.bits, side, side)
    first = sum(lower.bits for lower in rungs[:rung])
    used = rungs[rung].bits
    bits[:, first : first + used] = torch.randint(2, (count, used, side, side), generator=random) * 2.0 - 1
    dither = torch.rand((count, DITHER, side, side), generator=random)

    quality = torch.randint(rungs[rung].lowest, rungs[rung].highest + 1, (count,), generator=random)
    seeds = torch.randint(1 << 31, (count,), generator=random)
    twice = torch.rand(count, generator=random) < channel.twice
    full_chroma = torch.rand(count, generator=random) < channel.full_chroma
    webp = torch.rand(count, generator=random) < channel.webp
    return ModemRandomness(rung, bits.to(device), dither.to(device), quality, twice, full_chroma, webp, seeds)


class Distortions:
    """Distortions of containers, each with a probability; most containers stay as they are."""

    def __init__(self, config: DistortConfig) -> None:
        self.none = not any(asdict(config).values())
        resizing = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_CUBIC}
        self._transform = albumentations.Compose(
            [
                albumentations.Downscale((0.5, 0.99), resizing, p=config.resize),
                albumentations.Affine(translate_px=(-1, 1), border_mode=cv2.BORDER_REPLICATE, p=config.shift),
                albumentations.GaussNoise(std_range=(0.001, 0.01), p=config.noise),
                albumentations.GaussianBlur(sigma_limit=(0.2, 0.8), p=config.blur),
                albumentations.RandomBrightnessContrast((-0.05, 0.05), (-0.05, 0.05), p=config.brightness),
                albumentations.RandomGamma((90, 110), p=config.gamma),
            ]
        )

    def __call__(self, picture: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        """Return a picture, (H, W, 3) uint8, distorted as a seed determines."""
        if self.none:
            return picture
        self._transform.set_random_seed(seed)
        transformed: NDArray[np.uint8] = self._transform(image=picture)["image"]
        return transformed


class ModemPass(nn.Module):
    """A modem and the channel between its networks, as one module; arguments are those of `HideRevealPass`."""

    def __init__(self, pair: Modem, channel: ChannelConfig, precision: str) -> None:
        super().__init__()
        self.pair = pair
        self._distortions = Distortions(channel.distort)
        self._precision = precision

    def forward(self, pictures: Tensor, randomness: ModemRandomness) -> ModemResult:
        """Pass covers, (B, 1, 3, H, W) uint8, through hiding, the channel and revealing."""
        cover = from_8_bits(pictures[:, 0]).contiguous(memory_format=torch.channels_last)
        with autocast(self._precision, pictures.device):
            container = self.pair.hide(cover, torch.cat([randomness.bits, randomness.dither], dim=1)).float()
        received = through_channel(through_8_bits(container), randomness, self._distortions)
        with autocast(self._precision, pictures.device):
            likelihoods = self.pair.reveal(received, randomness.dither).float()
        return ModemResult(cover, container, randomness.bits, likelihoods)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # codecs can't be compiled; PyTorch gives it no types
def through_channel(stored: Tensor, randomness: ModemRandomness, distortions: Distortions) -> Tensor:
    """Return containers of 8 bits in [0, 1], (B, 3, H, W), after real JPEG or WebP.

    The gradient is as if the chroma of 2×2 pixels were averaged; for rounding, it is straight-through, as in
    `through_8_bits`.
    """
    full_chroma = randomness.full_chroma.to(stored.device)[:, None, None, None]
    surrogate = torch.where(full_chroma, stored, with_halved_chroma(stored))
    saved = to_8_bits(stored.detach()).permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, 3)
    draws = zip(
        saved,
        randomness.seeds.tolist(),
        randomness.quality.tolist(),
        randomness.twice.tolist(),
        randomness.full_chroma.tolist(),
        randomness.webp.tolist(),
        strict=True,
    )
    opened = [_saved(distortions(picture, seed), *save) for picture, seed, *save in draws]
    received = torch.from_numpy(np.stack(opened)).permute(0, 3, 1, 2)
    return surrogate + (from_8_bits(received.to(stored.device)) - surrogate.detach())


def with_halved_chroma(pictures: Tensor) -> Tensor:
    """Return pictures (B, 3, H, W) whose chroma, Cb and Cr, is averaged over 2×2 pixels."""
    luma = torch.tensor(YCBCR[0], device=pictures.device)
    difference = pictures - (pictures * luma[:, None, None]).sum(1, keepdim=True)  # of each colour from luma
    halved = functional.avg_pool2d(difference, 2)
    return pictures - difference + halved.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _saved(picture: NDArray[np.uint8], quality: int, twice: bool, full_chroma: bool, webp: bool) -> NDArray[np.uint8]:
    if twice:
        picture = through_jpeg(picture, 95, full_chroma=full_chroma)
    if webp:
        return through_webp(picture, quality)
    return through_jpeg(picture, quality, full_chroma=full_chroma)


class ModemTask(HidingTask):
    """The task that bits come back from containers of a given PSNR, which differs by rung.

    The loss is β times the mean binary cross-entropy of the bits, in bits, plus the container's squared error in
    levels² times a weight. In each of a rung's steps, its weight rises a little if the PSNR is below its target, and
    falls if it is above. The target rises from `channel.start_psnr` to the rung's over the first `channel.ramp` of
    the training. If `channel.steer` is 0, the weights stay, and β decides.
    """

    figure_names = (CONTAINER_PSNR, INFORMATION)

    def __init__(self, pair: Modem, config: ModemConfig, precision: str, steps: int) -> None:
        super().__init__(pair, config, precision, steps)
        self.pictures_per_pair = COVERS
        self._channel = config.channel
        self.hide_reveal = ModemPass(pair, self._channel, precision)
        self._pair_bits = pair.bits
        first_log_weight = -5.0
        self._log_weights = [first_log_weight] * len(config.model.rungs)  # natural logarithms

    def plan(self, step: int, device: torch.device) -> StepPlan:
        """Draw a rung for the batch, its bits and its channel; the container's weight is the rung's own."""
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        rung = int(torch.randint(len(self.config.model.rungs), (), generator=random))
        count = self.config.train.batch
        randomness = randomness_of(self.config, self.hide_reveal.pair, rung, count, random, device)
        return StepPlan(randomness, math.exp(self._log_weights[rung]))

    def forward(self, pictures: Tensor, randomness: ModemRandomness) -> TaskOutput:
        """Hide bits in a batch and read them after the channel; a preview shows cover and container."""
        result = self.hide_reveal(pictures, randomness)
        return TaskOutput(self.terms(result), (result.cover, result.container))

    def terms(self, result: ModemResult) -> LossTerms:
        """Return the container's squared error in levels², and the lost share of the bits."""
        entropy = lost_bits(result.bits, result.likelihoods)
        with torch.no_grad():
            used = result.bits.abs().mean() * self._pair_bits / BLOCK**2  # bits per pixel
            information = used * (1 - entropy)
        squared = (result.container - result.cover).square().mean()
        return LossTerms(squared * 255**2, entropy, squared.detach(), information)

    def figures(self, means: Tensor) -> Point:
        """Return the container's PSNR in dB, and the information per pixel in bits."""
        _, _, container_mse, information = means.tolist()
        return {CONTAINER_PSNR: psnr_from_mse(container_mse), INFORMATION: information}

    def validation(self, data: Path, device: torch.device, batch: int) -> Measure | None:
        """Return the measurement of the containers' PSNR, and of the information in bits per pixel, of each rung."""
        crops = validation_crops(self.config, data, coded=False)
        if crops is None:
            return None
        covers = crops.to(device)

        @torch.no_grad()
        def measure(pair: Pair) -> Point:
            assert isinstance(pair, Modem)
            hide_reveal = ModemPass(pair.eval(), self._channel, self.precision)
            figures: Point = {}
            for index, rung in enumerate(self.config.model.rungs):
                random = torch.Generator().manual_seed(self.config.seed)  # the same bits and qualities every time
                randomness = randomness_of(self.config, pair, index, len(covers), random, device)

                def terms_of(part: slice, randomness: ModemRandomness = randomness) -> LossTerms:
                    return self.terms(hide_reveal(covers[part], randomness.select(part)))

                measured = self.figures(mean_terms(len(covers), batch, terms_of))
                figures |= {f"validation_{rung.name}_{key}": value for key, value in measured.items()}
            return figures

        return measure

    def after_step(self, step: int, randomness: ModemRandomness, means: Tensor) -> None:
        """Steer the weight of the rung towards its PSNR, which ramps from `start_psnr` to the rung's own."""
        rung = self.config.model.rungs[randomness.rung]
        ramp = self._channel.ramp * self.steps
        share = min(1.0, step / ramp) if ramp else 1.0
        target = self._channel.start_psnr + (rung.psnr - self._channel.start_psnr) * share

        above = psnr_from_mse(means[2].item()) > target
        steered = self._log_weights[randomness.rung] + (-1 if above else 1) * self._channel.steer
        self._log_weights[randomness.rung] = min(max(steered, -12.0), 3.0)

    def get_extra_state(self) -> list[float]:
        """Return the rungs' weights, for the state_dict."""
        return list(self._log_weights)

    def set_extra_state(self, state: list[float]) -> None:
        """Restore the result of `get_extra_state`."""
        self._log_weights = list(state)


def lost_bits(bits: Tensor, likelihoods: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of the used bits, in bits: 0 if all are known, 1 if nothing is."""
    used = bits.abs()
    lost = functional.softplus(-bits * likelihoods) * used
    return lost.sum() / used.sum() / math.log(2)
