"""Compressing pictures and films to a given number of bytes, so that they can be hidden as files.

A picture becomes AVIF, a film HEVC in Matroska, both 4:4:4 and tuned for PSNR, as the networks are. The quality is
the highest that fits; the resolution stays. Metadata (camera, place, title) and subtitles are dropped. A film's sound
is copied packet by packet if it takes no more than a quarter of the bytes, or else becomes Opus.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from stegnet.core.errors import CapacityError, MediaError
from stegnet.media.encoders import MILLISECOND, to_yuv, x265_params
from stegnet.media.ffmpeg_cli import input_file, run_ffmpeg
from stegnet.media.films import FilmInfo, read_frames, scan
from stegnet.media.pictures import read_cover

AVIF, HEVC = ".avif", ".mkv"
_BEST_QUALITY = 100
_WORST_CRF = 51
_MIN_WIDTH = 64  # with a narrower film, x265 4.2 writes out of bounds
_BT709 = "colormatrix=bt709:colorprim=bt709:transfer=bt709:range=limited"
_SOUND_SHARE = Fraction(1, 4)
_MIN_SOUND, _MAX_SOUND, _MIN_STEREO = 8_000, 96_000, 24_000  # bits per second
_MAX_TRIES = 4  # second passes
# Shares of the available bytes: the goal of a second pass, and the least that ends the search.
_TARGET, _GOOD_ENOUGH = 0.98, 0.93


@dataclass(frozen=True)
class Compressed:
    """A compressed copy.

    Attributes:
        path: of the copy.
        description: format and quality, for messages.
    """

    path: Path
    description: str


def _no_progress(done: int, total: int) -> None:
    """Shows nothing."""


def compress_picture(
    path: Path, folder: Path, limit: int, progress: Callable[[int, int], None] = _no_progress
) -> Compressed:
    """Compresses a picture to AVIF of at most `limit` bytes, by bisection over the quality.

    Args:
        folder: where the copy is written.
        progress: called after each step with the number of steps done, and of all.
    Raises:
        MediaError: the picture can't be read, or AVIF can't hold its size in pixels.
        CapacityError: it is too large even at the lowest quality.
    """
    pixels, profile = read_cover(path)
    best, quality = None, -1
    fits, too_large = -1, _BEST_QUALITY + 1
    steps = too_large.bit_length()
    for step in range(1, steps + 1):
        middle = (fits + too_large) // 2
        if fits < middle:
            encoded = _avif(path, pixels, profile, middle)
            if len(encoded) <= limit:
                best, quality, fits = encoded, middle, middle
            else:
                too_large = middle
        progress(step, steps)
    if best is None:
        raise _too_large(path, len(_avif(path, pixels, profile, 0)), limit)
    (folder / f"picture{AVIF}").write_bytes(best)
    return Compressed(folder / f"picture{AVIF}", f"AVIF 4:4:4, quality {quality} of {_BEST_QUALITY}")


def compress_film(
    path: Path, folder: Path, limit: int, progress: Callable[[int, int], None] = _no_progress
) -> Compressed:
    """Compresses a film to HEVC of at most `limit` bytes, by two-pass encoding.

    A second pass that misses the target is repeated at another bit rate, up to four times in all.

    Args:
        folder: where the copy and intermediate files are written; preferably empty.
        progress: called with the number of frames encoded in this pass, and of all.
    Raises:
        MediaError: the film can't be read, or HEVC can't hold it.
        CapacityError: it is too large even at the lowest quality.
    """
    info = scan(path)
    if info.width < _MIN_WIDTH:
        raise MediaError(f"{path}: a film {info.width} pixels wide can't be made HEVC", "take a larger or longer cover")
    sound = _compress_sound(path, info, folder, limit)
    encoder = _Encoder(path, info, folder, sound, progress)
    best = _search(encoder, limit) or encoder.smallest()
    size = best.stat().st_size
    if size > limit:
        raise _too_large(path, size, limit)
    with_sound = f", {sound.description}" if sound else ""
    rate = 8 * size * info.rate / len(info.pts) / 1000
    return Compressed(best, f"HEVC 4:4:4, {float(rate):.0f} kbit/s{with_sound}")


def _too_large(path: Path, size: int, limit: int) -> CapacityError:
    return CapacityError(
        f"{path}: has {size} bytes even at the lowest quality, and there is room for {max(limit, 0)}",
        "take a larger or longer cover",
    )


def _avif(path: Path, pixels: np.ndarray, profile: bytes | None, quality: int) -> bytes:
    encoded = io.BytesIO()
    options = {"quality": quality, "subsampling": "4:4:4", "codec": "aom", "advanced": {"tune": "psnr"}}
    try:
        Image.fromarray(pixels).save(encoded, format="AVIF", icc_profile=profile, **options)
    except (KeyError, OSError, ValueError) as error:
        raise MediaError(f"{path}: can't be made AVIF ({error})") from error
    return encoded.getvalue()


def _compress_sound(path: Path, info: FilmInfo, folder: Path, limit: int) -> Compressed | None:
    """The film's sound in a file of its own, copied or compressed."""
    if not info.sound:
        return None
    share = int(limit * _SOUND_SHARE)
    copied, encoded = folder / "copied.mka", folder / "encoded.mka"
    _mux(path, copied, [input_file(path)["a"]], acodec="copy")
    if copied.stat().st_size <= share:
        return Compressed(copied, "its sound unchanged")
    seconds = len(info.pts) / info.rate
    rate = min(max(int(8 * share / seconds / len(info.sound)), _MIN_SOUND), _MAX_SOUND)
    channels = 2 if rate >= _MIN_STEREO else 1
    _mux(path, encoded, [input_file(path)["a"]], acodec="libopus", audio_bitrate=rate, ac=channels)
    return Compressed(encoded, f"its sound Opus, {rate // 1000} kbit/s")


def _search(encoder: "_Encoder", limit: int) -> Path | None:
    """The largest of a few second passes that fits, if any does."""
    target = _TARGET * limit
    rate = encoder.clamp(8 * (target - encoder.sound_bytes) * encoder.info.rate / len(encoder.info.pts))
    encoder.first_pass(rate)
    best, tried = None, [(0.0, 0)]
    while len(tried) <= _MAX_TRIES and rate != tried[-1][0]:
        film = encoder.second_pass(rate, len(tried))
        size = film.stat().st_size
        if size <= limit and (best is None or size > best.stat().st_size):
            best = film
        if _GOOD_ENOUGH * limit <= size <= limit or size == tried[-1][1]:
            break
        tried.append((rate, size))
        rate = encoder.clamp(_next_rate(tried, limit, target))
    return best


def _next_rate(tried: list[tuple[float, int]], limit: int, target: float) -> float:
    """Estimates the bit rate that gives `target` bytes: the secant method, or bisection if that leaves the bracket.

    Args:
        tried: bit rates with the sizes that they gave.
    """
    (earlier_rate, earlier_size), (last, last_size) = tried[-2:]
    rate = last + (target - last_size) * (last - earlier_rate) / (last_size - earlier_size)
    low = max(rate for rate, size in tried if size <= limit)
    high = min((rate for rate, size in tried if size > limit), default=4 * low)
    return rate if low < rate < high else (low + high) / 2


class _Encoder:
    """Encodes one film at several bit rates.

    Args:
        sound: added to each copy, or None.
    """

    def __init__(
        self, path: Path, info: FilmInfo, folder: Path, sound: Compressed | None, progress: Callable[[int, int], None]
    ) -> None:
        self.info = info
        self.sound_bytes = sound.path.stat().st_size if sound else 0
        self._path, self._folder, self._sound, self._progress = path, folder, sound, progress
        # x265 separates its params by colons.
        self._stats = re.sub(r"([\\':=])", r"\\\1", str(folder / "stats"))

    def clamp(self, rate: float) -> float:
        """The nearest valid bit rate: from one kilobit per second to that of uncompressed video."""
        uncompressed = 24 * self.info.width * self.info.height * self.info.rate
        return float(min(max(rate, 1000), uncompressed))

    def first_pass(self, rate: float) -> None:
        """Gathers statistics of each frame at a bit rate per second."""
        self._encode(self._folder / "first-pass.mkv", f"pass=1:stats={self._stats}", rate)

    def second_pass(self, rate: float, attempt: int) -> Path:
        """The film at a bit rate near that of the first pass."""
        return self._encode_with_sound(f"attempt{attempt}", f"pass=2:stats={self._stats}", rate)

    def smallest(self) -> Path:
        """The film at the lowest quality."""
        return self._encode_with_sound("smallest", f"crf={_WORST_CRF}", None)

    def _encode_with_sound(self, name: str, params: str, rate: float | None) -> Path:
        silent, film = self._folder / f"{name}-silent.mkv", self._folder / f"{name}{HEVC}"
        self._encode(silent, params, rate)
        inputs = [input_file(silent)["v"]]
        inputs += [input_file(self._sound.path)["a"]] if self._sound else []
        _mux(self._path, film, inputs, codec="copy")
        silent.unlink()
        return film

    def _encode(self, out: Path, params: str, rate: float | None) -> None:
        try:
            with av.open(str(out), "w", format="matroska", container_options={"fflags": "+bitexact"}) as film:
                stream = film.add_stream("libx265", rate=self.info.rate, options=self._options(params))
                stream.width, stream.height, stream.pix_fmt = self.info.width, self.info.height, "yuv444p"
                stream.time_base = stream.codec_context.time_base = MILLISECOND
                if rate is not None:
                    stream.bit_rate = int(rate)
                for packet in self._packets(stream):
                    film.mux(packet)
        except av.FFmpegError as error:
            raise MediaError(f"{self._path}: can't be made HEVC ({error.strerror})") from error

    def _packets(self, stream: VideoStream) -> Iterator[av.Packet]:
        last = None
        with closing(read_frames(self._path)) as pictures:
            for done, (picture, time) in enumerate(zip(pictures, self.info.times, strict=True), 1):
                stamp = round(time / MILLISECOND)
                last = stamp if last is None else max(stamp, last + 1)
                frame = to_yuv(picture, "yuv444p")
                frame.pts, frame.time_base = last, MILLISECOND
                yield from stream.encode(frame)
                self._progress(done, len(self.info.pts))
        yield from stream.encode(None)

    def _options(self, params: str) -> dict[str, str]:
        width, height = self.info.aspect.as_integer_ratio()
        params = x265_params(f"{_BT709}:sar={width}\\:{height}:{params}", len(self.info.pts))
        return {"preset": "medium", "tune": "psnr", "x265-params": params}


def _mux(source: Path, out: Path, streams: list, **options: str | int) -> None:
    """Writes streams to Matroska; time stamps stay, so that pictures and sound stay in sync."""
    options |= {"format": "matroska", "map_chapters": -1, "copyts": None}
    run_ffmpeg(out, streams, f"{source}: ffmpeg can't make it smaller", **options)
