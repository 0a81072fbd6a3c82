"""Compressing pictures to a given number of bytes, so that they can be hidden as files.

A picture becomes lossless WebP if that fits, or else AVIF. AVIF is 4:4:4 and tuned for PSNR, as the
networks are. The quality is the highest that fits, at the original resolution. Colours become sRGB, and metadata
(camera, place, title) is dropped.
"""

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from stegnet.core.errors import CapacityError
from stegnet.core.measures import psnr
from stegnet.core.parallel import Count, no_count
from stegnet.core.pixels import middle
from stegnet.image.avif import FAST, write_avif
from stegnet.image.pictures import read_picture
from stegnet.media.cover import Compressed

SMALL = 100_000  # pixels of the largest picture of which the best copy is searched for; of a larger one, a quick one
_FEW_BITS = 2  # for a pixel: with fewer, libaom's quick mode gains less, and its smallest pictures are larger
AVIF = ".avif"
WEBP = ".webp"
TARGET = 0.98  # share of the available bytes that an attempt aims at


def compress_picture(path: Path, folder: Path, limit: int, progress: Count = no_count) -> Compressed:
    """Compress a picture to at most `limit` bytes: to lossless WebP, or else to AVIF.

    Args:
        path: picture to compress.
        folder: where attempts are written.
        limit: largest size in bytes.
        progress: called after each attempt with the number of steps done and in all.

    Raises:
        MediaError: the picture can't be read or coded as AVIF.
        CapacityError: it is too large even at the lowest quality.
    """
    image = Image.fromarray(read_picture(path))
    if exact := _lossless(image, folder, limit):
        progress(1, 1)
        return exact
    picture = np.asarray(image)
    return _Avif(path, picture, folder, limit, progress).best(limit)


def _lossless(image: Image.Image, folder: Path, limit: int) -> Compressed | None:
    """Return a picture as lossless WebP; None if it is too large.

    Its encoder takes more memory than all else, so that there is no other copy of the picture.
    """
    exact = folder / f"exact{WEBP}"
    longest_side = 16_383  # of a WebP
    if max(image.size) > longest_side:
        return None
    image.save(exact, format="WEBP", lossless=True, method=0, quality=0)
    quick = exact.stat().st_size
    # Half a byte for each pixel: where nothing repeats, a quick attempt is a quarter too large.
    half_a_byte = image.width * image.height // 2
    if quick > max(1.3 * limit, half_a_byte):
        return None
    image.save(exact, format="WEBP", lossless=True)
    return Compressed(exact, "lossless WebP", math.inf) if exact.stat().st_size <= limit else None


def too_large(path: Path, size: int | str, limit: int) -> CapacityError:
    """Return the error for a file whose copy has `size` bytes at the lowest quality, and may have `limit`."""
    problem = f"has {size} bytes even at the lowest quality, more than the capacity of {max(limit, 0)}"
    return CapacityError(problem, "use a larger or longer cover", subject=path)


class Encoder(ABC):
    """Encoder of a picture or film at several bit rates."""

    rates: tuple[float, float]  # lowest and highest valid bit rate

    @abstractmethod
    def encode(self, rate: float) -> Path:
        """Encode to a file of about this bit rate."""

    def largest(self, rate: float, limit: int, tries: int, enough: float) -> tuple[float, Path | None]:
        """Return the bit rate and file of the largest attempt with at most `limit` bytes, starting at a rate.

        An attempt that has the share `enough` of `limit` ends the search, and so does one of the same size as the one
        before. If no attempt fits, return the bit rate to try next, and None.
        """
        best = None
        tried = [(0.0, 0)]
        while len(tried) <= tries and rate != tried[-1][0]:
            made = self.encode(rate)
            size = made.stat().st_size
            if size <= limit and (best is None or size > best[1].stat().st_size):
                best = rate, made
            if enough * limit <= size <= limit or (size == tried[-1][1] and size <= limit):
                break
            tried.append((rate, size))
            rate = min(max(_next_rate(tried, limit, TARGET * limit), self.rates[0]), self.rates[1])
        return best or (rate, None)


def _next_rate(tried: list[tuple[float, int]], limit: int, target: float) -> float:
    """Estimate the bit rate that gives `target` bytes, by the secant method within the known bounds."""
    (earlier_rate, earlier_size), (last, last_size) = tried[-2:]
    low = max(rate for rate, size in tried if size <= limit)
    high = min((rate for rate, size in tried if size > limit), default=4 * low)
    if last_size == earlier_size:  # a coarse encoder
        rate = last * (target / last_size) ** 2
    else:
        rate = last + (target - last_size) * (last - earlier_rate) / (last_size - earlier_size)
    return rate if low < rate < high else (low + high) / 2


class _Search(NamedTuple):
    """Search for the bit rate of an AVIF."""

    effort: int  # libaom's `cpu-used`
    tries: int
    enough: float  # share of the bytes that ends it


class _Avif(Encoder):
    """Encoder of a picture; quick searches find about the bit rate for thorough ones."""

    rates = (1000.0, 1e10)

    def __init__(self, path: Path, picture: np.ndarray, folder: Path, limit: int, progress: Count) -> None:
        self._path = path
        self._picture = picture
        self._folder = folder
        self._progress = progress
        pixels = picture[..., 0].size
        if pixels <= SMALL:
            self._searches = [_Search(6, 4, 0.95), _Search(4, 3, 0.97)]
        elif 8 * limit < _FEW_BITS * pixels:
            self._searches = [_Search(6, 3, 0.93)]
        else:
            self._searches = [_Search(FAST, 3, 0.97)]
        self._effort = self._searches[0].effort
        self._made: dict[tuple[int, float], Path] = {}  # by effort and bit rate

    def encode(self, rate: float) -> Path:
        if (self._effort, rate) not in self._made:
            count = len(self._made) + 1
            out = self._folder / f"attempt{count}{AVIF}"
            steps = sum(search.tries for search in self._searches)
            write_avif(self._picture, out, rate, self._effort, self._path)
            self._made[self._effort, rate] = out
            self._progress(min(count, steps), steps)
        return self._made[self._effort, rate]

    def _asked_for_each_byte(self, limit: int) -> float:
        """Return the bytes to ask libaom for, by each that it makes, of which the middle of a large picture tells."""
        side = 256  # pixels of the middle
        height, width = self._picture.shape[:2]
        if min(height, width) < 3 * side:
            return 1.0
        most = limit * side**2 // (height * width)
        part = _Avif(self._path, middle(self._picture, side, side), self._folder, most, no_count)
        part._effort = self._effort
        asked, made = part.largest(8.0 * most, most, tries=3, enough=0.9)
        return asked / 8 / made.stat().st_size if made else 1.0

    def best(self, limit: int) -> Compressed:
        """Return the best copy of at most `limit` bytes."""
        fitting = []
        rate = 8.0 * limit * self._asked_for_each_byte(limit)
        for search in self._searches:
            self._effort = search.effort
            rate, largest = self.largest(rate, limit, search.tries, search.enough)
            if largest is not None:
                fitting.append(largest)

        share = 0.95
        while not fitting:  # the first that fits at lower and lower bit rates
            rate = max(rate * share, self.rates[0])
            share = share * share
            attempt = self.encode(rate)
            size = attempt.stat().st_size
            if size > limit and rate == self.rates[0]:
                raise too_large(self._path, size, limit)
            if size <= limit:
                fitting.append(attempt)

        quality, best = max((psnr(self._picture, read_picture(file)), file) for file in fitting)
        return Compressed(best, f"AVIF 4:4:4, {quality:.1f} dB", quality)
