"""The parser of the command line: short usage, and errors of two lines, one that says what to do."""

import argparse
import difflib
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from stegnet.cli import messages

_INVALID = 2
_MISSING = re.compile(r"the following arguments are required: (.+)|one of the arguments (.+) is required")
_NOT_AN_ARGUMENT = "a passphrase is never an argument: --passphrase prompts for it"


class Parser(argparse.ArgumentParser):
    """Accepts no abbreviations, suggests what may have been meant, and never echoes what may be a passphrase.

    The module in `commands` that `command` names is imported once this parser is used, and adds all else.
    """

    def __init__(self, command: str = "", **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
        self._command = command
        self._typed: Sequence[str] = ()
        self._positionals.title = "arguments"
        self.topics: dict[str, argparse._ArgumentGroup] = {}

    def load(self) -> "Parser":
        """Imports the command; returns the parser with its description and arguments."""
        if self._command:
            command = import_module(f"stegnet.cli.commands.{self._command}")
            self._command, self.description = "", command.DESCRIPTION
            command.add_arguments(self)
            self.set_defaults(run=command.execute, usage_error=self.error)
        return self

    def add_topic(self, name: str, text: str = "") -> argparse._ArgumentGroup:
        """Adds a group of options that only `--help-all` and `stegnet help NAME` show, after a text on it."""
        if not self.topics:
            self.add_argument("--help-all", action=_HelpAll, nargs=0, help="show all options")
        if name not in self.topics:
            self.topics[name] = self.add_argument_group(name, text or None)
        return self.topics[name]

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        self._typed = sys.argv[1:] if args is None else args
        self.load()
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            self._refuse_unknown_option()
            command, message = self._commands[options.command], "too many arguments"  # one of which may be a passphrase
            command._refuse_unknown_option()
            message += f"; {_NOT_AN_ARGUMENT}" if getattr(options, "passphrase", False) else ""
            command._stop(message, command.shortest())
        return options

    def error(self, message: str) -> NoReturn:
        """Ends the program with two lines: what is wrong, and how to go on."""
        self._refuse_unknown_option()
        if message.startswith("argument --passphrase: ignored explicit argument"):
            self._stop(_NOT_AN_ARGUMENT, self._help_hint())
        if missing := _MISSING.fullmatch(message):
            self._stop(f"missing: {_listed(missing)}", self._help_hint() if self._commands else self.shortest())
        self._stop(re.sub(r"\bargument (-\w/)?", "", message), self._help_hint())

    def format_help(self) -> str:
        """The help of what most users need."""
        return self._formatted([group for group in self._action_groups if group not in self.topics.values()])

    def format_all(self) -> str:
        """The help of all options."""
        return self._formatted(self._action_groups)

    def print_topic(self, name: str) -> None:
        """Prints a topic's text and options."""
        formatter, group = self._get_formatter(), self.topics[name]
        formatter.add_text(group.description)
        formatter.start_section(f"options of `{self.prog}`")
        formatter.add_arguments(group._group_actions)
        formatter.end_section()
        self._print_message(formatter.format_help(), sys.stdout)

    def _formatted(self, groups: list[argparse._ArgumentGroup]) -> str:
        formatter = self._get_formatter()
        formatter.add_usage(f"{self.shortest()} [OPTIONS]", self._actions, [])
        formatter.add_text(self.description)
        for group in groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        if self.topics:
            topics = textwrap.fill(", ".join(self.topics), 78, subsequent_indent="  ", break_on_hyphens=False)
            formatter.add_text(f"`stegnet help TOPIC` explains:\n  {topics}")
        return formatter.format_help()

    def shortest(self) -> str:
        """The usual command line without options, such as `stegnet keygen KEY`."""
        groups = [group for group in self._mutually_exclusive_groups if group.required]
        needed = [action for action in self._actions if action.required or not action.option_strings]
        needed += [group._group_actions[0] for group in groups]
        words = [self.prog]
        for action in needed:
            words += action.option_strings[:1]
            words += [] if action.nargs == 0 else [str(action.metavar or action.dest)]
        return " ".join(words)

    @property
    def _commands(self) -> "dict[str, Parser]":
        return self._subparsers._group_actions[0].choices if self._subparsers else {}

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        if isinstance(action, argparse._SubParsersAction):
            self._stop(f"no such command: {value}", self._suggestion(value, action.choices))
        self._stop(f"{action.option_strings[-1]}: {value} is not possible", f"choose {_one_of(list(action.choices))}")

    def _refuse_unknown_option(self) -> None:
        """Names the first option that this parser does not have, without its value."""
        for word in self._typed:
            if word == "--" or word in self._commands:
                return
            option = re.match(r"--[a-z][\w-]*|-[a-zA-Z]", word)
            if option and option[0] not in self._option_string_actions:
                self._stop(f"no such option: {option[0]}", self._suggestion(option[0], self._option_string_actions))

    def _suggestion(self, typed: str, known: Iterable[str]) -> str:
        close = difflib.get_close_matches(typed, known, n=1)
        return f"did you mean `{close[0]}`?" if close else self._help_hint()

    def _help_hint(self) -> str:
        option = "--help-all" if self.topics else "--help"
        return f"`{self.prog} {option}` explains it"

    def _stop(self, message: str, hint: str) -> NoReturn:
        messages.error(message)
        messages.hint(hint)
        self.exit(_INVALID)


class _HelpAll(argparse.Action):
    """Prints the help of all options."""

    def __call__(self, parser: Any, *arguments: Any) -> None:
        parser._print_message(parser.format_all(), sys.stdout)
        parser.exit()


def commands_of(parser: Parser) -> dict[str, Parser]:
    """The parsers of all commands by name."""
    return {name: command.load() for name, command in parser._commands.items()}


def _listed(missing: re.Match[str]) -> str:
    """The names of missing arguments, those of an option by its long name."""
    every, one = missing.groups()
    names = [name.rpartition("/")[2] for name in (every.split(", ") if every else one.split())]
    return ", ".join(names) if every else _one_of(names)


def _one_of(names: list[str]) -> str:
    return " or ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])
