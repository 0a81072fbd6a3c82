"""Films as files, written without loss: FFV1 in Matroska.

FFV1 level 3, every frame by itself, a checksum on each slice, bgr0, so that the same RGB comes back. Same
input, same bytes. Matroska keeps time stamps in milliseconds. Pixels are square: PyAV can announce no other.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from stegnet.errors import MediaError
from stegnet.media.films import EXACT, open_film

_MILLISECOND = Fraction(1, 1000)
_FFV1 = {"level": "3", "g": "1", "slicecrc": "1"}
# FFV1 cuts no smaller pictures into four.
_LEAST_SIDE_TO_SLICE = 16


class FilmWriter:
    """A film being written; a context manager.

    Args:
        path: where to; the file is made whatever its suffix.
        width, height: of every frame.
        rate: frames per second on average, for players.
        tags: metadata of the file.
        sound_of: a film whose sound tracks are copied packet by packet.
    Raises:
        MediaError: the file can't be written, or Matroska can't hold the sound.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        rate: Fraction,
        tags: Mapping[str, str] | None = None,
        sound_of: Path | None = None,
    ) -> None:
        self._path = path
        self._last = None
        self._sound: _Sound | None = None
        self._film = av.open(str(path), "w", format="matroska", container_options={"fflags": "+bitexact"})
        self._film.metadata.update(tags or {})
        self._stream = _add_ffv1(self._film, width, height, rate)
        if sound_of is not None:
            self._sound = _Sound(sound_of, self._film)

    def write(self, picture: np.ndarray, time: Fraction) -> None:
        """Adds a frame and the sound up to it.

        Args:
            picture: (height, width, 3) uint8.
            time: seconds; at least a millisecond after the frame before, or it is moved there.
        Raises:
            MediaError: the file can't be written.
        """
        stamp = round(time / _MILLISECOND)
        self._last = stamp if self._last is None else max(stamp, self._last + 1)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format="bgr0", interpolation=EXACT, threads=1
        )
        frame.pts, frame.time_base = self._last, _MILLISECOND
        self._mux(self._sound.until(time) if self._sound else ())
        self._mux(self._stream.encode_lazy(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(self._stream.encode_lazy(None))
                self._mux(self._sound.until(None) if self._sound else ())
        finally:
            self._close()

    def _mux(self, packets: Iterable[Packet]) -> None:
        try:
            for packet in packets:
                self._film.mux(packet)
        except av.FFmpegError as error:
            raise MediaError(f"{self._path}: can't be written ({error.strerror})") from error

    def _close(self) -> None:
        if self._sound:
            self._sound.close()
        try:
            self._film.close()
        except av.FFmpegError as error:
            raise MediaError(f"{self._path}: can't be written ({error.strerror})") from error


def _add_ffv1(film: OutputContainer, width: int, height: int, rate: Fraction) -> VideoStream:
    slices = "4" if min(width, height) >= _LEAST_SIDE_TO_SLICE else "1"
    stream = film.add_stream("ffv1", rate=rate, options=_FFV1 | {"slices": slices})
    stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
    stream.time_base = _MILLISECOND
    stream.codec_context.time_base = _MILLISECOND
    stream.codec_context.flags |= Flags.bitexact
    return stream


class _Sound:
    """The sound tracks of one film on their way into another."""

    def __init__(self, source: Path, film: OutputContainer) -> None:
        self._path = source
        self._source = open_film(source)
        self._tracks = {track.index: self._add(film, track, source) for track in self._source.streams.audio}
        streams = tuple(self._source.streams.audio)
        self._packets = self._source.demux(streams) if streams else iter(())
        self._waiting: Packet | None = None

    def until(self, time: Fraction | None) -> Iterator[Packet]:
        """The packets due at `time` (seconds; None: all that are left), bound for their new tracks."""
        while (packet := self._waiting or self._next()) is not None:
            self._waiting = packet
            if time is not None and packet.dts * packet.time_base > time:
                return
            self._waiting = None
            packet.stream = self._tracks[packet.stream.index]
            yield packet

    def close(self) -> None:
        self._source.close()

    def _next(self) -> Packet | None:
        """The next packet with a time; the empty ones that end a track have none."""
        try:
            return next((packet for packet in self._packets if packet.dts is not None), None)
        except av.FFmpegError as error:
            raise MediaError(f"{self._path}: the film's sound is damaged") from error

    @staticmethod
    def _add(film: OutputContainer, track: av.AudioStream, source: Path) -> av.AudioStream:
        try:
            return film.add_stream_from_template(track)
        except ValueError as error:
            raise MediaError(
                f"{source}: its sound can't be kept in Matroska ({error})", "convert the sound to AAC or FLAC first"
            ) from error
