"""The search for a container that survives its channel: one for pictures and films.

A simulation of the channel shows the rate that it leaves. Content is made to fit, and hidden in as few blocks and at as
robust a rate as possible. The channel is then simulated on the container; where content is not recovered, the search
tries again at lower rates.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from stegnet.channels import PromisedChannel
from stegnet.core.errors import CapacityError
from stegnet.core.text import Text
from stegnet.hiding.method import HiddenFile
from stegnet.methods.robust.block_placement import content_capacity, record_bits
from stegnet.methods.robust.operating_points import OperatingPoint
from stegnet.methods.robust.robust_content import file_bytes
from stegnet.results import NEXT_STEP
from stegnet.sealing.fec import LOWEST, RATES

C = TypeVar("C")  # a container
F = TypeVar("F")  # what is known of fitted content


@dataclass(frozen=True)
class CodePlan:
    """The rate of each record of a container, one in a picture, one for each group of frames in a film.

    The fields from `attempts` on belong to the kind of cover, and stay the same.
    """

    point: OperatingPoint
    blocks: int  # of a record
    rates: Sequence[int]  # of the code of each record, in 64ths; below LOWEST: there is no record
    shares: range = range(1)  # numbers of the shares of blocks that may be used; the first is the largest share
    share: int = 0  # the number of the share that is used
    textured: bool = False  # whether the blocks of a share are chosen by texture
    # Salts that readers of each copy that may arrive try, as the last attempt showed; empty: there was none.
    salts: Sequence[Sequence[bytes]] = ()
    attempts: int = 1  # containers that are tried, at most
    copies: int = 1  # copies of the content, at most, if they fit
    least: int = 1  # bytes of capacity below which nothing is tried
    head: int = 0  # bytes of a record that hold no content
    together: int = 1  # blocks that a codec codes as one
    spared: float = 1.0  # factor of the highest rate, where blocks are spared
    uneven: float = 0.0  # relative loss of rate where few blocks are used, times the root of their number

    @property
    def capacity(self) -> int:
        """Bytes of content in all records."""
        return sum(self.capacities)

    @property
    def capacities(self) -> list[int]:
        """Bytes of content in each record."""
        return [self._record_capacity(rate) if rate >= LOWEST else 0 for rate in self.rates]

    def _record_capacity(self, rate: int) -> int:
        textured = self.textured and self.share > 0
        content = content_capacity(self.blocks, self.point, rate, self.share, textured) or 0
        return max(content - self.head, 0)

    def sparing(self, wanted: int) -> "CodePlan":
        """Return the plan with the smallest share of blocks, and the lowest rates, that hold `wanted` bytes.

        So a small file survives worse channels than the promised one. No rate exceeds the given one. Where blocks are
        spared, rates stay below the share `spared` of it. They fall with the number of blocks, since some carry little.
        """
        for share in reversed(self.shares):
            highest = self._at_share(share)
            if highest.capacity >= wanted:
                break
        for part in range(1, RATES + 1):
            lower = [max(rate * part // RATES, LOWEST) if rate else 0 for rate in highest.rates]
            plan = replace(highest, rates=lower)
            if plan.capacity >= wanted:
                return plan
        raise AssertionError("content that does not fit")

    def _at_share(self, share: int) -> "CodePlan":
        """Return the plan for this share of the blocks, with the highest rates that are safe in it.

        The rates of this plan are those that are safe in the largest share.
        """
        if share == self.shares[0]:
            return replace(self, share=share)
        used = record_bits(self.blocks, self.point, share, self.textured) / self.point.bits / self.together
        factor = self.spared * (1 - self.uneven / math.sqrt(used)) if used else 0
        bearable = (int(rate * factor) for rate in self.rates)
        return replace(self, share=share, rates=[rate if rate >= LOWEST else 0 for rate in bearable])


@dataclass(frozen=True)
class Transmission:
    """Result of simulating the channel on a container."""

    lost: frozenset[int]  # numbers of the records that are not recovered, or only barely
    salts: Sequence[Sequence[bytes]] = ()  # as in `CodePlan`; only known where something is lost
    psnr: float = math.nan  # dB of a film's container, over some frames


class Modulator(Protocol[C]):
    """A cover for one channel: a picture, or a film."""

    def measured_plan(self) -> CodePlan:
        """Return the plan at whose rates a simulation recovers random bits, less a margin."""

    def modulate(self, content: bytes, plan: CodePlan) -> C:
        """Return a container of this content."""

    def transmit(self, container: C, content: bytes, plan: CodePlan) -> Transmission:
        """Simulate the channel on a container, and read the copies that arrive."""

    def lowered(self, plan: CodePlan, share: int, sent: Transmission, attempt: int) -> CodePlan:
        """Return the plan of the next attempt, after records were lost at this share of the blocks."""

    def refusal(self) -> CapacityError:
        """Return the error to raise if nothing is recovered."""


@dataclass(frozen=True)
class Surviving(Generic[C, F]):
    """A container whose content survives its channel."""

    container: C
    content: bytes
    fitted: F
    offered: int  # bytes of content that it could hold
    capacity: int  # bytes of content at the rates that are used
    psnr: float  # as in `Transmission`


def embed_surviving(cover: Modulator[C], fit: Callable[[int], tuple[bytes, F]]) -> Surviving[C, F]:
    """Hide content in a cover so that it survives the cover's channel.

    Args:
        cover: picture or film, for one channel.
        fit: returns content of at most the given number of bytes with facts on it, or raises CapacityError.

    Raises:
        CapacityError: the content does not fit, or is not recovered.
    """
    plan = cover.measured_plan()
    for attempt in range(plan.attempts):
        offered = plan.capacity
        if offered < plan.least:
            break
        content, fitted = fit(offered)
        used = plan.sparing(len(content) * min(plan.copies, offered // len(content)))
        container = cover.modulate(content, used)
        sent = cover.transmit(container, content, used)
        if not sent.lost:
            return Surviving(container, content, fitted, offered, used.capacity, sent.psnr)
        del container  # before the next takes as much memory
        plan = cover.lowered(plan, used.share, sent, attempt)
    raise cover.refusal()


def file_room(space: int, name: str) -> int | None:
    """Return the bytes of a file of this name in so many bytes of content; None: not even an empty one fits."""
    most = space - file_bytes(name, 0)
    return most if most >= 0 else None


def survival_notes(file: HiddenFile, channel: PromisedChannel, on_copy: tuple[str, ...]) -> tuple[str, ...]:
    """Return lines on the secret, with the given ones on a copy, and on the channel."""
    lines = (file.line,) if file.unchanged else on_copy
    return *lines, Text(f"survives {channel}, but not {channel.limits}", kind=NEXT_STEP)
