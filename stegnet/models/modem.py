"""A learned modem: hides bits, not a picture, so that they survive what happens to a container.

It starts as quantisation index modulation with dither (Chen and Wornell 2001, IEEE Trans. Inf. Theory 47, equation 20;
with a share of the way as in Eggers et al. 2003, IEEE Trans. Signal Process. 51) of JPEG's own luma coefficients: a bit
is one of two opposite phases of a coefficient, in periods proportional to JPEG's table, and JPEG's rounding then seldom
turns a phase round. Two networks, which see all coefficients of a block and its neighbours, are added and learn the
rest through real codecs: how far each coefficient goes, what else to change, and how sure each bit is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.compute import full_precision
from stegnet.core.errors import ConfigError
from stegnet.core.jpeg import BLOCK, LUMA_STEPS
from stegnet.models.backbone import NONE
from stegnet.models.costa import fraction
from stegnet.models.layers import SLOPE, BackboneContext
from stegnet.models.pair import Pair

COEFFICIENTS = BLOCK**2  # of each component
# Luma and colour differences of JFIF (ITU-R BT.601), without their offset.
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
PHASE = 0.25  # of a bit that is 1, in periods; −PHASE of one that is 0
WAY = 1.4  # at first: logit of the share of the way to the phase
LIKELIHOOD = 4.0  # at first: log-likelihood ratio at the phase itself; in films, FILM_LIKELIHOOD / √run in each frame
FILM_LIKELIHOOD = 1.0
_FEATURES = 8.0  # from coefficients to features of about 1
_MEANS = 1.0  # the same for the means of blocks in films, which frames share
_CHANGES = 8 / 255  # outputs to changes of some levels
# In films: limits of the outputs for free changes, and of those for phases, in periods. Without them training is not
# stable, for what a codec wipes out has a gradient all the same.
_MOST_FREE, _MOST_WANTED = 0.25, 0.125
_RUNGS = ({"bits": 22, "scale": 1.2},)


class Modem(Pair):
    """Hides some bits in each block of 8×8 pixels, of a picture or some frames of a film; reveals how likely each is 1.

    Args:
        rungs: for each, "bits" of a block, 1 to 64, "scale", the period of a phase in `LUMA_STEPS`, and "run", the
            number of frames that carry the same bits, 1 unless it is given; other keys describe its training. The bits
            of a rung are in the coefficients with the smallest steps.
        frames: 1 for pictures in colour; or T, a multiple of each run, for the lumas of T frames.
        width: channels of the residual blocks.
        blocks: number of residual blocks in each network; the second one sees the neighbouring blocks.
        backbone: name of a timm model that sees more of them, or "none".
        pretrained: the backbone starts from timm's weights.

    Attributes:
        bits: of all rungs in each block, for T frames: rung after rung, run after run.
        phases: number of coefficients that carry them: those of the first run's first frame, of its second frame, …
        dither: T · 64, of the luma coefficients of T frames; a run's first frame has that of all its frames.
    Raises:
        ConfigError: there is no such backbone, `blocks` is 1, or `frames` is no multiple of a run.
    """

    def __init__(
        self,
        rungs: Sequence[dict[str, Any]] = _RUNGS,
        frames: int = 1,
        width: int = 128,
        blocks: int = 4,
        backbone: str = NONE,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if blocks < 2:
            raise ConfigError(f"model.blocks: must be 2 or more, is {blocks}", "the second one sees the neighbours")
        self.rungs, self.frames = [dict(rung) for rung in rungs], frames
        for rung in self.rungs:
            if frames % rung.setdefault("run", 1):
                raise ConfigError(f"model.frames: must be a multiple of {rung['run']}, the run of {rung['name']}")
        layout = _BitPlaces.of(self.rungs, frames)
        self.bits, self.phases, self.dither = layout.bits, len(layout.places), frames * COEFFICIENTS
        basis = _block_basis() if frames == 1 else _luma_basis().repeat(frames, 1)
        self._planes = frames if frames > 1 else 3
        inverse = torch.linalg.inv(_block_basis()).contiguous() if frames == 1 else _luma_basis().T.repeat(frames, 1)
        by_frame = (layout.places // COEFFICIENTS).argsort(stable=True)
        spread = functional.one_hot(layout.places[by_frame] % COEFFICIENTS, basis.shape[0] // frames)
        spread = spread.float().unflatten(0, (frames, -1)).transpose(1, 2).flatten(0, 1)
        for name, buffer in (
            ("basis", basis), ("inverse", inverse), ("places", layout.places), ("owners", layout.owners),
            ("dithers", layout.dithers), ("periods", layout.periods), ("gains", _gains(frames, self._planes)),
            ("by_frame", by_frame), ("spread", spread),
        ):  # fmt: skip
            self.register_buffer(name, buffer, persistent=False)
        features = self._planes * COEFFICIENTS + 2 * self.phases
        first = torch.full((self.bits,), LIKELIHOOD) if frames == 1 else FILM_LIKELIHOOD / layout.runs.sqrt()
        self.likelihoods = nn.Parameter(first[:, None, None])
        self.modulator = BlockNetwork(features + self.bits, features, width, blocks, backbone, pretrained)
        self.demodulator = BlockNetwork(features, self.bits, width, blocks, backbone, pretrained)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Returns the container, of the cover's shape; neither clamped nor rounded.

        Args:
            cover: (B, 3, H, W) in [0, 1]; or (B, T, H, W), lumas of frames.
            secret: (B, bits + dither, H/8, W/8): bits, −1 or 1, and 0 for those of other rungs; and the dither of luma
                coefficients, in [0, 1), in periods.
        """
        bits, dither = secret[:, : self.bits], secret[:, self.bits :]
        coefficients, phases = self._transform(cover, dither)
        outputs = self.modulator(torch.cat([self._features(coefficients, phases), bits], dim=1))
        with full_precision(cover.device):
            sizes = [self._planes * COEFFICIENTS, self.phases, self.phases]
            free, ways, wanted = outputs.float().split(sizes, dim=1)
            if self.frames > 1:
                free, wanted = _MOST_FREE * free.tanh(), _MOST_WANTED * wanted.tanh()
            sent = bits.float().index_select(1, self.owners)
            away = fraction(PHASE * sent + wanted - phases)
            moved = sent.abs() * (ways + WAY).sigmoid() * self.periods * away
            # Not index_add: ONNX Runtime's threads lose some of what several rungs add to a coefficient.
            change = free * _CHANGES + self._convolved(moved.index_select(1, self.by_frame), self.spread)
            return cover + functional.pixel_shuffle(self._convolved(change, self.inverse), BLOCK)

    def reveal(self, container: Tensor, dither: Tensor) -> Tensor:
        """Returns log-likelihood ratios, natural, (B, bits, H/8, W/8): positive if a bit is more likely 1 than −1.

        Args:
            container: as the cover of hiding.
            dither: (B, dither, H/8, W/8), as in hiding.
        """
        coefficients, phases = self._transform(container, dither)
        learnt = self.demodulator(self._features(coefficients, phases))
        with full_precision(container.device):
            return learnt.float() + self._from_phases(phases)

    def reveal_plainly(self, container: Tensor, dither: Tensor) -> Tensor:
        """As `reveal`, but from the phases alone, without a network."""
        _, phases = self._transform(container, dither)
        with full_precision(container.device):
            return self._from_phases(phases)

    def _from_phases(self, phases: Tensor) -> Tensor:
        """Log-likelihood ratios, (B, bits, H/8, W/8), from (B, phases, H/8, W/8)."""
        sines = self.likelihoods[self.owners] * (2 * math.pi * phases).sin()
        parts = sines.split([self.frames * rung["bits"] for rung in self.rungs], dim=1)
        runs = [rung["run"] for rung in self.rungs]
        return torch.cat([part.unflatten(1, (-1, run)).sum(2) for part, run in zip(parts, runs, strict=True)], dim=1)

    def _transform(self, pictures: Tensor, dither: Tensor) -> tuple[Tensor, Tensor]:
        """The coefficients of blocks, (B, planes · 64, H/8, W/8), and the phases of bits, (B, phases, H/8, W/8)."""
        with full_precision(pictures.device):
            coefficients = self._convolved(pictures.float() - 0.5, self.basis, BLOCK)
            phases = coefficients.index_select(1, self.places) / self.periods
            return coefficients, phases - dither.float().index_select(1, self.dithers)

    def _convolved(self, samples: Tensor, matrix: Tensor, side: int = 1) -> Tensor:
        """Products of a matrix and each block of side × side samples; its rows are split among the frames of a film."""
        return functional.conv2d(samples, matrix.unflatten(1, (-1, side, side)), stride=side, groups=self.frames)

    def _features(self, coefficients: Tensor, phases: Tensor) -> Tensor:
        """(B, planes · 64 + 2 · phases, H/8, W/8)."""
        angles = 2 * math.pi * phases
        return torch.cat([coefficients * self.gains, angles.cos(), angles.sin()], dim=1)


class BlockNetwork(nn.Module):
    """Residual blocks between two 1×1 convolutions: (B, channels, H, W) to (B, out, H, W), zero at first."""

    def __init__(self, channels: int, out: int, width: int, blocks: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 1)
        self.context = None if backbone == NONE else BackboneContext(channels, width, backbone, pretrained)
        self.body = nn.Sequential(*(Residual(width, 3 if index == 1 else 1) for index in range(blocks)))
        self.last = nn.Conv2d(width, out, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, features: Tensor) -> Tensor:
        mixed = self.first(features)
        return self.last(self.body(mixed if self.context is None else mixed + self.context(features)))


class Residual(nn.Module):
    """x + W · leaky ReLU(V ∗ x), with a convolution V of kernel 1 or 3."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.wide = nn.Conv2d(width, width, kernel, padding=kernel // 2)
        self.point = nn.Conv2d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.point(functional.leaky_relu(self.wide(features), SLOPE))


@dataclass(frozen=True)
class _BitPlaces:
    """Places of the bits in T frames.

    Attributes:
        bits: of a block.
        places: (phases,) int64, the coefficient of each phase, frame · 64 + coefficient.
        owners: (phases,) int64, the bit that it is a phase of.
        dithers: (phases,) int64, the coefficient whose dither it has: that of the run's first frame.
        periods: (phases, 1, 1), in samples of [0, 1].
        runs: (bits,) float, frames that carry each bit.
    """

    bits: int
    places: Tensor
    owners: Tensor
    dithers: Tensor
    periods: Tensor
    runs: Tensor

    @classmethod
    def of(cls, rungs: Sequence[dict[str, Any]], frames: int) -> "_BitPlaces":
        order = sorted(range(COEFFICIENTS), key=lambda index: LUMA_STEPS[index])  # stable
        phases, runs = [], []
        for rung in rungs:
            for first, coefficient in product(range(0, frames, rung["run"]), order[: rung["bits"]]):
                period = LUMA_STEPS[coefficient] * float(rung["scale"]) / 255
                places = [frame * COEFFICIENTS + coefficient for frame in range(first, first + rung["run"])]
                phases += [(place, len(runs), places[0], period) for place in places]
                runs.append(rung["run"])
        places, owners, dithers, periods = zip(*phases, strict=True)
        indices = (torch.tensor(each) for each in (places, owners, dithers))
        return cls(len(runs), *indices, torch.tensor(periods)[:, None, None], torch.tensor(runs, dtype=torch.float32))


def _gains(frames: int, planes: int) -> Tensor:
    """(planes · 64, 1, 1): factors of the coefficients as features."""
    gains = torch.full((planes, COEFFICIENTS), _FEATURES)
    if frames > 1:
        gains[:, 0] = _MEANS
    return gains.reshape(-1, 1, 1)


def _block_basis() -> Tensor:
    """(192, 192): RGB samples of a block, as pixel unshuffle orders them, to its DCT coefficients of Y, Cb, Cr."""
    return torch.kron(torch.tensor(YCBCR, dtype=torch.float64), _transform_basis()).float()


def _luma_basis() -> Tensor:
    """(64, 64): luma samples of a block to its DCT coefficients; orthonormal."""
    return _transform_basis().float()


def _transform_basis() -> Tensor:
    """(64, 64) float64: DCT of a block, type II, orthonormal."""
    places = torch.arange(BLOCK, dtype=torch.float64)
    cosines = torch.cos((2 * places[None] + 1) * places[:, None] * math.pi / (2 * BLOCK)) / 2
    cosines[0] /= math.sqrt(2)
    return torch.kron(cosines, cosines)
