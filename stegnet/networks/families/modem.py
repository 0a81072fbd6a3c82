"""A learned modem: hides bits, not a picture, so that they survive the changes of a container.

It starts as quantisation index modulation with dither (Chen and Wornell 2001, IEEE Trans. Inf. Theory 47, equation 20;
with distortion compensation as in Eggers et al. 2003, IEEE Trans. Signal Process. 51) of JPEG's own luma coefficients:
a bit is one of two opposite phases of a coefficient, in periods proportional to JPEG's table, and JPEG's rounding then
seldom flips a phase. Two networks, which see all coefficients of a block and its neighbours, are added and learn the
rest through real codecs: how far each coefficient goes, what else to change, and how sure each bit is.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.compute import full_precision
from stegnet.core.errors import ConfigError
from stegnet.core.pixels import BLOCK, DITHER, LUMA, LUMA_QUANTA
from stegnet.networks.layers import NONE, SLOPE, BackboneContext, fraction, silent_convolution
from stegnet.networks.pair import Pair, register

COEFFICIENTS = 3 * BLOCK**2  # of a block, luma first
# Luma and colour differences of JFIF (ITU-R BT.601), without their offset.
YCBCR = (LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@register
class Modem(Pair):
    """A pair that hides some bits in each block of 8×8 pixels, and reveals how likely each is 1.

    Args:
        rungs: operating points, which trade bits against robustness: for each, "bits" of a block, 1 to 64, and "scale",
            the period of a phase in `LUMA_QUANTA`; other keys describe its training. The bits of a rung are in the
            coefficients with the smallest steps.
        width: channels of the residual blocks.
        blocks: number of residual blocks in each network; the second one sees the neighbouring blocks.
        backbone: name of a timm model that sees more of them, or "none".
        pretrained: the backbone starts from timm's weights.

    Raises:
        ConfigError: there is no such backbone, or `blocks` is 1.
    """

    hides_pictures = False
    small: ClassVar = {"rungs": [{"bits": 2, "scale": 1.0}, {"bits": 3, "scale": 2.0}], "width": 6, "blocks": 2}
    basis: Tensor  # (192, 192), from a block's RGB samples to its coefficients
    inverse: Tensor  # (192, 192), from coefficients to samples
    places: Tensor  # (bits,) int64, the coefficient of each bit
    periods: Tensor  # (bits, 1, 1), the period of each bit's phase
    spread: Tensor  # (192, bits), 1 where a bit is in a coefficient

    def __init__(
        self,
        rungs: Sequence[dict[str, Any]] = ({"bits": 22, "scale": 1.2},),
        width: int = 128,
        blocks: int = 4,
        backbone: str = NONE,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if blocks < 2:
            raise ConfigError(
                f"must be 2 or more, is {blocks}", "the second one sees the neighbours", parameter="model.blocks"
            )
        self.rungs = [dict(rung) for rung in rungs]
        self.bits = sum(rung["bits"] for rung in rungs)
        with torch.device("cpu"):  # even if the weights are elsewhere, since no file has them
            basis = _block_basis()
            places = _places(rungs)
            spread = functional.one_hot(places, COEFFICIENTS).T.float()
            self.register_buffer("basis", basis, persistent=False)
            self.register_buffer("inverse", torch.linalg.inv(basis).contiguous(), persistent=False)
            self.register_buffer("places", places, persistent=False)
            self.register_buffer("periods", _periods(rungs, places), persistent=False)
            self.register_buffer("spread", spread, persistent=False)
        features = COEFFICIENTS + 2 * self.bits
        initial_gain = 4.0  # of log-likelihood ratios: the ratio at the phase itself
        self.likelihoods = nn.Parameter(torch.full((self.bits, 1, 1), initial_gain))
        self.modulator = BlockNetwork(features + self.bits, features, width, blocks, backbone, pretrained)
        self.demodulator = BlockNetwork(features, self.bits, width, blocks, backbone, pretrained)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, (B, 3, H, W); neither clamped nor rounded.

        Args:
            cover: (B, 3, H, W) in [0, 1].
            secret: (B, bits + DITHER, H/8, W/8): bits, −1 or 1, and 0 for those of other rungs; and the dither of luma
                coefficients, in [0, 1), in periods.
        """
        phase_of_one = 0.25  # phase of a bit that is 1, in periods; that of a bit that is 0 is −0.25
        way_logit = 1.4  # initial logit of α, the distortion compensation: the share of the way to the phase
        scale = 8 / 255  # factor from outputs to changes of a few levels
        bits = secret[:, : self.bits]
        dither = secret[:, self.bits :]
        coefficients, phases = self._transform(cover, dither)
        outputs = self.modulator(torch.cat([_features(coefficients, phases), bits], dim=1))
        with full_precision(cover.device):
            free, ways, wanted = outputs.float().split([COEFFICIENTS, self.bits, self.bits], dim=1)
            sent = bits.float()
            away = fraction(phase_of_one * sent + wanted - phases)
            moved = sent.abs() * (ways + way_logit).sigmoid() * self.periods * away
            # Not index_add: with several threads, ONNX Runtime loses some of what several rungs add to a coefficient.
            change = free * scale + _convolved(moved, self.spread)
            container: Tensor = cover + functional.pixel_shuffle(_convolved(change, self.inverse), BLOCK)
            return container

    def reveal(self, container: Tensor, dither: Tensor) -> Tensor:  # type: ignore[override]  # bits need the dither
        """Return natural log-likelihood ratios, (B, bits, H/8, W/8): positive if a bit is more likely 1 than −1.

        Args:
            container: (B, 3, H, W) in [0, 1].
            dither: (B, DITHER, H/8, W/8), as in hiding.
        """
        coefficients, phases = self._transform(container, dither)
        learnt = self.demodulator(_features(coefficients, phases))
        with full_precision(container.device):
            ratios: Tensor = learnt.float() + self.likelihoods * (2 * math.pi * phases).sin()
            return ratios

    def _transform(self, pictures: Tensor, dither: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coefficients of blocks, (B, 192, H/8, W/8), and the phases of bits, (B, bits, H/8, W/8)."""
        with full_precision(pictures.device):
            coefficients = _convolved(pictures.float() - 0.5, self.basis, BLOCK)
            phases = coefficients.index_select(1, self.places) / self.periods
            return coefficients, phases - dither.float().index_select(1, self.places)


class BlockNetwork(nn.Module):
    """Residual blocks between two 1×1 convolutions: (B, channels, H, W) to (B, out, H, W), zero at first."""

    def __init__(self, channels: int, out: int, width: int, blocks: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 1)
        self.context = None if backbone == NONE else BackboneContext(channels, width, backbone, pretrained)
        self.body = nn.Sequential(*(Residual(width, 3 if index == 1 else 1) for index in range(blocks)))
        self.last = silent_convolution(width, out, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return the output for features of blocks: (B, channels, H, W) to (B, out, H, W)."""
        mixed = self.first(features)
        output: Tensor = self.last(self.body(mixed if self.context is None else mixed + self.context(features)))
        return output


class Residual(nn.Module):
    """x + W · leaky ReLU(V ∗ x), with a convolution V of kernel 1 or 3."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, kernel, padding=kernel // 2)
        self.point = nn.Conv2d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same shape, (B, width, H, W), with the block's change added."""
        change: Tensor = self.point(functional.leaky_relu(self.wide(features), SLOPE))
        return features + change


def _places(rungs: Sequence[dict[str, Any]]) -> Tensor:
    """Return the coefficient of each bit, (bits,) int64: in each rung, those with the smallest steps."""
    order = sorted(range(DITHER), key=lambda index: LUMA_QUANTA[index])  # stable
    return torch.tensor([place for rung in rungs for place in order[: rung["bits"]]])


def _periods(rungs: Sequence[dict[str, Any]], places: Tensor) -> Tensor:
    """Return the period of each bit's phase, (bits, 1, 1), in samples of [0, 1]."""
    scales = [float(rung["scale"]) for rung in rungs for _ in range(rung["bits"])]
    periods = [LUMA_QUANTA[place] * scale / 255 for place, scale in zip(places.tolist(), scales, strict=True)]
    return torch.tensor(periods)[:, None, None]


def _convolved(samples: Tensor, matrix: Tensor, side: int = 1) -> Tensor:
    """Multiply each block of side × side samples by a matrix."""
    return functional.conv2d(samples, torch.unflatten(matrix, 1, (-1, side, side)), stride=side)


def _features(coefficients: Tensor, phases: Tensor) -> Tensor:
    """Return the networks' features, (B, 192 + 2 · bits, H/8, W/8)."""
    scale = 8.0  # factor from coefficients to features of about 1
    angles = 2 * math.pi * phases
    return torch.cat([coefficients * scale, angles.cos(), angles.sin()], dim=1)


def _block_basis() -> Tensor:
    """Return the matrix, (192, 192), from a block's RGB samples, in pixel unshuffle's order, to its Y, Cb, Cr DCT."""
    places = torch.arange(BLOCK, dtype=torch.float64)
    cosines = torch.cos((2 * places[None] + 1) * places[:, None] * math.pi / (2 * BLOCK)) / 2
    cosines[0] /= math.sqrt(2)
    planes = torch.kron(cosines, cosines)  # (64, 64): type II, orthonormal
    return torch.kron(torch.tensor(YCBCR, dtype=torch.float64), planes).float()
