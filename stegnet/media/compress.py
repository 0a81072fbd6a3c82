"""Compressing films to a given number of bytes, so that they can be hidden as files.

A film becomes HEVC in Matroska, 4:4:4 and tuned for PSNR. The quality is the highest that fits, at the original
resolution. Colours become sRGB, and metadata (camera, place, title) and subtitles are dropped. A film's sound is copied
packet by packet if it takes no more than a quarter of the bytes, or else becomes Opus.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

from stegnet.core.errors import MediaError
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.parallel import Count, no_count
from stegnet.formats.ffmpeg_cli import BITEXACT, input_file, run_ffmpeg
from stegnet.media.cover import Compressed
from stegnet.media.picture_copies import TARGET, Encoder, too_large
from stegnet.video.film_writer import PictureTrack, to_yuv
from stegnet.video.films import FilmInfo, read_frames, scan
from stegnet.video.forms import MILLISECOND
from stegnet.video.sound_streams import ffmpeg_sound

if TYPE_CHECKING:
    from ffmpeg.nodes import FilterableStream


def compress_film(path: Path, folder: Path, limit: int, progress: Count = no_count) -> Compressed:
    """Compress a film to HEVC of at most `limit` bytes, by two-pass encoding, as `compress_picture` does.

    A second pass that misses the target is repeated at another bit rate, up to four times in all. `progress` is called
    with the number of frames encoded in this pass, and of all.
    """
    info = scan(path)
    if info.lost:
        problem = f"{info.lost} of its {info.lost + len(info.pts)} pictures can't be decoded"
        raise MediaError(problem, "encode it again first: ffmpeg skips what is damaged", subject=path)
    least_width = 64  # with a narrower film, x265 4.2 writes out of bounds
    if info.width < least_width:
        problem = f"a film {info.width} pixels wide can't be made HEVC"
        raise MediaError(problem, "use a larger or longer cover", subject=path)

    frames = len(info.pts)
    least = 500 + 18 * frames  # bytes that Matroska and x265 take, however black the film
    if limit < least:
        raise too_large(path, f"at least {least}", limit)

    sound = _compress_sound(path, info, folder, limit)
    encoder = _Hevc(path, info, folder, sound, progress)
    low_rate = 0.02  # bits a pixel, below which the lowest quality may be too much: one pass tells that sooner than six
    smallest: Path | None = None
    if 8 * limit < low_rate * info.width * info.height * frames:
        smallest = encoder.smallest()
        if smallest.stat().st_size > limit:
            raise too_large(path, smallest.stat().st_size, limit)
    best = encoder.best(limit) or smallest or encoder.smallest()
    size = best.stat().st_size
    if size > limit:
        raise too_large(path, size, limit)

    with_sound = f", {sound.description}" if sound else ""
    rate = 8 * size / info.seconds / 1000
    return Compressed(best, f"HEVC 4:4:4, {float(rate):.0f} kbit/s{with_sound}", _psnr_of(path, best, frames))


def _psnr_of(path: Path, copy: Path, frames: int) -> float:
    """Return the PSNR in dB of a film's copy, over the middle frames of its eighths."""
    parts = min(8, frames)
    asked = {(2 * part + 1) * frames // (2 * parts) for part in range(parts)}
    with closing(read_frames(path, asked)) as originals, closing(read_frames(copy, asked)) as copied:
        errors = [mean_squared_error(*pair) for pair in zip(originals, copied, strict=True)]
    return psnr_from_mse(sum(errors) / len(errors), PEAK)


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


class _Hevc(Encoder):
    """Encoder of a film, with its sound, in two passes."""

    def __init__(self, path: Path, info: FilmInfo, folder: Path, sound: Compressed | None, progress: Count) -> None:
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
        rate = 8 * (TARGET * limit - sound) / self._info.seconds
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
        matroska = ".mkv"
        silent = self._folder / f"{name}-silent.mkv"
        film = self._folder / f"{name}{matroska}"
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
