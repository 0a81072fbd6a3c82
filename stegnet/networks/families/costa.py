"""Dirty-paper coding between two networks: the container's samples are read modulo a period, so no cover interferes.

After Costa 1983 ("Writing on dirty paper", IEEE Trans. Inf. Theory 29) and its scalar form (Eggers, Bäuml, Tzschoppe,
Girod 2003, "Scalar Costa scheme for information embedding", IEEE Trans. Signal Process. 51): an encoder maps the hidden
signal to a phase in each sample, and the sample is moved most of the way to the nearest value of that phase. A decoder
reads the hidden signal from the phases, as the sum of a sine series and a network that sees neighbouring phases.
Encoder and decoder are learnt, as are the period and the share of the way; Costa's come from a code book.

A uniform mask, as large as the picture, may be added to the cover before hiding and subtracted from the container
before revealing. The change of each sample is then independent of the secret: without the mask nothing can be read.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from stegnet.core.compute import full_precision
from stegnet.core.errors import ConfigError
from stegnet.core.pixels import CODED
from stegnet.networks.layers import BANDS, NONE, Haar, Refiner, Subnet, fraction, mix
from stegnet.networks.pair import Pair, chosen_places, register

# Initial coefficients of the series, near the mean of what was hidden for each phase of noisy samples.
SINES = (0.12, -0.01, 0.0, 0.0, 0.0)


@register
class Costa(Pair):
    """An encoder and a decoder of phases, and two networks that see the whole picture.

    One enhances the base, on both sides; the other restores the secret from base and residual, which it sees
    separately: their sum would hide where the base is wrong.

    Args:
        blocks: convolutions of the decoder.
        width: channels of its convolutions; all other convolutions are half as wide.
        ends: convolutions of the networks that enhance and restore, after the backbone, or one more without one; 0: no
            such networks.
        backbone: name of a timm model whose first stage they begin with, or "none".
        place: which of the two exist: "base", "secret", or both joined by "+".
        pretrained: the backbones start from timm's weights.

    Raises:
        ConfigError: there is no such place or backbone, or `blocks` is 1.
    """

    periodic = True
    base = CODED
    rate = 0.005
    container_weight = 1.0
    small: ClassVar = {"width": 6, "ends": 2, "backbone": "test_convnext"}

    def __init__(
        self,
        blocks: int = 3,
        width: int = 32,
        ends: int = 1,
        backbone: str = "mobilenetv4_conv_small",
        place: str = "base+secret",
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if blocks == 1:
            raise ConfigError(
                "must be 2 or more, is 1", "one convolution can't be non-linear", parameter="model.blocks"
            )
        initial_period = 4.8  # levels
        initial_way = 0.85  # share of the way to the nearest value of a phase
        initial_slope = 5.0  # phase of a hidden sample, in periods
        # Largest phase, in periods. Most of the signal then comes near one of two phases that are as far apart as
        # possible, which noise seldom confuses, and the rest lies in between: 0.6 dB better than an even spread.
        initial_limit = 0.28
        self.log_period = nn.Parameter(torch.tensor(math.log(initial_period)))
        self.way_logit = nn.Parameter(torch.tensor(math.log(initial_way / (1 - initial_way))))
        self.limit = nn.Parameter(torch.tensor(initial_limit))
        self.sines = nn.Parameter(torch.tensor(SINES))
        self.slope = nn.Parameter(initial_slope * torch.eye(BANDS))
        self.scale = nn.Parameter(torch.eye(BANDS))

        phase_features = 3 * BANDS  # cosine, sine and series
        self.haar = Haar()
        self.encoder = Subnet(BANDS, BANDS, max(1, width // 2), depth=2)
        self.decoder = Subnet(phase_features, BANDS, width, blocks)

        # The networks that see whole pictures: their places, and the channels that they see.
        seen_channels = {"base": BANDS, "secret": 2 * BANDS}
        places = chosen_places(place, seen_channels) if ends else set()
        depth = ends + (backbone == NONE)
        self.enhancer, self.restorer = (
            Refiner(channels, max(1, width // 2), depth, backbone, pretrained) if name in places else None
            for name, channels in seen_channels.items()
        )

    def period(self) -> Tensor:
        """Return the learnt period, () float32 in [0, 1]."""
        return self.log_period.exp() / 255

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """Return the container, whose samples moved towards the nearest value with the secret's phase."""
        bands = self.haar(secret)
        phase: Tensor = self.haar.inverse(mix(self.slope, bands) + self.encoder(bands))
        with full_precision(cover.device):
            period = self.period()
            cover = cover.float()
            away = fraction(_compress(phase.float(), self.limit) - cover / period.detach())  # in periods
            container: Tensor = cover + self.way_logit.sigmoid() * period * away
            return container

    def reveal(self, container: Tensor) -> Tensor:
        with full_precision(container.device):
            phase = 2 * math.pi * fraction(container.float() / self.period().detach())
            sine = phase.sin()
            cosine = phase.cos()
            bands = self.haar(sine * _factor(self.sines, 2 * cosine))
            features = torch.cat([self.haar(cosine), self.haar(sine), bands / SINES[0]], dim=1)
        return self.haar.inverse(mix(self.scale, bands) + self.decoder(features))

    def enhance(self, base: Tensor) -> Tensor:
        """Return the base with the correction of its network, if the pair has one."""
        return base if self.enhancer is None else base + self.haar.inverse(self.enhancer(self._seen(base)))

    def restore(self, base: Tensor, residual: Tensor) -> Tensor:
        """Return the sum of base and residual with the correction of its network, if the pair has one."""
        residual_scale = 100
        picture = base + residual
        if self.restorer is None:
            return picture
        seen = torch.cat([self._seen(base), residual_scale * self.haar(residual)], dim=1)
        return picture + self.haar.inverse(self.restorer(seen))

    def _seen(self, picture: Tensor) -> Tensor:
        """Return Haar bands of a picture, scaled to about 1."""
        # Factors of the networks' inputs, so that these are all about 1.
        picture_scale = 4  # so that bands are about 1
        bands: Tensor = self.haar(picture - 0.5)
        return picture_scale * bands


def _factor(sines: Tensor, doubled_cosine: Tensor) -> Tensor:
    """Return a sine series, Σₖ sines[k − 1] · sin kφ, divided by sin φ, from 2 cos φ.

    It is computed by recurrence (Clenshaw 1955, "A note on the summation of Chebyshev series", Math. Comp. 9), since
    two functions take less time than six.
    """
    terms = sines.unbind()
    beyond: Tensor = terms[-1]
    later: Tensor = terms[-2] + doubled_cosine * terms[-1]
    for sine in terms[-3::-1]:
        beyond, later = later, sine + doubled_cosine * later - beyond
    return later


def _compress(phase: Tensor, limit: Tensor) -> Tensor:
    """Compress any phase into -limit to limit. Strong signals are compressed more, as in a compander."""
    compressed: Tensor = limit * phase.sign() * (1 - (-phase.abs() / limit).exp())
    return compressed
