"""The film formats that are written, one table entry each, and the options of FFmpeg's encoders and muxers for them.

All options are chosen so that the same frames give the same bytes.
"""

import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

MILLISECOND = Fraction(1, 1000)
# Ticks per second that are fine enough for any film and don't overflow in a long one.
FINE_TICKS = 90_000
# With AVX-512 (seen on a Zen 5 with x264 165) one film in four differs in some bytes from one run to the next. SSE2,
# which every such processor has, costs a tenth of the speed and gives the same bytes as x264 without any SIMD code.
X264_DETERMINISTIC = {"x264-params": "asm=sse2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}


def x264_threads(rows: int) -> int:
    """Return the number of threads that x264 takes by default on a common computer, for pictures of some rows.

    It runs three threads for two processors, at most one for 32 rows, and 8 processors are common.
    """
    return min(12, max(1, rows // 32))


@dataclass(frozen=True)
class FilmForm:
    """A film format."""

    name: str  # for messages
    muxer: str  # muxer, encoder: FFmpeg's names
    encoder: str
    pixels: str  # FFmpeg's name of the pixel format
    packet_gap: int  # smallest difference between two sound packets' time stamps, in ticks of their track
    options: Mapping[str, str] = field(default_factory=dict, compare=False)  # options of the encoder
    muxing: Mapping[str, str] = field(default_factory=dict, compare=False)  # options of the muxer

    @property
    def is_matroska(self) -> bool:
        """True if its muxer is Matroska's."""
        return self.muxer == "matroska"

    @property
    def is_lossless(self) -> bool:
        """True if it stores RGB exactly."""
        return not self.pixels.startswith("yuv")

    def encoder_options(self, width: int, height: int) -> dict[str, str]:
        """Return all options of the encoder.

        FFV1 is used as archives do: version 3, intra frames only, a checksum on each slice, slices for four threads, or
        if the pictures are too large for four, as many as the encoder takes by default. For x264, only a preset and
        lossless are set, since it writes all its settings into the film. It gets as many threads as it would take by
        default on a common computer, since the bytes depend on them.
        """
        if self.encoder != "ffv1":
            return {**self.options, "threads": str(x264_threads(height + 15))} | X264_DETERMINISTIC
        max_slice = 2**27 // 27  # pixels of a slice of FFV1
        min_side_to_slice = 16  # smaller pictures can't be split into four slices
        if math.ceil(width / 2) * math.ceil(height / 2) > max_slice:
            return dict(self.options)
        return {**self.options, "slices": "4" if min(width, height) >= min_side_to_slice else "1"}

    def muxer_options(self, time_base: Fraction, rates: Iterable[int], room: int = 0) -> dict[str, str]:
        """Return muxer options under which the time stamps of pictures and sound tracks are stored exactly.

        Args:
            time_base: unit of the pictures' time stamps, in seconds.
            rates: sample rates of the sound tracks, in Hz.
            room: bytes to leave after Matroska's header, if at least two.
        """
        # Packets come in order: there is no use in holding one back for more than half a second.
        options = {"avoid_negative_ts": "disabled", "max_interleave_delta": "500000", **self.muxing}
        if self.is_matroska:
            return options | ({"metadata_header_padding": str(room)} if room > 1 else {})
        # FFmpeg doubles a track's ticks per second until there are at least 10,000.
        min_ticks = 10_000
        max_ticks = 2**31 - 1
        ticks = time_base.denominator
        while ticks < min_ticks:
            ticks *= 2
        # MP4 gives the start of each track in ticks of the whole film, so these must suit every track.
        common = math.lcm(ticks, *rates)
        return options | {"movie_timescale": str(common if common <= max_ticks else ticks)}

    def time_base(self, rate: Fraction, preferred: Fraction | None) -> Fraction:
        """Return the time base of the pictures in seconds.

        Matroska's is a millisecond. MP4's is the preferred one, or else one that divides a frame of `rate` evenly.
        """
        if self.is_matroska:
            return MILLISECOND
        return preferred or Fraction(1, rate.numerator * math.ceil(FINE_TICKS / rate.numerator))


# Matroska allows equal time stamps, and needs them: two packets can fall in the same millisecond.
MKV = FilmForm("Matroska", "matroska", "ffv1", "bgr0", 0, {"level": "3", "g": "1", "slicecrc": "1"})
MP4 = FilmForm("MP4", "mp4", "libx264rgb", "rgb24", 1, {"qp": "0", "preset": "veryfast"})
# Browsers and phones play this before all of it has arrived; it hardly differs from the original.
WATCHABLE = FilmForm(
    *("MP4", "mp4", "libx264", "yuv420p", 1),
    {"crf": "17", "preset": "medium", "profile": "high"},
    {"movflags": "+faststart"},
)
FORMS = {"mkv": MKV, "mp4": MP4, "watchable": WATCHABLE}
