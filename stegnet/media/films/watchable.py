"""Making a film file one that browsers and phones play: H.264 4:2:0 of 8 bits in MP4, with sound that they play.

Pictures and sound that are such already are copied packet by packet; others are coded anew.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from stegnet.core.errors import MediaError
from stegnet.media.films.encoders import WATCHABLE
from stegnet.media.films.film_writer import FilmWriter
from stegnet.media.films.films import open_film, picture_stream, read_frames, scan, unknown_sound
from stegnet.media.films.sound import SoundPacket
from stegnet.media.films.sound_writer import PLAYABLE, SoundWriter
from stegnet.media.films.stream_copy import StreamCopy
from stegnet.media.opened_file import Source
from stegnet.media.output import temporary_file
from stegnet.media.signature import is_animation

_CODEC, _PIXELS = "h264", {"yuv420p", "yuvj420p"}
_COPIED_FROM = {"matroska", "mov"}  # FFmpeg's names of formats whose packets MP4 takes as they are
_OPTIONS = {"movflags": "+faststart"}


def make_watchable(path: Source, progress: Callable[[int, int], None]) -> tuple[str, ...]:
    """Makes a film, in the same file, an MP4 that browsers and phones play.

    Args:
        progress: called with the number of frames coded anew, and of all.
    Returns:
        What was changed or left out, one line each.
    Raises:
        MediaError: it is not a film, is damaged, or can't be written.
    """
    codec = unplayable(path)
    with temporary_file(path, private=True) as other:
        notes = _copy(path, other) if codec is None else _encode(path, other, progress)
        shutil.copyfile(other, path)
    what = f"its pictures ({codec}) became H.264, which browsers and phones play" if codec else "put into MP4"
    return (what, *notes)


def unplayable(path: Source) -> str | None:
    """Name of the pictures' codec if not all browsers and phones play it; None if they do.

    Raises:
        MediaError: it is not a film.
    """
    if is_animation(path):
        return "an animation"
    with open_film(path) as film:
        context = picture_stream(film, path).codec_context
        copied = film.format.name.split(",")[0] in _COPIED_FROM
        if context.name != _CODEC:
            return context.name
        return None if copied and context.pix_fmt in _PIXELS else f"{context.name}, {context.pix_fmt}"


def _encode(path: Source, out: Path, progress: Callable[[int, int], None]) -> tuple[str, ...]:
    info = scan(path)
    sizes = info.width, info.height, info.rate
    writer = FilmWriter(out, *sizes, form="watchable", time_base=info.time_base, keep=path)
    with closing(read_frames(path)) as pictures, writer as film:
        for done, (picture, time) in enumerate(zip(pictures, info.times, strict=True), 1):
            film.write(picture, time)
            progress(done, len(info.pts))
    return (*info.notes, *film.notes)


def _copy(path: Source, out: Path) -> tuple[str, ...]:
    copy = StreamCopy(path)
    try:
        with (
            open_film(path) as source,
            av.open(str(out.absolute()), "w", format="mp4", container_options=_OPTIONS) as film,
        ):
            stream, unknown = picture_stream(source, path), unknown_sound(source)
            pictures, sound = (
                film.add_stream_from_template(stream),
                SoundWriter(film, copy.tracks, WATCHABLE.packet_gap, PLAYABLE),
            )
            copy.add_to(film, pictures, WATCHABLE)
            film.start_encoding()
            film.mux(copy.covers)
            for packet in _in_order(source.demux(stream), pictures, copy, sound):
                film.mux(packet)
    except av.FFmpegError as error:
        raise MediaError(f"{path}: can't be put into MP4 ({error.strerror})") from error
    finally:
        copy.close()
    return (*unknown, *sound.notes, *copy.notes)


def _in_order(
    packets: Iterable[Packet], pictures: VideoStream, copy: StreamCopy, sound: SoundWriter
) -> Iterator[Packet]:
    """Packets of the pictures, each after the sound and subtitles before it."""
    for packet in packets:
        if packet.size:
            stamp = packet.pts if packet.dts is None else packet.dts
            yield from _others(copy.packets_until(stamp * packet.time_base), sound)
            packet.stream = pictures
            yield packet
    yield from _others(copy.packets_until(None), sound)
    yield from sound.rest()


def _others(packets: Iterable[SoundPacket | Packet], sound: SoundWriter) -> Iterator[Packet]:
    for packet in packets:
        yield from sound.packets(packet, Fraction(0)) if isinstance(packet, SoundPacket) else [packet]
