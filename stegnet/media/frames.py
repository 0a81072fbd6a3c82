"""Decoded frames as pictures: colours, transparency, and which way is up."""

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
BT709, UNSPECIFIED, BT601 = 1, 2, 6
LIMITED = 1
_Matrix = tuple[int, int, int, int]


def to_picture(frame: VideoFrame, width: int, height: int) -> np.ndarray:
    """The frame as it is shown: stretched to width × height, then turned; (H, W, 3) uint8.

    Raises:
        av.FFmpegError: its colours can't be converted.
    """
    return _turned(_to_rgb(frame, width, height), display_matrix(frame))


def has_alpha(frame: VideoFrame) -> bool:
    """Whether it can be transparent. A palette can."""
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def is_grey(frame: VideoFrame) -> bool:
    """Whether it has brightness and no colours."""
    return sum(not component.is_alpha for component in frame.format.components) == 1 and not frame.format.has_palette


def display_matrix(frame: VideoFrame) -> _Matrix:
    """(a, b, c, d): the point (x, y) of the frame is shown in the direction (ax + cy, bx + dy)."""
    if Type.DISPLAYMATRIX not in frame.side_data:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(frame.side_data[Type.DISPLAYMATRIX]), np.int32).tolist()
    return a, b, c, d


def lies_down(matrix: _Matrix) -> bool:
    """Whether a quarter turn is nearest to what the matrix says."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _to_rgb(frame: VideoFrame, width: int, height: int) -> np.ndarray:
    if frame.colorspace == UNSPECIFIED and not frame.format.is_rgb:
        frame.colorspace = BT709 if frame.width >= 1280 or frame.height >= 720 else BT601
    alpha = has_alpha(frame)
    picture = frame.to_ndarray(
        format="rgba" if alpha else "rgb24", width=width, height=height, interpolation=EXACT, threads=1
    )
    picture = _over_white(picture) if alpha else picture
    return _WIDENED[picture] if is_grey(frame) and frame.color_range == LIMITED else picture


def _over_white(picture: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 to (H, W, 3), rounded as PIL does."""
    alpha = picture[..., 3:].astype(np.uint16)
    return ((picture[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


# FFmpeg takes all grey for full range, whatever its tag says.
_WIDENED = ((np.arange(256) - 16) * 255 / 219).round().clip(0, 255).astype(np.uint8)


def _turned(picture: np.ndarray, matrix: _Matrix) -> np.ndarray:
    """Turns and flips by whole quarter turns, the nearest to what the matrix says."""
    a, b, c, d = matrix
    if lies_down(matrix):
        picture, across, down = picture.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
