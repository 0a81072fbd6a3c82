"""Pictures coded by a network that predicts their levels: grid by grid, pass by pass, colour by colour.

Of a level of five values, the network also says which of the middle three is the likeliest: the picture is restored
with these, by which a sample may be three levels off instead of two, but the squared error is a fifth to a third less.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stegnet.near.coders import RESTORED
from stegnet.near.mixtures import (
    MEAN_PARTS,
    MOST_MEAN,
    IntervalDecoder,
    Mixtures,
    encode_intervals,
    intervals_of,
    least_bits,
    shifts_of,
    uniform_intervals,
)
from stegnet.near.order import COLOURS, MIXED, PASSES, count_levels, film_number
from stegnet.near.predictor import ID_BYTES, Predictor
from stegnet.near.quantisation import Samples, Steps

STEPS = (1, 3, 5)  # that a network is trained on
_SHIFTS = 1  # largest shift by that
LEAST_SIDE = 5  # pixels of the shorter side of a grid that is predicted; the one before is coded as it is
_STRIP = 1 << 17  # pixels of a pass that are predicted at once
_VISIBLE = 512  # largest error that later colours see, in sixteenths of a level
_Planes = NDArray[np.uint8]  # (3, H, W)


class _Writer:
    """Writer of the levels of a picture in their order."""

    def __init__(self) -> None:
        self.intervals: list[NDArray[np.uint32]] = []

    def uniform(self, levels: NDArray[np.uint8], top: int) -> None:
        """Code levels, of any shape, that are equally likely."""
        self.intervals.append(uniform_intervals(levels.ravel(), top))

    def mixed(self, levels: NDArray[np.uint8], mixtures: Mixtures) -> NDArray[np.int32]:
        """Code levels, (H, W), and return the expected ones, in steps of 1/32."""
        intervals, expected = intervals_of(mixtures, np.ascontiguousarray(levels).ravel())
        self.intervals.append(intervals)
        return expected.reshape(levels.shape)


class _Reader:
    """Reader of the levels, as `_Writer`, that fills arrays with them."""

    def __init__(self, data: bytes) -> None:
        self.decoder = IntervalDecoder(data)

    def restored(self, levels: NDArray[np.uint8], mixtures: Mixtures, shifts: NDArray[np.uint8]) -> None:
        """Write the shifts of levels, (H, W), plus 1: the picture is restored with them."""
        found = shifts_of(mixtures, np.ascontiguousarray(levels).ravel())
        shifts[...] = (found + _SHIFTS).astype(np.uint8).reshape(shifts.shape)

    def uniform(self, levels: NDArray[np.uint8], top: int) -> None:
        levels[...] = self.decoder.uniform(levels.size, top).reshape(levels.shape)

    def mixed(self, levels: NDArray[np.uint8], mixtures: Mixtures) -> NDArray[np.int32]:
        if self.decoder.is_exhausted:  # what comes would be computed for nothing
            raise ValueError("not the code of a picture of this size")
        read, expected = self.decoder.levels(mixtures)
        levels[...] = read.reshape(levels.shape)
        return expected.reshape(levels.shape)


def encode_predicted(levels: Samples, steps: Steps, predictor: Predictor) -> bytes:
    """Return levels, (H, W, 3) uint8 of some steps, as a network codes them."""
    writer = _Writer()
    for planes, error in _parts(levels, steps):
        _CodedPart(error, predictor, writer).code(planes)
    return predictor.identifier + encode_intervals(np.concatenate(writer.intervals))


def decode_predicted(data: bytes, height: int, width: int, steps: Steps, predictor: Predictor) -> Samples:
    """Return a picture of a known size, (height, width, 3) uint8, whose levels `encode_predicted` has coded.

    It takes no more memory than for a picture of this size, whatever the bytes are.

    Raises:
        ValueError: the bytes are none of a picture of this size that this network has coded.
    """
    if data[:ID_BYTES] != predictor.identifier:
        raise ValueError(f"coded by another network, {data[:ID_BYTES].hex()}, not {predictor.identifier.hex()}")
    parts = _used(steps, height)
    if not {step for step, _ in parts} <= {*STEPS}:
        raise ValueError("the network knows no such steps")
    if 8 * len(data) < sum(_least_bits(len(range(height)[rows]), width, step) for step, rows in parts):
        raise ValueError("shorter than any code of a picture of this size")
    picture = np.zeros((height, width, 3), np.uint8)
    reader = _Reader(data[ID_BYTES:])
    for step, rows in parts:
        error = step // 2
        planes = np.zeros((6 if error in RESTORED else 3, *picture[rows].shape[:2]), np.uint8)
        planes[3:] = _SHIFTS
        _CodedPart(error, predictor, reader).code(planes)
        samples = planes[:3].astype(np.int16) * step
        if error in RESTORED:
            samples = samples.clip(max=255) + planes[3:] - _SHIFTS
        picture[rows] = samples.clip(0, 255).transpose(1, 2, 0)
    if not reader.decoder.is_finished:
        raise ValueError("not the code of a picture of this size")
    return picture


def _least_bits(height: int, width: int, step: int) -> float:
    """Return the bits that a picture of one step takes at least, however likely its levels are."""
    rows, columns = height, width
    while min(rows, columns) >= LEAST_SIDE:
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
    count = count_levels(step)
    coarsest = 3 * rows * columns
    return coarsest * math.log2(count) + (3 * height * width - coarsest) * least_bits(count)


def _used(steps: Steps, height: int) -> list[tuple[int, slice]]:
    """Return each step that some rows have, with these rows."""
    return [(step, rows) for step, rows in steps.parts() if len(range(height)[rows])]


def _parts(levels: Samples, steps: Steps) -> Iterator[tuple[_Planes, int]]:
    """Yield the planes of the rows with each step, and their largest error."""
    for step, rows in _used(steps, len(levels)):
        yield np.ascontiguousarray(levels[rows].transpose(2, 0, 1)), step // 2


class _CodedPart:
    """A picture of one step that is coded, from its coarsest grid on.

    Its planes are the three of its levels, and, if it is restored with them, three of their shifts plus 1.
    """

    def __init__(self, error: int, predictor: Predictor, coder: _Writer | _Reader) -> None:
        self._error = error
        self._top = count_levels(2 * error + 1) - 1
        self._predictor = predictor
        self._coder = coder

    def code(self, planes: _Planes) -> None:
        """Code levels, or fill planes with those that are read."""
        grids = [planes]
        while min(grids[-1].shape[1:]) >= LEAST_SIDE:
            grids.append(grids[-1][:, ::2, ::2])
        self._coder.uniform(grids[-1][:3], self._top)
        for depth in reversed(range(len(grids) - 1)):
            film = film_number(depth, self._error)
            for number in range(len(PASSES)):
                self._code_pass(grids[depth], number, film)

    def _code_pass(self, grid: _Planes, number: int, film: int) -> None:
        """Code one of 2×2 pixels of a grid, in strips of rows, given those of earlier passes."""
        phases = [grid[:, ::2, ::2], *(grid[:, row::2, column::2] for row, column in PASSES)]
        rows, columns = phases[0].shape[1:]
        target = phases[number + 1]
        at_once = max(LEAST_SIDE, _STRIP // columns)
        for first in range(0, target.shape[1], at_once):
            wanted = target[:, first : first + at_once]
            begin = max(0, first - self._predictor.reach)
            end = min(rows, first + at_once + self._predictor.reach)
            known = [_widened(phase[:3, begin:end], end - begin, columns) for phase in phases[: number + 1]]
            linear, features = self._predictor.trunk(number, film, np.concatenate(known))
            inside = slice(first - begin, first - begin + wanted.shape[1])
            width = wanted.shape[2]
            features = np.ascontiguousarray(features[:, :, inside, :width])
            self._code_colours(wanted, number, linear[:, inside, :width], features)

    def _code_colours(
        self, wanted: _Planes, number: int, linear: NDArray[np.int32], features: NDArray[np.float32]
    ) -> None:
        """Code a strip's pixels, colour by colour, each given the errors of those before."""
        size = wanted.shape[1:]
        seen = np.zeros((6, *size), np.float32)
        errors: list[NDArray[np.int32]] = []
        for order, colour in enumerate(COLOURS):
            output = self._predictor.mixture(number, order, features, seen)
            means, scales, weights, shares = np.split(output, [MIXED, 2 * MIXED, 3 * MIXED])
            correction = np.zeros(size, np.int32)
            for share, error in zip(shares, errors, strict=False):
                correction += share * error
            centres = linear[colour] + ((correction + 16) >> 5) + means
            mixtures = Mixtures(
                means=centres.clip(-MOST_MEAN, MOST_MEAN).reshape(MIXED, -1),
                scales=scales.reshape(MIXED, -1),
                weights=weights.reshape(MIXED, -1),
                top=self._top,
            )
            expected = self._coder.mixed(wanted[colour], mixtures)
            if isinstance(self._coder, _Reader) and len(wanted) > len(COLOURS):
                self._coder.restored(wanted[colour], mixtures, wanted[len(COLOURS) + colour])
            if order == len(COLOURS) - 1:
                break
            error = (MEAN_PARTS * wanted[colour].astype(np.int32) - expected + 1) >> 1
            errors.append(error.clip(-_VISIBLE, _VISIBLE))
            distance = np.abs(errors[-1])
            seen[3 * order : 3 * order + 3] = errors[-1] >> 2, distance >> 2, (4 * distance).clip(max=64)


def _widened(phase: _Planes, rows: int, columns: int) -> _Planes:
    """Return a phase with its last row and column repeated, if it has one less of each than the grid's half."""
    missing = (0, rows - phase.shape[1]), (0, columns - phase.shape[2])
    return np.pad(phase, ((0, 0), *missing), mode="edge")
