"""Lattices in a picture: levels, colours and coefficients that a decoder, a gain or a palette leaves out.

A decoder gives at most a quarter of all colours (Fridrich, Goljan, Du 2001, "Steganalysis based on JPEG compatibility",
SPIE 4518), and the DCT of a former JPEG has multiples of its quantisation steps. Noise would fill what is left out, and
so does a container.
"""

import math

import numpy as np

from stegnet.core.pixels import BLOCK, COSINES, LUMA, median
from stegnet.media.evidence.detection import ROUNDING
from stegnet.media.evidence.tiles import Tile

COPY = "a copy of one that was saved with loss"
LACKS_COLOURS = "a picture that lacks some colours, as after a change of its saturation"
PREMULTIPLIED = "a picture whose colours were multiplied by its opacity"
LACKS_LEVELS = "a picture that lacks some levels, as after a change of its contrast"


def lattice_proof(parts: list[Tile]) -> str | None:
    """Describe a picture, given by its tiles, that leaves out levels, colours or coefficients; None: it does not."""
    grid_side = 200  # pixels of a tile whose blocks are asked for a grid
    pooled = DctHistograms()
    for y, x, tile in parts:
        grid = DctHistograms()
        grid.add(y, x, luma_of(tile[:grid_side, :grid_side]))
        if grid.is_quantised():
            return COPY
        pooled.join(grid)
    if pooled.is_quantised() or pooled.is_quantised(DctHistograms.scaled_steps):
        return COPY

    in_all = np.zeros((3, 256), int)
    for _, _, tile in parts:
        counts = np.stack([np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(tile, 2, 0)])
        if any(leaves_levels_out(levels) for levels in counts):
            return LACKS_LEVELS
        in_all += counts
    if any(leaves_levels_out(levels) for levels in in_all):
        return LACKS_LEVELS
    return next(filter(None, (colour_proof(tile) for _, _, tile in parts)), None)


# Weights of luma, and ranges of films (ITU-R BT.601-7, BT.709-6, BT.2020-2).
_LUMAS = (LUMA, (0.2126, 0.7152, 0.0722), (0.2627, 0.678, 0.0593))


def luma_of(tile: np.ndarray) -> np.ndarray:
    """Return luma, (h, w) float32, as a decoder had it before it made colours of it."""
    luma: np.ndarray = np.rint(tile @ np.array(LUMA, np.float32)).astype(np.float32)
    return luma


class DctHistograms:
    """Histograms of the DCT of 8×8 blocks at each of 64 offsets, and whether coefficients are multiples of steps."""

    frequencies = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (2, 2), (0, 3), (3, 0))
    steps = np.arange(2, 33)  # quantisation steps that are searched for
    scaled_steps = np.geomspace(1.8, 24, 90)  # of a picture whose contrast was reduced
    bins = 8  # for each level
    most = 64  # levels of a coefficient that is counted
    _places = np.arange(bins * most) / bins
    _least_values = 30  # that tell a step
    _least_score = 16.0  # in standard deviations of chance
    _least_ratio = 2.0  # of the score by that of the median offset

    def __init__(self) -> None:
        self._counts = np.zeros((len(self.frequencies), BLOCK, BLOCK, self.bins * self.most), np.float32)

    def add(self, top: int, left: int, luma: np.ndarray) -> None:
        """Add a part of a picture, (h, w) float32, which begins at this row and column of it."""
        height, width = luma.shape
        if min(height, width) < BLOCK:
            return
        size = self.bins * self.most
        down = (np.arange(height - 7) + top) % 8
        across = (np.arange(width - 7) + left) % 8
        offsets = (down[:, None] * 8 + across) * size
        cosines = (COSINES * self.bins).astype(np.float32)
        by_rows = [_correlated(luma, cosines[row], 0) for row in range(4)]
        for index, (row, column) in enumerate(self.frequencies):
            values = np.abs(_correlated(by_rows[row], cosines[column] / self.bins, 1))
            places = np.minimum(np.rint(values, out=values), size - 1).astype(np.intp)
            places += offsets
            self._counts[index] += np.bincount(places.ravel(), minlength=64 * size).reshape(8, 8, size)

    def join(self, other: "DctHistograms") -> None:
        """Add what another one has counted."""
        self._counts += other._counts

    def scores(self, steps: np.ndarray, sharpness: float) -> np.ndarray:
        """Return how surely the coefficients at each offset are multiples of steps, (8, 8), in standard deviations.

        Args:
            steps: that are searched for.
            sharpness: least mean cosine of the phases that counts, by that which rounding leaves.
        """
        counts = self._counts.copy()
        counts[..., -1] = 0  # values that are too large
        flat = counts.reshape(-1, counts.shape[-1])
        beyond = flat @ (np.arange(flat.shape[1])[:, None] > (steps * self.bins / 2).astype(int)).astype(np.float32)
        # Cosines of the phases of values that are not nearest to 0.
        waves = np.cos(2 * np.pi * self._places[:, None] / steps) * (self._places[:, None] > steps / 2)
        sums = flat @ waves.astype(np.float32)
        # Noise beyond rounding hides changes: a grid that it blurs, as in a smaller copy with noise, proves none.
        sharp = (beyond >= self._least_values) & (sums >= sharpness * beyond * np.exp(-2 * np.pi**2 * 0.1 / steps**2))
        best = np.where(sharp, sums * np.sqrt(2 / np.maximum(beyond, 1)), 0).max(1)
        scores: np.ndarray = np.sqrt(np.square(best).reshape(-1, 8, 8).sum(0))
        return scores

    def is_quantised(self, steps: np.ndarray = steps) -> bool:
        """Return whether the coefficients at some offset are multiples of steps, and at most others are not."""
        scores = self.scores(steps, 0.5)
        return bool(scores.max() >= max(self._least_score, self._least_ratio * median(scores)))

    def was_quantised(self) -> bool:
        """Return whether those of a JPEG were so at another offset before.

        The second tables may blur the first grid. A JPEG's own, at (0, 0), shows faintly at offsets in the same
        rows or columns.
        """
        scores = self.scores(self.steps, 0)
        scores[0, 0] = 0
        beside = scores.copy()
        beside[0] = beside[:, 0] = 0
        ranked = np.sort(scores, None)
        if beside.max() >= 12 and beside.max() >= 1.8 * np.sort(beside, None)[-2]:
            return True
        return bool(ranked[-1] >= 20 and ranked[-1] >= 3 * ranked[-2])


def _correlated(values: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """Return sums of eight successive rows or columns, weighted."""
    size = values.shape[axis] - len(weights) + 1
    cut = [(slice(start, start + size), slice(None)) for start in range(len(weights))]
    parts = [values[rows if axis == 0 else rows[::-1]] for rows in cut]
    total: np.ndarray = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total += part * weight
    return total


def leaves_levels_out(counts: np.ndarray) -> bool:
    """Return whether a histogram, (256,), has gaps between levels that are frequent, or few levels at all.

    Its ends, where values clip, don't count. Single levels that are left out between two frequent ones are never
    chance; wider gaps are between things of different colours, too, unless they are many.
    """
    total = counts.sum()
    if total < 2000:
        return False
    beside = np.minimum(counts[1:-3], counts[3:-1])
    if np.count_nonzero((beside >= 30) & (counts[2:-2] < 0.05 * beside)) >= 3:
        return True
    sums = np.cumsum(counts)
    first, last = np.searchsorted(sums, [0.02 * total, 0.98 * total])
    if last - first < 24:
        return False
    reach = 17  # levels on a side, the most frequent of which tells what noise would give
    padded = np.lib.stride_tricks.sliding_window_view(np.pad(counts, reach), reach).max(1)
    near = np.minimum(padded[:256], padded[reach + 1 :])
    gaps = (near >= 20) & (counts < 0.05 * near)
    gaps[: max(first, 1)] = gaps[min(last, 254) + 1 :] = False
    runs = np.count_nonzero(gaps[1:] & ~gaps[:-1])
    return bool(runs >= 8 or np.count_nonzero(counts[first : last + 1]) <= 16)


def colour_proof(tile: np.ndarray) -> str | None:
    """Describe a tile whose colours are a decoder's, lie on another lattice, or are few; None: they are none of these.

    A linear map of integers that are rounded before and after leaves a lattice of colours. It shows as a peak of the
    spectrum of the differences that occur between channels, except for a lattice of luma of limited range. A hue in
    steps shows where colours are strong.
    """
    rows = 86  # that are enough
    colours = tile[:: -(-len(tile) // rows)].reshape(-1, 3).astype(np.int32)
    colours = colours[((colours > 0) & (colours < 255)).all(1)]
    red, green, blue = colours.T
    if len(colours) < 500 or ((red == green) & (green == blue)).mean() > 0.9:
        return None
    occurs = np.bincount((red - green & 255) << 8 | (blue - green & 255), minlength=1 << 16).reshape(256, 256) > 0
    number = np.count_nonzero(occurs)
    if number >= 200:
        spectrum = np.abs(np.fft.rfft2(occurs))
        spectrum[:40, :40] = spectrum[-39:, :40] = 0  # the spread of differences itself
        peak = spectrum.max()
        if peak >= 6 * math.sqrt(number) and peak >= 0.14 * number:
            return COPY if _is_decoded(np.argwhere(occurs)) else LACKS_COLOURS
    if _has_steps_of_hue(colours):
        return LACKS_COLOURS
    every = np.unique((red << 16) + (green << 8) + blue)
    if len(every) <= 256:  # of a palette
        return LACKS_COLOURS if np.std(green) > 8 else None
    sample = every[:: -(-len(every) // 4096)]
    levels = np.stack([sample >> 16, sample >> 8 & 255, sample & 255], 1)
    for weights in _LUMAS:
        phases = np.exp(2j * np.pi * 219 / 255 * (levels @ np.array(weights)))
        if abs(phases.mean()) >= max(0.25, 8 / math.sqrt(len(sample))):
            return COPY
    return None


def _is_decoded(pairs: np.ndarray) -> bool:
    """Return whether pairs of red − green and blue − green, (n, 2), modulo 256, come from integer Cb of some range."""
    red, blue = np.where(pairs < 128, pairs, pairs - 256).T
    for weight, _, weight_of_blue in _LUMAS:
        by_red = weight / (2 - 2 * weight_of_blue)
        for scale in (1, 224 / 255):  # of full and of limited range
            if abs(np.exp(2j * np.pi * scale * (blue / 2 - by_red * red)).mean()) >= 0.14:
                return True
    return False


def _has_steps_of_hue(colours: np.ndarray) -> bool:
    """Return whether the hue of strong colours, (n, 3) int32, is a multiple of a step, as in 8 bits."""
    least, middle, most = np.sort(colours, 1).T
    chroma = most - least
    strong = chroma >= 60
    pairs = np.unique(chroma[strong] << 8 | middle[strong] - least[strong])
    chroma, part = pairs >> 8, pairs & 255
    steps = (30, 42.5, 128 / 3, 60)  # in a sixth of the circle, of hues that end at 180, 255, 256 or 360
    for phases, noise in ((2j * np.pi * number / chroma, np.square(number / chroma)) for number in steps):
        weights = np.exp(-2 * np.pi**2 * ROUNDING * noise)  # what rounding leaves
        total = np.square(weights).sum()
        if abs((weights * np.exp(phases * part)).sum()) >= max(0.3 * total, 8 * math.sqrt(total)) > 0:
            return True
    return False


def is_premultiplied(layers: np.ndarray) -> bool:
    """Return whether colours, (H, W, 4) uint8, are a product with their opacity, or such a product divided by it.

    If they are divided, colour times opacity / 255 is a whole number but for the colour's rounding, which is uniform
    within ± opacity / 510. Its phase has a mean of sinc(opacity / 255), by which pixels are weighted (a matched
    filter); of other colours, the mean is 0.
    """
    pixels = layers.reshape(-1, 4)[:: -(-layers[..., 0].size // (1 << 18))].astype(np.int32)
    opacity = pixels[:, 3]
    partly = (opacity >= 32) & (opacity <= 160)
    if np.count_nonzero(partly) >= 1000 and (pixels[partly, :3] <= opacity[partly, None]).all():
        return True  # as it is before division
    pixels = pixels[(opacity >= 8) & (opacity <= 200)]
    colours, opacity = pixels[:, :3], pixels[:, 3:]
    inner = (colours > 0) & (colours < 255)
    if np.count_nonzero(inner) < 200:
        return False
    products = colours * (opacity / 255)
    phases = np.exp(2j * np.pi * products)
    weights = np.where(inner, np.sinc(opacity / 255), 0)
    found, expected = abs((phases * weights).sum()), np.square(weights).sum()
    deviations = 8  # of the sum for other colours
    return bool(found >= deviations * math.sqrt(expected) and found >= 0.5 * expected)
