"""The methods by name, and the method for a destination.

To add a method: a file with a `Method`, and a line below.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from stegnet.channels.destinations import DESTINATIONS
from stegnet.core.errors import ConfigError, did_you_mean
from stegnet.core.names import ALBUM, is_channel_file
from stegnet.hiding.method import AUTO, Method, checked_options

_CLASSES = {
    AUTO: "stegnet.methods.auto:Auto",
    "sealed": "stegnet.methods.sealed:SealedMethod",
    "network": "stegnet.methods.network:NetworkMethod",
    "robust": "stegnet.methods.robust.robust_method:RobustMethod",
    "jpeg": "stegnet.methods.jpeg:JpegMethod",
    "h264": "stegnet.methods.h264:H264Method",
    "transparent": "stegnet.methods.transparent:TransparentMethod",
    "sound": "stegnet.methods.sound:SoundMethod",
}
_OF_ANY_FORM = ("sealed", "network", "robust")  # of what fits, it is named after what keeps a cover's form
_IMPLIED = ("h264", "jpeg", "robust")  # what has an option, or writes a suffix, that "auto" lacks: the first of these
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
        """Return the methods that hide in covers of a kind, first those that keep the cover's form."""
        able = (each for each in self.values() if kind in each.info.covers)
        return sorted(able, key=lambda method: method.info.name in _OF_ANY_FORM)

    def finding_in(self, kind: str) -> Iterator[Method[Any]]:
        """Yield the methods that hide in covers of a kind, all of them for an album, in the order in which they look.

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
            others = (self[name] for name in _IMPLIED if own <= self[name].info.option_names)
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
