"""An invertible network, small enough to be trained on a CPU."""

from stegnet.networks.layers import BACKBONE, ENDS, CouplingPair
from stegnet.networks.pair import register


@register
class Invertible(CouplingPair):
    """Four coupling blocks."""

    def __init__(
        self,
        blocks: int = 4,
        width: int = 32,
        ends: int = 4,
        backbone: str = BACKBONE,
        place: str = ENDS,
        pretrained: bool = False,
    ) -> None:
        super().__init__(blocks, width, ends, backbone, place, pretrained)
