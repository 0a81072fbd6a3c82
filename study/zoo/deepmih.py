"""DeepMIH's invertible hiding network: couplings that are affine in both branches.

Guan, Jing, Deng, Xu, Jiang, Zhang, Li 2023, "DeepMIH: deep invertible network for multiple image hiding" (IEEE Trans.
Pattern Anal. Mach. Intell. 45), and its public code (github.com/TomTomTommi/DeepMIH). The paper hides several secrets
by a cascade of such networks. This is the first of the cascade, which hides one: HiNet's 16 coupling blocks with a
fourth dense block, which scales the cover's branch; 5.40 M parameters.

Departures: there is no second network, and so no importance map, which would show it where the first has hidden.
Revealing is deterministic in evaluation mode (see `DenseCouplingPair`).
"""

from study.zoo.hinet import DenseCouplingPair


class DeepMIH(DenseCouplingPair):
    """Affine couplings of both branches.

    Args:
        blocks: number of coupling blocks.
        width: filters of the dense blocks' convolutions.
    """

    def __init__(self, blocks: int = 16, width: int = 32) -> None:
        super().__init__(blocks, width, scales_cover=True)
