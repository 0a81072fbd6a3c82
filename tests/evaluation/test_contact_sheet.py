from dataclasses import replace

import numpy as np
import pytest

from stegnet.evaluation.contact_sheet import difference, sheet
from stegnet.evaluation.image_grid import GAP, TITLE_HEIGHT
from stegnet.evaluation.quality import Trip


@pytest.fixture
def trip(picture) -> Trip:
    return Trip(("a", "b"), *(picture(40, 120, seed) for seed in range(4)))


@pytest.mark.parametrize(
    ("a", "b", "shown"), [(7, 7, 0), (7, 8, 10), (8, 7, 10), (0, 25, 250), (0, 26, 255), (255, 0, 255), (0, 255, 255)]
)
def test_a_difference_is_ten_times_as_large_and_cut_at_white(a, b, shown):
    levels = difference(np.full((1, 2, 3), a, np.uint8), np.full((1, 2, 3), b, np.uint8))
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, np.full((1, 2, 3), shown))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_holds_five_pictures_a_row(trip, rows):
    page = sheet([trip] * rows)
    assert page.shape == (TITLE_HEIGHT + GAP + rows * (40 + GAP), GAP + 5 * (120 + GAP), 3)
    assert page.dtype == np.uint8


def test_every_picture_has_its_place(trip):
    page = sheet([trip, trip])
    shown = [trip.cover, trip.container, difference(trip.cover, trip.container), trip.secret, trip.revealed]
    for top in (TITLE_HEIGHT + GAP, TITLE_HEIGHT + GAP + 40 + GAP):
        for column, pixels in enumerate(shown):
            left = GAP + column * (120 + GAP)
            there = page[top : top + 40, left : left + 120]
            assert np.array_equal(there[20:], pixels[20:])  # labels lie in the upper half
            assert np.array_equal(there, pixels) == (column not in {1, 4})


def test_each_label_is_of_its_own_pictures(trip, monkeypatch):
    monkeypatch.setattr("stegnet.evaluation.contact_sheet.board", lambda titles, rows: rows)
    revealed = trip.secret ^ 1  # an error of one level: 48.1 dB
    (row,) = sheet([replace(trip, container=trip.cover ^ 2, revealed=revealed)], named=True)
    assert [text for _, text in row] == ["a", "42.1 dB", "", "b", "48.1 dB"]


def test_titles_stand_above(trip):
    titles = sheet([trip])[:TITLE_HEIGHT]
    dark = [(titles[:, GAP + column * (120 + GAP) :][:, :120] < 128).any() for column in range(5)]
    assert dark == [True] * 5


def test_equal_pictures_are_labelled_too(trip):
    same = Trip(trip.names, trip.cover, trip.cover, trip.secret, trip.secret)
    assert sheet([same]).shape == sheet([trip]).shape


def test_shown_smaller_the_difference_stays_as_strong(trip):
    """Scaled down first, neighbouring errors would cancel out."""
    noisy = trip.cover ^ (np.indices(trip.cover.shape).sum(0) % 2 * 8).astype(np.uint8)
    full, small = (
        sheet([Trip(trip.names, trip.cover, noisy, trip.secret, trip.secret)], size) for size in (None, (20, 60))
    )
    columns = [
        page[TITLE_HEIGHT + GAP : -GAP, GAP + 2 * (width + GAP) :][:, :width]
        for page, width in ((full, 120), (small, 60))
    ]
    assert columns[1].shape == (20, 60, 3)
    assert columns[0].mean() == pytest.approx(columns[1].mean(), rel=0.1)


def test_names_stand_on_cover_and_secret_where_wished(trip):
    plain, named = sheet([trip]), sheet([trip], named=True)
    changed = [
        (plain[:, left : left + 120] != named[:, left : left + 120]).any()
        for left in (GAP + column * (120 + GAP) for column in range(5))
    ]
    assert changed == [True, False, False, True, False]
