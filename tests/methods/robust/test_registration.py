"""Containers that were cropped or shifted are found again."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from stegnet import CapacityError
from stegnet.core.jpeg import through_jpeg
from stegnet.keys import Key
from stegnet.methods import Run
from stegnet.methods.robust import SAVED, Modem, Promise, best_rung, hide_robust, parse_channel, registration
from stegnet.methods.robust.grid import own_grid
from stegnet.methods.robust.reader import picture_reader
from stegnet.methods.robust.registration import REACH, grids, likely_grids

pytestmark = pytest.mark.slow

KEY, CONTENT = Key(bytes(range(32))), b"\2" * 40
MODEM = Modem.load(device="cpu")
CROP = parse_channel("jpeg:75+crop")
READ = picture_reader(MODEM, KEY)


@pytest.fixture(scope="module")
def container(picture: Callable[..., np.ndarray]) -> np.ndarray:
    cover = picture(200, 266, 3)
    promise = Promise(CROP, best_rung(MODEM, cover, CROP, 38.0, SAVED))
    return hide_robust(
        MODEM, cover, lambda room: CONTENT, KEY, promise, Run(randomness=random.Random(0).randbytes)
    ).picture


def test_cropped_and_moved_containers(container: np.ndarray) -> None:
    assert READ(through_jpeg(through_jpeg(container, 95)[:-8, 8:], 77)).content.startswith(CONTENT)
    assert READ(through_jpeg(np.roll(container, (5, -7), (0, 1)), 80)).content.startswith(CONTENT)


@pytest.mark.parametrize(("height", "width"), [(360, 480), pytest.param(760, 1000, marks=pytest.mark.long)])
def test_cropped_and_resized_containers(picture: Callable[..., np.ndarray], height: int, width: int) -> None:
    cover, channel = picture(height, width, 4), parse_channel("jpeg:80+crop+resize:0.8")
    promise = Promise(channel, best_rung(MODEM, cover, channel, 38.0, SAVED))
    run = Run(randomness=random.Random(0).randbytes)
    sent = hide_robust(MODEM, cover, lambda room: CONTENT, KEY, promise, run).picture
    part = Image.fromarray(sent[3 : height - 1, 8:])
    copy = part.resize((round(part.width * 0.83), round(part.height * 0.83)), Image.Resampling.BICUBIC)
    assert READ(through_jpeg(np.array(copy), 81)).content.startswith(CONTENT)


def test_another_key_finds_nothing(picture: Callable[..., np.ndarray]) -> None:
    assert picture_reader(MODEM, Key(bytes(32)))(picture(150, 200, 5)) is None


def test_what_is_not_searched(container: np.ndarray) -> None:
    assert list(likely_grids(MODEM, lambda salt: KEY, container[:63], few_keys=False)) == []


def test_placements() -> None:
    """All that are promised are among those that are searched."""
    height, width = 200, 266
    whole = own_grid(height, width)
    for top, left, bottom, right in ((0, 0, 8, 8), (8, 8, 8, 8), (1, 7, 3, 2), (0, 0, 0, 6)):
        assert whole.placed(top, left) in set(grids(height - top - bottom, width - left - right))
    searched = set(grids(height, width))
    assert [whole.placed(top, -top) in searched for top in range(-REACH, REACH + 1)].count(False) == 1
    assert whole not in searched


def test_few_keys_are_derived_from_a_passphrase(container: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_MOST_KEYS", 3)
    derived: set[bytes] = set()

    def key_of(salt: bytes) -> Key:
        derived.add(salt)
        return KEY

    steps: list[tuple[int, int]] = []
    assert list(likely_grids(MODEM, key_of, container, few_keys=True, step=lambda *done: steps.append(done)))
    assert 0 < len(derived) <= 3
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_a_cover_in_which_nothing_comes_back(picture: Callable[..., np.ndarray]) -> None:
    promise = Promise(CROP, MODEM.rungs[0])
    with pytest.raises(CapacityError, match="survives cropped or shifted by up to 8 pixels"):
        hide_robust(MODEM, picture(40, 40, 3), lambda room: CONTENT, KEY, promise)
