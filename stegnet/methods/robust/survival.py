"""Hiding what is recovered after a lossy channel: one search for rates and for the share of blocks, by trial.

Content is hidden at the rates that a simulation of the channel bears, in as few blocks and at as robust a rate as will
do; then the channel is simulated on the container, and where content is not recovered, less is asked for.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from stegnet.core.errors import CapacityError, reading
from stegnet.methods.method import Carrier, Context, Fitted, NewContainer, Payload
from stegnet.methods.robust.channels import Channel
from stegnet.methods.robust.content import file_bytes, file_content
from stegnet.methods.robust.fec import LOWEST, RATES
from stegnet.methods.robust.places import content_room, record_places
from stegnet.methods.robust.qim import OperatingPoint
from stegnet.results import printable


class RobustCarrier(ABC):
    """A cover that carries records: a picture one, a film one in each group of frames.

    Attributes:
        attempts: at most.
        copies: of the content, at most, if there is room for them.
        head: bytes of a record that belong to no content.
        least: bytes of room below which nothing is tried.
        spared: of the highest rate, where blocks are spared.
        uneven: by how much of the rate, over the root of their number, a few blocks may carry less than all.
        together: blocks that are coded as one.
        blocks: of a record.
        shares: numbers of the shares of the blocks that may be used; the first is the largest share.
        textured: the blocks of a share are chosen by texture.
        room: bytes of content in the container.
    """

    attempts: int
    copies, head, least, together = 1, 0, 1, 1
    spared: float
    uneven: float
    blocks: int
    shares: range
    textured = False
    channel: Channel
    point: OperatingPoint
    context: Context
    room: int

    def hide(self, fit: Callable[[int], bytes]) -> None:
        """Hides content so that it survives the channel.

        Args:
            fit: returns content of at most the given number of bytes, or raises CapacityError.
        Raises:
            CapacityError: the content does not fit, or is not recovered.
        """
        rates = self.measured()
        for attempt in range(self.attempts):
            room = sum(self.rooms(rates, self.shares[0]))
            if room < self.least:
                break
            content = fit(room)
            used, share = self.rates_and_share(rates, len(content) * min(self.copies, room // len(content)))
            self.embed(content, used, share)
            failed = self.failed()
            if not failed:
                self.room = sum(self.rooms(used, share))
                return
            rates = self.lowered(rates, share, failed, attempt)
        raise self.refusal()

    def rooms(self, rates: Sequence[int], share: int) -> list[int]:
        """Bytes of content in each record at these rates."""
        textured = self.textured and share > 0
        rooms = (content_room(self.blocks, self.point, max(rate, LOWEST), share, textured) for rate in rates)
        return [max(room - self.head, 0) if rate >= LOWEST else 0 for room, rate in zip(rooms, rates, strict=True)]

    def rates_and_share(self, rates: Sequence[int], wanted: int) -> tuple[list[int], int]:
        """The lowest rates, and the number of the smallest share of blocks, with room for so many bytes.

        So a small file survives worse channels than the promised one. None is above the given rates; where blocks are
        spared, none above `spared` of them, and less the fewer blocks there are: some carry little.
        """
        for share in reversed(self.shares):
            highest = [self._bearable(rate, share) for rate in rates]
            if sum(self.rooms(highest, share)) >= wanted:
                break
        for part in range(1, RATES + 1):
            lower = [max(rate * part // RATES, LOWEST) if rate else 0 for rate in highest]
            if sum(self.rooms(lower, share)) >= wanted:
                return lower, share
        raise AssertionError("content that has no room")

    def _bearable(self, rate: int, share: int) -> int:
        """The highest rate in a share of the blocks of a record that bears this one in the most; 0: none."""
        if share == self.shares[0]:
            return rate
        places = record_places(self.blocks, self.point, share, self.textured)
        used = places / self.point.bits / self.together
        bearable = int(rate * self.spared * (1 - self.uneven / math.sqrt(used))) if used else 0
        return bearable if bearable >= LOWEST else 0

    @abstractmethod
    def measured(self) -> list[int]:
        """The rate of each record, in 64ths, at which random bits are recovered from a simulation, less a margin."""

    @abstractmethod
    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        """Makes the container that is tried next."""

    @abstractmethod
    def failed(self) -> set[int]:
        """The records of the container that are not recovered, or only just."""

    @abstractmethod
    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        """The rates of the next attempt, which may have other `shares`, after some records failed at this share."""

    @abstractmethod
    def refusal(self) -> CapacityError:
        """The error where nothing is recovered."""


class RobustContainer(NewContainer, Carrier):
    """A new container whose secret survives a channel: the file as it is, or a copy that is compressed to fit.

    Attributes:
        file: what was made to fit last.
        room: bytes of content that there were.
        taken: those that it takes.
    """

    file: Fitted
    room = taken = 0

    def __init__(self, payload: Payload, carrier: RobustCarrier) -> None:
        self.payload, self.carrier = payload, carrier

    def content(self, room: int) -> bytes:
        """The secret as content of at most `room` bytes.

        Raises:
            CapacityError: it does not fit.
        """
        self.room = room
        self.file = self.payload.fit_quietly(self, self.carrier.context)
        with reading(self.file.path):
            content = self.content_of(self.file.path.read_bytes())
        self.taken = len(content)
        return content

    def content_of(self, data: bytes) -> bytes:
        """Content that hides the bytes of `file`."""
        return file_content(self.file.name, data)

    def capacity(self, name: str) -> int:
        return self.room - file_bytes(name, 0)

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        taken = size + self.room - most
        trouble = f"{payload.path}: takes {taken} bytes, more than the capacity of {self.room}"
        return CapacityError(trouble, self.way_out(taken))

    @abstractmethod
    def way_out(self, taken: int) -> str:
        """Hint for content of so many bytes that does not fit."""

    def notes(self) -> tuple[str, ...]:
        promise = f"survives {self.carrier.channel}"
        if self.file.unchanged:
            name = printable(self.payload.path.name)
            return f"hidden: {name}, {self.file.size} bytes, byte for byte; {promise}", *self.notes_on_cover()
        first, *more = self.notes_on_copy()
        return f"{first}; {promise}", *more, *self.notes_on_cover()

    def notes_on_copy(self) -> tuple[str, ...]:
        """Lines on the compressed copy."""
        return self.file.notes

    @abstractmethod
    def notes_on_cover(self) -> tuple[str, ...]:
        """Lines on the cover."""

    def figures(self) -> dict[str, Any]:
        return {"hidden_bytes": self.taken, "room": self.room}
