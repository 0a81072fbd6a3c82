"""The manual page, in roff's man macros, and shell completion, from the same parser as `--help`."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import shtab

from stegnet import __version__
from stegnet.cli.parser import Parser, commands_of
from stegnet.cli.streams import place_or_stream
from stegnet.core.remote_path import place


def manual(parser: Parser, examples: Mapping[str, tuple[str, ...]], exit_codes: Mapping[str, str]) -> str:
    """The manual page of the program and all of its commands, with command lines by command, and exit codes."""
    about = " ".join((parser.description or "").split())
    lines = [f'.TH STEGNET 1 "" "stegnet {__version__}" "User Commands"']
    lines += [".SH NAME", _text(f"stegnet - {about[0].lower()}{about[1:].rstrip('.')}")]
    lines += [".SH SYNOPSIS", rf"\fB{parser.prog}\fR \fICOMMAND\fR [\fIOPTIONS\fR]"]
    lines += [".SH OPTIONS", *_options(parser)]
    lines += [".SH COMMANDS"]
    for command in commands_of(parser).values():
        lines += [f".SS {_text(command.shortest())}", *_described(command), *_options(command)]
    lines += [".SH EXIT STATUS", *(line for code, text in exit_codes.items() for line in _item(code, text))]
    lines += [".SH EXAMPLES", *_literal("\n".join(line for each in examples.values() for line in each))]
    return "\n".join(lines)


def completion(parser: Parser, shell: str) -> str:
    """The completion script for a shell; it names commands in one line."""
    summaries = {command.dest: command.help for command in parser._subparsers._group_actions[0]._choices_actions}
    for name, command in commands_of(parser).items():
        command.description = summaries[name]
        for action in command._actions:
            if action.dest == "output" or action.type in (Path, place, place_or_stream):
                action.complete = shtab.FILE
    return shtab.complete(parser, shell)


def _described(command: Parser) -> Iterator[str]:
    """Description and epilog; paragraphs with a table keep their line breaks."""
    for part in re.split(r"\n\s*\n", "\n\n".join(filter(None, (command.description, command.epilog)))):
        yield ".PP"
        yield from _literal(part) if re.search(r"^  ", part, re.MULTILINE) else [_text(" ".join(part.split()))]


def _options(parser: Parser) -> Iterator[str]:
    """All arguments and options with their help, each group after its title."""
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help and action.help != argparse.SUPPRESS]
        shown = [action for action in shown if not isinstance(action, argparse._SubParsersAction)]
        if shown:
            yield from (".PP", rf"\fB{_text(group.title or '')}\fR")
        for action in shown:
            value = "" if action.nargs == 0 else str(action.metavar or "|".join(map(str, action.choices or ())))
            names = ", ".join(f"{name} {value}".rstrip() for name in action.option_strings) or value
            yield from _item(names, parser._get_formatter()._expand_help(action))


def _item(term: str, text: str) -> tuple[str, str, str]:
    return ".TP", rf"\fB{_text(term)}\fR", _text(text)


def _literal(text: str) -> list[str]:
    """Lines that stay as they are."""
    return [".nf", *(_text(line) for line in text.split("\n")), ".fi"]


def _text(line: str) -> str:
    """A line in which roff sees no command; a hyphen stays one, so that options can be copied and searched."""
    escaped = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
