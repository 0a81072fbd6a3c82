"""Channels of pictures, named and known, answer alike: which size they keep, what arrives, and their words for it."""

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import ConfigError, MediaError
from stegnet.channels import (
    FILM_CHANNELS,
    PICTURE_CHANNELS,
    REACH,
    Channel,
    Crop,
    FilmChannel,
    KnownChannel,
    PictureChannel,
    open_channel,
)
from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.core.names import FILM, PICTURE
from tests.support.quality import psnr

QUALITY = 72
NAMES = ("jpeg:75", "messenger", "jpeg:80+crop", "jpeg:75+crop:0.5", "jpeg:75+resize:0.5", "jpeg:75+crop+resize:0.3")


def saved(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a channel that reduces to 400 pixels, and saves with libjpeg's tables."""
    form = JpegForm.of(jpeg_of(saved(np.zeros((16, 16, 3), np.uint8)), "a.jpg"))
    sent = (800, 600), (600, 800), (600, 600), (1201, 1599), (1599, 1201)
    arrived = (400, 300), (300, 400), (400, 400), (300, 400), (400, 300)
    sizes = tuple(zip(sent, arrived, strict=True))
    known = KnownChannel(form, "islow", False, False, True, 0.0, (0.0,) * 4, False, False, False, 3, sizes)
    path = tmp_path_factory.mktemp("channels") / "app.channel"
    path.write_text(known.text(), encoding="utf-8")
    return path


@pytest.fixture(params=[*NAMES, "app.channel"])
def channel(request: pytest.FixtureRequest, file: Path) -> Channel:
    name: str = request.param
    found = open_channel(file if name == file.name else name)
    assert isinstance(found, PictureChannel | KnownChannel)
    return found


@pytest.fixture(scope="module")
def sent(picture: Callable[..., np.ndarray]) -> np.ndarray:
    """A picture that loses little where it is reduced."""
    return np.array(Image.fromarray(picture(60, 72, 3)).resize((360, 300), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("kind, names", [
    (PICTURE, "jpeg jpeg: jpeg:29 jpeg:96 messenger:70 jpg:75 jpeg:75+twice jpeg:75+resize jpeg:75+resize:0.24"),
    (PICTURE, "jpeg:75+crop:1 jpeg:75+crop:0.2 jpeg:75+crop:0.5+resize:0.5 jpeg:75+ +crop"),
    (FILM, "h264 h264:17 h264:29 hevc:31 vp9:26 av1:40 messenger:28 messenger+twice h264:23+twice+veryfast h264:23+"),
    (FILM, "messenger+crop vp9:33+veryfast h264:"),
])  # fmt: skip
def test_what_no_entry_promises_has_no_name(kind: str, names: str) -> None:
    for name in names.split():
        with pytest.raises(ConfigError, match="no such channel is known"):
            open_channel(name, kind)


@pytest.mark.parametrize("size", [(300, 360), (1201, 1599), (4000, 3000), (3, 5000)])
def test_a_size_is_kept_or_reduced_in_its_proportions(channel: Channel, size: tuple[int, int]) -> None:
    """What was reduced is kept."""
    height, width = channel.kept_size(*size)
    assert channel.kept_size(height, width) == (height, width)
    assert height <= size[0] and width <= size[1]
    factor = max(height, width) / max(size)
    assert abs(height - factor * size[0]) <= 1 and abs(width - factor * size[1]) <= 1
    assert (factor < 1) == (max(size) > {"app": 400, "mes": 1600}.get(_kind(channel), math.inf))


def test_what_arrives_shows_what_was_sent(channel: Channel, sent: np.ndarray) -> None:
    """Less what was cropped, to the pixel, enlarged again where it was reduced."""
    arrivals = list(channel.arrivals(sent))
    assert arrivals
    for pixels, crop in arrivals:
        quality = likeness(pixels, sent, crop)
        assert quality > 34
        for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            moved = Crop(crop.top + down, crop.left + across, crop.bottom - down, crop.right - across)
            assert likeness(pixels, sent, moved) < quality
        assert pixels.dtype == np.uint8
        assert max(map(abs, crop)) <= REACH
        assert pixels.shape[0] >= math.floor(_factor(channel) * (len(sent) - crop.top - crop.bottom))


def likeness(pixels: np.ndarray, sent: np.ndarray, crop: Crop) -> float:
    """PSNR in dB of what arrived, against what was sent without what was cropped; edges are repeated."""
    height, width = sent.shape[:2]
    rows = np.arange(crop.top, height - crop.bottom).clip(0, height - 1)
    columns = np.arange(crop.left, width - crop.right).clip(0, width - 1)
    shown = Image.fromarray(pixels).resize((len(columns), len(rows)), Image.Resampling.BICUBIC)
    return psnr(np.asarray(shown), sent[np.ix_(rows, columns)])


def test_it_says_what_happens_and_what_must_not(channel: Channel) -> None:
    assert "JPEG" in str(channel) or f"quality {QUALITY}" in str(channel)
    assert channel.limits.startswith("being reduced")
    assert ("reduced further" in channel.limits) == (_factor(channel) < 1 or _kind(channel) in ("app", "mes"))


def test_what_arrives_through_a_known_channel_is_what_libjpeg_saves(file: Path, sent: np.ndarray) -> None:
    channel = open_channel(str(file))
    assert isinstance(channel, KnownChannel)
    ((pixels, crop),) = channel.arrivals(sent)
    assert crop == Crop(0, 0, 0, 0)
    with Image.open(io.BytesIO(saved(sent))) as image:
        np.testing.assert_array_equal(pixels, np.asarray(image))


def test_names_are_those_of_the_table_for_a_kind_of_cover(file: Path) -> None:
    """What is unknown names the known ones; the file of a channel is for pictures."""
    assert isinstance(open_channel("h264:23+twice", FILM), FilmChannel)
    for name, kind, known in (("jpg:75", PICTURE, PICTURE_CHANNELS), ("h265:23", FILM, FILM_CHANNELS)):
        with pytest.raises(ConfigError, match="no such channel is known") as error:
            open_channel(name, kind)
        assert all(known_name in str(error.value.hint) for known_name in known)
    with pytest.raises(ConfigError, match="is for films, and the cover is a picture"):
        open_channel("h264:23")
    with pytest.raises(ConfigError, match="no such channel is known"):
        open_channel(file, FILM)
    with pytest.raises(MediaError):
        open_channel(file.with_name("missing.channel"))


def _kind(channel: Channel) -> str:
    return channel.name[:3] if isinstance(channel, PictureChannel) else "app"


def _factor(channel: Channel) -> float:
    return channel.factor or 1.0 if isinstance(channel, PictureChannel) else 1.0
