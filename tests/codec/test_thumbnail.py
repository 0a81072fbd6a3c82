import zlib

import numpy as np
import pytest

from stegnet.codec.thumbnail import SHARE, most, pack, unpack
from tests.codec.by_the_book import unpack_thumbnail

SHAPES = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (3, 5), (45, 80)]


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("shape", [*SHAPES, (0, 0), (135, 240)])
def test_noise_comes_back_within_bounds(shape):
    packed = pack(noise(*shape))
    assert len(packed) <= most(*shape)
    np.testing.assert_array_equal(unpack(packed, *shape), noise(*shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_definition(shape):
    np.testing.assert_array_equal(unpack_thumbnail(pack(noise(*shape)), *shape), noise(*shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [(0, 0, 0), (255, 255, 255), (255, 0, 255), (0, 255, 0)])
def test_extreme_colours_come_back(shape, levels):
    means = np.broadcast_to(np.array(levels, np.uint8), (*shape, 3)).copy()
    np.testing.assert_array_equal(unpack(pack(means), *shape), means)
    means[::2, ::2] = 255 - means[::2, ::2]
    np.testing.assert_array_equal(unpack(pack(means), *shape), means)


def test_packing_changes_nothing():
    means = noise(3, 5)
    means.flags.writeable = False
    pack(means)
    np.testing.assert_array_equal(means, noise(3, 5))


def test_smooth_pictures_take_less(picture):
    assert len(pack(np.sort(picture(45, 80) // 8, 1))) < 0.6 * most(45, 80)


@pytest.mark.parametrize("seed", range(20))
def test_no_packed_size_exceeds_most(seed):
    """Streams that are half noise and half runs, so that zlib has both to store and to compress."""
    random = np.random.default_rng(seed)
    means = random.integers(0, 256, (90, 160, 3), np.uint8)
    for _ in range(seed):
        y, x = random.integers(0, 90), random.integers(0, 160)
        means[y : y + random.integers(1, 40), x : x + random.integers(1, 80)] = random.integers(0, 256)
    assert len(pack(means)) <= most(90, 160)


def test_most_grows_with_each_cell():
    assert most(0, 0) <= 32
    for side in range(200):
        assert most(side, side) <= most(0, 0) + SHARE * side * side


@pytest.mark.parametrize("shape", [(3, 4), (4, 5), (2, 5), (0, 0)])
def test_means_of_another_size(shape):
    with pytest.raises(ValueError, match="record"):
        unpack(pack(noise(3, 5)), *shape)


def test_the_same_number_of_means_in_another_shape_is_not_told():
    assert unpack(pack(noise(3, 5)), 5, 3).shape == (5, 3, 3)


@pytest.mark.parametrize(
    "data", [b"", b"junk", pack(noise(3, 5))[:-1], pack(noise(3, 5)) + b"\0", zlib.compress(bytes(46), 0)]
)
def test_what_is_no_thumbnail(data):
    with pytest.raises(ValueError, match="record"):
        unpack(data, 3, 5)


def test_any_zlib_will_do():
    """Other writers compress otherwise."""
    flat = zlib.decompress(pack(noise(3, 5)))
    for level in range(10):
        np.testing.assert_array_equal(unpack(zlib.compress(flat, level), 3, 5), noise(3, 5))
