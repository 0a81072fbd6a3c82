"""Operating points: the trade-offs between the bits in a block and what they survive, of pictures and of films."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stegnet.core.pixels import DITHER, LUMA_QUANTA
from stegnet.methods.robust.robust_options import CONTAINER_PSNR
from stegnet.video.coding import PACE

GROUP = 48  # frames of a film with a header and record of their own
SHARES = 64  # numbers of the shares of blocks that may carry the record: 1, 7/8, 3/4, 5/8, 1/2, 7/16 …
MIDDLE = np.float32(127.5)  # level that luma is measured from
FINEST = sorted(range(DITHER), key=lambda place: LUMA_QUANTA[place])  # coefficients, JPEG's smallest quanta first


@dataclass(frozen=True)
class OperatingPoint:
    """A trade-off between bits and robustness: one that a modem has learnt, or one for groups of frames."""

    name: str  # the channel it is meant for, such as "jpeg-75"
    first: int  # index of its first bit among all bits of a block
    coefficients: int  # coefficients of each block that carry bits
    psnr: float  # dB of a container in which all blocks carry bits
    lowest: int  # lowest, highest: JPEG quality, or constant rate factor of films, that it is meant for
    highest: int
    scale: float = 1.0  # period of a phase, in steps of JPEG at quality 50
    run: int = 1  # frames in a run, of which the first carries bits
    group: int = 1  # frames that share a record, a multiple of `run`

    @property
    def bits(self) -> int:
        """Bits of a block in a picture or group: run after run, coefficient after coefficient."""
        return self.group // self.run * self.coefficients

    @property
    def places(self) -> slice:
        """Its bits among all bits of a block."""
        return slice(self.first, self.first + self.bits)

    @property
    def frequencies(self) -> list[int]:
        """The coefficients of a block that carry its bits, row by row: those with the smallest steps."""
        return FINEST[: self.coefficients]

    @cached_property
    def periods(self) -> np.ndarray:
        """Periods of the coefficients' phases in levels, (coefficients,) float32."""
        return np.array([LUMA_QUANTA[place] * self.scale for place in self.frequencies], np.float32)

    @property
    def channel(self) -> str:
        """The channel that the name refers to, as users write it: "jpeg:75"."""
        return self.name.replace("-", ":")


FILM_POINTS = (  # the most robust first
    OperatingPoint("coarse", 0, 8, psnr=31.0, lowest=16, highest=29, scale=7.0, run=PACE, group=GROUP),
    OperatingPoint("middle", 0, 8, psnr=33.7, lowest=16, highest=25, scale=5.0, run=PACE, group=GROUP),
    OperatingPoint("fine", 0, 16, psnr=34.9, lowest=16, highest=20, scale=2.5, run=PACE, group=GROUP),
)
# Has the largest capacity, and costs most.
DENSE = OperatingPoint("dense", 0, 16, psnr=33.0, lowest=16, highest=20, scale=2.5, run=1, group=GROUP)
ALL_FILM_POINTS = *FILM_POINTS, DENSE


def share_of(number: int) -> float:
    """Return the share of the blocks with this number that may carry a record, one of SHARES: 1, 7/8, 3/4, 5/8, 1/2.

    Further shares are 7/16, 3/8, and so on.
    """
    return shared_blocks(1 << SHARES, number) / (1 << SHARES)


def shared_blocks(blocks: int, share: int) -> int:
    """Return the number of blocks, among `blocks`, in the share with this number."""
    return blocks * (8 - share % 4) >> share // 4 + 3


def film_points(crf: int, psnr: float | None, *, exact: bool) -> list[list[tuple[OperatingPoint, int]]]:
    """Return operating points of films with their `largest_share` in the order to try them; then those of a lower PSNR.

    The most robust point costs least per bit, and has least capacity. Where a secret is made to fit, not hidden
    exactly, more capacity means a better copy.

    Args:
        crf: the constant rate factor of x264 that is to be survived.
        psnr: PSNR in dB; None: CONTAINER_PSNR, or less where this leaves no capacity.
        exact: whether the secret is hidden as it is.
    """
    able = [point for point in FILM_POINTS if point.highest >= crf] or [FILM_POINTS[0]]
    more = [DENSE] if DENSE.highest >= crf else []
    ordered = able + more if exact else able[::-1]
    points = [(point, largest_share(point, psnr or CONTAINER_PSNR)) for point in ordered]
    lower_psnr = 33.0  # dB, for films that hold nothing at CONTAINER_PSNR
    return [points] if psnr else [points, [(FILM_POINTS[0], largest_share(FILM_POINTS[0], lower_psnr))]]


def largest_share(point: OperatingPoint, psnr: float) -> int:
    """Return the number of the largest share of the blocks that may carry bits in films of about this PSNR in dB."""
    tolerance = 1.05  # factor of a share: a fifth of a decibel
    limit = 10 ** ((point.psnr - psnr) / 10) * tolerance
    return next(number for number in range(SHARES) if share_of(number) <= max(limit, share_of(SHARES - 1)))
