"""An invertible network: hiding is its forward pass, revealing its exact inverse.

After HiNet (Jing et al. 2021, ICCV) and WIN (2025, arXiv 2508.02111): cover and secret go through a Haar
transform to half resolution and then through affine coupling blocks (Dinh et al. 2017, Real NVP, arXiv
1605.08803), which end in a mixing layer with a left inverse, as WIN's do: revealing reads what the second branch held
out of the container, where HiNet draws it at random.

Neither paper shuffles its secrets. Shuffled, a secret's blocks are hidden one by one, and what a picture's
neighbouring blocks say of each other is lost to the couplings. So a network at each end sees the secret whole:
one prepares it before it is shuffled, the other restores it after it was put back in order.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.errors import ConfigError
from stegnet.models.backbone import NONE
from stegnet.models.function import Function
from stegnet.models.pair import Pair
from stegnet.models.precision import full_precision
from stegnet.models.registry import register

BANDS = 12  # of a colour picture
ENDS, COUPLINGS, LATENT = "ends", "couplings", "latent"
PLACES = (ENDS, COUPLINGS, LATENT)
BACKBONE = "convnext_atto"  # small, and its tiles don't show


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


class Block(nn.Module):
    """One affine coupling: c ← c + φ(s); s ← s · exp(tanh ρ(c)) + η(c).

    ρ and η come from one network, somewhat wider than φ's: better than two, and cheaper. φ reads the shuffled
    secret, whose blocks say nothing of each other: a backbone is for ρ and η alone.
    """

    def __init__(self, width: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.phi = Function(BANDS, BANDS, width)
        self.rho_eta = Function(BANDS, 2 * BANDS, width + width // 4, backbone=backbone, pretrained=pretrained)

    def forward(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        cover = cover + self.phi(secret)
        rho, eta = self.rho_eta(cover).chunk(2, dim=1)
        return cover, secret * torch.exp(torch.tanh(rho)) + eta

    def inverse(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        rho, eta = self.rho_eta(cover).chunk(2, dim=1)
        secret = (secret - eta) * torch.exp(-torch.tanh(rho))
        return cover - self.phi(secret), secret


class Mixing(nn.Module):
    """Two branches into one, from which both are read again: x = argmin ‖x − c‖² + ‖Ax − s‖²; then c = x, s = Ax.

    Its left inverse is exact: hiding what revealing x gives is x again, since x ↦ (x, Ax) is undone by its
    pseudo-inverse (after WIN, arXiv 2508.02111). Here A mixes the bands of a place, and is zero at first: s is lost.
    Computed at 32 bits whatever is around it, for the container must not be rounded before its samples are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(BANDS, BANDS))
        self._settled: Tensor | None = None

    def forward(self, cover: Tensor, secret: Tensor) -> Tensor:
        with full_precision(cover.device):
            inverse = self._inverse() if self._settled is None else self._settled
            return _mixed(inverse, cover.float() + _mixed(self.weight.T, secret.float()))

    def settle(self) -> None:
        """Inverts its matrix once and for all, where it no longer changes."""
        self._settled = self._inverse().detach()

    def _inverse(self) -> Tensor:
        return torch.linalg.inv(torch.eye(BANDS, device=self.weight.device) + self.weight.T @ self.weight)

    def inverse(self, container: Tensor) -> Tensor:
        with full_precision(container.device):
            return _mixed(self.weight, container.float())


@register("invertible")
class Invertible(Pair):
    """A stack of coupling blocks shared by both directions, and a network at each end.

    Args:
        blocks: number of coupling blocks.
        width: channels inside a coupling function.
        ends: convolutions of the networks that prepare and restore a secret; 0 for none.
        backbone: name of a timm model that stands beside convolutions, or "none". One that normalises each place by
            itself, as ConvNeXt does, lets a large picture be cut into tiles that don't show.
        place: which networks have it: "ends", "couplings", "latent", or several joined by "+". With "latent", a
            network corrects what is read out of the container of the second branch.
        pretrained: whether backbones start from timm's weights.
    Raises:
        ConfigError: there is no such place or backbone, or `ends` is 1.
    """

    def __init__(
        self,
        blocks: int = 4,
        width: int = 32,
        ends: int = 4,
        backbone: str = BACKBONE,
        place: str = ENDS,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        places = _places(place)
        if ends == 1:
            raise ConfigError("model.ends: must be 0, or 2 and more", "one convolution can't both widen and narrow")

        def function(where: str, depth: int = 3) -> Function:
            return Function(BANDS, BANDS, width, depth, backbone if where in places else NONE, pretrained)

        self.blocks = nn.ModuleList(
            Block(width, backbone if COUPLINGS in places else NONE, pretrained) for _ in range(blocks)
        )
        self.mixing = Mixing()
        self.latent = function(LATENT) if LATENT in places else None
        self.preparer = function(ENDS, ends) if ends else None
        self.restorer = function(ENDS, ends) if ends else None

    def prepare(self, secret: Tensor) -> Tensor:
        return _refined(secret, self.preparer)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        cover_bands, secret_bands = haar(cover), haar(secret)  # (B, 12, H/2, W/2)
        for block in self.blocks:
            cover_bands, secret_bands = block(cover_bands, secret_bands)
        return inverse_haar(self.mixing(cover_bands, secret_bands))

    def reveal(self, container: Tensor) -> Tensor:
        cover_bands = haar(container)
        secret_bands = self.mixing.inverse(cover_bands)
        if self.latent is not None:
            secret_bands = secret_bands + self.latent(cover_bands)
        for block in reversed(self.blocks):
            cover_bands, secret_bands = block.inverse(cover_bands, secret_bands)
        return inverse_haar(secret_bands)

    def restore(self, pictures: Tensor) -> Tensor:
        return _refined(pictures, self.restorer)


@register("invertible_large")
class InvertibleLarge(Invertible):
    """The same, for GPUs: seven times the arithmetic."""

    def __init__(
        self,
        blocks: int = 8,
        width: int = 72,
        ends: int = 6,
        backbone: str = BACKBONE,
        place: str = ENDS,
        pretrained: bool = False,
    ) -> None:
        super().__init__(blocks, width, ends, backbone, place, pretrained)


def _mixed(weight: Tensor, bands: Tensor) -> Tensor:
    """The bands of each place times a matrix."""
    return functional.conv2d(bands, weight[:, :, None, None])


def _refined(pictures: Tensor, network: Function | None) -> Tensor:
    return pictures if network is None else pictures + inverse_haar(network(haar(pictures)))


def _places(names: str) -> set[str]:
    places = {name.strip() for name in names.split("+")}
    if unknown := sorted(places - set(PLACES)):
        raise ConfigError(f"model.place: unknown place {unknown[0]!r}", f"known: {', '.join(PLACES)}, joined by +")
    return places
