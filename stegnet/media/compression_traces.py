"""Traces in a losslessly saved cover that a container would break, above all those of lossy compression.

A decoder produces at most a quarter of all colours (Fridrich, Goljan, Du 2001, "Steganalysis based on JPEG
compatibility", SPIE 4518), and the DCT of a former JPEG has multiples of its quantisation steps. A few exceptions from
either in a container give away that something is hidden. So do single pixels in an area of one colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet import video
from stegnet.core.pixels import BLOCK, COSINES, LUMA, is_grey
from stegnet.media.evidence.copies import repeated_areas
from stegnet.media.regular import is_enlarged, lacks_values

FLAT = "a picture of flat areas"
NOT_SENT = "a picture that never came through this channel"  # and whose encoder saves otherwise than any known one
_COPY = "a copy of one that was saved with loss"
_TWICE = "a JPEG that was saved before with coarser tables"
_NEUTRAL = 128  # level of chroma that is grey
_LEVELS = np.arange(256, dtype=np.int32)  # of 8-bit samples
_STEPS = np.arange(2, 32, dtype=np.float32)  # quantisation steps that are searched for
_WEBP = {  # factors and offsets of libwebp (src/dsp/yuv.h)
    **{"luma": 19077, "v_to_red": 26149, "u_to_green": 6419, "v_to_green": 13320, "u_to_blue": 33050},
    **{"red": 14234, "green": 8708, "blue": 17685},
}


# Thresholds of the search for traces.
_LOOKED_AT = 1 << 20  # pixels of a picture whose colours are examined
_FEW = 30  # distinct colours that are too few to tell
_NEARLY_ALL = 0.95  # share of the colours that a decoder must produce
_MOSTLY = 0.8  # share of pixels that equal the next one in their row, or that repeat others
_SIDE = 384  # pixels of a side of the middle that is searched for a grid
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (2, 2), (0, 3), (3, 0))  # of a grid's blocks
_ENOUGH = 100  # values of a frequency that tell a step
_PERIODIC = 0.5  # mean cosine of the values' phases that shows a step
_LOW = 9  # frequencies of a JPEG whose values are counted
_OFTEN = 25  # least count of a value beside a gap
_GAP = 0.1  # share of the count of a larger value that a gap has at most
_MOST_GAPS = 2  # frequencies with gaps in a JPEG that was saved once


def picture_history(picture: np.ndarray) -> str | None:
    """Describe the trace of a picture, (H, W, 3) uint8, that would reveal changes in a lossless container, if any.

    The picture had a lossy format, or is regular everywhere.
    """
    return lossy_past(picture) or _regularity(picture)


def lossy_past(picture: np.ndarray) -> str | None:
    """Describe a picture, (H, W, 3) uint8, that had a lossy format, or is mostly flat; None if it is neither."""
    rows = _looked_at(picture)
    if rows.shape[1] > 1 and (rows[:, 1:] == rows[:, :-1]).all(2).mean() > _MOSTLY:
        return FLAT
    return _COPY if _has_past(picture, ("jpeg", "webp")) else None


def _regularity(picture: np.ndarray) -> str | None:
    """Describe a picture that is regular everywhere; None if it is not."""
    if is_enlarged(picture[:_SIDE, :_SIDE]):
        return "a picture that was enlarged without a filter"
    channels = np.moveaxis(_looked_at(picture), 2, 0)
    if any(lacks_values(np.bincount(channel.reshape(-1), minlength=256)) for channel in channels):
        return "a picture that lacks some levels, as after a change of its contrast"
    part_side = 1024  # pixels: side of the part that is searched for copies
    repeats = repeated_areas(picture[:part_side, :part_side]).mean() > _MOSTLY
    return "a picture that mostly repeats itself, as tiles" if repeats else None


def film_history(first: np.ndarray) -> str | None:
    """Describe a film that had a lossy format, judged by its first frame, as `picture_history`."""
    return "a film that was copied from one with loss" if _has_past(first, ("film", "jpeg")) else None


def saved_twice(luma: np.ndarray) -> str | None:
    """Describe a JPEG that was saved before, judged by its luma, (rows, columns, 64) int in zigzag order; or None.

    A finer table leaves out values between multiples of a coarser one: Lukáš, Fridrich 2003, "Estimation of primary
    quantization matrix in double compressed JPEG images" (DFRWS).
    """
    gaps = 0
    for values in np.abs(luma[..., 1 : _LOW + 1]).reshape(-1, _LOW).T:
        counts = np.bincount(values, minlength=3)[1:]
        # Counts of larger values, which are rarer in a JPEG that was saved once.
        beyond = np.maximum.accumulate(counts[::-1])[::-1][1:]
        gaps += bool(((beyond >= _OFTEN) & (counts[:-1] < _GAP * beyond)).any())
    return _TWICE if gaps > _MOST_GAPS else None


def _looked_at(picture: np.ndarray) -> np.ndarray:
    """Return evenly spaced rows of a picture, of about a million pixels."""
    return picture[:: -(-picture[..., 0].size // _LOOKED_AT)]


def _has_past(picture: np.ndarray, decoders: tuple[str, ...]) -> bool:
    """Return whether a picture has the colours of a lossy decoder, or its grid of blocks."""
    colours = np.sort(_numbers(_looked_at(picture)), None)
    colours = colours[np.diff(colours, prepend=-1) > 0]
    colours = colours[colours % 0x10101 > 0]  # greys tell nothing, since all decoders give them
    given = len(colours) >= _FEW and any(_gives_nearly_all(decoder, colours) for decoder in decoders)
    return given or _has_grid(picture)


def _gives_nearly_all(decoder: str, colours: np.ndarray) -> bool:
    """Return whether a decoder produces nearly all of these colours, (n,) int32.

    The share is first bounded, with all clipped colours produced and with none; the table of all colours is only
    computed if the bounds disagree.
    """
    never_clipped = 140  # colours with a level of 0 or 255 that libjpeg does not produce; libwebp produces all
    at_once = 1 << 16  # colours, to limit memory
    if decoder in _CONVERSIONS:
        levels = colours >> np.array([[16], [8], [0]], np.int32) & 255
        inside = levels[:, ((levels > 0) & (levels < 255)).all(0)]
        parts = np.array_split(inside, inside.shape[1] // at_once + 1, 1)
        clipped = len(colours) - inside.shape[1]
        possible = clipped + sum(np.count_nonzero(_CONVERSIONS[decoder].gives(part)) for part in parts)
        if possible / len(colours) < _NEARLY_ALL:
            return False
        if (possible - min(clipped, never_clipped)) / len(colours) >= _NEARLY_ALL:
            return True
    return bool(decoder_colours(decoder)[colours].mean() >= _NEARLY_ALL)


@cache
def decoder_colours(decoder: str) -> np.ndarray:
    """Return whether "jpeg", "webp" or "film" produces each colour 65536 red + 256 green + blue, (2²⁴,) bool."""
    given = np.zeros(1 << 24, bool)
    for colours in _CONVERSIONS[decoder].colours() if decoder in _CONVERSIONS else _film_colours():
        given[colours] = True
    return given


def _has_grid(picture: np.ndarray) -> bool:
    """Return whether the middle of a picture, (H, W, 3) uint8, has 8×8 blocks with quantised low frequencies."""
    top, left = (max(0, side - _SIDE) // 2 for side in picture.shape[:2])
    part = picture[top : top + _SIDE, left : left + _SIDE]
    luma = part[..., 0].astype(float) if is_grey(part) else part @ np.array(LUMA)
    if min(luma.shape) < BLOCK:
        return False

    # (rows, columns, frequencies of rows), then (frequencies, rows, columns), of the block that begins at a pixel.
    by_rows = sliding_window_view(luma, BLOCK, 0) @ COSINES[: max(_FREQUENCIES)[0] + 1].T
    values = np.array(
        [np.abs(sliding_window_view(by_rows[..., down], BLOCK, 1) @ COSINES[across]) for down, across in _FREQUENCIES],
        np.float32,
    )
    for down, across in np.ndindex(BLOCK, BLOCK):
        blocks = values[:, down::BLOCK, across::BLOCK]
        if sum(_have_step(frequency.ravel()) for frequency in blocks) >= 2:
            return True
    return False


def _have_step(values: np.ndarray) -> bool:
    """Return whether the values that are not nearest to 0 are near multiples of some step, three or more of them."""
    turns = values / _STEPS[:, None]
    turns = turns[np.count_nonzero(turns > 0.5, 1) >= _ENOUGH]
    counted = turns > 0.5
    sums = (np.cos(2 * np.pi * turns) * counted).sum(1)
    periodic = np.flatnonzero(sums >= _PERIODIC * counted.sum(1))
    return any(np.unique(np.rint(turns[step][counted[step]])).size > 2 for step in periodic)


def _numbers(picture: np.ndarray) -> np.ndarray:
    """Return 65536 red + 256 green + blue of each pixel, int32."""
    red, green, blue = np.moveaxis(picture.astype(np.int32), -1, 0)
    numbers: np.ndarray = (red << 16) + (green << 8) + blue
    return numbers


@dataclass(frozen=True, eq=False)
class _Conversion:
    """Integer arithmetic by which a decoder converts YCbCr to RGB.

    Each level is the sum of a term for Y and terms for Cb and Cr, (256,) int32 each, shifted right and clipped.
    """

    shift: int
    luma: np.ndarray
    red: np.ndarray  # by Cr
    green_by_cb: np.ndarray
    green_by_cr: np.ndarray
    blue: np.ndarray  # by Cb

    def colours(self) -> Iterator[np.ndarray]:
        """Yield the numbers of all colours, (256, 256) by Cb and Cr, for each Y."""
        green = self.green_by_cb[:, None] + self.green_by_cr
        for luma in self.luma:
            red_level = np.clip(luma + self.red >> self.shift, 0, 255)
            green_level = np.clip(luma + green >> self.shift, 0, 255)
            blue_level = np.clip(luma + self.blue[:, None] >> self.shift, 0, 255)
            yield (red_level << 16) + (green_level << 8) + blue_level

    def gives(self, levels: np.ndarray) -> np.ndarray:
        """Return whether the conversion produces each of some colours, whose levels, (3, n) int32, are not clipped.

        The levels narrow Y down to two neighbours. For each of these, red determines Cr, and blue Cb, since a step of
        either is more than one level.
        """
        # Middles of the sums that produce the levels.
        middles = ((levels << self.shift) + (1 << self.shift >> 1)).astype(np.float32)
        lumas = np.array(LUMA, np.float32) @ middles - self.red[_NEUTRAL]
        first = np.floor(_place(self.luma, lumas)).astype(np.int32)
        given = np.zeros(levels.shape[1], bool)
        for number in (first, first + 1):
            luma = self.luma[np.clip(number, 0, 255)]
            cr = np.clip(np.rint(_place(self.red, middles[0] - luma)).astype(np.int32), 0, 255)
            cb = np.clip(np.rint(_place(self.blue, middles[2] - luma)).astype(np.int32), 0, 255)
            green = luma + self.green_by_cb[cb] + self.green_by_cr[cr]
            sums = (luma + self.red[cr], green, luma + self.blue[cb])
            given |= np.all([total >> self.shift == level for total, level in zip(sums, levels, strict=True)], 0)
        return given


def _place(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the fractional places where evenly rising terms, (256,), have these values."""
    places: np.ndarray = (values - terms[0]) * np.float32(255 / (terms[255] - terms[0]))
    return places


def _libjpeg() -> _Conversion:
    """Return the conversion of libjpeg (jdcolor.c): 16 fractional bits, rounded."""
    centred = _LEVELS - _NEUTRAL
    half = 0x8000
    red, blue, by_cb, by_cr = (int(factor * 65536 + 0.5) * centred for factor in (1.402, 1.772, 0.34414, 0.71414))
    return _Conversion(16, _LEVELS << 16, red + half, half - by_cb, -by_cr, blue + half)


def _libwebp() -> _Conversion:
    """Return the conversion of libwebp: 6 fractional bits, truncated."""
    luma, red, by_cb, by_cr, blue = (
        _LEVELS * _WEBP[name] >> 8 for name in ("luma", "v_to_red", "u_to_green", "v_to_green", "u_to_blue")
    )
    return _Conversion(6, luma, red - _WEBP["red"], _WEBP["green"] - by_cb, -by_cr, blue - _WEBP["blue"])


_CONVERSIONS = {"jpeg": _libjpeg(), "webp": _libwebp()}


def _film_colours() -> Iterator[np.ndarray]:
    """Yield the colours of a film of limited range and unspecified matrix, as films are read here.

    Blocks of 2×2 pixels share their chroma: 65536 pairs of it, with 64 blocks for each.
    """
    side = 256  # blocks in a frame
    blocks = 128 * 128
    for first in range(0, 65536 * 64, blocks):
        number = np.arange(first, first + blocks).reshape(side // 2, side // 2)
        lumas = (number % 64 * 4)[:, None, :, None] + np.array([[0, 1], [2, 3]])[:, None, :]  # (128, 2, 128, 2)
        planes = lumas, number // 64 % 256, number // 64 // 256
        samples = np.concatenate([plane.astype(np.uint8).ravel() for plane in planes]).reshape(-1, side)
        frame = video.VideoFrame.from_ndarray(samples, format="yuv420p")
        yield _numbers(video.to_rgb(frame, side, side, Path("colours"), as_ffmpeg=True))
