"""Putting a film into another format: packet by packet, or as a file that browsers and phones play.

They play 8-bit H.264 4:2:0 in MP4, with sound of some kinds. Pictures and sound of these kinds are copied; others are
coded anew. To a film of H.264 without sound, the program ffmpeg copies the sound of another film, since it can write
sound and subtitles in other forms.
"""

import shutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.stream import Stream
from av.video.stream import VideoStream

from stegnet.core.disk import temporary_file
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.parallel import Count
from stegnet.formats.ffmpeg_cli import input_file, run_ffmpeg
from stegnet.formats.matroska import aspect_in_copy, replace_in_tracks
from stegnet.formats.opened_file import Source
from stegnet.video.coding import ENCODER
from stegnet.video.film_writer import encoder_name, rewrite_film
from stegnet.video.films import (
    UNTIMED,
    AnyPacket,
    open_film,
    picture_stream,
    pixel_aspect,
    read_frames,
    scan,
    unknown_sound,
)
from stegnet.video.forms import FORMS, WATCHABLE, FilmForm
from stegnet.video.mp4 import set_shown_width
from stegnet.video.sound_packets import PLAYABLE
from stegnet.video.sound_streams import SoundWriter, ffmpeg_sound
from stegnet.video.stream_copy import StreamCopy, subtitle_tracks


class _StoredFrame(NamedTuple):
    """Width and height of a frame as stored, in pixels, and the pixel aspect ratio."""

    width: int
    height: int
    aspect: Fraction


def rewrap(path: Path, form: FilmForm) -> bool:
    """Put a film into MP4 or MKV, in the same file, and return whether that was possible.

    The file stays as it was if it is not a film, if the format can't hold all of its tracks unchanged, or if it is an
    AVI with B pictures, which does not say when they are shown.
    """
    # In Matroska, sound may begin before the pictures, whose times are kept.
    options = {"avoid_negative_ts": "disabled"} if form.is_matroska else {}
    with temporary_file(path) as copy:
        try:
            with (
                open_film(path) as source,
                av.open(str(copy.absolute()), "w", format=form.muxer, container_options=options) as film,
            ):
                videos = source.streams.video
                if source.format.name in UNTIMED and any(video.codec_context.has_b_frames for video in videos):
                    raise ValueError("when its packets are shown is not known")
                tracks = {stream.index: film.add_stream_from_template(stream) for stream in source.streams}
                frame = next((_copy_aspect(video, tracks[video.index]) for video in videos), None)
                film.set_chapters(source.chapters())
                film.metadata.update(source.metadata)
                for packet in source.demux():
                    if packet.size:
                        packet.stream = tracks[packet.stream.index]
                        film.mux(packet)
        except (ValueError, av.PatchWelcomeError, MediaError):
            return False
        if frame:
            _write_aspect(copy, form, frame)
        shutil.copyfile(copy, path)
    return True


def _copy_aspect(old: VideoStream, new: Stream) -> _StoredFrame | None:
    """Copy the pixel aspect ratio to a film that has not started yet. Return None if the ratio is unknown."""
    assert isinstance(new, VideoStream)
    aspect = pixel_aspect(old)
    new.codec_context.sample_aspect_ratio = aspect or Fraction(0)
    return None if aspect is None else _StoredFrame(old.codec_context.width, old.codec_context.height, aspect)


def _write_aspect(path: Path, form: FilmForm, frame: _StoredFrame) -> None:
    """Write the pixel aspect ratio of the first track of pictures where PyAV does not pass it to FFmpeg."""
    if form.is_matroska:
        # For stereoscopic films, FFmpeg writes the shown size, which is kept.
        replace_in_tracks(path, aspect_in_copy(*frame))
    else:
        set_shown_width(path, frame.aspect)


def make_watchable(path: Path, progress: Count) -> tuple[str, ...]:
    """Turn a film, in the same file, into an MP4 that browsers and phones play.

    Args:
        path: film, which is replaced.
        progress: counts the frames that are coded anew.

    Returns:
        Lines on everything that was changed or left out.
    """
    codec = unplayable(path)
    with temporary_file(path) as copy:
        if codec is None:
            notes = _copy_playable(path, copy)
        else:
            notes = rewrite_film(path, read_frames(path), scan(path), copy, "watchable", progress)
        shutil.copyfile(copy, path)
    what = f"its pictures ({codec}) became H.264, which browsers and phones play" if codec else "put into MP4"
    return (what, *notes)


def unplayable(path: Source) -> str | None:
    """Return the name of the pictures' codec if some browsers or phones don't play it; else None."""
    with open_film(path) as film:
        context = picture_stream(film, path).codec_context
        if context.name != "h264":
            return context.name
        # MP4 takes packets from these formats, by FFmpeg's names, unchanged.
        is_copied = film.format.name.split(",")[0] in ("matroska", "mov")
        is_playable = is_copied and context.pix_fmt in ("yuv420p", "yuvj420p")
        return None if is_playable else f"{context.name}, {context.pix_fmt}"


def _copy_playable(path: Source, out: Path) -> tuple[str, ...]:
    options = {"movflags": "+faststart"}
    copy = StreamCopy(path)
    try:
        with (
            open_film(path) as source,
            av.open(str(out.absolute()), "w", format="mp4", container_options=options) as film,
        ):
            stream = picture_stream(source, path)
            unknown = unknown_sound(source)
            pictures = film.add_stream_from_template(stream)
            frame = _copy_aspect(stream, pictures)
            sound = SoundWriter(film, copy.tracks, WATCHABLE.packet_gap, PLAYABLE)
            copy.add_to(film, pictures, WATCHABLE)
            film.start_encoding()
            film.mux(copy.covers)
            for packet in _in_order(source.demux(stream), pictures, copy, sound):
                film.mux(packet)
    except av.FFmpegError as error:
        raise MediaError(f"can't be put into MP4 ({error.strerror})", subject=path) from error
    finally:
        copy.close()
    if frame:
        _write_aspect(out, WATCHABLE, frame)
    return (*unknown, *sound.notes, *copy.notes)


def _in_order(
    packets: Iterable[AnyPacket], pictures: VideoStream, copy: StreamCopy, sound: SoundWriter
) -> Iterator[AnyPacket]:
    """Yield packets of the pictures, each after the sound and subtitles before it."""
    for packet in packets:
        if packet.size:
            stamp = packet.pts if packet.dts is None else packet.dts
            assert stamp is not None  # in films that MP4 takes unchanged
            yield from sound.packets(copy.packets_until(stamp * packet.time_base))
            packet.stream = pictures
            yield packet
    yield from sound.packets(copy.packets_until(None))
    yield from sound.rest()


def check_sides(path: Path, height: int, width: int) -> None:
    """Raise CapacityError for a film with an odd side, which H.264 4:2:0 can't hold."""
    if width % 2 or height % 2:
        size = f"{width}×{height}"
        raise CapacityError(
            f"has {size} pixels, and H.264 needs even sides", "crop it by a row or column", subject=path
        )


def with_sound(film: Path, source: Path, out: Path, form: str) -> None:
    """Copy a film's pictures, and sound and subtitles of the film `source`, to a file of any name.

    Args:
        film: film whose pictures are copied.
        source: film whose sound and subtitles are copied.
        out: file to write.
        form: "mkv" or "mp4".
    """
    copied = input_file(source)
    options = {"format": FORMS[form].muxer}
    options |= {} if FORMS[form].is_matroska else {"movflags": "+faststart"}
    sound = [copied[name] for name in ffmpeg_sound(source)]
    subtitles: list[object] = []
    for number, track in enumerate(subtitle_tracks(source, form)):
        if track.written is not None:
            place = len(subtitles)
            subtitles.append(copied[f"s:{number}"])
            options[f"codec:s:{place}"] = track.written
            options |= {f"metadata:s:s:{place}": f"language={track.language}"} if track.language else {}
    tracks = [input_file(film)["v"], *sound, *subtitles]
    options["metadata:s:v"] = f"encoder={encoder_name(ENCODER)}"
    problem = "its sound and subtitles can't be copied"
    run_ffmpeg(out, tracks, options | {"codec": "copy"}, problem, source)
