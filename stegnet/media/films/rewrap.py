"""Putting a film into MP4 or Matroska, packet by packet: pictures and sound stay as they are."""

import shutil
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

from stegnet.core.errors import MediaError
from stegnet.media.films.encoders import MKV, Form
from stegnet.media.films.films import open_film
from stegnet.media.output import temporary_file

_MATROSKA = {"avoid_negative_ts": "disabled"}  # sound may begin before the pictures, whose times stay


def rewrap(path: Path, form: Form) -> bool:
    """Puts a film into another format, in the same file.

    Args:
        form: MP4 or MKV.
    Returns:
        False, and the file stays as it was, if it is no film, or the format can't hold all of its tracks.
    Raises:
        MediaError: it can't be written.
    """
    choices = {"format": form.muxer, "container_options": _MATROSKA if form is MKV else {}}
    with temporary_file(path, private=True) as other:
        try:
            with open_film(path) as source, av.open(str(other.absolute()), "w", **choices) as film:
                _copy_packets(source, film)
        except (ValueError, av.PatchWelcomeError, MediaError):
            return False
        shutil.copyfile(other, path)
    return True


def _copy_packets(source: InputContainer, film: OutputContainer) -> None:
    """Copies all tracks.

    Raises:
        ValueError, av.PatchWelcomeError: the format can't hold one of them, or the film is damaged.
    """
    tracks = {stream.index: film.add_stream_from_template(stream) for stream in source.streams}
    film.set_chapters(source.chapters())
    film.metadata.update(source.metadata)
    for packet in source.demux():
        if packet.size:
            packet.stream = tracks[packet.stream.index]
            film.mux(packet)
