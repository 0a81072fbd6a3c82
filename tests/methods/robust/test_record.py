"""Robust containers on arrays: round trips through real JPEG, and what must not open."""

import random
from itertools import combinations

import numpy as np
import pytest

from stegnet import CapacityError, ConfigError
from stegnet.core.jpeg import BLOCK, through_jpeg
from stegnet.keys import Key, Passphrase
from stegnet.methods import Run
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.grid import own_grid
from stegnet.methods.robust.modem import Rung
from stegnet.methods.robust.places import SHARES
from stegnet.methods.robust.reader import grid_reader, picture_reader
from stegnet.methods.robust.record import Blocks, Reading, coded_bits, content_room, dither_of, robust_key
from stegnet.methods.robust.regions import hidden_area, robust_salts
from stegnet.methods.robust.survival import SAVED, Promise, Survivor, best_rate, choose_rung, hide_robust, information
from tests.support.modem import RUNGS, index_modem
from tests.support.quality import psnr

pytestmark = pytest.mark.slow

MODEM = index_modem()
KEY = Key(bytes(range(32)))
JPEG75, JPEG90, STRONG = RUNGS
NONCE = bytes(range(7))


def read(picture: np.ndarray, key=KEY) -> Reading | None:
    """Reads a picture that was not moved: no search, which takes seconds where nothing opens."""
    return grid_reader(MODEM, key)(picture, own_grid(*picture.shape[:2]))


@pytest.fixture(scope="module")
def cover(picture) -> np.ndarray:
    return picture(250, 333, 3)


def hide(cover: np.ndarray, content: bytes | None = None, channel: str = "jpeg:75", rung: Rung = JPEG75) -> Survivor:
    """Hides content, or as much as there is room for; with the same randomness each time, since it goes to within a
    few deviations of what comes back."""
    run, fit = Run(randomness=random.Random(0).randbytes), lambda room: b"\2" * room if content is None else content
    return hide_robust(MODEM, cover, fit, KEY, Promise(parse_channel(channel), rung), run)


def hidden(cover: np.ndarray, content: bytes, key=KEY, rate: int = 20) -> np.ndarray:
    """A container of content that was not tried on any channel."""
    salt, shape = next(robust_salts(cover)), (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK)
    blocks, container = Blocks(shape, JPEG75, robust_key(key, salt), salt), cover.copy()
    bits = coded_bits(blocks, rate, content, NONCE) * 2.0 - 1
    dither = dither_of(shape, blocks.key, salt)
    hidden_area(container)[:] = MODEM.hide(hidden_area(cover), bits, dither, places=JPEG75.places)
    return container


def changed(cover: np.ndarray, container: np.ndarray) -> np.ndarray:
    """Blocks that changed, (31, 41)."""
    return (hidden_area(container) != hidden_area(cover)).reshape(31, 8, 41, 24).any((1, 3))


@pytest.fixture(scope="module")
def full(cover) -> Survivor:
    return hide(cover)


def test_it_comes_back_from_the_promised_quality_and_all_above(cover, full):
    """And from messengers, which save twice."""
    for quality in (*range(75, 96, 4), 100):
        for picture in (full.picture, through_jpeg(full.picture, 95)):
            reading = read(through_jpeg(picture, quality))
            assert reading.content == b"\2" * full.room
            assert reading.rung == JPEG75
    assert psnr(cover, full.picture) > 40
    for rung in (JPEG75, STRONG):
        found = hide(cover, channel="messenger", rung=rung)
        twice = through_jpeg(through_jpeg(through_jpeg(found.picture, 95), 77), 72)
        assert read(twice).content == b"\2" * found.room


def test_each_picture_that_may_arrive_is_counted(cover):
    for name in ("jpeg:75", "jpeg:95", "messenger", "jpeg:75+crop", "jpeg:75+resize:0.5"):
        channel = parse_channel(name)
        for few in (True, False):
            received = channel.received(cover, channel.grid(*cover.shape[:2]), SAVED, few)
            assert channel.arrivals(few) == sum(1 for _ in received)
    channel, seen = parse_channel("jpeg:75"), []
    run = Run(randomness=random.Random(0).randbytes, progress=lambda *step: seen.append(step))
    hide_robust(MODEM, cover, lambda room: b"\2" * 20, KEY, Promise(channel, JPEG75), run)
    total = channel.arrivals()
    assert [step for step in dict.fromkeys(seen) if step[0] == "check"] == [("check", n, total) for n in range(total)]


def test_short_content_gets_a_more_robust_rate_and_few_blocks(cover, full):
    short = hide(cover, bytes(10))
    assert short.room < full.room
    survived = [
        sum(read(through_jpeg(each.picture, quality)) is not None for quality in range(50, 75, 4))
        for each in (full, short)
    ]
    assert survived[0] < survived[1]
    assert changed(cover, full.picture).mean() > 0.9
    assert changed(cover, short.picture).mean() < 0.5
    assert psnr(cover, short.picture) > psnr(cover, full.picture) + 2.5


def test_few_blocks_are_where_there_is_texture():
    """Through codecs, too; where it is the same all over, they are anywhere, and what they hide comes back."""
    y, x = np.mgrid[:250, :333]
    smooth = np.stack([120 + 40 * np.sin(x / 40 + plane) + 30 * np.cos(y / 30) for plane in range(3)], -1)
    noise = np.random.default_rng(0).integers(-20, 21, (250, 333, 1))
    partly, even = (smooth + noise * (x < side)[..., None] for side in (96, 333))  # of 12 of 41 columns of blocks
    for levels, least, most in ((partly, 0.6, 1), (even, 0.2, 0.4)):
        before = levels.astype(np.uint8)
        after = hide(before, b"\2").picture
        where = changed(before, after).mean(0)
        assert least < where[:12].sum() / where.sum() < most
        assert where.mean() < 0.5
        assert read(through_jpeg(after, 75)).content.startswith(b"\2")


def test_small_pictures(picture):
    """Outside of whole blocks nothing changes."""
    for height, width in ((8, 8), (64, 64), (7, 400), (110, 113)):
        cover = picture(height, width, 1)
        if content_room(height // 8 * (width // 8), JPEG75, 20) < 1:
            with pytest.raises(CapacityError, match="survives JPEG 75"):
                hide(cover)
        else:
            found = hide(cover, b"\2").picture
            assert read(through_jpeg(found, 75)).content.startswith(b"\2")
            assert np.array_equal(found[height // 8 * 8 :], cover[height // 8 * 8 :])
            assert np.array_equal(found[:, width // 8 * 8 :], cover[:, width // 8 * 8 :])
            assert not np.array_equal(found, cover)


def test_large_pictures_take_part_of_the_search(picture):
    """The rate of a large picture is found by squares of it, and what it hides comes back as from any other."""
    cover = np.tile(picture(250, 333, 3), (7, 5, 1))
    assert cover[..., 0].size > 1 << 21
    found = hide(cover)
    assert read(through_jpeg(found.picture, 75)).content == b"\2" * found.room
    assert found.room > 6000


@pytest.mark.parametrize("length", [10, 0])
def test_a_container_that_does_not_come_back_is_made_again(cover, monkeypatch, length):
    """What fills the room at a lower rate, what is short perhaps in more blocks instead."""
    rates = []

    def failing_at_first(picture: np.ndarray, grid: object) -> Reading | None:
        reading = read(picture)
        rates.append(reading.rate)
        return reading if len(rates) > 1 else None

    monkeypatch.setattr("stegnet.methods.robust.survival.grid_reader", lambda modem, key, lost: failing_at_first)
    found = hide(cover, bytes(length) or None)
    assert length or rates[1] < rates[0]
    assert set(rates[1:]) == {rates[1]}
    shares = [share for share in range(SHARES) if found.room == content_room(31 * 41, JPEG75, rates[1], share)]
    assert found.room >= length
    assert (shares[0] > 0) == bool(length)


def test_what_does_not_open(cover, quick_scrypt):
    """But a damaged part is corrected."""
    container = hidden(cover, b"\2" * 20)
    assert picture_reader(MODEM, KEY)(container).content.startswith(b"\2" * 20)
    assert picture_reader(MODEM, Key(bytes(32)))(container) is None
    assert picture_reader(MODEM, KEY)(container[:7]) is None
    for other in (cover, through_jpeg(container, 20), container[:, 12:], np.zeros_like(container)):
        assert read(other) is None
    container = hidden(cover, b"\2" * 20, rate=16)
    container[80:120, 100:160] = 128
    assert read(container).content.startswith(b"\2" * 20)
    phrase = Passphrase("six words")
    container = through_jpeg(hidden(cover, b"\2" * 20, phrase), 80)
    assert read(container, phrase).content.startswith(b"\2" * 20)
    assert read(container, Passphrase("seven words")) is None


def test_the_same_content_is_never_hidden_alike(cover):
    """Neither bits nor used blocks: by chance, these may be nearly the same in two of sixteen hidings.

    Nor do the bits say that zeros are hidden.
    """
    uniform = coded_bits(Blocks((31, 41), JPEG90, KEY, next(robust_salts(cover))), 40, b"", NONCE)
    assert abs(uniform.mean((0, 1)) - 0.5).max() < 0.05
    promise = Promise(parse_channel("jpeg:90"), JPEG90)
    some = [hide_robust(MODEM, cover, lambda room: b"\2", KEY, promise).picture for _ in range(16)]
    dither = dither_of((31, 41), KEY, next(robust_salts(cover)))
    bits = [MODEM.reveal(hidden_area(each), dither)[..., JPEG90.places] > 0 for each in some]
    moved = [changed(cover, each) for each in some]
    for first, second in combinations(range(16), 2):
        both = moved[first] & moved[second]
        assert 0.33 < (bits[first] != bits[second])[both].mean() < 0.67
    apart = [(one != other).sum() / (one | other).sum() for one, other in combinations(moved, 2)]
    assert max(apart) > 0.25


def test_channels_and_rungs(picture):
    for name, decibels, rung in (("jpeg:75", 38, JPEG75), ("jpeg:92", 38, JPEG90), ("jpeg:75", 32, STRONG)):
        assert choose_rung(RUNGS, parse_channel(name), decibels) == rung
    with pytest.raises(CapacityError, match="do not survive JPEG 60 and better at 38 dB"):
        choose_rung(RUNGS, parse_channel("jpeg:60"), 38)
    for name in ("jpeg", "jpeg:", "jpeg:20", "jpeg:96", "jpeg:075:", "webp"):
        with pytest.raises(ConfigError, match="unknown channel"):
            parse_channel(name)
    messenger = parse_channel("messenger")
    assert messenger.prepare(picture(40, 1601)).shape == messenger.prepare(picture(40, 1600)).shape == (40, 1600, 3)
    assert parse_channel("jpeg:75").prepare(picture(40, 1601)).shape == (40, 1601, 3)


def test_the_best_rate_follows_the_channel(cover):
    assert information(np.zeros(10)) == pytest.approx(0)
    assert information(np.full(10, 40.0)) == pytest.approx(1)
    assert information(np.full(10, np.log(3))) == pytest.approx(1 - np.log2(4 / 3))
    promises = (Promise(parse_channel(name), JPEG75) for name in ("jpeg:70", "jpeg:90"))
    harsh, mild = (best_rate(MODEM, hidden_area(cover), promise) for promise in promises)
    assert harsh < mild <= 58
