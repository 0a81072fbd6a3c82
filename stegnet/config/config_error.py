"""Errors in params.yaml, in one line that names the key: pydantic's errors for users."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from pydantic_core import ErrorDetails

from stegnet.core.errors import ConfigError

_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")


def config_error(errors: Sequence[ErrorDetails], values: Any, root: type) -> ConfigError:
    """The first of pydantic's errors in one line; in its section, an unknown key comes before other errors.

    Args:
        values: the whole file.
        root: its dataclass.
    """
    first = errors[0]["loc"]
    unknown = [error for error in errors if error["type"] in _UNKNOWN]
    error = next((each for each in unknown if each["loc"][:-1] == first[: len(each["loc"]) - 1]), errors[0])
    location, hint = error["loc"], ""
    if error["type"] in _UNKNOWN:
        close = difflib.get_close_matches(str(location[-1]), _siblings(location, root), n=1)
        problem, hint = ": unknown key", f"did you mean {close[0]}?" if close else ""
    elif error["type"] == "missing":
        problem = ": missing"
    else:
        location = tuple(_present(location, values))
        rule = error["msg"].replace("Input should be", "must be", 1)
        is_mapping = error["type"] == "dataclass_type"
        problem = " must be a mapping of keys" if is_mapping else f": {rule}, is {error['input']!r}"
    return ConfigError(f"params.yaml: {'.'.join(map(str, location)) or 'the file'}{problem}", hint)


def _present(location: Sequence[int | str], values: Any) -> Iterator[int | str]:
    """The keys in an error's location; what follows names a member of a union."""
    for key in location:
        if key not in (values if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()):
            return
        values = values[key]
        yield key


def _siblings(location: Sequence[int | str], section: Any) -> list[str]:
    """All keys of the section in which a location ends."""
    for key in location[:-1]:
        section = get_args(section)[0] if isinstance(key, int) else get_type_hints(section)[key]
    return [field.name for field in fields(section)]
