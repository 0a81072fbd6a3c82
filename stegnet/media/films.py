"""Films as files, read.

What comes out is what a player shows: turned as the display matrix says, and in RGB. Where a film does not
say by which matrix its colours were coded, it is BT.709 from 1280×720 on and BT.601 below; where it does not
say the range, it is the limited one. Nothing is tone-mapped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from stegnet.errors import MediaError

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
_DEFAULT_RATE = Fraction(25)
_BT709, _UNSPECIFIED, _BT601 = 1, 2, 6
# Formats that are text, stills, or lists of other files.
_NOT_FILMS = {"tty", "concat", "hls", "dash", "image2", "lavfi", "sdp"}


@dataclass(frozen=True)
class FilmInfo:
    """What a film is, known for certain once it has been decoded.

    Attributes:
        width, height: as shown, after turning.
        pts: time stamp of each frame in presentation order, strictly increasing, in units of `time_base`.
        time_base: seconds, exact.
        rate: frames per second on average.
        aspect: width of a pixel by its height.
        sound: codec of each sound track.
    """

    width: int
    height: int
    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    sound: tuple[str, ...]

    @property
    def times(self) -> Iterator[Fraction]:
        """Time of each frame in seconds, exact."""
        return (stamp * self.time_base for stamp in self.pts)


def scan(path: Path) -> FilmInfo:
    """Decodes the whole film once.

    A film that leaves out a time stamp gets even ones, from its rate. A frame whose stamp is not after that of
    the one before it is put the least time after it.

    Raises:
        MediaError: no such file, not a film, no frames, or damaged.
    """
    with open_film(path) as film:
        stream = picture_stream(film, path)
        rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
        step = max(1, round(1 / (rate * stream.time_base)))
        first, stamps = None, []
        for frame in _decoded(film, stream, path):
            first = first or frame
            stamps.append(frame.pts)
        if first is None:
            raise MediaError(f"{path}: the film has no frames")
        return _info(film, stream, first, tuple(_settled(stamps, step)), rate)


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Every frame in presentation order, (H, W, 3) uint8 sRGB, in constant memory.

    They are as many as `scan(path).pts`. A frame of another size than the first is stretched to it.

    Raises:
        MediaError: as `scan`.
    """
    with open_film(path) as film:
        stream = picture_stream(film, path)
        size = None
        for frame in _decoded(film, stream, path):
            size = size or (frame.width, frame.height)
            yield _turned(_to_rgb(frame, *size), _display_matrix(frame))


def read_tags(path: Path) -> dict[str, str]:
    """The film's own metadata, by upper-case name.

    Raises:
        MediaError: no such file, or not a film.
    """
    with open_film(path) as film:
        return {name.upper(): value for name, value in film.metadata.items()}


def open_film(path: Path) -> InputContainer:
    """The film, its streams known and nothing decoded.

    Raises:
        MediaError: no such file, or nothing that can be read.
    """
    if not path.is_file():
        raise MediaError(f"{path}: no such file")
    try:
        # An absolute path is never taken for a protocol; odd bytes in metadata must not stop anyone.
        film = av.open(str(path.resolve()), metadata_errors="replace")
    except av.FFmpegError as error:
        raise _unknown(path) from error
    if _NOT_FILMS & set(film.format.name.split(",")) or film.format.name.endswith("_pipe"):
        film.close()
        raise _unknown(path)
    return film


def picture_stream(film: InputContainer, path: Path) -> VideoStream:
    """The film's main video track, set to decode on all cores.

    It is the one that its index gives the most frames (an animated AVIF has a still beside them), the first
    among equals; cover art does not count.

    Raises:
        MediaError: there is none, or no decoder for it.
    """
    tracks = [track for track in film.streams.video if not track.disposition & Disposition.attached_pic]
    if not tracks:
        raise MediaError(f"{path}: has {'sound but ' if film.streams.audio else ''}no pictures")
    stream = max(tracks, key=lambda track: track.frames)
    if stream.codec_context is None:
        raise MediaError(f"{path}: the film's codec is not known")
    stream.thread_type = "AUTO"
    return stream


def _unknown(path: Path) -> MediaError:
    return MediaError(f"{path}: neither a picture nor a film that can be read", "convert it to PNG or MP4 first")


def _decoded(film: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    count = 0
    try:
        for frame in film.decode(stream):
            yield frame
            count += 1
    except av.FFmpegError as error:
        raise MediaError(f"{path}: the film is damaged after {count} frames") from error


def _settled(stamps: list[int | None], step: int) -> Iterator[int]:
    if None in stamps:
        stamps = [index * step for index in range(len(stamps))]
    previous = stamps[0] - 1
    for stamp in stamps:
        previous = max(stamp, previous + 1)
        yield previous


def _info(
    film: InputContainer, stream: VideoStream, first: VideoFrame, pts: tuple[int, ...], rate: Fraction
) -> FilmInfo:
    height, width = first.height, first.width
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if _lies_down(_display_matrix(first)):
        height, width, aspect = width, height, 1 / aspect
    sound = tuple(track.codec_context.name if track.codec_context else "unknown" for track in film.streams.audio)
    return FilmInfo(width, height, pts, stream.time_base, Fraction(rate), aspect, sound)


def _to_rgb(frame: VideoFrame, width: int, height: int) -> np.ndarray:
    if frame.colorspace == _UNSPECIFIED and not frame.format.is_rgb:
        frame.colorspace = _BT709 if frame.width >= 1280 or frame.height >= 720 else _BT601
    return frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=EXACT, threads=1)


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """(a, b, c, d): the point (x, y) of the frame is shown in the direction (ax + cy, bx + dy)."""
    if Type.DISPLAYMATRIX not in frame.side_data:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(frame.side_data[Type.DISPLAYMATRIX]), np.int32).tolist()
    return a, b, c, d


def _lies_down(matrix: tuple[int, int, int, int]) -> bool:
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _turned(picture: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Turns and flips by whole quarter turns, the nearest to what the matrix says."""
    a, b, c, d = matrix
    if _lies_down(matrix):
        picture, across, down = picture.swapaxes(0, 1), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
