"""SteganoGAN: bits in every pixel, hidden and revealed by densely connected convolutions, against a critic.

Zhang, Cuesta-Infante, Xu and Veeramachaneni 2019, "SteganoGAN: High capacity image steganography with GANs" (arXiv
1901.03892): the dense encoder, whose output is added to the cover, the dense decoder, and the critic of a Wasserstein
GAN (Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1). The layers are those of the authors' public code,
DAI-Lab/SteganoGAN on GitHub.

Departure: the paper trains critic and coders in alternate steps, each by an optimiser of its own. Here, one step trains
both, with the critic's gradient reversed on its way into the encoder (Ganin and Lempitsky 2015, arXiv 1409.7495,
section 3.2).
"""

import torch
from torch import Tensor, nn

from stegnet.networks.pair import Pair, register

PICTURE = 3  # channels of a picture


class Dense(nn.Module):
    """Four 3×3 convolutions, each of which sees the outputs of all before it: (B, first, H, W) to (B, last, H, W).

    All but the last are followed by a leaky ReLU and a batch norm. All but the first also see `beside` more channels.
    """

    def __init__(self, first: int, last: int, width: int, beside: int = 0) -> None:
        super().__init__()
        inner = 3  # convolutions before the last one
        inputs = [first] + [count * width + beside for count in range(1, inner)]
        self.blocks = nn.ModuleList(block(channels, width, padding=1) for channels in inputs)
        self.last = nn.Conv2d(inner * width + beside, last, 3, padding=1)

    def forward(self, features: Tensor, *beside: Tensor) -> Tensor:
        """Return the output of the last convolution; `beside` is (B, beside, H, W), if there is any."""
        first, *others = self.blocks
        outputs = [first(features)]
        for following in others:
            outputs.append(following(torch.cat([*outputs, *beside], dim=1)))
        result: Tensor = self.last(torch.cat([*outputs, *beside], dim=1))
        return result


def block(channels: int, width: int, padding: int) -> nn.Sequential:
    """Return a 3×3 convolution with a leaky ReLU and a batch norm, in this order."""
    slope = 0.01  # slope of the leaky ReLU
    convolution = nn.Conv2d(channels, width, 3, padding=padding)
    return nn.Sequential(convolution, nn.LeakyReLU(slope), nn.BatchNorm2d(width))


def make_critic(width: int) -> nn.Sequential:
    """Return four 3×3 convolutions without padding, (B, 3, H, W) to scores, (B, 1, H − 8, W − 8)."""
    inner = [block(channels, width, padding=0) for channels in (PICTURE, width, width)]
    return nn.Sequential(*inner, nn.Conv2d(width, 1, 3))


@register
class SteganoGAN(Pair):
    """A pair that hides `depth` bits in each pixel, and reveals how likely each is 1.

    Args:
        blocks: bits per pixel, the paper's data depth D: 1 to 6 there.
        width: channels of the convolutions.
    """

    base = "none"
    learning_rate = 0.0001
    secret_first = False
    hides_pictures = False

    def __init__(self, blocks: int = 6, width: int = 32) -> None:
        super().__init__()
        self.depth = blocks
        self.encoder = Dense(PICTURE, PICTURE, width, beside=blocks)
        self.decoder = Dense(PICTURE, blocks, width)
        self.critic = make_critic(width)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, (B, 3, H, W); neither clamped nor rounded.

        Args:
            cover: (B, 3, H, W) in [0, 1].
            secret: bits, 0 or 1, (B, depth, H, W).
        """
        change: Tensor = self.encoder(_centred(cover), secret)
        return cover + change.float() / 2

    def reveal(self, container: Tensor) -> Tensor:
        """Return natural log-likelihood ratios, (B, depth, H, W), positive if a bit is more likely 1 than 0."""
        logits: Tensor = self.decoder(_centred(container))
        return logits

    def penalty(self, cover: Tensor, container: Tensor) -> Tensor:
        """Return the critic's score of covers less that of containers, ().

        Its gradient trains the critic to tell containers by a higher score: the Wasserstein loss C(X) − C(E(X, M)). On
        its way into the container, the gradient is reversed, and so trains the encoder by the paper's C(E(X, M)).
        """
        opposed = 2 * container.detach() - container  # the same values
        return self._score(cover) - self._score(opposed)

    def clamp_critic(self) -> None:
        """Clamp the critic's weights to ±0.1, as the paper does after each of its steps."""
        limit = 0.1
        with torch.no_grad():
            for weight in self.critic.parameters():
                weight.clamp_(-limit, limit)

    def _score(self, pictures: Tensor) -> Tensor:
        """Return the critic's mean score of pictures, (B, 3, H, W) in [0, 1]."""
        scores: Tensor = self.critic(_centred(pictures))
        return scores.float().mean()


def _centred(pictures: Tensor) -> Tensor:
    """Return pictures in [−1, 1], as the paper has them."""
    return 2 * pictures - 1
