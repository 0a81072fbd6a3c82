"""Bases as bytes: block means and AVIF, their bounds, and what is rejected."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError, MediaError
from stegnet.record import KINDS, decode_base, encode_base, least_base, least_base_per_pixel
from tests.support.quality import psnr

ANY = 1 << 30  # bytes
SHAPES = [(1, 1), (1, 2), (2, 1), (1, 40), (40, 1), (3, 5), (45, 80)]  # of block means
HIDDEN_RMS = 0.1
each_speed = pytest.mark.parametrize("film", [False, True])


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def colours(height: int, width: int, cell: int) -> np.ndarray:
    """Random primary colours in cells; those of 2×2 pixels need the most at quality 0."""
    corners = np.random.default_rng(cell).integers(0, 2, (height // cell, width // cell, 3), np.uint8) * 255
    return corners.repeat(cell, 0).repeat(cell, 1)


def enlarged(means: np.ndarray) -> np.ndarray:
    return means.repeat(8, 0).repeat(8, 1)


def encoded(picture: np.ndarray, kind: str, quality: int, most: int, film: bool = False) -> bytes:
    """The bytes of a base; a writer is told the base that a reader decodes."""
    data, base = encode_base(picture, kind, quality, most, film)
    found = decode_base(data, kind, *picture.shape[:2])
    np.testing.assert_array_equal(base.picture, found.picture)
    assert base.gain == found.gain
    return data


def not_a_base(data: bytes, kind: str, height: int, width: int) -> None:
    with pytest.raises(ValueError, match="not a base"):
        decode_base(data, kind, height, width)


@pytest.mark.parametrize("kind", ["means", "coded"])
def test_a_base_is_decoded_as_it_was_coded(picture, kind):
    for size in ((8, 8), (16, 24), (64, 96)):
        shown = picture(*size)
        data = encoded(shown, kind, 60, ANY)
        base = decode_base(data, kind, *size)
        assert base.picture.shape == shown.shape
        rest = (shown.astype(float) - base.picture) / 255 * base.gain
        # an eighth of a factor of two is a step
        assert np.sqrt(np.mean(rest**2)) == pytest.approx(HIDDEN_RMS, rel=0.05)
        assert encoded(shown.copy(), kind, 60, ANY) == data


@each_speed
def test_a_coded_base_is_a_picture_of_its_quality(picture, film):
    """An AVIF, which Pillow decodes to the same samples; one that does not fit is coarser."""
    shown, found = picture(64, 96), []
    for quality in (40, 70, 95):
        data = encoded(shown, "coded", quality, ANY, film)
        with Image.open(io.BytesIO(data[1:])) as opened:
            assert (opened.format, opened.size, opened.mode) == ("AVIF", (96, 64), "RGB")
            decoded = decode_base(data, "coded", 64, 96).picture
            np.testing.assert_array_equal(decoded, np.asarray(opened))
        found.append(psnr(decoded, shown))
    assert found == sorted(found) and found[0] > 25 and found[2] > 38
    sizes = {quality: len(encoded(shown, "coded", quality, ANY, film)) for quality in (90, 85, 80, 75)}
    for capacity, quality in ((sizes[90], 90), (sizes[90] - 1, 85), (sizes[80], 80), (sizes[80] - 1, 75)):
        assert len(encoded(shown, "coded", 90, capacity, film)) == sizes[quality]
    with pytest.raises(CapacityError, match="the secret's coarse picture needs"):
        encoded(shown, "coded", 60, 100)
    with pytest.raises(MediaError, match="65544×8 pixels can't be made AVIF"):
        encoded(np.zeros((8, 65544, 3), np.uint8), "coded", 50, ANY)


@each_speed
@pytest.mark.parametrize("kind", KINDS)
def test_no_base_needs_more_than_is_reserved(kind, film):
    """At quality 0, so that what passes the check of the cover can be hidden."""
    for size in ((8, 8), (8, 400), (64, 96), (128, 256)):
        most = least_base(kind, *size)
        assert most <= least_base(kind, 0, 0) + least_base_per_pixel(kind) * size[0] * size[1] + 1
        for shown in (noise(*size), *(colours(*size, cell) for cell in (1, 2, 4))):
            assert len(encoded(shown, kind, 60, most, film)) <= most


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_base(picture, kind):
    data = encoded(picture(24, 40), kind, 60, ANY)
    wrong = [b"x", data + b"x"] if kind == "none" else [b"", b"\x40", b"\x40junk", data[:-1], b"\x80" + data[1:]]
    if kind == "means":
        wrong += [data + b"x", data[:1] + zlib.compress(bytes(46)), data[:1] + zlib.compress(bytes(46), 0)]
        with pytest.raises(CapacityError, match="the secret's coarse picture needs"):
            encoded(noise(64, 96), kind, 60, 100)
    for each in wrong:
        not_a_base(each, kind, 24, 40)
    sizes = {"none": (), "means": ((24, 32), (32, 40), (16, 40), (0, 0)), "coded": ((24, 32), (32, 40), (40, 24))}
    for size in sizes[kind]:
        not_a_base(data, kind, *size)


def test_damage_in_a_coded_base(picture):
    """Refused, or decoded to a picture of the right size; never another error. Only AVIF in RGB is tried."""
    whole = encoded(picture(24, 40), "coded", 60, ANY)
    for cut in range(1, len(whole) // 2, 7):
        not_a_base(whole[:cut], "coded", 24, 40)
    for seed in range(100):
        random, data = np.random.default_rng(seed), bytearray(whole)
        for at in random.integers(1, len(data), 3):
            data[at] = random.integers(256)
        try:
            assert decode_base(bytes(data), "coded", 24, 40).picture.shape == (24, 40, 3)
        except ValueError as error:
            assert str(error) == "not a base"
    for mode, form in (("RGB", "PNG"), ("RGB", "JPEG"), ("RGB", "WEBP"), ("RGBA", "AVIF")):
        Image.new(mode, (40, 24)).save(file := io.BytesIO(), form)
        not_a_base(b"\x40" + file.getvalue(), "coded", 24, 40)


def through_means(means: np.ndarray) -> bytes:
    """Packed as a base, without the gain; they come back, and fit into what is reserved."""
    height, width = 8 * means.shape[0], 8 * means.shape[1]
    shown = enlarged(means)
    shown.flags.writeable = False
    data = encoded(shown, "means", 0, ANY)
    np.testing.assert_array_equal(decode_base(data, "means", height, width).picture, shown)
    assert len(data) <= least_base("means", height, width)
    return data[1:]


def test_means_round_trip():
    for shape in SHAPES:
        through_means(noise(*shape))
        for levels in ((0, 0, 0), (255, 0, 255)):
            means = np.broadcast_to(np.array(levels, np.uint8), (*shape, 3)).copy()
            through_means(means)
            means[::2, ::2] = 255 - means[::2, ::2]
            through_means(means)
    for seed in range(5):  # half noise and half runs, so that zlib has both to store and to compress
        random, means = np.random.default_rng(seed), noise(45, 80, seed)
        for _ in range(4 * seed):
            y, x = random.integers(0, 45), random.integers(0, 80)
            means[y : y + random.integers(1, 20), x : x + random.integers(1, 40)] = random.integers(0, 256)
        through_means(means)
