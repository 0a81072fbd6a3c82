"""A batch of pairs on its way: hidden, stored as a file stores it, revealed and put back in order.

One module holds the whole way, so that whoever trains it, on one device or on many, calls one forward pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stegnet.core.config import Config
from stegnet.core.shuffle import Shuffle
from stegnet.core.tensors import (
    apply,
    block_means,
    from_8_bits,
    invert,
    join,
    random_shuffle,
    split,
    through_8_bits,
    with_block_means,
    with_sealed_bits,
)
from stegnet.models import Pair
from stegnet.models.precision import autocast


@dataclass(frozen=True)
class PassRandomness:
    """What is random about the way of one batch of B pairs.

    Attributes:
        shuffles: B of them, by which the secrets are shuffled.
        chosen: (B,) bool, which secrets are shuffled at all.
        sealed: (B, 3, H, W) bool, the samples that sealed bits change by a level.
        noise: (B, 3, H, W), what is added to the container, or None.
    """

    shuffles: list[Shuffle]
    chosen: Tensor
    sealed: Tensor
    noise: Tensor | None

    def part(self, where: slice) -> "PassRandomness":
        """The same for some of the pairs."""
        noise = None if self.noise is None else self.noise[where]
        return PassRandomness(self.shuffles[where], self.chosen[where], self.sealed[where], noise)


class PassResult(NamedTuple):
    """Both ends of the way, each (B, 3, H, W), in [0, 1] but for what a network overshoots."""

    cover: Tensor
    container: Tensor
    secret: Tensor
    revealed: Tensor


def draw_randomness(config: Config, step: int, device: torch.device) -> PassRandomness:
    """The chance of the whole batch of a step: a function of seed and step alone."""
    train, count = config.train, config.train.batch
    random = torch.Generator(device).manual_seed(config.seed * 1_000_003 + step)
    shape = (count, 3, train.crop, train.crop)
    chosen = torch.rand(count, generator=random, device=device) < train.scrambled
    blocks = train.crop // config.scramble.block
    shuffles = [random_shuffle(random, blocks, blocks) for _ in range(count)]
    sealed = torch.rand(shape, generator=random, device=device) < train.bits
    noise = torch.randn(shape, generator=random, device=device) * train.noise if train.noise else None
    return PassRandomness(shuffles, chosen, sealed, noise)


class HideRevealPass(nn.Module):
    """A pair, and the way that its pictures take.

    Args:
        detail: does it hide a secret's detail only?
        precision: "bf16" or "fp32", of the pair.
        compiled: are the networks compiled first?
    """

    def __init__(self, pair: Pair, detail: bool, precision: str, compiled: bool = False) -> None:
        super().__init__()
        self.pair = pair
        networks = (pair.prepare, pair.hide, pair.reveal, pair.restore)
        compiler = torch.compile if compiled else _as_it_is
        self._prepare, self._hide, self._reveal, self._restore = (compiler(network) for network in networks)
        self._detail, self._precision = detail, precision

    def forward(self, pictures: Tensor, chance: PassRandomness) -> PassResult:
        """Takes (B, 2, 3, H, W) uint8, covers and secrets, all the way."""
        cover, secret = (_channels_last(part) for part in from_8_bits(pictures).unbind(1))
        means = block_means(secret) if self._detail else None
        with autocast(self._precision, pictures.device):
            prepared = self._prepare(secret).float()
        plain = split(with_block_means(prepared, means), means)
        hidden = torch.where(_each(chance.chosen), apply(plain, chance.shuffles), plain)
        with autocast(self._precision, pictures.device):
            container = self._hide(cover, _channels_last(hidden)).float()
        stored = with_sealed_bits(through_8_bits(container), container, _channels_last(chance.sealed))
        stored = stored if chance.noise is None else stored + chance.noise
        with autocast(self._precision, pictures.device):
            revealed = self._reveal(stored).float()
        ordered = join(torch.where(_each(chance.chosen), invert(revealed, chance.shuffles), revealed), means)
        with autocast(self._precision, pictures.device):
            restored = self._restore(_channels_last(ordered)).float()
        return PassResult(cover, container, secret, with_block_means(restored, means))


def _as_it_is(network: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return network


def _each(chosen: Tensor) -> Tensor:
    return chosen[:, None, None, None]


def _channels_last(pictures: Tensor) -> Tensor:
    return pictures.contiguous(memory_format=torch.channels_last)
