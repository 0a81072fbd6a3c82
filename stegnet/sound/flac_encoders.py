"""FLAC encoders with their levels; the one that wrote a file is recognised by coding its samples to the same bytes.

libFLAC (the program `flac`, libsndfile, SoX, Audacity) is known at its levels 0 to 8, FFmpeg's encoder at its default,
5. A level fixes the orders of the prediction, its windows, and the joint coding of both channels; FFmpeg accepts any
block size.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import av
import numpy as np
import soundfile

from stegnet.formats.opened_file import FileSlices, Source
from stegnet.sound.flac import find_frame, metadata_blocks

SHORTEST_BLOCK = 16  # samples (RFC 9639, section 8.2)
USUAL_BLOCK = 4096  # samples, libFLAC's default above its lowest levels


WrittenFile = BinaryIO | io.RawIOBase


@dataclass(frozen=True, eq=False)
class CodedSound(ABC):
    """Sound of a file, whose samples are read in parts: a long one needs no more memory than a short one.

    Attributes:
        source: the file.
        rate: frames per second.
        frames: number of samples of a channel.
        channels: number of channels.
        width: bytes of a sample, 2 or 3.
        head, tail: the file before and after the samples; in a FLAC, its metadata blocks, and any data after it.
        end: place in the file where the samples end.
    """

    source: Source
    rate: int
    frames: int
    channels: int
    width: int
    head: bytes
    tail: bytes
    end: int

    @abstractmethod
    def blocks(self, count: int = 1 << 18) -> Generator[np.ndarray, None, None]:
        """Yield the samples, `count` frames at a time: (frames, channels, bytes) uint8, signed, lowest byte first."""


@dataclass(frozen=True)
class FlacEncoder:
    """Encoder at one of its levels."""

    library: Literal["libFLAC", "FFmpeg"]
    level: int

    def makes_blocks_of(self, samples: int) -> bool:
        """Return whether the encoder can code blocks of this size."""
        usual = 1152 if self.level <= 2 else USUAL_BLOCK  # of libFLAC
        return self.library == "FFmpeg" or samples == usual

    def encode(self, made: WrittenFile, numbers: Iterable[np.ndarray], sound: CodedSound, block: int) -> None:
        """Encode samples as FLAC.

        Args:
            made: empty file to write, at any place.
            numbers: samples in parts, (frames, channels) int32 each, with zeros below their bits.
            sound: the sound that they are of.
            block: samples of a frame.

        Raises:
            ValueError: the encoder doesn't support the rate.
        """
        try:
            if self.library == "libFLAC":
                kind = f"PCM_{8 * sound.width}"
                level = self.level / 8
                with soundfile.SoundFile(
                    made, "w", sound.rate, sound.channels, kind, format="FLAC", compression_level=level
                ) as file:
                    for part in numbers:
                        file.write(part)
            else:
                self._encode_by_ffmpeg(made, numbers, sound, block)
        except (soundfile.LibsndfileError, av.FFmpegError) as error:
            raise ValueError(f"{self.library} has no rate of {sound.rate} Hz") from error

    def _encode_by_ffmpeg(
        self, made: WrittenFile, numbers: Iterable[np.ndarray], sound: CodedSound, block: int
    ) -> None:
        """Encode samples by FFmpeg's encoder; arguments are those of `encode`."""
        layouts = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # RFC 9639, section 9.1.3
        layout = layouts[sound.channels - 1]
        form = f"s{16 if sound.width == 2 else 32}"
        with av.open(made, "w", format="flac") as file:
            options = {"compression_level": str(self.level), "frame_size": str(block)}
            stream = file.add_stream("flac", rate=sound.rate, options=options)
            stream.codec_context.format = form
            stream.codec_context.layout = layout
            first = 0
            for part in numbers:
                given = (part >> 16).astype(np.int16) if sound.width == 2 else part
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(given).reshape(1, -1), form, layout)
                frame.sample_rate = sound.rate
                frame.pts = first
                first += len(part)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))

    def __str__(self) -> str:
        return f"{self.library} at level {self.level}"


# Defaults come first: some levels give the same bytes.
ENCODERS = (
    *(FlacEncoder("libFLAC", level) for level in (5, 8, 0, 1, 2, 3, 4, 6, 7)),
    FlacEncoder("FFmpeg", 5),
)


@dataclass(frozen=True)
class FlacSettings:
    """Settings by which a FLAC's samples are coded.

    Attributes:
        encoder: encoder that wrote the file, or whose frames have the most similar length.
        block: samples of a frame.
        known: whether the settings give the file's own frames, byte for byte.
        odd_end: the last frame, if that is the only one that they don't give: another version of the encoder has coded
            its block, which is shorter than the others, and whose samples stay.
    """

    encoder: FlacEncoder
    block: int
    known: bool
    odd_end: bytes = b""

    def kept(self, count: int) -> int:
        """Return the number of samples at the end, of `count` in a channel, that stay as they are."""
        return count % self.block if self.odd_end else 0

    def encode(self, made: WrittenFile, numbers: Iterable[np.ndarray], sound: CodedSound) -> None:
        """Encode samples as FLAC, without those that are `kept`; arguments and errors as of `FlacEncoder.encode`."""

        def coded() -> Iterator[np.ndarray]:
            left = sound.frames - self.kept(sound.frames)
            for part in numbers:
                yield part[:left]
                left -= len(part[:left])

        self.encoder.encode(made, (part for part in coded() if len(part)), sound, self.block)

    def append_end(self, made: WrittenFile, frames: int, digest: bytes) -> None:
        """Append the odd end, if there is one, to the result of `encode`.

        Args:
            made: FLAC of all other samples.
            frames: samples of a channel, with those of the odd end.
            digest: MD5 of all samples.
        """
        if not self.odd_end:
            return
        start = 8  # place of the description of the samples (RFC 9639, section 8.2)
        made.seek(start)
        description = bytearray(made.read(34) or b"")
        for at, extreme in ((4, min), (7, max)):  # bytes of the shortest and of the longest frame
            length = extreme(int.from_bytes(description[at : at + 3], "big"), len(self.odd_end))
            description[at : at + 3] = length.to_bytes(3, "big")
        total_bits = 36  # the lowest bits of eight bytes
        described = int.from_bytes(description[10:18], "big") >> total_bits << total_bits
        description[10:18] = (described | frames).to_bytes(8, "big")
        description[18:] = digest
        made.seek(start)
        made.write(description)
        made.seek(0, io.SEEK_END)
        made.write(self.odd_end)

    def notes(self) -> tuple[str, ...]:
        """Return a line for the report, unless the settings are known."""
        line = f"its FLAC settings are unknown: written as by {self.encoder}, in blocks of {self.block}"
        return () if self.known else (line,)


class _Comparison(io.RawIOBase):
    """Written file that keeps only its metadata, and compares its frames with those of another FLAC.

    Attributes:
        frames: bytes of its frames so far.
        agreed: those before the first that differs.
    """

    def __init__(self, other: BinaryIO, first: int, end: int) -> None:
        self._other = other
        self._other.seek(first)
        self._left = end - first
        self._head = bytearray()
        self._start: int | None = None  # of the frames; None while the metadata is incomplete
        self._place = 0
        self.frames = self.agreed = 0

    @property
    def differs(self) -> bool:
        """True if a byte of the frames so far differs."""
        return self.agreed < self.frames

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        whole = len(self._head) + self.frames
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: whole}[whence]
        return self._place

    def write(self, data: Any) -> int:
        """Compare what are bytes of frames; only the description is written twice."""
        given = bytes(data)
        rest = given
        if self._start is None:
            self._head += given
            with suppress(ValueError):
                self._start = metadata_blocks(bytes(self._head))[1]
                rest = bytes(self._head[self._start :])
                del self._head[self._start :]
        if self._start is not None and self._place + len(given) > self._start:
            expected = self._other.read(min(len(rest), self._left))
            self._left -= len(expected)
            if not self.differs:
                same = np.frombuffer(expected, np.uint8) == np.frombuffer(rest, np.uint8)[: len(expected)]
                self.agreed += len(same) if same.all() else int(same.argmin())
            self.frames += len(rest)
        self._place += len(given)
        return len(given)


def recognise(sound: CodedSound, block: int) -> FlacSettings:
    """Return the settings that give a FLAC's frames from its samples.

    If none are known, return those that give the most of them; failing that, those that give the first blocks about
    their length. All encoders code the first blocks; those that give the same bytes code all.

    Raises:
        ValueError: no encoder supports the rate.
    """
    first = len(sound.head)
    some = 8 * block  # samples that are coded at a time

    def samples(comparison: _Comparison | None = None) -> Iterator[np.ndarray]:
        """Yield samples to code, as numbers: the first ones, and the rest while frames in `comparison` are the same."""
        with closing(sound.blocks()) as blocks:
            for part in blocks:
                for at in range(0, len(part), some):
                    yield wide_numbers(part[at : at + some])
                    if comparison is None or comparison.differs:
                        return

    with sound.source.open("rb") as own:
        length = (find_frame(FileSlices(own), 8, first) or sound.end) - first
        beginnings = {}
        for encoder in ENCODERS:
            if encoder.makes_blocks_of(block):
                beginnings[encoder] = _Comparison(own, first, sound.end)
                encoder.encode(beginnings[encoder], samples(), sound, block)
        nearest = min(beginnings, key=lambda encoder: abs(beginnings[encoder].frames - length))
        agreed: dict[FlacEncoder, int] = {}
        for encoder in (encoder for encoder, beginning in beginnings.items() if not beginning.differs):
            whole = _Comparison(own, first, sound.end)
            encoder.encode(whole, samples(whole), sound, block)
            if not whole.differs:
                return FlacSettings(encoder, block, known=True)
            agreed[encoder] = whole.agreed
        last = _last_short_frame(FileSlices(own), sound, block)
        closest = max(agreed, key=agreed.__getitem__, default=nearest)
        if last is not None and agreed.get(closest, 0) >= last - first:
            own.seek(last)
            return FlacSettings(closest, block, known=True, odd_end=own.read(sound.end - last))
    return FlacSettings(closest, block, known=False)


def _last_short_frame(file: FileSlices, sound: CodedSound, block: int) -> int | None:
    """Return the place of the last frame, if it is shorter than the others; None if there is none."""
    if not sound.frames % block:
        return None
    longest = block * sound.channels * (sound.width + 1) + 1000  # samples as they are, with one bit more for a side
    return find_frame(file, sound.frames // block, max(sound.end - longest, len(sound.head)))


def wide_numbers(data: np.ndarray) -> np.ndarray:
    """Return samples, (…, 2 or 3) uint8, as numbers, (…) int32 with zeros in the lowest bytes."""
    wide = np.zeros((*data.shape[:-1], 4), np.uint8)
    wide[..., -data.shape[-1] :] = data
    return wide.view("<i4")[..., 0]
