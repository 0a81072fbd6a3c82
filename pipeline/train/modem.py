"""The training of a modem: bits are hidden in covers, which are distorted, saved by a real codec, and read again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.config import ChannelConfig, Config
from pipeline.tensors import from_8_bits, through_8_bits, to_8_bits
from pipeline.train.hiding import difference, side_by_side
from pipeline.train.losses import LossTerms, Measure, Objective
from pipeline.train.pairs import Distortions, validation_crops
from stegnet.core.compute import autocast
from stegnet.core.measures import CONTAINER_PSNR, INFORMATION, psnr_from_mse
from stegnet.core.pixels import BLOCK, DITHER, through_jpeg, through_webp
from stegnet.networks.families.modem import YCBCR, Modem
from stegnet.networks.pair import Pair

FIRST_QUALITY = 95  # first quality of the JPEG files that are saved twice
_STEERED_START = -5.0  # natural logarithm of a rung's weight of the container's error in levels²
_STEERED_LIMITS = -12.0, 3.0
_LEVELS = 255**2


@dataclass(frozen=True)
class ModemRandomness:
    """Everything random in the pass of a batch of B covers."""

    rung: int  # index in `model.rungs`, the same for all covers
    bits: Tensor  # (B, bits, H/8, W/8) float, −1 or 1; 0 for those of other rungs
    dither: Tensor  # (B, DITHER, H/8, W/8) in [0, 1)
    quality: Tensor  # (B,) of JPEG
    twice: Tensor  # (B,) bool, saved with FIRST_QUALITY before
    full_chroma: Tensor  # (B,) bool, saved as JPEG without chroma subsampling
    webp: Tensor  # (B,) bool, saved as WebP
    seeds: Tensor  # (B,) of the distortions

    def select(self, covers: slice) -> "ModemRandomness":
        """Return the randomness of some of the covers."""
        parts = (self.bits, self.dither, self.quality, self.twice, self.full_chroma, self.webp, self.seeds)
        return ModemRandomness(self.rung, *(part[covers] for part in parts))


class ModemResult(NamedTuple):
    """Input and output of a pass."""

    cover: Tensor  # (B, 3, H, W) in [0, 1]
    container: Tensor  # same shape, may overshoot
    bits: Tensor  # (B, bits, H/8, W/8): −1, 1, or 0 if not used
    likelihoods: Tensor  # same shape, log-likelihood ratios


def randomness_of(
    config: Config, pair: Modem, rung: int, count: int, random: torch.Generator, device: torch.device
) -> ModemRandomness:
    """Draw the randomness of `count` covers in a given rung."""
    rungs, channel, side = config.model.rungs, config.channel, config.train.crop // BLOCK
    bits = torch.zeros(count, pair.bits, side, side)
    first = sum(each.bits for each in rungs[:rung])
    used = rungs[rung].bits
    bits[:, first : first + used] = torch.randint(2, (count, used, side, side), generator=random) * 2.0 - 1
    dither = torch.rand((count, DITHER, side, side), generator=random)
    quality = torch.randint(rungs[rung].lowest, rungs[rung].highest + 1, (count,), generator=random)
    shares = channel.twice, channel.full_chroma, channel.webp
    saves = (torch.rand(count, generator=random) < share for share in shares)
    seeds = torch.randint(1 << 31, (count,), generator=random)
    return ModemRandomness(rung, bits.to(device), dither.to(device), quality, *saves, seeds)


class ModemPass(nn.Module):
    """A modem and the channel between its networks, as one module; arguments as of `HideRevealPass`."""

    def __init__(self, pair: Modem, channel: ChannelConfig, precision: str) -> None:
        super().__init__()
        self.pair, self._distortions = pair, Distortions(channel.distort)
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


@torch.compiler.disable  # codecs can't be compiled
def through_channel(stored: Tensor, randomness: ModemRandomness, distortions: Distortions) -> Tensor:
    """Return containers of 8 bits in [0, 1], (B, 3, H, W), after real JPEG or WebP.

    The gradient is that of averaging the chroma of 2×2 pixels; for rounding, it is straight-through, as in
    `through_8_bits`.
    """
    full_chroma = randomness.full_chroma.to(stored.device)[:, None, None, None]
    surrogate = torch.where(full_chroma, stored, with_halved_chroma(stored))
    saved = to_8_bits(stored.detach()).permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, 3)
    parts = randomness.seeds, randomness.quality, randomness.twice, randomness.full_chroma, randomness.webp
    draws = zip(saved, *(part.tolist() for part in parts), strict=True)
    received = [_saved(distortions(picture, seed), *draw) for picture, seed, *draw in draws]
    received = torch.from_numpy(np.stack(received)).permute(0, 3, 1, 2)
    return surrogate + (from_8_bits(received.to(stored.device)) - surrogate.detach())


def with_halved_chroma(pictures: Tensor) -> Tensor:
    """Return pictures (B, 3, H, W) whose chroma, Cb and Cr, is averaged over 2×2 pixels."""
    luma = torch.tensor(YCBCR[0], device=pictures.device)
    difference = pictures - (pictures * luma[:, None, None]).sum(1, keepdim=True)  # of each colour from luma
    halved = functional.avg_pool2d(difference, 2)
    return pictures - difference + halved.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _saved(picture: np.ndarray, quality: int, twice: bool, full_chroma: bool, webp: bool) -> np.ndarray:
    if twice:
        picture = through_jpeg(picture, FIRST_QUALITY, full_chroma=full_chroma)
    if webp:
        return through_webp(picture, quality)
    return through_jpeg(picture, quality, full_chroma=full_chroma)


class ModemObjective(Objective):
    """The objective that bits come back from containers of a given PSNR, which differs by rung.

    The loss is β times the mean binary cross-entropy of the bits, in bits, plus the container's squared error in
    levels² times a weight. In each of a rung's steps, its weight rises a little if the PSNR is below its target, and
    falls if it is above. The target rises from `channel.start_psnr` to the rung's over the first `channel.ramp` of
    the training. If `channel.steer` is 0, the weights stay, and β decides.
    """

    covers_only, selects = True, False

    def __init__(self, config: Config, pair: Modem, steps: int) -> None:
        super().__init__(config, pair, steps)
        self._channel = config.channel
        self._weights = [_STEERED_START] * len(config.model.rungs)

    def network(self, pair: Pair, precision: str) -> ModemPass:
        assert isinstance(pair, Modem)
        return ModemPass(pair, self._channel, precision)

    def draw(self, step: int, device: torch.device) -> ModemRandomness:
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        rung = int(torch.randint(len(self.config.model.rungs), (), generator=random))
        return randomness_of(self.config, self.pair, rung, self.config.train.batch, random, device)

    def terms(self, result: ModemResult) -> LossTerms:
        entropy = lost_bits(result.bits, result.likelihoods)
        with torch.no_grad():
            used = result.bits.abs().mean() * self.pair.bits / BLOCK**2  # bits per pixel
            information = used * (1 - entropy)
        squared = (result.container - result.cover).square().mean()
        return LossTerms(squared * _LEVELS, entropy, squared.detach(), information)

    def weight(self, step: int, randomness: ModemRandomness) -> float:
        return math.exp(self._weights[randomness.rung])

    def observe(self, step: int, randomness: ModemRandomness, means: Tensor) -> None:
        rung = self.config.model.rungs[randomness.rung]
        share = min(1.0, step / (self._channel.ramp * self.steps)) if self._channel.ramp else 1.0
        target = self._channel.start_psnr + (rung.psnr - self._channel.start_psnr) * share
        above = psnr_from_mse(means[2].item()) > target
        low, high = _STEERED_LIMITS
        steered = self._weights[randomness.rung] + (-1 if above else 1) * self._channel.steer
        self._weights[randomness.rung] = min(max(steered, low), high)

    def figures(self, means: Tensor) -> dict[str, float]:
        _, _, container, information = means.tolist()
        return {CONTAINER_PSNR: psnr_from_mse(container), INFORMATION: information}

    def preview(self, result: ModemResult) -> np.ndarray:
        """Return one row per cover: cover, container, difference enlarged; (B·H, 3·W, 3) uint8."""
        return side_by_side(result.cover, result.container, difference(result.cover, result.container))

    def validation(self, data: Path, device: torch.device, precision: str, batch: int) -> Measure | None:
        """Return the measurement of the containers' PSNR, and of the information in bits per pixel, of each rung."""
        crops = validation_crops(self.config, data, coded=False)
        if crops is None:
            return None
        covers = crops.to(device)

        @torch.no_grad()
        def measure(pair: Pair) -> dict[str, float]:
            network, figures = self.network(pair.eval(), precision), {}
            for index, rung in enumerate(self.config.model.rungs):
                random = torch.Generator().manual_seed(self.config.seed)  # the same bits and qualities every time
                randomness = randomness_of(self.config, self.pair, index, len(covers), random, device)
                means = torch.zeros(4, dtype=torch.float64)
                for first in range(0, len(covers), batch):
                    part = slice(first, first + batch)
                    terms = self.terms(network(covers[part], randomness.select(part)))
                    means += terms.stack().double().cpu() * (len(covers[part]) / len(covers))
                measured = self.figures(means)
                figures |= {f"validation_{rung.name}_{key}": value for key, value in measured.items()}
            return figures

        return measure

    def state_dict(self) -> dict[str, Any]:
        return {"weights": list(self._weights)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._weights = list(state["weights"])


def lost_bits(bits: Tensor, likelihoods: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of the used bits, in bits: 0 if all are known, 1 if nothing is."""
    used = bits.abs()
    lost = functional.softplus(-bits * likelihoods) * used
    return lost.sum() / used.sum() / math.log(2)
