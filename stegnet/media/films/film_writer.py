"""Writing films: without loss, FFV1 in Matroska or x264 in MP4, both in RGB; or for watching, H.264 4:2:0 in MP4.

The same input gives the same bytes, but for the random identifiers that Matroska has.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.packet import Packet
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from stegnet.core.errors import MediaError
from stegnet.core.randomness import system_bytes
from stegnet.media.films.encoders import (
    FORMS,
    MKV,
    MP4,
    WATCHABLE,
    encoder_name,
    encoder_options,
    muxer_options,
    picture_time_base,
    to_yuv,
)
from stegnet.media.films.finishing import draw_uids, use_milliseconds
from stegnet.media.films.frames import BT709, EXACT, PROGRESSIVE, RGB
from stegnet.media.films.sound import CONVERT_SOUND, SoundPacket, SoundTrack
from stegnet.media.films.sound_writer import PLAYABLE, SoundWriter
from stegnet.media.films.stream_copy import StreamCopy
from stegnet.media.opened_file import Source


@dataclass(frozen=True)
class FilmOptions:
    """Options of a film that is written.

    Attributes:
        form: "mkv" for FFV1 in Matroska, "mp4" for lossless x264 in MP4; "watchable" for lossy x264 in MP4, whose
            odd sides are made even by repeating the last row or column, and whose sound becomes AAC where browsers
            would not play it.
        time_base: of MP4's time stamps, in seconds. Matroska's are milliseconds.
        keep: a film from which everything but the pictures is copied: sound (packet by packet), subtitles, chapters,
            attachments, cover art, tags, and colour metadata.
        sound: tracks whose packets are passed to `write`; can't be combined with `keep`.
        randomness: returns so many random bytes, from which Matroska's identifiers follow; called once, at the end.
    """

    form: str = "mkv"
    time_base: Fraction | None = None
    keep: Source | None = None
    sound: Sequence[SoundTrack] = ()
    randomness: Callable[[int], bytes] = system_bytes


class FilmWriter:
    """A film that is being written; a context manager.

    A film whose first frame is before time 0 is shifted to start there, with its sound.

    Args:
        path: output file, of any suffix.
        width, height: of every frame.
        rate: frames per second on average, for players.
        options: as in `FilmOptions`.
    Raises:
        MediaError: the file can't be written, or the format can't hold the sound.
    """

    def __init__(self, path: Source, width: int, height: int, rate: Fraction, **options: Any) -> None:
        chosen = FilmOptions(**options)
        keep, sound = chosen.keep, chosen.sound
        if keep is not None and sound:
            raise ValueError("sound comes from the film to keep or with the pictures, not both")
        self._path = path
        self._form, self._randomness = FORMS[chosen.form], chosen.randomness
        self._shape = (height, width, 3)
        self._stamps: list[int] = []
        self._shift = Fraction(0)
        self._time_base = picture_time_base(self._form, rate, chosen.time_base)
        self._duration = max(1, round(1 / rate / self._time_base))
        self._copy = StreamCopy(keep) if keep is not None else None
        tracks = self._copy.tracks if self._copy else sound
        self._film = av.open(
            # An absolute path can't be mistaken for a protocol.
            str(path.absolute()),
            "w",
            format=self._form.muxer,
            container_options=muxer_options(self._form, self._time_base, [track.rate for track in tracks]),
        )
        try:
            self._pictures = self._add_pictures(rate)
            self._sound = self._add_sound(tracks, keep or path)
            if self._copy:
                self._copy.add_to(self._film, self._pictures, self._form)
            self._start(tracks, keep or path)
        except BaseException:
            self._abandon()
            raise

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the file."""
        height, width, _ = self._shape
        return (width + width % 2, height + height % 2) if self._form is WATCHABLE else (width, height)

    @property
    def is_stream(self) -> bool:
        """True if what is written can be read from the start on before all of it is there."""
        return self._form is MKV

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that was changed or left out; complete at the end of the film."""
        height, width, _ = self._shape
        even = f"its {width}×{height} pixels became {self.size[0]}×{self.size[1]}: H.264 needs even sides"
        changed = (even,) if self.size != (width, height) else ()
        return (*changed, *self._sound.notes, *(self._copy.notes if self._copy else ()))

    def write(self, picture: np.ndarray, time: Fraction, sound: Iterable[SoundPacket] = ()) -> None:
        """Adds packets of sound and a frame.

        Args:
            picture: (height, width, 3) uint8.
            time: in seconds; moved to at least one unit of the time base after the last frame.
            sound: packets of the tracks given at the start, in the order of their file.
        Raises:
            MediaError: the file can't be written.
        """
        if picture.shape != self._shape:
            raise ValueError(f"a frame of shape {picture.shape} in a film of {self._shape}")
        if not self._stamps:
            self._shift = max(Fraction(0), -time)
        self._mux(self._shifted(sound))
        self._mux(self._copied(time))
        self._mux(self._encoded(picture, time + self._shift))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(self._encoded(None, None))
                self._mux(self._copied(None))
                self._mux(self._sound.rest())
                self._close()
        finally:
            self._abandon()

    def _add_pictures(self, rate: Fraction) -> VideoStream:
        height, width, _ = self._shape
        options = encoder_options(self._form, width, height)
        stream = self._film.add_stream(self._form.encoder, rate=rate, options=options)
        (stream.width, stream.height), stream.pix_fmt = self.size, self._form.pixels
        stream.time_base = self._time_base
        stream.codec_context.time_base = 1 / rate
        # As ffmpeg's command line does for frames in RGB.
        stream.thread_type = "FRAME"
        stream.metadata["encoder"] = encoder_name(self._form)
        context = stream.codec_context
        context.field_order, context.colorspace, context.color_range = PROGRESSIVE, RGB, ColorRange.JPEG
        if self._form is WATCHABLE:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = ColorRange.MPEG
        return stream

    def _add_sound(self, tracks: Sequence[SoundTrack], source: Path) -> SoundWriter:
        try:
            playable = PLAYABLE if self._form is WATCHABLE else None
            return SoundWriter(self._film, tracks, self._form.packet_gap, playable)
        except (ValueError, av.FFmpegError) as error:
            raise self._unsupported_sound(tracks, source) from error

    def _start(self, tracks: Sequence[SoundTrack], source: Path) -> None:
        """Writes the header, so that what the format can't hold is reported before the first frame."""
        try:
            self._film.start_encoding()
            self._film.mux(self._copy.covers if self._copy else ())
        except (av.ArgumentError, av.PatchWelcomeError, av.ExperimentalError) as error:
            if not tracks:
                raise self._unwritable(error) from error
            raise self._unsupported_sound(tracks, source) from error
        except av.FFmpegError as error:
            raise self._unwritable(error) from error

    def _encoded(self, picture: np.ndarray | None, time: Fraction | None) -> Iterator[Packet]:
        """Encodes a frame, or the rest. For the encoder, frames are evenly spaced: H.264 stores their rate."""
        frame = None
        if picture is not None:
            stamp = round(time / self._time_base)
            frame = self._frame(picture)
            frame.pts, frame.time_base = len(self._stamps), self._pictures.codec_context.time_base
            self._stamps.append(max(stamp, self._stamps[-1] + 1) if self._stamps else stamp)
        for packet in self._pictures.encode_lazy(frame):
            packet.pts, packet.dts = self._stamp(packet.pts), self._stamp(packet.dts)
            packet.duration, packet.time_base = self._duration, self._time_base
            yield packet

    def _stamp(self, index: int) -> int:
        """Time stamp of a frame; an encoder that reorders frames has some decoded before the first is shown.

        FFmpeg loses the start of a film whose first frame waits longer between decoding and showing than its second.
        """
        if index >= 0:
            return self._stamps[index]
        step = min([self._duration, *(later - self._stamps[0] for later in self._stamps[1:2])])
        return self._stamps[0] + index * step

    def _frame(self, picture: np.ndarray) -> av.VideoFrame:
        if self._form is WATCHABLE:
            height, width, _ = self._shape
            even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
            return to_yuv(even, self._form.pixels)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        return frame.reformat(format=self._form.pixels, interpolation=EXACT, threads=1)

    def _copied(self, time: Fraction | None) -> Iterator[Packet]:
        """Packets of the film to keep up to `time`."""
        return self._shifted(self._copy.packets_until(time)) if self._copy else iter(())

    def _shifted(self, packets: Iterable[SoundPacket | Packet]) -> Iterator[Packet]:
        """The packets with their tracks and times in the new film."""
        for packet in packets:
            if isinstance(packet, SoundPacket):
                yield from self._sound.packets(packet, self._shift)
            else:
                moved = round(self._shift / packet.time_base)
                packet.pts, packet.dts = packet.pts + moved, packet.pts + moved
                yield packet

    def _mux(self, packets: Iterable[Packet]) -> None:
        try:
            for packet in packets:
                self._film.mux(packet)
        except av.FFmpegError as error:
            raise self._unwritable(error) from error

    def _close(self) -> None:
        """Writes the end of the file; a full disk often shows only here."""
        try:
            self._film.close()
            if self._form is MKV:
                draw_uids(self._path, self._randomness)
            elif self._form is MP4:
                use_milliseconds(self._path)
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def _abandon(self) -> None:
        """Closes all files; hides errors, so that an earlier one reaches the user."""
        if self._copy:
            self._copy.close()
        with suppress(av.FFmpegError):
            self._film.close()

    def _unwritable(self, error: av.FFmpegError | OSError) -> MediaError:
        return MediaError(f"{self._path}: can't be written ({error.strerror})")

    def _unsupported_sound(self, tracks: Sequence[SoundTrack], source: Path) -> MediaError:
        codecs = ", ".join(sorted({track.codec for track in tracks}))
        hint = f"write to .mkv, or {CONVERT_SOUND}" if self._form is MP4 else CONVERT_SOUND
        return MediaError(f"{source}: {self._form.name} can't hold its sound ({codecs})", hint)
