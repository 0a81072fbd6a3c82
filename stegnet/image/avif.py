"""Pictures as AVIF 4:4:4, and as AVIF without its container.

In memory by Pillow, in 8 bits: the same picture gives the same bytes on one machine, whatever its number of cores. By
the program ffmpeg in 10 bits, BT.601 at full range: 8 bits cost 0.7 dB at 4 bits per pixel, and Pillow has 64 steps of
quality, of which each changes the size by a tenth, where libaom's quantiser has 256. Either is tuned for PSNR, and
decodes to the same samples everywhere, up to the rounding in its conversion to RGB.

A file's boxes (ISO/IEC 14496-12 and 23008-12, AVIF 1.1) take 275 bytes, which is much where a picture has 400: of a
bare picture, the AV1 data alone are kept, from which the file can be rebuilt.
"""

import io
import math
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from stegnet.core.errors import MediaError
from stegnet.core.pixels import LUMA
from stegnet.formats.boxes import box, boxes, full_box
from stegnet.image.pictures import UNREADABLE

FAST, FASTEST = 8, 10  # speeds of libaom: 10 takes a third of the time of 8, and 4 % more bytes for the same quality
STEP = 5  # of the quality, where the bytes do not fit
SHRINK = 0.83  # bytes at a step less, relative: a first guess
# At quality 0: a file without its samples, and bytes per pixel for 2×2 blocks of random primary colours.
LEAST_FILE, LEAST_PER_PIXEL = 400, 0.22
_OPTIONS = {"subsampling": "4:4:4", "codec": "aom", "max_threads": 1, "advanced": {"tune": "psnr"}}
LOWEST, HIGHEST = 0, 100  # quality of 8 bits
_MAX_CRF = 63
_SLOW = 4  # speed
_GROWTH = 0.05  # of the logarithm of a picture's size for each step of quality, about
_COLOURS = bytes([0, 1, 0, 13, 0, 6, 0x80])  # BT.709 primaries, sRGB transfer, BT.601 matrix, full range: as Pillow
# By bits of a sample. Version 1; high profile, no level; 4:4:4.
_AV1 = {8: bytes([0x81, 0x3F, 0, 0]), 10: bytes([0x81, 0x3F, 0x40, 0])}
_ESSENTIAL = 0x80
MAX_SIDE = 65_536
_PIXELS = "yuv444p10le"
_TOP = 1023
_MIDDLE = 512  # of the chroma samples
# Viewers cut a chroma sample's two lowest bits off (libyuv's I410ToARGB) or round it exactly. This is half of what
# the former lose on average: 0.3 dB better there, 0.15 dB worse in the latter.
_CUT = 0.75
# ITU-R BT.601-7, 2.5.1 and 2.5.2, without the offsets.
_TO_YCC = np.array(
    [LUMA, (-LUMA[0] / 1.772, -LUMA[1] / 1.772, 0.5), (0.5, -LUMA[1] / 1.402, -LUMA[2] / 1.402)], np.float32
)
_NAMED_COLOURS = {
    "color_range": "pc",
    "colorspace": "smpte170m",
    "color_primaries": "bt709",
    "color_trc": "iec61966-2-1",
}
_THREADS = 4
_RATE = 25  # frames per second
_LEAST_BITS, _MOST_A_SECOND = 1000, (1 << 31) - 1  # of which ffmpeg takes no more
# Of the bytes that there are: enough, aimed at, and so few that other ways are tried. libaom's steps are of 2 to 3 %.
_FILLED, _AIMED, _POORLY_FILLED = 0.985, 0.99, 0.9
_ONE_STEP = 1.035  # times the bytes of one quantiser: there is none between
_MOST_AIMS, _TIMES_TARGET = 8, 1.6  # pictures that are coded, at most; bytes of one for each that is asked for, about
_STEEPER = 1.3  # by how much the logarithm of the bytes rises with that of those asked for, about
_LEAST_STEEP = 0.5  # the same, at least
_EVENLY = 2  # times the bytes asked for, within which it rises about evenly
_DELIMITER = bytes([0x12, 0])  # temporal delimiter, which AVIF leaves out (AV1 specification, 5.6)


def encode_avif(picture: np.ndarray, quality: int, speed: int = FAST) -> bytes:
    """Codes a picture, (H, W, 3) uint8, at a quality from 0 to 100; MediaError if AVIF can't hold one of this size."""
    encoded = io.BytesIO()
    try:
        Image.fromarray(picture).save(encoded, format="AVIF", quality=quality, speed=speed, **_OPTIONS)
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise MediaError(f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AVIF ({error})") from error
    return encoded.getvalue()


def fit_avif(picture: np.ndarray, quality: int, most: int, speed: int = FAST) -> bytes:
    """Codes a picture at the highest quality, among `quality` and lower ones in steps, that takes at most `most` bytes.

    It takes more if even quality 0 does.
    """
    coded = encode_avif(picture, quality, speed)
    if len(coded) <= most:
        return coded
    qualities = [*range(quality - STEP, 0, -STEP), 0]
    too_large, fits, fitting = -1, len(qualities) - 1, None
    upper, lower = len(coded), len(coded) * SHRINK ** len(qualities)  # bytes at both; of the second, as expected
    while fits - too_large > 1:  # interpolation search: the bytes fall by about the same factor with each step
        share = math.log(upper / max(most, 1)) / math.log(upper / lower)
        between = min(max(too_large + math.ceil(share * (fits - too_large)), too_large + 1), fits - 1)
        tried = encode_avif(picture, qualities[between], speed)
        if len(tried) <= most:
            fits, lower, fitting = between, len(tried), tried
        else:
            too_large, upper = between, len(tried)
            lower = min(lower, upper * SHRINK)
    return fitting or encode_avif(picture, 0, speed)


def decode_avif(data: bytes, height: int, width: int) -> np.ndarray:
    """Decodes a picture of a known size, (height, width, 3) uint8; else ValueError."""
    try:
        picture = AvifImageFile(io.BytesIO(data))
        if picture.size != (width, height) or picture.mode != "RGB":
            raise ValueError("of another size or kind")
        return np.array(picture)
    except UNREADABLE as error:
        raise ValueError(f"not an AVIF picture ({error})") from error


def write_avif(picture: np.ndarray, out: Path, target: float, effort: int, subject: object) -> None:
    """Writes a picture, (H, W, 3) uint8, sRGB, as AVIF; MediaError if AVIF can't hold its size, or ffmpeg fails.

    The file has more bits than `target`, or fewer, by a factor of up to 3, but the more, the higher that is. The effort
    is libaom's `cpu-used`, from 0 (best) to 8 (fastest). An error names the `subject`.
    """
    rate, options = _constant_rate(max(round(target), _LEAST_BITS))
    _encode(picture, out, "can't be made AVIF", effort, rate, subject=subject, format="avif", **options)


def _constant_rate(target: int) -> tuple[int, dict[str, int]]:
    """Frames per second, and ffmpeg's options for a picture of about so many bits, from libaom's 256 quantisers."""
    # At a constant bit rate, the first frame may take half of what the buffer holds at the start: here a frame's time.
    # libaom rounds bits per second to thousands, and the buffer to milliseconds.
    frame = 2 * target
    rate = _RATE if _RATE * frame <= _MOST_A_SECOND else 1
    bits = dict.fromkeys(("video_bitrate", "minrate", "maxrate"), rate * frame)
    return rate, bits | {"bufsize": 5 * frame // 2, "rc_init_occupancy": frame}


def _encode(
    picture: np.ndarray,
    out: Path | None,
    problem: str,
    effort: int,
    rate: int = _RATE,
    *,
    subject: object = "",
    **options: str | int,
) -> bytes:
    """`run_ffmpeg` with further options of the output; `rate` is in frames per second."""
    from stegnet.formats.ffmpeg_cli import piped_frames, run_ffmpeg  # here, since it needs ffmpeg

    height, width = picture.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise MediaError(f"{problem} (no side can have more than {MAX_SIDE} pixels)", subject=subject)
    source = piped_frames(width, height, pix_fmt=_PIXELS, r=rate, color_range="pc")
    options |= {"vcodec": "libaom-av1", "pix_fmt": _PIXELS, "still-picture": 1, "tune": "psnr"}
    options |= {"cpu-used": effort, "threads": _THREADS, "row-mt": 1} | _NAMED_COLOURS
    samples = np.tensordot(_TO_YCC * np.float32(_TOP / 255), picture.astype(np.float32), (1, 2))  # (3, H, W)
    samples[1:] += _MIDDLE + _CUT
    data = samples.round().clip(0, _TOP).astype("<u2").tobytes()
    return run_ffmpeg(out, [source], problem, subject=subject, data=data, **options)


def has_ffmpeg() -> bool:
    """True if ffmpeg's program is installed, as the extra "media" does."""
    return all(find_spec(name) for name in ("ffmpeg", "imageio_ffmpeg"))


@dataclass(frozen=True)
class BareCoder:
    """A way to code a picture without AVIF's container."""

    depth: int  # bits of a sample: 8, coded by Pillow, or 10, by the program ffmpeg
    speed: int  # of libaom, from 0 (best) to 10, or of ffmpeg's to 8

    @classmethod
    def quick(cls, speed: int) -> "BareCoder":
        """In 8 bits."""
        return cls(8, speed)

    @classmethod
    def thorough(cls, effort: int) -> "BareCoder":
        """In 10 bits: 0.2 to 0.5 dB better for the same time. Without ffmpeg, in 8 bits at a slow speed."""
        return cls(10, effort) if has_ffmpeg() else cls(8, max(effort, _SLOW))

    @property
    def highest(self) -> int:
        """The best quality, in whole steps from 0."""
        return HIGHEST if self.depth == 8 else _MAX_CRF

    def encode(self, picture: np.ndarray, quality: int) -> bytes:
        """The AV1 data of a picture, (H, W, 3) uint8; errors as `encode_avif`."""
        if self.depth == 10:
            return self._by_ffmpeg(picture, crf=_MAX_CRF - quality, video_bitrate=0)
        file = encode_avif(picture, quality, self.speed)
        return next(file[each.content : each.end] for each in boxes(file) if each.kind == b"mdat")

    def _by_ffmpeg(self, picture: np.ndarray, rate: int = _RATE, **options: int) -> bytes:
        problem = f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AV1"
        return _encode(picture, None, problem, self.speed, rate, format="obu", **options).removeprefix(_DELIMITER)

    def to_fit(self, picture: np.ndarray, most: int, first: int | None = None) -> tuple[int, bytes] | None:
        """The AV1 data of a picture that takes at most `most` bytes, and the setting that gave them; None if none fit.

        The setting is a quality; of 10 bits, the bytes that were asked of libaom, whose quantisers are finer than its
        qualities. The nearer the first one that is tried, the fewer are.
        """
        return self._aimed(picture, most, first) if self.depth == 10 else self._best_quality(picture, most, first)

    def _best_quality(self, picture: np.ndarray, most: int, first: int | None) -> tuple[int, bytes] | None:
        """The highest quality that fits."""
        fits, too_large, best = -1, self.highest + 1, None
        quality = self.highest // 2 if first is None else min(max(first, 0), self.highest)
        sizes, wanted = {}, math.log(max(most, 1))
        while too_large - fits > 1:
            data = self.encode(picture, quality)
            sizes[quality] = math.log(len(data))
            if len(data) <= most:
                fits, best = quality, (quality, data)
            else:
                too_large = quality
            if fits in sizes and too_large in sizes:  # the logarithms grow about evenly
                guess = fits + (too_large - fits) * (wanted - sizes[fits]) / (sizes[too_large] - sizes[fits])
            else:
                guess = quality + (wanted - sizes[quality]) / _GROWTH
            quality = min(max(math.floor(guess), fits + 1), too_large - 1)
        return best

    def _aimed(self, picture: np.ndarray, most: int, first: int | None) -> tuple[int, bytes] | None:
        """A picture that fills what there is."""
        target, best, sizes, wanted = first or max(int(most / _TIMES_TARGET), 1), None, {}, max(_AIMED * most, 1)
        while len(sizes) < _MOST_AIMS and target not in sizes:
            rate, options = _constant_rate(8 * target)
            data = self._by_ffmpeg(picture, rate, **options)
            sizes[target] = len(data)
            if len(data) <= most and (best is None or len(data) > len(best[1])):
                best = target, data
            fits = max((size for size in sizes.values() if size <= most), default=0)
            too_large = min((size for size in sizes.values() if size > most), default=most * 2)
            if fits >= _FILLED * most or too_large < _ONE_STEP * fits:
                break
            below = max((each for each in sizes if sizes[each] < wanted), default=None)
            above = min((each for each in sizes if sizes[each] >= wanted), default=None)
            if below and above and below < above and sizes[below] < sizes[above]:
                share = math.log(wanted / sizes[below]) / math.log(sizes[above] / sizes[below])
                target = round(below * (above / below) ** share)
            else:
                target = max(round(target * (wanted / len(data)) ** (1 / _steepness(sizes))), 1)
        if best is None or len(best[1]) < _POORLY_FILLED * most:
            _, data = self._best_quality(picture, most, None) or (0, b"")
            if data and (best is None or len(data) > len(best[1])):
                best = target, data
        return best


def _steepness(sizes: dict[int, int]) -> float:
    """Return by how much the logarithm of the bytes rises with that of those asked for, by the last two that were."""
    last = sorted([*sizes.items()][-2:])
    (asked, found), (more_asked, more_found) = last[0], last[-1]
    if more_found <= found or more_asked > _EVENLY * asked:
        return _STEEPER
    return max(math.log(more_found / found) / math.log(more_asked / asked), _LEAST_STEEP)


def decode_bare(data: bytes, height: int, width: int, depth: int) -> np.ndarray:
    """Decodes AV1 data of a known size and depth in bits, (height, width, 3) uint8; else ValueError."""
    return decode_avif(as_file(data, height, width, depth), height, width)


def as_file(data: bytes, height: int, width: int, depth: int) -> bytes:
    """The AVIF file of AV1 data."""
    start = len(_boxes(height, width, depth, len(data), 0)) + 8
    return _boxes(height, width, depth, len(data), start) + box(b"mdat", data)


def _boxes(height: int, width: int, depth: int, size: int, start: int) -> bytes:
    """All boxes before the data, which has so many bytes from `start` on."""
    item = full_box(b"infe", bytes([0, 1, 0, 0]) + b"av01\0", version=2)
    place = bytes([0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1]) + struct.pack(">II", start, size)
    properties = b"".join(
        (
            full_box(b"ispe", struct.pack(">II", width, height)),
            full_box(b"pixi", bytes([3, depth, depth, depth])),
            box(b"av1C", _AV1[depth]),
            box(b"colr", b"nclx" + _COLOURS),
        )
    )
    uses = full_box(b"ipma", struct.pack(">I", 1) + bytes([0, 1, 4, 1, 2, 3 | _ESSENTIAL, 4]))
    parts = (
        full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
        full_box(b"pitm", bytes([0, 1])),
        full_box(b"iloc", place),
        full_box(b"iinf", bytes([0, 1]) + item),
        box(b"iprp", box(b"ipco", properties) + uses),
    )
    return box(b"ftyp", b"avif" + bytes(4) + b"avifmif1") + full_box(b"meta", b"".join(parts))
