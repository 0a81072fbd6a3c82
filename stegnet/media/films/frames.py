"""The frames of a film as RGB pictures, and notes about what is unusual in them.

FFmpeg's decoders can't read animated WebP, nor the transparency of animated AVIF: Pillow decodes both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.samples import is_grey
from stegnet.media.opened_file import Source
from stegnet.media.pictures.pictures import TRANSPARENT, UNREADABLE, open_picture, to_rgb

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
# FFmpeg's numbers for matrices and primaries, ranges, and field orders.
RGB, BT709, UNSPECIFIED = 0, 1, 2
_EXACT_FLAGS = "bicubic+accurate_rnd+full_chroma_int+bitexact"  # EXACT, for filters
PROGRESSIVE, INTERLACED = 1, {2, 3, 4, 5}
_HDR = {16: "PQ", 18: "HLG"}
_WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_HD = 1280, 720  # from here on, players take colours that are not tagged for BT.709
_TIME_BASE = Fraction(1, 25)  # filters need one; nothing follows from it
# FFmpeg's filters by flips of the rows and of the columns, after an exchange of both and without.
_TRANSPOSED = {
    (False, False): "cclock_flip",
    (False, True): "clock",
    (True, False): "cclock",
    (True, True): "clock_flip",
}
_Matrix = tuple[int, int, int, int]
_Filter = tuple[str, str]  # its name and arguments


# Decoded frames


def to_picture(frame: VideoFrame, width: int, height: int, *, as_ffmpeg: bool = False) -> np.ndarray:
    """The frame as a player shows it: rotated, then resized, in RGB, transparency over white; (H, W, 3) uint8.

    Args:
        width, height: before rotation.
        as_ffmpeg: convert it as ffmpeg's command line does, by the filters that it inserts. These round coarsely,
            repeat chroma where players interpolate it, and take a matrix that is not specified for BT.601; but a
            lossless container that is converted otherwise stands out.
    Raises:
        av.FFmpegError: its colours can't be converted.
    """
    matrix = display_matrix(frame)
    size = f"{height}:{width}" if swaps_axes(matrix) else f"{width}:{height}"
    if not as_ffmpeg:
        size += f":flags={_EXACT_FLAGS}"
        frame.colorspace = BT709 if _is_untagged_hd(frame) else frame.colorspace
    alpha = _has_alpha(frame)
    filters = *_rotation(matrix), ("scale", size), ("format", "rgba" if alpha else "bgr0")
    picture = _filtered(frame, filters).to_ndarray(format="rgba" if alpha else "rgb24", threads=1)
    return _over_white(picture) if alpha else picture


def display_matrix(frame: VideoFrame) -> _Matrix:
    """Rotation (a, b, c, d): the point (x, y) of the frame is shown in the direction (ax + cy, bx + dy)."""
    if Type.DISPLAYMATRIX not in frame.side_data:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(frame.side_data[Type.DISPLAYMATRIX]), np.int32).tolist()
    return a, b, c, d


def swaps_axes(matrix: _Matrix) -> bool:
    """True if the nearest rotation by a multiple of 90° swaps width and height."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _rotation(matrix: _Matrix) -> Iterator[_Filter]:
    """Filters that rotate and flip by multiples of 90°, the nearest to the matrix."""
    a, b, c, d = matrix
    if swaps_axes(matrix):
        yield "transpose", _TRANSPOSED[b < 0, c < 0]
        return
    if a < 0:
        yield "hflip", ""
    if d < 0:
        yield "vflip", ""


def _filtered(frame: VideoFrame, filters: Sequence[_Filter]) -> VideoFrame:
    """The frame after FFmpeg's filters."""
    graph = Graph()
    size = {"width": frame.width, "height": frame.height}
    nodes = [graph.add_buffer(**size, format=frame.format, time_base=_TIME_BASE)]
    nodes += [graph.add(name, arguments) for name, arguments in (*filters, ("buffersink", ""))]
    for node, following in pairwise(nodes):
        node.link_to(following)
    graph.configure()
    nodes[0].push(frame)
    return nodes[-1].pull()


def _has_alpha(frame: VideoFrame) -> bool:
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def _is_untagged_hd(frame: VideoFrame) -> bool:
    large = frame.width >= _HD[0] or frame.height >= _HD[1]
    return large and frame.colorspace == UNSPECIFIED and not frame.format.is_rgb


def _over_white(picture: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 to (H, W, 3), rounded as Pillow does."""
    alpha = picture[..., 3:].astype(np.uint16)
    return ((picture[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


# Notes


class FrameNotes:
    """Collects what is unusual about a film's frames from their metadata, never from their pixels."""

    def __init__(self, stream: VideoStream) -> None:
        self._first: VideoFrame | None = None
        self._sizes: set[tuple[int, int]] = set()
        self._damaged = 0
        self._interlaced = stream.codec_context.field_order in INTERLACED

    def add(self, frame: VideoFrame) -> None:
        self._first = self._first or frame
        self._damaged += bool(frame.is_corrupt)
        self._sizes.add((frame.width, frame.height))
        self._interlaced = self._interlaced or frame.interlaced_frame

    def lines(self, aspect: Fraction, timestamps: bool, tracks: int) -> Iterator[str]:
        """One line for each peculiarity, starting in lower case.

        Args:
            aspect: width of a pixel by its height.
            timestamps: whether every frame has a time stamp.
            tracks: number of video tracks.
        """
        if aspect != 1:
            yield f"its pixels are {aspect.numerator}:{aspect.denominator}, not square: kept as they are"
        if self._damaged:
            be = "is" if self._damaged == 1 else "are"
            yield f"{self._damaged} of its frames {be} damaged: used as the decoder repairs them"
        if self._interlaced:
            yield "it is interlaced: each frame keeps both fields"
        if len(self._sizes) > 1:
            yield f"its frames change size: all are resized to {self._first.width}×{self._first.height}"
        if not timestamps:
            yield "it has no time stamps: its frames are spaced evenly"
        if tracks > 1:
            yield f"it has {tracks} video tracks: the one with the most frames is used"
        yield from self._colour_lines(self._first)

    @staticmethod
    def _colour_lines(frame: VideoFrame) -> Iterator[str]:
        bits = max(component.bits for component in frame.format.components)
        if frame.color_trc in _HDR:
            yield f"its colours are HDR ({_HDR[frame.color_trc]}): reduced to 8 bits, not tone-mapped"
        elif frame.color_primaries in _WIDE_GAMUT:
            yield f"its colours are {_WIDE_GAMUT[frame.color_primaries]}: treated as sRGB"
        if _is_untagged_hd(frame):
            yield "its colour matrix is not tagged: a lossless copy takes BT.601, as ffmpeg does, and players BT.709"
        if bits > 8:
            yield f"it has {bits} bits per sample: reduced to 8"
        if _has_alpha(frame):
            yield TRANSPARENT


# Animations


@dataclass(frozen=True)
class Animation:
    """An animation's size in pixels and times in milliseconds.

    Attributes:
        pts: time stamp of each frame.
        end: end of the last frame.
        transparent: whether it can be transparent.
    """

    width: int
    height: int
    pts: tuple[int, ...]
    end: int
    transparent: bool
    grey: bool


def scan_animation(path: Source) -> Animation:
    """Decodes the whole animation once.

    Raises:
        MediaError: not a picture, or damaged.
    """
    pts, end, grey = [], 0, True
    with open_picture(path) as image:
        width, height = image.size
        transparent = image.has_transparency_data
        for frame in _decode_animation(image, path):
            pts.append(frame.info["timestamp"])
            end = pts[-1] + frame.info["duration"]
            grey = grey and is_grey(np.asarray(to_rgb(frame)))
    return Animation(width, height, tuple(pts), end, transparent, grey)


def read_animation(path: Source) -> Iterator[np.ndarray]:
    """Every frame, (H, W, 3) uint8 sRGB, transparency over white.

    Raises:
        MediaError: as `scan_animation`.
    """
    with open_picture(path) as image:
        for frame in _decode_animation(image, path):
            yield np.array(to_rgb(frame))


def _decode_animation(image: Image.Image, path: Source) -> Iterator[Image.Image]:
    for index in range(getattr(image, "n_frames", 1)):
        try:
            image.seek(index)
            image.load()
        except UNREADABLE as error:
            raise MediaError(f"{path}: the animation is damaged after {index} frames") from error
        yield image
