"""Recording a container film whose length is not known in advance.

Every frame's record holds the number of frames. So the frames are written to a draft first, with the largest possible
number, and the changes made by sealing to a second file. At the end each frame is unsealed, and sealed again with the
true number on its way to the film itself.
"""

import struct
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.keys.keys import FILM_ID_BYTES, SYSTEM, ContainerKeys, KeyRing, Randomness
from stegnet.media import FilmWriter, read_frames, temporary_file
from stegnet.methods.network.frame import UnsealedFrame
from stegnet.methods.network.network import Network
from stegnet.record.reading import read_record
from stegnet.record.record import FILM, MAX_FRAMES, Header, Pictures
from stegnet.results.output import FilmFrame, Progress, no_progress, write_film
from stegnet.sealing.seal import SEED_BYTES

MILLISECOND = Fraction(1, 1000)
_RATE = Fraction(25)  # of a film of one frame
_FINEST = 1_000_000
_CASES = 5  # of a change, −2 to 2, and as many of a rounding error
_ERROR_STEP = 51  # of rounding errors, as they are stored
_LEVEL = 1
_SIZE = struct.Struct(">I")

# Adds a frame: sealed, (H, W, 3) uint8, and before sealing.
Add = Callable[[np.ndarray, UnsealedFrame], None]


def open_header(network: Network, height: int, width: int, randomness: Randomness = SYSTEM) -> Header:
    """The header of a film whose length is not known yet: with the largest possible number of frames, all hiding one.

    Args:
        height, width: of the secret. Its time stamps are in milliseconds.
    """
    size = width, height, MAX_FRAMES, MILLISECOND, _RATE
    described = Pictures(*size, network.base, network.block, network.weights)
    return Header(randomness(FILM_ID_BYTES), FILM, MAX_FRAMES, described)


@contextmanager
def recorded(
    out: Path,
    form: str,
    keys: ContainerKeys,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    *,
    overwrite: bool = True,
) -> Iterator[Add]:
    """Yields the function that adds frames; the film appears at `out` when the block ends without an error.

    Args:
        form: "mkv" or "mp4".
        keys: seal the frames.
        progress: called while the film is sealed and read back.
        overwrite: replace an existing file.
    Raises:
        MediaError: the film can't be written, or there was no frame.
    """
    stamps: list[int] = []
    height = width = 0
    with temporary_file(out) as draft, temporary_file(out) as beside, beside.open("w+b") as steps:
        with ExitStack() as writing:
            film = None

            def add(container: np.ndarray, before: UnsealedFrame) -> None:
                nonlocal film, height, width
                height, width, _ = container.shape
                film = film or writing.enter_context(FilmWriter(draft, width, height, _RATE))
                film.write(container, before.record.stamp * MILLISECOND)
                _note_steps(steps, container, before)
                stamps.append(before.record.stamp)

            yield add
        if not stamps:
            raise MediaError(f"{out}: not written: there was no frame to record")
        steps.seek(0)
        rate = _average_rate(stamps)

        def open_writer(part: Path) -> FilmWriter:
            return FilmWriter(part, width, height, rate, form=form, time_base=MILLISECOND, randomness=randomness)

        frames = _sealed_again(draft, steps, out, keys, len(stamps), rate, randomness)
        write_film(out, open_writer, frames, len(stamps), "seal", progress, verify=True, overwrite=overwrite)


def _note_steps(steps: BinaryIO, container: np.ndarray, before: UnsealedFrame) -> None:
    """Stores change and rounding error of each sample: five cases each."""
    changes = (container - before.container).view(np.int8)
    errors = (before.rounding_error.astype(np.int16) + _CASES * _ERROR_STEP // 2) // _ERROR_STEP
    cases = _CASES * (changes + _CASES // 2) + errors.clip(0, _CASES - 1)
    data = zlib.compress(cases.astype(np.uint8).tobytes(), _LEVEL)
    steps.write(_SIZE.pack(len(data)) + data)


def _read_steps(steps: BinaryIO, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Reads changes and rounding errors, int8 each."""
    (size,) = _SIZE.unpack(steps.read(_SIZE.size))
    cases = np.frombuffer(zlib.decompress(steps.read(size)), np.uint8).reshape(shape)
    changes, errors = ((part.astype(np.int8) - _CASES // 2) for part in divmod(cases, _CASES))
    return changes, errors * _ERROR_STEP


def _average_rate(stamps: Sequence[int]) -> Fraction:
    """Frames per second, as a fraction that a record can hold."""
    if len(stamps) == 1:
        return _RATE
    return (Fraction(len(stamps) - 1, stamps[-1] - stamps[0]) / MILLISECOND).limit_denominator(_FINEST)


def _sealed_again(
    draft: Path, steps: BinaryIO, out: Path, keys: ContainerKeys, frames: int, rate: Fraction, randomness: Randomness
) -> Generator[FilmFrame, None, None]:
    """The draft's frames, sealed with the true number and rate, each with a fresh seed."""
    ring, index = KeyRing.of(keys), -1
    for index, container in enumerate(read_frames(draft)):
        reading = read_record(container, ring, first=index == 0)
        if reading.record is None or not reading.whole or reading.record.index != index:
            raise _faulty(out)
        try:
            changes, rounding_error = _read_steps(steps, container.shape)
        except (struct.error, zlib.error, ValueError) as error:
            raise _faulty(out) from error
        header = reading.record.header
        header = replace(header, frames=frames, secret=replace(header.secret, hidden=frames, rate=rate))
        record = replace(reading.record, header=header)
        before = UnsealedFrame(container - changes.view(np.uint8), rounding_error, record)
        yield FilmFrame(before.sealed(keys, randomness(SEED_BYTES)), record.stamp * MILLISECOND)
    if index + 1 != frames:
        raise _faulty(out)


def _faulty(out: Path) -> MediaError:
    hint = "the disk or the memory is faulty: write to another disk, then check both"
    return MediaError(f"{out}: not written: its draft does not read back as it was recorded", hint)
