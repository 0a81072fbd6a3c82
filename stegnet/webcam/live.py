"""Hiding and revealing live: the latest frame of a camera, again and again."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from threading import Event

import numpy as np

from stegnet.core.kinds import FILM
from stegnet.core.measures import psnr
from stegnet.core.parallel import ordered
from stegnet.keys import FILM_ID_BYTES, SYSTEM, ContainerKeys, KeyRing
from stegnet.media import resize
from stegnet.methods.network import FrameInput, Network, check_cover, hide_frame, reveal_frame
from stegnet.record import MAX_FRAMES, Header, Pictures, Record, nothing_revealed, read_record
from stegnet.sealing import SEED_BYTES
from stegnet.webcam.capture import Capture
from stegnet.webcam.recording import MILLISECOND

_RATE = Fraction(25)  # of no consequence: time stamps say when frames are shown
_POLL = 0.2  # seconds between checks of the stop event


@dataclass(frozen=True)
class LiveFrame:
    """One frame, hidden and revealed; pictures are (H, W, 3) uint8.

    Attributes:
        stamp: time in milliseconds since the first.
        number: of the camera's frame, counted from 1.
        secret, revealed: at the size of the secret.
        container_psnr, revealed_psnr: in dB; inf for identical pictures.
    """

    stamp: int
    number: int
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray
    revealed: np.ndarray
    container_psnr: float
    revealed_psnr: float


@dataclass(frozen=True)
class _Job:
    record: Record
    number: int
    cover: np.ndarray
    secret: np.ndarray


class LivePipeline:
    """Hides the frames of one capture in those of another.

    Args:
        keys: of the recorded film.
        camera, secret: captures; the sizes are those of their first frames.
        size: width and height of covers; None for those of the camera.
    Raises:
        MediaError: a source delivers no frame.
        CapacityError: the covers are too small.
    """

    def __init__(
        self,
        network: Network,
        keys: ContainerKeys,
        camera: Capture,
        secret: Capture,
        size: tuple[int, int] | None = None,
    ) -> None:
        height, width = camera.frame().picture.shape[:2]
        self._width, self._height = size or (width, height)
        self._secret_size = _fit(*secret.frame().picture.shape[:2], self._height, self._width)
        self._network, self._keys = network, keys
        self._camera, self._secret = camera, secret
        self._header = _header(network, *self._secret_size)
        check_cover(self._height, self._width, self._header, keys.film, 0)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of covers."""
        return self._height, self._width

    def frames(self, stop: Event, max_frames: int = MAX_FRAMES) -> Generator[LiveFrame, None, None]:
        """Processes the latest frame whenever a thread is free, until `stop` is set or the camera ends.

        Raises:
            MediaError: a source can't be read.
        """
        pool = self._network.pool(self._height, self._width)
        jobs = self._jobs(stop, min(max_frames, MAX_FRAMES))
        with closing(ordered(self._process, jobs, pool.workers, pool.prepare)) as frames:
            yield from frames

    def _jobs(self, stop: Event, max_frames: int) -> Iterator[_Job]:
        taken, stamp, start = 0, -1, None
        for index in range(max_frames):
            while (found := self._camera.latest.wait(taken, _POLL)) is None and not stop.is_set():
                if self._camera.latest.ended(taken):
                    self._camera.check()
                    return
            if found is None or stop.is_set():
                return
            self._secret.check()
            taken, frame = found
            start = frame.time if start is None else start
            stamp = max(stamp + 1, _milliseconds(frame.time - start))
            cover = _fill(frame.picture, self._height, self._width)
            secret = resize(self._secret.frame().picture, *self._secret_size)
            yield _Job(Record(self._header, index, stamp), taken, cover, secret)

    def _process(self, job: _Job) -> LiveFrame:
        given = FrameInput(job.secret, job.record, SYSTEM(SEED_BYTES))
        container = hide_frame(self._network, self._keys, job.cover, given)
        found = read_record(container, KeyRing.of(self._keys), first=job.record.index == 0)
        if found.record is None:
            raise nothing_revealed()
        revealed = reveal_frame(self._network, self._keys.film, container, found)
        qualities = psnr(job.cover, container), psnr(job.secret, revealed)
        return LiveFrame(job.record.stamp, job.number, job.cover, container, job.secret, revealed, *qualities)


def _header(network: Network, height: int, width: int) -> Header:
    """The header of frames that hide pictures of this size; how many there will be is not known."""
    size = width, height, MAX_FRAMES, MILLISECOND, _RATE
    described = Pictures(*size, network.base, network.block, network.weights)
    return Header(SYSTEM(FILM_ID_BYTES), FILM, MAX_FRAMES, described)


def _milliseconds(seconds: Fraction) -> int:
    return round(seconds / MILLISECOND)


def _fit(height: int, width: int, max_height: int, max_width: int) -> tuple[int, int]:
    """Scales a size down, if necessary, to fit into another; the aspect ratio stays."""
    scale = min(1.0, max_height / height, max_width / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _fill(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crops the centre of a picture to an aspect ratio and resizes it."""
    old_height, old_width = picture.shape[:2]
    scale = max(height / old_height, width / old_width)
    rows, cols = min(old_height, round(height / scale)), min(old_width, round(width / scale))
    top, left = (old_height - rows) // 2, (old_width - cols) // 2
    return resize(picture[top : top + rows, left : left + cols], height, width)
