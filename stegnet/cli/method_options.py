"""The options of the methods of hiding, as their dataclasses declare them."""

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stegnet.cli.flags import flag
from stegnet.cli.parser import Parser
from stegnet.methods import METHODS, Method, UnknownOption
from stegnet.methods.registry import DESTINATIONS

_FOR = f"where OUT is sent: {', '.join(f'{name} ({each.text})' for name, each in DESTINATIONS.items())}"
_CHOICE = """\
Without --method, one is chosen: sealed, or in a JPEG or MP4 that stays one, jpeg
or h264; with --for, what survives that. What does not fit is compressed first.
"""
_METHODS_EXAMPLE = """
  $ stegnet hide cover.png letter.pdf --method sealed --key-file k -o sent.png"""
_NETWORKS = ("weights", "backend", "device", "precision")


def add_method_options(command: Parser) -> None:
    """Adds `--for`, `--method`, and the options of all methods: each under its own topic, or under that of them all."""
    command.add_argument("--for", dest="destination", choices=tuple(DESTINATIONS), metavar="PLACE", help=_FOR)
    default, *_ = METHODS
    group = command.add_topic("methods", _about_methods())
    method_help = f"how SECRET is hidden: {', '.join(METHODS)} (default: {default})"
    group.add_argument("--method", choices=tuple(METHODS), metavar="METHOD", help=method_help)
    own = {method.name: command.add_topic(method.topic, method.description) for method in _others()}
    for name, (each, kind, owners) in _declared().items():
        if len(owners) == 1:
            _add_option(own[owners[0]], name, each, kind, each.metadata["help"])
        else:
            whose = f"{', '.join(owners)}: " if len(owners) < len(METHODS) else ""
            _add_option(group, name, each, kind, whose + each.metadata["help"])


def chosen_method(options: argparse.Namespace, suffix: str) -> tuple[Method, Any]:
    """The method that the options ask for, and its own options; what it can't follow ends the program as misuse.

    Args:
        suffix: of the output, or "".
    """
    given = {name: value for name in _declared() if (value := getattr(options, name)) is not None}
    destination = DESTINATIONS[options.destination or "file"]
    for each in ("method", *destination.options):
        if options.destination and getattr(options, each) is not None:
            options.usage_error(f"--for says what OUT survives: leave {flag(each)} out")
    given |= destination.options
    try:
        method = METHODS.choose(options.method or destination.method, given, suffix)
    except UnknownOption as error:
        each, kind, _ = _declared()[error.option]
        shown = flag(error.option, kind is bool and each.default)
        options.usage_error(f"{shown} requires --method {_either(error.methods)}")
    if not method.computes:
        for name in _NETWORKS:
            if getattr(options, name):
                able = [each.name for each in METHODS.values() if each.computes]
                options.usage_error(f"{flag(name)} requires --method {_either(able)}")
    return method, method.options(**given)


def _about_methods() -> str:
    """The text of the topic "methods"."""
    lines = [_CHOICE]
    for method in _others():
        lines.append(textwrap.fill(f"  {method.name:9}{method.summary}", 78, subsequent_indent=" " * 11))
    return "\n".join([*lines, _METHODS_EXAMPLE])


def _others() -> list[Method]:
    """All but the default."""
    return list(METHODS.values())[1:]


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
        group.add_argument(flag(name, each.default), dest=name, action="store_const", const=not each.default, help=text)
        return
    metavar = each.metadata["metavar"]
    if isinstance(metavar, tuple):
        group.add_argument(flag(name), nargs=len(metavar), type=Path, metavar=metavar, help=text)
        return
    shown = {"metavar": metavar} if metavar else {}
    choices = get_args(kind) if isinstance(each.default, str) else None
    types = [one for one in get_args(kind) or (kind,) if one is not type(None) and isinstance(one, type)]
    group.add_argument(flag(name), choices=choices, type=types[0] if types else str, help=text, **shown)


def _either(names: list[str]) -> str:
    return " or ".join(name for name in names if name != next(iter(METHODS))) or names[0]
