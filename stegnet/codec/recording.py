"""A container film that grows while nobody knows how long it will be.

Every frame of a container says how many there are. So the frames go to a draft first, whose records say that there
are as many as can be, and beside it what sealing them has changed. At the end each frame is unsealed, and sealed
afresh with the true number on its way to the film itself.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from stegnet.codec.frame import Unsealed, find
from stegnet.codec.keys import FILM_ID_BYTES, SYSTEM, Key, Randomness
from stegnet.codec.network import Network
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.record import FILM, MAX_FRAMES, Header, Pictures, Record
from stegnet.codec.seal import NONCE_BYTES, read_salt
from stegnet.core.errors import MediaError
from stegnet.media import FilmWriter, check_film, digest, read_frames, temporary_file, whole_file

MILLISECOND = Fraction(1, 1000)
_RATE = Fraction(25)  # of a film of one frame
_FINEST = 1_000_000
_MIDDLE = 4  # of the nine cases: no change, no leaning
_LEVEL = 1
_SIZE = struct.Struct(">I")

# Takes the next frame, sealed, (H, W, 3) uint8, and as it was before.
Add = Callable[[np.ndarray, Unsealed], None]


def open_header(network: Network, height: int, width: int, randomness: Randomness = SYSTEM) -> Header:
    """The header of a film whose length is not known yet: it has as many frames as can be, each hiding one.

    Args:
        height, width: of the secret. Its stamps are in milliseconds.
    """
    size = width, height, MAX_FRAMES, MILLISECOND, _RATE
    described = Pictures(*size, network.detail, network.block, network.weights)
    return Header(randomness(FILM_ID_BYTES), FILM, MAX_FRAMES, described)


@contextmanager
def recorded(
    out: Path,
    form: str,
    key: Key,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    *,
    overwrite: bool = True,
) -> Iterator[Add]:
    """Gives what takes the frames; the film stands at `out` when the block is done, and only then.

    Args:
        form: "mkv" or "mp4".
        key: that the frames are sealed with; the first of them holds the salt, if it takes one.
        progress: called while the film is sealed and read back.
        overwrite: may a file that is there be overwritten?
    Raises:
        MediaError: the film can't be written, or there was no frame.
    """
    stamps: list[int] = []
    with temporary_file(out) as draft, temporary_file(out) as beside, beside.open("w+b") as steps:
        with ExitStack() as writing:
            film = None

            def add(container: np.ndarray, before: Unsealed) -> None:
                nonlocal film
                height, width, _ = container.shape
                film = film or writing.enter_context(FilmWriter(draft, width, height, _RATE))
                film.write(container, before.record.stamp * MILLISECOND)
                _note_steps(steps, container, before)
                stamps.append(before.record.stamp)

            yield add
        if not stamps:
            raise MediaError(f"{out}: not written: there was no frame to record")
        steps.seek(0)
        frames = _sealed_again(draft, steps, out, key, len(stamps), _average_rate(stamps), randomness)
        with whole_file(out, overwrite=overwrite) as part:
            _write(frames, part, form, len(stamps), progress)


def _note_steps(steps: BinaryIO, container: np.ndarray, before: Unsealed) -> None:
    """Writes down by how much each sample was changed, and which way it leant: −1, 0 or 1 each, nine cases in all."""
    changes = (container - before.container).view(np.int8)
    data = zlib.compress((3 * changes + before.lean + _MIDDLE).astype(np.uint8).tobytes(), _LEVEL)
    steps.write(_SIZE.pack(len(data)) + data)


def _read_steps(steps: BinaryIO, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Changes and leanings, int8 each."""
    (size,) = _SIZE.unpack(steps.read(_SIZE.size))
    cases = np.frombuffer(zlib.decompress(steps.read(size)), np.uint8).reshape(shape)
    return (cases // 3).astype(np.int8) - 1, (cases % 3).astype(np.int8) - 1


def _write(frames: Iterator[tuple[np.ndarray, Record]], part: Path, form: str, total: int, progress: Progress) -> None:
    first = next(frames)
    height, width, _ = first[0].shape
    rate = first[1].header.secret.rate
    digests = []
    with FilmWriter(part, width, height, rate, form=form, time_base=MILLISECOND) as film:
        for container, record in chain([first], frames):
            film.write(container, record.stamp * MILLISECOND)
            digests.append(digest(container))
            progress("seal", len(digests), total)
    check_film(part, digests, lambda done, total: progress("verify", done, total))


def _average_rate(stamps: Sequence[int]) -> Fraction:
    """Frames per second, in parts that a record has room for."""
    if len(stamps) == 1:
        return _RATE
    return (Fraction(len(stamps) - 1, stamps[-1] - stamps[0]) / MILLISECOND).limit_denominator(_FINEST)


def _sealed_again(
    draft: Path, steps: BinaryIO, out: Path, key: Key, frames: int, rate: Fraction, randomness: Randomness
) -> Iterator[tuple[np.ndarray, Record]]:
    """The draft's frames with records that tell their number and rate; each has a fresh nonce."""
    count = 0
    for index, container in enumerate(read_frames(draft)):
        found = find(container, key)
        if found.record is None or not found.whole or found.record.index != index:
            raise _faulty(out)
        try:
            changes, lean = _read_steps(steps, container.shape)
        except (struct.error, zlib.error, ValueError) as error:
            raise _faulty(out) from error
        header = found.record.header
        header = replace(header, frames=frames, secret=replace(header.secret, hidden=frames, rate=rate))
        record = replace(found.record, header=header)
        salt = read_salt(container) if index == 0 else None
        before = Unsealed(container - changes.view(np.uint8), lean, record)
        yield before.sealed(key, randomness(NONCE_BYTES), salt), record
        count += 1
    if count != frames:
        raise _faulty(out)


def _faulty(out: Path) -> MediaError:
    hint = "the disk or the memory is faulty: write to another disk, then check both"
    return MediaError(f"{out}: not written: its draft does not read back as it was recorded", hint)
