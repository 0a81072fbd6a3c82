"""Pictures of any size to squares of one size."""

import cv2
import numpy as np

ZOOM = 1.25  # how much wider than the crop a big picture stays: the middle 80 % of it are kept


def fit(picture: np.ndarray, size: int) -> np.ndarray | None:
    """The middle of a picture, scaled down (area filter) to a short side of at most ZOOM · size.

    Args:
        picture: (H, W, 3) uint8.
    Returns:
        (size, size, 3) uint8, or None if a side of the picture is shorter than `size`.
    """
    short = min(picture.shape[:2])
    if short < size:
        return None
    if short > ZOOM * size:
        scale = round(ZOOM * size) / short
        height, width = (max(size, round(side * scale)) for side in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def cut(picture: np.ndarray, size: int, most: int) -> list[np.ndarray]:
    """Up to `most` squares that lie side by side in the middle of a picture, each (size, size, 3), unscaled."""
    rows, cols = (side // size for side in picture.shape[:2])
    top, left = ((side - count * size) // 2 for side, count in zip(picture.shape[:2], (rows, cols), strict=True))
    corners = [(top + row * size, left + col * size) for row in range(rows) for col in range(cols)]
    return [np.ascontiguousarray(picture[y : y + size, x : x + size]) for y, x in corners[:most]]
