"""Records in two layers: every size is read as it was written, at an error near the least that is possible.

The vectors of tests/format have those that were altered; tests/test_any_size.py fills pictures with them.
"""

import random
from functools import partial
from itertools import product

import numpy as np
import pytest

from stegnet.keys import KeyRing
from stegnet.sealing import (
    LAYERED_PIXELS,
    record_capacity,
    trellis,
    two_layers,
    unseal,
)
from tests.support.kernels import both
from tests.support.sealing import KEY, salt_samples, sealed

SEED = bytes(32)


def drawn(samples: int, low: int, high: int) -> np.ndarray:
    """Samples of all levels from `low` to `high`, those beyond 0 to 255 cut off."""
    return np.random.default_rng(samples).integers(low, high, samples).clip(0, 255).astype(np.uint8)


def entropy_at(error: float) -> float:
    """The largest entropy, in bits, of an integer whose mean square is `error`: p(k) ~ exp(-a k²) (Cover, Thomas 2006,
    theorem 12.1.1)."""
    squares = np.arange(-40, 41) ** 2
    low, high = 1e-3, 20.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        weights = np.exp(-middle * squares)
        shares = weights / weights.sum()
        low, high = (middle, high) if shares @ squares > error else (low, middle)
    return float(-(shares * np.log2(np.maximum(shares, 1e-300))).sum())


@pytest.mark.parametrize("samples", [84, 85, 95, 96, 100, 131])
@pytest.mark.parametrize("bounds", [(100, 130), (0, 4), (252, 256)], ids=["inner", "black", "white"])
def test_every_size_is_read_as_written(samples: int, bounds: tuple[int, int]) -> None:
    values, random_bytes = drawn(samples, *bounds), random.Random(samples).randbytes
    one, most = trellis.most_bytes(samples), two_layers.most_bytes(samples)
    assert most > one
    for size, height in product(range(one + 1, most + 1), (1, 3)):
        data = random_bytes(size)
        written = two_layers.write(values, data, height, SEED)
        assert two_layers.read(written, size, height) == data
        assert np.abs(written.astype(int) - values).max() <= 8
    for size in (0, one // 2, most + 1):
        assert two_layers.read(values, size, 1) is None


@pytest.mark.parametrize(
    ("share", "least"), [(0.0, 0.945), (0.3, 0.955), (0.6, 0.965), (1.0, 0.97)], ids=["least", "coded", "plain", "most"]
)
def test_the_rate_is_near_the_limit(share: float, least: float) -> None:
    """Of what changes of that mean square can carry at most, inside 0 to 255."""
    samples = 200_000
    one, most = trellis.most_bytes(samples) + 1, two_layers.most_bytes(samples)
    size = round(one + share * (most - one))
    values = drawn(samples, 20, 230)
    written = two_layers.write(values, random.Random(0).randbytes(size), 6, SEED)
    error = np.square(written.astype(int) - values).mean()
    assert 8 * size / samples > least * entropy_at(error)


def test_numpy_and_the_kernels_write_the_same() -> None:
    values = drawn(3000, -20, 280)
    for size in (600, 760, 860):
        both(partial(two_layers.write, values, random.Random(size).randbytes(size), 3, SEED))


@pytest.mark.parametrize("size", [(16, 15), (40, 48), (90, 110)], ids=str)
def test_a_frame_is_filled(size: tuple[int, int]) -> None:
    record = random.Random(0).randbytes(record_capacity(*size, medium=LAYERED_PIXELS))
    container = sealed(drawn(3 * size[0] * size[1], -30, 290).reshape(*size, 3), record, medium=LAYERED_PIXELS)
    found = unseal(container, KeyRing(KEY), first=True)
    assert found is not None
    assert (found.record, found.whole) == (record, True)


def test_what_fits_into_one_layer_is_written_as_before() -> None:
    cover = drawn(40 * 48 * 3, -30, 290).reshape(40, 48, 3)
    record = bytes(record_capacity(40, 48))
    np.testing.assert_array_equal(sealed(cover, record, medium=LAYERED_PIXELS), sealed(cover, record))


def test_samples_that_carry_nothing_change_as_much() -> None:
    """Lest the public places of salt samples stand out."""
    cover = np.random.default_rng(0).integers(20, 230, (200, 200, 3), np.uint8)
    record = random.Random(0).randbytes(record_capacity(200, 200, medium=LAYERED_PIXELS))
    change = sealed(cover, record, effort=1 << 24, medium=LAYERED_PIXELS).astype(int) - cover
    salts = np.square(change.reshape(-1)[salt_samples(cover.size)])
    spread = salts.std() / np.sqrt(salts.size)
    assert abs(salts.mean() - np.square(change).mean()) < 4 * spread
