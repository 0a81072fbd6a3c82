"""An invertible network for GPUs."""

from stegnet.networks.layers import BACKBONE, ENDS, CouplingPair
from stegnet.networks.pair import register


@register
class InvertibleLarge(CouplingPair):
    """A larger configuration, with seven times the arithmetic."""

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
