"""Pairs for tests: one that is no network, so that a test knows what comes back, and tiny ones that are not trained."""

from pathlib import Path

import torch

from stegnet.core.pixels import MEANS
from stegnet.networks import Card, Network, Pair, build, save_pair
from stegnet.networks.engines.torch_engine import TorchEngine

SHRUNK = 0.999  # so that no level comes back half-way between two of 8 bits


class FiveLevels(Pair):
    """Puts one of five levels of the secret into the low four bits of the cover, each with room for a step of 1.

    Exact with the base "none"; with another, what is left of the secret has five levels, too.
    """

    def hide(self, cover, hidden):
        high = cover.float().mul(255).round().to(torch.uint8) & 0xF0
        level = (hidden.float() + 0.5).clamp(0, 1).mul(4).round().to(torch.uint8)
        return (high + 3 * level + 1).float() / 255

    def reveal(self, container):
        low = container.float().mul(255).round().to(torch.uint8) & 0x0F
        return (low // 3).clamp(0, 4).float().div(4).sub(0.5).mul(SHRUNK)


class FivePhases(Pair):
    """Puts one of five levels of the secret into the cover modulo 16, each with room for a step of 1."""

    periodic = True

    def period(self):
        return torch.tensor(16 / 255)

    def hide(self, cover, hidden):
        level = (hidden.float() + 0.5).clamp(0, 1).mul(4).round()
        wanted = 3.2 * (level + 0.5)
        return (wanted + 16 * ((cover * 255 - wanted) / 16).round()) / 255

    def reveal(self, container):
        return (container.float() * 255).remainder(16).div(3.2).floor().clamp(0, 4).div(4).sub(0.5).mul(SHRUNK)


def network_of(pair: Pair, base: str = "none", quality: int = 85, block: int = 8, weights: str = "5e" * 32) -> Network:
    """A network of a pair in memory, on the CPU in 32 bits."""
    engine = TorchEngine(pair, "cpu", "fp32")
    return Network(engine, weights, base, quality, block, pair.period().item())


def save_untrained(
    path: Path, training: dict | None = None, *, base: str = MEANS, quality: int = 50, seed: int = 0
) -> Path:
    """Saves a tiny pair that is not trained, and does something all the same.

    Args:
        training: what its card says of how it was trained.
        base, quality: of secrets.
    """
    torch.manual_seed(seed)
    pair = build("invertible", blocks=1, width=8)
    for parameter in pair.parameters():
        parameter.data += 0.01 * torch.randn_like(parameter)
    scramble = {"base": base, "quality": quality, "block": 8, "period": 0.0}
    save_pair(path, pair, Card("invertible", {"blocks": 1, "width": 8}, scramble, training or {}))
    return path
