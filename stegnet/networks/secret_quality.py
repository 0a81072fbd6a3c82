"""Measures of a hidden secret: how visible it is in the container, and how well it is revealed."""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.keystream import grid
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.parallel import Count, no_count
from stegnet.core.text import Setting, Text
from stegnet.image.pictures import resize
from stegnet.keys import KeyRing, KeySource
from stegnet.networks.frames import reveal_frame
from stegnet.networks.inference import Network
from stegnet.networks.unresize import unresize
from stegnet.record import not_given_back, read_record
from stegnet.results import LEAST, POOR


@dataclass(frozen=True)
class SecretErrors:
    """Mean squared errors of a revealed picture against the secret, both at the secret's own size."""

    total: float
    resizing: float  # of the secret resized to the hidden area and back, without any network; 0 if `total` is low


def measure_secret(
    network: Network,
    keys: KeyRing,
    container: np.ndarray,
    secret: np.ndarray,
    *,
    first: bool,
    progress: Count = no_count,
) -> SecretErrors:
    """Reveal a frame as its recipient will, (H, W, 3) uint8, and compare it with the secret, (h, w, 3) uint8.

    Raises MediaError if it does not open.
    """
    reading = read_record(container, keys, first=first)
    if reading.record is None:
        raise not_given_back("the frame")
    total = mean_squared_error(secret, reveal_frame(network, keys.film, container, reading, progress))
    if psnr_from_mse(total, PEAK) >= POOR:
        return SecretErrors(total, 0.0)
    height, width = container.shape[:2]
    rows, cols = grid(height, width, network.block)
    stretched = resize(secret, rows * network.block, cols * network.block)
    secret_height, secret_width = secret.shape[:2]
    shrunk = unresize(stretched, secret_height, secret_width, noise=1.0)
    return SecretErrors(total, mean_squared_error(secret, shrunk))


class SecretQuality:
    """Quality of a revealed secret, estimated from the frames measured so far. Threads may add them in any order.

    The secret has `hidden` frames; sizes of secret and cover are height and width. Frames to measure, by index, are the
    middle of each eighth of a film.
    """

    def __init__(self, hidden: int, secret: tuple[int, int], cover: tuple[int, int], any_quality: bool) -> None:
        most_frames = 8  # of a film that are measured
        count = min(most_frames, hidden)
        self.frames = frozenset((2 * number + 1) * hidden // (2 * count) for number in range(count))
        self._secret = secret
        self._cover = cover
        self._any = any_quality
        self._measured: dict[int, SecretErrors] = {}

    def add(self, index: int, errors: SecretErrors) -> None:
        """Add the errors of the frame with this index.

        Raises CapacityError if the PSNR will be below LEAST, however well the remaining frames are revealed. The error
        states the PSNR of the first frames that prove it, whatever the order in which they were added.
        """
        self._measured[index] = errors
        if self._any:
            return
        known = list(takewhile(self._measured.__contains__, sorted(self.frames)))
        for count in range(1, len(known) + 1):
            first = [self._measured[frame] for frame in known[:count]]
            if _psnr(first, len(self.frames)) < LEAST:
                reason, advice = self._reason(first)
                message = (
                    f"the secret would be revealed at {_psnr(first):.1f} dB PSNR, below the useful minimum: {reason}"
                )
                raise CapacityError(message, Text(advice, "; ", Setting("any_quality", True), " hides it all the same"))

    @property
    def _errors(self) -> list[SecretErrors]:
        """Errors of each frame in order, so that their sums are always the same."""
        return [errors for _, errors in sorted(self._measured.items(), key=lambda item: item[0])]

    def psnr(self) -> float:
        """Return the PSNR in dB, over all samples of the frames measured so far."""
        return _psnr(self._errors)

    def warnings(self) -> tuple[str, ...]:
        """Return a line with the reason if the PSNR is below POOR."""
        if self.psnr() >= POOR:
            return ()
        reason, advice = self._reason(self._errors)
        return (Text(f"the secret is revealed at only {self.psnr():.1f} dB PSNR: {reason}; ", advice),)

    def _reason(self, measured: list[SecretErrors]) -> tuple[str, str]:
        """Return the main cause of the errors, and advice."""
        larger = self._secret[0] > self._cover[0] or self._secret[1] > self._cover[1]
        resizing, total = (sum(getattr(errors, of) for errors in measured) for of in ("resizing", "total"))
        if larger and 2 * resizing >= total:
            secret, cover = (f"{width}×{height}" for height, width in (self._secret, self._cover))
            advice = Text(f"use a cover of {secret} or more, or ", Setting("method", "sealed"))
            return f"it has {secret} pixels, its cover only {cover}", advice
        advice = Text("use another secret, or ", Setting("method", "sealed"))
        return "the network's weights carry no more (least of noise and fine patterns)", advice


def _psnr(measured: list[SecretErrors], frames: int = 0) -> float:
    """Return the PSNR in dB of measured frames.

    With `frames`, return the PSNR of this number of frames, if all others are revealed without an error.
    """
    return psnr_from_mse(sum(errors.total for errors in measured) / (frames or len(measured)), PEAK)


def measured_quality(
    network: Network,
    container: np.ndarray,
    secret: np.ndarray,
    key_source: KeySource,
    any_quality: bool,
    progress: Count = no_count,
) -> SecretQuality:
    """Measure a revealed picture as `measure_secret`. Raises CapacityError if its quality is too low to be useful."""
    quality = SecretQuality(1, secret.shape[:2], container.shape[:2], any_quality)
    quality.add(0, measure_secret(network, KeyRing(key_source), container, secret, first=True, progress=progress))
    return quality


def visibility_notes(worst: float) -> tuple[str, ...]:
    """Return a note if the worst frame's PSNR against its cover, in dB, is so low that the difference is visible."""
    visible = 30.0  # dB of PSNR between cover and container; photographs in photographs get 38 and more
    if worst >= visible:
        return ()
    line = (
        f"the container visibly differs from its cover ({worst:.1f} dB PSNR): the network's weights hide it no better"
    )
    return (Text(line, "; use another secret or cover, or ", Setting("method", "sealed")),)
