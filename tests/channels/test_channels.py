"""Channels of pictures with a name answer alike: which size they keep, what arrives, and their words for it."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from stegnet import ConfigError
from stegnet.channels import (
    PictureChannel,
    parse_film_channel,
    parse_picture_channel,
)
from stegnet.core.names import FILM, PICTURE
from tests.support.quality import psnr

NAMES = ("jpeg:75", "messenger", "jpeg:75+resize:0.3", "messenger+resize:0.5")


@pytest.fixture(params=NAMES)
def channel(request: pytest.FixtureRequest) -> PictureChannel:
    return parse_picture_channel(request.param)


@pytest.fixture(scope="module")
def sent(picture: Callable[..., np.ndarray]) -> np.ndarray:
    """A picture that loses little where it is reduced."""
    return np.array(Image.fromarray(picture(60, 72, 3)).resize((360, 300), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("kind, names", [
    (PICTURE, "jpeg jpeg: jpeg:29 jpeg:96 messenger:70 jpg:75 jpeg:75+twice jpeg:75+resize jpeg:75+resize:0.24"),
    (PICTURE, "jpeg:75+crop jpeg:75+crop:0.5 jpeg:75+resize:0.5+resize:0.5 jpeg:75+ +resize:0.5"),
    (FILM, "h264 h264:17 h264:29 hevc:28 vp9:33 av1:35 messenger:28 messenger+twice h264:23+twice h264:23+"),
    (FILM, "messenger+crop h264:23+veryfast h264: h265:23 app.channel"),
])  # fmt: skip
def test_what_no_entry_promises_has_no_name(kind: str, names: str) -> None:
    parse = parse_film_channel if kind == FILM else parse_picture_channel
    for name in names.split():
        with pytest.raises(ConfigError, match="no such channel is known"):
            parse(name)


@pytest.mark.parametrize("size", [(300, 360), (1201, 1599), (4000, 3000), (3, 5000)])
def test_a_size_is_kept_or_reduced_in_its_proportions(channel: PictureChannel, size: tuple[int, int]) -> None:
    """What was reduced is kept."""
    height, width = channel.kept_size(*size)
    assert channel.kept_size(height, width) == (height, width)
    assert height <= size[0] and width <= size[1]
    factor = max(height, width) / max(size)
    assert abs(height - factor * size[0]) <= 1 and abs(width - factor * size[1]) <= 1
    assert (factor < 1) == (max(size) > (1280 if channel.name.startswith("messenger") else math.inf))


def test_what_arrives_shows_what_was_sent(channel: PictureChannel, sent: np.ndarray) -> None:
    """To the pixel, enlarged again where it was reduced."""
    arrivals = list(channel.arrivals(sent))
    assert len(arrivals) == channel.count(worst_only=False)
    for pixels in arrivals:
        quality = likeness(pixels, sent)
        assert quality > 34
        for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            assert likeness(pixels, np.roll(sent, (down, across), (0, 1))) < quality
        assert pixels.dtype == np.uint8
        assert pixels.shape[0] >= math.floor((channel.factor or 1.0) * len(sent))


def likeness(pixels: np.ndarray, sent: np.ndarray) -> float:
    """PSNR in dB of what arrived, at the size of what was sent, without its edges."""
    shown = Image.fromarray(pixels).resize(sent.shape[1::-1], Image.Resampling.BICUBIC)
    return psnr(np.asarray(shown)[8:-8, 8:-8], sent[8:-8, 8:-8])


def test_it_says_what_happens_and_what_must_not(channel: PictureChannel) -> None:
    assert "JPEG" in str(channel)
    assert channel.limits.startswith("being reduced")
    assert ("reduced further" in channel.limits) == (channel.factor is not None or channel.name.startswith("messenger"))
