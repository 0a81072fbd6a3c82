"""The part of a cover that carries a file, and the way to hide in any such medium: fit, seal, write, report.

A medium is a class: its samples, what a change of each costs, what would betray a change, and how its file is written.
`MediumMethod` tells the rest once, for files and for the parts of an album's file. A picture is one group of samples,
with one record; a film or sound has many, each with a share of the file (`GroupedMedium`).
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.names import USUAL_NAME
from stegnet.core.pixels import channels_of, memory_to_hide
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import FileInMemory
from stegnet.hiding.found_file import found_file
from stegnet.hiding.method import (
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    HiddenFile,
    Method,
    MethodOptions,
    NewContainer,
    Options,
    Payload,
    Room,
    Written,
    media_compressors,
    option,
)
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeySource, Opener, Randomness
from stegnet.media.condition import Condition
from stegnet.media.cover import Cover
from stegnet.media.growth import time_in_words
from stegnet.record import (
    Container,
    File,
    Record,
    empty_record_bytes,
    file_header,
    file_records,
    format_record,
    frames_with_data,
)
from stegnet.results import OR_ALBUM, Detectability, SecurePayload, not_safe, stored_name
from stegnet.sealing import PICTURE_EFFORT, SEED_BYTES, Costs, SampleRules, SealOptions, record_capacity, seal


@dataclass(frozen=True)
class MediumOptions(MethodOptions):
    """Options of a method that hides compressed copies only if asked to."""

    compress: bool = option(False, "hide a compressed copy of a picture or film that does not fit as it is")


class WrittenMedium(NamedTuple):
    """Facts on a cover that was written with other samples: lines for the report, and values of `HidingFigures`."""

    notes: tuple[str, ...]
    figures: dict[str, Any]
    frames: int | None = None  # frames of a film that changed; None: all that hold something
    left_out: tuple[str, ...] = ()  # lines, before all others, on what the container is without


def bytes_left(most: int | None, taken: int) -> int | None:
    """Return the bytes that are left of `most`; None: not even 0."""
    return None if most is None or most < taken else most - taken


class SampleGroup(Protocol):
    """Samples in which one record is sealed: a picture, a segment of a sound, a frame, or the levels of several."""

    @property
    def samples(self) -> np.ndarray:
        """Samples, (rows, columns, 3 or 1) uint8."""

    @property
    def rules(self) -> SampleRules:
        """The kind of samples, and the data that the MAC covers besides them."""

    @property
    def fixed(self) -> np.ndarray | None:
        """Mask of samples that must not change, (rows, columns, 1) bool; None: all may."""

    def costs(self) -> Costs:
        """Return the costs of changing the samples."""


class Medium(ABC):
    """The part of an opened cover that carries, and how the cover is written with other samples.

    Attributes:
        secure: bytes that are hard to find.
        history: the trace that would betray a change, as of `Cover`.
        condition: what has to be so of the cover where its container is called hard to find.
        measured: whether it was measured how easily payloads are found in such covers.
        larger: the hint if a file does not fit.
        safer: the hint if a file is more than is hard to find; "": the usual one.
        tells_share: whether the report says which share of the capacity is used.
        last_phase: the phase of the work that follows "hide".
    """

    secure: SecurePayload
    history: str | None
    condition: Condition
    measured: ClassVar[bool] = True
    last_phase: ClassVar[Literal["write", "verify"]] = "write"
    larger: str = Text("use a larger cover", OR_ALBUM)
    safer: ClassVar[str] = ""
    tells_share: ClassVar[bool] = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a picture or film in pixels; 0 of others."""
        return 0, 0

    @property
    def pixel_count(self) -> int:
        """The number of pixels of a picture, or of a film's frame."""
        height, width = self.size
        return height * width

    @property
    @abstractmethod
    def channels(self) -> int:
        """Channels that a record may use."""

    @property
    def hard(self) -> int | None:
        """Bound of the bytes that are hard to find; None: not even an empty file is."""
        return None if self.history else self.secure.hard

    def room(self, most: int | None) -> Room:
        """Return the room for a file of which `most` bytes fit."""
        if not self.measured:
            return Room(most, history=self.history)
        hard = None if most is None or self.hard is None else min(most, self.hard)
        return Room(most, hard, self.history, self.condition)

    def forecast(self) -> str:
        """Return how large the container gets, and how long that takes, as far as it is much; "": neither is."""
        pixels_a_second = 5e6  # that are read, hidden in and written
        return time_in_words(self.pixel_count, pixels_a_second)

    def detectability(self, hidden_bytes: int) -> Detectability:
        """Return what decides how easily a container is found that carries so many bytes."""
        return Detectability(
            cover_format=self.history,
            hidden_bytes=hidden_bytes,
            measured=self.measured,
            secure=self.secure,
            condition=self.condition,
        )

    @abstractmethod
    def file_capacity(self, name: str, key: Key) -> int | None:
        """Return the bytes of the largest file of a name for a film key; None: not even an empty one fits."""

    def refusal(self, name: str, key: Key, size: int, most: int | None) -> CapacityError | None:
        """Return the error for a file of `size` bytes, if the reason that only `most` fit is the cover's own."""
        return None

    def remedy(self, name: str, key: Key, size: int, most: int) -> str:
        """Return what to do about a file of `size` bytes, where `most` fit."""
        return self.larger

    @abstractmethod
    def seal_file(self, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str) -> NewContainer:
        """Return the cover with a file sealed in it, to be written with a suffix ("": the default)."""


class SampleMedium(Medium):
    """A medium that is one group of samples, with one record.

    Attributes:
        samples, rules, fixed: as of `SampleGroup`.
        memory_if_full: memory that it takes besides what a text takes if all samples carry.
        opener: what opens a record, if not the keys of its container.
    """

    samples: np.ndarray
    rules: SampleRules
    fixed: np.ndarray | None = None
    memory_if_full: ClassVar[int] = 0  # bytes a pixel
    opener: Opener | None = None

    @cached_property
    def channels(self) -> int:
        """Channels that a record may use, as `channels_of`, which reads all of a grey picture."""
        return channels_of(self.samples)

    def record_capacity(self, key: Key) -> int | None:
        """Return the bytes of the largest record for a film key; None: not even an empty one fits."""
        rows, cols = self.samples.shape[:2]
        return record_capacity(rows, cols, key, self.channels, self.rules)

    def file_capacity(self, name: str, key: Key) -> int | None:
        return bytes_left(self.record_capacity(key), empty_record_bytes(name))

    @abstractmethod
    def costs(self) -> Costs:
        """Return the costs of changing the samples."""

    def memory_in_words(self, hidden_bytes: int) -> str:
        """Return how much memory it takes to hide so many bytes; "" if it is not much."""
        usual = 13_000_000  # pixels
        if self.pixel_count <= usual:
            return ""
        fully_used = 0.02  # hidden bytes a pixel
        more = self.memory_if_full * min(self.pixel_count, hidden_bytes / fully_used)
        needed = memory_to_hide(self.pixel_count) + more
        return f"about {needed / 1e9:.1f} GB of memory"

    def sealed(self, record: Record, keys: ContainerKeys, randomness: Randomness) -> np.ndarray:
        """Return what `write` takes: the samples with a record sealed in them. Raises the errors of the medium."""
        return seal_record(self, record, keys, randomness(SEED_BYTES))

    def seal_file(self, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str) -> NewContainer:
        with fitted.file.open("rb") as source:
            (record,) = file_records(file_header(fitted.name, source, 1, 0, context.randomness), source)
        return SealedSamples(self, record, keys, context, fitted)

    @abstractmethod
    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the cover with other samples, those that `sealed` returned, as `NewContainer.write` does.

        The notes have a line for each part of the cover that is not kept.
        """

    def arriving(self, written: Cover) -> FileInMemory | None:
        """Return what the receiver opens instead of the written file, as of `NewContainer`."""
        return None


def seal_record(
    group: SampleGroup,
    record: Record,
    keys: ContainerKeys,
    seed: bytes,
    first: bool = True,
    effort: int = PICTURE_EFFORT,
) -> np.ndarray:
    """Return a copy of a group of samples with a record sealed in it; arguments as of `SealOptions` and `seal`."""
    fixed = group.fixed
    costs = [group.costs()]  # emptied below, so that sealing frees them
    samples = group.samples
    colour = samples.shape[2] > 1
    options = SealOptions(first, effort, grey=colour, clustered=colour, rules=group.rules, fixed=fixed)
    return seal(samples, format_record(record, keys.secret), keys, seed, costs.pop(), options)


class MediumMethod(Method[Options]):
    """A method that hides in the medium that it opens."""

    @abstractmethod
    def open(self, cover: Cover, options: Options, suffix: str, key: KeySource) -> Medium:
        """Return the medium of a cover.

        Args:
            cover: opened cover.
            options: the method's options.
            suffix: suffix of the container; "": the default.
            key: the sender's key, or the container's film key; a medium may depend on it.

        Raises:
            ConfigError: the options are impossible.
            MediaError: the cover can't be read.
            CapacityError: it is no cover for this method.
        """

    def is_offered(self, cover: Cover, options: Options) -> bool:
        """Return whether the method is offered for a cover; in others, it hides only if it is asked for."""
        return True

    def why_not(self, cover: Cover) -> str:
        """Return why a cover of the method's form can't stay what it is; "" if it can, and for other covers."""
        return ""

    def file_in_words(self, cover: Cover | None) -> str:
        """Return what fits into a cover, in words."""
        return "any file"

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """List why the cover's own form can't be used, if so, and any file up to the capacity, if that is not 0."""
        why_not = self.why_not(cover.cover) if cover.cover else ""
        fits = [Fit("", self.info.name, why_not=why_not)] if why_not else []
        with suppress(MediaError):  # a damaged cover, in which nothing fits
            found = self.room(cover, USUAL_NAME, self.info.options())
            if found.bytes:
                fit = Fit(self.file_in_words(cover.cover), self.info.name, found.bytes, found.safe)
                condition = found.condition.of_it if found.condition else ""
                fits.append(replace(fit, condition=condition, betrayed=found.history is not None))
        return fits

    def room(self, cover: CoverSize, name: str, options: Options) -> Room:
        """Return the room in the cover's samples; none in a cover that is not open, or that the method is not for."""
        if cover.cover is None or not self.is_offered(cover.cover, options):
            return Room(None)
        medium = self.open(cover.cover, options, "", ANY_KEY)
        return medium.room(medium.file_capacity(name, ANY_KEY))

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: Options, context: Context
    ) -> NewContainer:
        """Hide a file in the cover's samples, which are written in the cover's own form."""
        keys = key.new_keys(context.randomness)
        medium = self.open(cover, options, suffix, key)
        phases = (phase for phase in ("compress", "hide", medium.last_phase) if phase != "verify" or options.verify)
        context = context.with_phases(*phases)

        def room_for(name: str) -> int | None:
            most = medium.file_capacity(name, keys.film)
            return medium.room(most).hard if options.at_most_safe else most

        why = "is more than is hard to find here" if options.at_most_safe else "does not fit as it is"
        fitted = payload.fit(room_for, media_compressors() if options.compress else {}, context, why)
        if fitted is None:
            raise _refusal(medium, payload, keys.film, options.at_most_safe)
        made = medium.seal_file(fitted, keys, context, suffix)
        made.method = self.info.name
        return made

    def open_part(self, cover: Cover, options: Options, suffix: str, key: Key) -> SampleMedium:
        """Return the samples of an album's cover that carry its part of the file; arguments as `open`."""
        medium = self.open(cover, options, suffix, key)
        assert isinstance(medium, SampleMedium), "films are no covers of albums"
        return medium

    def container_in(self, container: Container) -> Container | None:
        """Return the container whose samples this method would have used; None: it hides in none of this form.

        Raises MediaError if it can't be read.
        """
        return container

    def find(self, container: Container, context: Context) -> FoundSecret | None:
        try:
            opened = self.container_in(container)
        except MediaError:  # of a kind that is not hidden in
            return None
        return found_file(opened, context, self.info.name) if opened else None


def _refusal(medium: Medium, payload: Payload, key: Key, at_most_safe: bool) -> CapacityError:
    """Return the error for a secret that does not fit into a medium, or of which more than is hard to find."""
    size = payload.file.length
    name = stored_name(payload.path)
    capacity = medium.file_capacity(name, key)
    own = None if at_most_safe and capacity else medium.refusal(name, key, size, capacity)
    most = capacity or 0
    if own is not None:
        return own
    if at_most_safe:
        unsafe = not_safe(payload.path, size, medium.room(most).hard or 0)
        return unsafe.with_hint(medium.safer) if medium.safer and most else unsafe
    makes_fit = Text(", or ", Setting("method", "auto"), ", which makes it fit") if payload.kind else ""
    return payload.too_large(most, medium.remedy(name, key, size, most) + makes_fit)


class SealedSamples(NewContainer):
    """A cover with a record that is sealed in its samples: that of a file, or of a part of an album's file."""

    def __init__(
        self,
        medium: SampleMedium,
        record: Record,
        keys: ContainerKeys,
        context: Context,
        fitted: HiddenFile | None = None,
    ) -> None:
        self.medium = medium
        self.record = record
        self.fitted = fitted
        self.context = context
        self.film_key = keys.film
        self.keys = medium.opener or keys
        size = len(record.data)
        context.foretell(medium.detectability(size), medium.forecast(), medium.memory_in_words(size))
        self.sealed = context.with_heartbeat("hide", lambda: medium.sealed(record, keys, context.randomness))

    def write(self, part: Path, verify: bool) -> Written:
        medium = self.medium
        fitted = self.fitted
        new = self.context.with_heartbeat("write", lambda: medium.write(part, self.sealed))
        self.height, self.width = medium.size
        lines = (fitted.line, *fitted.notes) if fitted else ()
        figures = new.figures | vars(medium.detectability(len(self.record.data)))
        secret = self.record.header.secret
        if medium.tells_share:
            name = secret.name if isinstance(secret, File) else USUAL_NAME
            figures |= {"capacity": medium.file_capacity(name, self.film_key), "channels": medium.channels}
        hidden = frames_with_data(self.record.header) if fitted and isinstance(secret, File) else 1
        return Written.of(fitted, (*lines, *new.notes), figures, hidden=hidden)

    def arriving(self, written: Cover) -> FileInMemory | None:
        return self.medium.arriving(written)

    def is_in(self, found: FoundSecret) -> bool:
        reading = found.container.first
        return reading.whole and reading.record == self.record
