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
from stegnet.media.regular import is_enlarged, lacks_values, repeated_areas

_LEVELS, _NEUTRAL = np.arange(256, dtype=np.int32), 128  # levels of 8-bit samples; level of chroma that is grey
_LOOKED_AT = 1 << 20  # pixels
_NEVER_CLIPPED = 140  # colours with a level of 0 or 255 that libjpeg does not produce; libwebp produces all
_AT_ONCE = 1 << 16  # colours, to limit memory
_FEW, _NEARLY_ALL = 30, 0.95  # distinct colours that are too few to tell; share of them that the decoder must produce
_PART = 1024  # pixels: side of the part that is searched for copies
_SIDE = 384  # pixels: side of the middle that is searched for a grid
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (2, 2), (0, 3), (3, 0))
# Frequencies whose values are counted; least count; a gap has at most a tenth of the count of a larger value.
_LOW, _OFTEN, _GAP = 9, 25, 0.1
_MOST_GAPS = 2  # frequencies with gaps in a JPEG that was saved once, at most
_STEPS, _ENOUGH, _PERIODIC = np.arange(2, 32, dtype=np.float32), 100, 0.5
_COPY, _TWICE = "a copy of one that was saved with loss", "a JPEG that was saved before with coarser tables"
_FILM_COPY = "a film that was copied from one with loss"
FLAT, _MOSTLY = "a picture of flat areas", 0.8  # share of pixels that equal the next one in their row
ENLARGED = "a picture that was enlarged without a filter"
REPEATED = "a picture that mostly repeats itself, as tiles"
STRETCHED = "a picture that lacks some levels, as after a change of its contrast"
_WEBP = {  # factors and offsets of libwebp (src/dsp/yuv.h)
    **{"luma": 19077, "v_to_red": 26149, "u_to_green": 6419, "v_to_green": 13320, "u_to_blue": 33050},
    **{"red": 14234, "green": 8708, "blue": 17685},
}


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
    if is_enlarged(picture[:_SIDE, :_SIDE]):
        return ENLARGED
    channels = np.moveaxis(_looked_at(picture), 2, 0)
    if any(lacks_values(np.bincount(channel.reshape(-1), minlength=256)) for channel in channels):
        return STRETCHED
    return REPEATED if repeated_areas(picture[:_PART, :_PART]).mean() > _MOSTLY else None


def film_history(first: np.ndarray) -> str | None:
    """Describe a film that had a lossy format, judged by its first frame, as `picture_history`."""
    return _FILM_COPY if _has_past(first, ("film", "jpeg")) else None


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
    return picture[:: -(-picture[..., 0].size // _LOOKED_AT)]


def _has_past(picture: np.ndarray, decoders: tuple[str, ...]) -> bool:
    seen = np.zeros(1 << 24, bool)
    seen[_numbers(_looked_at(picture))] = True
    seen[_LEVELS * 0x10101] = False  # greys tell nothing, since all decoders give them
    colours = np.flatnonzero(seen).astype(np.int32)
    given = len(colours) >= _FEW and any(_gives_nearly_all(decoder, colours) for decoder in decoders)
    return given or _has_grid(picture)


def _gives_nearly_all(decoder: str, colours: np.ndarray) -> bool:
    """Return whether a decoder produces nearly all of these colours, (n,) int32.

    The table of all colours is only computed if the clipped ones are decisive.
    """
    if decoder in _CONVERSIONS:
        levels = colours >> np.array([[16], [8], [0]], np.int32) & 255
        inside = levels[:, ((levels > 0) & (levels < 255)).all(0)]
        parts = np.array_split(inside, inside.shape[1] // _AT_ONCE + 1, 1)
        clipped = len(colours) - inside.shape[1]
        most = clipped + sum(np.count_nonzero(_CONVERSIONS[decoder].gives(part)) for part in parts)
        if most / len(colours) < _NEARLY_ALL:
            return False
        if (most - min(clipped, _NEVER_CLIPPED)) / len(colours) >= _NEARLY_ALL:
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
    # Indexed by row, column and frequency of the rows, then by frequency, row and column: of the block that begins
    # there.
    by_rows = sliding_window_view(luma, BLOCK, 0) @ COSINES[: max(_FREQUENCIES)[0] + 1].T
    found = np.array(
        [np.abs(sliding_window_view(by_rows[..., down], BLOCK, 1) @ COSINES[across]) for down, across in _FREQUENCIES],
        np.float32,
    )
    return any(_quantised(found[:, down::BLOCK, across::BLOCK]) for down in range(BLOCK) for across in range(BLOCK))


def _quantised(blocks: np.ndarray) -> bool:
    """Return whether two frequencies of blocks, (frequencies, rows, columns) float32, are multiples of a step."""
    return sum(_have_step(values.ravel()) for values in blocks) >= 2


def _have_step(values: np.ndarray) -> bool:
    """Return whether the values that are not nearest to 0 are near multiples of some step, three or more of them."""
    turns = values / _STEPS[:, None]
    turns = turns[np.count_nonzero(turns > 0.5, 1) >= _ENOUGH]
    counted = turns > 0.5
    sums = (np.cos(2 * np.pi * turns) * counted).sum(1)
    periodic = np.flatnonzero(sums >= _PERIODIC * counted.sum(1))
    return any(np.unique(np.rint(turns[step][counted[step]])).size > 2 for step in periodic)


def _numbers(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(np.int32), -1, 0)
    return (red << 16) + (green << 8) + blue


@dataclass(frozen=True, eq=False)
class _Conversion:
    """The integer arithmetic by which a decoder converts YCbCr to RGB.

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
            sums = luma + self.red, luma + green, luma + self.blue[:, None]
            red_level, green_level, blue_level = (np.clip(each >> self.shift, 0, 255) for each in sums)
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
        found = np.zeros(levels.shape[1], bool)
        for number in (first, first + 1):
            luma = self.luma[np.clip(number, 0, 255)]
            cr = np.clip(np.rint(_place(self.red, middles[0] - luma)).astype(np.int32), 0, 255)
            cb = np.clip(np.rint(_place(self.blue, middles[2] - luma)).astype(np.int32), 0, 255)
            sums = luma + self.red[cr], luma + self.green_by_cb[cb] + self.green_by_cr[cr], luma + self.blue[cb]
            found |= np.all([each >> self.shift == level for each, level in zip(sums, levels, strict=True)], 0)
        return found


def _place(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the fractional places where evenly rising terms, (256,), have these values."""
    return (values - terms[0]) * np.float32(255 / (terms[255] - terms[0]))


def _libjpeg() -> _Conversion:
    """Return the conversion of libjpeg (jdcolor.c): 16 fractional bits, rounded."""
    centred, half = _LEVELS - _NEUTRAL, 0x8000
    red, blue, by_cb, by_cr = (int(factor * 65536 + 0.5) * centred for factor in (1.402, 1.772, 0.34414, 0.71414))
    return _Conversion(16, _LEVELS << 16, red + half, half - by_cb, -by_cr, blue + half)


def _libwebp() -> _Conversion:
    luma, red, by_cb, by_cr, blue = (
        _LEVELS * _WEBP[name] >> 8 for name in ("luma", "v_to_red", "u_to_green", "v_to_green", "u_to_blue")
    )
    return _Conversion(6, luma, red - _WEBP["red"], _WEBP["green"] - by_cb, -by_cr, blue - _WEBP["blue"])


_CONVERSIONS = {"jpeg": _libjpeg(), "webp": _libwebp()}


def _film_colours() -> Iterator[np.ndarray]:
    """Yield the colours of a film of limited range and unspecified matrix, as films are read here.

    Blocks of 2×2 pixels share their chroma: 65536 pairs of it, with 64 blocks for each.
    """
    side, blocks = 256, 128 * 128  # blocks in a frame
    for first in range(0, 65536 * 64, blocks):
        number = np.arange(first, first + blocks).reshape(side // 2, side // 2)
        lumas = (number % 64 * 4)[:, None, :, None] + np.array([[0, 1], [2, 3]])[:, None, :]  # (128, 2, 128, 2)
        planes = lumas, number // 64 % 256, number // 64 // 256
        samples = np.concatenate([plane.astype(np.uint8).ravel() for plane in planes]).reshape(-1, side)
        frame = video.VideoFrame.from_ndarray(samples, format="yuv420p")
        yield _numbers(video.to_rgb(frame, side, side, Path("colours"), as_ffmpeg=True))
