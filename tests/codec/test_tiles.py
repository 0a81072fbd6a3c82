from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from stegnet.channel import to_8_bits
from stegnet.codec import tiles
from stegnet.codec.tiles import MARGIN, tiled
from stegnet.models import build


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "MOST_ROWS", 96)
    monkeypatch.setattr(tiles, "MOST_COLS", 128)


def grid_of(height: int, width: int) -> torch.Tensor:
    """(1, 3, H, W): row, column and 0, as whole numbers."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return torch.stack([y, x, torch.zeros_like(y)])[None]


def blurred(reach: int):
    """The sum of all within `reach`, exact in whole numbers; nothing lies beyond the edges."""

    def run(pictures: torch.Tensor) -> torch.Tensor:
        sums = functional.pad(pictures.double(), (reach, reach, reach, reach))
        for dim in (2, 3):
            sums = functional.pad(sums.cumsum(dim), (1, 0) if dim == 3 else (0, 0, 1, 0))
            size = sums.shape[dim]
            sums = sums.narrow(dim, 2 * reach + 1, size - 2 * reach - 1) - sums.narrow(dim, 0, size - 2 * reach - 1)
        return sums

    return run


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1152, 2048), (1080, 1920)])
def test_small_pictures_go_in_one_pass(height, width):
    passes = []
    tiled(lambda picture: passes.append(picture.shape) or picture, [torch.zeros(1, 1, height, width)])
    assert passes == [(1, 1, height, width)]


@pytest.mark.parametrize(
    ("height", "width"), [(1153, 8), (8, 2049), (1160, 2056), (2160, 3840), (4320, 7680), (8, 100_000), (2312, 2048)]
)
def test_the_grid_is_the_books(height, width):
    """⌈W / 2048⌉ columns, ⌈H / 1152⌉ rows, inner edges at round(size · i / count / 32) · 32, 192 pixels around."""
    picture = torch.arange(float(max(height, width))).expand(1, 1, max(height, width), -1)
    picture = picture[..., :1, :width].expand(1, 1, height, width)
    columns, rows = -(-width // 2048), -(-height // 1152)
    expected = [
        [0, *(round(size * index / count / 32) * 32 for index in range(1, count)), size]
        for size, count in ((height, rows), (width, columns))
    ]
    sizes = []

    def run(part: torch.Tensor) -> torch.Tensor:
        sizes.append((part.shape[-2], int(part[0, 0, 0, 0]), int(part[0, 0, 0, -1]) + 1))
        return part

    assert torch.equal(tiled(run, [picture]), picture)
    assert sizes == [
        (min(height, bottom + 192) - max(0, top - 192), max(0, left - 192), min(width, right + 192))
        for top, bottom in pairwise(expected[0])
        for left, right in pairwise(expected[1])
    ]


@pytest.mark.parametrize("size", [(600, 632), (97, 129), (96, 800), (680, 64), (536, 8)])
def test_what_reaches_no_further_is_as_in_one_pass(small_tiles, size):
    picture = torch.randint(0, 1000, (2, 3, *size), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(tiled(blurred(MARGIN), [picture]), blurred(MARGIN)(picture))


def test_what_reaches_further_is_not(small_tiles):
    """So the margin is not larger than it says."""
    picture = torch.ones(1, 1, 600, 632)
    assert not torch.equal(tiled(blurred(MARGIN + 1), [picture]), blurred(MARGIN + 1)(picture))


def test_all_inputs_are_cut_alike(small_tiles):
    picture = grid_of(200, 232)
    assert torch.equal(tiled(lambda a, b: a - b, [picture, picture]), torch.zeros_like(picture))
    assert torch.equal(tiled(lambda a, b: torch.cat([a, b], 1), [picture, picture]), torch.cat([picture, picture], 1))


@pytest.mark.parametrize("blocks", [1, 4])
def test_the_invertible_pair(small_tiles, blocks):
    """At most one level apart, in at most one sample of a thousand."""
    torch.manual_seed(0)
    pair = build("invertible", blocks=blocks, width=8).eval()
    for parameter in pair.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    cover, hidden = torch.rand(1, 3, 520, 232), torch.rand(1, 3, 520, 232) - 0.5
    passes = [(pair.prepare, (cover,)), (pair.hide, (cover, hidden)), (pair.reveal, (cover,)), (pair.restore, (cover,))]
    with torch.inference_mode():
        for run, inputs in passes:
            whole, parts = to_8_bits(run(*inputs) * 0.5 + 0.25), to_8_bits(tiled(run, inputs) * 0.5 + 0.25)
            apart = (whole.int() - parts.int()).abs()
            assert apart.max() <= 1
            assert (apart > 0).float().mean() <= 0.001
