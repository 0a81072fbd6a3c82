"""What the page gets to show: pictures as JPEG, and figures."""

import base64
import math
import time
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from stegnet.webcam.live import Trip

GAIN = 10  # of the differences
_QUALITY = 90
_WINDOW = 3.0  # seconds that rates are taken over

# What JSON holds.
Figures = dict[str, float | int | bool | None]


@dataclass(frozen=True)
class View:
    """One frame, there and back, and how the whole is doing."""

    trip: Trip
    figures: Figures

    def plain(self) -> dict[str, object]:
        """As JSON: figures, and pictures as JPEG in base 64."""
        trip = self.trip
        pictures = {
            "cover": trip.cover,
            "container": trip.container,
            "secret": trip.secret,
            "revealed": trip.revealed,
            "container_difference": _difference(trip.cover, trip.container),
            "revealed_difference": _difference(trip.secret, trip.revealed),
        }
        return {"figures": self.figures, "pictures": {name: _jpeg(picture) for name, picture in pictures.items()}}


class Rates:
    """Counts what the camera gives and what is shown.

    Args:
        recording: is it recorded?
    """

    def __init__(self, recording: bool) -> None:
        self._recording = recording
        self._seen: deque[tuple[float, int]] = deque()
        self._first: int | None = None
        self._shown = 0

    def view(self, trip: Trip, given: int) -> View:
        """The view of a frame that is now shown.

        Args:
            given: frames that the camera has given by now.
        """
        self._shown += 1
        self._first = trip.number if self._first is None else self._first
        now = time.monotonic()
        self._seen.append((now, given))
        while now - self._seen[0][0] > _WINDOW and len(self._seen) > 2:
            self._seen.popleft()
        span = now - self._seen[0][0]
        height, width, _ = trip.cover.shape
        figures = {
            "shown": self._shown,
            "dropped": trip.number - self._first + 1 - self._shown,
            "camera_rate": (given - self._seen[0][1]) / span if span else None,
            "shown_rate": (len(self._seen) - 1) / span if span else None,
            "container_psnr": _finite(trip.container_psnr),
            "revealed_psnr": _finite(trip.revealed_psnr),
            "width": width,
            "height": height,
            "seconds": trip.before.record.stamp / 1000,
            "recording": self._recording,
        }
        return View(trip, figures)


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """GAIN · |a − b| of two (H, W, 3) uint8 pictures, cut at 255."""
    return np.minimum(cv2.absdiff(a, b).astype(np.uint16) * GAIN, 255).astype(np.uint8)


def _jpeg(picture: np.ndarray) -> str:
    _, code = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return base64.b64encode(code).decode()


def _finite(psnr: float) -> float | None:
    """JSON knows no infinity."""
    return psnr if math.isfinite(psnr) else None
