"""What is written into the samples of zones is read from them, whatever their number; and how few of them change."""

import random

import numpy as np
import pytest

from stegnet.keys import KeyRing
from stegnet.sealing import FILM_EFFORT, record_capacity, unseal
from tests.support.films import picture
from tests.support.sealing import KEY, sealed
from tests.support.settings import NIGHT

EFFORTS = (1, 1 << 20, FILM_EFFORT)


def drawn(chance: random.Random) -> np.ndarray:
    """A picture of any size, grey or in colours, smooth or noisy."""
    shape = chance.randint(20, 400), chance.randint(20, 400)
    shown = picture(*shape, chance.randrange(1000))
    if chance.random() < 0.5:
        shown ^= np.random.default_rng(chance.randrange(1000)).integers(0, 16, shown.shape, np.uint8)
    return shown[..., :1].repeat(3, 2) if chance.random() < 0.3 else shown


@pytest.mark.parametrize("number", range(60 if NIGHT else 12))
def test_a_record_of_any_size_comes_back_from_a_picture_of_any_size(number: int) -> None:
    chance = random.Random(f"{NIGHT}{number}")
    cover = drawn(chance)
    most = record_capacity(*cover.shape[:2])
    assert most
    for size in (min(most, chance.randint(1, 200)), chance.randint(1, most)):
        record = chance.randbytes(size)
        container = sealed(cover, record, number, effort=chance.choice(EFFORTS))
        assert (container.shape, container.dtype) == (cover.shape, cover.dtype)
        found = unseal(container, KeyRing(KEY), first=True)
        assert found and (found.record, found.whole) == (record, True), (cover.shape, size)
        assert np.abs(container.astype(int) - cover).max() <= 2


@pytest.mark.parametrize(
    ("size", "grey", "expected"),
    [
        (20, False, (94, 0)),
        (500, False, (1203, 104)),
        (8000, False, (21388, 4256)),
        (100, True, (522, 8)),  # in the green samples, which the other channels follow
        (500, True, (3513, 957)),  # each of them, with what lies around them
        (2000, True, (4573, 479)),  # too much for them
    ],
)
def test_the_writer_changes_what_it_always_changed(size: int, grey: bool, expected: tuple[int, int]) -> None:
    """So many samples, and so many of them as their right neighbours: no reader notices that a writer became worse."""
    cover = picture(120, 160, 3) ^ np.random.default_rng(1).integers(0, 16, (120, 160, 3), np.uint8)
    change = sealed(cover, bytes(size), 5, effort=1 << 20, grey=grey).astype(int) - cover
    together = (change[:, 1:] == change[:, :-1]) & (change[:, 1:] != 0)
    assert (np.count_nonzero(change), np.count_nonzero(together)) == expected
