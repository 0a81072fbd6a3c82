"""HiNet: an invertible network whose forward pass hides, and whose backward pass reveals.

Jing, Deng, Xu, Wang, Guan 2021, "HiNet: deep image hiding by invertible network" (ICCV, pages 4733 to 4742), and its
public code (github.com/TomTomTommi/HiNet). Cover and secret are Haar-transformed to half resolution and pass through 16
affine coupling blocks of three dense blocks each: 4.05 M parameters. The loss has a term that keeps the secret out of
the cover's low frequencies, in which changes are seen most.

Departures: revealing is deterministic in evaluation mode (see `DenseCouplingPair`). The low-frequency loss is that of
the paper; the public train.py compares all bands of the first picture of a batch instead.
"""

from stegnet.networks.layers import DenseCouplingPair
from stegnet.networks.pair import register


@register
class HiNet(DenseCouplingPair):
    """Additive couplings of the cover's branch, affine couplings of the secret's.

    Args:
        blocks: number of coupling blocks.
        width: filters of the dense blocks' convolutions.
    """

    def __init__(self, blocks: int = 16, width: int = 32) -> None:
        super().__init__(blocks, width, scales_cover=False)
