"""Universal deep hiding: what is added to a cover depends on the secret alone, so it may be added to any cover.

Zhang, Benz, Karjauv, Sun and Kweon 2020, "UDH: universal deep hiding for steganography, watermarking, and light field
messaging" (NeurIPS). The container is the cover plus the output of a U-Net that sees only the secret, and at most 10
levels large; six convolutions reveal. Sizes, ranges and initial weights are those of the authors' code
(github.com/ChaoningZhang/Universal-Deep-Hiding, models/ and main.py), with the batch norms of its main training
(scripts/train_main_udh.sh).

Departures: pictures are zero-padded to multiples of 32, and the output is cropped. The six convolutions have no bias
where a batch norm follows, which would remove it.
"""

from typing import ClassVar

from torch import Tensor, nn

from stegnet.core.pixels import GREY
from stegnet.networks import Pair
from stegnet.networks.layers import UNetGenerator, revealing_convolutions


class UniversalDeepHiding(Pair):
    """A U-Net that never sees the cover, and a small network that reveals the secret.

    Args:
        width: channels of the first level, and of the revealing network's first convolution.
    """

    small: ClassVar = {"width": 4}
    # 17,396,096 weights besides biases and norms (models/HidingUNet.py, RevealNet.py of Universal-Deep-Hiding).
    published = 17_401_094, 84_224, 740_736

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        steps = 5  # of downsampling
        self.hider = UNetGenerator(3, width, steps, nn.Tanh())
        self.revealer = revealing_convolutions(width)
        self.apply(_initialise)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the cover with a pattern of the secret added, which changes samples by at most 10 levels."""
        strongest = 10 / 255  # change of a sample
        pattern: Tensor = self.hider(secret + GREY / 255)
        return cover + strongest * pattern

    def reveal(self, container: Tensor) -> Tensor:
        """Return the residual as a sigmoid less mid-grey: a sample of a secret without a base, in (0, 1)."""
        logits: Tensor = self.revealer(container)
        return logits.float().sigmoid() - GREY / 255


def _initialise(module: nn.Module) -> None:
    """Draw a convolution's weights by the number of its outputs (He et al. 2015, arXiv 1502.01852, equation 14)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
