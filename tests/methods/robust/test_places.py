"""Where bits are: canonical grids of copies of any size, and containers that were cropped, shifted or resized."""

import random
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import product

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, Key, KeyFileError, Passphrase
from stegnet.channels import REACH, parse_picture_channel
from stegnet.image import resize
from stegnet.methods import Context
from stegnet.methods.robust import (
    OperatingPoint,
    PictureModem,
    PictureReader,
    embed_surviving,
    picture_cover,
)
from stegnet.methods.robust.grid import canonical_grids, own_grid, surviving_canonical_grids
from stegnet.methods.robust.picture_reader import read_part
from stegnet.methods.robust.registration import grids
from stegnet.methods.robust.tile_map import LEAST_SIDE, map_dither, map_signs
from stegnet.networks import SHIPPED_MODEM
from tests.support.jpegs import through_jpeg

pytestmark = pytest.mark.slow

KEY, OTHER = Key(bytes(range(32))), Key(bytes(32))
CONTENT = b"\2" + bytes(range(40))
SIZES = [(480, 640), (3000, 4000), (1200, 801), (333, 1000), (1600, 1600), (721, 1279)]
MODEM = PictureModem.load(device="cpu")


def reads(container: np.ndarray) -> bool:
    """Return whether the content that was hidden comes back."""
    return (PictureReader(MODEM, KEY).read(container) or b"").startswith(CONTENT)


def hidden(cover: np.ndarray, name: str, key: Key | Passphrase = KEY) -> np.ndarray:
    """A container that survives a channel."""
    run = Context(randomness=random.Random(0).randbytes, networks={SHIPPED_MODEM: MODEM})
    sent = picture_cover(cover, key, parse_picture_channel(name), 38, context=run)
    return embed_surviving(sent, lambda capacity: (CONTENT, None)).container


def test_copies_of_all_sizes_have_the_grid_of_the_cover():
    for (height, width), factor in product(SIZES, [0.25, 0.5, 0.77, 1]):
        for grid in surviving_canonical_grids(height, width, factor):
            assert grid.height % 8 == grid.width % 8 == 0
            assert max(grid.height, grid.width) <= factor * max(height, width)
            for scale in np.linspace(factor, 1.6, 12):
                copy = round(height * scale), round(width * scale)
                assert grid in set(canonical_grids(*copy, enlarged=scale > 1)), copy
            assert abs(grid.width * height - grid.height * width) <= 4 * (height + width), "but for rounding to 8"
    assert len(list(canonical_grids(3000, 4000))) <= 12
    assert list(canonical_grids(60, 100)) == []
    assert surviving_canonical_grids(150, 200, 0.5) == []


def test_placements():
    """All that are promised are among those that are searched."""
    height, width = 200, 266
    whole = own_grid(height, width)
    for top, left, bottom, right in ((0, 0, 8, 8), (8, 8, 8, 8), (1, 7, 3, 2), (0, 0, 0, 6)):
        assert whole.placed(top, left) in set(grids(height - top - bottom, width - left - right))
    searched = set(grids(height, width))
    assert [whole.placed(top, -top) in searched for top in range(-REACH, REACH + 1)].count(False) == 1
    assert whole not in searched


def test_cropped_and_moved_containers(picture: Callable[..., np.ndarray]):
    container = hidden(picture(136, 184, 3), "jpeg:75+crop")
    assert reads(through_jpeg(through_jpeg(container, 95)[:-8, 8:], 77))
    assert reads(through_jpeg(np.roll(container, (5, -7), (0, 1)), 80))
    with pytest.raises(CapacityError, match="survives cropping or shifting by up to 8 pixels"):
        hidden(picture(40, 40, 3), "jpeg:75+crop")


def test_resized_containers(picture: Callable[..., np.ndarray]):
    """Reduced, saved and enlarged again, by programs that hiding does not simulate."""
    sent = Image.fromarray(through_jpeg(hidden(picture(300, 400, 4), "jpeg:75+resize:0.6"), 95))
    small = np.array(sent.resize((240, 180), Image.Resampling.HAMMING))
    middle = np.array(sent.resize((327, 245), Image.Resampling.BICUBIC))
    for shared in (through_jpeg(small, 75), through_jpeg(middle, 80), resize(through_jpeg(small, 80), 375, 500)):
        assert reads(shared)


@pytest.mark.parametrize(("height", "width"), [(360, 480), pytest.param(760, 1000, marks=pytest.mark.long)])
def test_cropped_and_resized_containers(picture: Callable[..., np.ndarray], height: int, width: int):
    sent = hidden(picture(height, width, 4), "jpeg:80+crop+resize:0.8")
    part = Image.fromarray(sent[3 : height - 1, 8:])
    copy = part.resize((round(part.width * 0.83), round(part.height * 0.83)), Image.Resampling.BICUBIC)
    assert reads(through_jpeg(np.array(copy), 81))


def test_few_blocks_are_computed_as_all_are(picture: Callable[..., np.ndarray]):
    """At edges, too; all others stay as they are."""
    cover, used, point = picture(160, 200, 3), np.zeros((20, 25), bool), MODEM.points[1]
    used[[0, 3, 9, 9, 19], [0, 7, 0, 8, 24]] = True
    bits = used[..., None] * np.ones(point.bits, np.float32)
    dither = np.random.default_rng(0).random((20, 25, 64), np.float32)
    few, whole = (each.hide(cover, bits, dither, places=point.places) for each in (MODEM, replace(MODEM, local=False)))
    assert np.abs(few.astype(int) - whole).max() <= 1
    assert np.array_equal((few != cover).reshape(20, 8, 25, 24).any((1, 3)), used)


def test_any_part_gives_it_back(picture: Callable[..., np.ndarray]):
    """Also by the reader that tries all else before."""
    cover, channel = picture(540, 528, 3), "jpeg:75+crop:0.5"
    container = hidden(cover, channel)
    parts = [container[top : top + 270, left : left + 264] for top, left in ((37, 3), (270, 264))]
    assert reads(through_jpeg(parts[0], 75))
    assert (read_part(MODEM, KEY, through_jpeg(parts[1], 90)) or b"").startswith(CONTENT)
    for wrong, key in ((parts[0][: LEAST_SIDE - 1], KEY), (container, OTHER), (container, Passphrase("six words"))):
        assert read_part(MODEM, key, wrong) is None
    with pytest.raises(CapacityError, match="300×600 is too small"):
        hidden(picture(600, 300, 3), channel)
    with pytest.raises(KeyFileError, match="a passphrase opens no part"):
        hidden(cover, channel, Passphrase("six words"))


def test_maps_are_what_they_were():
    """The page reads no parts: these are the maps of docs/format.md, as a second implementation once drew them."""
    dither, signs = map_dither(KEY), map_signs(KEY, OperatingPoint("", 0, 22, 38.0, 74, 86))
    for found, digest in (
        (dither.astype("<u2"), "cbc9a1bfe4b47517c863c87c6e34b61dee9c16adf6e47f334bbd751cdb9255a9"),
        (np.packbits(signs < 0), "c9c43df63b8f4aceef2be29c9957f37ecd06c0b69d02fb43bbfa2e400e794068"),
    ):
        assert sha256(found.tobytes()).hexdigest() == digest
