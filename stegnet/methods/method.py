"""The contract of a method of hiding: what it is given, what it is asked, and what it answers with.

A method is a file beside this one with a `Method`, and a line in `registry`. The command line, `stegnet info`, the
page, the API, folders and the cluster read its name, forms and options; `hide` calls it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, ConfigError, extra
from stegnet.core.keystream import system_bytes
from stegnet.core.names import FILM, FORMS, PICTURE, SOUND, counted, printable
from stegnet.core.parallel import Progress, in_steps, no_progress, with_heartbeat
from stegnet.core.text import Setting, Text
from stegnet.formats.signatures import form_of
from stegnet.keys import ContainerKeys, Key, KeySource, Randomness
from stegnet.media.cover import Compressed, Cover, about_secret, lost_by_copy, media_kind
from stegnet.networks.card import SHIPPED, same_kind
from stegnet.record import Container, Record, file_header, file_records
from stegnet.results import POOR, OutputTarget, Report, betrayed_by, not_safe, stored_name

T = TypeVar("T")
AUTO = "auto"
RESIZE_HELP = (
    "reduce a picture first, to this many pixels on its longer side: what it was saved as before no longer shows"
)
COMPRESS_HELP = "hide a compressed copy of a picture or film that does not fit as it is"
EXACT_HELP = "refuse a secret that does not fit as it is: hide no compressed copy of a picture or film"
VERIFY_HELP = "do not read the output back to verify it"
SAFE_HELP = "compress a picture to what is hard to find in the cover; refuse a larger file (`info` says how much)"
# By media kind, what compresses a file (its path, a folder for the copy, bytes that there are, and a callback for steps
# done and in all), and the suffix of its copies.
Compressors = Mapping[str, tuple[Callable[[Path, Path, int, Callable[[int, int], None]], Compressed], str]]


def ignore(_: str) -> None:
    """For those who read the same in the report."""


@dataclass(frozen=True)
class Context:
    """Everything that a hiding or revealing is given besides its files, key and options. It can be pickled."""

    weights: Path | None = None  # file of a pair or modem, in place of the shipped one of its kind
    device: str = "auto"  # this and the next two as `load_engine` takes them
    precision: str = "auto"
    backend: str = "auto"
    randomness: Randomness = system_bytes  # source of all that is random
    progress: Progress = no_progress  # called as the work goes on
    # Called, before the work begins, with a line on what will give the container away, or make it slow.
    warn: Callable[[str], None] = ignore
    search: bool = False  # revealing looks for containers that were cropped, or have lost frames, too; it takes seconds
    # Those that were loaded, by the shipped file whose place they take.
    networks: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, network: Any, **more: Any) -> "Context":
        """A context with a pair that was loaded, or is not in a file."""
        return cls(networks={SHIPPED: network}, **more)

    def network(self, load: Callable[[Path, str, str, str], T], shipped: Path) -> T:
        """The networks in the chosen weights file if it is of the same kind as the shipped one, else in that.

        They are loaded once. Errors as `load`.
        """
        if shipped not in self.networks:
            chosen = self.weights if self.weights and same_kind(self.weights, shipped) else shipped
            self.networks[shipped] = load(chosen, self.device, self.precision, self.backend)
        return self.networks[shipped]

    def warn_about_cover(self, history: str | None) -> None:
        """Warns of a cover by the lossy format that it has or had; None: it shows none."""
        if history:
            self.warn(betrayed_by(history))

    def in_steps(self, *phases: str) -> "Context":
        """The same, whose phases, if there are several, are numbered in this order."""
        return replace(self, progress=in_steps(self.progress, *phases))

    def under(self, phase: str) -> "Context":
        """The same, whose phases are all shown as one."""
        return replace(self, progress=lambda _, done, total: self.progress(phase, done, total))

    def step(self, phase: str) -> Callable[[int, int], None]:
        """The callback of one phase, called with steps done and in all."""
        return lambda done, total: self.progress(phase, done, total)

    def with_heartbeat(self, phase: str, work: Callable[[], T]) -> T:
        """Result of work that can't be counted, in a thread; its phase is told about every second meanwhile."""
        return with_heartbeat(work, lambda: self.progress(phase, 0, 0))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"networks": {}}


DEFAULT_CONTEXT = Context()


def option(default: Any, text: str, metavar: str | tuple[str, ...] | None = None) -> Any:
    """A field of a method's options, as the command line shows it.

    Args:
        text: its help; of a bool that is True, what happens with `--no-…`.
        metavar: several for a tuple of paths.
    """
    return field(default=default, metadata={"help": text, "metavar": metavar})


@dataclass(frozen=True)
class CoverSize:
    """Size of a cover; one frame if it is a picture, one channel if it is grey, and itself if it is open."""

    height: int
    width: int
    frames: int = 1
    channels: int = 3
    cover: Cover | None = None

    @classmethod
    def of(cls, cover: Cover) -> "CoverSize":
        """The size of an open cover; errors as `Cover`."""
        return cls(*cover.size, cover.frames, cover.channels, cover)

    @property
    def kind(self) -> str:
        """PICTURE, FILM or SOUND."""
        if self.cover:
            return self.cover.kind
        return FILM if self.frames > 1 else PICTURE


@dataclass(frozen=True)
class Fit:
    """Something that fits into a cover.

    Attributes:
        what: in words.
        method: that hides it.
        bytes: of a file, at most, less those of its name in UTF-8, of a film without loss in each frame; None: see
            `psnr`.
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
    """Capacity of a cover for a file, and what gives away that it is there."""

    bytes: int  # at most
    hard: int | None = None  # those of them that are hard to find; None: not known
    history: str | None = None  # the lossy format that the cover has or had, if it is known to betray the container


@dataclass(frozen=True)
class MethodChoice:
    """A method's options for one cover and secret, and warnings for the report, or ""."""

    options: Any
    changed_secret: str = ""  # as of `Report`
    warning: str = ""


@dataclass(frozen=True)
class HiddenFile:
    """A file that fits into its cover: the secret itself, or a compressed copy."""

    path: Path  # of the bytes that are hidden
    name: str  # stored with them
    size: int
    notes: tuple[str, ...] = ()  # for the report; none for a file as it is
    warning: str = ""  # that a copy is hidden, by which name it comes back, and what it is
    copy: Compressed | None = None  # that was made; None: they are those of the file itself

    @property
    def unchanged(self) -> bool:
        """True if what is revealed will have the bytes of the secret."""
        return self.copy is None

    @property
    def line(self) -> str:
        """Line on what is hidden."""
        line = f"hidden: {printable(self.name)}, {counted(self.size, 'byte')}"
        return f"{line}, byte for byte" if self.unchanged else line

    def record(self, randomness: Randomness) -> Record:
        """The record of a picture that holds all of it."""
        with self.path.open("rb") as source:
            (record,) = file_records(file_header(self.name, source, 1, 0, randomness), source)
            return record


class Carrier(ABC):
    """An opened cover, or a part of it, that a file is fitted to."""

    at_most_safe = False  # no more fits than what is hard to find
    larger = "use a larger cover"  # the hint, if a file does not fit

    @abstractmethod
    def capacity(self, name: str) -> int:
        """Bytes of a file of this name that fit."""

    def refusal(self, payload: "Payload", size: int, most: int) -> CapacityError:
        """The error for a file of so many bytes that does not fit, given the bytes that would."""
        if self.at_most_safe:
            return not_safe(payload.path, size, max(most, 0))
        hint = self.remedy(payload, size, most)
        if payload.only_whole:
            hint += f"; a compressed copy would lose {payload.only_whole}"
        return CapacityError(f"has {size} bytes, more than the capacity of {max(most, 0)}", hint, subject=payload.path)

    def remedy(self, payload: "Payload", size: int, most: int) -> str:
        """The hint of `refusal`."""
        return self.larger

    def compressors(self) -> Compressors:
        """Called only where one is needed."""
        return media_compressors()


def media_compressors() -> Compressors:
    """The compressor of each kind of media."""
    with extra("media", "compressing"):
        from stegnet.media import compress  # here, since it needs ffmpeg

    return {PICTURE: (compress.compress_picture, compress.AVIF), FILM: (compress.compress_film, compress.HEVC)}


class Payload(ExitStack):
    """A secret to hide: as it is, where that fits, or a compressed copy. At its end, compressed copies go.

    Args:
        copies: a copy may be hidden instead of a picture or film that does not fit.
    Raises:
        MediaError: it can't be read.
    """

    def __init__(self, path: Path, copies: bool = True) -> None:
        super().__init__()
        self.path, self.file, self._copies = path, self.enter_context(Cover(path)), copies

    @cached_property
    def kind(self) -> str | None:
        """PICTURE or FILM, if a copy may be hidden instead of it; None: it is hidden as it is, or not at all."""
        return media_kind(self.file) if self._copies and not self.only_whole else None

    @cached_property
    def only_whole(self) -> str:
        """Parts of a picture or film that a copy would lose, so that none is made, as of `lost_by_copy`."""
        return lost_by_copy(self.file) if self._copies else ""

    def folder(self) -> Path:
        """A new temporary folder."""
        return self.enter_context(temporary_folder())

    def fit(self, carrier: Carrier, context: Context, *steps: str) -> tuple[HiddenFile, Context]:
        """The file as it is, or a compressed copy that fits; and the context for the steps that follow.

        Raises:
            MediaError: it can't be read, or no copy be written.
            CapacityError: it does not fit.
        """
        compressing = context.in_steps("compress", *steps)
        fitted = self.fit_in_steps(carrier, compressing)
        return fitted, context.in_steps(*steps) if fitted.unchanged else compressing

    def fit_in_steps(self, carrier: Carrier, context: Context) -> HiddenFile:
        """Like `fit`, but doesn't number the phases of the progress."""
        secret = self.path
        name, size = stored_name(secret), secret.stat().st_size
        most = carrier.capacity(name)
        if size <= most:
            return HiddenFile(secret, name, size)
        compressors = carrier.compressors() if self.kind else {}
        if self.kind not in compressors:
            raise carrier.refusal(self, size, most)
        compress, suffix = compressors[self.kind]
        most = carrier.capacity(stored_name(secret.with_suffix(suffix)))
        copy = compress(secret, self.folder(), most, context.step("compress"))
        # Lossless WebP's suffix is as long as AVIF's, so that the capacity stays.
        stored = stored_name(secret.with_suffix(copy.path.suffix))
        named = f", {printable(stored)}" if copy.path.suffix else ", revealed as a PNG"
        why = "is more than is hard to find here" if carrier.at_most_safe else "does not fit as it is"
        made = f"{form_of(self.file).name} → {copy.description}"
        warning = f"{printable(secret.name)} {why}: hidden as a compressed copy{named} ({made})"
        return HiddenFile(copy.path, stored, copy.path.stat().st_size, about_secret(self.file), warning, copy)


@dataclass(frozen=True)
class Written:
    """What is known of a container once it was written, for the report.

    Attributes:
        fitted: the file that is hidden, as it is or as a copy; None: a picture, a film, or a part of an album's file.
        notes: a line each on what is hidden, and on what was not copied from the cover.
        figures: values of `HidingFigures` besides the method and the cover's size.
        warnings: a line for each problem that the user should act on.
        secret_psnr: PSNR in dB of the secret as it will be revealed; None: not measured.
        changed_secret: a warning that a copy is hidden instead of the secret; "": none is.
        hidden: frames that hold something.
        may_be_lost: frames of a film; None: the file is not spread over them.
    """

    fitted: HiddenFile | None
    notes: tuple[str, ...]
    figures: dict[str, Any]
    warnings: tuple[str, ...] = ()
    secret_psnr: float | None = None
    changed_secret: str = ""
    hidden: int = 1
    may_be_lost: int | None = None

    @classmethod
    def of(cls, fitted: HiddenFile | None, notes: tuple[str, ...], figures: dict[str, Any], **more: Any) -> Self:
        """The facts of a container that holds a file; of a copy with loss, its PSNR, and a warning if that is low."""
        psnr = fitted.copy.psnr if fitted and fitted.copy else None
        warnings = (*more.pop("warnings", ()), *warnings_of_psnr(psnr))
        return cls(fitted, notes, figures, warnings, psnr, fitted.warning if fitted else "", **more)


def warnings_of_psnr(psnr: float | None, poor: float = POOR, advice: str = "use a larger cover") -> tuple[str, ...]:
    """A warning if the secret is revealed below `poor` dB; None: it was not measured."""
    if psnr is None or psnr >= poor:
        return ()
    return (Text(f"the secret is revealed at only {psnr:.1f} dB PSNR: ", advice),)


class NewContainer(ABC):
    """A container that is ready to be written; width and height are in pixels, 0 of a sound."""

    width: int
    height: int
    frames: int = 1  # of a film

    @abstractmethod
    def write(self, part: Path, verify: bool) -> Written:
        """Writes it.

        Args:
            part: a file that exists; it gets its own name once it is whole.
            verify: read it back and compare.
        Raises:
            MediaError: it can't be written, or does not read back as it was written.
        """


class FoundSecret(ABC):
    """A secret that a method found in a container, which is open: `write`, `text` and `details` read it."""

    kind: str  # PICTURE, FILM or FILE
    name: str | None = None  # own name of a file
    size: int | None = None  # its bytes
    method: str  # the name of its method
    tells_damage = True  # it is told if the container was altered; False where it is made to survive that

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


@dataclass(frozen=True)
class MethodInfo:
    """What a method is, as the command line, the window, folders and the other methods read it.

    Attributes:
        name: of `--method`.
        summary: its help.
        options: a dataclass of `option`s.
        description: of its topic in the help, in lines of at most 78 characters, with an example.
        topic: name of that topic; "": the method's.
        covers: kinds of covers that it hides in.
        forms: suffixes of containers by kind of cover, the usual one first.
        any_file: it hides files of any kind.
        matched: of a folder of pictures and films, it hides pictures in pictures, and films in films.
        computes: it uses networks.
        albums: it divides a file over an album (`part_capacity`, `embed_record`); `find` opens them one by one.
        implied: AUTO turns to it where an option or suffix is given that it has; of several, to the last added.
        preference: AUTO asks methods by it, the highest first; 0: never.
        survives: line on what its containers bear; "": as others that must arrive bit by bit.
    """

    name: str
    summary: str
    options: type
    description: str = ""
    topic: str = ""
    covers: tuple[str, ...] = (PICTURE, FILM)
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: FORMS)
    any_file: bool = True
    matched: bool = False
    computes: bool = False
    albums: bool = False
    implied: bool = False
    preference: int = 0
    survives: str = ""

    @cached_property
    def suffixes(self) -> frozenset[str]:
        """Suffixes of all its containers."""
        return frozenset(suffix for suffixes in self.forms.values() for suffix in suffixes)

    @cached_property
    def option_names(self) -> frozenset[str]:
        """Names of its options."""
        return frozenset(each.name for each in fields(self.options))


class Method(ABC):
    """A way to hide."""

    info: MethodInfo

    @property
    def name(self) -> str:
        """Its name."""
        return self.info.name

    def form(self, cover: Cover) -> str:
        """Suffix of the container of a cover, where it is not named; a MediaError, if the cover can't be read."""
        return self.suffixes_for(cover)[0]

    def suffixes_for(self, cover: Cover) -> tuple[str, ...]:
        """Suffixes that the container of a cover may have; errors as `form`."""
        return self.info.forms[cover.kind]

    def keeps(self, cover: Cover) -> bool:
        """True if AUTO writes the container of a cover as this method does; of several, as the most preferred."""
        return False

    def load(self, context: Context) -> None:  # noqa: B027
        """Loads the networks that it certainly needs, so that their errors come once for a whole folder."""

    def check_cover(self, cover: Cover, options: Any) -> None:
        """Refuses, by a CapacityError or ConfigError, a cover of a kind that it, or an option, is not for."""
        if cover.kind not in self.info.covers:
            kinds = " and ".join(f"{kind}s" for kind in self.info.covers)
            problem = f"is a {cover.called}, and the method {self.name} hides in {kinds}"
            sound = "what is hidden in a sound must be sent as a file"
            hint = sound if cover.kind == SOUND else Text("use ", Setting("method", "auto"), ", which chooses")
            raise CapacityError(problem, hint, subject=cover)
        if cover.kind != PICTURE and getattr(options, "resize", None):
            problem = f"the cover is a {cover.called}, and only pictures are resized"
            raise ConfigError(
                problem, Text("leave ", Setting("resize", "PIXELS", quoted=False), " out"), parameter="resize"
            )

    def check(self, cover: Cover, payload: Payload, options: Any) -> None:  # noqa: B027
        """Refuses a cover or secret of a kind that it can't use, with a CapacityError or ConfigError."""

    def inputs(self, options: Any) -> tuple[Path, ...]:
        """Files that its options name, none of which is overwritten."""
        return ()

    def options_of(self, options: Any, **more: Any) -> Any:
        """Its own options, with those of AUTO that it has, and more."""
        shared = {name: value for name, value in vars(options).items() if name in self.info.option_names}
        return self.info.options(**shared, **more)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: Any) -> MethodChoice | None:
        """Says if it suits a cover and a secret, given a container's suffix and the options of AUTO; None: it does not.

        Raises:
            MediaError: a file can't be read.
        """
        return None

    def why_not(self, cover: Cover, size: int = 1) -> str:
        """Return why a cover whose form it would keep can't carry so many bytes; "" for other covers, and if it can."""
        return ""

    def candidates(
        self, cover: Cover, payload: Payload, suffix: str, options: Any
    ) -> Iterator[tuple["Method", MethodChoice]]:
        """The methods to hide a secret by, the next where one has no capacity; arguments and errors as `suits`."""
        yield self, MethodChoice(options)

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """List what fits into a cover of this size; nothing, by default."""
        return []

    def capacity(self, cover: CoverSize, name: str, options: Any) -> Capacity | None:
        """Capacity of a cover of this size for a file of this name; None: not known.

        Raises:
            ConfigError: the options are impossible.
            CapacityError: nothing fits with them.
            MediaError: the cover's own file can't be read.
        """
        return Capacity(max((fit.bytes or 0 for fit in self.what_fits(cover)), default=0))

    @abstractmethod
    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: Any, context: Context
    ) -> NewContainer:
        """Hides a secret in a cover, given the container's suffix and an instance of its own options.

        Raises:
            StegnetError: any but DataError, RevealError and TrainingError.
        """

    def for_album(self, cover: Cover, options: Any) -> tuple["Method", Any]:
        """The method by which a picture of an album is hidden in, and its options."""
        return self, options

    def part_capacity(self, cover: Cover, empty: int, key: Key, options: Any) -> Capacity:
        """Capacity of a picture for a part of an album's file beside an empty record; negative if that does not fit.

        Raises:
            MediaError: the cover can't be read, or be hidden in.
        """
        raise NotImplementedError

    def embed_record(
        self, cover: Cover, record: Record, keys: ContainerKeys, options: Any, context: Context
    ) -> NewContainer:
        """Hides a record in a picture of an album, whose keys these are; the picture opens by itself.

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
