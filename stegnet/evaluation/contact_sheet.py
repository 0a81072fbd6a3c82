"""Contact sheets: cover, container, their difference, secret and what was revealed, side by side."""

from collections.abc import Sequence

import numpy as np

from stegnet.core.measures import psnr
from stegnet.evaluation.image_grid import board
from stegnet.evaluation.quality import Trip
from stegnet.media import resize

GAIN = 10
TITLES = ("cover", "container", f"difference x{GAIN}", "secret", "revealed")


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """GAIN · |a − b| of two (H, W, 3) uint8 pictures, cut at 255."""
    return np.minimum(np.abs(a.astype(np.int16) - b) * GAIN, 255).astype(np.uint8)


def sheet(trips: Sequence[Trip], size: tuple[int, int] | None = None, named: bool = False) -> np.ndarray:
    """One row per trip, with titles above and PSNR in dB on container and revealed picture.

    Args:
        trips: PSNR and difference are taken at the size that their pictures have.
        size: height and width at which each is shown, in pixels; by default those of the first cover.
        named: does the name of cover and secret stand on each?
    Returns:
        (H, W, 3) uint8.
    """
    height, width = size or trips[0].cover.shape[:2]
    rows = [[(resize(picture, height, width), text) for picture, text in _columns(trip, named)] for trip in trips]
    return board(TITLES, rows)


def _columns(trip: Trip, named: bool) -> list[tuple[np.ndarray, str]]:
    cover, secret = trip.names if named else ("", "")
    return [
        (trip.cover, cover),
        (trip.container, f"{psnr(trip.cover, trip.container):.1f} dB"),
        (difference(trip.cover, trip.container), ""),
        (trip.secret, secret),
        (trip.revealed, f"{psnr(trip.secret, trip.revealed):.1f} dB"),
    ]
