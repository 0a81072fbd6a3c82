"""The options of the methods of hiding, as their dataclasses declare them."""

import argparse
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stegnet.methods import METHODS, Method, UnknownOption

_NETWORKS = ("weights", "backend", "device", "precision")


def add_method_options(command: argparse.ArgumentParser) -> None:
    """Adds `--method`, and the options of all methods."""
    group = command.add_argument_group("method")
    default, *_ = METHODS
    summaries = "; ".join(f"{method.name}: {method.summary}" for method in METHODS.values())
    implied = [method.name for method in METHODS.values() if method.implied]
    also = f"; {', '.join(implied)}: chosen where only that method has a given option or writes OUT's format"
    text = f"{summaries} (default: {default}{also})".replace("%", "%%")
    group.add_argument("--method", choices=tuple(METHODS), default=default, help=text)
    for name, (each, kind, owners) in _declared().items():
        whose = f"{', '.join(owners)}: " * (len(owners) < len(METHODS))
        _add_option(group, name, each, kind, whose + each.metadata["help"])


def chosen_method(options: argparse.Namespace, suffix: str) -> tuple[Method, Any]:
    """The method that the options ask for, and its own options; what it can't follow ends the program as misuse.

    Args:
        suffix: of the output, or "".
    """
    given = {name: value for name in _declared() if (value := getattr(options, name)) is not None}
    try:
        method = METHODS.choose(options.method, given, suffix)
    except UnknownOption as error:
        each, kind, _ = _declared()[error.option]
        options.usage_error(
            f"{_flag(error.option, kind is bool and each.default)} requires --method {_either(error.methods)}"
        )
    if not method.computes:
        for name in _NETWORKS:
            if getattr(options, name):
                able = [each.name for each in METHODS.values() if each.computes]
                options.usage_error(f"{_flag(name)} requires --method {_either(able)}")
    return method, method.options(**given)


def _declared() -> dict[str, tuple[Field, type, list[str]]]:
    """The options by name: a field, its type, and the names of the methods that have it."""
    found: dict[str, tuple[Field, type, list[str]]] = {}
    for method, each, kind in _fields():
        found.setdefault(each.name, (each, kind, []))[2].append(method.name)
    return found


def _fields() -> Iterator[tuple[Method, Field, type]]:
    for method in METHODS.values():
        kinds = get_type_hints(method.options)
        yield from ((method, each, kinds[each.name]) for each in fields(method.options))


def _add_option(group: argparse._ArgumentGroup, name: str, each: Field, kind: Any, text: str) -> None:
    """Adds one; its default is None, so that what is given can be told."""
    assert each.default is not MISSING
    text = text.replace("%", "%%")
    if kind is bool:
        group.add_argument(
            _flag(name, each.default), dest=name, action="store_const", const=not each.default, help=text
        )
        return
    metavar = each.metadata["metavar"]
    if isinstance(metavar, tuple):
        group.add_argument(_flag(name), nargs=len(metavar), type=Path, metavar=metavar, help=text)
        return
    shown = {"metavar": metavar} if metavar else {}
    choices = get_args(kind) if isinstance(each.default, str) else None
    types = [one for one in get_args(kind) or (kind,) if one is not type(None) and isinstance(one, type)]
    group.add_argument(_flag(name), choices=choices, type=types[0] if types else str, help=text, **shown)


def _flag(name: str, negated: bool = False) -> str:
    return f"--{'no-' * negated}{name.replace('_', '-')}"


def _either(names: list[str]) -> str:
    return " or ".join(name for name in names if name != next(iter(METHODS))) or names[0]
