"""Checks of arguments that come from a caller's program: their types, as annotated, and their ranges."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from stegnet.core.disk import local_path
from stegnet.core.errors import ConfigError

Limits = tuple[float, float]  # least and greatest value
_NAMES = {bool: "True or False", int: "a whole number", float: "a number", str: "a string", Path: "a path"}


def checked(name: str, value: object, kind: Any, limits: Limits | None = None) -> Any:
    """Return an argument if it has a type and a range, as one of Python's own types.

    Args:
        name: its name, for the error.
        value: its value; of numbers, NumPy's are converted, and of paths, strings.
        kind: the type: bool, int, float, str, Path, a tuple of paths, a Literal of strings, or one of these or None.
        limits: those of a number.

    Raises:
        TypeError: it has another type.
        ConfigError: it is out of range, or not one of the literals.
        MediaError: no file can have this name.
    """
    if get_origin(kind) in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
        return _checked(name, value, kind, limits, " or None")
    return _checked(name, value, kind, limits)


def _checked(name: str, value: Any, kind: Any, limits: Limits | None, otherwise: str = "") -> Any:
    """Return an argument as `checked`; `otherwise` is what it may be besides."""
    if kind is bool and isinstance(value, bool | np.bool_):
        return bool(value)
    if kind is str and isinstance(value, str):
        return value
    if kind is Path and isinstance(value, str | PathLike):
        return local_path(value)
    numbers: type[Any] = Integral if kind is int else Real
    if kind in (int, float) and isinstance(value, numbers) and not isinstance(value, bool):
        least, greatest = limits or (-math.inf, math.inf)
        if not (abs(value) < math.inf and least <= value <= greatest):
            expected = f"from {least:g} to {greatest:g}" if limits else "a finite number"
            raise ConfigError(f"{value} is not {expected}", parameter=name)
        return kind(value)
    if get_origin(kind) is Literal and isinstance(value, str):
        if value not in get_args(kind):
            raise ConfigError(f"{value!r} is not one of {', '.join(get_args(kind))}", parameter=name)
        return value
    if get_origin(kind) is tuple and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        parts = get_args(kind)
        if len(value) == len(parts):
            return tuple(_checked(name, part, each, None) for part, each in zip(value, parts, strict=True))
    raise TypeError(f"{name}: must be {_described(kind, limits)}{otherwise}, is {type(value).__name__}")


def _described(kind: Any, limits: Limits | None) -> str:
    """Describe what a type accepts."""
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is tuple:
        return "a tuple of one path" if len(get_args(kind)) == 1 else f"a tuple of {len(get_args(kind))} paths"
    return _NAMES[kind] + (f" from {limits[0]:g} to {limits[1]:g}" if limits else "")
