"""The parser of the command line: short usage, and errors of two lines: the problem, and how to go on.

The same parser provides `--help` and shell completion.
"""

import argparse
import re
import sys
import textwrap
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from os.path import commonprefix
from typing import Any, NoReturn

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.core.disk import local_path
from stegnet.core.names import either
from stegnet.core.remote_path import place

_NOT_AN_ARGUMENT = "a passphrase is never an argument: --passphrase prompts for it"


class Parser(argparse.ArgumentParser):
    """A parser that accepts no abbreviations, suggests similar names, and never echoes a possible passphrase.

    The module in `commands` that `command` names is imported when this parser is used, and adds everything else.
    """

    def __init__(self, command: str = "", **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False, formatter_class=_Formatter)
        self._command = command
        self._typed: Sequence[str] = ()
        self._positionals.title = "arguments"
        self.topics: dict[str, argparse._ArgumentGroup] = {}
        self.commands: dict[str, Parser] = {}
        self.summaries: Mapping[str, str] = {}
        self.hints: dict[str, str] = {}  # by options that there are not, and that somebody may type

    def load(self) -> "Parser":
        """Import the command, and return the parser with its description and arguments."""
        if self._command:
            command = import_module(f"stegnet.cli.commands.{self._command}")
            self._command = ""
            self.description = command.DESCRIPTION
            command.add_arguments(self)
            self.set_defaults(run=command.execute, usage_error=self.error)
        return self

    def add_topic(self, name: str, text: str = "") -> argparse._ArgumentGroup:
        """Add a group of options that only `--help-all` shows, after a text on it."""
        if not self.topics:
            self.add_argument("--help-all", action=_HelpAll, nargs=0, help="show all options")
        if name not in self.topics:
            self.topics[name] = self.add_argument_group(name, text or None)
        return self.topics[name]

    def add_commands(self, summaries: Mapping[str, str]) -> None:
        """Add commands by the names of their modules, with a line on each."""
        self.summaries = summaries
        commands = self.add_subparsers(
            title="commands", dest="command", required=True, metavar="COMMAND", parser_class=Parser
        )
        for name, summary in summaries.items():
            self.commands[name] = commands.add_parser(name, help=summary, command=name)

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse arguments after importing the command that they are for; remember them for error messages."""
        self._typed = sys.argv[1:] if args is None else list(args)
        self.load()
        return super().parse_known_args(self._typed, namespace)

    def parse_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """Parse arguments; one that is left over ends the program as misuse, without echoing a possible passphrase."""
        options, rest = self.parse_known_args(args, namespace)
        if rest:
            self._refuse_unknown_option()
            command = self.commands[options.command]
            command._refuse_unknown_option()
            message = f"too many arguments{command._one_more_file()}"
            if vars(options).get("passphrase"):
                message += f"; {_NOT_AN_ARGUMENT}"
            command._stop(message, command.shortest())
        return options

    def error(self, message: str) -> NoReturn:
        """End the program with two lines: what is wrong, and how to go on."""
        self._refuse_unknown_option()
        if message.startswith("argument --passphrase: ignored explicit argument"):
            self._stop(_NOT_AN_ARGUMENT, self._help_hint(message))
        required = r"the following arguments are required: (.+)|one of the arguments (.+) is required"
        if missing := re.fullmatch(required, message):
            extra = self._one_more_file()
            all_of, one_of = missing.groups()
            names = [name.rpartition("/")[2] for name in (all_of.split(", ") if all_of else one_of.split())]
            listed = ", ".join(names) if all_of else either(names)  # an option by its long name
            self._stop(f"missing: {listed}{extra}", self._help_hint() if self.commands else self.shortest())
        self._stop(re.sub(r"\bargument (-\w/)?", "", message), self._help_hint(message))

    def format_help(self) -> str:
        """Return the help of the options that most users need."""
        shown = self._formatted([group for group in self._action_groups if group not in self.topics.values()])
        if self.topics:
            topics = textwrap.fill(", ".join(self.topics), 78, subsequent_indent="  ", break_on_hyphens=False)
            shown += f"\n`{self.prog} --help-all`, and docs/ in stegnet's folder, explain:\n  {topics}\n"
        return shown

    def format_all(self) -> str:
        """Return the help of all options."""
        return self._formatted(self._action_groups)

    def _formatted(self, groups: list[argparse._ArgumentGroup]) -> str:
        """Return usage, description, the options of these groups, and epilog."""
        formatter = self._get_formatter()
        formatter.add_usage(f"{self.shortest()} [OPTIONS]", self._actions, [])
        formatter.add_text(self.description)
        for group in groups:
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def shortest(self) -> str:
        """Return the usual command line without options, such as `stegnet keygen KEY`."""
        groups = [group for group in self._mutually_exclusive_groups if group.required]
        needed = [action for action in self._actions if action.required or not action.option_strings]
        needed += [group._group_actions[0] for group in groups]
        words = [self.prog]
        for action in needed:
            words += action.option_strings[:1]
            words += [] if action.nargs == 0 else [str(action.metavar or action.dest)]
        return " ".join(words)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Accept a value if it is one of the action's choices, or end the program with a list of them."""
        if action.choices is None or value in action.choices:
            return
        if isinstance(action, argparse._SubParsersAction):
            self._stop(f"no such command: {value}", self._suggestion(value, action.choices))
        self._stop(f"{action.option_strings[-1]}: unknown value {value!r}", f"choose {either(list(action.choices))}")

    def _refuse_unknown_option(self) -> None:
        """Report the first option that this parser lacks, without its value, and end the program."""
        for word in self._typed:
            if word == "--" or word in self.commands:
                return
            option = re.match(r"--[a-z][\w-]*|-[a-zA-Z]", word)
            if option and option[0] not in self._option_string_actions:
                hint = self.hints.get(option[0]) or self._suggestion(option[0], self._option_string_actions)
                self._stop(f"no such option: {option[0]}", hint)

    def _one_more_file(self) -> str:
        """Return the end of a message on a superfluous argument.

        Only a file is named: any other word may be a passphrase.
        """
        words = deque(self._typed)
        named: list[str] = []
        while words:
            word = words.popleft()
            option = self._option_string_actions.get(word)
            if option is None:
                if not word.startswith("-"):
                    named.append(word)
                continue
            values = option.nargs if isinstance(option.nargs, int) else 1
            for _ in range(values):
                if words and not (option.nargs == argparse.OPTIONAL and words[0].startswith("-")):
                    words.popleft()
        extra = named[sum(not action.option_strings for action in self._actions) :]
        return next((f"; {word} is one file too many" for word in extra if local_path(word).is_file()), "")

    def _suggestion(self, typed: str, known: Iterable[str]) -> str:
        from difflib import get_close_matches  # only for an error

        close = max(
            get_close_matches(typed, known),
            key=lambda name: (len(commonprefix([typed, name])), -len(name)),  # noqa: RUF071 - of characters
            default=None,
        )
        return f"did you mean `{close}`?" if close else self._help_hint()

    def _help_hint(self, message: str = "") -> str:
        """Return a hint on the help that explains the first option in a message, or else all options."""
        named = re.search(r"--[a-z][\w-]*", message)
        rare = [name for group in self.topics.values() for each in group._group_actions for name in each.option_strings]
        in_all = named[0] in rare if named else self.topics
        return f"`{self.prog} {'--help-all' if in_all else '--help'}` explains it"

    def _stop(self, message: str, hint: str) -> NoReturn:
        messages.error(message)
        messages.hint(hint)
        self.exit(ExitCode.INVALID)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """A formatter that does not indent the texts of groups, which are as wide as a screen."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text


class _HelpAll(argparse.Action):
    """The action of `--help-all`, which prints the help of all options."""

    def __call__(self, parser: Any, *arguments: Any) -> None:
        parser._print_message(parser.format_all(), sys.stdout)
        parser.exit()


def commands_of(parser: Parser) -> dict[str, Parser]:
    """Return the parsers of all commands by name."""
    return {name: command.load() for name, command in parser.commands.items()}


def completion(parser: Parser, shell: str) -> str:
    """Return the completion script for a shell, which describes each command in one line."""
    import shtab  # imported here, since only this needs it

    for name, command in commands_of(parser).items():
        command.description = parser.summaries[name]
        for action in command._actions:
            is_path = action.type in (local_path, place, messages.place_or_stream)
            if is_path or action.dest in ("output", "passphrase_file"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # an attribute that shtab reads
    return shtab.complete(parser, shell)
