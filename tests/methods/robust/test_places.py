"""Canonical grids of copies of any size, and containers that were resized."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from PIL import Image

from stegnet import Key
from stegnet.channels import parse_picture_channel
from stegnet.hiding import Context
from stegnet.image import resize
from stegnet.methods.robust import (
    PictureModem,
    PictureReader,
    embed_surviving,
    picture_cover,
)
from stegnet.methods.robust.grid import canonical_grids, surviving_canonical_grids
from stegnet.networks import SHIPPED_MODEM
from tests.support.jpegs import through_jpeg

pytestmark = pytest.mark.slow

KEY = Key(bytes(range(32)))
CONTENT = b"\2" + bytes(range(40))
SIZES = [(480, 640), (3000, 4000), (1200, 801), (333, 1000), (1600, 1600), (721, 1279)]
MODEM = PictureModem.load(device="cpu")


def reads(container: np.ndarray) -> bool:
    """Return whether the content that was hidden comes back."""
    return (PictureReader(MODEM, KEY).read(container) or b"").startswith(CONTENT)


def hidden(cover: np.ndarray, name: str) -> np.ndarray:
    """A container that survives a channel."""
    run = Context(randomness=random.Random(0).randbytes, networks={SHIPPED_MODEM: MODEM})
    sent = picture_cover(cover, KEY, parse_picture_channel(name), 38, context=run)
    return embed_surviving(sent, lambda capacity: (CONTENT, None)).container


def test_copies_of_all_sizes_have_the_grid_of_the_cover():
    for (height, width), factor in product(SIZES, [0.25, 0.5, 0.77, 1]):
        for grid in surviving_canonical_grids(height, width, factor):
            assert grid.height % 8 == grid.width % 8 == 0
            assert max(grid.height, grid.width) <= factor * max(height, width)
            for scale in np.linspace(factor, 1, 12):
                copy = round(height * scale), round(width * scale)
                assert grid in set(canonical_grids(*copy)), copy
            assert abs(grid.width * height - grid.height * width) <= 4 * (height + width), "but for rounding to 8"
    assert len(list(canonical_grids(3000, 4000))) <= 12
    assert list(canonical_grids(60, 100)) == []
    assert surviving_canonical_grids(150, 200, 0.5) == []


def test_resized_containers(picture: Callable[..., np.ndarray]):
    """Reduced, saved and enlarged again, by programs that hiding does not simulate."""
    sent = Image.fromarray(through_jpeg(hidden(picture(300, 400, 4), "jpeg:75+resize:0.6"), 95))
    small = np.array(sent.resize((240, 180), Image.Resampling.HAMMING))
    middle = np.array(sent.resize((327, 245), Image.Resampling.BICUBIC))
    for shared in (through_jpeg(small, 75), through_jpeg(middle, 80), resize(through_jpeg(small, 80), 375, 500)):
        assert reads(shared)


def test_few_blocks_are_computed_as_all_are(picture: Callable[..., np.ndarray]):
    """At edges, too; all others stay as they are."""
    cover, used, point = picture(160, 200, 3), np.zeros((20, 25), bool), MODEM.points[1]
    used[[0, 3, 9, 9, 19], [0, 7, 0, 8, 24]] = True
    bits = used[..., None] * np.ones(point.bits, np.float32)
    dither = np.random.default_rng(0).random((20, 25, 64), np.float32)
    few, whole = (each.hide(cover, bits, dither, places=point.places) for each in (MODEM, replace(MODEM, local=False)))
    assert np.abs(few.astype(int) - whole).max() <= 1
    assert np.array_equal((few != cover).reshape(20, 8, 25, 24).any((1, 3)), used)
