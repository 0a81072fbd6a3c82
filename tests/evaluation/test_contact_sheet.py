import numpy as np
import pytest

from stegnet.evaluation.contact_sheet import GAP, TITLE_HEIGHT, contact_sheet, difference
from stegnet.evaluation.quality import HideRevealResult


@pytest.fixture
def result(picture) -> HideRevealResult:
    return HideRevealResult(("a", "b"), *(picture(40, 120, seed) for seed in range(4)))


def test_each_picture_is_in_its_cell(result):
    page = contact_sheet([result, result])
    assert (page.shape, page.dtype) == ((TITLE_HEIGHT + GAP + 2 * (40 + GAP), GAP + 5 * (120 + GAP), 3), np.uint8)
    shown = [result.cover, result.container, difference(result.cover, result.container), result.secret, result.revealed]
    for top in (TITLE_HEIGHT + GAP, TITLE_HEIGHT + GAP + 40 + GAP):
        for column, pixels in enumerate(shown):
            left = GAP + column * (120 + GAP)
            there = page[top : top + 40, left : left + 120]
            assert np.array_equal(there[20:], pixels[20:])  # labels lie in the upper half
            assert np.array_equal(there, pixels) == (column not in {1, 4})


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
