"""Methods of hiding, and the secrets that they find; nothing here asks which method it is.

A method is a folder beside this file with a `Method`, and a line in `__init__.py`. The command line, `stegnet info`,
the page, the API, folders and the cluster read its name, forms and options, and call it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stegnet.core.errors import ConfigError
from stegnet.core.kinds import FILM, FORMS, PICTURE
from stegnet.core.progress import Progress
from stegnet.methods.run import unheard

if TYPE_CHECKING:
    from stegnet.keys import ContainerKeys, Key, KeySource
    from stegnet.methods.run import Run
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
        file: its own, if what fits depends on what is in it.
    """

    height: int
    width: int
    frames: int = 1
    channels: int = 3
    file: Path | None = None


@dataclass(frozen=True)
class Fit:
    """Something that fits into a cover.

    Attributes:
        what: in words.
        bytes: of a file, at most; None: see `psnr`.
        safe: bytes of it that are hard to find; None: not known.
        psnr: in dB, about, of a picture or film that comes back.
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
class FileRoom:
    """Room for a file in a cover, and what gives away that it is there.

    Attributes:
        bytes: at most.
        hard: those of them that are hard to find; None: not known.
        history: the lossy format that the cover has or had, if it betrays the container; None: not known, or none does.
    """

    bytes: int
    hard: int | None = None
    history: str | None = None


@dataclass(frozen=True)
class PartRoom:
    """Room for a part of an album's file in a picture.

    Attributes:
        bytes: at most; negative if not even an empty record fits.
        hard: those that are hard to find in a picture of this size.
    """

    bytes: int
    hard: int


class Hidden(ABC):
    """A secret that a method found in a container.

    Args:
        container: open; `write`, `text` and `details` read it.
        run: with which they do.
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

    def __init__(self, container: "Container", run: "Run") -> None:
        self.container, self.run = container, run

    def text(self, strict: bool = False) -> "Report | None":
        """A report that has the text, if that is what is hidden; errors as `write`."""
        return None

    @abstractmethod
    def write(self, out: "OutputTarget", strict: bool = False) -> "Report":
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
        description: more of it, in lines of at most 80 characters; "" for none.
        forms: suffixes of its containers for each kind of cover; the first is the usual one.
        covers: the kinds that it hides in; others are refused.
        options: a dataclass of `option`s.
        any_file: it hides files of any kind.
        matched: of a folder of secrets, it takes pictures for pictures and films for films.
        computes: it uses networks.
        albums: it divides a file over an album (`part_room`, `hide_record`), whose pictures `open` opens one by one.
        implied: AUTO turns to it where an option or suffix is given that it has; of several, to the last added.
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

    @cached_property
    def suffixes(self) -> frozenset[str]:
        """Suffixes of all its containers."""
        return frozenset(suffix for suffixes in self.forms.values() for suffix in suffixes)

    @cached_property
    def option_names(self) -> frozenset[str]:
        """Names of its options."""
        return frozenset(each.name for each in fields(self.options))

    def form(self, cover: Path, kind: str) -> str:
        """Suffix of the container of a cover of this kind, where it is not named.

        Raises:
            MediaError: the cover can't be read.
        """
        return self.forms[kind][0]

    def load(self, run: "Run") -> None:  # noqa: B027
        """Loads the networks that it certainly needs, so that their errors come once for a whole folder."""

    def room(self, cover: CoverSize) -> list[Fit]:
        """Lists what fits into a cover of this size; nothing, by default."""
        return []

    def file_room(self, cover: CoverSize, name: str, options: Any) -> FileRoom | None:
        """Room for a file of this name in a cover of this size; None: not known.

        Raises:
            ConfigError: the options are impossible.
            CapacityError: nothing fits with them.
            MediaError: the cover's own file can't be read.
        """
        return FileRoom(max((fit.bytes or 0 for fit in self.room(cover)), default=0))

    @abstractmethod
    def hide(
        self, cover: Path, secret: Path, out: "OutputTarget", key_source: "KeySource", options: Any, run: "Run"
    ) -> "Report":
        """Hides a secret in a cover.

        Args:
            options: an instance of its own.
        Raises:
            StegnetError: any but DataError, RevealError and TrainingError.
        """

    def part_room(self, cover: Path, empty: int, key: "Key", options: Any) -> "PartRoom":
        """Room for a part of an album's file in a picture.

        Args:
            empty: bytes of a record without any.
            key: film key of the album.
        Raises:
            MediaError: the cover can't be read, or be hidden in.
        """
        raise NotImplementedError

    def hide_record(
        self, cover: Path, record: "Record", out: "OutputTarget", keys: "ContainerKeys", options: Any, run: "Run"
    ) -> "Report":
        """Hides a record in a picture of an album.

        Args:
            keys: of the album; the picture opens by itself.
            options: an instance of its own.
        Raises:
            MediaError: a file can't be read or written.
        """
        raise NotImplementedError

    def search_seconds(self, container: "Container") -> float:
        """Seconds, about, that `run.search` takes to look for what `open` does not find otherwise; 0: for nothing."""
        return 0

    def open(self, container: "Container", run: "Run") -> Hidden | None:
        """Finds what it has hidden in a container; None if there is nothing that opens with the container's key.

        Raises:
            RevealError: it is damaged beyond use.
            MediaError: the container can't be read.
        """
        return None


@dataclass(frozen=True)
class Hider:
    """A method with its options, ready to hide one secret after the other. It can be pickled."""

    method: Method
    options: Any
    run: "Run"

    def __call__(self, cover: Path, secret: Path, out: "OutputTarget", key_source: "KeySource") -> "Report":
        """Hides a secret in a cover; errors as `Method.hide`."""
        return self.method.hide(cover, secret, out, key_source, self.options, self.run)

    def showing(self, progress: Progress, warn: Callable[[str], None] = unheard) -> "Hider":
        """The same, which tells its progress, and warns before the work begins."""
        return replace(self, run=replace(self.run, progress=progress, warn=warn))


class Registry(dict[str, Method]):
    """The methods by name; the default is the first."""

    def add(self, method: Method) -> None:
        """Adds a method.

        Raises:
            ValueError: there is one of this name.
        """
        if method.name in self:
            raise ValueError(f"there is a method {method.name} already")
        self[method.name] = method

    def choose(self, name: str, given: Collection[str] = (), suffix: str = "") -> Method:
        """The method of a name; in place of AUTO, one that alone has these options or writes this suffix.

        Args:
            given: names of options that are set.
            suffix: of the container, or "".
        Raises:
            ConfigError: there is no such method.
            UnknownOption: it does not have an option.
        """
        if name not in self:
            raise ConfigError(f"method: must be one of {', '.join(self)}, is {name!r}")
        method, own = self[name], set(given) - self[name].option_names
        if name == AUTO and (own or not self._writes(method, suffix)):
            others = (each for each in reversed(self.values()) if each.implied and own <= each.option_names)
            method = next((each for each in others if self._writes(each, suffix)), method)
        for lacking in sorted(set(given) - method.option_names):
            raise UnknownOption(lacking, [each.name for each in self.values() if lacking in each.option_names])
        return method

    def _writes(self, method: Method, suffix: str) -> bool:
        """True if the method writes a suffix, or none does."""
        return suffix in method.suffixes or not any(suffix in each.suffixes for each in self.values())


class UnknownOption(ConfigError):
    """A method does not have an option.

    Attributes:
        option: its name.
        methods: the names of those that have it.
    """

    def __init__(self, option: str, methods: Sequence[str]) -> None:
        self.option, self.methods = option, methods
        super().__init__(f"{option}: goes with {' or '.join(methods)}" if methods else f"{option}: no method has it")
