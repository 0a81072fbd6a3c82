"""Properties of all frames of a film that their pixels don't show: pixel aspect ratio and field order."""

from fractions import Fraction
from typing import NamedTuple

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stegnet.video.films import PROGRESSIVE, Conversion, shape

# FFmpeg's numbers of field orders in which the lines of a frame are stored: the top line is shown first, or the bottom.
_TOP, _BOTTOM = 4, 5
_MODES = {PROGRESSIVE: "prog", _TOP: "tff", _BOTTOM: "bff"}
_MOST_PART = 2**31 - 1


class FrameProperties(NamedTuple):
    """Properties of a film's frames, as FFmpeg's command line finds them in the first."""

    aspect: Fraction | None = None  # pixel aspect ratio, width by height, after rotation; None: the film gives none
    field_order: int = PROGRESSIVE  # FFmpeg's number


def frame_properties(stream: VideoStream, first: VideoFrame) -> FrameProperties:
    """Returns the properties of a film, of which this is the first frame."""
    return FrameProperties(shape(stream, first)[2], _field_order(first))


def _field_order(frame: VideoFrame) -> int:
    if not frame.interlaced_frame:
        return PROGRESSIVE
    try:
        Conversion().filtered("field order", frame, (("select", "eq(interlace_type,TOPFIRST)"),))
    except BlockingIOError:  # it was not selected
        return _BOTTOM
    return _TOP


class FrameMarker:
    """Sets the properties of frames, which some encoders store with each: FFV1 in all slices (RFC 9043, 4.6)."""

    def __init__(self, properties: FrameProperties) -> None:
        aspect = properties.aspect
        ratio = f"{aspect.numerator}\\:{aspect.denominator}" if aspect else "0"
        self._filters = ("setsar", f"{ratio}:{_MOST_PART}"), ("setfield", _MODES[properties.field_order])
        self._conversion = Conversion()

    def marked(self, frame: VideoFrame) -> VideoFrame:
        """Returns a frame with these pixels."""
        return self._conversion.filtered("properties", frame, self._filters)
