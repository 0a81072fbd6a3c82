"""Bases as bytes: block means and AVIF, their bounds, and what is rejected."""

import zlib

import numpy as np
import pytest

from stegnet.core.errors import CapacityError
from stegnet.core.samples import HIDDEN_RMS, block_means, enlarge
from stegnet.record import base as bases
from stegnet.record.base import KINDS, decode, encode
from tests.format import by_the_book

ANY = 1 << 30  # bytes


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def colours(height: int, width: int) -> np.ndarray:
    """Random primary colours in blocks of 2×2 pixels: the most that quality 0 needs."""
    corners = np.random.default_rng(1).integers(0, 2, (height // 2, width // 2, 3)) * 255
    return np.kron(corners, np.ones((2, 2, 1))).astype(np.uint8)


@pytest.mark.parametrize("kind", ["means", "coded"])
@pytest.mark.parametrize("size", [(8, 8), (16, 24), (64, 96)])
def test_a_base_is_decoded_as_it_was_coded(picture, kind, size):
    shown = picture(*size)
    data = encode(shown, kind, 60, ANY)
    base = decode(data, kind, *size)
    assert base.picture.shape == shown.shape
    rest = (shown.astype(float) - base.picture) / 255 * base.gain
    assert np.sqrt(np.mean(rest**2)) == pytest.approx(HIDDEN_RMS, rel=0.05), "an eighth of a factor of two is a step"
    assert encode(shown, kind, 60, ANY) == data


def test_means_are_the_book(picture):
    data = encode(picture(40, 56), "means", 0, ANY)
    means = by_the_book.unpack_means(data[1:], 5, 7)
    np.testing.assert_array_equal(means, block_means(picture(40, 56)))
    np.testing.assert_array_equal(decode(data, "means", 40, 56).picture, enlarge(means))


def test_without_a_base_all_is_hidden(picture):
    assert encode(picture(8, 8), "none", 0, 0) == b""
    base = decode(b"", "none", 8, 16)
    assert base.gain == 1
    np.testing.assert_array_equal(base.picture, np.full((8, 16, 3), 128))


@pytest.mark.parametrize("film", [False, True])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.3])
def test_a_coded_base_that_does_not_fit_is_coarser(picture, share, film):
    most = int(share * len(encode(picture(64, 96), "coded", 80, ANY, film)))
    data = encode(picture(64, 96), "coded", 80, most, film)
    assert len(data) <= most
    assert decode(data, "coded", 64, 96).picture.shape == (64, 96, 3)


@pytest.mark.parametrize("kind", ["means", "coded"])
def test_a_base_that_can_not_fit_is_refused(kind):
    with pytest.raises(CapacityError, match="the secret's coarse picture needs"):
        encode(noise(64, 96), kind, 60, 100)


@pytest.mark.parametrize("make", [noise, colours])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8, 8), (8, 400), (64, 96), (256, 256)])
def test_no_base_needs_more_than_is_reserved(make, kind, size):
    """At quality 0, so that what passes the check of the cover can be hidden."""
    most = bases.least(kind, *size)
    assert len(encode(make(*size), kind, 60, most)) <= most
    assert most <= bases.least(kind, 0, 0) + bases.least_per_pixel(kind) * size[0] * size[1] + 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_base(picture, kind):
    data = encode(picture(24, 40), kind, 60, ANY)
    wrong = [b"x", data + b"x"] if kind == "none" else [b"", b"\x40", b"\x40junk", data[:-1], b"\x80" + data[1:]]
    if kind == "means":
        wrong += [data + b"x", data[:1] + zlib.compress(bytes(46))]
    for each in wrong:
        with pytest.raises(ValueError, match="not a base"):
            decode(each, kind, 24, 40)
    if kind != "none":
        for size in ((24, 32), (32, 40), (40, 24)):
            if kind == "coded" or size != (40, 24):
                with pytest.raises(ValueError, match="not a base"):
                    decode(data, kind, *size)


@pytest.mark.parametrize("seed", range(30))
def test_damage_in_a_coded_base(picture, seed):
    """Refused, or decoded to a picture of the right size; never another error."""
    random = np.random.default_rng(seed)
    data = bytearray(encode(picture(24, 40), "coded", 60, ANY))
    for at in random.integers(1, len(data), 3):
        data[at] = random.integers(256)
    try:
        assert decode(bytes(data), "coded", 24, 40).picture.shape == (24, 40, 3)
    except ValueError as error:
        assert str(error) == "not a base"


def test_other_formats_are_no_base(picture):
    """Only AVIF is tried."""
    import cv2

    for suffix in (".png", ".jpg", ".webp"):
        with pytest.raises(ValueError, match="not a base"):
            decode(b"\x40" + cv2.imencode(suffix, picture(24, 40))[1].tobytes(), "coded", 24, 40)


def pack_means(means: np.ndarray) -> bytes:
    """Packed as a base, without the gain."""
    return bases._pack_means(means)


SHAPES = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (3, 5), (45, 80)]


@pytest.mark.parametrize("shape", [*SHAPES, (0, 0), (135, 240)])
def test_packed_noise_stays_within_bounds(shape):
    packed = pack_means(noise(*shape))
    assert len(packed) <= bases.least("means", 8 * shape[0], 8 * shape[1]) - 1
    np.testing.assert_array_equal(bases._unpack_means(packed, *shape), noise(*shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_definition(shape):
    np.testing.assert_array_equal(by_the_book.unpack_means(pack_means(noise(*shape)), *shape), noise(*shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("levels", [(0, 0, 0), (255, 255, 255), (255, 0, 255), (0, 255, 0)])
def test_extreme_colours_round_trip(shape, levels):
    means = np.broadcast_to(np.array(levels, np.uint8), (*shape, 3)).copy()
    np.testing.assert_array_equal(bases._unpack_means(pack_means(means), *shape), means)
    means[::2, ::2] = 255 - means[::2, ::2]
    np.testing.assert_array_equal(bases._unpack_means(pack_means(means), *shape), means)


def test_packing_changes_nothing():
    means = noise(3, 5)
    means.flags.writeable = False
    pack_means(means)
    np.testing.assert_array_equal(means, noise(3, 5))


def test_smooth_pictures_take_less(picture):
    assert len(pack_means(np.sort(picture(45, 80) // 8, 1))) < 0.6 * bases.least("means", 360, 640)


@pytest.mark.parametrize("seed", range(20))
def test_no_packed_size_exceeds_most(seed):
    """Streams that are half noise and half runs, so that zlib has both to store and to compress."""
    random = np.random.default_rng(seed)
    means = random.integers(0, 256, (90, 160, 3), np.uint8)
    for _ in range(seed):
        y, x = random.integers(0, 90), random.integers(0, 160)
        means[y : y + random.integers(1, 40), x : x + random.integers(1, 80)] = random.integers(0, 256)
    assert len(pack_means(means)) <= bases.least("means", 720, 1280) - 1


@pytest.mark.parametrize("shape", [(3, 4), (4, 5), (2, 5), (0, 0)])
def test_means_of_another_size(shape):
    with pytest.raises(ValueError, match="not a base"):
        bases._unpack_means(pack_means(noise(3, 5)), *shape)


def test_another_shape_of_equal_size_is_not_detected():
    assert bases._unpack_means(pack_means(noise(3, 5)), 5, 3).shape == (5, 3, 3)


@pytest.mark.parametrize(
    "data", [b"", b"junk", pack_means(noise(3, 5))[:-1], pack_means(noise(3, 5)) + b"\0", zlib.compress(bytes(46), 0)]
)
def test_invalid_thumbnails(data):
    with pytest.raises(ValueError, match="not a base"):
        bases._unpack_means(data, 3, 5)


def test_any_zlib_will_do():
    """Other writers compress otherwise."""
    flat = zlib.decompress(pack_means(noise(3, 5)))
    for level in range(10):
        np.testing.assert_array_equal(bases._unpack_means(zlib.compress(flat, level), 3, 5), noise(3, 5))
