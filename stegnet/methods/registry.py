"""The methods by name; "auto", which asks the others; and the method for a destination.

To add a method: a file with a `Method`, and a line below.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from stegnet.channels.destinations import DESTINATIONS
from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.names import ALBUM, COVERS, is_channel_file
from stegnet.hiding.method import (
    AUTO,
    AlbumMethod,
    Capacity,
    CoverSize,
    Method,
    MethodChoice,
    MethodInfo,
    MethodOptions,
    Payload,
    checked_options,
    choice_of,
)
from stegnet.media.cover import Cover

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


class UnknownOption(ConfigError):
    """The error for an option that a method lacks; `methods` are the names of those that have it."""

    def __init__(self, option: str, methods: Sequence[str]) -> None:
        self.option = option
        self.methods = methods
        known = {} if methods else {name for each in METHODS.values() for name in each.info.option_names}
        problem = f"goes with {' or '.join(methods)}" if methods else "no method has it"
        super().__init__(problem, did_you_mean(option, sorted(known)), parameter=option)


class Registry(Mapping[str, Method[Any]]):
    """The methods by name, from "module:Class" of each.

    A method is imported when first asked for; the default is the first.
    """

    def __init__(self, classes: Mapping[str, str], last: Sequence[str]) -> None:
        self._classes = dict(classes)
        self._last = last
        self._loaded: dict[str, Method[Any]] = {}

    def __getitem__(self, name: str) -> Method[Any]:
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

    def hiding_in(self, kind: str) -> list[Method[Any]]:
        """Return the methods that hide in covers of a kind; all of them for an album."""
        return [each for each in self.values() if kind in (ALBUM, *each.info.covers)]

    def finding_in(self, kind: str) -> Iterator[Method[Any]]:
        """Yield the methods of `hiding_in` in the order in which they look through a container of this kind.

        A method is imported only after those before it have found nothing.
        """
        ordered = (*(name for name in self if name not in self._last), *self._last)
        return (self[name] for name in ordered if kind in (ALBUM, *self[name].info.covers))

    def choose(self, name: str, given: Collection[str] = (), suffix: str = "") -> Method[Any]:
        """Return the method of a name.

        For AUTO, it is the method that has the options, or writes the suffix, that AUTO lacks; else AUTO.

        Args:
            name: the method's name, or AUTO.
            given: names of options that are set.
            suffix: suffix of the container, or "".

        Raises:
            ConfigError: there is no such method.
            UnknownOption: the method lacks an option.
        """
        if name not in self:
            raise ConfigError(f"{name!r} is not one of {', '.join(self)}", parameter="method")
        method = self[name]
        own = set(given) - self[name].info.option_names
        if name == AUTO and (own or not self._writes(method, suffix)):
            implied = (each for each in reversed(list(self.values())) if each.info.implied)
            others = (each for each in implied if own <= each.info.option_names)
            method = next((each for each in others if self._writes(each, suffix)), method)
        lacking = set(given) - method.info.option_names
        infos = [other.info for other in self.values()]
        owners = {name: [info.name for info in infos if name in info.option_names] for name in lacking}
        if owners:
            raise UnknownOption(*min(owners.items(), key=lambda item: (len(item[1]) > 0, item[0])))
        return method

    def _writes(self, method: Method[Any], suffix: str) -> bool:
        """Return whether the method writes a suffix, or no method does."""
        return suffix in method.info.suffixes or not any(suffix in each.info.suffixes for each in self.values())


METHODS = Registry(_CLASSES, _LAST)


def method_for(
    destination: str, given: Mapping[str, Any], suffix: str, method: str | None = None
) -> tuple[Method[Any], Any]:
    """Return the method whose containers survive being sent to a destination, and its options.

    Args:
        destination: a key of DESTINATIONS, such as "file", or the path of a channel's file.
        given: options that are set, besides those of the destination.
        suffix: suffix of the container, or "".
        method: its name; None or AUTO: the destination's.

    Raises:
        ConfigError: as `METHODS.choose`; or a value is impossible.
        TypeError: a value has another type than its option.
    """
    options = dict(given)
    channel_file = None
    if is_channel_file(given.get("survive")):
        channel_file = options.pop("survive")
    elif destination not in DESTINATIONS:
        channel_file = destination

    if channel_file is not None:
        usual = "jpeg"
        options["channel_file"] = (Path(channel_file),)
    elif DESTINATIONS[destination].is_lossy:
        usual = "robust"
        options["survive"] = DESTINATIONS[destination].channel
    else:
        usual = AUTO
    found = METHODS.choose(usual if method in (None, AUTO) else method, options, suffix)
    return found, checked_options(found.info.options, options)


class Auto(Method[MethodOptions]):
    """The method "auto", which asks the other methods by preference whether they suit a cover and a secret.

    A picture or film that does not fit as it is gets hidden by the pair, or as a compressed copy where that is better
    (`better_way`); the report's first warning says which.
    """

    info = MethodInfo(
        name=AUTO,
        topic="methods",
        summary="sealed, or network or compressed if it does not fit; in a JPEG or MP4 that stays one, jpeg or h264",
        covers=COVERS,
        options=MethodOptions,
        shared=("longer", "any_quality", "compress", "resize", "at_most_safe"),
        matched=True,
        computes=True,
        albums=True,
    )

    def suffixes_of(self, cover: Cover) -> tuple[str, ...]:
        """Return the suffixes of all methods that AUTO asks, first that of the one which keeps the cover's form.

        A JPEG that was saved without loss would show that it was one.
        """
        asked = preferred(cover.kind)
        own = next(each.suffixes_of(cover)[0] for each in asked if each.keeps_form_of(cover))
        return tuple(dict.fromkeys([own, *(suffix for each in asked for suffix in each.suffixes_of(cover))]))

    def capacity(self, cover: CoverSize, name: str, options: MethodOptions) -> Capacity | None:
        """Return the capacity of the last method that hides any file: a secret that the others refuse is compressed."""
        *_, last = (method for method in preferred(cover.kind) if method.info.any_file)
        return last.capacity(cover, name, options)

    def choices(self, cover: Cover, payload: Payload, suffix: str, options: MethodOptions) -> Iterator[MethodChoice]:
        """Yield the choices of the methods that suit the cover; one does, whatever the cover."""
        answers = (method.suits(cover, payload, suffix, options) for method in preferred(cover.kind))
        return (replace(answer, has_rival=answer.method.info.name == "sealed") for answer in answers if answer)


def preferred(kind: str) -> list[Method[Any]]:
    """Return the methods that AUTO asks about a kind of cover, the most preferred first."""
    asked = (method for method in METHODS.hiding_in(kind) if method.info.preference)
    return sorted(asked, key=lambda method: -method.info.preference)


def album_method(method: Method[Any], cover: Cover, options: MethodOptions) -> tuple[AlbumMethod[Any], Any]:
    """Return the method that hides in a picture of an album, and its options.

    It is the given one, or, if that is AUTO, the most preferred one that keeps the cover's form.
    """
    if isinstance(method, AlbumMethod):
        return method, options
    assert method.info.name == AUTO, "no other method makes albums"
    able = [each for each in preferred(cover.kind) if isinstance(each, AlbumMethod) and each.keeps_form_of(cover)]
    chosen = next((each for each in able if not options.resize or "resize" in each.info.option_names), able[0])
    return chosen, choice_of(chosen, options).options
