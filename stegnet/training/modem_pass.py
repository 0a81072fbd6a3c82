"""The forward pass of a modem: bits hidden in covers, which are saved by a real codec, and read again."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.config.config import ChannelConfig, Config
from stegnet.core.compute import autocast
from stegnet.core.jpeg import BLOCK, DITHER, through_jpeg, through_webp
from stegnet.data.distortions import Distortions
from stegnet.models.modem import YCBCR, Modem
from stegnet.models.tensors import from_8_bits, through_8_bits, to_8_bits
from stegnet.training.batch_pass import difference, side_by_side

FIRST_QUALITY = 95  # of the JPEG files that are saved twice


@dataclass(frozen=True)
class ModemRandomness:
    """All that is random in the pass of a batch of B covers.

    Attributes:
        rung: index in `model.rungs`, the same for all covers.
        bits: (B, bits, H/8, W/8) float, −1 or 1; 0 for those of other rungs.
        dither: (B, DITHER, H/8, W/8) in [0, 1).
        quality: (B,) of JPEG.
        twice: (B,) bool, saved with FIRST_QUALITY before.
        full_chroma: (B,) bool, saved as JPEG without chroma subsampling.
        webp: (B,) bool, saved as WebP.
        seeds: (B,) of the distortions.
    """

    rung: int
    bits: Tensor
    dither: Tensor
    quality: Tensor
    twice: Tensor
    full_chroma: Tensor
    webp: Tensor
    seeds: Tensor

    def select(self, covers: slice) -> "ModemRandomness":
        """The randomness of some of the covers."""
        parts = (self.bits, self.dither, self.quality, self.twice, self.full_chroma, self.webp, self.seeds)
        return ModemRandomness(self.rung, *(part[covers] for part in parts))


class ModemResult(NamedTuple):
    """Input and output of a pass.

    Attributes:
        cover, container: (B, 3, H, W), in [0, 1]; the container may overshoot.
        bits: (B, bits, H/8, W/8): −1, 1, or 0 for those that are not used.
        likelihoods: same shape, log-likelihood ratios.
    """

    cover: Tensor
    container: Tensor
    bits: Tensor
    likelihoods: Tensor


def randomness_of(
    config: Config, pair: Modem, rung: int, count: int, random: torch.Generator, device: torch.device
) -> ModemRandomness:
    """The randomness of `count` covers in a given rung."""
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
    """A modem and the channel between its networks, as one module.

    Args:
        channel: what happens to containers besides their codec.
        precision: "bf16" or "fp32", of the networks.
        compiled: the networks are compiled first.
    """

    def __init__(self, pair: Modem, channel: ChannelConfig, precision: str, compiled: bool = False) -> None:
        super().__init__()
        self.pair, self._distortions = pair, Distortions(channel.distort)
        self._hide, self._reveal = (torch.compile(each) if compiled else each for each in (pair.hide, pair.reveal))
        self._precision = precision

    def forward(self, pictures: Tensor, randomness: ModemRandomness) -> ModemResult:
        """Takes covers, (B, 1, 3, H, W) uint8."""
        cover = from_8_bits(pictures[:, 0]).contiguous(memory_format=torch.channels_last)
        with autocast(self._precision, pictures.device):
            container = self._hide(cover, torch.cat([randomness.bits, randomness.dither], dim=1)).float()
        received = through_channel(through_8_bits(container), randomness, self._distortions)
        with autocast(self._precision, pictures.device):
            likelihoods = self._reveal(received, randomness.dither).float()
        return ModemResult(cover, container, randomness.bits, likelihoods)


def through_channel(stored: Tensor, randomness: ModemRandomness, distortions: Distortions) -> Tensor:
    """Containers after real JPEG or WebP, (B, 3, H, W); its gradient is that of averaging the chroma of 2×2 pixels.

    Rounding has a straight-through gradient, as in `through_8_bits`.

    Args:
        stored: of 8 bits, in [0, 1].
    """
    surrogate = torch.where(_per_picture(randomness.full_chroma, stored), stored, with_halved_chroma(stored))
    saved = to_8_bits(stored.detach()).permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, 3)
    parts = randomness.seeds, randomness.quality, randomness.twice, randomness.full_chroma, randomness.webp
    draws = zip(saved, *(part.tolist() for part in parts), strict=True)
    received = [_saved(distortions(picture, seed), *draw) for picture, seed, *draw in draws]
    received = torch.from_numpy(np.stack(received)).permute(0, 3, 1, 2)
    return surrogate + (from_8_bits(received.to(stored.device)) - surrogate.detach())


def with_halved_chroma(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) whose chroma, Cb and Cr, is the mean of 2×2 pixels."""
    luma = torch.tensor(YCBCR[0], device=pictures.device)
    difference = pictures - (pictures * luma[:, None, None]).sum(1, keepdim=True)  # of each colour from luma
    halved = functional.avg_pool2d(difference, 2)
    return pictures - difference + halved.repeat_interleave(2, 2).repeat_interleave(2, 3)


def preview_modem(result: ModemResult) -> np.ndarray:
    """One row per cover: cover, container, difference enlarged; (B·H, 3·W, 3) uint8."""
    return side_by_side(result.cover, result.container, difference(result.cover, result.container))


def _saved(picture: np.ndarray, quality: int, twice: bool, full_chroma: bool, webp: bool) -> np.ndarray:
    if twice:
        picture = through_jpeg(picture, FIRST_QUALITY, full_chroma=full_chroma)
    if webp:
        return through_webp(picture, quality)
    return through_jpeg(picture, quality, full_chroma=full_chroma)


def _per_picture(mask: Tensor, pictures: Tensor) -> Tensor:
    return mask.to(pictures.device)[:, None, None, None]
