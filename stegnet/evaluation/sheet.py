"""Contact sheets: cover, container, their difference, secret and what was revealed, side by side."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stegnet.evaluation.quality import Trip
from stegnet.media import resize
from stegnet.metrics import psnr

GAIN = 10
TITLES = ("cover", "container", f"difference x{GAIN}", "secret", "revealed")
GAP, TITLE_HEIGHT, TEXT_HEIGHT = 6, 26, 14


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """GAIN · |a − b| of two (H, W, 3) uint8 pictures, cut at 255."""
    return np.minimum(np.abs(a.astype(np.int16) - b) * GAIN, 255).astype(np.uint8)


def sheet(trips: Sequence[Trip], size: tuple[int, int] | None = None) -> np.ndarray:
    """One row per trip, with titles above and PSNR in dB on container and revealed picture.

    Args:
        trips: PSNR and difference are taken at the size that their pictures have.
        size: height and width at which each is shown, in pixels; by default those of the first cover.
    Returns:
        (H, W, 3) uint8.
    """
    height, width = size or trips[0].cover.shape[:2]
    page = Image.new("RGB", (_place(len(TITLES), width), TITLE_HEIGHT + _place(len(trips), height)), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(TEXT_HEIGHT)
    for column, title in enumerate(TITLES):
        draw.text((_place(column, width) + 2, GAP), title, "black", font)
    for row, trip in enumerate(trips):
        top = TITLE_HEIGHT + _place(row, height)
        for column, (picture, label) in enumerate(_columns(trip)):
            corner = (_place(column, width), top)
            page.paste(Image.fromarray(resize(picture, height, width)), corner)
            _label(draw, corner, label, font)
    return np.asarray(page)


def _columns(trip: Trip) -> list[tuple[np.ndarray, str]]:
    return [
        (trip.cover, ""),
        (trip.container, f"{psnr(trip.cover, trip.container):.1f} dB"),
        (difference(trip.cover, trip.container), ""),
        (trip.secret, ""),
        (trip.revealed, f"{psnr(trip.secret, trip.revealed):.1f} dB"),
    ]


def _place(index: int, size: int) -> int:
    return GAP + index * (size + GAP)


def _label(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, font: ImageFont.ImageFont) -> None:
    if text:
        place = (corner[0] + 4, corner[1] + 2)
        draw.rectangle(draw.textbbox(place, text, font), fill="black")
        draw.text(place, text, "white", font)
