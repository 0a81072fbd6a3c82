from itertools import pairwise

import numpy as np
import pytest
import torch

from stegnet.channel import to_8_bits
from stegnet.codec import tiles
from stegnet.codec.tiles import MARGIN, tiled
from stegnet.engines.torch_engine import TorchEngine
from stegnet.models import build

pytestmark = pytest.mark.arithmetic


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "MOST_ROWS", 96)
    monkeypatch.setattr(tiles, "MOST_COLS", 128)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def blurred(reach: int):
    """The sum of all within `reach`, exact in whole numbers; nothing lies beyond the edges."""

    def run(picture: np.ndarray) -> np.ndarray:
        sums = np.pad(picture.astype(float), ((reach, reach), (reach, reach), (0, 0)))
        for axis in (0, 1):
            sums = np.insert(sums.cumsum(axis), 0, 0, axis)
            size = sums.shape[axis] - 2 * reach - 1
            sums = sums.take(range(2 * reach + 1, 2 * reach + 1 + size), axis) - sums.take(range(size), axis)
        return sums

    return run


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1152, 2048), (1080, 1920)])
def test_small_pictures_go_in_one_pass(height, width):
    passes = []
    tiled(lambda picture: passes.append(picture.shape) or picture, np.zeros((height, width, 1)))
    assert passes == [(height, width, 1)]


@pytest.mark.parametrize(
    ("height", "width"), [(1153, 8), (8, 2049), (1160, 2056), (2160, 3840), (4320, 7680), (8, 100_000), (2312, 2048)]
)
def test_the_grid_is_the_books(height, width):
    """⌈W / 2048⌉ columns, ⌈H / 1152⌉ rows, inner edges at round(size · i / count / 32) · 32, 192 pixels around."""
    picture = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :, None], (height, width, 1))
    columns, rows = -(-width // 2048), -(-height // 1152)
    expected = [
        [0, *(round(size * index / count / 32) * 32 for index in range(1, count)), size]
        for size, count in ((height, rows), (width, columns))
    ]
    sizes = []

    def run(part: np.ndarray) -> np.ndarray:
        sizes.append((len(part), int(part[0, 0, 0]), int(part[0, -1, 0]) + 1))
        return part

    np.testing.assert_array_equal(tiled(run, picture), picture)
    assert sizes == [
        (min(height, bottom + 192) - max(0, top - 192), max(0, left - 192), min(width, right + 192))
        for top, bottom in pairwise(expected[0])
        for left, right in pairwise(expected[1])
    ]


@pytest.mark.parametrize("size", [(600, 632), (97, 129), (96, 800), (680, 64), (536, 8)])
def test_what_reaches_no_further_is_as_in_one_pass(small_tiles, size):
    picture = np.floor(noise(*size) * 1000)
    np.testing.assert_array_equal(tiled(blurred(MARGIN), picture), blurred(MARGIN)(picture))


def test_what_reaches_further_is_not(small_tiles):
    """So the margin is not larger than it says."""
    picture = np.ones((600, 632, 1))
    assert (tiled(blurred(MARGIN + 1), picture) != blurred(MARGIN + 1)(picture)).any()


def test_all_inputs_are_cut_alike(small_tiles):
    picture = noise(200, 232)
    assert not tiled(np.subtract, picture, picture).any()
    both = tiled(lambda a, b: np.concatenate([a, b], 2), picture, picture)
    np.testing.assert_array_equal(both, np.concatenate([picture, picture], 2))


@pytest.mark.parametrize("blocks", [1, 4])
def test_the_invertible_pair(small_tiles, blocks):
    """At most one level apart, in at most one sample of a thousand."""
    torch.manual_seed(0)
    pair = build("invertible", blocks=blocks, width=8).eval()
    for parameter in pair.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    engine, picture = TorchEngine(pair, "cpu", "fp32"), noise(520, 232)
    passes = [(engine.prepare, (picture,)), (engine.hide, (picture, picture[::-1].copy() - np.float32(0.5)))]
    passes += [(engine.reveal, (picture,)), (engine.restore, (picture,))]
    for run, inputs in passes:
        whole, parts = to_8_bits(run(*inputs) * 0.5 + 0.25), to_8_bits(tiled(run, *inputs) * 0.5 + 0.25)
        apart = np.abs(whole.astype(int) - parts)
        assert apart.max() <= 1
        assert (apart > 0).mean() <= 0.001
