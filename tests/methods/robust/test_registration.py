"""Containers that were cropped or shifted are found again."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from stegnet.methods.robust.modems import SHIPPED_MODEMS

from stegnet.core.errors import CapacityError
from stegnet.core.jpeg import through_jpeg
from stegnet.keys.keys import Key
from stegnet.methods.robust import registration
from stegnet.methods.robust.channels import parse_channel
from stegnet.methods.robust.grid import own_grid
from stegnet.methods.robust.reader import reader
from stegnet.methods.robust.registration import REACH, grids, likely_grids
from stegnet.methods.robust.survival import Survivor, best_rung, hide_robust

KEY, CONTENT = Key(bytes(range(32))), b"\2" * 40
MODEM = SHIPPED_MODEMS.picture
CROP = parse_channel("jpeg:75+crop")


@pytest.fixture(scope="module")
def survivor(picture: Callable[..., np.ndarray]) -> Survivor:
    cover = picture(250, 333, 3)
    rung = best_rung(MODEM, cover, CROP, 38.0, 95)
    return hide_robust(MODEM, cover, lambda room: CONTENT, KEY, CROP, rung, randomness=random.Random(0).randbytes)


@pytest.mark.parametrize("crop", [(0, 8, 8, 0), (1, 2, 3, 4), (8, 8, 8, 8)], ids=str)
def test_a_cropped_container(survivor: Survivor, crop: tuple[int, ...]) -> None:
    top, left, bottom, right = crop
    height, width = survivor.picture.shape[:2]
    copy = through_jpeg(through_jpeg(survivor.picture, 95)[top : height - bottom, left : width - right], 77)
    assert reader(MODEM, KEY)(copy).content.startswith(CONTENT)


def test_a_moved_container(survivor: Survivor) -> None:
    copy = through_jpeg(np.roll(survivor.picture, (5, -7), (0, 1)), 80)
    assert reader(MODEM, KEY)(copy).content.startswith(CONTENT)


def test_what_is_not_searched(survivor: Survivor) -> None:
    assert reader(MODEM, KEY)(survivor.picture[12:, 12:]) is None
    assert reader(MODEM, Key(bytes(32)))(survivor.picture[3:, 3:]) is None
    assert list(likely_grids(MODEM, lambda salt: KEY, survivor.picture[:63], few_keys=False)) == []


def test_placements(survivor: Survivor) -> None:
    """All that are promised are among those that are searched."""
    height, width = survivor.picture.shape[:2]
    whole = own_grid(height, width)
    for top, left, bottom, right in ((0, 0, 8, 8), (8, 8, 8, 8), (1, 7, 3, 2), (0, 0, 0, 6)):
        assert whole.placed(top, left) in set(grids(height - top - bottom, width - left - right))
    for top in range(-REACH, REACH + 1):
        assert top == 0 or whole.placed(top, -top) in set(grids(height, width))
    assert whole not in set(grids(height, width))


def test_few_keys_are_derived_from_a_passphrase(survivor: Survivor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_MOST_KEYS", 3)
    derived: list[bytes] = []

    def key_of(salt: bytes) -> Key:
        derived.append(salt)
        return KEY

    steps: list[tuple[int, int]] = []
    found = list(likely_grids(MODEM, key_of, survivor.picture, few_keys=True, step=lambda *done: steps.append(done)))
    assert 0 < len(set(derived)) <= 3
    assert len(found) > 0
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_a_cover_in_which_nothing_comes_back(picture: Callable[..., np.ndarray]) -> None:
    cover, rung = picture(40, 40, 3), MODEM.rungs[0]
    with pytest.raises(CapacityError, match="survives cropped or shifted by up to 8 pixels"):
        hide_robust(MODEM, cover, lambda room: CONTENT, KEY, CROP, rung)
