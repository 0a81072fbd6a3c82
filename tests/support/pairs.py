"""Pairs of networks that are not networks, so that a test knows what comes back."""

import torch

from stegnet.models import Pair


class FiveLevels(Pair):
    """Puts one of five levels of the secret into the low four bits of the cover, each with room for a step of 1."""

    def hide(self, cover, hidden):
        high = cover.float().mul(255).round().to(torch.uint8) & 0xF0
        level = (hidden.float() + 0.5).clamp(0, 1).mul(4).round().to(torch.uint8)
        return (high + 3 * level + 1).float() / 255

    def reveal(self, container):
        low = container.float().mul(255).round().to(torch.uint8) & 0x0F
        return (low // 3).clamp(0, 4).float() / 4 - 0.5
