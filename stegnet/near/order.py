"""The order in which a network predicts a picture, and the levels of its samples: what training and coding share."""

PASSES = ((1, 1), (0, 1), (1, 0))  # row and column in 2×2 pixels of what each pass predicts, given (0, 0)
COLOURS = (1, 0, 2)  # in the order of coding: green, red, blue
MIXED = 3  # logistics in the mixture that says how likely the levels of a sample are
FILMS = 9  # first layers of a pass
_DEPTHS = 3  # first layers for each error


def count_levels(step: int) -> int:
    """Return the number of levels, from 0 on, that samples of 8 bits have with a step."""
    white = 255
    return (white + step // 2) // step + 1


def film_number(depth: int, error: int) -> int:
    """Return the number of the first layer for a grid of every 2 ** depth-th pixel, and for an error in levels."""
    return _DEPTHS * error + min(depth, _DEPTHS - 1)
