"""Canonical grids: found again in any resized copy, and hidden in so that resampling gives them back."""

from itertools import product

import numpy as np
import pytest

from stegnet import CapacityError, ConfigError
from stegnet.media import resize
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.grid import Grid, canonical_grid, canonical_grids, cropped_grids, own_grid
from stegnet.methods.robust.survival import SAVED
from tests.support.quality import psnr

SIZES = [(480, 640), (3000, 4000), (1200, 801), (333, 1000), (1600, 1600), (721, 1279)]


def test_copies_of_all_sizes_have_the_grid_of_the_cover():
    for (height, width), factor in product(SIZES, [0.25, 0.5, 0.77, 1]):
        grid = canonical_grid(height, width, factor)
        assert grid.height % 8 == grid.width % 8 == 0
        assert max(grid.height, grid.width) <= factor * max(height, width)
        for scale in np.linspace(factor, 1.6, 40):
            copy = round(height * scale), round(width * scale)
            assert grid in set(canonical_grids(*copy)), copy
        assert abs(grid.width * height - grid.height * width) <= 4 * (height + width), "but for rounding to 8"


def test_few_grids_are_searched():
    assert len(list(canonical_grids(3000, 4000))) <= 12
    assert list(canonical_grids(60, 100)) == []
    assert canonical_grid(150, 200, 0.5) is None


def test_salts_of_copies(picture):
    cover, grid = picture(600, 800, 3), Grid(256, 360, own=False)
    salt = next(grid.salts(cover))
    for height, width in ((300, 400), (411, 548), (900, 1200)):
        assert salt in list(grid.salts(resize(cover, height, width)))
    assert salt not in list(grid.salts(255 - cover // 2))
    assert grid.full(salt) == salt + bytes([0, 0, 1, 0, 0, 0, 1, 104])
    assert own_grid(600, 800).full(salt) == salt


def test_resampling_gives_back_what_was_put_in(picture):
    cover, grid = picture(400, 520, 3), Grid(200, 256, own=False)
    before, random = grid.area(cover), np.random.default_rng(0)
    wanted = (before + random.normal(0, 3, before.shape)).clip(0, 255).astype(np.uint8)
    container = grid.replaced(cover, wanted)
    assert container.shape == cover.shape
    assert psnr(before, wanted) < 40
    assert psnr(wanted, grid.area(container)) > 46


def test_a_sharpened_copy_is_nearer_to_what_a_linear_filter_blurred(picture):
    cover, grid = picture(400, 520, 3), Grid(160, 208, own=False)
    small = resize(cover, 200, 260)
    blurred = (np.roll(small, 1, 1) * 0.15 + small * 0.7 + np.roll(small, -1, 1) * 0.15).astype(np.uint8)
    for areas in (grid.areas(blurred), grid.placed(0, 0, 0, 1e-9).areas(blurred)):
        plain, sharpened = (psnr(grid.area(small), np.asarray(area)) for area in areas)
        assert sharpened > plain
    assert len(list(grid.areas(cover))) == 1
    assert len(list(own_grid(400, 520).areas(cover))) == 1


def test_parts_of_an_area_are_resampled_as_the_whole(picture):
    parts = [(slice(0, 24), slice(0, 24)), (slice(64, 88), slice(104, 128)), (slice(136, 160), slice(184, 208))]
    for size in ((180, 230), (400, 520), (1000, 1300)):
        for area in Grid(160, 208, own=False).areas(picture(*size, 3)):
            assert all(np.abs(area[part] - np.asarray(area, int)[part]).max() <= 1 for part in parts)


def test_channels_of_copies(picture):
    channel = parse_channel("messenger+resize:0.6")
    assert (channel.name, channel.factor) == ("messenger", 0.6)
    assert str(parse_channel("jpeg:80+resize:0.25")) == "25% of its size and more, JPEG 80 and better"
    arriving = parse_channel("jpeg:75+resize:0.5").received(picture(100, 200, 0), own_grid(100, 200), SAVED)
    assert {(100, 200), (50, 100)} < {copy.shape[:2] for copy, _ in arriving}
    unknown = "+resize:0.2", "+resize:1.1", "+resize:", "+crop:9", "+crop+resize:0.5+crop", "+crop+crop", "+"
    for name in (*("jpeg:75" + joined for joined in unknown), "resize:0.5", "jpeg:20+resize:0.5", "crop", ""):
        with pytest.raises(ConfigError, match="unknown channel"):
            parse_channel(name)
    with pytest.raises(CapacityError, match="a cover of 200×100 is too small"):
        parse_channel("jpeg:75+resize:0.5").grid(100, 200)


def test_a_cropped_picture_lies_in_its_grid(picture):
    cover = picture(100, 200, 3)
    grid = own_grid(100, 200).placed(3, 8)
    cropped = cover[3:92, 8:]
    area = grid.area(cropped)
    assert area.shape == (96, 200, 3)
    assert np.array_equal(area[3:92, 8:], cropped)
    assert np.array_equal(area[0], area[3])
    assert np.array_equal(area[:, 0], area[:, 8])
    assert np.array_equal(grid.trust(cropped) > 0, np.outer(np.arange(12) % 11 > 0, np.arange(25) > 0))
    assert set(own_grid(100, 200).placed(-8, 0).trust(cover).reshape(-1)) == {0, 1}
    assert list(grid.salts(cropped)) == list(own_grid(100, 200).salts(cover))[: len(list(grid.salts(cropped)))]
    assert 1 <= len(list(grid.salts(cropped))) <= 2


def test_channels_of_cropped_pictures(picture):
    channel = parse_channel("messenger+crop")
    assert str(channel) == "cropped or shifted by up to 8 pixels, messengers (JPEG 70 and better, twice)"
    cover, grid = picture(100, 200, 0), own_grid(100, 200)
    arriving = list(parse_channel("jpeg:75+crop").received(cover, grid, None))
    assert {(84, 184), (100, 200)} < {copy.shape[:2] for copy, _ in arriving}
    for copy, where in arriving:
        inside = where.trust(copy).repeat(8, 0).repeat(8, 1)[..., None] > 0
        assert psnr(cover[:96] * inside, where.area(copy) * inside) > 30


def test_channels_of_cropped_copies(picture):
    """Each lies where it is told to lie: what it shows of the grid is what the cover shows there."""
    channel = parse_channel("jpeg:90+crop+resize:0.8")
    assert channel == parse_channel("jpeg:90+resize:0.8+crop")
    assert str(channel) == "cropped by up to 8 pixels, 80% of its size and more, JPEG 90 and better"
    cover = picture(300, 400, 0)
    grid = channel.grid(300, 400)
    whole, arriving = grid.area(cover), list(channel.received(cover, grid, None))
    assert len(arriving) == channel.arrivals()
    assert len({where for _, where in arriving}) == 5
    for copy, where in arriving:
        assert where.placed(0, 0) == grid
        inside = where.trust(copy).repeat(8, 0).repeat(8, 1)[..., None] > 0
        assert 0.8 < inside.mean() <= 1
        assert psnr(whole * inside, where.area(copy) * inside) > 28
        assert psnr(whole, grid.area(copy)) < 28 or where == grid
        assert grid.placed(4, 4, 4, 4) in set(cropped_grids(*copy.shape[:2], 8))
