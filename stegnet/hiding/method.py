"""The contract of a hiding method: its inputs, the questions that it answers, and its results.

A method is a file in `stegnet.methods` with a `Method`, and a line in its `registry`. The command line, `stegnet info`,
the page, the API, folders and the cluster read its name, forms and options; `hide_file` calls it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar, get_type_hints

from stegnet.core.arguments import Limits, checked
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, ConfigError, called
from stegnet.core.keystream import system_bytes
from stegnet.core.names import FILM, PICTURE, SOUND, counted, printable
from stegnet.core.parallel import Count, Progress, no_progress, with_heartbeat, with_phases
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import FileInMemory, Source
from stegnet.formats.signatures import FORMS, form_of
from stegnet.keys import KeySource, Opener, Randomness
from stegnet.media.condition import Condition
from stegnet.media.cover import Compressed, Cover, about_secret, lost_by_copy, media_kind
from stegnet.record import Container
from stegnet.results import POOR, Detectability, OutputTarget, Report, betrayed_by, stored_name

T = TypeVar("T")
Options = TypeVar("Options", bound="MethodOptions")
AUTO = "auto"
# By media kind: the function that compresses a file (its path, a folder for the copy, the bytes available, and a
# callback with what is done and in all), and the suffix of its copies.
Compressors = Mapping[str, tuple[Callable[[Path, Path, int, Count], Compressed], str]]


def ignore(*_: str) -> None:
    """Do nothing: the default of callbacks that are told lines, which the report repeats."""


@dataclass(frozen=True)
class Context:
    """Everything that hiding or revealing is given besides files, key and options. It can be pickled."""

    weights: Path | None = None  # file of a pair or modem, used instead of the shipped one of its kind
    device: str = "auto"  # device, precision, backend: as `load_engine` takes them
    precision: str = "auto"
    backend: str = "auto"
    randomness: Randomness = system_bytes  # source of all randomness
    progress: Progress = no_progress  # called as the work goes on
    # Called before the work begins, with a line on what will give the container away, or make hiding slow.
    warn: Callable[[str], None] = ignore
    # Called then, too, with a line on how easily the container is found, and how large it gets if that is much, or "".
    tell: Callable[[str, str], None] = ignore
    rough: bool = False  # measure what survives in a smaller part of a picture: for a forecast
    # The networks loaded so far, by the shipped file whose place they take.
    networks: dict[Path, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, network: Any, **more: Any) -> "Context":
        """Return a context with a pair that has been loaded, or is in no file."""
        from stegnet.networks.card import SHIPPED

        return cls(networks={SHIPPED: network}, **more)

    def network(self, load: Callable[[Path, str, str, str], T], shipped: Path) -> T:
        """Return the networks in the chosen weights file, or the shipped ones if it is of another kind.

        They are loaded once; errors are those of `load` and `same_kind`.
        """
        if shipped not in self.networks:
            from stegnet.networks.card import same_kind  # only who uses networks needs it

            chosen = self.weights if self.weights and same_kind(self.weights, shipped) else shipped
            self.networks[shipped] = load(chosen, self.device, self.precision, self.backend)
        loaded: T = self.networks[shipped]
        return loaded

    def foretell(self, facts: Detectability, *forecasts: str) -> None:
        """Say how easily a container is found that is about to be made, and what it costs: lines that may be empty.

        It warns if the cover gives the container away.
        """
        self.tell(facts.verdict, "; ".join(filter(None, forecasts)))
        if facts.cover_format:
            self.warn(betrayed_by(facts.cover_format))

    def with_phases(self, *phases: str) -> "Context":
        """Return a copy whose phases, if there are several, are numbered in this order."""
        return replace(self, progress=with_phases(self.progress, *phases))

    def progress_of(self, phase: str) -> Count:
        """Return the callback of one phase, called with what is done and in all."""
        return lambda done, total: self.progress(phase, done, total)

    def with_heartbeat(self, phase: str, work: Callable[[], T]) -> T:
        """Run work that reports no progress in a thread, reporting its phase every second, and return its result."""
        return with_heartbeat(work, lambda: self.progress(phase, 0, 0))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"networks": {}}


DEFAULT_CONTEXT = Context()


def option(
    default: Any,
    text: str,
    metavar: str | tuple[str, ...] | None = None,
    limits: Limits | None = None,
    pictures_only: str = "",
    typed: bool = True,
) -> Any:
    """Return a field of a method's options, with its texts for the command line.

    Args:
        default: value of the option if it is not given.
        text: its help; for a bool that is True, the effect of `--no-…`.
        metavar: several for a tuple of paths.
        limits: least and greatest value of a number.
        pictures_only: the reason why covers other than pictures are refused with it; "": they are not.
        typed: the command line has an option for it.
    """
    about = {"help": text, "metavar": metavar, "limits": limits, "pictures_only": pictures_only, "typed": typed}
    return field(default=default, metadata=about)


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Options that several methods have. Those that a method lacks keep their defaults: see `MethodInfo.shared`."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    any_quality: bool = option(False, "hide a secret even if it is revealed below 22 dB PSNR")
    compress: bool = option(
        True, "refuse a secret that does not fit as it is: hide no copy of a picture or film, by any method"
    )
    resize: int | None = option(
        None,
        "reduce a picture first, to this many pixels on its longer side: what it was saved as before no longer shows",
        "PIXELS",
        pictures_only="only pictures are resized",
    )
    at_most_safe: bool = option(
        False,
        "hide no more than is hard to find in an original: compress a picture, refuse a larger file (`info` says how "
        "much, and what makes a cover an original)",
    )
    strip_metadata: bool = option(
        False,
        "leave out metadata, such as place, date, camera and software: EXIF except orientation, XMP, comments, tags, "
        "thumbnails",
    )
    verify: bool = option(True, "do not open the output again to verify it")

    @property
    def names_channel(self) -> bool:
        """True if the options show the channel that the container is for, by a file, a command or examples."""
        return False

    @property
    def input_files(self) -> tuple[Path, ...]:
        """Files that the options name, which are read."""
        return ()


def checked_options(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """Return a method's options with the given values, by the names of its fields.

    Raises:
        TypeError: a value has another type than its option.
        ConfigError: a value is out of the option's range.
    """
    types = get_type_hints(kind)
    limits = {declared.name: declared.metadata["limits"] for declared in fields(kind)}
    return kind(**{name: checked(name, value, types[name], limits[name]) for name, value in given.items()})


@dataclass(frozen=True)
class CoverSize:
    """Size of a cover: one frame for a picture, one channel if it is grey, and the cover itself if it is open."""

    height: int
    width: int
    frames: int = 1
    channels: int = 3
    cover: Cover | None = None

    @classmethod
    def of(cls, cover: Cover) -> "CoverSize":
        """Return the size of an open cover; errors are those of `Cover`."""
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
        what: a name for it.
        method: the method that hides it; `hide` takes its name.
        bytes: largest size of a file whose name has 32 bytes in UTF-8, for a key or passphrase; None: see `psnr`.
        safe: bytes of it that are hard to find; None: not known.
        condition: what has to be so of the cover for that, such as "it is as its camera saved it"; "": not known.
        betrayed: the cover's format or past gives the container away, whatever it holds.
        basis: the part of the cover by which that was measured, such as "by its first 48 frames"; "": all of it.
        psnr: approximate PSNR in dB of the revealed picture or film.
        survive: the channel that it survives; None: the container must arrive bit by bit.
        brief: it is worth a line where only the best ways are shown.
        why_not: the reason that nothing fits into the cover's own form; if there is one, all else is empty.
    """

    what: str
    method: str
    bytes: int | None = None
    safe: int | None = None
    psnr: int | None = None
    survive: str | None = None
    brief: bool = True
    why_not: str = ""
    condition: str = ""
    basis: str = ""
    betrayed: bool = False


@dataclass(frozen=True)
class Room:
    """Room in a cover for a file of one name, or for a part of one.

    Attributes:
        bytes: largest size; None: not even an empty one fits.
        hard: bytes of that which are hard to find; None: not even an empty one is, or nobody has measured it.
        history: the trace that would betray a change, as of `Cover`.
        condition: what has to be so of the cover for what is hard to find; None: nobody has measured that.
    """

    bytes: int | None
    hard: int | None = None
    history: str | None = None
    condition: Condition | None = None

    @property
    def safe(self) -> int | None:
        """Bytes that are hard to find, 0 if none are; None: nobody has measured it."""
        return None if self.condition is None and self.history is None else self.hard or 0


@dataclass(frozen=True)
class HiddenFile:
    """A file that fits into its cover: the secret itself, or a compressed copy."""

    file: Source  # file with the bytes that are hidden
    name: str  # name stored with the bytes
    size: int
    notes: tuple[str, ...] = ()  # for the report; empty for an unchanged file
    warning: str = ""  # says that a copy is hidden, its name when revealed, and its format
    copy: Compressed | None = None  # the copy; None: the bytes are those of the file itself

    @property
    def unchanged(self) -> bool:
        """True if the revealed bytes will be those of the secret."""
        return self.copy is None

    @property
    def line(self) -> str:
        """Line on the hidden file."""
        line = f"hidden: {printable(self.name)}, {counted(self.size, 'byte')}"
        return f"{line}, byte for byte" if self.unchanged else line


def media_compressors() -> Compressors:
    """Return the compressor of each kind of media."""
    return {PICTURE: (_compress_picture, ".avif"), FILM: (_compress_film, ".mkv")}


def _compress_picture(path: Path, folder: Path, limit: int, progress: Count) -> Compressed:
    from stegnet.media.picture_copies import compress_picture  # which few secrets need

    return compress_picture(path, folder, limit, progress)


def _compress_film(path: Path, folder: Path, limit: int, progress: Count) -> Compressed:
    from stegnet.media.compress import compress_film  # takes 80 ms, with all that reads films

    return compress_film(path, folder, limit, progress)


class Payload(ExitStack):
    """A secret to hide: unchanged if it fits, or as a compressed copy. Closing it deletes compressed copies.

    Args:
        secret: file to hide.
        copies: a copy may be hidden instead of a picture or film that does not fit.

    Raises:
        MediaError: the secret can't be read.
    """

    def __init__(self, secret: Path | FileInMemory, copies: bool = True) -> None:
        super().__init__()
        self.file: Cover = self.enter_context(Cover(secret))
        self.path: Path = self.file.path  # only the name of a file in memory
        self._copies = copies
        self._on_disk = isinstance(secret, Path)
        self._made: dict[int, Compressed] = {}  # the copies by their largest size

    @cached_property
    def kind(self) -> str | None:
        """PICTURE or FILM if a copy may be hidden instead; None: the secret is hidden unchanged, or not at all."""
        return media_kind(self.file) if self._copies and not self.only_whole else None

    @cached_property
    def only_whole(self) -> str:
        """The parts of a picture or film that a copy would lose, as `lost_by_copy`; if not empty, no copy is made."""
        return lost_by_copy(self.file) if self._copies else ""

    def folder(self) -> Path:
        """Make a temporary folder."""
        return self.enter_context(temporary_folder())

    def fit(
        self,
        room_for: Callable[[str], int | None],
        compressors: Compressors,
        context: Context,
        why: str = "does not fit as it is",
    ) -> HiddenFile | None:
        """Return the file as it is, or a compressed copy that fits; None: neither does.

        Args:
            room_for: returns the largest size in bytes of a file with this name; None: not even an empty one fits.
            compressors: what copies are made by.
            context: progress of the work.
            why: the reason for a copy, for the warning that it is one.

        Raises:
            MediaError: the file can't be read, or a copy can't be written.
        """
        secret = self.path
        size = self.file.length
        name = stored_name(secret)
        most = room_for(name)
        if most is not None and size <= most:
            return HiddenFile(self.file, name, size)
        if self.kind is None or self.kind not in compressors or not most:
            return None
        compress, suffix = compressors[self.kind]
        most = room_for(stored_name(secret.with_suffix(suffix))) or 0
        if most not in self._made:
            folder = self.folder()
            if not self._on_disk:
                secret = folder / name
                secret.write_bytes(self.file.read_bytes())
            with called(self.path, secret):
                self._made[most] = compress(secret, folder, most, context.progress_of("compress"))
        copy = self._made[most]
        # The suffix of lossless WebP is as long as that of AVIF, so that the capacity doesn't change.
        stored = stored_name(secret.with_suffix(copy.path.suffix))
        named = f", {printable(stored)}" if copy.path.suffix else ", revealed as a PNG"
        form = form_of(self.file)
        assert form, "only pictures and films are compressed"
        made = f"{form.name} → {copy.description}"
        warning = f"{printable(self.path.name)} {why}: hidden as a compressed copy{named} ({made})"
        return HiddenFile(copy.path, stored, copy.path.stat().st_size, about_secret(self.file), warning, copy)

    def too_large(self, most: int, remedy: str) -> CapacityError:
        """Return the error for a secret that does not fit, where `most` bytes would."""
        size = self.file.length
        problem = f"has {size} bytes, more than the capacity of {most}"
        if not size:
            problem = "is empty, but not even that fits: its name needs room, too"
        if self.only_whole:
            remedy += f"; a compressed copy would lose {self.only_whole}"
        return CapacityError(problem, remedy, subject=self.path)


@dataclass(frozen=True)
class Written:
    """Facts on a container that has been written, for the report.

    Attributes:
        fitted: the hidden file, or a copy of it; None: a picture, a film, or a part of an album's file is hidden.
        notes: lines on the secret, and on anything that was not copied from the cover.
        figures: values of `HidingFigures` besides the method and the cover's size.
        warnings: a line for each problem that the user should act on.
        secret_psnr: PSNR in dB of the secret as it will be revealed; None: not measured.
        changed_secret: a warning that a copy is hidden instead of the secret; "": the secret itself is.
        hidden: number of frames that hold something.
        may_be_lost: number of a film's frames that may be lost; None: the file is not spread over them.
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
        """Return the facts on a container that holds a file.

        For a lossy copy, they have its PSNR, and a warning if it is low.
        """
        psnr = fitted.copy.psnr if fitted and fitted.copy else None
        warnings = (*more.pop("warnings", ()), *warnings_of_psnr(psnr))
        return cls(fitted, notes, figures, warnings, psnr, fitted.warning if fitted else "", **more)


def warnings_of_psnr(psnr: float | None, poor: float = POOR, advice: str = "use a larger cover") -> tuple[str, ...]:
    """Return a warning if the secret is revealed below `poor` dB; None: it was not measured."""
    if psnr is None or psnr >= poor:
        return ()
    return (Text(f"the secret is revealed at only {psnr:.1f} dB PSNR: ", advice),)


class NewContainer(ABC):
    """A container that is ready to be written, and then opened to verify it.

    Attributes:
        width, height: in pixels; 0 for a sound.
        frames: of a film.
        keys: they open it.
        method: name of the method that made it.
        changed_secret: a warning that something else is hidden than the secret, as of `Report`, where AUTO chose that.
        context: the one that it was made in.
        last_phase: the phase in which it is verified.
    """

    width: int
    height: int
    frames: int = 1
    keys: Opener
    method: str
    changed_secret: str = ""
    context: Context
    last_phase: str = "write"

    @abstractmethod
    def write(self, part: Path, verify: bool) -> Written:
        """Write the container.

        Args:
            part: an existing file, which gets its final name once it is complete.
            verify: it is going to be verified: measure what takes long, too.

        Raises:
            MediaError: the file can't be written.
        """

    def arriving(self, written: Cover) -> FileInMemory | None:
        """Return what the receiver opens if a channel changes the file that was written; None: this file itself."""
        return None

    @abstractmethod
    def is_in(self, found: "FoundSecret") -> bool:
        """Return whether the secret that was found in the file is this one, and the file is as it was meant to be.

        Raises:
            RevealError: it can't be read.
        """


class FoundSecret(ABC):
    """A secret that a method found in an open container. `write`, `text` and `details` read it."""

    kind: Literal["picture", "film", "file"]
    name: str | None = None  # a file's own name
    size: int | None = None  # of a file, in bytes
    method: str  # the name of its method
    tells_damage = True  # whether alterations of the container are reported; False if it is made to survive them

    def __init__(self, container: Container, context: Context) -> None:
        self.container = container
        self.context = context

    def text(self, strict: bool = False) -> Report | None:
        """Return a report with the text, if text is hidden; errors are those of `write`."""
        return None

    @abstractmethod
    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        """Write the secret, readable by its owner only.

        Args:
            out: a file with a suffix of a form in which `kind` can be written.
            strict: refuse an altered container, where alterations are reported.

        Raises:
            MediaError: the secret can't be written, or the container can't be read.
            RevealError: bytes of it are missing, or (if strict) the container was altered.
        """

    @abstractmethod
    def details(self) -> dict[str, Any]:
        """Return facts on the secret, by names in display order; with `whole` and `trouble` if damage is reported."""


@dataclass(frozen=True)
class MethodInfo:
    """Properties of a method, as the command line, the window, folders and other methods read them.

    Attributes:
        name: the value for `--method`.
        summary: its help.
        options: MethodOptions, or a subclass with `option`s of its own.
        shared: names of those of MethodOptions that it has; all methods have `strip_metadata` and `verify`.
        description: text of its help topic, in lines of at most 78 characters, with an example.
        topic: name of that topic; "": the method's.
        covers: kinds of covers that it hides in.
        forms: suffixes of containers by kind of cover, the default first.
        any_file: it hides files of any kind.
        matched: in a folder of pictures and films, it hides pictures in pictures, and films in films.
        computes: it uses networks.
        albums: it can divide a file over an album; its `find` opens the album's pictures singly.
        needs_pair: it always uses a hide/reveal pair, so that for a folder, the pair's errors are reported once.
        survives: line on what its containers survive; "": they must arrive bit by bit, like those of most methods.
    """

    name: str
    summary: str
    options: type = MethodOptions
    shared: tuple[str, ...] = ()
    description: str = ""
    topic: str = ""
    covers: tuple[str, ...] = (PICTURE, FILM)
    forms: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: FORMS)
    any_file: bool = True
    matched: bool = False
    computes: bool = False
    albums: bool = False
    needs_pair: bool = False
    survives: str = ""

    @cached_property
    def suffixes(self) -> frozenset[str]:
        """Suffixes of all its containers."""
        return frozenset(suffix for suffixes in self.forms.values() for suffix in suffixes)

    @cached_property
    def option_names(self) -> frozenset[str]:
        """Names of its options."""
        own = {each.name for each in fields(self.options)} - {each.name for each in fields(MethodOptions)}
        return frozenset({*own, *self.shared, "strip_metadata", "verify"})

    def options_of(self, given: MethodOptions) -> Any:
        """Return the method's options, with the values that it shares with those that were given to AUTO."""
        return self.options(**{name: value for name, value in vars(given).items() if name in self.option_names})


class Method(ABC, Generic[Options]):
    """A way to hide: its properties, and the questions that it answers. AUTO is one, too: it passes a cover on."""

    info: MethodInfo

    def check(self, cover: Cover, options: Options) -> None:
        """Refuse a cover of a kind that the method, or an option, does not support: CapacityError or ConfigError."""
        if cover.kind not in self.info.covers:
            kinds = " and ".join(f"{kind}s" for kind in self.info.covers)
            problem = f"is a {cover.called}, and the method {self.info.name} hides in {kinds}"
            raise CapacityError(problem, self.hint_for_other_covers(cover, options), subject=cover)
        for each in fields(options):
            reason = each.metadata["pictures_only"]
            if reason and cover.kind != PICTURE and vars(options)[each.name] != each.default:
                problem = f"the cover is a {cover.called}, and {reason}"
                hint = Text("leave ", Setting(each.name, each.metadata["metavar"] or True, quoted=False), " out")
                raise ConfigError(problem, hint, parameter=each.name)

    def hint_for_other_covers(self, cover: Cover, options: Options) -> str:
        """Return the hint on a cover of a kind that the method does not hide in."""
        if cover.kind == SOUND:
            return "what is hidden in a sound must be sent as a file"
        return Text("use ", Setting("method", "auto"), ", which chooses")

    def suffixes_of(self, cover: Cover) -> tuple[str, ...]:
        """Return the suffixes that the container of a cover may have, the default first.

        Raises:
            MediaError: the cover can't be read.
        """
        return self.info.forms[cover.kind]

    def entry(self, cover: Cover, suffix: str, options: Options) -> "tuple[Method[Any], Any]":
        """Return the method that hides in a cover, and its options: this one; AUTO's choice depends on both arguments.

        Args:
            cover: opened cover.
            suffix: suffix of the container.
            options: options of this method.

        Raises:
            MediaError: no method hides in such a cover with this suffix, or the cover can't be read.
        """
        return self, options

    @abstractmethod
    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: Options, context: Context
    ) -> NewContainer:
        """Hide a secret in a cover, given the container's suffix.

        Raises:
            StegnetError: any but DataError, RevealError and TrainingError.
        """

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """List what fits into a cover of this size; nothing, by default."""
        return []

    def room(self, cover: CoverSize, name: str, options: Options) -> Room | None:
        """Return the room in a cover of this size for a file of this name (USUAL_NAME: not known yet), or None.

        Raises:
            ConfigError: the options are impossible.
            CapacityError: nothing fits with them.
            MediaError: the cover's own file can't be read.
        """
        return Room(max((fit.bytes for fit in self.what_fits(cover) if fit.bytes is not None), default=None))

    def find(self, container: Container, context: Context) -> FoundSecret | None:
        """Find the secret that this method hid in a container, if anything opens with the container's key.

        Raises:
            RevealError: the secret is damaged beyond use.
            MediaError: the container can't be read.
        """
        return None
