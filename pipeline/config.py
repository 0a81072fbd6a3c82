"""params.yaml and other YAML files of parameters: read, changed by dotted keys, and checked, with errors in one line.

params.yaml is the only place of a default: a missing key is an error, as is an unknown one. What each key means is
commented there; its type and limits are in `pipeline.parameters`.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from stegnet.core.errors import ConfigError, did_you_mean

Parameters = TypeVar("Parameters")
_UNKNOWN = ("unexpected_keyword_argument", "invalid_key")


def load(path: Path, kind: type[Parameters]) -> Parameters:
    """Read `path`, and check what `kind` names. Raises ConfigError for a key that is unknown, missing or invalid."""
    return check(read(path), kind)


def check(values: Any, kind: type[Parameters]) -> Parameters:
    """Return the parameters of a kind from nested mappings, as params.yaml holds them; errors are those of `load`."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        raise _config_error(error.errors(), values, kind) from error


def read(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, unchecked. Raises ConfigError if it can't be read, or holds another thing."""
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: the file must be a mapping of keys")
    return values


def parse(text: str) -> Any:
    """Return the values in a YAML text. Numbers may have an exponent, as DVC writes it: 1e-05."""
    return yaml.load(text, _Loader)  # a SafeLoader


class _Loader(yaml.SafeLoader):
    """A loader that reads numbers as YAML 1.2 defines them; in YAML 1.1, 1e-05 is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def changed(values: Any, changes: Mapping[str, Any]) -> Any:
    """Return nested mappings with other values at dotted keys: {"a": {"b": 1}} with {"a.b": 2} is {"a": {"b": 2}}."""
    values = copy.deepcopy(values) if isinstance(values, dict) else {}
    for key, value in changes.items():
        *sections, last = key.split(".")
        inner = values
        for name in sections:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = value
    return values


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted keys, {"a": {"b": 1}} as {"a.b": 1}, leaving out missing values."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        elif value not in (None, []):
            flat[f"{prefix}{key}"] = value
    return flat


def _config_error(errors: Sequence[ErrorDetails], values: Any, kind: type) -> ConfigError:
    """Return the first of pydantic's errors, in the file's order. A section's unknown key comes before its others."""
    places = {key: place for place, key in enumerate(values)} if isinstance(values, dict) else {}
    errors = sorted(errors, key=lambda error: places.get(next(iter(error["loc"]), ""), -1))
    first = errors[0]["loc"]
    unknown = [error for error in errors if error["type"] in _UNKNOWN]
    error = next((each for each in unknown if each["loc"][:-1] == first[: len(each["loc"]) - 1]), errors[0])
    location = error["loc"]
    reason = error.get("ctx", {}).get("error")
    if isinstance(reason, ConfigError):  # of a rule on several keys
        return reason
    hint = ""
    if error["type"] in _UNKNOWN:
        section = kind
        for key in location[:-1]:
            section = get_args(section)[0] if isinstance(key, int) else get_type_hints(section)[key]
        problem = ": unknown key"
        hint = did_you_mean(str(location[-1]), [field.name for field in fields(section)])
    elif error["type"] == "missing":
        problem = ": missing"
    elif reason:  # of a rule of the section
        problem = f": {reason}"
    else:
        location = tuple(_present(location, values))
        rule = error["msg"].replace("Input should be", "must be", 1)
        is_mapping = error["type"] == "dataclass_type"
        problem = " must be a mapping of keys" if is_mapping else f": {rule}, is {error['input']!r}"
    return ConfigError(f"params.yaml: {'.'.join(map(str, location)) or 'the file'}{problem}", hint)


def _present(location: Sequence[int | str], values: Any) -> Iterator[int | str]:
    """Yield the keys in an error's location that exist; those that follow name a member of a union."""
    for key in location:
        if key not in (values if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()):
            return
        values = values[key]
        yield key
