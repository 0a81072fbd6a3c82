"""Classes and functions from outside this program, named as my.module:Name."""

import pkgutil
from typing import Any

from stegnet.core.errors import ConfigError

MARK = ":"  # in such a name
TRUSTED = "STEGNET_NETWORK"  # environment variable: the class that weights files may name, whose code then runs


def load_object(key: str, name: str) -> Any:
    """Imports a module and returns the object in it.

    Args:
        key: of the parameter that holds the name.
    Raises:
        ConfigError: there is no such module or object.
    """
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        hint = "the current folder is searched, and those in PYTHONPATH"
        raise ConfigError(f"{key}: {name} can't be imported ({error})", hint) from error
