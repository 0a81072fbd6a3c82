"""Writing films: lossless, in RGB; for watching, in the formats of one table; or with the losses of given settings.

The same input gives the same bytes, except for Matroska's random identifiers and for drafts.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from stegnet.core.disk import unwritable
from stegnet.core.errors import MediaError
from stegnet.core.keystream import system_bytes
from stegnet.core.parallel import Count
from stegnet.core.process_settings import default_variable
from stegnet.formats.matroska import aspect_in_new_file, draw_uids, light_in_new_file, replace_in_tracks
from stegnet.formats.opened_file import Source
from stegnet.video.coding import ENCODER, Coding
from stegnet.video.films import EXACT, AnyPacket, ColourCode, FieldOrder, FilmInfo, Picture
from stegnet.video.forms import FINE_TICKS, FORMS, X264_DETERMINISTIC, x264_threads
from stegnet.video.frame_properties import FrameMarker, FrameProperties
from stegnet.video.mp4 import set_shown_width, use_milliseconds
from stegnet.video.sound_packets import CONVERT_SOUND, PLAYABLE, SoundPacket, SoundTrack
from stegnet.video.sound_streams import SoundWriter
from stegnet.video.stream_copy import StreamCopy

_svt_logs_errors = default_variable("SVT_LOG", "1")  # and nothing else; libsvtav1 does not log through FFmpeg


class PictureTrack:
    """The pictures of a film that is being written, which become packets with their times.

    The encoder, whose choices depend on it, sees them evenly spaced: H.264 stores their rate.

    Args:
        stream: new in the film.
        pixels: FFmpeg's name of the pixel format; YCbCr is BT.709 at limited range.
        size: width and height.
        rate: frames per second on average.
        time_base: unit of the packets' times, in seconds.

    Attributes:
        stamps: time stamps of the frames, in the time base.
    """

    def __init__(
        self, stream: VideoStream, pixels: str, size: tuple[int, int], rate: Fraction, time_base: Fraction
    ) -> None:
        self.stream = stream
        self.stamps: list[int] = []
        self.stream.width, self.stream.height = size
        self.stream.pix_fmt = pixels
        self.stream.time_base = time_base
        self.stream.codec_context.time_base = 1 / rate
        self.stream.thread_type = "FRAME"  # as ffmpeg's command line does; slices take more bytes
        context = self.stream.codec_context
        if pixels.startswith("yuv"):
            context.colorspace = context.color_primaries = context.color_trc = ColourCode.BT709
            context.color_range = ColorRange.MPEG
        self._time_base = time_base
        self._duration = max(1, round(1 / rate / time_base))

    def packets(self, frame: VideoFrame, time: Fraction) -> Iterator[AnyPacket]:
        """Yield packets of a frame at a time in seconds, moved to at least one unit after the frame before it."""
        stamp = round(time / self._time_base)
        frame.pts = len(self.stamps)
        frame.time_base = self.stream.codec_context.time_base
        self.stamps.append(max(stamp, self.stamps[-1] + 1) if self.stamps else stamp)
        yield from self._encoded(frame)

    def rest(self) -> Iterator[AnyPacket]:
        """Return the packets after the last frame."""
        return self._encoded(None)

    def _encoded(self, frame: VideoFrame | None) -> Iterator[AnyPacket]:
        for packet in self.stream.encode_lazy(frame):
            assert packet.pts is not None and packet.dts is not None  # as of every encoder of pictures
            packet.pts = self._stamp(packet.pts)
            packet.dts = self._stamp(packet.dts)
            packet.duration = self._duration
            packet.time_base = self._time_base
            yield packet

    def _stamp(self, index: int) -> int:
        """Return the time stamp of a frame. If an encoder reorders frames, some are decoded before the first is shown.

        FFmpeg loses the start of a film whose first frame waits longer between decoding and showing than its second.
        """
        if index >= 0:
            return self.stamps[index]
        step = min([self._duration, *(later - self.stamps[0] for later in self.stamps[1:2])])
        return self.stamps[0] + index * step


@dataclass(frozen=True)
class FilmOptions:
    """Options of a film that is written."""

    # "mkv" for FFV1 in Matroska, "mp4" for lossless x264 in MP4; "watchable" for lossy x264 in MP4, whose odd sides
    # are made even by repeating the last row or column, and whose sound becomes AAC where browsers would not play it
    form: str = "mkv"
    time_base: Fraction | None = None  # of MP4's time stamps, in seconds; Matroska's are milliseconds
    # a film from which everything but the pictures is copied: sound (packet by packet), subtitles, chapters,
    # attachments, cover art, tags, colour metadata, pixel aspect ratio and field order
    keep: Source | None = None
    keep_metadata: bool = True  # False: what says something of the film's maker is not copied
    aspect: Fraction | None = None  # pixel aspect ratio, if there is no film to keep; None: it is left open
    sound: Sequence[SoundTrack] = ()  # tracks whose packets are passed to `write`; can't be combined with `keep`
    # returns a number of random bytes, from which Matroska's identifiers follow; called once, at the end
    randomness: Callable[[int], bytes] = system_bytes


class FilmWriter:
    """A film that is being written; a context manager.

    A film whose first frame is before time 0 is shifted to start there, with its sound.

    Args:
        path: output file, of any suffix.
        width: width of every frame in pixels.
        height: height of every frame in pixels.
        rate: frames per second on average, for players.
        options: as in `FilmOptions`.

    Raises:
        MediaError: the file can't be written, or the format can't hold the sound.
    """

    def __init__(self, path: Path, width: int, height: int, rate: Fraction, **options: Any) -> None:
        chosen = FilmOptions(**options)
        keep = chosen.keep
        sound = chosen.sound
        if keep is not None and sound:
            raise ValueError("sound comes from the film to keep or with the pictures, not both")
        self._path = path
        self._form = FORMS[chosen.form]
        self._randomness = chosen.randomness
        self._shape = (height, width, 3)
        self._shift = Fraction(0)
        time_base = self._form.time_base(rate, chosen.time_base)
        self._copy = StreamCopy(keep, chosen.keep_metadata) if keep is not None else None
        tracks = self._copy.tracks if self._copy else sound
        self._properties = self._copy.frame_properties() if self._copy else FrameProperties(chosen.aspect)
        self._changes = self._later_changes(rate)
        room = sum(len(new) - len(old) for old, new in self._changes.items())
        muxing = self._form.muxer_options(time_base, [track.rate for track in tracks], room)
        # An absolute path can't be mistaken for a protocol.
        self._film = av.open(str(path.absolute()), "w", format=self._form.muxer, container_options=muxing)
        try:
            self._pictures = self._add_pictures(rate, time_base)
            try:
                playable = None if self._form.is_lossless else PLAYABLE
                self._sound = SoundWriter(self._film, tracks, self._form.packet_gap, playable)
            except (ValueError, av.FFmpegError) as error:
                raise self._unsupported_sound(tracks, keep or path) from error
            if self._copy:
                self._copy.add_to(self._film, self._pictures.stream, self._form)
            self._start(tracks, keep or path)
        except BaseException:
            self._abandon()
            raise

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the file."""
        height, width, _ = self._shape
        return (width, height) if self._form.is_lossless else (width + width % 2, height + height % 2)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was changed or left out; complete at the end of the film."""
        height, width, _ = self._shape
        even = f"its {width}×{height} pixels became {self.size[0]}×{self.size[1]}: H.264 needs even sides"
        changed = (even,) if self.size != (width, height) else ()
        return (*changed, *self._sound.notes, *(self._copy.notes if self._copy else ()))

    def write(self, picture: np.ndarray, time: Fraction, sound: Iterable[SoundPacket] = ()) -> None:
        """Add packets of sound, in the order of their file, and a frame, (height, width, 3) uint8, at a time.

        The frame is moved to at least one unit of the time base after the last one. Raises MediaError if the file can't
        be written.
        """
        if picture.shape != self._shape:
            raise ValueError(f"a frame of shape {picture.shape} in a film of {self._shape}")
        if not self._pictures.stamps:
            self._shift = max(Fraction(0), -time)
        self._mux(self._sound.packets(sound, self._shift))
        self._mux(self._copied(time))
        self._mux(self._pictures.packets(self._frame(picture), time + self._shift))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(self._pictures.rest())
                self._mux(self._copied(None))
                self._mux(self._sound.rest())
                self._close()
        finally:
            self._abandon()

    def _later_changes(self, rate: Fraction) -> dict[bytes, bytes]:
        """Return elements of Matroska that are replaced at the end, since PyAV can't pass their content to FFmpeg."""
        known = self._properties
        if not self._form.is_matroska:
            return {}
        changes = light_in_new_file(known.colours, known.light, known.mastering)
        return changes | (aspect_in_new_file(*self.size, known.aspect, rate) if known.aspect is not None else {})

    def _add_pictures(self, rate: Fraction, time_base: Fraction) -> PictureTrack:
        height, width, _ = self._shape
        form = self._form
        stream = self._film.add_stream(form.encoder, rate=rate, options=form.encoder_options(width, height))
        assert isinstance(stream, VideoStream)
        track = PictureTrack(stream, form.pixels, self.size, rate, time_base)
        stream.metadata["encoder"] = encoder_name(form.encoder)
        context = stream.codec_context
        context.sample_aspect_ratio = self._properties.aspect or Fraction(0)
        context.field_order = self._properties.field_order if form.is_matroska else FieldOrder.PROGRESSIVE
        if form.is_matroska and self._properties.aspect is not None:
            context.framerate = Fraction(0)  # the later changes add it
        self._marker = FrameMarker(self._properties)
        if form.is_lossless:
            context.colorspace = ColourCode.RGB
            context.color_range = ColorRange.JPEG
        return track

    def _start(self, tracks: Sequence[SoundTrack], source: Source) -> None:
        """Write the header, so that anything the format can't hold is reported before the first frame."""
        try:
            self._film.start_encoding()
            self._film.mux(self._copy.covers if self._copy else ())
        except (av.ArgumentError, av.PatchWelcomeError, av.ExperimentalError) as error:
            if not tracks:
                raise _unwritable(self._path, error) from error
            raise self._unsupported_sound(tracks, source) from error
        except av.FFmpegError as error:
            raise _unwritable(self._path, error) from error

    def _frame(self, picture: np.ndarray) -> av.VideoFrame:
        """Return a picture as the encoder takes it: RGB if lossless, else YUV with even sides, as it halves colours."""
        if not self._form.is_lossless:
            height, width, _ = self._shape
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
            return to_yuv(even, self._form.pixels)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        return self._marker.marked(frame.reformat(format=self._form.pixels, interpolation=EXACT, threads=1))

    def _copied(self, time: Fraction | None) -> Iterator[AnyPacket]:
        """Return packets of the film to keep, up to `time`."""
        return self._sound.packets(self._copy.packets_until(time), self._shift) if self._copy else iter(())

    def _mux(self, packets: Iterable[AnyPacket]) -> None:
        try:
            for packet in packets:
                self._film.mux(packet)
        except av.FFmpegError as error:
            raise _unwritable(self._path, error) from error

    def _close(self) -> None:
        """Write the end of the file. A full disk often shows only here."""
        try:
            self._film.close()
            if self._changes:
                replaced = replace_in_tracks(self._path, self._changes)
                assert replaced
            if self._properties.aspect and not self._form.is_matroska:
                set_shown_width(self._path, self._properties.aspect)
            if self._form.is_matroska:
                draw_uids(self._path, self._randomness)
            elif self._form.is_lossless:
                use_milliseconds(self._path)
        except (av.FFmpegError, OSError) as error:
            raise _unwritable(self._path, error) from error

    def _abandon(self) -> None:
        """Close all files, hiding errors so that an earlier one reaches the user."""
        if self._copy:
            self._copy.close()
        with suppress(av.FFmpegError):
            self._film.close()

    def _unsupported_sound(self, tracks: Sequence[SoundTrack], source: Source) -> MediaError:
        codecs = ", ".join(sorted({track.codec for track in tracks}))
        elsewhere = self._form.is_lossless and not self._form.is_matroska
        hint = f"write to .mkv, or {CONVERT_SOUND}" if elsewhere else CONVERT_SOUND
        return MediaError(f"{self._form.name} can't hold its sound ({codecs})", hint, subject=source)


def _unwritable(path: Path, error: av.FFmpegError | OSError) -> MediaError:
    """Return the error for a film that can't be written; FFmpeg's errors have the numbers and words of the system's."""
    return unwritable(path, OSError(error.errno, error.strerror) if isinstance(error, av.FFmpegError) else error)


def encoder_name(encoder: str) -> str:
    """Return the name of one of FFmpeg's encoders with its version, as ffmpeg's command line writes it into films."""
    return f"Lavc{'.'.join(map(str, av.library_versions['libavcodec']))} {encoder}"


def rewrite_film(
    source: Source,
    frames: Generator[np.ndarray, None, None],
    info: FilmInfo,
    out: Path,
    form: str,
    progress: Count,
) -> tuple[str, ...]:
    """Write a film again with other pictures, as in `info`; times, sound, and everything else are kept.

    The frames are closed at the end.

    Returns:
        Lines on anything unusual about the film, and on everything that was left out.
    """
    rate = info.rate if FORMS[form].is_lossless else info.mean_rate
    writer = FilmWriter(out, info.width, info.height, rate, form=form, time_base=info.time_base, keep=source)
    with closing(frames), writer as film:
        for done, (picture, time) in enumerate(zip(frames, info.times, strict=True), 1):
            film.write(picture, time)
            progress(done, len(info.pts))
    return (*info.notes, *film.notes)


def write_h264(path: Path, frames: Iterable[Picture], info: FilmInfo, coding: Coding, *, draft: bool = False) -> None:
    """Write frames as H.264, or as another encoder codes them, in MP4 without sound.

    Args:
        path: file to write.
        frames: (H, W, 3) uint8 each, or as decoded, of the size, number and times in `info`.
        info: size, number, times and mean rate of the frames.
        coding: settings of the encoder.
        draft: be faster; the bytes may differ from run to run, as they may for all encoders but x264.

    Raises:
        MediaError: the film can't be written.
    """
    threads = x264_threads(info.height)
    deterministic = {} if draft else X264_DETERMINISTIC
    params = {key: ":".join(filter(None, (value, coding.x264_params))) for key, value in deterministic.items()}
    options = coding.options | {"threads": "auto" if draft else str(threads)} | params
    try:
        with av.open(str(path.absolute()), "w", format="mp4", container_options={"movflags": "+faststart"}) as film:
            stream = film.add_stream(ENCODER, rate=info.mean_rate, options=options)
            assert isinstance(stream, VideoStream)
            stream.metadata["encoder"] = encoder_name(ENCODER)
            size = (info.width, info.height)
            tick = 1 / info.rate if info.is_even else Fraction(1, FINE_TICKS)
            pictures = PictureTrack(stream, "yuv420p", size, info.mean_rate, tick)
            stream.codec_context.sample_aspect_ratio = info.aspect if info.says_aspect else Fraction(0)
            with _svt_logs_errors:
                stream.codec_context.open(strict=False)
            for packet in _coded(pictures, frames, info, coding):
                film.mux(packet)
    except av.FFmpegError as error:
        raise MediaError(f"a film can't be coded by {ENCODER} ({error.strerror})", subject=path) from error


def write_draft(path: Path, frames: Iterable[np.ndarray]) -> None:
    """Write frames, (H, W, 3) uint8 each, losslessly and without times, for a film that is only read here, repeatedly.

    MagicYUV in AVI decodes five times as fast as x264's lossless H.264, and is a sixth larger.

    Raises:
        MediaError: the film can't be written.
    """
    try:
        with av.open(str(path.absolute()), "w", format="avi") as film:
            stream = film.add_stream("magicyuv", options={"pred": "median"})
            stream.pix_fmt = "gbrp"
            for picture in frames:
                if not stream.codec_context.is_open:
                    stream.height, stream.width, _ = picture.shape
                frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=stream.pix_fmt, threads=1)
                film.mux(stream.encode(frame))
            film.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise _unwritable(path, error) from error


def _coded(pictures: PictureTrack, frames: Iterable[Picture], info: FilmInfo, coding: Coding) -> Iterator[AnyPacket]:
    """Encode the frames and yield their packets, shifted so that no frame's time is negative."""
    count = len(info.pts)
    start = min(info.pts[0] * info.time_base, Fraction(0))
    for index, (picture, time) in enumerate(zip(frames, info.times, strict=True)):
        frame = to_yuv(picture, "yuv420p")
        frame.pict_type = coding.kind_of(index, count)
        yield from pictures.packets(frame, time - start)
    yield from pictures.rest()


def to_yuv(picture: np.ndarray | VideoFrame, pixel_format: str) -> VideoFrame:
    """Convert (H, W, 3) uint8 RGB, or a decoded frame, to YCbCr: BT.709, limited range, with exact rounding."""
    frame = picture if isinstance(picture, VideoFrame) else VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )
