"""What every engine can do."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import psutil

from stegnet.core.errors import CapacityError

WORKING_BYTES = 350  # per pixel of a tile: a pass of the invertible pair takes 300 at 32 bits, 240 in bfloat16


@dataclass(frozen=True)
class Pool:
    """Threads that run one engine side by side, each on a picture of its own.

    Attributes:
        workers: their number.
        prepare: to be called in each thread.
    """

    workers: int
    prepare: Callable[[], None]


class Engine(Protocol):
    """The four networks of a pair, as `stegnet.models.Pair` has them, at work on single pictures.

    Pictures are (H, W, 3) float32, sRGB in [0, 1]; sides are multiples of 8. What is given stays as it is. All raise
    CapacityError where there is not memory enough.

    Attributes:
        backend: its name.
        device: where it computes: "cpu", "cuda:0", …
        precision: "bf16" or "fp32".
    """

    backend: str
    device: object
    precision: str

    def prepare(self, secret: np.ndarray) -> np.ndarray:
        """What is hidden for `secret`, before its detail is taken and shuffled."""

    def hide(self, cover: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """The container, not clamped nor rounded; what is hidden lies in [-1, 1]."""

    def reveal(self, container: np.ndarray) -> np.ndarray:
        """What is hidden, read from `container` alone, in [-1, 1]; not clamped."""

    def restore(self, picture: np.ndarray) -> np.ndarray:
        """The secret, from what was revealed and put back in order; not clamped."""

    def pool(self, pixels: int) -> Pool:
        """The threads that keep it busy with pictures, or tiles, of so many pixels, as many as memory allows."""


def cores() -> int:
    """Threads that may compute at once: what OMP_NUM_THREADS says, else the processors that are ours."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def room_on_cpu(pixels: int) -> int:
    """Pictures of so many pixels for which there is memory at once; at least one is tried."""
    return max(1, psutil.virtual_memory().available // (pixels * WORKING_BYTES))


def too_large() -> CapacityError:
    """In plain words, that a picture needs more memory than there is."""
    return CapacityError("the picture is too large for this machine's memory", "make the cover smaller")
