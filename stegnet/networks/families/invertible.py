"""An invertible network, small enough to be trained on a CPU."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from stegnet.core.compute import full_precision
from stegnet.core.errors import ConfigError
from stegnet.networks.layers import BANDS, NONE, Haar, Subnet, mix
from stegnet.networks.pair import Pair, chosen_places, register


class CouplingBlock(nn.Module):
    """Affine coupling: c ← c + φ(s); s ← s · exp(tanh ρ(c)) + η(c).

    ρ and η share one network, somewhat wider than φ's, which is better than two, and cheaper. Only ρ and η have a
    backbone: φ sees the shuffled secret, which has no context.
    """

    def __init__(self, width: int, backbone: str, pretrained: bool) -> None:
        super().__init__()
        self.phi = Subnet(BANDS, BANDS, width)
        self.rho_eta = Subnet(BANDS, 2 * BANDS, width + width // 4, backbone=backbone, pretrained=pretrained)

    def forward(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coupled cover and secret bands, each in the shape it had."""
        cover = cover + self.phi(secret)
        rho, eta = self.rho_eta(cover).chunk(2, dim=1)
        return cover, secret * torch.exp(torch.tanh(rho)) + eta

    def inverse(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cover and secret bands that `forward` coupled."""
        rho, eta = self.rho_eta(cover).chunk(2, dim=1)
        secret = (secret - eta) * torch.exp(-torch.tanh(rho))
        return cover - self.phi(secret), secret


class Mixing(nn.Module):
    """A least-squares merge of two branches, x = argmin ‖x − c‖² + ‖Ax − s‖²; the inverse is c = x, s = Ax.

    It has an exact left inverse: hiding the revealed pictures of x yields x again, since x is the pseudo-inverse of
    x ↦ (x, Ax) (after WIN, arXiv 2508.02111). Here A is a 1×1 convolution of the bands, zero at first: s is lost.
    It is always computed in 32 bits, since the container must not be rounded before its samples are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(BANDS, BANDS))
        self._frozen_inverse: Tensor | None = None

    def forward(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the merged bands, from cover and secret bands in the same shape; in float32."""
        with full_precision(cover.device):
            inverse = self._inverse() if self._frozen_inverse is None else self._frozen_inverse
            return mix(inverse, cover.float() + mix(self.weight.T, secret.float()))

    def freeze(self) -> None:
        """Compute the inverse matrix once. The weights must not change afterwards."""
        self._frozen_inverse = self._inverse().detach()

    def _inverse(self) -> Tensor:
        matrix: Tensor = torch.eye(BANDS, device=self.weight.device) + self.weight.T @ self.weight
        inverse: Tensor = torch.linalg.inv(matrix)
        return inverse

    def inverse(self, container: Tensor) -> Tensor:
        """Return the secret bands of a container's bands; in float32."""
        with full_precision(container.device):
            return mix(self.weight, container.float())


@register
class Invertible(Pair):
    """Coupling blocks that hide and, inverted, reveal, with a network at each end.

    After HiNet (Jing et al. 2021, ICCV) and WIN (2025, arXiv 2508.02111): cover and secret are Haar-transformed to half
    resolution and pass through affine coupling blocks (Dinh et al. 2017, Real NVP, arXiv 1605.08803), followed by a
    mixing layer with a left inverse, as in WIN: revealing recovers the second branch from the container, while HiNet
    samples it at random.

    Neither paper shuffles its secrets. In a shuffled secret, the couplings can't use the correlation of neighbouring
    blocks. So a network at each end sees the unshuffled secret: one prepares it before the shuffle, the other restores
    it after the unshuffle.

    Args:
        blocks: number of coupling blocks.
        width: channels of the coupling networks.
        ends: number of convolutions in the networks that prepare and restore a secret; 0 for no such networks.
        backbone: name of a timm model in parallel to convolutions, or "none". One that normalises each position
            independently, as ConvNeXt does, processes large pictures in tiles without seams.
        place: networks with the backbone: "ends", "couplings", "latent", or several joined by "+". With "latent", a
            network corrects the second branch as recovered from the container.
        pretrained: backbones start from timm's weights.

    Raises:
        ConfigError: there is no such place or backbone, or `ends` is 1.
    """

    small: ClassVar = {"blocks": 1, "width": 6, "backbone": "test_convnext", "place": "ends+latent"}

    def __init__(
        self,
        blocks: int = 4,
        width: int = 32,
        ends: int = 4,
        backbone: str = "convnext_atto",  # small, and leaves no seams between tiles
        place: str = "ends",
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        at_ends = "ends"
        couplings = "couplings"
        latent = "latent"
        places = chosen_places(place, (at_ends, couplings, latent))
        if ends == 1:
            hint = "a single convolution can't expand and reduce channels"
            raise ConfigError("must be 0, or 2 and more", hint, parameter="model.ends")

        def subnet(where: str, depth: int = 3) -> Subnet:
            return Subnet(BANDS, BANDS, width, depth, backbone if where in places else NONE, pretrained)

        self.haar = Haar()
        self.blocks = nn.ModuleList(
            CouplingBlock(width, backbone if couplings in places else NONE, pretrained) for _ in range(blocks)
        )
        self.mixing = Mixing()
        self.latent = subnet(latent) if latent in places else None
        self.preparer = subnet(at_ends, ends) if ends else None
        self.restorer = subnet(at_ends, ends) if ends else None

    def prepare(self, secret: Tensor) -> Tensor:
        """Return the secret as a refining network prepares it, if the pair has one."""
        return self._refine(secret, self.preparer)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        cover_bands = self.haar(cover)  # (B, 12, H/2, W/2)
        secret_bands = self.haar(secret)
        for block in self.blocks:
            cover_bands, secret_bands = block(cover_bands, secret_bands)
        return self.haar.inverse(self.mixing(cover_bands, secret_bands))

    def reveal(self, container: Tensor) -> Tensor:
        cover_bands = self.haar(container)
        secret_bands = self.mixing.inverse(cover_bands)
        if self.latent is not None:
            secret_bands = secret_bands + self.latent(cover_bands)
        for block in reversed(self.blocks):
            assert isinstance(block, CouplingBlock)
            cover_bands, secret_bands = block.inverse(cover_bands, secret_bands)
        return self.haar.inverse(secret_bands)

    def restore(self, base: Tensor, residual: Tensor) -> Tensor:
        """Return the sum of base and residual as a refining network corrects it, if the pair has one."""
        return self._refine(base + residual, self.restorer)

    def _refine(self, pictures: Tensor, network: Subnet | None) -> Tensor:
        if network is None:
            return pictures
        return pictures + self.haar.inverse(network(self.haar(pictures)))
