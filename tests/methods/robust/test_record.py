"""Robust containers on arrays: round trips through real JPEG, and what must not open."""

import random
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import CapacityError, ConfigError
from stegnet.core.jpeg import BLOCK, through_jpeg
from stegnet.core.measures import psnr
from stegnet.core.samples import from_8_bits, to_8_bits
from stegnet.keys import Key, Passphrase
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.modem import Rung
from stegnet.methods.robust.reader import reader
from stegnet.methods.robust.record import (
    Reading,
    coded_bits,
    content_room,
    dither_of,
    hidden_area,
    robust_key,
    robust_salts,
)
from stegnet.methods.robust.survival import Survivor, best_rate, choose_rung, hide_robust, information
from stegnet.record import Container
from tests.support.modem import RUNGS, index_modem

MODEM = index_modem()
KEY = Key(bytes(range(32)))
JPEG75, JPEG90, STRONG = RUNGS
NONCE = bytes(range(7))


@pytest.fixture(name="cover")
def textured_cover(picture) -> np.ndarray:
    return picture(250, 333, 3)


def hide_seeded(*given: object, seed: int = 0, **more: object) -> Survivor:
    """As `hide_robust`, with the same randomness each time: it goes to within a few deviations of what comes back."""
    return hide_robust(*given, randomness=random.Random(seed).randbytes, **more)


def hidden(cover: np.ndarray, content: bytes, rung: Rung = JPEG75, rate: int = 20, key=KEY, share=0) -> np.ndarray:
    """A container of content that was not tried on any channel."""
    salt = next(robust_salts(cover))
    shape = cover.shape[0] // BLOCK, cover.shape[1] // BLOCK
    bits = coded_bits(shape, rung, rate, content, robust_key(key, salt), salt, NONCE, share) * 2.0 - 1
    container = cover.copy()
    dither = dither_of(shape, robust_key(key, salt), salt)
    hidden_area(container)[:] = MODEM.hide(hidden_area(cover), bits, dither, places=rung.places)
    return container


def test_hiding_shows_what_it_does(cover):
    """Each picture that may arrive is counted."""
    channel, seen = parse_channel("jpeg:75"), []
    hide_seeded(
        MODEM, cover, lambda room: b"\2" * 20, KEY, channel, JPEG75, 95, progress=lambda *step: seen.append(step)
    )
    total = channel.arrivals()
    assert [step for step in dict.fromkeys(seen) if step[0] == "check"] == [("check", n, total) for n in range(total)]
    assert list(dict.fromkeys(phase for phase, *_ in seen)) == ["try", "check"]


@pytest.mark.parametrize("name", ["jpeg:75", "jpeg:95", "messenger", "jpeg:75+crop", "jpeg:75+resize:0.5"])
@pytest.mark.parametrize("few", [True, False])
def test_the_number_of_pictures_that_may_arrive(cover, name, few):
    channel = parse_channel(name)
    received = channel.received(cover, channel.grid(*cover.shape[:2]), 95, few)
    assert channel.arrivals(few) == sum(1 for _ in received)


def test_blocks_that_are_not_needed_stay_as_they_are(cover):
    channel = parse_channel("jpeg:75")
    long, short = (
        hide_seeded(MODEM, cover, lambda room, few=few: bytes(few or room), KEY, channel, JPEG75).picture
        for few in (0, 20)
    )
    changed = [
        (hidden_area(each) != hidden_area(cover)).reshape(31, 8, 41, 24).any((1, 3)).mean() for each in (long, short)
    ]
    assert changed[0] > 0.9
    assert changed[1] < 0.5
    assert psnr(cover, short) > psnr(cover, long) + 2.5


@pytest.mark.parametrize("quality", [*range(75, 96, 2), 100])
def test_it_comes_back_from_the_promised_quality_and_all_above(cover, quality):
    channel = parse_channel("jpeg:75")
    found = hide_seeded(MODEM, cover, lambda room: b"\2" * room, KEY, channel, JPEG75)
    for picture in (found.picture, through_jpeg(found.picture, 95)):
        reading = reader(MODEM, KEY)(through_jpeg(picture, quality))
        assert reading.content == b"\2" * found.room
        assert reading.rung == JPEG75
    assert psnr(cover, found.picture) > 40


@pytest.mark.parametrize("rung", [JPEG75, STRONG])
def test_messengers_twice(cover, rung):
    channel = parse_channel("messenger")
    found = hide_seeded(MODEM, cover, lambda room: b"\2" * room, KEY, channel, rung)
    twice = through_jpeg(through_jpeg(through_jpeg(found.picture, 95), 77), 72)
    assert reader(MODEM, KEY)(twice).content == b"\2" * found.room


def test_messengers_reduce_large_pictures(picture):
    channel = parse_channel("messenger")
    assert channel.prepare(picture(40, 1601)).shape == (40, 1600, 3)
    assert channel.prepare(picture(40, 1600)).shape == (40, 1600, 3)
    assert parse_channel("jpeg:75").prepare(picture(40, 1601)).shape == (40, 1601, 3)


def test_short_content_gets_a_more_robust_rate(cover):
    channel = parse_channel("jpeg:75")
    long, short = (
        hide_seeded(MODEM, cover, lambda room, few=few: bytes(few or room), KEY, channel, JPEG75) for few in (0, 10)
    )
    assert short.room < long.room
    read = reader(MODEM, KEY)
    survived = [
        sum(read(through_jpeg(each.picture, quality)) is not None for quality in range(50, 75, 3))
        for each in (long, short)
    ]
    assert survived[0] < survived[1]


@pytest.mark.parametrize("length", [10, 0])
def test_a_container_that_does_not_come_back_is_made_again(cover, monkeypatch, length):
    """What is short is hidden at the same rate again, what fills the room at a lower one."""
    read, rates = reader(MODEM, KEY), []

    def failing_at_first(picture: np.ndarray, grid: object) -> Reading | None:
        reading = read(picture)
        rates.append(reading.rate)
        return reading if len(rates) > 1 else None

    monkeypatch.setattr("stegnet.methods.robust.survival.grid_reader", lambda modem, key: failing_at_first)
    found = hide_seeded(MODEM, cover, lambda room: bytes(length or room), KEY, parse_channel("jpeg:75"), JPEG75)
    assert (rates[1] == rates[0]) == bool(length)
    assert set(rates[1:]) == {rates[1]}
    assert found.room == content_room(31 * 41, JPEG75, rates[1], share=2 if length else 0)


def test_what_does_not_open(cover):
    container = hidden(cover, b"\2" * 20)
    assert reader(MODEM, KEY)(container).content.startswith(b"\2" * 20)
    assert reader(MODEM, Key(bytes(32)))(container) is None
    assert reader(MODEM, KEY)(cover) is None
    assert reader(MODEM, KEY)(through_jpeg(container, 20)) is None
    assert reader(MODEM, KEY)(container[:, 12:]) is None
    assert reader(MODEM, KEY)(container[:7]) is None
    assert reader(MODEM, KEY)(np.zeros_like(container)) is None


def test_a_damaged_part_is_corrected(cover):
    container = hidden(cover, b"\2" * 20, rate=16)
    container[80:120, 100:160] = 128
    assert reader(MODEM, KEY)(container).content.startswith(b"\2" * 20)


def test_passphrases(cover):
    source = Passphrase("six words")
    container = through_jpeg(hidden(cover, b"\2" * 20, key=source), 80)
    assert reader(MODEM, source)(container).content.startswith(b"\2" * 20)
    assert reader(MODEM, Passphrase("seven words"))(container) is None


def grey(values: np.ndarray) -> np.ndarray:
    """A picture of 64×64 whose 4×4 regions have these mean levels."""
    picture = np.repeat(np.repeat(np.floor(values), 16, 0), 16, 1)
    picture += (np.arange(64)[:, None] % 16 < 16 * (values % 1).repeat(16, 0).repeat(16, 1)).astype(float)
    return np.repeat(picture[..., None], 3, 2).astype(np.uint8)


@pytest.mark.parametrize(
    ("mean", "expected"), [(64, 2), (64.5, 2), (64.75, 1), (72, 1), (79, 1), (79.5, 2), (0, 1), (255, 1)]
)
def test_salts_of_a_mean_near_an_edge(mean, expected):
    values = np.full((4, 4), 100.0)
    values[1, 2] = mean
    assert len(set(robust_salts(grey(values)))) == expected


def test_a_shift_over_an_edge_is_found():
    below, above = np.full((4, 4), 100.0), np.full((4, 4), 100.0)
    below[0, 0], above[0, 0] = 79.75, 80
    first, second = (list(robust_salts(grey(values))) for values in (below, above))
    assert first == second[::-1]


def test_at_most_eight_salts_the_nearest_first():
    values = 80 + np.arange(16).reshape(4, 4) / 32
    salts = list(robust_salts(grey(np.round(values * 16) / 16)))
    assert len(salts) == len(set(salts)) == 8


def test_different_pictures_have_different_salts():
    random = np.random.default_rng(0)
    salts = {next(robust_salts(grey(random.integers(0, 255, (4, 4)).astype(float)))) for _ in range(40)}
    assert len(salts) == 40


@pytest.mark.parametrize(("height", "width"), [(8, 8), (64, 64), (7, 400), (110, 113)])
def test_small_pictures(picture, height, width):
    cover = picture(height, width, 1)
    channel = parse_channel("jpeg:75")
    room = content_room(height // 8 * (width // 8), JPEG75, 20)
    if room < 1:
        with pytest.raises(CapacityError, match="survives JPEG 75"):
            hide_seeded(MODEM, cover, lambda room: b"\2" * room, KEY, channel, JPEG75)
    else:
        found = hide_seeded(MODEM, cover, lambda room: b"\2", KEY, channel, JPEG75)
        assert reader(MODEM, KEY)(through_jpeg(found.picture, 75)).content.startswith(b"\2")


def test_outside_of_the_blocks_nothing_changes(picture):
    cover = picture(133, 251, 2)
    found = hide_seeded(MODEM, cover, lambda room: b"\2", KEY, parse_channel("jpeg:75"), JPEG75)
    assert np.array_equal(found.picture[128:], cover[128:])
    assert np.array_equal(found.picture[:, 248:], cover[:, 248:])
    assert not np.array_equal(found.picture, cover)


def test_the_same_content_is_never_hidden_alike(cover):
    """Neither the bits nor the blocks that are used: by chance, these may be nearly the same in two of six hidings."""
    some = [hide_robust(MODEM, cover, lambda room: b"\2", KEY, parse_channel("jpeg:90"), JPEG90) for _ in range(6)]
    salt = next(robust_salts(cover))
    dither = dither_of((31, 41), KEY, salt)
    bits = [MODEM.reveal(hidden_area(each.picture), dither)[..., JPEG90.places] > 0 for each in some]
    changed = [(hidden_area(each.picture) != hidden_area(cover)).reshape(31, 8, 41, 24).any((1, 3)) for each in some]
    for first, second in combinations(range(6), 2):
        both = changed[first] & changed[second]
        assert 0.33 < (bits[first] != bits[second])[both].mean() < 0.67
    assert max((one != other).mean() for one, other in combinations(changed, 2)) > 0.1


def test_what_travels_is_uniform(cover):
    """Zeros are hidden: half of the bits of every kind are ones all the same."""
    shape, salt = (31, 41), next(robust_salts(cover))
    bits = coded_bits(shape, JPEG90, 40, b"", KEY, salt, NONCE)
    assert bits.shape == (*shape, JPEG90.bits)
    assert abs(bits.mean((0, 1)) - 0.5).max() < 0.05


def test_channels_and_rungs():
    assert choose_rung(RUNGS, parse_channel("jpeg:75"), 38) == JPEG75
    assert choose_rung(RUNGS, parse_channel("jpeg:92"), 38) == JPEG90
    assert choose_rung(RUNGS, parse_channel("jpeg:75"), 32) == STRONG
    with pytest.raises(CapacityError, match="do not survive JPEG 60 and better at 38 dB"):
        choose_rung(RUNGS, parse_channel("jpeg:60"), 38)
    for name in ("jpeg", "jpeg:", "jpeg:20", "jpeg:96", "jpeg:075:", "webp"):
        with pytest.raises(ConfigError, match="unknown channel"):
            parse_channel(name)


def test_large_pictures_are_cut_into_tiles(picture):
    cover, done = picture(1160, 64, 1), []
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (145, 8, MODEM.bits)).astype(np.float32) * 2 - 1
    dither = random.random((145, 8, 64), np.float32)
    container = MODEM.hide(cover, bits, dither, lambda *tile: done.append(tile))
    assert done == [(1, 2), (2, 2)]
    assert np.array_equal(
        container, to_8_bits(MODEM.engine.hide(from_8_bits(cover), np.concatenate([bits, dither], 2)))
    )
    expected = MODEM.engine.reveal(from_8_bits(container), dither)
    assert np.allclose(MODEM.reveal(container, dither), expected, atol=1e-3)


def test_large_pictures_take_part_of_the_search(picture):
    """The rate of a large picture is found by squares of it, and what it hides comes back as from any other."""
    cover = np.tile(picture(250, 333, 3), (7, 5, 1))
    assert cover[..., 0].size > 1 << 21
    found = hide_seeded(MODEM, cover, lambda room: b"\2" * room, KEY, parse_channel("jpeg:75"), JPEG75)
    assert reader(MODEM, KEY)(through_jpeg(found.picture, 75)).content == b"\2" * found.room
    assert found.room > 6000


def test_information():
    assert information(np.zeros(10)) == pytest.approx(0)
    assert information(np.full(10, 40.0)) == pytest.approx(1)
    assert information(np.full(10, np.log(3))) == pytest.approx(1 - np.log2(4 / 3))


def test_the_best_rate_follows_the_channel(cover):
    mild, harsh = (
        best_rate(MODEM, hidden_area(cover), parse_channel(name), JPEG75, 95) for name in ("jpeg:90", "jpeg:70")
    )
    assert harsh < mild <= 58


def test_a_container_is_searched_once_even_if_nothing_opens(tmp_path, monkeypatch):
    """Without the right key, each search takes as many passes of the network as there are salts."""
    calls = []
    monkeypatch.setattr("stegnet.record.container.read_robust", lambda *_: calls.append(1))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "c.jpg")
    with Container(tmp_path / "c.jpg", Key(bytes(32))) as container:
        assert [container.robust(SimpleNamespace(picture=MODEM)) for _ in range(2)] == [None, None]
    assert len(calls) == 1
