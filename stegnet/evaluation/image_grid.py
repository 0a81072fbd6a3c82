"""Pictures in rows and columns, with a title above each column and a word on each picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP, TITLE_HEIGHT, TEXT_HEIGHT = 6, 26, 14

Labelled = tuple[np.ndarray | None, str]  # (H, W, 3) uint8 or an empty place, and what is written there, or ""


def board(titles: Sequence[str], rows: Sequence[Sequence[Labelled]]) -> np.ndarray:
    """One picture of many.

    Args:
        titles: one for each column.
        rows: pictures of one size, as many in each row as there are titles.
    Returns:
        (H, W, 3) uint8.
    """
    height, width = next(picture.shape[:2] for row in rows for picture, _ in row if picture is not None)
    page = Image.new("RGB", (_place(len(titles), width), TITLE_HEIGHT + _place(len(rows), height)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT_HEIGHT)
    for column, title in enumerate(titles):
        draw.text((_place(column, width) + 2, GAP), title, "black", font)
    for row, pictures in enumerate(rows):
        for column, (picture, label) in enumerate(pictures):
            corner = (_place(column, width), TITLE_HEIGHT + _place(row, height))
            if picture is not None:
                page.paste(Image.fromarray(picture), corner)
            _write(draw, corner, label, font)
    return np.asarray(page)


def _place(index: int, size: int) -> int:
    return GAP + index * (size + GAP)


def _write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, font: ImageFont.ImageFont) -> None:
    if text:
        place = (corner[0] + 4, corner[1] + 2)
        draw.rectangle(draw.textbbox(place, text, font), fill="black")
        draw.text(place, text, "white", font)
