"""The contract of a method of hiding: what it is asked, and what it answers with.

A method is a file beside this one with a `Method`, and a line in `registry`. The command line, `stegnet info`, the
page, the API, folders and the cluster read its name, forms and options; `hide` calls it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from stegnet.core.kinds import FILM, FORMS, PICTURE
from stegnet.keys import ContainerKeys, Key, KeySource
from stegnet.media.cover import Cover
from stegnet.methods.context import Context
from stegnet.methods.payload import Fitted, Payload
from stegnet.record import Container, Record
from stegnet.results import OutputTarget, Report

AUTO = "auto"
RESIZE_HELP = (
    "reduce a picture first, to this many pixels on its longer side: what it was saved as before no longer shows"
)
SAFE_HELP = "hide only what is hard to find in the cover, and refuse more (`info` says how much that is)"


def option(default: Any, text: str, metavar: str | tuple[str, ...] | None = None) -> Any:
    """A field of a method's options, as the command line shows it.

    Args:
        text: its help; of a bool that is True, what happens with `--no-…`.
        metavar: several for a tuple of paths.
    """
    return field(default=default, metadata={"help": text, "metavar": metavar})


@dataclass(frozen=True)
class CoverSize:
    """Size of a cover.

    Attributes:
        frames: 1 for a picture.
        channels: 1 of a grey one, else 3.
        cover: itself, if what fits depends on what is in it.
    """

    height: int
    width: int
    frames: int = 1
    channels: int = 3
    cover: Cover | None = None

    @classmethod
    def of(cls, cover: Cover) -> "CoverSize":
        """That of a cover that is open; errors as `Cover`."""
        return cls(*cover.size, cover.frames, cover.channels, cover)


@dataclass(frozen=True)
class Fit:
    """Something that fits into a cover.

    Attributes:
        what: in words.
        bytes: of a file, at most; None: see `psnr`.
        safe: bytes of it that are hard to find; None: not known.
        psnr: in dB, about, of a picture or film that is revealed.
        survive: the channel that it survives; None: the container must arrive bit by bit.
        brief: it is worth a line where only the best ways are shown.
    """

    what: str
    method: str
    bytes: int | None = None
    safe: int | None = None
    psnr: int | None = None
    survive: str | None = None
    brief: bool = True


@dataclass(frozen=True)
class Capacity:
    """Capacity of a cover for a file, and what gives away that it is there.

    Attributes:
        bytes: at most.
        hard: those of them that are hard to find; None: not known.
        history: the lossy format that the cover has or had, if it betrays the container; None: not known, or none does.
    """

    bytes: int
    hard: int | None = None
    history: str | None = None


@dataclass(frozen=True)
class Fitness:
    """How a method suits a cover and a secret.

    Attributes:
        options: with which it hides the secret.
        note: what the report says first; "" for nothing.
    """

    options: Any
    note: str = ""


class NewContainer(ABC):
    """A container that is ready to be written.

    Attributes:
        width, height: in pixels.
        frames, hidden: of a film, and those that hold something; 1 of a picture.
        fitted: the file that is hidden; None: not a file.
        may_be_lost: frames that may be lost; None: it is not spread over them.
    """

    width: int
    height: int
    frames: int = 1
    hidden: int = 1
    fitted: Fitted | None = None
    may_be_lost: int | None = None

    @abstractmethod
    def write(self, part: Path, verify: bool) -> None:
        """Writes it.

        Args:
            part: a file that exists; it gets its own name once it is whole.
            verify: read it back and compare.
        Raises:
            MediaError: it can't be written, or does not read back as it was written.
        """

    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """One line each on what is hidden, and what was not copied from the cover; called after `write`."""

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """What is known of `HidingFigures` besides the cover's size; called after `write`."""

    def warnings(self) -> tuple[str, ...]:
        """One line for each problem that the user should act on; called after `write`."""
        return ()

    def secret_psnr(self) -> float | None:
        """PSNR in dB of the secret as it will be revealed; called after `write`."""
        return self.fitted.copy.psnr if self.fitted and self.fitted.copy else None


class FoundSecret(ABC):
    """A secret that a method found in a container.

    Args:
        container: open; `write`, `text` and `details` read it.
        context: with which they do.
    Attributes:
        kind: PICTURE, FILM or FILE.
        name, size: own name of a file, and its bytes; None for what is hidden without a name.
        method: the name of its method.
        tells_damage: it is told if the container was altered; False where it is made to survive that.
    """

    kind: str
    name: str | None = None
    size: int | None = None
    method: str
    tells_damage = True

    def __init__(self, container: Container, context: Context) -> None:
        self.container, self.context = container, context

    def text(self, strict: bool = False) -> Report | None:
        """A report that has the text, if that is what is hidden; errors as `write`."""
        return None

    @abstractmethod
    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        """Writes it, readable by its owner only.

        Args:
            out: a file, whose suffix is that of a form in which `kind` can be written.
            strict: refuse a container that is not exactly as it was hidden, where that is told.
        Raises:
            MediaError: it can't be written, or the container not be read.
            RevealError: bytes of it are missing, or (if strict) the container was altered.
        """

    @abstractmethod
    def details(self) -> dict[str, Any]:
        """Facts about it, by names in display order; `whole` and `trouble` if damage is told."""


class Method(ABC):
    """A way to hide.

    Attributes:
        name: of `--method`.
        summary: its help.
        description: of its topic in the help, in lines of at most 78 characters, with an example; "" for none.
        topic: name of that topic; by default the method's.
        forms: suffixes of its containers for each kind of cover; the first is the usual one.
        options: a dataclass of `option`s.
        any_file: it hides files of any kind.
        matched: of a folder of secrets, it takes pictures for pictures and films for films.
        computes: it uses networks.
        albums: it divides a file over an album (`part_capacity`, `embed_record`); `find` opens its pictures one by one.
        implied: AUTO turns to it where an option or suffix is given that it has; of several, to the last added.
        find_cost: containers are looked through by methods of low cost first.
        preference: AUTO asks methods by it, the highest first; 0: never.
    """

    name: str
    summary: str
    description: str = ""
    forms: Mapping[str, tuple[str, ...]] = FORMS
    covers: tuple[str, ...] = (PICTURE, FILM)
    options: type
    any_file = True
    matched = False
    computes = False
    albums = False
    implied = False
    find_cost = 0
    preference = 0

    @cached_property
    def topic(self) -> str:
        return self.name

    @cached_property
    def suffixes(self) -> frozenset[str]:
        """Suffixes of all its containers."""
        return frozenset(suffix for suffixes in self.forms.values() for suffix in suffixes)

    @cached_property
    def option_names(self) -> frozenset[str]:
        """Names of its options."""
        return frozenset(each.name for each in fields(self.options))

    def form(self, cover: Cover) -> str:
        """Suffix of the container of a cover, where it is not named.

        Raises:
            MediaError: the cover can't be read.
        """
        return self.forms[cover.kind][0]

    def keeps(self, cover: Cover) -> bool:
        """True if AUTO writes the container of a cover as this method does; of several, as the most preferred."""
        return False

    def load(self, context: Context) -> None:  # noqa: B027
        """Loads the networks that it certainly needs, so that their errors come once for a whole folder."""

    def check(self, cover: Cover, payload: Payload, options: Any) -> None:  # noqa: B027
        """Refuses a cover or secret of a kind that it can't use.

        Raises:
            CapacityError, ConfigError: it is one.
        """

    def inputs(self, options: Any) -> tuple[Path, ...]:
        """Files that its options name, none of which is overwritten."""
        return ()

    def options_of(self, options: Any, **more: Any) -> Any:
        """Its own options, with those of AUTO that it has, and more."""
        shared = {name: value for name, value in vars(options).items() if name in self.option_names}
        return self.options(**shared, **more)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: Any) -> Fitness | None:
        """Says if it suits a cover and a secret; None: it does not.

        Args:
            suffix: of the container.
            options: those of AUTO.
        Raises:
            MediaError: a file can't be read.
        """
        return None

    def candidates(
        self, cover: Cover, payload: Payload, suffix: str, options: Any
    ) -> Iterator[tuple["Method", Fitness]]:
        """The methods to hide a secret by, the next where one has no room; arguments and errors as `suits`."""
        yield self, Fitness(options)

    def forecast(self, cover: CoverSize) -> list[Fit]:
        """Lists what fits into a cover of this size; nothing, by default."""
        return []

    def capacity(self, cover: CoverSize, name: str, options: Any) -> Capacity | None:
        """Capacity of a cover of this size for a file of this name; None: not known.

        Raises:
            ConfigError: the options are impossible.
            CapacityError: nothing fits with them.
            MediaError: the cover's own file can't be read.
        """
        return Capacity(max((fit.bytes or 0 for fit in self.forecast(cover)), default=0))

    @abstractmethod
    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: Any, context: Context
    ) -> NewContainer:
        """Hides a secret in a cover.

        Args:
            suffix: of the container.
            options: an instance of its own.
        Raises:
            StegnetError: any but DataError, RevealError and TrainingError.
        """

    def for_album(self, cover: Cover, options: Any) -> tuple["Method", Any]:
        """The method by which a picture of an album is hidden in, and its options."""
        return self, options

    def part_capacity(self, cover: Cover, empty: int, key: Key, options: Any) -> Capacity:
        """Capacity of a picture for a part of an album's file; negative if not even an empty record fits.

        Args:
            empty: bytes of a record without any.
            key: film key of the album.
        Raises:
            MediaError: the cover can't be read, or be hidden in.
        """
        raise NotImplementedError

    def embed_record(
        self, cover: Cover, record: Record, keys: ContainerKeys, options: Any, context: Context
    ) -> NewContainer:
        """Hides a record in a picture of an album.

        Args:
            keys: of the album; the picture opens by itself.
            options: an instance of its own.
        Raises:
            MediaError: a file can't be read or written.
        """
        raise NotImplementedError

    def search_seconds(self, container: Container) -> float:
        """Seconds, about, that `context.search` takes to look for what `find` misses otherwise; 0: for nothing."""
        return 0

    def find(self, container: Container, context: Context) -> FoundSecret | None:
        """Finds what it has hidden in a container; None if there is nothing that opens with the container's key.

        Raises:
            RevealError: it is damaged beyond use.
            MediaError: the container can't be read.
        """
        return None
