"""Properties of a film's frames that their pixels don't show: pixel aspect ratio, field order, light levels of HDR."""

import struct
from fractions import Fraction
from typing import NamedTuple

from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stegnet.video.films import ColourCode, Conversion, FieldOrder, shape, side_data


class FrameProperties(NamedTuple):
    """Properties of a film's frames, as FFmpeg's command line finds them in the first frame."""

    aspect: Fraction | None = None  # pixel aspect ratio, width by height, after rotation; None: not specified
    field_order: int = FieldOrder.PROGRESSIVE  # FFmpeg's number
    # Transfer function and primaries, FFmpeg's numbers
    colours: tuple[int, int] = (ColourCode.UNSPECIFIED, ColourCode.UNSPECIFIED)
    light: tuple[int, ...] = ()  # HDR: largest light level of a pixel, and of the mean of a frame, in cd/m²
    # HDR: x and y of the primaries red, green and blue, and of white, then the most and the least luminance in cd/m²
    mastering: tuple[Fraction, ...] = ()


def frame_properties(stream: VideoStream, first: VideoFrame) -> FrameProperties:
    """Return the properties of a film from its first frame."""
    context = stream.codec_context
    level = side_data(first, Type.CONTENT_LIGHT_LEVEL, Conversion())
    screen = side_data(first, Type.MASTERING_DISPLAY_METADATA, Conversion())
    light = struct.unpack_from("2I", level) if level else ()
    mastering = _mastering(screen) if screen else ()
    colours = context.color_trc, context.color_primaries
    return FrameProperties(shape(stream, first)[2], _field_order(first), colours, light, mastering)


def _mastering(data: bytes) -> tuple[Fraction, ...]:
    """Return colours and luminance of the mastering display, if both are given (AVMasteringDisplayMetadata)."""
    # Fractions of mastering metadata: x and y of red, green, blue and white, then the least and most luminance.
    fractions = 10
    *parts, has_primaries, has_luminance = struct.unpack_from(f"{2 * fractions + 2}i", data)
    if not (has_primaries and has_luminance and all(parts[1::2])):
        return ()
    *places, least, most = map(Fraction, parts[::2], parts[1::2])
    return *places, most, least


def _field_order(frame: VideoFrame) -> int:
    if not frame.interlaced_frame:
        return FieldOrder.PROGRESSIVE
    try:
        Conversion().filtered("field order", frame, (("select", "eq(interlace_type,TOPFIRST)"),))
    except BlockingIOError:  # it was not selected
        return FieldOrder.BOTTOM_CODED_TOP_SHOWN
    return FieldOrder.TOP_CODED_BOTTOM_SHOWN


class FrameMarker:
    """A setter of frame properties, which some encoders store with each frame: FFV1 in all slices (RFC 9043, 4.6)."""

    def __init__(self, properties: FrameProperties) -> None:
        most_part = 2**31 - 1
        modes = {
            FieldOrder.PROGRESSIVE: "prog",
            FieldOrder.TOP_CODED_BOTTOM_SHOWN: "tff",
            FieldOrder.BOTTOM_CODED_TOP_SHOWN: "bff",
        }
        aspect = properties.aspect
        ratio = f"{aspect.numerator}\\:{aspect.denominator}" if aspect else "0"
        self._filters = ("setsar", f"{ratio}:{most_part}"), ("setfield", modes[FieldOrder(properties.field_order)])
        self._conversion = Conversion()

    def marked(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame with these pixels and the properties."""
        return self._conversion.filtered("properties", frame, self._filters)
