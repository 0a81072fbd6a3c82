"""Contact sheets: labelled image grids, such as cover, container, difference, secret and revealed side by side."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.evaluate.quality import HideRevealResult
from stegnet.core.measures import difference, psnr
from stegnet.image.pictures import resize

GAP, TITLE_HEIGHT, LABEL_HEIGHT = 6, 26, 14
GAIN = 10
TITLES = ("cover", "container", f"difference x{GAIN}", "secret", "revealed")

LabelledImage = tuple[np.ndarray, str]  # (H, W, 3) uint8; its label or ""


def contact_sheet(results: Sequence[HideRevealResult], size: tuple[int, int] | None = None) -> np.ndarray:
    """One row per result, (H, W, 3) uint8, labelled with the PSNR in dB of container and revealed picture.

    PSNR and difference are computed at full size; a cell is as large as the first cover unless its size is given.
    """
    height, width = size or results[0].cover.shape[:2]
    rows = [[(resize(image, height, width), label) for image, label in _cells(result)] for result in results]
    return image_grid(TITLES, rows)


def image_grid(titles: Sequence[str], rows: Sequence[Sequence[LabelledImage]]) -> np.ndarray:
    """Pictures of one size in rows and columns, with a title above each column and a label in each picture's corner."""
    height, width = rows[0][0][0].shape[:2]
    page = Image.new("RGB", (_offset(len(titles), width), TITLE_HEIGHT + _offset(len(rows), height)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(LABEL_HEIGHT)
    for column, title in enumerate(titles):
        draw.text((_offset(column, width) + 2, GAP), title, "black", font)
    for row, cells in enumerate(rows):
        for column, (image, label) in enumerate(cells):
            corner = (_offset(column, width), TITLE_HEIGHT + _offset(row, height))
            page.paste(Image.fromarray(image), corner)
            if label:
                position = (corner[0] + 4, corner[1] + 2)
                draw.rectangle(draw.textbbox(position, label, font), fill="black")
                draw.text(position, label, "white", font)
    return np.asarray(page)


def _cells(result: HideRevealResult) -> list[LabelledImage]:
    return [
        (result.cover, ""),
        (result.container, f"{psnr(result.cover, result.container):.1f} dB"),
        (difference(result.cover, result.container, GAIN), ""),
        (result.secret, ""),
        (result.revealed, f"{psnr(result.secret, result.revealed):.1f} dB"),
    ]


def _offset(index: int, size: int) -> int:
    """First pixel of a row or column of the grid."""
    return GAP + index * (size + GAP)
