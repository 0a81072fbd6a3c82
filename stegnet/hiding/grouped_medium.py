"""Media of many groups of samples, such as the frames of a film, each of which takes a share of the file.

All shares have one length, so that as few samples as possible change in any group. Only the group in work is in memory.
"""

from abc import abstractmethod
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, ClassVar, Literal

import numpy as np

from stegnet.hiding.medium import Medium, SampleGroup, WrittenMedium, seal_record
from stegnet.hiding.method import Context, FoundSecret, HiddenFile, NewContainer, Written
from stegnet.keys import ContainerKeys, Key
from stegnet.media.cover import Cover
from stegnet.record import (
    Header,
    Record,
    collect_whole,
    file_header,
    file_records,
    frames_with_data,
    full_capacity,
    hidden_bytes,
    may_be_lost,
)
from stegnet.sealing import FILM_EFFORT, SEED_BYTES


class GroupedMedium(Medium):
    """A film or sound whose groups of samples each take a record with a share of a file.

    Attributes:
        cover: the opened film or sound.
        groups: number of groups.
        frames: number of frames; 1 of a sound.
        called: word for groups.
        lost: word for groups that can't be read.
        spare: whether the file is to be revealed even if some groups are lost, as far as they have room for that.
        effort: the search for the cheapest changes, as of `SealOptions`.
    """

    cover: Cover
    groups: int
    frames: int = 1
    channels: int = 1
    called: ClassVar[str] = "frames"
    lost: ClassVar[str] = "lost or altered"
    spare: ClassVar[bool] = True
    effort: ClassVar[int] = FILM_EFFORT
    last_phase: ClassVar[Literal["write", "verify"]] = "verify"

    @abstractmethod
    def share_capacity(self, name: str, key: Key) -> int | None:
        """Return the bytes of a share of a file of a name that fit into each group; None: not even an empty one."""

    def file_capacity(self, name: str, key: Key) -> int | None:
        share = self.share_capacity(name, key)
        return full_capacity(self.groups, share) if share else share

    def share_of(self, fitted: HiddenFile, key: Key) -> int:
        """Return the bytes that each group has for a share of a file that fits."""
        return self.share_capacity(fitted.name, key) or 0

    def seal_file(self, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str) -> NewContainer:
        return SealedGroups(self, fitted, keys, context, suffix)

    @abstractmethod
    def write(self, part: Path, groups: "SealedGroups") -> WrittenMedium:
        """Write the cover with what is sealed in its groups, as `NewContainer.write` does.

        The notes have a line for each part of the cover that is not kept.
        """

    def told_by_reading(self, part: Path, context: Context) -> dict[str, Any]:
        """Return values of `HidingFigures` that only reading the written file tells."""
        return {}


class SealedGroups(NewContainer):
    """A cover with a file that is sealed in one group of samples after another."""

    keys: ContainerKeys

    def __init__(
        self, medium: GroupedMedium, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str
    ) -> None:
        self.medium = medium
        self.fitted = fitted
        self.context = context
        self.suffix = suffix
        self.keys = keys
        self.last_phase = medium.last_phase
        self.height, self.width = medium.size
        self.frames = medium.frames
        share = medium.share_of(fitted, keys.film) if medium.groups > 1 else 0
        with fitted.file.open("rb") as source:
            self.header = file_header(fitted.name, source, medium.groups, share, context.randomness, medium.spare)
        context.foretell(medium.detectability(hidden_bytes(self.header)), medium.forecast())

    def inputs(self) -> Generator[tuple[Record, bytes], None, None]:
        """Yield the record of each group, and the seed to seal it with."""
        with self.fitted.file.open("rb") as source:
            for record in file_records(self.header, source):
                yield record, self.context.randomness(SEED_BYTES)

    def sealed(self, given: tuple[Record, bytes], group: SampleGroup) -> np.ndarray:
        """Return a group's samples with one of `inputs` sealed in them."""
        record, seed = given
        return seal_record(group, record, self.keys, seed, first=record.index == 0, effort=self.medium.effort)

    def write(self, part: Path, verify: bool) -> Written:
        medium = self.medium
        header = self.header
        written = medium.write(part, self)
        read = medium.told_by_reading(part, self.context) if verify else {}
        first_needed = self.keys.anchors is not None
        loss = _loss_note(header, first_needed, medium.called, medium.lost) if medium.spare else ()
        figures = vars(medium.detectability(hidden_bytes(header)))
        if medium.tells_share:
            most = medium.groups * (medium.share_capacity(header.file.name, self.keys.film) or 0)
            figures |= {"capacity": most, "channels": medium.channels}
        of_frames = written.frames is None  # else groups are no frames, of which the report tells how many may be lost
        return Written.of(
            self.fitted,
            (*written.left_out, self.fitted.line, *self.fitted.notes, *loss, *written.notes),
            figures | written.figures | read,
            hidden=frames_with_data(header) if of_frames else written.frames,
            may_be_lost=may_be_lost(header) if of_frames else None,
        )

    def is_in(self, found: FoundSecret) -> bool:
        """Return whether all groups are whole, and together give the file."""
        with TemporaryFile() as file:
            collected, _ = collect_whole(found.container, file, strict=True, progress=found.context.progress)
        return collected.header == self.header


def _loss_note(header: Header, first_needed: bool, called: str, lost: str) -> tuple[str, ...]:
    """Return a line on how many frames may be lost; empty for a file that is not spread.

    Args:
        header: header of the record.
        first_needed: the key opens the first frame, and most others only after it.
        called: name of the frames in the plural.
        lost: word for frames that can't be read.
    """
    most = may_be_lost(header)
    if most is None:
        return ()
    if most == 0:
        return (f"recovered only if none of its {header.frames} {called} is {lost}",)
    note = f"recovered even if up to {most} of its {header.frames} {called} are {lost}"
    return (f"{note}, but not the first" if first_needed else note,)
