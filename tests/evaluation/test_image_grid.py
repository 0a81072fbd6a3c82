import numpy as np

from stegnet.evaluation.image_grid import GAP, TITLE_HEIGHT, board

RED, BLUE = (np.full((40, 60, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))


def test_pictures_stand_where_they_should() -> None:
    page = board(("left", "right"), [[(RED, ""), (BLUE, "")], [(BLUE, ""), (RED, "12 dB")]])
    assert page.shape == (TITLE_HEIGHT + 3 * GAP + 80, 3 * GAP + 120, 3)
    tops = [TITLE_HEIGHT + GAP, TITLE_HEIGHT + 2 * GAP + 40]
    lefts = [GAP, 2 * GAP + 60]
    shown = [[page[top : top + 40, left : left + 60] for left in lefts] for top in tops]
    assert np.array_equal(shown[0][0], RED)
    assert np.array_equal(shown[0][1], BLUE)
    assert np.array_equal(shown[1][0], BLUE)
    assert not np.array_equal(shown[1][1], RED)  # something is written on it
    assert np.array_equal(shown[1][1][30:], RED[30:])


def test_a_place_may_be_empty() -> None:
    page = board(("left", "right"), [[(None, ""), (RED, "")]])
    assert (page[TITLE_HEIGHT:, : GAP + 60] == 255).all()
    assert (page[TITLE_HEIGHT + GAP : TITLE_HEIGHT + GAP + 40, 2 * GAP + 60 : -GAP] == RED).all()


def test_titles_are_written() -> None:
    assert (board(("a title",), [[(RED, "")]])[:TITLE_HEIGHT] < 128).any()
