"""Coding a picture as AVIF by libaom: 4:4:4, 10 bits, in BT.601 at full range, tuned for PSNR.

Pillow codes 8 bits, which costs 0.7 dB at 4 bits per pixel, and in 64 steps of quality, of which each changes the
size by a tenth. Here the size is asked for, and libaom's quantiser has 256 steps.
"""

from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.media.ffmpeg_cli import piped_frames, run_ffmpeg

MAX_SIDE = 65_536
_PIXELS = "yuv444p10le"
_TOP = 1023
_MIDDLE = 512  # of the chroma samples
# Viewers cut a chroma sample's two lowest bits off (libyuv's I410ToARGB) or round it exactly. This is half of what
# the former lose on average: 0.3 dB better there, 0.15 dB worse in the latter.
_CUT = 0.75
# ITU-R BT.601-7, 2.5.1 and 2.5.2, without the offsets.
_TO_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.299 / 1.772, -0.587 / 1.772, 0.5], [0.5, -0.587 / 1.402, -0.114 / 1.402]], np.float32
)
_COLOURS = {"color_range": "pc", "colorspace": "smpte170m", "color_primaries": "bt709", "color_trc": "iec61966-2-1"}
_THREADS = 4
_RATE = 25  # frames per second
_LEAST_BITS, _MOST_A_SECOND = 1000, (1 << 31) - 1  # of which ffmpeg takes no more
_DELIMITER = bytes([0x12, 0])  # temporal delimiter, which AVIF leaves out (AV1 specification, 5.6)


def write_avif(picture: np.ndarray, out: Path, target: float, effort: int, error: str) -> None:
    """Writes a picture as AVIF.

    Args:
        picture: (H, W, 3) uint8, sRGB.
        target: bits. The file has more or less, by a factor of up to 3, but the more, the higher this is.
        effort: libaom's `cpu-used`, from 0 (best) to 8 (fastest).
        error: start of the message if it fails.
    Raises:
        MediaError: AVIF can't hold a picture of this size, or ffmpeg fails.
    """
    # At a constant bit rate, the first frame may take half of what the buffer holds at the start: here a frame's time.
    # libaom rounds bits per second to thousands, and the buffer to milliseconds.
    frame = 2 * max(round(target), _LEAST_BITS)
    rate = _RATE if _RATE * frame <= _MOST_A_SECOND else 1
    bits = dict.fromkeys(("video_bitrate", "minrate", "maxrate"), rate * frame)
    bits |= {"bufsize": 5 * frame // 2, "rc_init_occupancy": frame}
    _encode(picture, out, error, effort, rate, format="avif", **bits)


def encode_av1(picture: np.ndarray, crf: int, effort: int) -> bytes:
    """The AV1 data of a picture, without a file's boxes around it.

    Args:
        picture, effort: as in `write_avif`.
        crf: constant rate factor, from 0 (best) to 63.
    Raises:
        MediaError: as `write_avif`.
    """
    error = f"{picture.shape[1]}×{picture.shape[0]} pixels can't be made AV1"
    stream = _encode(picture, None, error, effort, format="obu", crf=crf, video_bitrate=0)
    return stream.removeprefix(_DELIMITER)


def _encode(
    picture: np.ndarray, out: Path | None, error: str, effort: int, rate: int = _RATE, **options: str | int
) -> bytes:
    """`run_ffmpeg` with further options of the output; `rate` is in frames per second."""
    height, width = picture.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise MediaError(f"{error} (no side can have more than {MAX_SIDE} pixels)")
    source = piped_frames(width, height, _PIXELS, rate, _COLOURS["color_range"])
    options |= {"vcodec": "libaom-av1", "pix_fmt": _PIXELS, "still-picture": 1, "tune": "psnr"}
    options |= {"cpu-used": effort, "threads": _THREADS, "row-mt": 1} | _COLOURS
    return run_ffmpeg(out, [source], error, data=_planes(picture).tobytes(), **options)


def _planes(picture: np.ndarray) -> np.ndarray:
    """(3, H, W) uint16: luma, and the two differences of colour, of 10 bits each."""
    samples = np.tensordot(_TO_YCC * np.float32(_TOP / 255), picture.astype(np.float32), (1, 2))
    samples[1:] += _MIDDLE + _CUT
    return samples.round().clip(0, _TOP).astype("<u2")
