"""The families of hide/reveal pairs, by name."""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from stegnet.core.config import AUTO, ModelConfig
from stegnet.core.errors import ConfigError
from stegnet.models.pair import Pair

_FAMILIES: dict[str, type[Pair]] = {}


def register(name: str) -> Callable[[type[Pair]], type[Pair]]:
    """Class decorator: makes a family known as `name`. A name taken already is a programmer's error."""

    def add(family: type[Pair]) -> type[Pair]:
        if name in _FAMILIES:
            raise ValueError(f"model family {name!r} is registered twice")
        _FAMILIES[name] = family
        return family

    return add


def names() -> list[str]:
    """The known families, sorted."""
    return sorted(_FAMILIES)


def build(name: str, **options: object) -> Pair:
    """A fresh pair of the family `name`; `options` are the family's own keyword arguments.

    Raises:
        ConfigError: no such family.
    """
    return _family(name)(**options)


def options_of(config: ModelConfig) -> dict[str, Any]:
    """All arguments of the family that the `model` section names; "auto" gives way to the family's own."""
    wanted = inspect.signature(_family(config.name)).parameters
    chosen = {key: value for key, value in asdict(config).items() if key in wanted and value != AUTO}
    return {key: chosen.get(key, parameter.default) for key, parameter in wanted.items()}


def build_from(config: ModelConfig) -> Pair:
    """The fresh pair that the `model` section of params.yaml describes."""
    return build(config.name, **options_of(config))


def _family(name: str) -> type[Pair]:
    if name not in _FAMILIES:
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"model.name: unknown family {name!r}", f"{hint}known: {', '.join(names())}")
    return _FAMILIES[name]
