from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from stegnet.codec import Network
from stegnet.codec import tiles as module
from stegnet.codec.tiles import FINE, MARGIN, known_reaches, tiles
from stegnet.core.card import SHIPPED, read_card
from stegnet.core.samples import to_8_bits
from stegnet.core.shuffle import draw
from stegnet.engines.torch_engine import TorchEngine
from stegnet.models import build

pytestmark = pytest.mark.arithmetic


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 96)
    monkeypatch.setattr(module, "MOST_COLS", 128)


def tiled(run, *pictures, reach=None):
    """`run(*pictures)`, tile by tile."""
    parts = []
    for tile in tiles(*pictures[0].shape[:2], reach):
        parts.append((tile, tile.inside(run(*(tile.around(picture) for picture in pictures)))))
    whole = np.empty((*pictures[0].shape[:2], parts[0][1].shape[2]), parts[0][1].dtype)
    for tile, part in parts:
        tile.part(whole)[:] = part
    return whole


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


@pytest.mark.parametrize("size", [(1153, 2049), (8, 5000), (4000, 6000), (2304, 8)])
@pytest.mark.parametrize("reach", [0, 12, 48, 160, 192])
def test_fine_tiles(size, reach):
    """They cover the picture once, are small, begin where strides do, and have what a network looks at around them."""
    seen = np.zeros(size, int)
    for tile in tiles(*size, reach):
        tile.part(seen)[:] += 1
        for part, outer, end in zip((tile.rows, tile.cols), (tile.outer_rows, tile.outer_cols), size, strict=True):
            assert part.start % 32 == outer.start % 16 == 0
            assert outer.start == 0 or part.start - outer.start >= reach
            assert outer.stop == end or outer.stop - part.stop >= reach
            assert outer.stop - outer.start <= FINE + 32
    assert (seen == 1).all()


def test_a_reach_beyond_the_margin_leaves_the_grid():
    assert tiles(4000, 6000, MARGIN + 1) == tiles(4000, 6000, None) != tiles(4000, 6000, MARGIN)
    assert len(tiles(1152, 2048, 48)) == 1


def reach_of(run, count: int, side: int = 512) -> int:
    """How far beyond a square in the middle lies what it depends on."""
    inputs = [torch.rand(1, 3, side, side, requires_grad=True) for _ in range(count)]
    start, end = side // 2 - 16, side // 2 + 16
    run(*inputs)[..., start:end, start:end].sum().backward()
    touched = sum(picture.grad[0].abs().sum(0) for picture in inputs) > 0
    places = [line.nonzero().flatten() for line in (touched.any(0), touched.any(1))]
    return max(max(start - int(line[0]), int(line[-1]) + 1 - end) for line in places)


@pytest.mark.parametrize(("blocks", "ends"), [(1, 2), (4, 4), (8, 6)])
@pytest.mark.parametrize("backbone", ["none", "convnext_atto"])
def test_no_network_reaches_further_than_is_known(blocks, ends, backbone):
    torch.manual_seed(0)
    options = {"blocks": blocks, "width": 8, "ends": ends, "backbone": backbone, "place": "ends"}
    pair = build("invertible", **options).eval()
    for parameter in pair.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    known = known_reaches(replace(read_card(SHIPPED), options=options))
    for name, inputs in (("prepare", 1), ("hide", 2), ("reveal", 1), ("restore", 1)):
        assert 0 < reach_of(getattr(pair, name), inputs) <= known[name] <= MARGIN


@pytest.mark.parametrize(
    "unlike",
    [{"place": "ends+latent"}, {"place": "couplings"}, {"backbone": "resnet18"}, {"ends": 7}],
)
def test_what_is_not_known(unlike):
    card = read_card(SHIPPED)
    assert known_reaches(card)
    assert known_reaches(replace(card, options=card.options | unlike)) == {}
    assert known_reaches(replace(card, options={})) == {}
    assert known_reaches(replace(card, model="unet")) == {}


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_fine_tiles_change_nothing(small_tiles, monkeypatch, backend):
    """The pair that comes along: as in one pass, but for what adds up in another order."""
    monkeypatch.setattr(module, "FINE", 448)
    network = Network.load(SHIPPED, device="cpu", precision="fp32", backend=backend)
    cover, secret = (np.kron(noise(68, 40)[::step], np.ones((8, 8, 1))) * 255 for step in (1, -1))
    cover, secret, shuffle = cover.astype(np.uint8), secret.astype(np.uint8), draw(bytes(32), 68, 40)
    calls = []
    fine = network.hide(cover, secret, shuffle, lambda *call: calls.append(call))
    shown = network.reveal(fine.container, shuffle, fine.means)
    assert calls == [(done, len(calls)) for done in range(1, len(calls) + 1)]
    assert len(calls) > 6
    monkeypatch.undo()
    calls.clear()
    whole = network.hide(cover, secret, shuffle, lambda *call: calls.append(call))
    assert calls == []
    np.testing.assert_array_equal(fine.means, whole.means)
    pairs = (fine.container, whole.container), (shown, network.reveal(fine.container, shuffle, fine.means))
    for ours, theirs in pairs:
        apart = np.abs(ours.astype(int) - theirs)
        assert apart.max() <= 1
        assert (apart > 0).mean() <= 0.0005
