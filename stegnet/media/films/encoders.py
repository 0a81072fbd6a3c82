"""Options of FFmpeg's encoders and muxers: the two lossless film formats, the one for watching, and lossy ones.

All but those of `Coding` are chosen so that the same frames give the same bytes.
"""

import math
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from stegnet.media.films.frames import EXACT

MILLISECOND = Fraction(1, 1000)
# FFmpeg doubles a track's ticks per second until there are at least this many.
_MIN_TICKS = 10_000
_MAX_TICKS = 2**31 - 1
# x264 takes three threads for two processors, and one for 32 rows at most; 8 processors are common.
_USUAL_THREADS, _ROWS_PER_THREAD = 12, 32
# Ticks per second that are fine enough for any film and don't overflow in a long one.
_FINE_TICKS = 90_000
# FFV1 can't split smaller pictures into four slices, and no slice may have more pixels.
_MIN_SIDE_TO_SLICE = 16
_MAX_SLICE = 2**27 // 27
# With two or three frames, x265 4.2 outputs uninitialised decoding times if it may reorder them.
_MIN_FRAMES_TO_REORDER = 4


@dataclass(frozen=True)
class Form:
    """A film format.

    Attributes:
        name: for messages.
        muxer, encoder: FFmpeg's names.
        pixels: FFmpeg's name of the pixel format.
        packet_gap: smallest difference between two sound packets' time stamps, in ticks of their track.
    """

    name: str
    muxer: str
    encoder: str
    pixels: str
    packet_gap: int


# Matroska allows equal time stamps, and needs them: two packets can fall in the same millisecond.
MKV = Form("Matroska", "matroska", "ffv1", "bgr0", 0)
MP4 = Form("MP4", "mp4", "libx264rgb", "rgb24", 1)
# What browsers and phones play, hardly different from the original.
WATCHABLE = Form("MP4", "mp4", "libx264", "yuv420p", 1)
FORMS = {"mkv": MKV, "mp4": MP4, "watchable": WATCHABLE}
_WATCHABLE_OPTIONS = {"crf": "17", "preset": "medium", "profile": "high"}
os.environ.setdefault("SVT_LOG", "1")  # errors alone: libsvtav1 does not log by FFmpeg
# With AVX-512 (seen on a Zen 5 with x264 165) one film in four differs in some bytes from the one before it. SSE2,
# which every such processor has, costs a tenth of the speed and gives what x264 gives without any SIMD code.
X264_DETERMINISTIC = {"x264-params": "asm=sse2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}
PACE, _KEY_EVERY = 4, 240  # frames; x264 itself would set a key frame after 250
_MORE = {  # options of encoders that films may be coded with, and the names of their options for speed
    "libx264": ("preset", {}),
    "libx265": ("preset", {"x265-params": "log-level=error"}),
    "libvpx-vp9": ("cpu-used", {"b:v": "0", "deadline": "good", "row-mt": "1"}),
    "libsvtav1": ("preset", {}),
}


@dataclass(frozen=True)
class Coding:
    """Settings of a lossy encoder.

    Attributes:
        crf: constant rate factor, on the encoder's own scale.
        preset: the encoder's speed, as it names it.
        encoder: FFmpeg's name.
        paced: x264 predicts every PACE-th frame from those before, and those between from both sides, and does not
            write down its settings.
        params: more of x264's own.
    """

    crf: int
    preset: str = "fast"
    encoder: str = "libx264"
    paced: bool = False
    params: str = ""

    @property
    def options(self) -> dict[str, str]:
        """Options of the encoder."""
        preset, more = _MORE[self.encoder]
        own = {"forced-idr": "1" if self.paced else "", "x264-params": self.params}
        return {"crf": str(self.crf), preset: self.preset} | more | {name: own[name] for name in own if own[name]}

    def kind_of(self, index: int, count: int) -> PictureType:
        """The type that a frame, of so many, is to have."""
        if not self.paced:
            return PictureType.NONE
        if index % _KEY_EVERY == 0:
            return PictureType.I
        return PictureType.P if index % PACE == 0 or index == count - 1 else PictureType.B


def encoder_options(form: Form, width: int, height: int) -> dict[str, str]:
    """Options of an encoder.

    FFV1 as archives use it: version 3, intra frames only, a checksum on each slice, slices for four threads, or if the
    pictures are too large for four, as many as the encoder takes by itself. x264: nothing but a preset and lossless,
    since it writes all its settings into the film; as many threads as it would take by itself on a common computer,
    since the bytes depend on them.
    """
    if form is MKV:
        options = {"level": "3", "g": "1", "slicecrc": "1"}
        if math.ceil(width / 2) * math.ceil(height / 2) > _MAX_SLICE:
            return options
        return options | {"slices": "4" if min(width, height) >= _MIN_SIDE_TO_SLICE else "1"}
    threads = min(_USUAL_THREADS, max(1, (height + 15) // _ROWS_PER_THREAD))
    options = _WATCHABLE_OPTIONS if form is WATCHABLE else {"qp": "0", "preset": "veryfast"}
    return options | {"threads": str(threads)} | X264_DETERMINISTIC


def muxer_options(form: Form, time_base: Fraction, rates: Iterable[int]) -> dict[str, str]:
    """Options that keep time stamps as they are.

    Args:
        form: of the film; one for watching can be played before all of it is there.
        time_base: of the pictures' time stamps, in seconds.
        rates: samples per second of each sound track.
    """
    # Packets come in order: there is no use in holding one back for more than half a second.
    options = {"avoid_negative_ts": "disabled", "max_interleave_delta": "500000"}
    if form is MKV:
        return options
    ticks = time_base.denominator
    while ticks < _MIN_TICKS:
        ticks *= 2
    # MP4 gives the start of each track in ticks of the whole film, so these must fit every track.
    common = math.lcm(ticks, *rates)
    options |= {"movflags": "+faststart"} if form is WATCHABLE else {}
    return options | {"movie_timescale": str(common if common <= _MAX_TICKS else ticks)}


def encoder_name(form: Form) -> str:
    """The name of its encoder that ffmpeg's command line writes into a film."""
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    return f"Lavc{version} {form.encoder}"


def picture_time_base(form: Form, rate: Fraction, preferred: Fraction | None) -> Fraction:
    """Time base of the pictures in seconds.

    Matroska's is a millisecond. MP4's is the preferred one, or else one that divides a frame of `rate` evenly.
    """
    if form is MKV:
        return MILLISECOND
    return preferred or Fraction(1, rate.numerator * math.ceil(_FINE_TICKS / rate.numerator))


def x265_params(params: str, frames: int) -> str:
    """The params for x265, without output to stderr and with a workaround for very short films."""
    return f"log-level=none:info=0:{params}" + (":bframes=0" if frames < _MIN_FRAMES_TO_REORDER else "")


def to_yuv(picture: np.ndarray | VideoFrame, pixel_format: str) -> VideoFrame:
    """(H, W, 3) uint8 RGB, or a decoded frame, in YCbCr: BT.709, limited range, with exact rounding."""
    frame = picture if isinstance(picture, VideoFrame) else VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )
