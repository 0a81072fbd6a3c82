"""The two forms in which films are written, both without loss."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

MILLISECOND = Fraction(1, 1000)
# FFmpeg doubles a track's ticks per second until there are so many.
_LEAST_TICKS = 10_000
_MOST_TICKS = 2**31 - 1
# Ticks per second that no film outlasts and that are fine enough for any.
_FINE_TICKS = 90_000
# FFV1 cuts no smaller pictures into four.
_LEAST_SIDE_TO_SLICE = 16


@dataclass(frozen=True)
class Form:
    """How a film is written.

    Attributes:
        name: what people call it.
        muxer, encoder: FFmpeg's names.
        pixels: FFmpeg's name of the pixel format.
        apart: the least distance of two sound packets, in ticks of their track.
    """

    name: str
    muxer: str
    encoder: str
    pixels: str
    apart: int


# Matroska allows equal times, and needs them: a millisecond can hold two packets.
MKV = Form("Matroska", "matroska", "ffv1", "bgr0", 0)
MP4 = Form("MP4", "mp4", "libx264rgb", "rgb24", 1)
FORMS = {"mkv": MKV, "mp4": MP4}


def encoder_options(form: Form, width: int, height: int) -> dict[str, str]:
    """FFV1: level 3, every frame by itself, a checksum on each slice, slices for four threads.

    x264: lossless, without frames that wait for later ones; as many threads everywhere, or the bytes would differ.
    """
    if form is MKV:
        slices = "4" if min(width, height) >= _LEAST_SIDE_TO_SLICE else "1"
        return {"level": "3", "g": "1", "slicecrc": "1", "slices": slices}
    return {"qp": "0", "preset": "veryfast", "bf": "0", "rc-lookahead": "0", "g": "25", "threads": "4"}


def muxer_options(form: Form, time_base: Fraction, rates: Iterable[int]) -> dict[str, str]:
    """Stamps stay where they are, and bytes are the same every time.

    Args:
        form: MKV or MP4.
        time_base: seconds; of the pictures' stamps.
        rates: samples per second of each sound track.
    """
    # Packets come in order: one that waits half a second for another track's waits in vain.
    options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled", "max_interleave_delta": "500000"}
    if form is MKV:
        return options
    ticks = time_base.denominator
    while ticks < _LEAST_TICKS:
        ticks *= 2
    # MP4 says in ticks of the whole film when each track starts; so they must fit every track.
    common = math.lcm(ticks, *rates)
    return options | {"movie_timescale": str(common if common <= _MOST_TICKS else ticks)}


def picture_time_base(form: Form, rate: Fraction, wanted: Fraction | None) -> Fraction:
    """Seconds; Matroska's are milliseconds, MP4's what is wanted, or else divide a frame of `rate` evenly."""
    if form is MKV:
        return MILLISECOND
    return wanted or Fraction(1, rate.numerator * math.ceil(_FINE_TICKS / rate.numerator))
