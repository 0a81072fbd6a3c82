"""What a film has besides its pictures, on its way into another film."""

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from stegnet.core.errors import MediaError
from stegnet.media.carrying import carry_attachments, carry_chapters, carry_colours, carry_covers, carry_tags
from stegnet.media.films import open_film
from stegnet.media.forms import Form
from stegnet.media.signature import is_animation
from stegnet.media.sound import SoundPacket, read_sound, sound_tracks
from stegnet.media.subtitles import Subtitles

_Due = tuple[Fraction, SoundPacket | Packet]


class Kept:
    """What goes from one film into another: sound, subtitles, chapters, attachments, cover art, tags, colours.

    Args:
        path: the film to take it from.
    Raises:
        MediaError: it is not a film, or its sound can't be taken to another file.
    """

    def __init__(self, path: Path) -> None:
        self.tracks = sound_tracks(path)
        self.covers: list[Packet] = []
        self._path = path
        self._lost: list[str] = []
        self._subtitles: Subtitles | None = None
        self._sources: list[Iterator[_Due]] = []
        self._due: Iterator[_Due] = iter(())
        self._next: _Due | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be kept, one line each; whole once everything is taken."""
        return (*self._lost, *(self._subtitles.notes if self._subtitles else ()))

    def add_to(self, film: OutputContainer, pictures: VideoStream, form: Form) -> None:
        """Adds all that comes before the first packet to a film that has not started yet; `covers` comes then.

        Raises:
            MediaError: the film to keep is damaged.
        """
        if is_animation(self._path):
            return
        with open_film(self._path) as source:
            self._lost += carry_colours(source, self._path, pictures, form)
            self._lost += carry_tags(source, film, form)
            carry_chapters(source, film)
            self._subtitles = Subtitles(source, self._path, film, form)
            self._lost += carry_attachments(source, film, form)
        self.covers = carry_covers(self._path, film, form)
        self._sources = [self._timed_sound(), self._subtitles.packets()]
        self._due = heapq.merge(*self._sources, key=lambda due: due[0])

    def until(self, time: Fraction | None) -> Iterator[SoundPacket | Packet]:
        """Sound and subtitles due at `time` (seconds; None: all that are left).

        Raises:
            MediaError: the film to keep is damaged.
        """
        while self._next or self._advance():
            due, packet = self._next
            if time is not None and due > time:
                return
            self._next = None
            yield packet

    def close(self) -> None:
        """Closes the film to keep."""
        for source in self._sources:
            source.close()

    def _advance(self) -> bool:
        try:
            self._next = next(self._due, None)
        except av.FFmpegError as error:
            raise MediaError(f"{self._path}: the film is damaged") from error
        return self._next is not None

    def _timed_sound(self) -> Iterator[_Due]:
        time = Fraction(0)
        for packet in read_sound(self._path):
            stamp = packet.pts if packet.dts is None else packet.dts
            time = time if stamp is None else stamp * self.tracks[packet.track].time_base
            yield time, packet
