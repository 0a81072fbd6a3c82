"""A file of parameters: reading it, and its values as nested mappings or by dotted keys (`train.lr`)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stegnet.core.errors import ConfigError


def read(path: Path) -> Any:
    """The unchecked contents of a YAML file.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error


def parse(text: str) -> Any:
    """The values in a YAML text; numbers may have an exponent, as DVC writes it: 1e-05.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, _Loader)  # a SafeLoader


class _Loader(yaml.SafeLoader):
    """Reads numbers as YAML 1.2 defines them; in YAML 1.1, 1e-05 is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


def changed(values: Any, changes: Mapping[str, Any]) -> Any:
    """Nested mappings with other values at dotted keys: {"a": {"b": 1}} with {"a.b": 2} is {"a": {"b": 2}}."""
    for key, value in changes.items():
        values = _with(values, key.split("."), value)
    return values


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys: {"a": {"b": 1}} becomes {"a.b": 1}."""
    flat = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _with(values: Any, keys: list[str], value: Any) -> Any:
    if not keys:
        return value
    section = values if isinstance(values, dict) else {}
    return {**section, keys[0]: _with(section.get(keys[0]), keys[1:], value)}
