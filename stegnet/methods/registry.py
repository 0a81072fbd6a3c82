"""The methods by name. To add one: a file with a `Method`, and a line below."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module

from stegnet.core.errors import ConfigError
from stegnet.methods.method import AUTO, Method

_CLASSES = {
    AUTO: "stegnet.methods.auto:Auto",
    "sealed": "stegnet.methods.sealed:SealedMethod",
    "network": "stegnet.methods.network:NetworkMethod",
    "robust": "stegnet.methods.robust.robust_method:RobustMethod",
    "jpeg": "stegnet.methods.jpeg:JpegMethod",
    "h264": "stegnet.methods.h264:H264Method",
}


class Registry(Mapping[str, Method]):
    """The methods by name, each imported when it is first asked for; the default is the first.

    Args:
        classes: "module:Class" of each.
    """

    def __init__(self, classes: Mapping[str, str]) -> None:
        self._classes = dict(classes)
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
        """Adds a method, "module:Class".

        Raises:
            ValueError: there is one of this name.
        """
        if name in self._classes:
            raise ValueError(f"there is a method {name} already")
        self._classes[name] = place

    def remove(self, name: str) -> None:
        """Removes a method."""
        del self._classes[name]
        self._loaded.pop(name, None)

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
            others = (each for each in reversed(list(self.values())) if each.implied and own <= each.option_names)
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


METHODS = Registry(_CLASSES)
