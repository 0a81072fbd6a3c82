"""Containers that may be cropped to any part: what comes back of which parts, and what can't be hidden so."""

import random
from hashlib import sha256

import numpy as np
import pytest

from stegnet import CapacityError, ConfigError, KeyFileError
from stegnet.core.jpeg import through_jpeg
from stegnet.keys import Key, Passphrase
from stegnet.methods import Run
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.parts import hide_tiled
from stegnet.methods.robust.reader import picture_reader
from stegnet.methods.robust.survival import Promise, Survivor, best_rung
from stegnet.methods.robust.tiles import LEAST_SIDE, Place, map_dither, map_signs, read_tiled

pytestmark = pytest.mark.slow

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
CHANNEL = parse_channel("jpeg:75+crop:0.5")
TEXT = b"\2" + bytes(range(40))


@pytest.fixture(scope="module")
def modem() -> Modem:
    return Modem.load(device="cpu")


def hide(modem: Modem, cover: np.ndarray, fit=lambda room: TEXT, key=KEY, seed: int = 0) -> Survivor:
    rung = best_rung(modem, cover, CHANNEL, 38.0, None)
    run = Run(randomness=random.Random(seed).randbytes)
    return hide_tiled(modem, cover, fit, key, Promise(CHANNEL, rung, None), run)


@pytest.fixture(scope="module")
def cover(picture) -> np.ndarray:
    return picture(600, 560, 3)


@pytest.fixture(scope="module")
def container(modem, cover) -> np.ndarray:
    return hide(modem, cover).picture


def test_any_part_gives_it_back(modem, cover, container):
    """Also by the reader that tries all else before."""
    read, read_all = (lambda part: read_tiled(modem, KEY, part)), picture_reader(modem, KEY)
    for (top, left, height, width), quality, reader in (
        ((0, 0, 600, 560), 90, read_all),
        ((37, 3, 300, 280), 75, read),
        ((300, 280, 300, 280), 90, read),
        ((101, 90, 264, 264), 75, read),
    ):
        part = np.ascontiguousarray(container[top : top + height, left : left + width])
        assert reader(through_jpeg(part, quality)).content.startswith(TEXT)
    small = np.ascontiguousarray(container[: LEAST_SIDE - 1])
    for wrong, key in ((small, KEY), (cover, KEY), (container, OTHER), (container, Passphrase("six words"))):
        assert read_tiled(modem, key, wrong) is None


def test_the_same_content_is_never_hidden_alike(modem, cover, container):
    assert (container != hide(modem, cover, seed=1).picture).mean() > 0.5


def test_as_much_as_there_is_room_for(modem, cover):
    found = hide(modem, cover, lambda room: b"\2" * room)
    assert 300 < found.room < 1400
    part = through_jpeg(np.ascontiguousarray(found.picture[150:450, 140:420]), 75)
    assert read_tiled(modem, KEY, part).content == b"\2" * found.room


def test_maps_are_what_they_were():
    """The page reads no parts: these are the maps of docs/format.md, as a second implementation once drew them."""
    dither, signs = map_dither(KEY), map_signs(KEY, Rung("", 0, 22, 38.0, 74, 86))
    for found, digest in (
        (dither.astype("<u2"), "a042a6a0f8692e834dd87af414ac1b613df9f640c9c8bb94e62c83584a78ba42"),
        (np.packbits(signs < 0), "b465d59d5aab2404fd258d4a47ca3e3d0118bd36ae0f8e68669b3443cb7d6bbb"),
    ):
        assert sha256(found.tobytes()).hexdigest() == digest


def test_blocks_of_maps_and_tiles():
    place = Place(3, 5, 510, 40)
    whole = np.arange(512 * 512).reshape(512, 512)
    rows = [[512 * row + 40, 512 * row + 41] for row in (510, 511, 0)]
    assert place.part(whole, (3, 2)).tolist() == rows
    values = np.ones((40, 33, 2), np.float32)
    sums = place.summed(values)
    assert sums.shape == (32, 32, 2)
    assert sums.sum() == values.sum()
    assert sums[(510 + 7) % 32, 40 % 32, 0] == 4
    assert place.area(np.zeros((100, 90, 3), np.uint8)).shape == (96, 80, 3)


def test_what_is_refused(modem, picture):
    assert str(CHANNEL) == "cropped to any part of 50% of its sides and more, JPEG 75 and better"
    for name in ("jpeg:75+crop:0.1", "jpeg:75+crop:0.5+resize:0.5", "jpeg:75:0.5", "jpeg:75+resize:0.5:0.5"):
        with pytest.raises(ConfigError, match="unknown channel"):
            parse_channel(name)
    with pytest.raises(CapacityError, match="300×600 is too small"):
        hide(modem, picture(600, 300, 3))
    with pytest.raises(KeyFileError, match="a passphrase opens no part"):
        hide(modem, picture(600, 560, 3), key=Passphrase("six words"))
