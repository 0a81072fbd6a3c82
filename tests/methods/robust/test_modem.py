"""The modem in the package, as hiding uses it: its rungs, its engines, and pictures through JPEG at full size."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet import WeightsError
from stegnet.core.card import SHIPPED, SHIPPED_MODEM
from stegnet.core.jpeg import BLOCK, DITHER, through_jpeg
from stegnet.keys import Key
from stegnet.media import resize
from stegnet.methods import Run
from stegnet.methods.robust import (
    SAVED,
    Modem,
    Promise,
    Rung,
    best_rung,
    choose_rung,
    hide_robust,
    parse_channel,
    read_rungs,
)
from stegnet.methods.robust.grid import own_grid
from stegnet.methods.robust.reader import grid_reader, picture_reader
from tests.support.modem import index_modem
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
NAMES = ["jpeg:50", "jpeg:75", "jpeg:90", "jpeg:95"]


@pytest.fixture(scope="module")
def modem() -> Modem:
    return Modem.load(device="cpu")


def test_rungs_follow_each_other():
    """And every named channel has its rung."""
    rungs = read_rungs(SHIPPED_MODEM)
    assert [rung.first for rung in rungs] == [sum(rung.bits for rung in rungs[:index]) for index in range(len(rungs))]
    for rung in rungs:
        assert 0 < rung.bits <= DITHER
        assert 0 < rung.lowest <= rung.highest <= 100
        assert rung.places == slice(rung.first, rung.first + rung.bits)
    assert Rung("jpeg-75", 0, 2, 38.0, 70, 85).channel == "jpeg:75"
    for name in NAMES:
        assert choose_rung(rungs, parse_channel(name), 38).channel == name
    assert choose_rung(rungs, parse_channel("messenger"), 38).channel == "jpeg:50"
    for path, message in ((SHIPPED, "hide no bits in pictures"), (Path("none"), "no such weights")):
        with pytest.raises(WeightsError, match=message):
            read_rungs(path)


@pytest.mark.parametrize("name", ["jpeg:50", "jpeg:95"])
def test_the_shipped_modem_through_real_jpeg(modem, picture, name):
    cover, channel = picture(128, 200, 4), parse_channel(name)
    promise = Promise(channel, choose_rung(modem.rungs, channel, 38))
    found = hide_robust(modem, cover, lambda room: b"\2" * room, KEY, promise)
    assert psnr(cover, found.picture) == pytest.approx(38, abs=1.5)
    for quality in (channel.quality, min(channel.quality + 6, 100)):
        shared = through_jpeg(through_jpeg(found.picture, 95), quality)
        assert picture_reader(modem, KEY)(shared).content == b"\2" * found.room
        assert grid_reader(modem, OTHER)(shared, own_grid(128, 200)) is None


def test_without_the_dither_bits_of_a_rung_are_not_read(modem, picture):
    draw, rung = np.random.default_rng(0), choose_rung(modem.rungs, parse_channel("jpeg:75"), 38)
    bits = np.zeros((16, 25, modem.bits), np.float32)
    bits[..., rung.places] = sent = draw.integers(0, 2, (16, 25, rung.bits)) * 2.0 - 1
    dither, other = (draw.random((16, 25, DITHER), np.float32) for _ in range(2))
    container = modem.hide(picture(128, 200, 4), bits, dither)
    right = [((modem.reveal(container, each)[..., rung.places] > 0) == (sent > 0)).mean() for each in (dither, other)]
    assert right[0] > 0.95
    assert right[1] == pytest.approx(0.5, abs=0.03)


def test_parts_are_computed_alike(modem, picture):
    """Tiles of whole blocks, with an engine by which every block is computed alone; and some blocks alone."""
    index, draw, cover = index_modem(), np.random.default_rng(0), picture(64, 2056, 1)
    bits = draw.integers(0, 2, (8, 257, index.bits)).astype(np.float32) * 2 - 1
    dither = draw.random((8, 257, DITHER), np.float32)
    container = index.hide(cover, bits, dither)
    right = index.hide(cover[:, -BLOCK * 20 :].copy(), bits[:, -20:], dither[:, -20:])
    assert np.array_equal(container[:, -BLOCK * 20 :], right)
    assert ((index.reveal(container, dither) > 0) == (bits > 0)).all()
    container, dither = picture(160, 400, 4), draw.random((20, 50, DITHER), np.float32)
    chosen = np.array([51, 77, 948])
    expected = modem.reveal(container, dither).reshape(1000, -1)[chosen]
    assert modem.local
    np.testing.assert_allclose(modem.reveal_blocks(container, dither, chosen), expected, atol=1e-3)


def test_a_resized_copy(modem, picture):
    """Reduced, saved and enlarged again, by programs that hiding does not simulate."""
    cover, channel = picture(480, 640, 4), parse_channel("jpeg:75+resize:0.6")
    promise = Promise(channel, best_rung(modem, cover, channel, 38, SAVED))
    run = Run(randomness=random.Random(0).randbytes)  # of some draws, this cover has just too little room
    found = hide_robust(modem, cover, lambda room: b"\2" * 40, KEY, promise, run)
    assert psnr(cover, found.picture) > 37
    sent, read = through_jpeg(found.picture, 95), picture_reader(modem, KEY)
    small = np.array(Image.fromarray(sent).resize((384, 288), Image.Resampling.HAMMING))
    middle = np.array(Image.fromarray(sent).resize((523, 392), Image.Resampling.BICUBIC))
    shared = [through_jpeg(small, 75), through_jpeg(middle, 80), resize(through_jpeg(small, 80), 600, 800)]
    assert [read(each).content[:40] for each in shared] == [b"\2" * 40] * 3


def test_headers_of_large_pictures_are_read_from_some_blocks(modem, picture, monkeypatch):
    cover, channel = np.tile(picture(400, 520, 4), (2, 3, 1)), parse_channel("jpeg:75")
    promise = Promise(channel, choose_rung(modem.rungs, channel, 38))
    shared = through_jpeg(hide_robust(modem, cover, lambda room: b"\2" * room, KEY, promise).picture, 80)
    whole, reveal = [], Modem.reveal

    def counted(self, container, *rest, **more):
        whole.append(container.shape == (800, 1560, 3))
        return reveal(self, container, *rest, **more)

    monkeypatch.setattr(Modem, "reveal", counted)
    for key, opens in ((KEY, True), (OTHER, False)):
        found = grid_reader(modem, key)(shared, own_grid(800, 1560))
        assert (found is not None and found.content.startswith(b"\2\2")) == opens
        assert sum(whole) == 1
