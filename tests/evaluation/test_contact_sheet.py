from dataclasses import replace

import numpy as np
import pytest

from stegnet.evaluation.contact_sheet import GAP, TITLE_HEIGHT, contact_sheet, difference, image_grid
from stegnet.evaluation.quality import HideRevealResult


@pytest.fixture
def result(picture) -> HideRevealResult:
    return HideRevealResult(("a", "b"), *(picture(40, 120, seed) for seed in range(4)))


@pytest.mark.parametrize(
    ("a", "b", "shown"), [(7, 7, 0), (7, 8, 10), (8, 7, 10), (0, 25, 250), (0, 26, 255), (255, 0, 255), (0, 255, 255)]
)
def test_a_difference_is_ten_times_as_large_and_clipped_at_white(a, b, shown):
    levels = difference(np.full((1, 2, 3), a, np.uint8), np.full((1, 2, 3), b, np.uint8))
    assert levels.dtype == np.uint8
    assert np.array_equal(levels, np.full((1, 2, 3), shown))


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_holds_five_pictures_a_row(result, rows):
    page = contact_sheet([result] * rows)
    assert page.shape == (TITLE_HEIGHT + GAP + rows * (40 + GAP), GAP + 5 * (120 + GAP), 3)
    assert page.dtype == np.uint8


def test_each_picture_is_in_its_cell(result):
    page = contact_sheet([result, result])
    shown = [result.cover, result.container, difference(result.cover, result.container), result.secret, result.revealed]
    for top in (TITLE_HEIGHT + GAP, TITLE_HEIGHT + GAP + 40 + GAP):
        for column, pixels in enumerate(shown):
            left = GAP + column * (120 + GAP)
            there = page[top : top + 40, left : left + 120]
            assert np.array_equal(there[20:], pixels[20:])  # labels lie in the upper half
            assert np.array_equal(there, pixels) == (column not in {1, 4})


def test_each_label_belongs_to_its_pictures(result, monkeypatch):
    monkeypatch.setattr("stegnet.evaluation.contact_sheet.image_grid", lambda titles, rows: rows)
    revealed = result.secret ^ 1  # an error of one level: 48.1 dB
    (row,) = contact_sheet([replace(result, container=result.cover ^ 2, revealed=revealed)], named=True)
    assert [text for _, text in row] == ["a", "42.1 dB", "", "b", "48.1 dB"]


def test_the_difference_is_computed_at_full_size(result):
    """If the pictures were scaled down first, neighbouring errors would cancel out."""
    noisy = result.cover ^ (np.indices(result.cover.shape).sum(0) % 2 * 8).astype(np.uint8)
    full, small = (
        contact_sheet([HideRevealResult(result.names, result.cover, noisy, result.secret, result.secret)], size)
        for size in (None, (20, 60))
    )
    columns = [
        page[TITLE_HEIGHT + GAP : -GAP, GAP + 2 * (width + GAP) :][:, :width]
        for page, width in ((full, 120), (small, 60))
    ]
    assert columns[1].shape == (20, 60, 3)
    assert columns[0].mean() == pytest.approx(columns[1].mean(), rel=0.1)


RED, BLUE = (np.full((40, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))


def test_pictures_are_in_rows_and_columns() -> None:
    page = image_grid(("left", "right"), [[(RED, ""), (BLUE, "")], [(BLUE, ""), (RED, "12 dB")]])
    assert page.shape == (TITLE_HEIGHT + 3 * GAP + 80, 3 * GAP + 120, 3)
    tops = [TITLE_HEIGHT + GAP, TITLE_HEIGHT + 2 * GAP + 40]
    lefts = [GAP, 2 * GAP + 60]
    shown = [[page[top : top + 40, left : left + 60] for left in lefts] for top in tops]
    assert np.array_equal(shown[0][0], RED)
    assert np.array_equal(shown[0][1], BLUE)
    assert np.array_equal(shown[1][0], BLUE)
    assert not np.array_equal(shown[1][1], RED)  # something is written on it
    assert np.array_equal(shown[1][1][30:], RED[30:])
