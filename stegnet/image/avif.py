"""Pictures as AVIF 4:4:4, and as AVIF without its container.

In memory, Pillow encodes 8 bits: the same picture gives the same bytes on one machine, whatever its number of cores.
The program ffmpeg encodes 10 bits, BT.601 at full range: 8 bits cost 0.7 dB at 4 bits per pixel, and Pillow has 64
steps of quality that change the size by a tenth each, while libaom's quantiser has 256. Both are tuned for PSNR,
and decode to the same samples everywhere, up to the rounding in the conversion to RGB.

A file's boxes (ISO/IEC 14496-12 and 23008-12, AVIF 1.1) take 275 bytes, which is much if a picture has 400: of a bare
picture, only the AV1 data are kept, from which the file can be rebuilt.
"""

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from stegnet.core.errors import MediaError
from stegnet.core.pixels import LUMA
from stegnet.formats.boxes import box, boxes, full_box
from stegnet.image.av1_header import picture_data, require_picture
from stegnet.image.pictures import UNREADABLE

FAST = 8  # speed of libaom
FASTEST = 10  # speed of libaom: a third of the time of FAST, and 4 % more bytes for the same quality
LEAST_FILE = 400  # bytes at quality 0 of a file without its samples
LEAST_PER_PIXEL = 0.22  # bytes per pixel at quality 0, for 2×2 blocks of random primary colours
LOWEST = 0  # quality of 8 bits
HIGHEST = 100  # quality of 8 bits
MAX_SIDE = 65_536  # pixels
_MAX_CRF = 63
_COLOURS = bytes([0, 1, 0, 13, 0, 6, 0x80])  # BT.709 primaries, sRGB transfer, BT.601 matrix, full range: as Pillow
_AV1 = {8: bytes([0x81, 0x3F, 0, 0]), 10: bytes([0x81, 0x3F, 0x40, 0])}  # by depth: version 1, high profile, 4:4:4
_ESSENTIAL = 0x80


def encode_avif(picture: np.ndarray, quality: int, speed: int = FAST) -> bytes:
    """Encode a picture, (H, W, 3) uint8, at a quality from 0 to 100.

    Raises:
        MediaError: AVIF can't hold a picture of this size.
    """
    encoded = io.BytesIO()
    options = {"subsampling": "4:4:4", "codec": "aom", "max_threads": 1, "advanced": {"tune": "psnr"}}
    try:
        Image.fromarray(picture).save(encoded, format="AVIF", quality=quality, speed=speed, **options)
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise MediaError(f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AVIF ({error})") from error
    return encoded.getvalue()


def fit_avif(picture: np.ndarray, quality: int, most: int, speed: int = FAST) -> bytes:
    """Encode a picture at the best of `quality` and lower ones, in steps of 5, that takes at most `most` bytes.

    It takes more if even quality 0 does; errors are those of `encode_avif`.
    """
    coded = encode_avif(picture, quality, speed)
    if len(coded) <= most:
        return coded

    qualities = [*range(quality - 5, 0, -5), 0]
    too_large = -1
    fits = len(qualities) - 1
    fitting = None
    shrink = 0.83  # factor of the bytes for a step of quality: a first guess
    upper: float = len(coded)  # bytes at `too_large`
    lower = len(coded) * shrink ** len(qualities)  # expected bytes at `fits`
    while fits - too_large > 1:  # interpolation search: the bytes fall by about the same factor with each step
        share = math.log(upper / max(most, 1)) / math.log(upper / lower)
        between = min(max(too_large + math.ceil(share * (fits - too_large)), too_large + 1), fits - 1)
        tried = encode_avif(picture, qualities[between], speed)
        if len(tried) <= most:
            fits = between
            lower = len(tried)
            fitting = tried
        else:
            too_large = between
            upper = len(tried)
            lower = min(lower, upper * shrink)
    return fitting or encode_avif(picture, 0, speed)


def decode_avif(data: bytes, height: int, width: int) -> np.ndarray:
    """Decode a picture of a known size, (height, width, 3) uint8. Raises ValueError if its size differs.

    It takes no more memory than for a picture of this size, whatever the bytes are.
    """
    require_picture(picture_data(data), height, width)
    try:
        picture = AvifImageFile(io.BytesIO(data))
        if picture.size != (width, height) or picture.mode != "RGB":
            raise ValueError("of another size or kind")
        return np.array(picture)
    except UNREADABLE as error:
        raise ValueError(f"not an AVIF picture ({error})") from error


@dataclass(frozen=True)
class _RateControl:
    """Options of ffmpeg that set a picture's size."""

    options: Mapping[str, int]
    frame_rate: int = 25  # frames per second


def write_avif(picture: np.ndarray, out: Path, target: float, effort: int, subject: object) -> None:
    """Write a picture, (H, W, 3) uint8, sRGB, as AVIF.

    Args:
        picture: (H, W, 3) uint8, sRGB.
        out: file to write.
        target: wanted size of the file in bits. It may be three times as large or small, but grows with the target.
        effort: libaom's `cpu-used`, from 0 (best) to 8, which is a seventh of the time of 6: libaom's mode for pictures
            only, 0.4 to 0.6 dB worse for the same bytes.
        subject: the file that errors are about.

    Raises:
        MediaError: AVIF can't hold a picture of this size, or ffmpeg fails.
    """
    least_bits = 1000  # ffmpeg takes no lower rate
    _encode(picture, out, "can't be made AVIF", effort, _constant_rate(max(round(target), least_bits)), subject)


def _constant_rate(target: int) -> _RateControl:
    """Return options for a picture of about `target` bits, by libaom's 256 quantisers."""
    # At a constant bit rate, the first frame may take half of what the buffer holds at the start: here a frame's time.
    # libaom rounds bits per second to thousands, and the buffer to milliseconds.
    most_per_second = (1 << 31) - 1
    frame = 2 * min(target, most_per_second // 5)
    rate = 25 if 25 * frame <= most_per_second else 1
    bits = dict.fromkeys(("video_bitrate", "minrate", "maxrate"), rate * frame)
    return _RateControl(bits | {"bufsize": 5 * frame // 2, "rc_init_occupancy": frame}, rate)


def _encode(
    picture: np.ndarray, out: Path | None, problem: str, effort: int, control: _RateControl, subject: object = ""
) -> bytes:
    """Write a picture as AVIF of 10 bits, or return its AV1 data if `out` is None; other arguments as `write_avif`."""
    from stegnet.formats.ffmpeg_cli import BITEXACT, piped_frames, run_ffmpeg  # takes 22 ms

    height, width = picture.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise MediaError(f"{problem} (no side can have more than {MAX_SIDE} pixels)", subject=subject)

    # Y, Cb and Cr by ITU-R BT.601-7, 2.5.1 and 2.5.2. Viewers cut a chroma sample's two lowest bits off (libyuv's
    # I410ToARGB) or round it exactly. Half of what the former lose on average is added: 0.3 dB better there, 0.15 dB
    # worse in the latter.
    to_ycc = np.array(
        [LUMA, (-LUMA[0] / 1.772, -LUMA[1] / 1.772, 0.5), (0.5, -LUMA[1] / 1.402, -LUMA[2] / 1.402)], np.float32
    )
    highest = 1023
    grey = 512  # of chroma
    cut = 0.75
    samples = np.tensordot(to_ycc * np.float32(highest / 255), picture.astype(np.float32), (1, 2))  # (3, H, W)
    samples[1:] += grey + cut
    data = samples.round().clip(0, highest).astype("<u2").tobytes()

    pixel_format = "yuv444p10le"
    source = piped_frames(width, height, pix_fmt=pixel_format, r=control.frame_rate, color_range="pc")
    options: dict[str, str | int] = {
        "format": "obu" if out is None else "avif",
        "vcodec": "libaom-av1",
        "pix_fmt": pixel_format,
        "still-picture": 1,
        "tune": "psnr",
        "usage": "allintra" if effort >= FAST else "good",
        "cpu-used": effort,
        "threads": 4,
        "row-mt": 1,
        "color_range": "pc",
        "colorspace": "smpte170m",
        "color_primaries": "bt709",
        "color_trc": "iec61966-2-1",
        **control.options,
        **BITEXACT,
    }
    return run_ffmpeg(out, [source], options, problem, subject, data)


@dataclass(frozen=True)
class BareCoder:
    """Encoder of pictures without AVIF's container."""

    depth: int  # bits of a sample: 8, coded by Pillow, or 10, by the program ffmpeg
    speed: int  # of libaom, from 0 (best) to 10, or of ffmpeg's to 8

    @classmethod
    def quick(cls, speed: int) -> Self:
        """Return an encoder of 8 bits."""
        return cls(8, speed)

    @classmethod
    def thorough(cls, effort: int) -> Self:
        """Return an encoder of 10 bits, 0.2 to 0.5 dB better for the same time."""
        return cls(10, effort)

    @property
    def highest(self) -> int:
        """Best quality, in whole steps from 0."""
        return HIGHEST if self.depth == 8 else _MAX_CRF

    def encode(self, picture: np.ndarray, quality: int) -> bytes:
        """Return the AV1 data of a picture, (H, W, 3) uint8; errors are those of `encode_avif`."""
        if self.depth == 10:
            return self._by_ffmpeg(picture, _RateControl({"crf": _MAX_CRF - quality, "video_bitrate": 0}))
        file = encode_avif(picture, quality, self.speed)
        return next(file[part.content : part.end] for part in boxes(file) if part.kind == b"mdat")

    def _by_ffmpeg(self, picture: np.ndarray, control: _RateControl) -> bytes:
        problem = f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AV1"
        delimiter = bytes([0x12, 0])  # temporal delimiter, which AVIF leaves out (AV1 specification, 5.6)
        return _encode(picture, None, problem, self.speed, control).removeprefix(delimiter)

    def to_fit(self, picture: np.ndarray, most: int, first: int | None = None) -> tuple[int, bytes] | None:
        """Encode a picture in at most `most` bytes; None if it does not fit.

        Args:
            picture: (H, W, 3) uint8.
            most: largest number of bytes.
            first: setting that is tried first; the nearer it is, the fewer are tried.

        Returns:
            the setting, and the AV1 data. The setting is a quality; with 10 bits, the bytes that libaom was asked for,
            as its quantisers are finer than its qualities.
        """
        return self._aimed(picture, most, first) if self.depth == 10 else self._best_quality(picture, most, first)

    def _best_quality(self, picture: np.ndarray, most: int, first: int | None) -> tuple[int, bytes] | None:
        """Encode a picture at the highest quality that fits."""
        fits = -1
        too_large = self.highest + 1
        best = None
        quality = self.highest // 2 if first is None else min(max(first, 0), self.highest)
        coded: dict[int, bytes] = {}  # by quantiser, which several qualities share
        sizes: dict[int, float] = {}  # logarithms of bytes by quality
        wanted = math.log(max(most, 1))
        growth = 0.034 if self.depth == 8 else 0.054  # of the logarithm of bytes for each step of quality, about
        while too_large - fits > 1:
            quantiser = _quantiser(quality) if self.depth == 8 else quality
            if quantiser not in coded:
                coded[quantiser] = self.encode(picture, quality)
            data = coded[quantiser]
            sizes[quality] = math.log(len(data))
            if len(data) <= most:
                fits = quality
                best = (quality, data)
            else:
                too_large = quality
            if fits in sizes and too_large in sizes:  # the logarithms grow about evenly
                guess = fits + (too_large - fits) * (wanted - sizes[fits]) / (sizes[too_large] - sizes[fits])
            else:
                guess = quality + (wanted - sizes[quality]) / growth
            quality = min(max(math.floor(guess), fits + 1), too_large - 1)
        return best

    def _aimed(self, picture: np.ndarray, most: int, first: int | None) -> tuple[int, bytes] | None:
        """Encode a picture so that it fills most of the bytes that it may take; libaom's steps are of 2 to 3 %."""
        filled = 0.97  # share of the bytes that is enough
        wanted = max(0.99 * most, 1)  # bytes to aim at
        one_step = 1.035  # factor of the bytes between two quantisers
        times_target = 1.6  # bytes of a picture for each that is asked for, about
        most_asked = max(32 * most, 1)  # bytes to ask for: a picture that still takes less does not take more
        most_aims = 8  # pictures that are encoded at most
        target = first or max(int(most / times_target), 1)
        best = None
        sizes: dict[int, int] = {}  # bytes by target
        while len(sizes) < most_aims and target not in sizes:
            data = self._by_ffmpeg(picture, _constant_rate(8 * target))
            sizes[target] = len(data)
            if len(data) <= most and (best is None or len(data) > len(best[1])):
                best = target, data
            fits = max((size for size in sizes.values() if size <= most), default=0)
            too_large = min((size for size in sizes.values() if size > most), default=most * 2)
            if fits >= filled * most or too_large < one_step * fits:
                break

            below = max((tried for tried in sizes if sizes[tried] < wanted), default=None)
            above = min((tried for tried in sizes if sizes[tried] >= wanted), default=None)
            if below and above and below < above and sizes[below] < sizes[above]:
                share = math.log(wanted / sizes[below]) / math.log(sizes[above] / sizes[below])
                target = round(below * (above / below) ** share)
            else:
                target = min(max(round(target * (wanted / len(data)) ** (1 / _steepness(sizes))), 1), most_asked)

        poorly_filled = 0.9
        if best is None or len(best[1]) < poorly_filled * most:
            _, data = self._best_quality(picture, most, None) or (0, b"")
            if data and (best is None or len(data) > len(best[1])):
                best = target, data
        return best


def _quantiser(quality: int) -> int:
    """Return the quantiser, 0 to 63, that libavif gives libaom for a quality, 0 to 100 (its avifQualityToQuantizer)."""
    return ((100 - quality) * 63 + 50) // 100


def _steepness(sizes: dict[int, int]) -> float:
    """Return the slope of log(bytes) over log(target) between the last two attempts."""
    usual = 1.3
    least = 0.5
    (target, size), *larger = sorted([*sizes.items()][-2:])
    larger_target, larger_size = larger[-1] if larger else (target, size)
    if larger_size <= size or larger_target > 2 * target:  # the slope is even within a factor of two
        return usual
    return max(math.log(larger_size / size) / math.log(larger_target / target), least)


def decode_bare(data: bytes, height: int, width: int, depth: int) -> np.ndarray:
    """Decode AV1 data of a known size and depth in bits, (height, width, 3) uint8. Raises ValueError if it is not."""
    return decode_avif(as_file(data, height, width, depth), height, width)


def as_file(data: bytes, height: int, width: int, depth: int) -> bytes:
    """Return the AVIF file of AV1 data."""
    start = len(_boxes(height, width, depth, len(data), 0)) + 8
    return _boxes(height, width, depth, len(data), start) + box(b"mdat", data)


def _boxes(height: int, width: int, depth: int, size: int, start: int) -> bytes:
    """Return all boxes before the data, which has `size` bytes from `start` on."""
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
