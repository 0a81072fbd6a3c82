"""Films as files, read.

What comes out is what a player shows: turned as the display matrix says, over white where it is transparent, and
in RGB of 8 bits. Where a film does not say by which matrix its colours were coded, it is BT.709 from 1280×720 on
and BT.601 below; where it does not say the range, it is the limited one for colours and the full one for grey.
Nothing is tone-mapped, nothing deinterlaced. What is odd about a film stands in its notes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stegnet.core.errors import MediaError
from stegnet.media.animation import animation_frames, scan_animation
from stegnet.media.film_notes import CUT_OFF, TRANSPARENT, Oddities
from stegnet.media.frames import display_matrix, lies_down, to_picture
from stegnet.media.pictures import MAX_PIXELS
from stegnet.media.signature import heic_error, is_animation, is_heic, is_mp4, lacks_bytes

_DEFAULT_RATE = Fraction(25)
# FFmpeg's names of what is opened at all: films, and sound, which is then said to have no pictures. Not text, stills,
# devices, or lists of other files.
_FORMATS = (
    *("apng", "asf", "av1", "avi", "dv", "flv", "gif", "gxf", "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg", "mov"),
    *("mpeg", "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "rm", "vc1", "vvc", "wtv", "yuv4mpegpipe"),
    *("aac", "ac3", "aiff", "amr", "ape", "au", "caf", "dts", "eac3", "flac", "mp3", "tta", "w64", "wav", "wv"),
)
_SAFE = {"format_whitelist": ",".join(_FORMATS), "protocol_whitelist": "file"}
_DECODING = {"max_pixels": str(MAX_PIXELS)}
_TOO_LARGE = f"at most {MAX_PIXELS} pixels each can be read"
# Beyond so many pixels, frames are not decoded side by side: it would take memory for each of them.
_MOST_SIDE_BY_SIDE = 1 << 24
# Formats cut out of a stream, whose clock began long before: FFmpeg's names.
_RUNNING_CLOCK = {"mpegts", "mpeg"}
# FFmpeg's own decoders of these leave transparency out.
_SEE_THROUGH = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


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
        notes: what is odd about it and what was done, one line each.
        more: what it has besides pictures and sound: subtitles, chapters, attached files.
    """

    width: int
    height: int
    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    sound: tuple[str, ...]
    notes: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def times(self) -> Iterator[Fraction]:
        """Time of each frame in seconds, exact."""
        return (stamp * self.time_base for stamp in self.pts)


def scan(path: Path) -> FilmInfo:
    """Decodes the whole film once.

    A film that leaves out a time stamp gets even ones, from its rate. A frame whose stamp is not after that of
    the one before it is put the least time after it. One cut out of a stream (MPEG-TS, MPEG-PS) starts at 0.

    Raises:
        MediaError: no such file, not a film, no frames, or damaged.
    """
    if is_animation(path):
        return _scan_animation(path)
    with open_film(path) as film:
        stream = picture_stream(film, path)
        rate = _rate(stream)
        step = max(1, round(1 / (rate * stream.time_base)))
        start = round(start_time(film) / stream.time_base)
        first, stamps, oddities = None, [], Oddities(stream)
        for frame in decoded(film, stream, path):
            first = first or frame
            stamps.append(None if frame.pts is None else frame.pts - start)
            oddities.see(frame)
        if first is None:
            raise MediaError(f"{path}: the film has no frames")
        width, height, aspect = shape(stream, first)
        notes = list(oddities.notes(aspect, None not in stamps, len(picture_tracks(film))))
        notes += [CUT_OFF] if lacks_bytes(path) else []
        sound = tuple(_codec_name(track) for track in film.streams.audio)
        pts = tuple(_settled(stamps, step))
        return FilmInfo(width, height, pts, stream.time_base, rate, aspect, sound, tuple(notes), tuple(_more(film)))


def frame_rate(path: Path) -> Fraction:
    """Frames per second on average, as the film itself says: none is decoded, unless of an animation.

    Raises:
        MediaError: as `scan`.
    """
    if is_animation(path):
        return _scan_animation(path).rate
    with open_film(path) as film:
        return _rate(picture_stream(film, path))


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Every frame in presentation order, (H, W, 3) uint8 sRGB, in constant memory.

    They are as many as `scan(path).pts`. A frame of another size than the first is stretched to it.

    Raises:
        MediaError: as `scan`, or its colours can't be converted.
    """
    if is_animation(path):
        yield from animation_frames(path)
        return
    with open_film(path) as film:
        stream = picture_stream(film, path)
        size = None
        for frame in decoded(film, stream, path):
            size = size or (frame.width, frame.height)
            yield _picture(frame, *size, path)


def open_film(path: Path) -> InputContainer:
    """The film, its streams known and nothing decoded.

    Raises:
        MediaError: no such file, or nothing that can be read.
    """
    if not path.is_file():
        raise MediaError(f"{path}: no such file")
    try:
        # An absolute path is never taken for a protocol; odd bytes in metadata must not stop anyone.
        film = av.open(str(path.resolve()), options=_DECODING, container_options=_SAFE, metadata_errors="replace")
    except av.FFmpegError as error:
        raise _unreadable(path) from error
    if is_heic(path):
        film.close()
        raise _unreadable(path)
    return film


def picture_stream(film: InputContainer, path: Path) -> VideoStream:
    """The film's main video track, set to decode on all cores.

    It is the one that its index gives the most frames, the first among equals; cover art does not count.

    Raises:
        MediaError: there is none, no decoder for it, or its pictures are too large.
    """
    tracks = picture_tracks(film)
    if not tracks:
        raise MediaError(f"{path}: has {'sound but ' if film.streams.audio else ''}no pictures")
    stream = max(tracks, key=lambda track: track.frames)
    if stream.codec_context is None:
        raise MediaError(f"{path}: the film's codec is not known")
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > MAX_PIXELS:
        size = f"{stream.codec_context.width}×{stream.codec_context.height}"
        raise MediaError(f"{path}: its pictures are too large to read, {size} pixels", _TOO_LARGE)
    stream.thread_type = "AUTO" if pixels <= _MOST_SIDE_BY_SIDE else "SLICE"
    return stream


def picture_tracks(film: InputContainer) -> list[VideoStream]:
    """The tracks of moving pictures: cover art does not count."""
    return [track for track in film.streams.video if not track.disposition & Disposition.attached_pic]


def start_time(film: InputContainer) -> Fraction:
    """Seconds to take off every stamp: when a film cut out of a stream starts, its earliest track; 0 of others."""
    if film.format.name not in _RUNNING_CLOCK:
        return Fraction(0)
    tracks = (*picture_tracks(film), *film.streams.audio)
    starts = (track.start_time * track.time_base for track in tracks if track.start_time is not None)
    return min(starts, default=Fraction(0))


def _unreadable(path: Path) -> MediaError:
    if is_heic(path):
        return heic_error(path)
    if is_mp4(path):
        return MediaError(
            f"{path}: the film is cut off, or was never finished: its index (moov) is missing or damaged",
            "copy it again from where it came",
        )
    return MediaError(f"{path}: neither a picture nor a film that can be read", "convert it to PNG or MP4 first")


def decoded(film: InputContainer, stream: VideoStream, path: Path) -> Iterator[VideoFrame]:
    """Every frame as its decoder gives it.

    Raises:
        MediaError: the film is damaged.
    """
    count = 0
    decoder = _decoder(stream)
    decoder.options = decoder.options | _DECODING
    try:
        for packet in film.demux(stream):
            for frame in decoder.decode(packet):
                yield frame
                count += 1
    except av.FFmpegError as error:
        if not count and not decoder.width:  # what the decoder was not let do looks like damage
            hint = f"it is damaged, or its pictures are too large: {_TOO_LARGE}"
            raise MediaError(f"{path}: no picture of the film can be decoded", hint) from error
        raise MediaError(f"{path}: the film is damaged after {count} frames") from error


def _rate(stream: VideoStream) -> Fraction:
    return Fraction(stream.average_rate or stream.guessed_rate or _DEFAULT_RATE)


def _decoder(stream: VideoStream) -> CodecContext:
    name = stream.codec_context.name
    alpha = any(tag.lower() == "alpha_mode" and value == "1" for tag, value in stream.metadata.items())
    return CodecContext.create(_SEE_THROUGH[name], "r") if alpha and name in _SEE_THROUGH else stream.codec_context


def _settled(stamps: list[int | None], step: int) -> Iterator[int]:
    if None in stamps:
        stamps = [index * step for index in range(len(stamps))]
    previous = stamps[0] - 1
    for stamp in stamps:
        previous = max(stamp, previous + 1)
        yield previous


def shape(stream: VideoStream, first: VideoFrame) -> tuple[int, int, Fraction]:
    """Width and height in pixels, and a pixel's width by its height, as shown."""
    aspect = Fraction(stream.sample_aspect_ratio or 1)
    if lies_down(display_matrix(first)):
        return first.height, first.width, 1 / aspect
    return first.width, first.height, aspect


def _scan_animation(path: Path) -> FilmInfo:
    film = scan_animation(path)
    rate = Fraction(1000 * len(film.stamps), film.end) if film.end else _DEFAULT_RATE
    notes = (TRANSPARENT,) if film.transparent else ()
    pts = tuple(_settled(list(film.stamps), 1))
    return FilmInfo(film.width, film.height, pts, Fraction(1, 1000), rate, Fraction(1), (), notes)


def _more(film: InputContainer) -> Iterator[str]:
    streams = film.streams
    there = {"subtitles": streams.subtitles, "chapters": film.chapters(), "attached files": streams.attachments}
    return (name for name, found in there.items() if found)


def _codec_name(track: av.AudioStream) -> str:
    return track.codec_context.codec.canonical_name if track.codec_context else "unknown"


def _picture(frame: VideoFrame, width: int, height: int, path: Path) -> np.ndarray:
    try:
        return to_picture(frame, width, height)
    except av.FFmpegError as error:
        raise MediaError(
            f"{path}: its colours are coded in a way that can't be read (matrix {frame.colorspace})",
            "convert it to MP4 (H.264) first",
        ) from error
