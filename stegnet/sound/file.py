"""Lossless sounds, WAV and FLAC, whose samples are exchanged while the rest of the file stays.

WAV: "Multimedia Programming Interface and Data Specifications 1.0" (1991), RF64: EBU Tech 3306, FLAC: RFC 9639.
"""

import hashlib
import io
import struct
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np
import soundfile

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import FileSlices, Source, id3_bytes
from stegnet.sound.flac import SEEK_TABLE, find_frame, metadata_blocks, seek_table, written_blocks
from stegnet.sound.flac_encoders import SHORTEST_BLOCK, USUAL_BLOCK, CodedSound, FlacSettings, recognise, wide_numbers

WAV = "WAV"
FLAC = "FLAC"
_MOST_CHANNELS = 256  # more than any recorder has; the work is by channels, and a header may say 65,535
_BROKE_OFF = "copy or export it again; of a recording that broke off, `ffmpeg -i OLD -c copy NEW.wav` mends the header"
_CONVERT = "convert it to 16 bits: `ffmpeg -i IN -c:a pcm_s16le OUT.wav`"


@dataclass(frozen=True, eq=False)
class SoundFile(CodedSound):
    """Sound of a WAV or FLAC, whose samples are exchanged.

    Attributes:
        form: WAV or FLAC.
    """

    form: str

    def blocks(self, count: int = 1 << 18) -> Generator[np.ndarray, None, None]:
        with self.source.open("rb") as stream:
            if self.form == WAV:
                frame = self.channels * self.width
                stream.seek(len(self.head))
                for first in range(0, self.frames, count):
                    data = stream.read(min(count, self.frames - first) * frame)
                    yield np.frombuffer(data, np.uint8).reshape(-1, self.channels, self.width)
                return
            kind = f"int{16 if self.width == 2 else 32}"
            file = stream.fileno() if isinstance(stream.raw, FileIO) else stream  # a descriptor needs no Python code
            with soundfile.SoundFile(file, closefd=False) as opened:
                # Decode as many samples as there are, whatever number the header says.
                for part in opened.blocks(count, dtype=kind, always_2d=True):  # other bytes are 0 and come first
                    samples = part.view(np.uint8).reshape(*part.shape, -1)
                    yield np.ascontiguousarray(samples[..., -self.width :])

    def write(self, part: Path, blocks: Iterable[np.ndarray]) -> bytes:
        """Write the file with other samples; those of a FLAC are coded like the original's.

        Args:
            part: file to write.
            blocks: all samples, in parts of any length, as `blocks` yields them. The last must be the same, as many as
                `kept` says.

        Returns:
            The `digest` of the new samples.

        Raises:
            MediaError: no encoder supports the rate.
            OSError: the file can't be written.
        """
        made = _Summary()
        summed = made.sum_up(blocks)
        if self.form == WAV:
            with part.open("wb") as file:
                file.write(self.head)
                for block in summed:
                    file.write(np.ascontiguousarray(block).data)
                file.write(self._with_digests(self.tail, made))
                file.seek(0)
                file.write(self._with_digests(self.head, made))
            return made.digest
        with TemporaryFile(dir=part.parent) as coded:
            checked = _CheckedFile(coded.fileno(), "w+b", closefd=False)
            self.settings.encode(checked, map(wide_numbers, summed), self)
            self.settings.append_end(checked, self.frames, made.digest)
            checked.check()
            self._write_flac(part, FileSlices(coded), made)
        return made.digest

    def _write_flac(self, part: Path, coded: "FileSlices", made: "_Summary") -> None:
        """Write a FLAC with newly coded frames, and the metadata blocks of this one."""
        new_blocks, frames = metadata_blocks(coded)
        blocks = metadata_blocks(self.head)[0]
        blocks[0] = (0, _description(blocks[0][1], new_blocks[0][1]))
        blocks = [
            (kind, seek_table(old, coded, frames) if kind == SEEK_TABLE else self._with_digests(old, made))
            for kind, old in blocks
        ]
        with part.open("wb") as file:
            before = self._with_digests(self.head[: id3_bytes(self.head) + 4], made)
            file.writelines((before, written_blocks(blocks)))
            file.writelines(coded.parts(frames, len(coded)))
            file.write(self.tail)

    def notes(self) -> tuple[str, ...]:
        """Return lines for the report on the coding; errors are those of `write`."""
        return self.settings.notes() if self.form == FLAC else ()

    @cached_property
    def digest(self) -> bytes:
        """MD5 of all samples."""
        if self.form == FLAC:  # it was compared when the file was read
            return metadata_blocks(self.head)[0][0][1][18:]
        return self._summary.digest

    @cached_property
    def settings(self) -> FlacSettings:
        """Settings by which a FLAC's samples are coded. Raises MediaError if no encoder supports the rate."""
        (_, streaminfo), *_ = metadata_blocks(self.head)[0]
        longest_block = int.from_bytes(streaminfo[2:4], "big")  # RFC 9639, section 8.2
        block = longest_block if longest_block >= SHORTEST_BLOCK else USUAL_BLOCK
        try:
            return recognise(self, block)
        except ValueError as error:
            raise MediaError(str(error), "convert the cover to WAV") from error

    @property
    def has_unknown_settings(self) -> bool:
        """True for a FLAC that is coded as by no encoder known here: coding a container again tells it."""
        return self.form == FLAC and not self.settings.known

    @property
    def kept(self) -> int:
        """Number of samples at the end of each channel that stay as they are, since no encoder codes them so."""
        return self.settings.kept(self.frames) if self.form == FLAC else 0

    @cached_property
    def _summary(self) -> "_Summary":
        """Digest of its samples."""
        found = _Summary()
        for _ in found.sum_up(self.blocks()):
            pass
        return found

    def _with_digests(self, data: bytes, made: "_Summary") -> bytes:
        """Return chunks, blocks or tags with the MD5 of new samples, in a chunk as BWF MetaEdit writes it.

        ReplayGain's peak in tags stays as it is, since the loudest samples do.
        """
        head = b"MD5 " + (16).to_bytes(4, "little")
        if head in data:
            before, after = self._summary.digest, made.digest
            data = data.replace(head + before, head + after).replace(head + before[::-1], head + after[::-1])
        return data


class _Summary:
    """Digest of samples."""

    def __init__(self) -> None:
        self._hashed = hashlib.md5(usedforsecurity=False)

    def sum_up(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield blocks of samples as they are."""
        for block in blocks:
            self._hashed.update(np.ascontiguousarray(block).data)
            yield block

    @property
    def digest(self) -> bytes:
        """MD5 of the samples so far."""
        return self._hashed.digest()


def read_sound_file(source: Source) -> SoundFile:
    """Read a WAV or FLAC.

    Raises:
        MediaError: the file is damaged, or has no samples of 16 or 24 bits.
    """
    try:
        with source.open("rb") as stream:
            file = FileSlices(stream)
            sound = _read_wav(source, file) if file[8:12] == b"WAVE" else _read_flac(source, file)
    except (ValueError, struct.error, soundfile.LibsndfileError) as error:
        what = error if isinstance(error, ValueError) else "a part of it can't be decoded"
        raise MediaError(f"the sound is damaged: {what}", "copy or export it again", subject=source) from error
    if not sound.frames:
        raise MediaError("the sound has no samples, or its header says so", _BROKE_OFF, subject=source)
    return sound


class _CheckedFile(FileIO):
    """File that libsndfile writes, which loses the errors of Python's: they are raised when it has been written."""

    _error: OSError | None = None

    def check(self) -> None:
        """Raise the first OSError of `write`."""
        if self._error:
            raise self._error

    def write(self, data: Any) -> int:
        """Write bytes, or keep the error."""
        left = memoryview(data)
        try:
            while left:
                left = left[super().write(left) :]
        except OSError as error:
            self._error = self._error or error
        return len(data)


class _WavFormat(NamedTuple):
    """Fields of the chunk "fmt "."""

    coding: int
    channels: int
    rate: int  # frames per second
    byte_rate: int
    frame: int  # bytes
    bits: int
    identifier: bytes  # of the coding, if that is extensible


def _read_wav(source: Source, file: FileSlices) -> SoundFile:
    """Read a WAV; errors are those of `read_sound_file`, and ValueError."""
    unknown_size = 0xFFFFFFFF
    if file[:4] == b"RIFX":
        raise MediaError("is a WAV of the other byte order", _CONVERT, subject=source)
    place = 12
    form = None
    long = None
    while place + 8 <= len(file):
        kind = file[place : place + 4]
        size = int.from_bytes(file[place + 4 : place + 8], "little")
        place += 8
        if kind == b"ds64":
            long = int.from_bytes(file[place + 8 : place + 16], "little")
        elif kind == b"fmt ":
            coding, channels, rate, byte_rate, frame, bits = struct.unpack("<HHIIHH", file[place : place + 16])
            identifier = file[place + 24 : place + 40]
            form = _WavFormat(coding, channels, rate, byte_rate, frame, bits, identifier)
        elif kind == b"data":
            if form is None:
                raise ValueError("no description of the samples")
            if size == unknown_size and long is not None:
                size = long
            elif size == unknown_size:  # as written into a pipe
                size = len(file) - place
            if place + size > len(file):
                missing = f"{place + size - len(file)} bytes are missing at its end"
                raise MediaError(f"the sound is damaged: {missing}", _BROKE_OFF, subject=source)
            return _wav(source, file, form, place, size)
        place += size + size % 2
    raise ValueError("no samples")


def _wav(source: Source, file: FileSlices, form: _WavFormat, place: int, size: int) -> SoundFile:
    """Return the sound whose samples have `size` bytes from a place on."""
    coding, channels, rate, _, frame, bits, identifier = form
    extensible = 0xFFFE  # the coding is in the identifier
    rest_of_identifier = bytes.fromhex("000000001000800000aa00389b71")
    if coding == extensible and identifier[2:] == rest_of_identifier:
        coding = int.from_bytes(identifier[:2], "little")

    lossy = {2: "ADPCM", 17: "ADPCM", 80: "MP2", 85: "MP3"}  # RFC 2361, appendix A
    if coding in lossy:
        hint = "use a recording that was never coded with loss"
        raise MediaError(f"is {lossy[coding]} in a WAV", hint, subject=source)
    kinds = {3: "floating point", 6: "A-law", 7: "µ-law"}
    pcm = 1  # coding of samples
    if coding != pcm or bits not in (16, 24):
        what = f"{bits} bits" if coding == pcm else kinds.get(coding, f"form {coding}")
        raise _unsupported(source, what, coarse=coding in {pcm, 6, 7} and bits < 24)
    if not channels or not rate or frame != channels * bits // 8:
        raise ValueError("its description contradicts itself")
    if channels > _MOST_CHANNELS:
        raise MediaError(
            f"has {channels} channels", f"at most {_MOST_CHANNELS} can be read: split the recording", subject=source
        )

    end = place + size // frame * frame
    return SoundFile(source, rate, size // frame, channels, bits // 8, file[:place], file[end:], end, WAV)


def _unsupported(source: Source, what: str, coarse: bool) -> MediaError:
    """Return the error for samples of neither 16 nor 24 bits; coarse ones, once converted, would leave values out."""
    coarse_hint = "use a recording of 16 or 24 bits: one of fewer shows a change even after conversion to them"
    return MediaError(f"has samples of {what}", coarse_hint if coarse else _CONVERT, subject=source)


def _read_flac(source: Source, file: FileSlices) -> SoundFile:
    """Read a FLAC; errors are those of `read_sound_file`, ValueError, and libsndfile's."""
    blocks, frames = metadata_blocks(file)
    described = int.from_bytes(blocks[0][1][10:18], "big")
    bits = (described >> 36 & 31) + 1
    total = described & (1 << 36) - 1
    digest = blocks[0][1][18:]
    if bits not in (16, 24):
        raise _unsupported(source, f"{bits} bits", coarse=bits < 24)
    if not total or not any(digest):
        hint = "write it to a file again: `ffmpeg -i IN OUT.flac`"
        raise MediaError("has no length or checksum, as a FLAC that was written into a pipe", hint, subject=source)
    channels = (described >> 41 & 7) + 1
    end = _frames_end(file, blocks[0][1], total, frames)
    rate = described >> 44
    sound = SoundFile(source, rate, total, channels, bits // 8, file[:frames], file[end:], end, FLAC)
    decoded = _Summary()
    count = sum(map(len, decoded.sum_up(sound.blocks())))
    if count < total or decoded.digest != digest:
        raise ValueError("its samples do not match its checksum")
    return replace(sound, frames=count)


def _description(given: bytes, made: bytes) -> bytes:
    """Return the description of new frames; shortest and longest are unknown (0) if they were in the original."""
    shortest, longest = (made[at : at + 3] if any(given[at : at + 3]) else bytes(3) for at in (4, 7))
    return made[:4] + shortest + longest + made[10:]


def _frames_end(file: FileSlices, description: bytes, total: int, first: int) -> int:
    """Return the end of the last frame: the least length that libFLAC decodes whole; if not found, the file's end."""
    length = max(1, int.from_bytes(description[:2], "big"))
    place = find_frame(file, (total - 1) // length, first)
    samples = (total - 1) % length + 1
    if place is None:
        return len(file)
    # A FLAC's head that describes this one frame alone: its number of samples, and no checksum.
    before = b"fLaC\x80\0\0\x22" + description[:13] + bytes([description[13] & 0xF0]) + samples.to_bytes(4) + bytes(16)

    def is_whole(end: int) -> bool:
        with suppress(soundfile.LibsndfileError), soundfile.SoundFile(io.BytesIO(before + file[place:end])) as last:
            return len(last.read()) == samples
        return False

    return bisect_left(range(len(file)), True, lo=place, key=is_whole)
