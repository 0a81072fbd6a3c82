"""The methods by name; "auto", which asks the others; and the destinations of containers.

To add a method: a file with a `Method`, and a line below.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal

from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.names import ALBUM, COVERS
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.method import (
    AUTO,
    EXACT_HELP,
    RESIZE_HELP,
    SAFE_HELP,
    VERIFY_HELP,
    Capacity,
    Context,
    CoverSize,
    Method,
    MethodChoice,
    MethodInfo,
    NewContainer,
    Payload,
    option,
)

_CLASSES = {
    AUTO: "stegnet.methods.registry:Auto",
    "sealed": "stegnet.methods.sealed:SealedMethod",
    "network": "stegnet.methods.network:NetworkMethod",
    "robust": "stegnet.methods.robust.robust_method:RobustMethod",
    "jpeg": "stegnet.methods.jpeg:JpegMethod",
    "h264": "stegnet.methods.h264:H264Method",
    "transparent": "stegnet.methods.transparent:TransparentMethod",
    "sound": "stegnet.methods.sound:SoundMethod",
}
_LAST = ("network", "h264", "robust")  # methods that look through a container last: they import most, or look longest


@dataclass(frozen=True)
class Destination:
    """A place where a container is sent, in a user's words."""

    text: str  # what happens to it there, for after its name
    method: str = AUTO  # whose containers survive it
    options: dict[str, Any] = field(default_factory=dict)  # of that method


DESTINATIONS = {
    "file": Destination("arrives as it is"),
    "messenger": Destination("as a photo or video", "robust", {"survive": "messenger"}),
    "website": Destination("saved again at its size: JPEG 75, H.264 CRF 23 or better", "robust", {"survive": None}),
    "resize": Destination("reduced, down to half its sides", "robust", {"survive": "jpeg:75+resize:0.5"}),
    "crop": Destination("cropped, down to half its sides", "robust", {"survive": "jpeg:75+crop:0.5"}),
}


class UnknownOption(ConfigError):
    """The error for an option that a method lacks; `methods` are the names of those that have it."""

    def __init__(self, option: str, methods: Sequence[str]) -> None:
        self.option, self.methods = option, methods
        known = {} if methods else {name for each in METHODS.values() for name in each.info.option_names}
        problem = f"goes with {' or '.join(methods)}" if methods else "no method has it"
        super().__init__(problem, did_you_mean(option, sorted(known)), parameter=option)


class Registry(Mapping[str, Method]):
    """The methods by name, from "module:Class" of each.

    A method is imported when first asked for; the default is the first.
    """

    def __init__(self, classes: Mapping[str, str], last: Sequence[str]) -> None:
        self._classes, self._last = dict(classes), last
        self._loaded: dict[str, Method] = {}

    def __getitem__(self, name: str) -> Method:
        if name not in self._loaded:
            module, _, kind = self._classes[name].partition(":")
            self._loaded[name] = getattr(import_module(module), kind)()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def add(self, name: str, place: str) -> None:
        """Add a method, "module:Class". Raises ValueError if there is one of this name."""
        if name in self._classes:
            raise ValueError(f"there is a method {name} already")
        self._classes[name] = place

    def remove(self, name: str) -> None:
        """Remove a method."""
        del self._classes[name]
        self._loaded.pop(name, None)

    def hiding_in(self, kind: str) -> list[Method]:
        """Return the methods that hide in covers of a kind; all of them for an album."""
        return [each for each in self.values() if kind in (ALBUM, *each.info.covers)]

    def finding_in(self, kind: str) -> Iterator[Method]:
        """Yield the methods of `hiding_in` in the order in which they look through a container of this kind.

        A method is imported only after those before it have found nothing.
        """
        ordered = (*(name for name in self if name not in self._last), *self._last)
        return (self[name] for name in ordered if kind in (ALBUM, *self[name].info.covers))

    def choose(self, name: str, given: Collection[str] = (), suffix: str = "") -> Method:
        """Return the method of a name; for AUTO, the method that alone has these options or writes this suffix, if any.

        Args:
            given: names of options that are set.
            suffix: of the container, or "".
        Raises:
            ConfigError: there is no such method.
            UnknownOption: the method lacks an option.
        """
        if name not in self:
            raise ConfigError(f"{name!r} is not one of {', '.join(self)}", parameter="method")
        method, own = self[name], set(given) - self[name].info.option_names
        if name == AUTO and (own or not self._writes(method, suffix)):
            implied = (each for each in reversed(list(self.values())) if each.info.implied)
            others = (each for each in implied if own <= each.info.option_names)
            method = next((each for each in others if self._writes(each, suffix)), method)
        lacking = set(given) - method.info.option_names
        owners = {each: [other.name for other in self.values() if each in other.info.option_names] for each in lacking}
        if owners:
            raise UnknownOption(*min(owners.items(), key=lambda item: (len(item[1]) > 0, item[0])))
        return method

    def _writes(self, method: Method, suffix: str) -> bool:
        """Return whether the method writes a suffix, or no method does."""
        return suffix in method.info.suffixes or not any(suffix in each.info.suffixes for each in self.values())


METHODS = Registry(_CLASSES, _LAST)


def method_for(
    destination: str, given: Mapping[str, Any], suffix: str, method: str | None = None
) -> tuple[Method, Any]:
    """Return the method whose containers survive being sent to a destination, and its options.

    Args:
        given: options that are set, besides those of the destination.
        suffix: of the container, or "".
        method: its name; None: the destination's.
    Raises:
        ConfigError: as `METHODS.choose`; or a value is impossible.
    """
    chosen = DESTINATIONS[destination]
    options = {**given, **chosen.options}
    found = METHODS.choose(method or chosen.method, options, suffix)
    return found, found.info.options(**options)


@dataclass(frozen=True)
class AutoOptions:
    """Options of the method "auto"."""

    longer: Literal["refuse", "cut"] = option("refuse", "refuse or cut a film with more frames than its cover")
    any_quality: bool = option(False, "hide a secret even if it is revealed below 22 dB PSNR")
    compress: bool = option(True, EXACT_HELP)
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, VERIFY_HELP)


class Auto(Method):
    """The method "auto", which asks the other methods by preference whether they suit a cover and a secret.

    Sealed bytes are encrypted, and at the same quality of the secret they leave a better container than the networks
    (docs/evaluation.md). So networks get only what can't be compressed into its cover, and the report's first warning
    says so.
    """

    info = MethodInfo(
        name=AUTO,
        topic="methods",
        summary="sealed, compressed if it does not fit otherwise; in a JPEG or MP4 that stays one, jpeg or h264",
        covers=COVERS,
        options=AutoOptions,
        matched=True,
        computes=True,
        albums=True,
    )

    def form(self, cover: Cover) -> str:
        """Return the suffix of a JPEG for a JPEG: saved without loss, it would show that it was one."""
        return next(each.form(cover) for each in _preferred(cover.kind) if each.keeps(cover))

    def suffixes_for(self, cover: Cover) -> tuple[str, ...]:
        others = (suffix for each in _preferred(cover.kind) for suffix in each.suffixes_for(cover))
        return tuple(dict.fromkeys((self.form(cover), *others)))

    def candidates(
        self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions
    ) -> Iterator[tuple[Method, MethodChoice]]:
        passed = ""  # why the method that would keep the cover's form was passed over
        for each in _preferred(cover.kind):
            if choice := each.suits(cover, payload, suffix, options):
                yield each, replace(choice, warning=passed)
            elif suffix in each.info.suffixes and (why := each.why_not(cover, payload.path.stat().st_size)):
                passed = f"{why}; the film was written without loss, which takes many times its bytes"

    def capacity(self, cover: CoverSize, name: str, options: AutoOptions) -> Capacity | None:
        """Return the capacity of the last method that hides any file: what the others refuse is compressed for it."""
        *_, last = (each for each in _preferred(cover.kind) if each.info.any_file)
        return last.capacity(cover, name, options)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: AutoOptions, context: Context
    ) -> NewContainer:
        """Raise NotImplementedError: candidates of "auto" are always other methods."""
        raise NotImplementedError

    def for_album(self, cover: Cover, options: AutoOptions) -> tuple[Method, Any]:
        able = [each for each in _preferred(cover.kind) if each.info.albums and each.keeps(cover)]
        method = next((each for each in able if not options.resize or "resize" in each.info.option_names), able[0])
        return method, method.options_of(options)


def _preferred(kind: str) -> list[Method]:
    """Return the methods to ask about a kind of cover, the most preferred first."""
    asked = (each for each in METHODS.hiding_in(kind) if each.info.preference)
    return sorted(asked, key=lambda each: -each.info.preference)
