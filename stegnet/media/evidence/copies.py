"""Copies and other regular places of sounds and pictures: programs leave them exact, so that a single step shows."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from random import Random

import numpy as np

from stegnet.core.pixels import is_grey, strips

_WINDOW = 16  # samples that are compared from an anchor on
_FLAT = 3  # pixels: side of a square


class RegularPlaces:
    """Regular places of a sound: held or clipped values, silence, repeats, and channels that are equal for long.

    A loop, a pasted part and a channel that equals another repeat samples exactly, perhaps backwards or inverted; a
    recording never does. All parts of a sound are added, one after the other, and then compared, before the first mask.

    Args:
        channels: number of its channels.
    """

    beside = 512  # samples on each side that count as part of a repeat; a part is given with at least as many

    def __init__(self, channels: int) -> None:
        self._channels = [_RegularChannel() for _ in range(channels)]

    def add(self, numbers: np.ndarray) -> None:
        """Add a part of an even number of frames, (frames, channels) int."""
        for statistics, channel in zip(self._channels, numbers.T, strict=True):
            statistics.add(np.ascontiguousarray(channel))

    def compare(self) -> None:
        """Find what occurs more than once, in one channel or in two."""
        keys = np.concatenate([channel.take_keys() for channel in self._channels])
        keys.sort()
        repeated = np.unique(keys[1:][keys[1:] == keys[:-1]])
        for channel in self._channels:
            channel.repeated = repeated

    def mask(self, numbers: np.ndarray) -> np.ndarray:
        """Return a mask of the regular places of a part, (frames, channels) bool."""
        channels = [np.ascontiguousarray(channel) for channel in numbers.T]
        marked = np.stack([known.mask(channel) for known, channel in zip(self._channels, channels, strict=True)])
        alike_samples = 64  # in a row, that are equal in two channels
        for first, second in combinations(range(len(channels)), 2):
            for start, end in _runs(channels[first] == channels[second], alike_samples):
                marked[[first, second], start:end] = True
        return marked.T


class _RegularChannel:
    """Statistics of a channel that tell its regular places.

    Attributes:
        repeated: keys of anchors that occur more than once in the sound, sorted.
    """

    def __init__(self) -> None:
        self._same = np.zeros(2, np.int64)  # samples that equal the one before, at odd and at even places
        self._pairs = np.zeros(2, np.int64)  # all samples that have one before
        self._extremes = [0, 0]
        self._last = np.zeros(0, np.int32)
        self._keys: list[np.ndarray] = []  # of the anchors
        self.repeated = np.zeros(0, np.uint64)

    def add(self, channel: np.ndarray) -> None:
        """Add a part of an even number of samples."""
        joined = np.concatenate([self._last.astype(channel.dtype), channel])
        same = joined[1:] == joined[:-1]
        first = 1 if self._last.size else 0  # of the pairs, 1 if it ends at an even place
        for at in range(2):
            self._same[at ^ first] += np.count_nonzero(same[at::2])
            self._pairs[at ^ first] += same[at::2].size
        self._last = channel[-1:]
        self._extremes = [
            max(self._extremes[0], channel.max(initial=0)),
            min(self._extremes[1], channel.min(initial=0)),
        ]
        held = np.zeros(channel.shape, bool)
        _mark_held(held, channel[1:] == channel[:-1])
        self._keys.append(_symmetric_keys(channel, _centres(channel, held)))

    def take_keys(self) -> np.ndarray:
        """Return the keys of all anchors, (n,) uint64, which are then forgotten."""
        keys = np.concatenate([np.zeros(0, np.uint64), *self._keys])
        self._keys = []
        return keys

    def mask(self, channel: np.ndarray) -> np.ndarray:
        """Return the mask of a part, (n,) bool."""
        if is_paired(self._same / np.maximum(self._pairs, 1)):
            return np.ones(channel.shape, bool)
        mask = np.zeros(channel.shape, bool)
        same = channel[1:] == channel[:-1]
        _mark_held(mask, same)
        anchors = _centres(channel, mask)
        keys = _symmetric_keys(channel, anchors)
        if self.repeated.size:
            places = np.minimum(np.searchsorted(self.repeated, keys), self.repeated.size - 1)
            _mark_between(mask, anchors, self.repeated[places] == keys, RegularPlaces.beside)
        # Nothing lies beyond the level at which a sound was clipped; in others, only a sample or two are extreme.
        mask |= (channel == self._extremes[0]) | (channel == self._extremes[1])
        return mask


def regular_areas(picture: np.ndarray) -> np.ndarray:
    """Return a mask, (H, W) bool, of `repeated_areas` and grey areas in a coloured picture, (H, W, 3) uint8."""
    marked = repeated_areas(picture)
    if is_grey(picture):  # the samples of a pixel move together
        return marked
    for rows in _overlapping_strips(picture):
        red, green, blue = _planes(picture[rows])
        _mark_squares(marked[rows], (red == green) & (blue == green))
    return marked


class RegularAreas:
    """`regular_areas` of a picture, stored as bits: for a large picture, this saves megabytes."""

    def __init__(self, picture: np.ndarray) -> None:
        self._bits = np.packbits(regular_areas(picture), axis=1)
        self._width = picture.shape[1]

    @property
    def mask(self) -> np.ndarray:
        """Mask, (H, W) bool."""
        return np.unpackbits(self._bits, axis=1, count=self._width).view(bool)


def repeated_areas(picture: np.ndarray) -> np.ndarray:
    """Mark squares of 3×3 pixels of one colour, and stretches of rows that recur elsewhere, in a mask, (H, W) bool.

    Margins, drawn areas, tiles and copied parts are such areas. A camera produces them only where it is burnt out or
    dark.
    """
    marked = np.zeros(picture.shape[:2], bool)
    for rows in _overlapping_strips(picture):
        _mark_flat(marked[rows], _planes(picture[rows]))
    _mark_repeats(marked.reshape(-1), np.ascontiguousarray(picture[..., 1]).reshape(-1), beside=_WINDOW)
    return marked


def _planes(picture: np.ndarray) -> np.ndarray:
    """Return the channels of some rows, (3, n, W) uint8, contiguous: comparing neighbours is then ten times as fast."""
    return np.ascontiguousarray(np.moveaxis(picture, 2, 0))


def _overlapping_strips(picture: np.ndarray) -> Iterator[slice]:
    """Yield rows of a picture, each strip with the rows above it that its squares reach into."""
    for rows in strips(*picture.shape[:2]):
        yield slice(max(rows.start - _FLAT + 1, 0), rows.stop)


def _mark_squares(marked: np.ndarray, mask: np.ndarray) -> None:
    """Set `marked`, (n, W) bool, at the pixels of squares of 3×3 in which a mask of its shape is True throughout."""
    if min(mask.shape) < _FLAT:
        return
    corners = mask[:-2] & mask[1:-1] & mask[2:]
    _mark_from(marked, corners[:, :-2] & corners[:, 1:-1] & corners[:, 2:])


def _mark_flat(marked: np.ndarray, planes: np.ndarray) -> None:
    """Mark the pixels of squares of 3×3 of one colour."""
    if min(marked.shape) < _FLAT:
        return
    across = (planes[:, :, 1:] == planes[:, :, :-1]).all(0)
    down = (planes[:, 1:, :-2] == planes[:, :-1, :-2]).all(0)
    rows = across[:, 1:] & across[:, :-1]
    _mark_from(marked, rows[:-2] & rows[1:-1] & rows[2:] & down[:-1] & down[1:])


def _mark_from(marked: np.ndarray, corners: np.ndarray) -> None:
    """Mark squares of 3×3 pixels by their upper left corners, (n − 2, W − 2) bool."""
    height, width = corners.shape
    if corners.any():
        for y, x in np.ndindex(_FLAT, _FLAT):
            marked[y : y + height, x : x + width] |= corners


def _mark_held(mask: np.ndarray, same: np.ndarray) -> None:
    """Mark equal samples in a row, given which equal the one before, without the first."""
    held_samples = 8
    for start, end in _runs(same, held_samples - 1):
        mask[start : end + 1] = True


def _mark_repeats(mask: np.ndarray, channel: np.ndarray, beside: int) -> None:
    """Mark the samples between successive anchors if the samples after both anchors also occur elsewhere."""
    anchors = _anchors(channel, mask)
    keys = _keys(channel, anchors)
    order = np.argsort(keys)
    same = keys[order][1:] == keys[order][:-1]
    again = np.zeros(anchors.size, bool)
    again[order[1:][same]] = again[order[:-1][same]] = True
    _mark_between(mask, anchors, again, beside)


def _anchors(channel: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the places of anchors.

    An anchor is skipped if the samples at either end of its window are marked already, as in a margin: these match
    elsewhere by chance.
    """
    anchors = np.flatnonzero((channel[: max(channel.size - _WINDOW, 0)] & 31) == 13)  # one sample in 32
    free: np.ndarray = anchors[~(mask[anchors] | mask[anchors + _WINDOW - 1])]
    return free


def _keys(channel: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Return hashes of the samples after each anchor, (n,) uint64."""
    factors = np.frombuffer(Random(0).randbytes(8 * _WINDOW), np.uint64) | np.uint64(1)  # any odd numbers
    keys = np.zeros(anchors.size, np.uint64)
    for at, factor in enumerate(factors):
        keys += channel[anchors + at].astype(np.uint64) * factor  # sums wrap around
    return keys


def _centres(channel: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the places of anchors between samples on both sides, as `_anchors`, of either sign."""
    reach = _WINDOW - 1
    centres = np.flatnonzero((np.abs(channel[reach : max(channel.size - reach, reach)]) & 31) == 13) + reach
    free: np.ndarray = centres[~(mask[centres - reach] | mask[centres] | mask[centres + reach])]
    return free


def _symmetric_keys(channel: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return hashes of the samples on both sides of each anchor, (n,) uint64.

    Reversed and inverted samples have the same one.
    """
    factors = np.frombuffer(Random(0).randbytes(8 * _WINDOW), np.uint64) | np.uint64(1)  # any odd numbers
    sign = np.sign(channel[centres]).astype(np.int64)
    keys = np.zeros(centres.size, np.uint64)
    for at, factor in enumerate(factors):
        beside = channel[centres + at].astype(np.int64) + channel[centres - at]
        keys += (beside * sign).astype(np.uint64) * factor  # sums wrap around
    return keys


def _mark_between(mask: np.ndarray, anchors: np.ndarray, again: np.ndarray, beside: int) -> None:
    """Mark the samples between successive anchors of which all occur again, and `beside` samples on each side."""
    for first, end in _runs(again, 1):
        mask[max(anchors[first] - beside, 0) : anchors[end - 1] + _WINDOW + beside] = True


def is_paired(shares: Iterable[float]) -> bool:
    """Tell pairs from the shares of samples that equal the one before, at even and at odd places."""
    nearly_all = 0.97  # share after the rate was doubled without a filter
    lower, higher = sorted(shares)
    return higher > nearly_all > lower


def _runs(flags: np.ndarray, least: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of at least `least` true flags."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    starts = edges[::2]
    ends = edges[1::2]
    long = ends - starts >= least
    yield from zip(starts[long].tolist(), ends[long].tolist(), strict=True)
