"""Traces in a cover that is saved without loss, of lossy compression above all, that a container would break.

A decoder gives at most a quarter of all colours (Fridrich, Goljan, Du 2001, "Steganalysis based on JPEG compatibility",
SPIE 4518), and the DCT of what was a JPEG has multiples of its quantisation steps. Whoever finds either in a container,
with few exceptions, knows that these were made by hiding. So does whoever sees single pixels in an area of one colour.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from stegnet.core.parallel import parallel_map
from stegnet.core.pixels import BLOCK, COSINES, LUMA, is_grey
from stegnet.media.regular import is_enlarged, lacks_values, repeated_areas
from stegnet.video.films import VideoFrame, to_rgb

_LEVELS = np.arange(256)
_LOOKED_AT = 1 << 20  # pixels
_FEW, _NEARLY_ALL = 30, 0.95  # distinct colours that tell nothing, and share of them that a decoder gives
_PART = 1024  # pixels of a side, in which copies are looked for
_SIDE = 384  # pixels of the middle, in which a grid is looked for
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (2, 2), (0, 3), (3, 0))
_LOW, _OFTEN, _GAP = 9, 25, 0.1  # frequencies whose values are counted; a gap has a tenth of a larger value's count
_MOST_GAPS = 2  # frequencies with gaps, in what was saved once
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
    """Words for a picture, (H, W, 3) uint8, whose container without loss shows what was changed; None: it has no such.

    It had a lossy format, or is regular everywhere.
    """
    return lossy_past(picture) or _regularity(picture)


def lossy_past(picture: np.ndarray) -> str | None:
    """Words for a picture, (H, W, 3) uint8, that had a lossy format, or is mostly flat; None: it shows neither."""
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
    """Words for a film that had a lossy format, by its first frame, as `picture_history`."""
    return _FILM_COPY if _has_past(first, ("film", "jpeg")) else None


def saved_twice(luma: np.ndarray) -> str | None:
    """Words for a JPEG that was one before, by its luma, (rows, columns, 64) int in zigzag order; None: it shows none.

    A finer table leaves out values between multiples of a coarser one: Lukáš, Fridrich 2003, "Estimation of primary
    quantization matrix in double compressed JPEG images" (DFRWS).
    """
    gaps = 0
    for values in np.abs(luma[..., 1 : _LOW + 1]).reshape(-1, _LOW).T:
        counts = np.bincount(values, minlength=3)[1:]
        beyond = np.maximum.accumulate(counts[::-1])[::-1][1:]  # of larger values: rarer in what was saved once
        gaps += bool(((beyond >= _OFTEN) & (counts[:-1] < _GAP * beyond)).any())
    return _TWICE if gaps > _MOST_GAPS else None


def _looked_at(picture: np.ndarray) -> np.ndarray:
    return picture[:: -(-picture[..., 0].size // _LOOKED_AT)]


def _has_past(picture: np.ndarray, decoders: tuple[str, ...]) -> bool:
    seen = np.zeros(1 << 24, bool)
    seen[_numbers(_looked_at(picture))] = True
    seen[_LEVELS * 0x10101] = False  # greys tell nothing, since all decoders give them
    colours = np.flatnonzero(seen)
    given = parallel_map(decoder_colours, decoders, len(decoders)) if len(colours) >= _FEW else ()
    return any([_share_of(own, colours) >= _NEARLY_ALL for own in given]) or _has_grid(picture)


def _share_of(given: np.ndarray, colours: np.ndarray) -> float:
    """Share of some colours, (n,) int, that are marked in (2²¹,) uint8."""
    return float((given[colours >> 3] >> (7 - (colours & 7)) & 1).mean())


def _has_grid(picture: np.ndarray) -> bool:
    """True if the middle of a picture, (H, W, 3) uint8, has blocks of 8×8 whose low frequencies were quantised."""
    top, left = (max(0, side - _SIDE) // 2 for side in picture.shape[:2])
    part = picture[top : top + _SIDE, left : left + _SIDE]
    luma = part[..., 0].astype(float) if is_grey(part) else part @ np.array(LUMA)
    return any(_quantised(luma[down:, across:]) for down in range(BLOCK) for across in range(BLOCK))


@cache
def decoder_colours(decoder: str) -> np.ndarray:
    """(2²¹,) uint8: a bit for each colour, 65536 red + 256 green + blue, that a decoder of _DECODERS gives."""
    given = np.zeros(1 << 24, bool)
    for colours in _DECODERS[decoder]():
        given[colours] = True
    return np.packbits(given)


def _quantised(luma: np.ndarray) -> bool:
    """True if two frequencies of the blocks from the corner on are multiples of a step."""
    rows, cols = (side // BLOCK for side in luma.shape)
    blocks = luma[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK)
    found = 0
    for down, across in _FREQUENCIES:
        values = np.abs(np.einsum("rucv,u,v->rc", blocks, COSINES[down], COSINES[across], optimize=True)).ravel()
        found += _have_step(values.astype(np.float32))
    return found >= 2


def _have_step(values: np.ndarray) -> bool:
    """True if, for some step, those values that are not nearest to 0 are near multiples of it, of three and more."""
    turns = values / _STEPS[:, None]
    counted = turns > 0.5
    counts, sums = counted.sum(1), (np.cos(2 * np.pi * turns) * counted).sum(1)
    periodic = np.flatnonzero((counts >= _ENOUGH) & (sums >= _PERIODIC * counts))
    return any(np.unique(np.rint(turns[step][counted[step]])).size > 2 for step in periodic)


def _numbers(picture: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(picture.astype(np.int32), -1, 0)
    return (red << 16) + (green << 8) + blue


def _jpeg_colours() -> Iterator[np.ndarray]:
    """The colours of libjpeg (jdcolor.c), for each value of the luma."""
    centred = _LEVELS - 128
    red, blue = (_fixed(factor) * centred + 0x8000 >> 16 for factor in (1.402, 1.772))
    green = -_fixed(0.34414) * centred[:, None] - _fixed(0.71414) * centred + 0x8000 >> 16  # (Cb, Cr)
    for luma in _LEVELS:
        yield _clipped(luma + red, luma + green, luma + blue[:, None])


def _webp_colours() -> Iterator[np.ndarray]:
    """The colours of libwebp, for each value of the luma."""
    u, v = _LEVELS[:, None], _LEVELS
    red, blue = (v * _WEBP["v_to_red"] >> 8) - _WEBP["red"], (u * _WEBP["u_to_blue"] >> 8) - _WEBP["blue"]
    green = _WEBP["green"] - (u * _WEBP["u_to_green"] >> 8) - (v * _WEBP["v_to_green"] >> 8)
    for luma in _LEVELS:
        base = luma * _WEBP["luma"] >> 8
        yield _clipped(base + red >> 6, base + green >> 6, base + blue >> 6)


def _film_colours() -> Iterator[np.ndarray]:
    """The colours of a film of limited range whose matrix is not specified, as films are read here.

    Blocks of 2×2 pixels share their chroma, 65536 pairs of it, with 64 blocks for each.
    """
    side, blocks = 256, 128 * 128  # of a frame
    for first in range(0, 65536 * 64, blocks):
        number = np.arange(first, first + blocks).reshape(side // 2, side // 2)
        lumas = (number % 64 * 4)[:, None, :, None] + np.array([[0, 1], [2, 3]])[:, None, :]  # (128, 2, 128, 2)
        planes = lumas, number // 64 % 256, number // 64 // 256
        samples = np.concatenate([plane.astype(np.uint8).ravel() for plane in planes]).reshape(-1, side)
        frame = VideoFrame.from_ndarray(samples, format="yuv420p")
        yield _numbers(to_rgb(frame, side, side, Path("colours"), as_ffmpeg=True))


_DECODERS: dict[str, Callable[[], Iterator[np.ndarray]]] = {
    "jpeg": _jpeg_colours,
    "webp": _webp_colours,
    "film": _film_colours,
}


def _fixed(factor: float) -> int:
    return int(factor * 65536 + 0.5)


def _clipped(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> np.ndarray:
    red, green, blue = (np.clip(channel, 0, 255) for channel in (red, green, blue))
    return (red << 16) + (green << 8) + blue
