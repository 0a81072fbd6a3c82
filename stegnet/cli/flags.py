"""Options of the command line for the parameters of the Python API, by which the library's messages name them."""

import re

from stegnet.core.errors import SETTING

_SPELLED = {"overwrite": "--force", "to": "-o"}


def flag(name: str, negated: bool = False) -> str:
    """The option for a parameter; negated, the one that turns it off."""
    words = name.replace("_", "-")
    return _SPELLED.get(name) or (f"--no-{words}" if negated else f"--{words}")


def with_options(line: str) -> str:
    """A hint, note or warning of the library, with options for its settings."""
    return SETTING.sub(_option, line)


def _option(setting: re.Match) -> str:
    name, value = setting.groups()
    shown = flag(name, value == "False")
    return f"`{shown}`" if value in ("True", "False") else f"`{shown} {value}`"
