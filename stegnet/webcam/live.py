"""The newest frame of a camera, hidden in and revealed from, again and again."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from threading import Event

import numpy as np

from stegnet.codec.frame import UnsealedFrame, check_cover, hide_unsealed, nothing_revealed, read_record, reveal_frame
from stegnet.codec.keys import Key
from stegnet.codec.network import Network
from stegnet.codec.record import MAX_FRAMES, Record
from stegnet.codec.recording import MILLISECOND, open_header
from stegnet.codec.seal import NONCE_BYTES
from stegnet.core.measures import psnr
from stegnet.core.parallel import ordered
from stegnet.media import resize
from stegnet.webcam.capture import Capture

_POLL = 0.2  # seconds between two looks at whether to stop


@dataclass(frozen=True)
class Trip:
    """One frame, there and back; pictures are (H, W, 3) uint8.

    Attributes:
        before: the container before it was sealed.
        number: which of the camera's frames it is, counted from 1.
        secret, revealed: at the secret's size.
        container_psnr, revealed_psnr: dB; inf where nothing differs.
    """

    before: UnsealedFrame
    number: int
    cover: np.ndarray
    container: np.ndarray
    secret: np.ndarray
    revealed: np.ndarray
    container_psnr: float
    revealed_psnr: float


@dataclass(frozen=True)
class _Item:
    record: Record
    number: int
    cover: np.ndarray
    secret: np.ndarray


class Live:
    """What stays the same from frame to frame.

    Args:
        key, salt: the key that belongs to 16 random bytes.
        camera, secret: being read; the sizes are those of their first frames.
        size: width and height of covers; None leaves them as they are.
    Raises:
        MediaError: a source gives no frame.
        CapacityError: the camera's pictures are too small.
    """

    def __init__(
        self,
        network: Network,
        key: Key,
        salt: bytes,
        camera: Capture,
        secret: Capture,
        size: tuple[int, int] | None = None,
    ) -> None:
        height, width = camera.first().picture.shape[:2]
        self._width, self._height = size or (width, height)
        self._secret_size = _inside(*secret.first().picture.shape[:2], self._height, self._width)
        self._network, self._key, self._salt = network, key, salt
        self._camera, self._secret = camera, secret
        self._header = open_header(network, *self._secret_size)
        check_cover(self._height, self._width, self._header, key, 0)

    def trips(self, stop: Event, most: int = MAX_FRAMES) -> Generator[Trip, None, None]:
        """Takes the newest frame whenever a thread is free for it, until told to stop, or the camera ends.

        Raises:
            MediaError: a source can't be read on.
        """
        pool = self._network.pool(self._height, self._width)
        items = self._items(stop, min(most, MAX_FRAMES))
        with closing(ordered(self._trip, items, pool.workers, pool.prepare)) as trips:
            yield from trips

    def _items(self, stop: Event, most: int) -> Iterator[_Item]:
        taken, stamp, start = 0, -1, None
        for index in range(most):
            while (found := self._camera.newest.wait(taken, _POLL)) is None and not stop.is_set():
                if self._camera.newest.over(taken):
                    self._camera.check()
                    return
            if found is None or stop.is_set():
                return
            self._secret.check()
            taken, frame = found
            start = frame.time if start is None else start
            stamp = max(stamp + 1, _milliseconds(frame.time - start))
            cover = _filled(frame.picture, self._height, self._width)
            secret = resize(self._secret.first().picture, *self._secret_size)
            yield _Item(Record(self._header, index, stamp), taken, cover, secret)

    def _trip(self, item: _Item) -> Trip:
        salt = self._salt if item.record.index == 0 else None
        before = hide_unsealed(self._network, self._key, item.cover, item.secret, item.record)
        container = before.sealed(self._key, os.urandom(NONCE_BYTES), salt)
        found = read_record(container, self._key)
        if found.record is None:
            raise nothing_revealed()
        revealed = reveal_frame(self._network, self._key, container, found.record)
        qualities = psnr(item.cover, container), psnr(item.secret, revealed)
        return Trip(before, item.number, item.cover, container, item.secret, revealed, *qualities)


def _milliseconds(seconds: Fraction) -> int:
    return round(seconds / MILLISECOND)


def _inside(height: int, width: int, most_high: int, most_wide: int) -> tuple[int, int]:
    """The largest size of this shape that lies within another, never more than it is."""
    scale = min(1.0, most_high / height, most_wide / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _filled(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a picture, of the wanted shape, at the wanted size."""
    high, wide = picture.shape[:2]
    scale = max(height / high, width / wide)
    rows, cols = min(high, round(height / scale)), min(wide, round(width / scale))
    top, left = (high - rows) // 2, (wide - cols) // 2
    return resize(picture[top : top + rows, left : left + cols], height, width)
