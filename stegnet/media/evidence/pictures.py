"""Evidence in a picture: would a change of ±1 be proof by itself, and how many changes does its spectrum show?

Three questions are asked of a cover's samples, in parts of it, so that a caption, a border or a fade hides nothing:

- lattice: do levels, colours or coefficients lie on a grid that noise would fill, as after a decoder, or a gain?
- prediction: do samples follow from others within rounding, as after enlarging, demosaicing, toning or mirroring?
- band: is a part of the spectrum at the level of rounding, as after blurring?

The first two prove a single change. The third answers with a number of changes, spread as texture is. A detector that
knows the level of rounding has a deflection d' that grows with their number (Kay 1998, "Fundamentals of statistical
signal processing: detection theory", section 4.4), and an area under its curve of Φ(d'/√2).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stegnet.core.pixels import is_grey, median
from stegnet.media.evidence.detection import HARD_DEFLECTION, ROUNDING
from stegnet.media.evidence.lattice import PREMULTIPLIED, is_premultiplied, lattice_proof
from stegnet.media.evidence.tiles import Tile, tiles

FLAT = "a picture of flat areas"
FOLLOWS = "a picture whose samples follow from others, as after enlarging or toning"
REPEATS = "a picture that repeats itself, as tiles or a mirror image"
ASKS_FOR_PHOTOGRAPH = (FLAT, FOLLOWS, REPEATS)  # of which reducing makes no better cover


@dataclass(frozen=True)
class PictureEvidence:
    """Evidence that a picture gives of changes.

    Attributes:
        proof: what proves a single change, as words that go on after "the cover is"; None: nothing does.
        changes: number of changed samples that a detector finds with an AUC of .6; infinite: no known detector does.
    """

    proof: str | None
    changes: float = math.inf


def picture_evidence(picture: np.ndarray) -> PictureEvidence:
    """Return the evidence in the samples of a picture, (H, W, 3) uint8."""
    proof = FLAT if is_flat(picture) else picture_proof(picture)
    return PictureEvidence(proof, math.inf if proof else changes_in_band(picture))


def layers_evidence(layers: np.ndarray) -> PictureEvidence:
    """Return the evidence in a picture with opacity, (H, W, 4) uint8."""
    if is_premultiplied(layers):
        return PictureEvidence(PREMULTIPLIED)
    return picture_evidence(np.ascontiguousarray(layers[..., :3]))


def picture_proof(picture: np.ndarray) -> str | None:
    """Describe a picture, (H, W, 3) uint8, in which a single change is proof; None: none is known to be."""
    parts = list(tiles(picture))
    return lattice_proof(parts) or (FOLLOWS if follows(parts) else None) or (REPEATS if repeats(picture) else None)


def is_flat(picture: np.ndarray) -> bool:
    """Return whether most pixels equal the next one in their row."""
    looked_at = 1 << 20  # pixels, in evenly spaced rows
    mostly = 0.8
    rows = picture[:: -(-picture[..., 0].size // looked_at)]
    return bool(rows.shape[1] > 1 and (rows[:, 1:] == rows[:, :-1]).all(2).mean() > mostly)


# Prediction.

_WITHIN = 0.99  # share of the predictions that are met within 1


def follows(parts: list[Tile]) -> bool:
    """Return whether samples of the most varied squares follow from their neighbours and the other channels.

    Each channel and phase of a period of two or three is fitted, and judged by samples that were left out.
    """
    most_side = 104  # pixels of a square whose samples are predicted
    most_squares = 5
    squares: list[tuple[float, int, np.ndarray]] = []
    for _, _, tile in parts:
        green = np.ascontiguousarray(tile[..., 1])
        if _repeats_lines(green) or _repeats_lines(np.ascontiguousarray(green.T)):
            return True
        side = min(most_side, *tile.shape[:2])
        if side < 24:
            continue
        for y in range(0, tile.shape[0] - side + 1, side):
            for x in range(0, tile.shape[1] - side + 1, side):
                square = tile[y : y + side, x : x + side]
                green = square[::3, :, 1].astype(np.int16)
                inner = ((green > 4) & (green < 251)).mean()
                steps = np.abs(green[:, 2:] - green[:, :-2])
                squares.append((inner * (median(steps) + steps.mean() / 1000), len(squares), square))
    squares.sort(key=lambda each: each[:2], reverse=True)
    return any(_is_predictable(square) for _, _, square in squares[:most_squares])


def _repeats_lines(plane: np.ndarray) -> bool:
    """Return whether some rows that vary equal the next one, as after enlarging without a filter, by any factor."""
    if plane.shape[1] < 64:
        return False
    same = (plane[1:] == plane[:-1]).mean(1) > _WITHIN
    varied = (plane[1:, 1:] != plane[1:, :-1]).mean(1) > 0.5
    return bool(np.count_nonzero(same & varied) >= 4)


def _is_predictable(square: np.ndarray) -> bool:
    """Return whether a channel of a square, at some phase of two or three, is a linear function of other samples."""
    height, width = (side - 4 for side in square.shape[:2])
    varied = [channel for channel in range(3) if square[..., channel].std() > 2]
    grey = is_grey(square)
    channels = varied[:1] if grey else varied
    if not channels:
        return False
    around = [(y, x) for y in range(5) for x in range(5)]
    near = square[..., channels].astype(np.float64)
    inputs = np.stack([near[y : y + height, x : x + width] for y, x in around], 3)  # (height, width, channels, 25)
    inner = np.asarray(((inputs > 2) & (inputs < 253)).all((2, 3)))
    if not grey:  # grey places of a coloured picture carry nothing
        core = square[2:-2, 2:-2]
        inner &= (core != core[..., :1]).any(2)
    inputs -= inputs.mean((0, 1))
    checked = np.add.outer(np.arange(height) // 8, np.arange(width) // 8) % 2 == 1
    center = 12
    beside = [at for at, (y, x) in enumerate(around) if abs(y - 2) <= 1 and abs(x - 2) <= 1]
    for period in (2, 3):
        for y, x in np.ndindex(period, period):
            values = inputs[y::period, x::period].reshape(-1, len(channels) * 25)
            use, check = inner[y::period, x::period].ravel(), checked[y::period, x::period].ravel()
            fitted, held = values[use & ~check], values[use & check]
            if min(len(fitted), len(held)) < 150:
                continue
            products = fitted.T @ fitted
            for index in range(len(channels)):
                target = 25 * index + center
                others = [
                    25 * other + at
                    for other in range(len(channels))
                    for at in (range(25) if other == index else beside)
                    if (other, at) != (index, center)
                ]
                # Inputs are rounded: without that variance, the weights of nearly equal ones would be huge.
                square_sums = products[np.ix_(others, others)] + np.eye(len(others)) * len(fitted) * ROUNDING
                weights = np.linalg.solve(square_sums, products[others, target])
                missed = held[:, target] - held[:, others] @ weights
                if held[:, target].std() > 2 and (np.abs(missed) <= 1).mean() >= _WITHIN:
                    return True
    return False


# Copies, turned or mirrored, of any contrast: those that are exact and upright are masked (`evidence.copies`).

_LEAST_COPIES = 6  # landmarks that tell
_REACH = 8  # pixels around a landmark that its copy repeats


def repeats(picture: np.ndarray) -> bool:
    """Return whether the surroundings of many landmarks occur elsewhere, turned, mirrored or in another channel.

    A middle band of rows, and one of columns, hold both halves of what is mirrored.
    """
    height, width = picture.shape[:2]
    most = 1 << 19  # pixels of a band
    if height * width <= 2 * most:
        return _has_copies(picture)
    rows, columns = min(height, most // width), min(width, most // height)
    top, left = (height - rows) // 2, (width - columns) // 2
    return _has_copies(picture[top : top + rows]) or _has_copies(picture[:, left : left + columns])


def _has_copies(picture: np.ndarray) -> bool:
    """Return whether many landmarks of green are copies of others, or many of red or blue are copies of green."""
    places, own = _landmarks(picture[..., 1])
    if len(own) < _LEAST_COPIES:
        return False
    rings, hits = _rings(own), np.zeros(len(own), bool)
    for turned in _turns(own):
        likeness = rings @ _rings(turned).T
        np.fill_diagonal(likeness, -1)
        hits |= _is_copied(own, turned[likeness.argmax(1)])
    found = [hits]
    for channel in () if is_grey(picture) else (0, 2):
        others, around = _landmarks(picture[..., channel])
        if len(around):
            nearest = (_rings(around) @ rings.T).argmax(1)
            found.append((others != places[nearest]).any(1) & _is_copied(around, own[nearest]))
    return any(np.count_nonzero(each) >= max(_LEAST_COPIES, 0.1 * len(each)) for each in found)


def _landmarks(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places of extremes, (n, 2), and the pixels around them, (n, 17, 17) float32."""
    cell = 16 if plane.size > 1 << 18 else 8  # pixels: side of a cell whose extreme is compared with those around it
    rows, columns = (side // cell for side in plane.shape)
    cells = np.ascontiguousarray(plane)[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    found = [np.zeros((0, 2), int)]
    for values in (cells, 255 - cells) if min(rows, columns) >= 3 else ():
        top = values.max((1, 3)).astype(np.int16)
        around = np.lib.stride_tricks.sliding_window_view(top, (3, 3)).reshape(rows - 2, columns - 2, 9)
        highest = (np.sort(around, 2)[..., -1] == top[1:-1, 1:-1]) & (np.sort(around, 2)[..., -2] < top[1:-1, 1:-1])
        y, x = np.nonzero(highest)
        inside = values[y + 1, :, x + 1].reshape(-1, cell**2).argmax(1)
        found.append(np.stack([(y + 1) * cell + inside // cell, (x + 1) * cell + inside % cell], 1))
    places = np.concatenate(found)
    span = np.arange(-_REACH, _REACH + 1)
    around = plane[places[:, :1, None] + span[:, None], places[:, 1:, None] + span].astype(np.float32)
    most = 700  # landmarks
    striking = np.argsort(-around.std((1, 2)), kind="stable")[:most]
    return places[striking], around[striking]


def _turns(around: np.ndarray) -> Iterator[np.ndarray]:
    """Yield squares as they are, (n, side, side), in all turns and mirrored."""
    for quarter in range(4):
        turned = np.rot90(around, quarter, (1, 2))
        yield turned
        yield turned[:, ::-1]


def _rings(around: np.ndarray) -> np.ndarray:
    """Return the levels of points around landmarks, less the landmark's, (n, 12), as vectors of length 1.

    They are the same at any contrast, also in a negative.
    """
    ring = ((1, 2), (3, -4), (-2, 5), (-5, -1), (4, 6), (6, -3), (-7, 4), (-4, -7), (0, 3), (-3, 0), (7, 7), (-6, 1))
    points = np.stack([around[:, _REACH + y, _REACH + x] for y, x in ring], 1) - around[:, _REACH, _REACH, None]
    points *= np.sign(points.sum(1, keepdims=True))
    lengths = np.sqrt(np.square(points).sum(1, keepdims=True))
    unit: np.ndarray = points / np.maximum(lengths, 1)
    return unit


def _is_copied(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which squares, (n, 17, 17), follow from others by a factor and an offset, within rounding."""
    one, two = (squares.reshape(len(squares), -1) for squares in (first, second))
    one, two = (squares - squares.mean(1, keepdims=True) for squares in (one, two))
    weaker = (np.square(one).sum(1) <= np.square(two).sum(1))[:, None]  # follows from the stronger one
    weak, strong = np.where(weaker, one, two), np.where(weaker, two, one)
    gain = (weak * strong).sum(1, keepdims=True) / np.maximum(np.square(strong).sum(1, keepdims=True), 1)
    met = (np.abs(weak - gain * strong) <= 1.01).mean(1) >= _WITHIN
    return np.asarray(met & (weak.std(1) >= 6))


# Band.

_WINDOW = 16  # pixels: side of the blocks whose spectra are averaged


def changes_in_band(picture: np.ndarray) -> float:
    """Return the number of changes at which the best detector of power in quiet bands has an AUC of .6.

    Of N samples, of which a share b of the spectrum has the power S of rounding, C changes have d' = C/N·√(N·b/2)/S.
    Blocks are grouped by texture, since changes go where it is: each group has a share of them.
    """
    height, width = picture.shape[:2]
    if min(height, width) < _WINDOW:
        return math.inf

    most_blocks = 1024

    def starts(length: int, other: int) -> np.ndarray:
        count = min(math.ceil(math.sqrt(most_blocks * length / other)), length // _WINDOW)
        return np.unique(np.linspace(0, length - _WINDOW, count).astype(int))

    blocks = np.stack(
        [picture[y : y + _WINDOW, x : x + _WINDOW] for y in starts(height, width) for x in starts(width, height)]
    )
    blocks = blocks[((blocks > 0) & (blocks < 255)).mean((1, 2, 3)) > 0.98].astype(np.float32)
    if is_grey(picture):
        blocks = blocks[..., :1]
    groups = 4
    if len(blocks) < 8 * groups:
        return math.inf
    texture = np.abs(np.diff(blocks, axis=2)).mean((1, 2, 3))
    window = np.hanning(_WINDOW + 2)[1:-1]
    weights = np.outer(window, window)[..., None] / np.square(window).sum()
    sorted_groups = np.array_split(np.argsort(texture, kind="stable"), groups)
    shares = np.array([texture[group].mean() for group in sorted_groups]) + 1e-3
    shares /= shares.sum()
    floor = 1.5 * ROUNDING  # highest power of a frequency that counts as rounding: noise of variance 1 has 1
    deflection = 0.0
    for group, share in zip(sorted_groups, shares, strict=True):
        quiet = blocks[group]
        spectra = np.fft.rfft2((quiet - quiet.mean((1, 2), keepdims=True)) * weights, axes=(1, 2))
        power = np.square(np.abs(spectra)).mean(0)
        power[0, 0] = np.inf
        low = power < floor
        deflection += groups * share**2 * (low / np.maximum(power, ROUNDING) ** 2).mean()
    samples = height * width * blocks.shape[-1]
    return HARD_DEFLECTION * math.sqrt(2 * samples / deflection) if deflection else math.inf
