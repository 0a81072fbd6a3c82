"""Reading films.

Frames are read as a player shows them: rotated by the display matrix, transparency over white, 8-bit RGB. For the cover
of a lossless container, they are converted as ffmpeg's command line does. An unspecified colour matrix is BT.601, or
for players BT.709 from 1280×720 on; an unspecified range is limited, except that 8-bit grey is always full. Frames are
neither tone-mapped nor deinterlaced. Anything unusual about a film is in its notes. FFmpeg's decoders can read neither
animated WebP, nor the transparency of animated AVIF, nor GIFs whose pictures have no delays: these are no films here.
"""

import math
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame as VideoFrame  # noqa: PLC0414  # the package exports it
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.names import FILM
from stegnet.core.pixels import is_grey
from stegnet.core.process_settings import keep_freed_memory
from stegnet.core.text import LOSS, Text
from stegnet.formats.boxes import samples_and_tracks
from stegnet.formats.opened_file import OpenedFile, Source, is_truncated, mapped
from stegnet.formats.signatures import ANIMATIONS, FILM_READERS, form_of, unknown_form
from stegnet.image.pictures import (
    MAX_PIXELS,
    TRANSPARENT,
    changes_by_profile,
    open_picture,
    over_white,
)
from stegnet.image.stated_colours import HDR, WIDE_GAMUT
from stegnet.video.dolby_vision import is_dolby_vision_alone

EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT
MOST_ASPECT = Fraction(256)  # the largest pixel aspect ratio that is believed; the smallest is its inverse
_Matrix = tuple[int, int, int, int]
_Filter = tuple[str, str]  # its name and arguments
TRUNCATED = "the file is truncated: its end is missing"
_PROFILE = "its colours have a profile: treated as sRGB"
_ANIMATION = "it is an animation: treated as a film"
UNREADABLE_FILM = (av.FFmpegError, OSError)  # OSError: a damaged film makes FFmpeg seek outside the file
_DECODING = {"max_pixels": str(MAX_PIXELS)}
_MOST_TRACKS = 1000  # FFmpeg's limit
_TOO_LARGE = f"at most {MAX_PIXELS} pixels each can be read"
# Metadata may be in any encoding. From PyAV 19 on, bytes that are not UTF-8 are kept in copies.
_METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
# FFmpeg's names of formats without time stamps: FFmpeg gives the times of decoding, the same ones in another order.
UNTIMED = {"avi"}
Picture = np.ndarray | VideoFrame  # (H, W, 3) uint8, or a frame as decoded
_GraphKey = tuple[int, int, str, int, int, tuple[_Filter, ...]]  # the properties of frames that a graph is made for
if TYPE_CHECKING:
    AnyPacket = Packet[Any]  # of any stream; PyAV's class takes no parameter at run time
else:
    AnyPacket = Packet


class ColourCode(IntEnum):
    """FFmpeg's numbers of matrices, primaries and transfer functions."""

    RGB = 0
    BT709 = 1
    UNSPECIFIED = 2


class FieldOrder(IntEnum):
    """FFmpeg's numbers of the order in which the fields of a frame are stored and shown."""

    UNKNOWN = 0
    PROGRESSIVE = 1
    TOP_CODED_TOP_SHOWN = 2
    BOTTOM_CODED_BOTTOM_SHOWN = 3
    TOP_CODED_BOTTOM_SHOWN = 4
    BOTTOM_CODED_TOP_SHOWN = 5


class _FilterGraph(NamedTuple):
    graph: Graph  # which the others need
    source: FilterContext
    sink: FilterContext


class Conversion:
    """FFmpeg's filters for the frames of one film, cached while frames are alike, since creating them takes time.

    Attributes:
        turned: how the first frame is turned, as of `_display_matrix`; None: not examined yet.
    """

    def __init__(self) -> None:
        self.turned: _Matrix | None = None
        self._graphs: dict[str, tuple[_GraphKey, _FilterGraph]] = {}  # by purpose

    def filtered(self, what_for: str, frame: VideoFrame, filters: tuple[_Filter, ...]) -> VideoFrame:
        """Return a frame after filters, applied in turn. Raises av.BlockingIOError if they do not pass it on."""
        key = frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range), filters
        if what_for not in self._graphs or self._graphs[what_for][0] != key:
            self._graphs[what_for] = key, _filter_graph(frame, filters)
        _, filter_graph = self._graphs[what_for]
        filter_graph.source.push(frame)
        filtered = filter_graph.sink.pull()
        assert isinstance(filtered, VideoFrame)
        return filtered


def _filter_graph(frame: VideoFrame, filters: Sequence[_Filter]) -> _FilterGraph:
    """Return FFmpeg's filters, applied in turn, for frames like this one."""
    time_base = Fraction(1, 25)  # filters need one; nothing depends on it
    graph = Graph()
    nodes = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)]
    nodes += [graph.add(name, arguments) for name, arguments in (*filters, ("buffersink", ""))]
    for node, following in pairwise(nodes):
        node.link_to(following)
    graph.configure()
    return _FilterGraph(graph, nodes[0], nodes[-1])


def to_rgb(
    frame: VideoFrame,
    width: int,
    height: int,
    path: Source,
    as_ffmpeg: bool = False,
    conversion: Conversion | None = None,
) -> np.ndarray:
    """Return a decoded frame as a player shows it: rotated, resized, transparency over white; (H, W, 3) uint8.

    Args:
        frame: decoded frame.
        width: width of the result before rotation, in pixels.
        height: height of the result before rotation, in pixels.
        path: path of the film, for messages.
        as_ffmpeg: convert it as ffmpeg's command line does, by the filters that it inserts. These round coarsely,
            repeat chroma where players interpolate it, and take an unspecified matrix for BT.601; but a lossless
            container that is converted otherwise stands out.
        conversion: conversion of the frames before; None for the first one.

    Raises:
        MediaError: its colours can't be converted.
    """
    conversion = conversion or Conversion()
    matrix = _display_matrix(frame, conversion)
    size = f"{height}:{width}" if _swaps_axes(matrix) else f"{width}:{height}"
    if not as_ffmpeg:
        size += ":flags=bicubic+accurate_rnd+full_chroma_int+bitexact"  # those of EXACT
        frame.colorspace = ColourCode.BT709 if _is_untagged_hd(frame) else frame.colorspace
    alpha = _has_alpha(frame)
    filters = *_rotation(matrix), ("scale", size), ("format", "rgba" if alpha else "bgr0")
    try:
        converted = conversion.filtered("picture", frame, filters)
        picture = converted.to_ndarray(format="rgba" if alpha else "rgb24", threads=1)
    except av.FFmpegError as error:
        problem = f"its colour matrix ({frame.colorspace}) is not supported"
        raise MediaError(problem, "convert it to MP4 (H.264) first", subject=path) from error
    return np.array(over_white(Image.fromarray(picture))) if alpha else picture


def _display_matrix(frame: VideoFrame, conversion: Conversion) -> _Matrix:
    """Return the rotation (a, b, c, d): the point (x, y) of the frame is shown in the direction (ax + cy, bx + dy).

    A frame without one is turned as the first frame: only there does an animation have EXIF.
    """
    upright = 1, 0, 0, 1
    data = side_data(frame, Type.DISPLAYMATRIX, conversion)
    if data is None:
        matrix = conversion.turned or upright
    else:
        a, b, _, c, d, *_ = np.frombuffer(data, np.int32).tolist()
        matrix = a, b, c, d
    conversion.turned = conversion.turned or matrix
    return matrix


def side_data(frame: VideoFrame, kind: Type, conversion: Conversion) -> bytes | None:
    """Return a frame's side data of a type, as FFmpeg's structure of it; None if it has no such data.

    PyAV 18 raises for unknown side data, such as EXIF, and frees the metadata of other side data, such as a colour
    profile's name, twice. So the filters pass only frames with this type, and delete all other side data.
    """
    try:
        alone = conversion.filtered(kind.name, frame, _filters_for(kind))
    except av.BlockingIOError:
        return None
    return bytes(alone.side_data[kind])  # type: ignore[literal-required]  # the stub knows motion vectors alone


@cache
def _filters_for(kind: Type) -> tuple[_Filter, ...]:
    """Return filters that pass only frames with side data of this type, and delete all other side data."""
    types = [str(number) for number in range(64)]  # FFmpeg 8.1 has 32
    wanted = str(kind.value)
    deleted = (f"mode=delete:type={number}" for number in types if number != wanted)
    return tuple(("sidedata", arguments) for arguments in (f"mode=select:type={wanted}", *deleted))


def _swaps_axes(matrix: _Matrix) -> bool:
    """Return whether the nearest rotation by a multiple of 90° swaps width and height."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def _rotation(matrix: _Matrix) -> Iterator[_Filter]:
    """Yield filters that rotate and flip by multiples of 90°, as near to the matrix as possible."""
    a, b, c, d = matrix
    if _swaps_axes(matrix):
        by_flips = {
            (False, False): "cclock_flip",
            (False, True): "clock",
            (True, False): "cclock",
            (True, True): "clock_flip",
        }
        yield "transpose", by_flips[b < 0, c < 0]
        return
    if a < 0:
        yield "hflip", ""
    if d < 0:
        yield "vflip", ""


def _has_alpha(frame: VideoFrame) -> bool:
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def _is_untagged_hd(frame: VideoFrame) -> bool:
    is_hd = frame.width >= 1280 or frame.height >= 720  # from this size on, players take untagged colours for BT.709
    return is_hd and frame.colorspace == ColourCode.UNSPECIFIED and not frame.format.is_rgb


def _colour_notes(frame: VideoFrame, has_profile: bool) -> Iterator[str]:
    """Yield a line if a frame's colours are not near sRGB, by its tags or by an ICC profile of the film."""
    colours = _colours(frame)
    if colours:
        treatment = "reduced to 8 bits, not tone-mapped" if frame.color_trc in HDR else "treated as sRGB"
        yield Text(f"its colours are {colours}: {treatment}", kind=LOSS if frame.color_trc in HDR else "")
    elif has_profile:
        yield _PROFILE


def _colours(tagged: VideoFrame | VideoCodecContext) -> str:
    """Name the colours by the tags of a frame or stream; "" if they are near sRGB."""
    # Transfer functions (ITU-T H.273) that are not near that of sRGB; recordings for television often have 4 or 5.
    curves = {8: "linear", 9: "logarithmic", 10: "logarithmic", 17: "for cinemas (SMPTE ST 428)"}
    if tagged.color_trc in HDR:
        return f"HDR ({HDR[tagged.color_trc]})"
    return WIDE_GAMUT.get(tagged.color_primaries) or curves.get(tagged.color_trc, "")


class _FrameNotes:
    """Notes on anything unusual in the metadata of a film's frames; their pixels are not examined.

    Attributes:
        skipped: time stamps of the frames that are not decoded, in the order of decoding.
    """

    def __init__(self, stream: VideoStream, has_profile: bool) -> None:
        self.skipped: list[int | None] = []
        self._has_profile = has_profile
        self._sizes: set[tuple[int, int]] = set()
        self._damaged = 0
        self._coded = 0
        self._interlaced = stream.codec_context.field_order not in (FieldOrder.UNKNOWN, FieldOrder.PROGRESSIVE)

    def add(self, frame: VideoFrame) -> None:
        self._damaged += bool(frame.is_corrupt)
        self._sizes.add((frame.width, frame.height))
        self._interlaced = self._interlaced or frame.interlaced_frame

    def count(self, packet: AnyPacket, codec: str, skipped: bool) -> None:
        """Count a packet of a picture that is shown, whatever an edit list says; if skipped, keep its time stamp."""
        shown_vp8 = 0x10  # a flag (RFC 6386, 9.1)
        least_mpeg4 = 16  # bytes; a shorter one repeats the picture before
        hidden = codec == "vp8" and packet.size and not bytes(packet)[0] & shown_vp8
        repeats = codec == "mpeg4" and packet.size < least_mpeg4
        shown = bool(packet.size) and not (packet.is_discard or hidden or repeats)
        self._coded += shown
        if shown and skipped:
            self.skipped.append(packet.pts)

    def lost(self, frames: int) -> int:
        """Return the number of coded pictures that were not decoded; two fields may make a frame."""
        if self._interlaced and self._coded <= 2 * frames:
            return 0
        return max(self._coded - frames, 0)

    def lines(self, frame: VideoFrame, aspect: Fraction, timestamps: bool, tracks: int) -> Iterator[str]:
        """Yield one line for each peculiarity.

        Args:
            frame: first frame of the film.
            aspect: pixel aspect ratio, width by height.
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
            yield f"its frames change size: all are resized to {frame.width}×{frame.height}"
        if not timestamps:
            yield "it has no time stamps: its frames are spaced evenly"
        if tracks > 1:
            yield Text(f"it has {tracks} video tracks: the one with the most frames is used", kind=LOSS)
        bits = max(component.bits for component in frame.format.components)
        yield from _colour_notes(frame, self._has_profile)
        if _is_untagged_hd(frame):
            yield "its colour matrix is not tagged: a lossless copy uses BT.601, as ffmpeg does, and players BT.709"
        if bits > 8:
            yield Text(f"it has {bits} bits per sample: reduced to 8", kind=LOSS)
        if _has_alpha(frame):
            yield TRANSPARENT


@dataclass(frozen=True)
class FilmInfo:
    """Properties of a film, found by decoding it."""

    width: int  # width, height: as shown, after rotation
    height: int
    pts: tuple[int, ...]  # time stamp of each frame in presentation order, strictly increasing, in units of `time_base`
    time_base: Fraction  # seconds, exact
    rate: Fraction  # frames per second, as FFmpeg finds it and writes it into a copy
    aspect: Fraction  # pixel aspect ratio, width by height
    sound: tuple[str, ...]  # codec of each sound track whose codec is known
    notes: tuple[str, ...] = ()  # lines on anything unusual and how it is handled
    more: tuple[str, ...] = ()  # other parts than pictures and sound: subtitles, chapters, attached files
    grey: bool = False  # whether every frame is grey that was decoded
    says_aspect: bool = True  # False: its pixels are assumed to be square
    lost: int = 0  # pictures that are in the file, and can't be decoded
    skipped: int = 0  # frames at its end that were not decoded

    @property
    def decoded(self) -> int:
        """The number of frames that were decoded."""
        return len(self.pts) - self.skipped

    @property
    def coarsest_time_base(self) -> Fraction:
        """The duration of a frame, which ffmpeg takes, if all frames are at multiples of it; else its own time base."""
        return 1 / self.rate if self.is_even else self.time_base

    @property
    def is_even(self) -> bool:
        """True if all frames are at multiples of a frame's duration."""
        return all((time * self.rate).denominator == 1 for time in self.times)

    @property
    def times(self) -> Iterator[Fraction]:
        """Time of each frame in seconds, exact."""
        return (stamp * self.time_base for stamp in self.pts)

    @property
    def seconds(self) -> Fraction:
        """Duration in seconds, at least until its last frame."""
        return max(len(self.pts) / self.rate, (self.pts[-1] - self.pts[0]) * self.time_base)

    @property
    def mean_rate(self) -> Fraction:
        """Mean frames per second, by which encoders distribute bits.

        `rate` may be many times as high: if the file does not give it, as in recordings of browsers and screens, FFmpeg
        takes it from the shortest distance between frames. Frames that are days apart have the lowest rate that can be
        written.
        """
        finest_rate = 90_000  # the largest denominator of a rate that is computed
        return max((len(self.pts) / self.seconds).limit_denominator(finest_rate), Fraction(1, finest_rate))


def frame_work(pixels: int) -> int:
    """Return the work of decoding a frame of so many pixels, where small frames take time, too."""
    each = 100_000  # pixels that are decoded in the time that a frame of none takes
    return each + pixels


def soon_decoded(path: Source) -> int:
    """Return the work, as of `frame_work`, of what is decoded of a film in two seconds or so; more of a large file.

    Films of cameras and of television have more bytes than this; still screens and blank frames may have fewer.
    """
    pixels_a_byte = 600
    return 250_000_000 + pixels_a_byte * path.stat().st_size


def scan(path: Source, most_work: float = math.inf) -> FilmInfo:
    """Decode the whole film once, or its first frames until `most_work` is done, and return its properties.

    What is not decoded is counted and timed by the file's packets. A film that lacks a time stamp gets evenly spaced
    ones, from its frame rate. A time stamp that is not after the one before it is moved one unit after it. Times of a
    recorded broadcast (MPEG-TS, MPEG-PS) start at 0.

    Raises:
        MediaError: the file is missing, is not a film, has no frames, or is damaged.
    """
    with open_film(path) as film:
        stream = picture_stream(film, path)
        time_base = time_base_of(stream)
        rate = _rate(stream)
        start = round(start_time(film) / time_base)

        # Each frame is decoded once.
        first: VideoFrame | None = None
        grey = True
        stamps: list[int | None] = []
        frame_notes = _FrameNotes(stream, has_profile=film.format.name == "apng" and _has_profile(path))
        conversion = Conversion()
        for frame in decoded(film, stream, path, frame_notes, most_work):
            first = first or frame
            stamps.append(None if frame.pts is None else frame.pts - start)
            frame_notes.add(frame)
            grey = grey and _is_grey(frame, path, conversion)
        ordered = sorted(frame_notes.skipped, key=lambda stamp: stamp or 0)
        stamps += [None if stamp is None else stamp - start for stamp in ordered]
        if first is None:
            raise MediaError("the film has no frames", subject=path)

        width, height, said_aspect = shape(stream, first)
        aspect = said_aspect or Fraction(1)
        notes = list(frame_notes.lines(first, aspect, None not in stamps, len(picture_tracks(film))))
        notes += _film_notes(film, path, _restarts(stamps, time_base))
        lost = frame_notes.lost(len(stamps))
        if lost:
            pictures = f"{lost} of its {lost + len(stamps)} pictures"
            notes.append(Text(f"{pictures} can't be decoded: left out", kind=LOSS))
        notes += _skipped_notes(len(ordered), len(stamps))
        parts = {
            "subtitles": film.streams.subtitles,
            "chapters": film.chapters(),
            "attached files": film.streams.attachments,
        }
        return FilmInfo(
            width=width,
            height=height,
            pts=tuple(_increasing(stamps, max(1, round(1 / (rate * time_base))), film.format.name in UNTIMED)),
            time_base=time_base,
            rate=rate,
            aspect=aspect,
            sound=tuple(track.codec_context.codec.canonical_name for track in known_sound(film)),
            notes=tuple(notes),
            more=tuple(name for name, content in parts.items() if content),
            grey=grey,
            says_aspect=said_aspect is not None,
            lost=lost,
            skipped=len(ordered),
        )


def _skipped_notes(skipped: int, count: int) -> Iterator[str]:
    """Yield a line if some frames at a film's end were not decoded."""
    if skipped:
        yield f"only its first {count - skipped} of {count} frames were looked at: it has few bytes for so many"


def _film_notes(film: InputContainer, path: Source, restarts: bool) -> Iterator[str]:
    """Yield one line for each peculiarity of a film as a whole."""
    if is_truncated(path):
        yield TRUNCATED
    if restarts:
        mended = "all behind is shown at once; `ffmpeg -c copy` mends that"
        yield f"its clock starts again, as in joined recordings: {mended}"
    if film.format.name in ANIMATIONS.values():
        yield _ANIMATION
    yield from unknown_sound(film)


def _has_profile(path: Source) -> bool:
    with open_picture(path) as image:
        return changes_by_profile(image)


def _is_grey(frame: VideoFrame, path: Source, conversion: Conversion) -> bool:
    """Return whether a frame is grey; False also if its colours can't be converted, which its reader reports."""
    try:
        return is_grey(to_rgb(frame, frame.width, frame.height, path, True, conversion))
    except MediaError:
        return False


def frame_count(path: Source) -> int:
    """Return the approximate number of a film's frames, from its header; 0 if not given. Errors as `scan`.

    If that leaves a few bytes to each frame, packets are counted, as a header may say anything.
    """
    few = 64  # bytes; a frame that repeats another one has some more
    with film_head(path) as film:
        count = round((film.duration or 0) / av.time_base * _rate(picture_stream(film, path)))
        is_doubtful = count * few > (film.size or 0)
    if is_doubtful:
        with open_film(path) as film, suppress(*UNREADABLE_FILM):  # its reader reports it
            count = min(count, sum(1 for packet in film.demux(picture_stream(film, path)) if packet.size))
    return count


def read_frames(
    path: Source,
    only: Container[int] | None = None,
    *,
    as_ffmpeg: bool = False,
) -> Generator[np.ndarray, None, None]:
    """Yield every frame in presentation order, (H, W, 3) uint8 sRGB, in constant memory.

    There are as many as in `scan(path).pts`. All are resized to the size of the first.

    Args:
        path: film.
        only: indices of the frames that are wanted; the others are skipped.
        as_ffmpeg: as in `to_rgb`: for covers of lossless containers.

    Raises:
        MediaError: as `scan`, or its colours can't be converted.
    """
    width = height = 0  # of the first frame
    conversion = Conversion()
    with closing(decode(path)) as frames:
        for index, frame in enumerate(frames):
            if not index:
                width = frame.width
                height = frame.height
            if only is None or index in only:
                yield to_rgb(frame, width, height, path, as_ffmpeg, conversion)


def decode(path: Source) -> Generator[VideoFrame, None, None]:
    """Yield every frame of a film as decoded; arguments and errors are those of `read_frames`."""
    with open_film(path) as film:
        yield from decoded(film, picture_stream(film, path), path)


def picture_packets(path: Source) -> Iterator[bytes]:
    """Yield the packets of a film's main video track in decoding order, including those that an edit list hides."""
    with open_film(path, ignore_editlist="1") as film:
        try:
            for packet in film.demux(picture_stream(film, path)):
                if packet.size:
                    yield bytes(packet)
        except UNREADABLE_FILM as error:
            raise MediaError(f"the film is damaged ({error.strerror})", subject=path) from error


def open_film(path: Source, **options: str) -> InputContainer:
    """Open a film and find its streams, without decoding; given options of its format.

    FFmpeg reads it as the form that its first bytes show, and does not guess.
    """
    if not options and isinstance(path, OpenedFile) and (handed_on := path.take("film")):
        return handed_on  # type: ignore[no-any-return]
    # FFmpeg opens only these: no text, stills, devices, or playlists.
    safe = {"format_whitelist": ",".join((*FILM_READERS, *ANIMATIONS.values())), "protocol_whitelist": "file"}
    if not path.is_file():
        raise MediaError("no such file", subject=path)
    reader = _reader_of(path)
    if reader == "mov":
        _check_counts(path)
    try:
        # An absolute path can't be mistaken for a protocol.
        source = path.open() if isinstance(path, OpenedFile) else str(path.resolve())
        film: InputContainer = av.open(
            source, "r", format=reader, options=_DECODING, container_options=safe | options, **_METADATA
        )
    except MemoryError:
        bytearray(1 << 26)  # raises MemoryError, too, if memory has run out: FFmpeg says so of its own limits as well
        problem = f"the film is damaged, or has more than {_MOST_TRACKS:,} tracks"
        raise MediaError(problem, "copy it again from its source, without other tracks", subject=path) from None
    except UNREADABLE_FILM as error:
        raise _unreadable(path) from error
    return film


@contextmanager
def film_head(path: Source) -> Iterator[InputContainer]:
    """Open a film for a block that reads no packet: the next reader goes on with it. Errors: `open_film`."""
    film = open_film(path)
    with path.handing_on("film", film) if isinstance(path, OpenedFile) else closing(film):
        yield film


def _check_counts(path: Source) -> None:
    """Raise MediaError for an MP4 whose tables count more samples than it has bytes, or too many tracks."""
    with mapped(path) as data:
        samples, tracks = samples_and_tracks(data)
        size = len(data)
    if samples > size:
        problem = f"the film is damaged: its tables count {samples:,} samples, and it has {size:,} bytes"
        raise MediaError(problem, "copy it again from its source", subject=path)
    if tracks > _MOST_TRACKS:
        hint = f"at most {_MOST_TRACKS:,} can be read: leave the others out"
        raise MediaError(f"has {tracks:,} tracks", hint, subject=path)


def _reader_of(path: Source) -> str:
    """Return FFmpeg's name of a film's form. Raises MediaError if FFmpeg does not read it."""
    form = form_of(path)
    reader = form and (form.reader if form.kind == FILM else ANIMATIONS.get(form.name))
    if not reader:
        raise _unreadable(path)
    return reader


def picture_stream(film: InputContainer, path: Source) -> VideoStream:
    """Return the film's main video track, set to decode on all cores. Raises MediaError if no track can be decoded.

    It is the track with the most frames according to the index, the first of equals, and never cover art.
    """
    tracks = picture_tracks(film)
    if not tracks:
        if not film.streams.audio:
            raise MediaError("has no pictures", subject=path)
        raise MediaError(
            "has sound but no pictures",
            "of sounds, only WAV and FLAC are covers: use one that was never MP3 or AAC",
            subject=path,
        )
    stream = max(tracks, key=lambda track: track.frames)
    if stream.codec_context is None:
        raise MediaError("the film's codec is not known", subject=path)
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > MAX_PIXELS:
        size = f"{stream.codec_context.width}×{stream.codec_context.height}"
        raise MediaError(f"its pictures are too large to read, {size} pixels", _TOO_LARGE, subject=path)
    max_parallel_pixels = 1 << 24  # larger frames are not decoded in parallel, since each would take memory
    stream.thread_type = "AUTO" if pixels <= max_parallel_pixels else "SLICE"
    return stream


def has_sound_alone(path: Source) -> bool:
    """Return whether a film's file has sound, and no pictures but cover art. Raises MediaError if it can't be read."""
    with film_head(path) as film:
        return bool(film.streams.audio) and not picture_tracks(film)


def picture_tracks(film: InputContainer) -> list[VideoStream]:
    """Return the video tracks without cover art."""
    return [track for track in film.streams.video if not track.disposition & Disposition.attached_pic]


def known_sound(film: InputContainer) -> list[AudioStream]:
    """Return the sound tracks that can be copied.

    FFmpeg does not know the codecs of some, such as phones' spatial sound.
    """
    return [track for track in film.streams.audio if track.codec_context is not None]


def unknown_sound(film: InputContainer) -> list[str]:
    """Return a line on the other sound tracks, if there are any."""
    count = len(film.streams.audio) - len(known_sound(film))
    return [Text(f"its sound tracks of unknown codecs ({count}) are left out", kind=LOSS)] if count else []


def film_has_position(path: Source) -> bool:
    """Return whether tags of a film or a track say where it was taken ("©xyz", "location.ISO6709"). Errors: `scan`."""
    with film_head(path) as film:
        places = (film.metadata, *(stream.metadata for stream in film.streams))
        return any("location" in tag.lower() for tags in places for tag in tags)


def lost_by_encoding(path: Source) -> str:
    """Name the tracks, except subtitles, or the colours that an encoded copy of a film would lose; "" if none.

    Errors are those of `scan`.
    """
    with film_head(path) as film:
        if unknown_sound(film):
            return "its sound tracks of unknown codecs"
        stream = picture_stream(film, path)
        if _is_dolby_vision(stream, path):
            return "its colours, which are Dolby Vision's"
        colours = _colours(stream.codec_context)
        if colours:
            return f"its colours, which are {colours}"
        count = len(picture_tracks(film))
    return f"all but one of its {count} video tracks" if count > 1 else ""


def start_time(film: InputContainer) -> Fraction:
    """Return the seconds to subtract from all time stamps: the earliest of a recorded broadcast, 0 for other films."""
    if film.format.name not in ("mpegts", "mpeg"):  # FFmpeg's names of broadcast formats, whose clock runs on
        return Fraction(0)
    tracks = (*picture_tracks(film), *film.streams.audio)
    starts = [track.start_time * time_base_of(track) for track in tracks if track.start_time is not None]
    return min(starts, default=Fraction(0))


def time_base_of(stream: Stream) -> Fraction:
    """Return the unit of a stream's time stamps in seconds. Every stream of a film that was opened has one."""
    assert stream.time_base
    return Fraction(stream.time_base)  # PyAV 19 gives a type of its own


def _unreadable(path: Source) -> MediaError:
    form = form_of(path)
    if form is None:
        return unknown_form(path)
    if form.kind != FILM:
        return MediaError(f"is {form.name}, and not a film", subject=path)
    if form.name == "MP4":
        problem = "the film is truncated or was never finished: its index (moov) is missing or damaged"
        return MediaError(problem, "copy it again from its source", subject=path)
    return MediaError(
        f"the {form.name} film is damaged, or of a kind that can't be read", "convert it to MP4", subject=path
    )


def is_cut_off(packet: AnyPacket, path: Source) -> bool:
    """Return whether a packet is cut off by the end of a truncated file.

    Such a packet can't be decoded, and trying loses earlier frames.
    """
    return packet.is_corrupt and is_truncated(path)


def _is_dolby_vision(stream: VideoStream, path: Source) -> bool:
    """Return whether a film's colours are those of Dolby Vision: no other ones are said in its stream."""
    context = stream.codec_context
    may_be = context.codec.canonical_name in {"hevc", "av1"} and context.color_trc == ColourCode.UNSPECIFIED
    return may_be and is_dolby_vision_alone(path)


def decoded(
    film: InputContainer,
    stream: VideoStream,
    path: Source,
    notes: _FrameNotes | None = None,
    most_work: float = math.inf,
) -> Iterator[VideoFrame]:
    """Yield every frame as decoded, until `most_work` is done, and let its packet be counted if notes are given.

    Raises MediaError if the film is damaged, or of Dolby Vision alone.
    """
    if _is_dolby_vision(stream, path):
        problem = "is in the colours of Dolby Vision, and has no layer for other players"
        raise MediaError(problem, "convert it to SDR first, such as by ffmpeg's filter libplacebo", subject=path)

    # FFmpeg's own decoders of these codecs ignore transparency.
    alpha_decoders = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
    keep_freed_memory()
    count = 0
    decoder = stream.codec_context
    has_alpha = any(tag.lower() == "alpha_mode" and value == "1" for tag, value in stream.metadata.items())
    if has_alpha and decoder.name in alpha_decoders:
        alpha_decoder = CodecContext.create(alpha_decoders[decoder.name], "r")
        assert isinstance(alpha_decoder, VideoCodecContext)
        decoder = alpha_decoder
    decoder.options = decoder.options | _DECODING
    try:
        for number, packet in enumerate(film.demux(stream)):
            if number and is_cut_off(packet, path):
                continue
            skips = most_work < 0
            if notes:
                notes.count(packet, decoder.codec.canonical_name, skips)
            if skips:
                continue
            frames = decoder.decode(packet)
            most_work -= sum(frame_work(frame.width * frame.height * (1 + _has_alpha(frame))) for frame in frames)
            if most_work < 0 and packet.size:
                frames += decoder.decode(None)  # what it holds back
            for frame in frames:
                yield frame
                count += 1
    except UNREADABLE_FILM as error:
        if not count and not decoder.width:  # exceeding max_pixels looks like damage
            hint = f"it is damaged, or its pictures are too large: {_TOO_LARGE}"
            raise MediaError("no picture of the film can be decoded", hint, subject=path) from error
        hint = "encode it again first: ffmpeg skips what is damaged"
        raise MediaError(f"the film is damaged after {count} frames", hint, subject=path) from error


def _rate(stream: VideoStream) -> Fraction:
    """Return the average frames per second. For raw DV, FFmpeg gives ticks of its clock instead, which are not used."""
    no_rate = 10_000  # frames per second that no film has
    average = stream.average_rate
    guessed = stream.guessed_rate
    return Fraction((guessed if average and average >= no_rate else average) or guessed or 25)


def _restarts(stamps: list[int | None], time_base: Fraction) -> bool:
    """Return whether a time stamp is a second or more before the previous one."""
    known = [stamp for stamp in stamps if stamp is not None]
    return any((earlier - later) * time_base >= 1 for earlier, later in pairwise(known))


def _increasing(stamps: list[int | None], step: int, unordered: bool = False) -> Iterator[int]:
    """Yield time stamps, each after the previous one; evenly spaced if one is missing. Unordered ones are sorted."""
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps):
        known = [index * step for index in range(len(stamps))]
    if unordered:
        known.sort()
    previous = known[0] - 1
    for stamp in known:
        previous = max(stamp, previous + 1)
        yield previous


def pixel_aspect(stream: VideoStream) -> Fraction | None:
    """Return the pixel aspect ratio as stored, width by height; None if it is missing or impossible."""
    aspect = stream.sample_aspect_ratio
    return Fraction(aspect) if aspect and 1 / MOST_ASPECT <= aspect <= MOST_ASPECT else None


def shape(stream: VideoStream, first: VideoFrame) -> tuple[int, int, Fraction | None]:
    """Return width and height in pixels, and the pixel aspect ratio or None, as `pixel_aspect`; all after rotation."""
    aspect = pixel_aspect(stream)
    if _swaps_axes(_display_matrix(first, Conversion())):
        return first.height, first.width, aspect and 1 / aspect
    return first.width, first.height, aspect
