"""Records in JPEGs that survive if some coefficients move; tests/format has those that do not open."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from stegnet.core.errors import CapacityError
from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.keys import Key, seeded
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import jpeg_cover
from stegnet.sealing.jpeg_samples import CARRIED, WET, coefficient_costs, fixed_samples, samples_of, with_samples
from stegnet.sealing.tolerant import (
    CodeRates,
    SaltedKey,
    StepLimits,
    content_salts,
    count_stable,
    seal_tolerant,
    stable_samples,
    unseal_tolerant,
)
from stegnet.sealing.tolerant_rates import MovedCoefficients, choose_rates, tolerant_capacity

KEY = Key(bytes(range(32)))
RECORD = bytes(range(200))


@pytest.fixture(scope="module")
def jpeg(tmp_path_factory) -> JpegPicture:
    """A JPEG of 640×480 pixels with texture, some of it black, some white."""
    random = np.random.default_rng(5)
    down, across = np.mgrid[:480, :640]
    luma = 128 + 90 * np.sin(down / 70) * np.cos(across / 90) + random.normal(0, 9, (480, 640))
    luma[:80, :80] = 0
    luma[-80:, -80:] += 160
    path = tmp_path_factory.mktemp("tolerant") / "cover.png"
    Image.fromarray(luma.clip(0, 255).astype(np.uint8)).save(path)
    with Cover(path) as cover:
        return jpeg_cover(cover, 80).picture


@pytest.fixture(scope="module")
def limits(jpeg) -> StepLimits:
    return StepLimits(coefficient_costs(jpeg), fixed_samples(jpeg))


def keys_of(jpeg: JpegPicture) -> SaltedKey:
    return SaltedKey(KEY, content_salts(jpeg)[0])


def sealed(jpeg: JpegPicture, limits: StepLimits, rates: CodeRates, record: bytes = RECORD) -> JpegPicture:
    """The JPEG with a record."""
    samples = seal_tolerant(jpeg, record, keys_of(jpeg), rates, limits, seeded(3))
    return replace(jpeg, planes=tuple(with_samples(jpeg, samples)))


def moved(jpeg: JpegPicture, share: float, seed: int = 0) -> JpegPicture:
    """The JPEG after a share of its coefficients, a few in each block that is hit, and of its means have moved by 1."""
    random = np.random.default_rng(seed)
    luma = jpeg.planes[0].copy()
    hit = random.random(luma.shape[:2]) < share * CARRIED / 3
    steps = random.choice([-1, 1], luma.shape) * (random.random(luma.shape) < 3 / CARRIED) * hit[..., None]
    return replace(jpeg, planes=(luma + steps.astype(np.int16), *jpeg.planes[1:]))


def test_record_arrives_though_coefficients_move(jpeg, limits):
    expected = MovedCoefficients(1e-3)
    rates = choose_rates(count_stable(jpeg), len(RECORD), expected)
    container = sealed(jpeg, limits, rates)
    assert unseal_tolerant(container, KEY).record == RECORD
    for seed in range(20):
        arrived = moved(container, expected.share, seed)
        assert (stable_samples(arrived) != stable_samples(container)).mean() > expected.share / 2
        assert unseal_tolerant(arrived, KEY).record == RECORD


def test_fixed_samples_stay(jpeg, limits):
    fixed = limits.fixed | (np.random.default_rng(1).random(limits.fixed.shape) < 0.5)
    some_fixed = replace(limits, fixed=fixed)
    samples = seal_tolerant(jpeg, RECORD, keys_of(jpeg), CodeRates(40, 3, 16), some_fixed, seeded(1))
    before = samples_of(jpeg)
    assert (samples != before).any()
    assert np.array_equal(samples[fixed], before[fixed])


def test_places_differ_for_each_hiding(jpeg, limits):
    keys = keys_of(jpeg)
    rates = CodeRates(40, 3, 16)
    one, two = (seal_tolerant(jpeg, RECORD, keys, rates, limits, seeded(seed)) != samples_of(jpeg) for seed in (1, 2))
    assert (one & two).sum() < 0.5 * one.sum()


def test_costly_coefficients_stay(jpeg, limits):
    samples = seal_tolerant(jpeg, RECORD, keys_of(jpeg), CodeRates(40, 4, 24), limits, seeded(1))
    steps = (samples - samples_of(jpeg)).view(np.int8)
    paid = np.concatenate([limits.costs.up[steps > 0], limits.costs.down[steps < 0]])
    assert paid.max() < WET
    assert paid.mean() < 0.3 * np.median(limits.costs.up)


def test_blocks_near_black_or_white_carry_nothing(jpeg, limits):
    container = sealed(jpeg, limits, CodeRates(32, 1, 3), np.random.default_rng(1).bytes(1400))
    near = jpeg.decoded_luma.room <= 8
    assert near.any()
    assert np.array_equal(container.planes[0][near], jpeg.planes[0][near])
    changed = (container.planes[0] != jpeg.planes[0]).any(2)
    assert (changed & (jpeg.decoded_luma.room < 16)).any()
    assert np.array_equal(container.decoded_luma.room <= 8, near)


def test_capacity(jpeg, limits):
    expected = MovedCoefficients(1e-3)
    most = tolerant_capacity(count_stable(jpeg), expected)
    assert choose_rates(count_stable(jpeg), most + 1, expected) is None
    record = np.random.default_rng(1).bytes(most)
    container = sealed(jpeg, limits, choose_rates(count_stable(jpeg), most, expected), record=record)
    assert unseal_tolerant(moved(container, expected.share), KEY).record == record
    assert tolerant_capacity(500, expected) == -1 == tolerant_capacity(count_stable(jpeg), MovedCoefficients(0.1))


def test_what_does_not_fit(jpeg, limits):
    with pytest.raises(CapacityError, match="too little of the cover may change"):
        sealed(jpeg, replace(limits, fixed=np.ones_like(limits.fixed)), CodeRates(40, 3, 16))
    with pytest.raises(CapacityError, match="the cover is too small"):
        sealed(jpeg, limits, CodeRates(40, 3, 128), record=bytes(20_000))
