"""What is odd about a film, and what was done about it."""

from collections.abc import Iterator
from fractions import Fraction

from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stegnet.media.frames import has_alpha

_HDR = {16: "PQ", 18: "HLG"}
_WIDE = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_FIELDS = {2, 3, 4, 5}  # FFmpeg's field orders that mean interlaced
TRANSPARENT = "it can be transparent: laid over white"
CUT_OFF = "the end of the file is missing: cut off while it was copied or written"


class Oddities:
    """Looks at each frame of a film as it is decoded, and never at its pixels."""

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._first: VideoFrame | None = None
        self._sizes: set[tuple[int, int]] = set()
        self._damaged = 0
        self._interlaced = stream.codec_context.field_order in _FIELDS

    def see(self, frame: VideoFrame) -> None:
        self._first = self._first or frame
        self._damaged += bool(frame.is_corrupt)
        self._sizes.add((frame.width, frame.height))
        self._interlaced = self._interlaced or frame.interlaced_frame

    def notes(self, aspect: Fraction, stamped: bool, tracks: int) -> Iterator[str]:
        """A line for each, starting in lower case.

        Args:
            aspect: width of a pixel by its height.
            stamped: whether every frame has a time stamp.
            tracks: how many tracks of pictures the film has.
        """
        if aspect != 1:
            yield f"its pixels are {aspect.numerator}:{aspect.denominator}, not square: kept as they are"
        if self._damaged:
            be = "is" if self._damaged == 1 else "are"
            yield f"{self._damaged} of its frames {be} damaged: taken as the decoder mends them"
        if self._interlaced:
            yield "it is interlaced: the two fields stay woven in one picture"
        if len(self._sizes) > 1:
            yield f"its frames change size: all are stretched to {self._first.width}×{self._first.height}"
        if not stamped:
            yield "it has no time stamps: its frames are spaced evenly"
        if tracks > 1:
            yield f"it has {tracks} tracks of pictures: the one with the most frames counts"
        yield from self._colour_notes(self._first)

    @staticmethod
    def _colour_notes(frame: VideoFrame) -> Iterator[str]:
        bits = max(component.bits for component in frame.format.components)
        if frame.color_trc in _HDR:
            yield f"its colours are HDR ({_HDR[frame.color_trc]}): reduced to 8 bits, not tone-mapped"
        elif frame.color_primaries in _WIDE:
            yield f"its colours are {_WIDE[frame.color_primaries]}: taken as sRGB"
        if bits > 8:
            yield f"it has {bits} bits a sample: reduced to 8"
        if has_alpha(frame):
            yield TRANSPARENT
