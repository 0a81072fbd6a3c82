from dataclasses import fields, replace

import numpy as np
import pytest

from stegnet.core.config import AugmentConfig
from stegnet.data.augment import Augment

CHANGES = [field.name for field in fields(AugmentConfig)]


def each(share: float) -> AugmentConfig:
    return AugmentConfig(**dict.fromkeys(CHANGES, share))


NEVER = each(0.0)


def places(pixels: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    """Where in the picture a crop lies."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, crop.shape)[:, :, 0]
    return [tuple(place) for place in np.argwhere((windows == crop).all((2, 3, 4)))]


def test_without_changes_it_crops_somewhere(picture):
    pixels = picture(64, 64)
    augment = Augment(32, NEVER)
    found = [places(pixels, augment(pixels, seed)) for seed in range(12)]
    assert all(len(at) == 1 for at in found)
    assert len({at[0] for at in found}) > 6


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_happens_when_it_always_should(picture, name):
    pixels = picture(64, 64)
    always = Augment(32, replace(NEVER, **{name: 1.0}))
    crops = [always(pixels, seed) for seed in range(8)]
    assert all(crop.shape == (32, 32, 3) and crop.dtype == np.uint8 for crop in crops)
    assert sum(not places(pixels, crop) for crop in crops) >= 4  # a turn may be by none


def test_a_flip_exchanges_left_and_right(picture):
    pixels = picture(64, 64)
    crop = Augment(32, replace(NEVER, flip=1.0))(pixels, 3)
    assert len(places(pixels[:, ::-1], crop)) == 1


def test_the_seed_decides_whatever_ran_before(picture):
    pixels = picture(64, 64)
    first, second = Augment(32, each(0.5)), Augment(32, each(0.5))
    expected = [first(pixels, seed) for seed in range(20)]
    backwards = [second(pixels, seed) for seed in reversed(range(20))][::-1]
    np.random.seed(1)
    assert all(np.array_equal(*crops) for crops in zip(expected, backwards, strict=True))
    assert len({crop.tobytes() for crop in expected}) == 20


def test_the_picture_itself_stays(picture):
    pixels = picture(64, 64)
    before = pixels.copy()
    for seed in range(5):
        Augment(64, each(1.0))(pixels, seed)
    assert np.array_equal(pixels, before)


def test_the_crop_may_be_the_whole_picture(picture, augment_config):
    assert Augment(64, augment_config)(picture(64, 64), 0).shape == (64, 64, 3)
