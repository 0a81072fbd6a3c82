"""Ordinary films of H.264 and its successors: 4:2:0 at a constant rate factor, with the sound and subtitles of another.

Colours are BT.709 at limited range. The same frames give the same bytes, but for drafts.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from stegnet.core.errors import CapacityError, MediaError
from stegnet.media.ffmpeg_cli import input_file, run_ffmpeg
from stegnet.media.films.encoders import FORMS, MKV, X264_DETERMINISTIC, Coding, to_yuv
from stegnet.media.films.films import FilmInfo, Picture
from stegnet.media.films.frames import BT709
from stegnet.media.films.sound import ffmpeg_sound
from stegnet.media.films.subtitles import subtitle_tracks

_PIXELS, _TICKS = "yuv420p", 90_000
_WITHOUT_SETTINGS = "filter_units=remove_types=6"  # x264 writes them down as supplemental information
_MOST_THREADS, _ROWS_PER_THREAD = 12, 32  # the bytes depend on the number of threads


def check_sides(path: Path, height: int, width: int) -> None:
    """Refuses a film of a size that H.264 4:2:0 can't hold.

    Raises:
        CapacityError: a side is odd.
    """
    if width % 2 or height % 2:
        size = f"{width}×{height}"
        raise CapacityError(f"{path}: has {size} pixels, and H.264 needs even sides", "crop it by a row or column")


def write_h264(path: Path, frames: Iterable[Picture], info: FilmInfo, coding: Coding, *, draft: bool = False) -> None:
    """Writes frames as H.264, or as another encoder codes them, in MP4 without sound.

    Args:
        frames: (H, W, 3) uint8 each, or as decoded, of the size, number and times in `info`.
        draft: faster; the bytes may differ from run to run, as they may of all encoders but x264.
    Raises:
        MediaError: the film can't be written.
    """
    try:
        with av.open(str(path.absolute()), "w", format="mp4", container_options={"movflags": "+faststart"}) as film:
            stream = _add_stream(film, info, coding, draft)
            silent = BitStreamFilterContext(_WITHOUT_SETTINGS, stream) if coding.paced else None
            for packet in _packets(stream, frames, info, coding):
                film.mux(silent.filter(packet) if silent else packet)
    except av.FFmpegError as error:
        raise MediaError(f"{path}: a film can't be coded by {coding.encoder} ({error.strerror})") from error


def with_sound(film: Path, source: Path, out: Path, form: str) -> None:
    """Copies a film's pictures, and sound and subtitles of the film `source` track by track, to a file of any name.

    Args:
        form: "mkv" or "mp4".
    Raises:
        MediaError: the format can't hold the sound, or the subtitles are damaged.
    """
    copied, options = input_file(source), {"format": FORMS[form].muxer}
    options |= {} if FORMS[form] is MKV else {"movflags": "+faststart"}
    sound, subtitles = [copied[name] for name in ffmpeg_sound(source)], []
    for number, track in enumerate(subtitle_tracks(source, form)):
        if track.written is not None:
            place = len(subtitles)
            subtitles.append(copied[f"s:{number}"])
            options[f"codec:s:{place}"] = track.written
            options |= {f"metadata:s:s:{place}": f"language={track.language}"} if track.language else {}
    tracks = [input_file(film)["v"], *sound, *subtitles]
    run_ffmpeg(out, tracks, f"{source}: its sound and subtitles can't be copied", codec="copy", **options)


def _add_stream(film: av.container.OutputContainer, info: FilmInfo, coding: Coding, draft: bool) -> VideoStream:
    threads = min(_MOST_THREADS, max(1, info.height // _ROWS_PER_THREAD))
    own = {} if draft else X264_DETERMINISTIC
    params = {key: ":".join(filter(None, (value, coding.params))) for key, value in own.items()}
    ways = {"threads": "auto" if draft else str(threads)} | params
    stream = film.add_stream(coding.encoder, rate=info.rate, options=coding.options | ways)
    stream.width, stream.height, stream.pix_fmt = info.width, info.height, _PIXELS
    stream.time_base, stream.codec_context.time_base = Fraction(1, _TICKS), 1 / info.rate
    stream.thread_type = "FRAME"  # as ffmpeg's command line does; slices take more bytes
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range, context.sample_aspect_ratio = ColorRange.MPEG, info.aspect
    return stream


def _packets(stream: VideoStream, frames: Iterable[Picture], info: FilmInfo, coding: Coding) -> Iterator[av.Packet]:
    """Packets of the frames. For the encoder, whose choices depend on it, they are evenly spaced."""
    stamps, step = _stamps(info), max(1, round(_TICKS / info.rate))

    def stamp(index: int) -> int:
        return stamps[index] if index >= 0 else stamps[0] + index * step

    for packet in _encoded(stream, frames, len(stamps), coding):
        packet.pts, packet.dts = stamp(packet.pts), stamp(packet.dts)
        packet.time_base, packet.duration = Fraction(1, _TICKS), step
        yield packet


def _encoded(stream: VideoStream, frames: Iterable[Picture], count: int, coding: Coding) -> Iterator[av.Packet]:
    for index, picture in zip(range(count), frames, strict=True):
        frame = to_yuv(picture, _PIXELS)
        frame.pts, frame.time_base = index, stream.codec_context.time_base
        frame.pict_type = coding.kind_of(index, count)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _stamps(info: FilmInfo) -> list[int]:
    """Time stamp of each frame in ticks, strictly increasing from 0 or later."""
    start, stamps = min(info.pts[0] * info.time_base, Fraction(0)), []
    for time in info.times:
        stamp = round((time - start) * _TICKS)
        stamps.append(max(stamp, stamps[-1] + 1) if stamps else stamp)
    return stamps
