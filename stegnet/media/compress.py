"""Pictures and films made small enough to be hidden as bytes.

A picture becomes AVIF, a film HEVC in Matroska, both 4:4:4 and tuned for PSNR, as the networks are. The quality is
the best that fits; the size in pixels stays. What a picture or film says of itself (camera, place, title) is not
kept, nor are subtitles. A film's sound is copied packet by packet if it takes no more than a quarter of the room,
else made Opus.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import ffmpeg
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from stegnet.core.errors import CapacityError, MediaError
from stegnet.media.films import FilmInfo, read_frames, scan
from stegnet.media.frames import EXACT
from stegnet.media.pictures import read_cover
from stegnet.media.preview import _binary

AVIF, HEVC = ".avif", ".mkv"
_BEST_QUALITY = 100
_WORST_CRF = 51
_LEAST_WIDTH = 64  # with a narrower film, x265 4.2 writes beyond its memory
_LEAST_TO_REORDER = 4  # of two frames, x265 4.2 gives decoding times that it never set
_MILLISECOND = Fraction(1, 1000)
_BT709 = "colormatrix=bt709:colorprim=bt709:transfer=bt709:range=limited"
_SOUND_SHARE = Fraction(1, 4)
_LEAST_SOUND, _MOST_SOUND, _LEAST_STEREO = 8_000, 96_000, 24_000  # bits per second
_TRIES, _AIM, _ENOUGH = 4, 0.98, 0.93  # second passes at most; the share of the room that one aims at, and that does


@dataclass(frozen=True)
class Compressed:
    """A compressed copy.

    Attributes:
        path: of the copy.
        told: how it was made, for people.
    """

    path: Path
    told: str


def _unseen(done: int, total: int) -> None:
    """Shows no progress."""


def compress_picture(path: Path, folder: Path, most: int, progress: Callable[[int, int], None] = _unseen) -> Compressed:
    """The best AVIF of a picture that has at most `most` bytes, by bisection over the quality.

    Args:
        folder: where the copy is written.
        progress: called after each step with the number of steps done, and of all.
    Raises:
        MediaError: the picture can't be read, or is of a size that AVIF can't hold.
        CapacityError: even the worst quality is too large.
    """
    pixels, profile = read_cover(path)
    best, quality = None, -1
    below, above = -1, _BEST_QUALITY + 1  # what fits is above the one, and below the other
    steps = above.bit_length()
    for step in range(1, steps + 1):
        middle = (below + above) // 2
        if below < middle:
            made = _avif(path, pixels, profile, middle)
            if len(made) <= most:
                best, quality, below = made, middle, middle
            else:
                above = middle
        progress(step, steps)
    if best is None:
        raise _too_large(path, len(_avif(path, pixels, profile, 0)), most)
    (folder / f"picture{AVIF}").write_bytes(best)
    return Compressed(folder / f"picture{AVIF}", f"AVIF 4:4:4, quality {quality} of {_BEST_QUALITY}")


def compress_film(path: Path, folder: Path, most: int, progress: Callable[[int, int], None] = _unseen) -> Compressed:
    """The best HEVC film of a film that has at most `most` bytes, by encoding it twice at the rate that fills them.

    A second pass that misses the room is made again, up to four times.

    Args:
        folder: where the copy is written, and what it is made of; best an empty one.
        progress: called with the number of frames coded in this pass, and of all.
    Raises:
        MediaError: the film can't be read, or is of a kind that HEVC can't hold.
        CapacityError: even the worst quality is too large.
    """
    info = scan(path)
    if info.width < _LEAST_WIDTH:
        raise MediaError(f"{path}: a film {info.width} pixels wide can't be made HEVC", "take a larger or longer cover")
    sound = _make_sound(path, info, folder, most)
    coder = _Coder(path, info, folder, sound, progress)
    best = _search(coder, most) or coder.smallest()
    size = best.stat().st_size
    if size > most:
        raise _too_large(path, size, most)
    heard = f", {sound.told}" if sound else ""
    rate = 8 * size * info.rate / len(info.pts) / 1000
    return Compressed(best, f"HEVC 4:4:4, {float(rate):.0f} kbit/s{heard}")


def _too_large(path: Path, size: int, most: int) -> CapacityError:
    return CapacityError(
        f"{path}: has {size} bytes even at the lowest quality, and there is room for {max(most, 0)}",
        "take a larger or longer cover",
    )


def _avif(path: Path, pixels: np.ndarray, profile: bytes | None, quality: int) -> bytes:
    made = io.BytesIO()
    options = {"quality": quality, "subsampling": "4:4:4", "codec": "aom", "advanced": {"tune": "psnr"}}
    try:
        Image.fromarray(pixels).save(made, format="AVIF", icc_profile=profile, **options)
    except (KeyError, OSError, ValueError) as error:
        raise MediaError(f"{path}: can't be made AVIF ({error})") from error
    return made.getvalue()


def _make_sound(path: Path, info: FilmInfo, folder: Path, most: int) -> Compressed | None:
    """The film's sound in a file of its own: as it is, or small."""
    if not info.sound:
        return None
    share = int(most * _SOUND_SHARE)
    copied, coded = folder / "copied.mka", folder / "coded.mka"
    _ffmpeg(path, copied, [_input(path)["a"]], acodec="copy")
    if copied.stat().st_size <= share:
        return Compressed(copied, "its sound untouched")
    seconds = len(info.pts) / info.rate
    rate = min(max(int(8 * share / seconds / len(info.sound)), _LEAST_SOUND), _MOST_SOUND)
    channels = 2 if rate >= _LEAST_STEREO else 1
    _ffmpeg(path, coded, [_input(path)["a"]], acodec="libopus", audio_bitrate=rate, ac=channels)
    return Compressed(coded, f"its sound Opus, {rate // 1000} kbit/s")


def _search(coder: "_Coder", most: int) -> Path | None:
    """The largest of a few second passes that fits."""
    goal = _AIM * most
    rate = coder.limited(8 * (goal - coder.fixed) * coder.info.rate / len(coder.info.pts))
    coder.first_pass(rate)
    best, tried = None, [(0.0, 0)]
    while len(tried) <= _TRIES and rate != tried[-1][0]:
        made = coder.second_pass(rate, len(tried))
        size = made.stat().st_size
        if size <= most and (best is None or size > best.stat().st_size):
            best = made
        if _ENOUGH * most <= size <= most or size == tried[-1][1]:
            break
        tried.append((rate, size))
        rate = coder.limited(_next_rate(tried, most, goal))
    return best


def _next_rate(tried: list[tuple[float, int]], most: int, goal: float) -> float:
    """The rate whose file should have `goal` bytes: on a line through the last two tried, or else between those
    that fitted and those that did not."""
    (before, smaller), (last, size) = tried[-2:]
    rate = last + (goal - size) * (last - before) / (size - smaller)
    below = max(rate for rate, size in tried if size <= most)
    above = min((rate for rate, size in tried if size > most), default=4 * below)
    return rate if below < rate < above else (below + above) / 2


class _Coder:
    """Makes one film over and over.

    Args:
        sound: goes into each, or None.
    """

    def __init__(
        self, path: Path, info: FilmInfo, folder: Path, sound: Compressed | None, progress: Callable[[int, int], None]
    ) -> None:
        self.info = info
        self.fixed = sound.path.stat().st_size if sound else 0
        self._path, self._folder, self._sound, self._progress = path, folder, sound, progress
        # A backslash saves what would end a value.
        self._stats = re.sub(r"([\\':=])", r"\\\1", str(folder / "stats"))

    def limited(self, rate: float) -> float:
        """The nearest rate that x265 takes: at least a kilobit per second, at most the bits of the pictures as such."""
        most = 24 * self.info.width * self.info.height * self.info.rate
        return float(min(max(rate, 1000), most))

    def first_pass(self, rate: float) -> None:
        """Learns what each frame needs; bits per second."""
        self._encode(self._folder / "learnt.mkv", f"pass=1:stats={self._stats}", rate)

    def second_pass(self, rate: float, attempt: int) -> Path:
        """The film at a rate, after the first pass at one nearby."""
        return self._make(f"attempt{attempt}", f"pass=2:stats={self._stats}", rate)

    def smallest(self) -> Path:
        """The film at its worst."""
        return self._make("smallest", f"crf={_WORST_CRF}", None)

    def _make(self, name: str, params: str, rate: float | None) -> Path:
        silent, whole = self._folder / f"{name}-silent.mkv", self._folder / f"{name}{HEVC}"
        self._encode(silent, params, rate)
        inputs = [_input(silent)["v"]]
        inputs += [_input(self._sound.path)["a"]] if self._sound else []
        _ffmpeg(self._path, whole, inputs, codec="copy")
        silent.unlink()
        return whole

    def _encode(self, out: Path, params: str, rate: float | None) -> None:
        try:
            with av.open(str(out), "w", format="matroska", container_options={"fflags": "+bitexact"}) as film:
                stream = film.add_stream("libx265", rate=self.info.rate, options=self._options(params))
                stream.width, stream.height, stream.pix_fmt = self.info.width, self.info.height, "yuv444p"
                stream.time_base = stream.codec_context.time_base = _MILLISECOND
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
                stamp = round(time / _MILLISECOND)
                last = stamp if last is None else max(stamp, last + 1)
                frame = _yuv(picture)
                frame.pts, frame.time_base = last, _MILLISECOND
                yield from stream.encode(frame)
                self._progress(done, len(self.info.pts))
        yield from stream.encode(None)

    def _options(self, params: str) -> dict[str, str]:
        wide, high = self.info.aspect.as_integer_ratio()
        fixed = f"log-level=none:info=0:{_BT709}:sar={wide}\\:{high}"
        if len(self.info.pts) < _LEAST_TO_REORDER:
            fixed += ":bframes=0"
        return {"preset": "medium", "tune": "psnr", "x265-params": f"{fixed}:{params}"}


def _yuv(picture: np.ndarray) -> VideoFrame:
    return VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv444p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )


def _input(path: Path) -> ffmpeg.nodes.FilterableStream:
    # An absolute path is taken neither for a protocol nor for an option.
    return ffmpeg.input(str(path.absolute()))


def _ffmpeg(source: Path, out: Path, streams: list, **options: str | int) -> None:
    """Runs ffmpeg; times stay as they are, so that pictures and sound stay together."""
    exact = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1, "map_chapters": -1}
    film = ffmpeg.output(*streams, str(out.absolute()), format="matroska", **options, **exact).global_args("-copyts")
    try:
        film.overwrite_output().run(cmd=_binary(), quiet=True)
    except ffmpeg.Error as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1]
        raise MediaError(f"{source}: ffmpeg can't make it smaller ({last})") from error
