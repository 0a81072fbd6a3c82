"""Quality of a hiding: how far the container is from its cover, and how well the secret comes back."""

from dataclasses import dataclass

import numpy as np

from stegnet.codec.frame import find, reveal_frame
from stegnet.codec.keys import Key
from stegnet.codec.network import Network, Step, no_step
from stegnet.core.errors import CapacityError
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.shuffle import grid
from stegnet.media import resize

VISIBLE = 30.0  # dB of PSNR between cover and container; photographs in photographs get 38 and more
POOR, LEAST = 30.0, 22.0  # dB of PSNR of the revealed secret: below, hiding warns, and refuses
_SAMPLES = 8  # frames of a film that are measured at most


@dataclass(frozen=True)
class Loss:
    """Mean squared errors of a revealed picture against the secret, both at the secret's own size.

    Attributes:
        total: of what comes back.
        size: of the secret stretched to the hidden area and back, without any network; 0 where all is well.
    """

    total: float
    size: float


def measure_loss(network: Network, key: Key, container: np.ndarray, secret: np.ndarray, step: Step = no_step) -> Loss:
    """Reveals a frame as its reader will.

    Args:
        container: (H, W, 3) uint8, in which `secret`, (h, w, 3) uint8, was hidden.
        step: called after each tile of a large picture.
    """
    record = find(container, key).record
    assert record is not None
    total = mean_squared_error(secret, reveal_frame(network, key, container, record, step))
    if psnr_from_mse(total, PEAK) >= POOR:
        return Loss(total, 0.0)
    rows, cols = grid(*container.shape[:2], network.block)
    stretched = resize(secret, rows * network.block, cols * network.block)
    return Loss(total, mean_squared_error(secret, resize(stretched, *secret.shape[:2])))


class SecretQuality:
    """How well a secret comes back, known better with each of its frames that is measured.

    Args:
        hidden: its frames; 1 for a picture.
        secret, cover: height and width.
        force: is nothing refused?
    Attributes:
        frames: indices of those to measure: the middle of each eighth of a film.
    """

    def __init__(self, hidden: int, secret: tuple[int, int], cover: tuple[int, int], force: bool) -> None:
        count = min(_SAMPLES, hidden)
        self.frames = frozenset((2 * number + 1) * hidden // (2 * count) for number in range(count))
        self._secret, self._cover, self._force = secret, cover, force
        self._losses: list[Loss] = []

    def add(self, loss: Loss) -> None:
        """Takes one frame's.

        Raises:
            CapacityError: the PSNR is below LEAST, however well the frames to come do.
        """
        self._losses.append(loss)
        if not self._force and self._psnr_of(len(self.frames)) < LEAST:
            reason, advice = self._reason()
            told = f"the secret would come back at {self.psnr():.1f} dB PSNR, too poor to be of use: {reason}"
            raise CapacityError(told, f"{advice}; `--force` hides it all the same")

    def psnr(self) -> float:
        """dB, over all samples of the frames measured so far."""
        return self._psnr_of(len(self._losses))

    def warnings(self) -> tuple[str, ...]:
        """One line where the secret comes back below POOR, with the reason; else none."""
        if self.psnr() >= POOR:
            return ()
        reason, advice = self._reason()
        return (f"the secret comes back at {self.psnr():.1f} dB PSNR only: {reason}; {advice}",)

    def _psnr_of(self, count: int) -> float:
        return psnr_from_mse(sum(loss.total for loss in self._losses) / count, PEAK)

    def _reason(self) -> tuple[str, str]:
        """The larger part of the loss, and what to do about it."""
        larger = self._secret[0] > self._cover[0] or self._secret[1] > self._cover[1]
        if larger and 2 * sum(loss.size for loss in self._losses) >= sum(loss.total for loss in self._losses):
            secret, cover = (f"{width}×{height}" for height, width in (self._secret, self._cover))
            told = f"it has {secret} pixels, its cover only {cover}"
            return told, f"take a cover of {secret} or more, or `--method sealed`"
        told = "the network can't carry what it shows, such as noise or fine patterns"
        return told, "take another secret, or `--method sealed`"


def visible(worst: float) -> tuple[str, ...]:
    """Notes on a container whose worst frame has this PSNR, in dB, against its cover: one, or none."""
    if worst >= VISIBLE:
        return ()
    advice = "the network learnt photographs; take another secret or cover, or `--method sealed`"
    return (f"the container visibly differs from its cover ({worst:.1f} dB PSNR): {advice}",)
