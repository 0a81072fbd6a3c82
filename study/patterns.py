"""Test patterns: pictures of one kind of content each, also of kinds that a pair was hardly trained on.

All are (H, W, 3) uint8, sRGB.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.color import hsv2rgb

PLAIN = "picture"  # unchanged
_TEXT = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair. "
)  # Dickens, A Tale of Two Cities, 1859


@dataclass(frozen=True)
class Canvas:
    """The source of a pattern: a photograph, (H, W, 3) uint8, and a random generator."""

    photograph: np.ndarray
    random: np.random.Generator

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.photograph.shape[:2]


def contents(photograph: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """A picture of each kind of content, of the photograph's size, by name; the photograph itself comes first."""
    return {name: make(Canvas(photograph, np.random.default_rng(seed))) for name, make in _MAKERS.items()}


def _dark(canvas: Canvas) -> np.ndarray:
    """Levels 0 to 25."""
    return canvas.photograph // 10


def _bright(canvas: Canvas) -> np.ndarray:
    """Levels 230 to 255."""
    return 230 + canvas.photograph // 10


def _overexposed(canvas: Canvas) -> np.ndarray:
    """1.5 stops too bright, in sRGB levels, clipped at white."""
    return np.minimum(canvas.photograph * 2.8, 255).astype(np.uint8)


def _flat(level: int) -> Callable[[Canvas], np.ndarray]:
    return lambda canvas: np.full((*canvas.size, 3), level, np.uint8)


def _gradient(canvas: Canvas) -> np.ndarray:
    """Black to white from left to right, and a little colour from top to bottom."""
    height, width = canvas.size
    across, down = np.linspace(0, 255, width), np.linspace(-20, 20, height)[:, None, None]
    return (across[None, :, None] + down * np.array([1, 0, -1])).round().clip(0, 255).astype(np.uint8)


def _text(canvas: Canvas) -> np.ndarray:
    """A page of black text on white, in Pillow's own font."""
    page, draw = _page(canvas)
    height, width = canvas.size
    font = ImageFont.load_default(12)
    for line, top in enumerate(range(6, height - 6, 15)):
        start = 29 * line % len(_TEXT)
        draw.text((6, top), (_TEXT[start:] + _TEXT * (1 + width // len(_TEXT)))[: width // 4], "black", font)
    return np.array(page)


def _line_art(canvas: Canvas) -> np.ndarray:
    """Black outlines of circles and polygons on white."""
    page, draw = _page(canvas)
    side = min(canvas.size)
    for _ in range(24):
        x, y = (canvas.random.uniform(0, limit) for limit in reversed(canvas.size))
        radius = canvas.random.uniform(0.04, 0.3) * side
        width = int(canvas.random.integers(1, 4))
        if canvas.random.random() < 0.5:
            draw.circle((x, y), radius, outline="black", width=width)
        else:
            draw.regular_polygon((x, y, radius), int(canvas.random.integers(3, 8)), outline="black", width=width)
    return np.array(page)


def _noise(canvas: Canvas) -> np.ndarray:
    """Every sample drawn evenly from 0 to 255."""
    return canvas.random.integers(0, 256, (*canvas.size, 3), np.uint8)


def _salt(canvas: Canvas) -> np.ndarray:
    """The photograph, with a tenth of its pixels white and a tenth black."""
    drawn = canvas.random.random((*canvas.size, 1))
    return np.where(drawn < 0.1, 255, np.where(drawn < 0.2, 0, canvas.photograph)).astype(np.uint8)


def _checkerboard(side: int) -> Callable[[Canvas], np.ndarray]:
    """Black and white squares of `side` pixels."""

    def make(canvas: Canvas) -> np.ndarray:
        y, x = np.indices(canvas.size) // side
        return np.repeat(((y + x) % 2 * 255).astype(np.uint8)[..., None], 3, -1)

    return make


def _saturated(canvas: Canvas) -> np.ndarray:
    """Patches of 32² of full saturation, with hues drawn at random."""
    height, width = canvas.size
    hues = canvas.random.random((height // 32 + 1, width // 32 + 1)).repeat(32, 0).repeat(32, 1)[:height, :width]
    return (hsv2rgb(np.stack([hues, np.ones_like(hues), np.ones_like(hues)], -1)) * 255).round().astype(np.uint8)


def _page(canvas: Canvas) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("RGB", canvas.size[::-1], "white")
    return page, ImageDraw.Draw(page)


_MAKERS: dict[str, Callable[[Canvas], np.ndarray]] = {
    PLAIN: lambda canvas: canvas.photograph,
    "dark": _dark,
    "bright": _bright,
    "overexposed": _overexposed,
    "grey": _flat(128),
    "black": _flat(0),
    "white": _flat(255),
    "gradient": _gradient,
    "text": _text,
    "line art": _line_art,
    "noise": _noise,
    "salt and pepper": _salt,
    "fine checkerboard": _checkerboard(1),
    "checkerboard": _checkerboard(16),
    "saturated": _saturated,
}
