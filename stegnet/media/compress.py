"""Compressing pictures and films to a given number of bytes, so that they can be hidden as files.

A picture becomes lossless WebP if that fits, or else AVIF; a film becomes HEVC in Matroska. Both are 4:4:4 and tuned
for PSNR, as the networks are. The quality is the highest that fits, at the original resolution. Colours become sRGB,
and metadata (camera, place, title) and subtitles are dropped. A film's sound is copied packet by packet if it takes no
more than a quarter of the bytes, or else becomes Opus.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np
from PIL import Image

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import psnr
from stegnet.core.names import counted
from stegnet.formats.ffmpeg_cli import BITEXACT, input_file, run_ffmpeg
from stegnet.image.avif import write_avif
from stegnet.image.pictures import read_picture
from stegnet.media.cover import Compressed
from stegnet.near import Coded, decode, fit
from stegnet.video.film_writer import PictureTrack, to_yuv
from stegnet.video.films import FilmInfo, read_frames, scan
from stegnet.video.forms import MILLISECOND
from stegnet.video.sound_streams import ffmpeg_sound

if TYPE_CHECKING:
    from ffmpeg.nodes import FilterableStream

AVIF = ".avif"
WEBP = ".webp"
HEVC = ".mkv"
_ABOVE_AVIF = 49.5  # dB, from which on near-lossless pictures are better than AVIF of the same bytes
_TARGET = 0.98  # share of the available bytes that an attempt aims at


def _no_progress(done: int, total: int) -> None:
    pass


def compress_picture(
    path: Path, folder: Path, limit: int, progress: Callable[[int, int], None] = _no_progress
) -> Compressed:
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
    picture = read_picture(path)
    if exact := _lossless(picture, folder, limit):
        progress(1, 1)
        return exact
    return _Avif(path, picture, folder, progress).best(limit)


def compress_picture_nearly(
    path: Path, folder: Path, limit: int, progress: Callable[[int, int], None] = _no_progress
) -> Compressed:
    """Compress a picture as `compress_picture`, but to near-lossless JPEG XL where its PSNR is better than AVIF's.

    A near-lossless picture is not a file, but data of a record of its own kind.
    """
    picture = read_picture(path)
    if exact := _lossless(picture, folder, limit):
        progress(1, 1)
        return exact
    coded = fit(picture, limit, progress)
    quality = psnr(picture, decode(coded)) if coded else 0.0
    if quality < _ABOVE_AVIF:
        avif = _Avif(path, picture, folder, progress).best(limit)
        if coded is None or (avif.psnr or 0.0) >= quality:
            return avif
    assert coded is not None
    return _near_lossless(coded, folder, quality)


def _near_lossless(coded: Coded, folder: Path, quality: float) -> Compressed:
    """Return a picture that is coded nearly without loss as a copy; `quality` is its PSNR in dB."""
    copy = folder / "near"
    copy.write_bytes(coded.data)
    largest = coded.coder.largest_error(coded.steps)
    levels = counted(largest, "level")
    error = f"each sample within {levels} of the original, {quality:.1f} dB" if largest else "exact"
    return Compressed(copy, f"{coded.coder.label}, {error}", quality, coded)


def _lossless(picture: np.ndarray, folder: Path, limit: int) -> Compressed | None:
    """Return the picture as lossless WebP; None if it is too large."""
    exact = folder / f"exact{WEBP}"
    longest_side = 16_383  # of a WebP
    if max(picture.shape) > longest_side:
        return None
    Image.fromarray(picture).save(exact, format="WEBP", lossless=True)
    return Compressed(exact, "lossless WebP", math.inf) if exact.stat().st_size <= limit else None


def compress_film(
    path: Path, folder: Path, limit: int, progress: Callable[[int, int], None] = _no_progress
) -> Compressed:
    """Compress a film to HEVC of at most `limit` bytes, by two-pass encoding, as `compress_picture` does.

    A second pass that misses the target is repeated at another bit rate, up to four times in all. `progress` is called
    with the number of frames encoded in this pass, and of all.
    """
    info = scan(path)
    least_width = 64  # with a narrower film, x265 4.2 writes out of bounds
    if info.width < least_width:
        problem = f"a film {info.width} pixels wide can't be made HEVC"
        raise MediaError(problem, "use a larger or longer cover", subject=path)

    sound = _compress_sound(path, info, folder, limit)
    encoder = _Hevc(path, info, folder, sound, progress)
    best = encoder.best(limit) or encoder.smallest()
    size = best.stat().st_size
    if size > limit:
        raise _too_large(path, size, limit)

    with_sound = f", {sound.description}" if sound else ""
    rate = 8 * size / info.seconds / 1000
    return Compressed(best, f"HEVC 4:4:4, {float(rate):.0f} kbit/s{with_sound}")


def _too_large(path: Path, size: int, limit: int) -> CapacityError:
    problem = f"has {size} bytes even at the lowest quality, more than the capacity of {max(limit, 0)}"
    return CapacityError(problem, "use a larger or longer cover", subject=path)


def _compress_sound(path: Path, info: FilmInfo, folder: Path, limit: int) -> Compressed | None:
    """Write the film's sound to a separate file, copied or compressed."""
    if not info.sound:
        return None
    share = int(limit * Fraction(1, 4))
    copied = folder / "copied.mka"
    tracks = [input_file(path)[name] for name in ffmpeg_sound(path)]
    _mux(path, copied, tracks, {"acodec": "copy"})
    if copied.stat().st_size <= share:
        return Compressed(copied, "its sound unchanged")

    lowest_rate = 8_000  # bits per second
    highest_rate = 96_000
    least_stereo = 24_000
    rate = min(max(int(8 * share / info.seconds / len(info.sound)), lowest_rate), highest_rate)
    channels = 2 if rate >= least_stereo else 1
    encoded = folder / "encoded.mka"
    _mux(path, encoded, tracks, {"acodec": "libopus", "audio_bitrate": rate, "ac": channels})
    return Compressed(encoded, f"its sound Opus, {rate // 1000} kbit/s")


class _Encoder(ABC):
    """Encoder of a picture or film at several bit rates."""

    rates: tuple[float, float]  # lowest and highest valid bit rate

    @abstractmethod
    def encode(self, rate: float) -> Path:
        """Encode to a file of about this bit rate."""

    def largest(self, rate: float, limit: int, tries: int, enough: float) -> tuple[float, Path | None]:
        """Return the bit rate and file of the largest attempt with at most `limit` bytes, starting at a rate.

        The share `enough` of `limit` ends the search. If no attempt fits, return the bit rate to try next, and None.
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
            rate = min(max(_next_rate(tried, limit, _TARGET * limit), self.rates[0]), self.rates[1])
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


class _Avif(_Encoder):
    """Encoder of a picture; quick searches find about the bit rate for thorough ones."""

    rates = (1000.0, 1e10)

    def __init__(self, path: Path, picture: np.ndarray, folder: Path, progress: Callable[[int, int], None]) -> None:
        self._path = path
        self._picture = picture
        self._folder = folder
        self._progress = progress
        is_small = picture[..., 0].size <= 100_000
        self._searches = [_Search(6, 4, 0.95), _Search(4, 3, 0.97)] if is_small else [_Search(6, 4, 0.97)]
        self._count = 0
        self._effort = self._searches[0].effort

    def encode(self, rate: float) -> Path:
        self._count += 1
        out = self._folder / f"attempt{self._count}{AVIF}"
        steps = sum(search.tries for search in self._searches)
        write_avif(self._picture, out, rate, self._effort, self._path)
        self._progress(min(self._count, steps), steps)
        return out

    def best(self, limit: int) -> Compressed:
        """Return the best copy of at most `limit` bytes."""
        fitting = []
        rate = 8.0 * limit
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
                raise _too_large(self._path, size, limit)
            if size <= limit:
                fitting.append(attempt)

        quality, best = max((psnr(self._picture, read_picture(file)), file) for file in fitting)
        return Compressed(best, f"AVIF 4:4:4, {quality:.1f} dB", quality)


class _Hevc(_Encoder):
    """Encoder of a film, with its sound, in two passes."""

    def __init__(
        self, path: Path, info: FilmInfo, folder: Path, sound: Compressed | None, progress: Callable[[int, int], None]
    ) -> None:
        # Up to the bit rate of uncompressed video.
        self.rates = 1000.0, float(24 * info.width * info.height * info.mean_rate)
        self._path = path
        self._info = info
        self._folder = folder
        self._sound = sound
        self._progress = progress
        self._count = 0
        # x265 separates its params by colons.
        self._stats = re.sub(r"([\\':=])", r"\\\1", str(folder / "stats"))

    def best(self, limit: int) -> Path | None:
        """Return the largest second pass that fits, if any does."""
        sound = self._sound.path.stat().st_size if self._sound else 0
        rate = 8 * (_TARGET * limit - sound) / self._info.seconds
        rate = float(min(max(rate, self.rates[0]), self.rates[1]))
        self._write(self._folder / "first-pass.mkv", f"pass=1:stats={self._stats}", rate)
        second_passes = 4
        enough = 0.95  # share of the available bytes that ends the search
        return self.largest(rate, limit, second_passes, enough)[1]

    def encode(self, rate: float) -> Path:
        """Encode a second pass."""
        self._count += 1
        return self._encode_with_sound(f"attempt{self._count}", f"pass=2:stats={self._stats}", rate)

    def smallest(self) -> Path:
        """Encode the film at the lowest quality."""
        return self._encode_with_sound("smallest", "crf=51", None)

    def _encode_with_sound(self, name: str, params: str, rate: float | None) -> Path:
        silent = self._folder / f"{name}-silent.mkv"
        film = self._folder / f"{name}{HEVC}"
        self._write(silent, params, rate)
        inputs = [input_file(silent)["v"]]
        inputs += [input_file(self._sound.path)["a"]] if self._sound else []
        _mux(self._path, film, inputs, {"codec": "copy"})
        silent.unlink()
        return film

    def _write(self, out: Path, params: str, rate: float | None) -> None:
        """Encode the film without sound, with x265's parameters, at a bit rate unless they give a quality."""
        size = (self._info.width, self._info.height)
        frames = len(self._info.pts)
        least_frames = 4  # with fewer, x265 4.2 outputs uninitialised decoding times
        reorder = "" if frames >= least_frames else ":bframes=0"
        params = f"log-level=none:info=0:{params}{reorder}"
        options = {"preset": "medium", "tune": "psnr", "x265-params": params}
        pixel_format = "yuv444p10le"  # at 4 Mbit/s for 640×360, 8 bits cost 0.8 dB

        try:
            with (
                av.open(str(out), "w", format="matroska", container_options={"fflags": "+bitexact"}) as film,
                closing(read_frames(self._path)) as read,
            ):
                stream = film.add_stream("libx265", rate=self._info.mean_rate, options=options)
                if rate is not None:
                    stream.bit_rate = int(rate)
                pictures = PictureTrack(stream, pixel_format, size, self._info.mean_rate, MILLISECOND)
                stream.codec_context.sample_aspect_ratio = self._info.aspect
                for done, (picture, time) in enumerate(zip(read, self._info.times, strict=True), 1):
                    film.mux(list(pictures.packets(to_yuv(picture, pixel_format), time)))
                    self._progress(done, frames)
                film.mux(list(pictures.rest()))
        except av.FFmpegError as error:
            raise MediaError(f"can't be made HEVC ({error.strerror})", subject=self._path) from error


def _mux(source: Path, out: Path, streams: "Sequence[FilterableStream]", options: Mapping[str, str | int]) -> None:
    """Write streams to Matroska. Time stamps are kept, so that pictures and sound stay in sync."""
    of_container: dict[str, str | int | None] = {"format": "matroska", "map_chapters": -1, "copyts": None}
    run_ffmpeg(out, streams, {**options, **of_container, **BITEXACT}, "ffmpeg can't make it smaller", source)
