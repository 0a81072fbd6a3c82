"""An invertible network: hiding is its forward pass, revealing its exact inverse.

After HiNet (Jing et al. 2021, ICCV) and WIN (2025, arXiv 2508.02111): cover and secret go through a Haar
transform to half resolution and then through affine coupling blocks (Dinh et al. 2017, Real NVP, arXiv
1605.08803). What the second branch holds at the end is lost; revealing puts zeros in its place.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.models.pair import Pair
from stegnet.models.registry import register

SLOPE = 0.1  # of the leaky rectifier; GELU and SiLU train no better and are slower by a third


def haar(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B, 4C, H/2, W/2): mean and three differences of each 2×2 block, orthonormal."""
    a, b, c, d = functional.pixel_unshuffle(pictures, 2).unflatten(1, (-1, 4)).unbind(2)
    return torch.cat([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], dim=1) / 2


def inverse_haar(bands: Tensor) -> Tensor:
    """(B, 4C, H, W) back to (B, C, 2H, 2W)."""
    mean, horizontal, vertical, diagonal = bands.chunk(4, dim=1)
    a = mean + horizontal + vertical + diagonal
    b = mean - horizontal + vertical - diagonal
    c = mean + horizontal - vertical - diagonal
    d = mean - horizontal - vertical + diagonal
    return functional.pixel_shuffle(torch.stack([a, b, c, d], dim=2).flatten(1, 2) / 2, 2)


class Coupling(nn.Sequential):
    """Three 3×3 convolutions; the last starts at zero, so that the network starts as the identity."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        nn.init.zeros_(self[-1].weight)
        nn.init.zeros_(self[-1].bias)


class Block(nn.Module):
    """One affine coupling: c ← c + φ(s); s ← s · exp(tanh ρ(c)) + η(c)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.phi = Coupling(channels, width)
        self.rho = Coupling(channels, width)
        self.eta = Coupling(channels, width)

    def forward(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        cover = cover + self.phi(secret)
        return cover, secret * torch.exp(torch.tanh(self.rho(cover))) + self.eta(cover)

    def inverse(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        secret = (secret - self.eta(cover)) * torch.exp(-torch.tanh(self.rho(cover)))
        return cover - self.phi(secret), secret


@register("invertible")
class Invertible(Pair):
    """A stack of coupling blocks shared by both directions.

    Args:
        blocks: number of coupling blocks.
        width: channels inside a coupling function.
    """

    def __init__(self, blocks: int = 4, width: int = 32) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(12, width) for _ in range(blocks))

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        cover_bands, secret_bands = haar(cover), haar(secret)  # (B, 12, H/2, W/2)
        for block in self.blocks:
            cover_bands, secret_bands = block(cover_bands, secret_bands)
        return inverse_haar(cover_bands)

    def reveal(self, container: Tensor) -> Tensor:
        cover_bands = haar(container)
        secret_bands = torch.zeros_like(cover_bands)
        for block in reversed(self.blocks):
            cover_bands, secret_bands = block.inverse(cover_bands, secret_bands)
        return inverse_haar(secret_bands)
