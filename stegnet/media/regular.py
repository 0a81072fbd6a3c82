"""Places of sounds and pictures that programs leave exact, so that a single step shows there without any learning."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from stegnet.core.pixels import is_grey, strips

_HELD, _CLIPPED, _ALIKE = 8, 4, 64  # samples of one value in a row; of the largest or least; equal ones of two channels
_ANCHORS, _ANCHOR = 31, 13  # anchors of a comparison are samples with these lowest bits
_WINDOW, _BESIDE = 16, 512  # samples from an anchor on that are compared, and to each side that belong to them
_IN_PAIRS = 0.97  # share of samples that equal the one before, after a doubling of the rate without filter
_FLAT = 3  # pixels of a side
_COUNTED, _NEAR, _GAP, _GAPS = 20, 8, 0.05, 8  # a gap's neighbours: mean count, values; its share of that; gaps


def regular_places(numbers: np.ndarray) -> np.ndarray:
    """Return a mask of regular places of a sound, (frames, channels) int: held or clipped values, silence, copies.

    So are channels that are equal for long.

    A loop, a pasted part and a channel that equals another repeat samples exactly, a recording never does.
    """
    channels = [np.ascontiguousarray(channel) for channel in numbers.T]
    found = np.zeros(numbers.T.shape, bool)
    for mask, channel in zip(found, channels, strict=True):
        if _comes_in_pairs(channel):
            mask[:] = True
            continue
        _mark_held(mask, channel)
        _mark_repeats(mask, channel)
    for one, other in combinations(range(len(channels)), 2):
        for start, end in _runs(channels[one] == channels[other], _ALIKE):
            found[[one, other], start:end] = True
    return found.T


def regular_areas(picture: np.ndarray) -> np.ndarray:
    """Return a mask, (H, W) bool, of a picture, (H, W, 3) uint8: `repeated_areas`, and grey ones beside colours."""
    found = repeated_areas(picture)
    if is_grey(picture):  # the samples of a pixel move together
        return found
    for rows in _overlapping_strips(picture):
        red, green, blue = _planes(picture[rows])
        _mark_squares(found[rows], (red == green) & (blue == green))
    return found


class RegularAreas:
    """`regular_areas` of a picture, which are kept as bits: those of a large one are megabytes less than its mask."""

    def __init__(self, picture: np.ndarray) -> None:
        self._bits, self._width = np.packbits(regular_areas(picture), axis=1), picture.shape[1]

    @property
    def mask(self) -> np.ndarray:
        """(H, W) bool."""
        return np.unpackbits(self._bits, axis=1, count=self._width).view(bool)


def repeated_areas(picture: np.ndarray) -> np.ndarray:
    """Return a mask, (H, W) bool, of 3×3 pixels of one colour, and of parts of rows that are elsewhere, too.

    So are margins, drawn areas, tiles and copied parts; what a camera gives is so where it is burnt out or dark.
    """
    found = np.zeros(picture.shape[:2], bool)
    for rows in _overlapping_strips(picture):
        _mark_flat(found[rows], _planes(picture[rows]))
    _mark_repeats(found.reshape(-1), np.ascontiguousarray(picture[..., 1]).reshape(-1), beside=_WINDOW)
    return found


def _planes(picture: np.ndarray) -> np.ndarray:
    """The channels of some rows, (3, n, W) uint8: comparisons of neighbours in memory are ten times as fast."""
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0))


def _overlapping_strips(picture: np.ndarray) -> Iterator[slice]:
    """Yield rows of a picture, each strip with the rows above it that squares in it reach into."""
    for rows in strips(*picture.shape[:2]):
        yield slice(max(rows.start - _FLAT + 1, 0), rows.stop)


def is_enlarged(picture: np.ndarray) -> bool:
    """True if nearly all rows and columns of a picture come in pairs, as after an enlargement without filter."""
    green = picture[..., 1]
    return all(_comes_in_pairs(np.ascontiguousarray(part)) for part in (green, green.T))


def lacks_values(counts: np.ndarray) -> bool:
    """True if a histogram has gaps, as after a change of volume or contrast; its ends, where much is clipped, may."""
    inner = counts[1:-1]
    sums = np.cumsum(np.pad(inner, (_NEAR + 1, _NEAR)))
    beside = (sums[_NEAR:] - sums[:-_NEAR]) / _NEAR
    around = np.minimum(beside[: inner.size], beside[_NEAR + 1 :][: inner.size])  # one side may have a peak
    return np.count_nonzero((around > _COUNTED) & (inner < _GAP * around)) >= _GAPS


def _mark_squares(found: np.ndarray, mask: np.ndarray) -> None:
    """Marks the pixels of squares of 3×3 in which a mask, (n, W) bool, is True."""
    if min(mask.shape) < _FLAT:
        return
    corners = mask[:-2] & mask[1:-1] & mask[2:]
    _mark_from(found, corners[:, :-2] & corners[:, 1:-1] & corners[:, 2:])


def _mark_flat(found: np.ndarray, planes: np.ndarray) -> None:
    """Marks the pixels of squares of 3×3 whose colour is the same."""
    if min(found.shape) < _FLAT:
        return
    across, down = (planes[:, :, 1:] == planes[:, :, :-1]).all(0), (planes[:, 1:, :-2] == planes[:, :-1, :-2]).all(0)
    rows = across[:, 1:] & across[:, :-1]
    _mark_from(found, rows[:-2] & rows[1:-1] & rows[2:] & down[:-1] & down[1:])


def _mark_from(found: np.ndarray, corners: np.ndarray) -> None:
    """Marks squares of 3×3 pixels by their upper left corners, (n − 2, W − 2) bool."""
    height, width = corners.shape
    if corners.any():
        for y, x in np.ndindex(_FLAT, _FLAT):
            found[y : y + height, x : x + width] |= corners


def _mark_held(mask: np.ndarray, channel: np.ndarray) -> None:
    same = channel[1:] == channel[:-1]
    extremes = channel.max(initial=0), channel.min(initial=0)
    for start, end in _runs(same, _CLIPPED - 1):
        if end - start >= _HELD - 1 or channel[start] in extremes:
            mask[start : end + 1] = True


def _mark_repeats(mask: np.ndarray, channel: np.ndarray, beside: int = _BESIDE) -> None:
    """Marks what lies between anchors that follow each other, if the samples behind both are also elsewhere.

    Samples that end in what is marked already, as in a margin, are the same elsewhere by chance.
    """
    anchors = np.flatnonzero((channel[: max(channel.size - _WINDOW, 0)] & _ANCHORS) == _ANCHOR)
    anchors = anchors[~(mask[anchors] | mask[anchors + _WINDOW - 1])]
    factors = np.random.default_rng(0).integers(1 << 62, 1 << 63, _WINDOW, np.uint64) | np.uint64(1)
    keys = np.zeros(anchors.size, np.uint64)
    for at, factor in enumerate(factors):
        keys += channel[anchors + at].astype(np.uint64) * factor  # sums wrap around
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    again = np.zeros(anchors.size, bool)
    again[order[1:][same]] = again[order[:-1][same]] = True
    for first, end in _runs(again, 1):
        mask[max(anchors[first] - beside, 0) : anchors[end - 1] + _WINDOW + beside] = True


def _comes_in_pairs(values: np.ndarray) -> bool:
    """True if nearly all samples, or rows' samples, equal those of the one before at even or odd places only."""
    same = values[1:] == values[:-1]
    shares = sorted(part.mean() if part.size else 0.0 for part in (same[::2], same[1::2]))
    return shares[1] > _IN_PAIRS > shares[0]


def _runs(flags: np.ndarray, least: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of at least so many that are true in a row."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= least
    yield from zip(starts[long].tolist(), ends[long].tolist(), strict=True)
