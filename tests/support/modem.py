"""A modem without weights: each bit moves a low coefficient of its block to one of two sets (quantisation index)."""

import numpy as np

from stegnet.core.pixels import BLOCK, DCT_BASIS
from stegnet.methods.robust import OperatingPoint, PictureModem
from stegnet.networks import Pool

_STRENGTH = 9 / 255  # distance between the sets
_NOISE = 4 / 255  # of a coefficient, which decides how sure the reader is
_FIRST = 1  # the mean stays


class IndexEngine:
    """Implements `hide` and `reveal` of a modem: quantisation index modulation of luma coefficients, one a bit."""

    backend, device, precision = "numpy", "cpu", "fp32"

    def __init__(self, bits: int) -> None:
        self._planes = DCT_BASIS[_FIRST : _FIRST + bits].reshape(bits, BLOCK, BLOCK).astype(np.float32)
        self._bits = bits

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        found, bits = self._coefficients(cover), hidden[..., : self._bits]
        target = bits * _STRENGTH / 2 + self._shift(hidden[..., self._bits :])
        nearest = np.rint((found - target) / (2 * _STRENGTH)) * (2 * _STRENGTH) + target
        moved = np.where(bits != 0, nearest - found, 0)
        change = np.einsum("rck,kyx->rycx", moved, self._planes).reshape(cover.shape[:2])
        return cover + change[..., None]

    def reveal(self, container: np.ndarray, dither: np.ndarray) -> np.ndarray:
        found = self._coefficients(container) - self._shift(dither)
        distances = [
            np.abs(found - t - np.rint((found - t) / (2 * _STRENGTH)) * 2 * _STRENGTH)
            for t in (-_STRENGTH / 2, _STRENGTH / 2)
        ]
        return ((distances[0] ** 2 - distances[1] ** 2) / (2 * _NOISE**2)).astype(np.float32)

    def _shift(self, dither: np.ndarray) -> np.ndarray:
        return dither[..., : self._bits] * 2 * _STRENGTH

    def pool(self, pixels: int) -> Pool:
        return Pool(1, lambda: None)

    def _coefficients(self, picture: np.ndarray) -> np.ndarray:
        luma = picture @ np.array([0.299, 0.587, 0.114], np.float32)
        rows, cols = (side // BLOCK for side in luma.shape)
        return np.einsum("rycx,kyx->rck", luma.reshape(rows, BLOCK, cols, BLOCK), self._planes)


RUNGS = (
    OperatingPoint("jpeg-75", 0, 2, 38.0, 70, 85),
    OperatingPoint("jpeg-90", 2, 4, 38.0, 86, 100),
    OperatingPoint("strong", 6, 3, 32.0, 75, 92),
)


def index_modem() -> PictureModem:
    """Each of its points' bits has a coefficient of its own."""
    engine = IndexEngine(sum(point.bits for point in RUNGS))
    return PictureModem(engine, RUNGS)  # type: ignore[arg-type]  # only the methods of a modem
