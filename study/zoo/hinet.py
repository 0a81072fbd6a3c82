"""HiNet and DeepMIH: invertible networks whose forward pass hides, and whose backward pass reveals.

Jing, Deng, Xu, Wang, Guan 2021, "HiNet: deep image hiding by invertible network" (ICCV, pages 4733 to 4742), and its
public code (github.com/TomTomTommi/HiNet). Cover and secret are Haar-transformed to half resolution and pass through 16
affine coupling blocks of three dense blocks each: 4.05 M parameters. The loss has a term that keeps the secret out of
the cover's low frequencies, in which changes are seen most.

Guan, Jing, Deng, Xu, Jiang, Zhang, Li 2023, "DeepMIH: deep invertible network for multiple image hiding" (IEEE Trans.
Pattern Anal. Mach. Intell. 45), and its public code (github.com/TomTomTommi/DeepMIH), hide several secrets by a cascade
of such networks. Here is the first of the cascade, which hides one: HiNet's with a fourth dense block in each coupling,
which scales the cover's branch; 5.40 M parameters.

Departures: revealing is deterministic in evaluation mode. The low-frequency loss is that of HiNet's paper; its public
train.py compares all bands of the first picture of a batch instead. DeepMIH has no second network, and so no importance
map, which would show it where the first has hidden.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from stegnet.core.pixels import GREY
from stegnet.networks import Pair
from stegnet.networks.layers import BANDS, Haar, silent_convolution


class DenseBlock(nn.Module):
    """Five densely connected 3×3 convolutions: (B, BANDS, H, W) to (B, BANDS, H, W), any H and W.

    Each sees the input and the output of all before it (Huang et al. 2017, "Densely connected convolutional networks").
    The first four have `width` filters and a leaky ReLU. The output is zero at first, and the other weights are small,
    as in the public code of HiNet (rrdb_denselayer.py, model.py).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        depth = 4  # convolutions before the last
        initial_scale = 0.01  # standard deviation
        self.growing = nn.ModuleList(nn.Conv2d(BANDS + index * width, width, 3, padding=1) for index in range(depth))
        for parameter in self.growing.parameters():
            nn.init.normal_(parameter, 0, initial_scale)
        self.last = silent_convolution(BANDS + depth * width, BANDS)

    def forward(self, bands: Tensor) -> Tensor:
        """Return features in the shape of the bands, (B, BANDS, H, W)."""
        slope = 0.01  # of the leaky ReLU
        features = bands
        for convolution in self.growing:
            grown = functional.leaky_relu(convolution(features), slope)
            features = torch.cat([features.to(grown.dtype), grown], dim=1)  # in the type in which convolutions compute
        output: Tensor = self.last(features)
        return output


class DenseCoupling(nn.Module):
    """Affine coupling by dense blocks: c ← c · g(ψ(s)) + φ(s); s ← s · g(ρ(c)) + η(c).

    HiNet has no ψ, so that c ← c + φ(s) (Jing et al. 2021, section 3.1). The gain is g(x) = exp(α(2σ(x) − 1)) with α =
    2, between e⁻² and e², as in its public code (invblock.py).
    """

    def __init__(self, width: int, scales_cover: bool) -> None:
        super().__init__()
        self.psi = DenseBlock(width) if scales_cover else None
        self.phi = DenseBlock(width)
        self.rho = DenseBlock(width)
        self.eta = DenseBlock(width)

    def forward(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coupled cover and secret bands, each in the shape it had."""
        if self.psi is not None:
            cover = cover * self._gain(self.psi(secret).to(cover.dtype))
        cover = cover + self.phi(secret)
        return cover, secret * self._gain(self.rho(cover).to(secret.dtype)) + self.eta(cover)

    def inverse(self, cover: Tensor, secret: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cover and secret bands that `forward` coupled."""
        secret = (secret - self.eta(cover)) / self._gain(self.rho(cover).to(secret.dtype))
        cover = cover - self.phi(secret)
        if self.psi is not None:
            cover = cover / self._gain(self.psi(secret).to(cover.dtype))
        return cover, secret

    def _gain(self, features: Tensor) -> Tensor:
        largest_exponent = 2.0
        return torch.exp(largest_exponent * torch.tanh(features / 2))  # tanh(x / 2) = 2σ(x) − 1


class HiNet(Pair):
    """Couplings of the Haar bands of cover and secret, which hide and, inverted, reveal.

    The container is made of the cover's branch alone. The other branch is lost, and revealing puts Gaussian noise of
    standard deviation 1 in its place, as published; but in evaluation mode the mean of the noise, 0, so that the same
    container always reveals the same bits. Secrets pass through the couplings in [0, 1], as published, so mid-grey is
    added to them before, and subtracted afterwards.

    Args:
        blocks: number of coupling blocks.
        width: filters of the dense blocks' convolutions.
    """

    scales_cover = False
    small: ClassVar = {"blocks": 2, "width": 4}
    published = (
        4_050_240,
        1_010_988,
        1_010_952,
    )  # 16 couplings of three blocks of 84,240 weights, at half resolution

    def __init__(self, blocks: int = 16, width: int = 32) -> None:
        super().__init__()
        self.haar = Haar()
        self.blocks = nn.ModuleList(DenseCoupling(width, self.scales_cover) for _ in range(blocks))

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, whose bands are those of the cover after all couplings."""
        cover_bands = self.haar(cover)  # (B, 12, H/2, W/2)
        secret_bands = self.haar(secret + GREY / 255)
        for block in self.blocks:
            cover_bands, secret_bands = block(cover_bands, secret_bands)
        return self.haar.inverse(cover_bands)

    def penalty(self, cover: Tensor, container: Tensor) -> Tensor:
        """Return the low-frequency wavelet loss: Σ (LL(container) − LL(cover))² per sample of the container, ().

        HiNet, section 3.2. LL are the means of 2×2 pixels, doubled.
        """
        changes: Tensor = self.haar(container - cover)
        return changes[:, : BANDS // 4].square().sum() / container.numel()

    def reveal(self, container: Tensor) -> Tensor:
        """Return the secret, by the couplings run backwards on the container's bands and the substitute of the rest."""
        cover_bands = self.haar(container)
        secret_bands = torch.randn_like(cover_bands) if self.training else torch.zeros_like(cover_bands)
        for block in reversed(self.blocks):
            assert isinstance(block, DenseCoupling)
            cover_bands, secret_bands = block.inverse(cover_bands, secret_bands)
        return self.haar.inverse(secret_bands) - GREY / 255


class DeepMIH(HiNet):
    """The same, but the cover's branch is scaled, too, not only added to."""

    scales_cover = True
    published = 5_400_320, 1_347_948, 1_347_912  # as above, of four dense blocks: the first network of the cascade
