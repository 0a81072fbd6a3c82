"""FLAC encoders with their levels; the one that wrote a file is recognised by coding its samples to the same bytes.

libFLAC (the program `flac`, libsndfile, SoX, Audacity) has levels 0 to 8, FFmpeg's encoder 0 to 12. A level fixes the
orders of the prediction, its windows, and the joint coding of both channels; FFmpeg accepts any block size.
"""

import hashlib
import io
from dataclasses import dataclass, replace
from typing import Literal

import av
import numpy as np
import soundfile

from stegnet.formats.flac import find_frame, metadata_blocks

SHORTEST_BLOCK = 16  # samples (RFC 9639, section 8.2)
USUAL_BLOCK = 4096  # samples, libFLAC's default above its lowest levels


@dataclass(frozen=True)
class FlacEncoder:
    """Encoder at one of its levels."""

    library: Literal["libFLAC", "FFmpeg"]
    level: int

    def makes_blocks_of(self, samples: int) -> bool:
        """Return whether the encoder can code blocks of this size."""
        usual = 1152 if self.level <= 2 else USUAL_BLOCK  # of libFLAC
        return self.library == "FFmpeg" or samples == usual

    def encode(self, numbers: np.ndarray, rate: int, bits: int, block: int) -> bytes:
        """Encode samples, (frames, channels) int32 with zeros below the top `bits`, as FLAC with a block size.

        Raises:
            ValueError: the encoder doesn't support the rate.
        """
        made = io.BytesIO()
        try:
            if self.library == "libFLAC":
                level = self.level / 8
                soundfile.write(made, numbers, rate, f"PCM_{bits}", format="FLAC", compression_level=level)
            else:
                self._encode_by_ffmpeg(made, numbers, rate, bits, block)
        except (soundfile.LibsndfileError, av.FFmpegError) as error:
            raise ValueError(f"{self.library} has no rate of {rate} Hz") from error
        return made.getvalue()

    def _encode_by_ffmpeg(self, made: io.BytesIO, numbers: np.ndarray, rate: int, bits: int, block: int) -> None:
        """Write a FLAC by FFmpeg's encoder to a file; other arguments are those of `encode`."""
        layouts = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # RFC 9639, section 9.1.3
        layout = layouts[numbers.shape[1] - 1]
        form = f"s{16 if bits == 16 else 32}"
        at_once = 1 << 20  # samples of a channel that FFmpeg gets at a time
        with av.open(made, "w", format="flac") as file:
            options = {"compression_level": str(self.level), "frame_size": str(block)}
            stream = file.add_stream("flac", rate=rate, options=options)
            stream.codec_context.format = form
            stream.codec_context.layout = layout
            for first in range(0, len(numbers), at_once):
                part = numbers[first : first + at_once]
                given = (part >> 16).astype(np.int16) if bits == 16 else part
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(given).reshape(1, -1), form, layout)
                frame.sample_rate = rate
                frame.pts = first
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))

    def __str__(self) -> str:
        return f"{self.library} at level {self.level}"


# Defaults come first: some levels give the same bytes.
ENCODERS = (
    *(FlacEncoder("libFLAC", level) for level in (5, 8, 0, 1, 2, 3, 4, 6, 7)),
    *(FlacEncoder("FFmpeg", level) for level in (5, 8, 12, 0, 1, 2, 3, 4, 6, 7, 9, 10, 11)),
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

    def encode(self, numbers: np.ndarray, rate: int, bits: int) -> bytes:
        """Encode samples as FLAC, but an odd end is kept; arguments and errors are those of `Encoder.encode`."""
        kept = self.kept(len(numbers))
        coded = self.encoder.encode(numbers[: len(numbers) - kept], rate, bits, self.block)
        return _with_end(coded, self.odd_end, numbers, bits) if kept else coded

    def notes(self) -> tuple[str, ...]:
        """Return a line for the report, unless the settings are known."""
        line = f"its FLAC settings are unknown: written as by {self.encoder}, in blocks of {self.block}"
        return () if self.known else (line,)


def recognise(frames: bytes, numbers: np.ndarray, rate: int, bits: int, block: int) -> FlacSettings:
    """Return the settings that give these frames of these samples; failing that, those with frames of similar length.

    All encoders code the first blocks. Those that match the cover's bytes code more, until one is left, which codes
    all.

    Raises:
        ValueError: no encoder supports the rate.
    """
    left = [encoder for encoder in ENCODERS if encoder.makes_blocks_of(block)]
    count = 8  # blocks
    nearest: FlacEncoder | None = None
    while left:
        part = numbers[: count * block]
        made = {}
        for encoder in left:
            coded = encoder.encode(part, rate, bits, block)
            made[encoder] = coded[metadata_blocks(coded)[1] :]  # without metadata
        if nearest is None:
            length = find_frame(frames, count, 0) or len(frames)
            nearest = min(left, key=lambda encoder: abs(len(made[encoder]) - length))
        whole = len(part) == len(numbers)
        if whole and (odd := _with_odd_end(frames, made, FlacSettings(nearest, block, known=True), len(numbers))):
            return odd
        left = [encoder for encoder in left if (frames == made[encoder] if whole else frames.startswith(made[encoder]))]
        nearest = left[0] if left else nearest
        if left and whole:
            return FlacSettings(nearest, block, known=True)
        count = 8 * count if len(left) > 1 else -(-len(numbers) // block)
    assert nearest is not None  # FFmpeg's encoders make all blocks
    return FlacSettings(nearest, block, known=False)


def _with_odd_end(
    frames: bytes, made: dict[FlacEncoder, bytes], settings: FlacSettings, count: int
) -> FlacSettings | None:
    """Return the settings of the first encoder that gives all frames but a last, short one; None if there is none.

    None, too, if an encoder gives all of them.

    Args:
        frames: of the file.
        made: frames of the same samples by each encoder.
        settings: of another encoder.
        count: number of samples of a channel.
    """
    last = find_frame(frames, count // settings.block, 0) if count % settings.block else None
    if not last or frames in made.values():
        return None
    same = (encoder for encoder, coded in made.items() if coded[:last] == frames[:last])
    return next((replace(settings, encoder=encoder, odd_end=frames[last:]) for encoder in same), None)


def _with_end(coded: bytes, end: bytes, numbers: np.ndarray, bits: int) -> bytes:
    """Return a FLAC of whole blocks with a last frame that is coded already.

    Args:
        coded: FLAC of all samples but those of the last frame.
        end: last frame.
        numbers: all samples, as in `FlacEncoder.encode`.
        bits: per sample.
    """
    start = 8  # place of the description of the samples (RFC 9639, section 8.2)
    description = bytearray(coded[start : start + 34])
    for at, extreme in ((4, min), (7, max)):  # bytes of the shortest and of the longest frame
        length = extreme(int.from_bytes(description[at : at + 3], "big"), len(end))
        description[at : at + 3] = length.to_bytes(3, "big")
    total_bits = 36  # the lowest bits of eight bytes
    described = int.from_bytes(description[10:18], "big") >> total_bits << total_bits
    description[10:18] = (described | len(numbers)).to_bytes(8, "big")
    samples = np.ascontiguousarray(numbers, "<i4").view(np.uint8).reshape(*numbers.shape, 4)[..., -bits // 8 :]
    description[18:] = hashlib.md5(samples.tobytes(), usedforsecurity=False).digest()
    return coded[:start] + bytes(description) + coded[start + 34 :] + end
