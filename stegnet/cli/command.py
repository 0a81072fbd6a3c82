"""The `stegnet` command: its parser, its exit codes, and shell completion."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from stegnet import __version__
from stegnet.cli import enhance, export, hide, info, keys, messages, reveal, webcam
from stegnet.cli.signals import Signals
from stegnet.cli.streams import place_or_stream
from stegnet.core.address import place
from stegnet.core.errors import StegnetError

SHELLS = ("bash", "zsh", "tcsh")
_ERROR, _SIGNALLED, _INTERRUPTED, _BROKEN_PIPE = 1, 128, 130, 141
_EPILOG = """\
exit codes:
  0    success
  1    an error that you can fix; for a folder, some files failed
  2    invalid command line
  3    the secret was revealed, but the container was altered since hiding:
       the result is written, and `warning:` lines describe the damage
  129  terminal closed, 130 interrupted, 143 terminated: no partial output
       is left behind
  141  broken pipe

Run `stegnet COMMAND --help` for details of a command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = make_parser().parse_args(argv)
    signals = Signals()
    with signals.handled(), messages.python_warnings():
        try:
            code = _call(options)
        except BaseException:  # a library may turn the signal into an error of its own
            if signals.exit_code is None:
                raise
        if signals.exit_code is None:
            return code
        messages.error(signals.description)
        return signals.exit_code


def run() -> None:
    """Runs the command that this process was started with, and exits."""
    try:
        code = _run_and_flush()
    except BrokenPipeError:
        messages.silence(sys.stdout, sys.stderr)
        code = _BROKEN_PIPE
    if code > _SIGNALLED:
        os._exit(code)  # cleanup is done; threads still at work are not waited for
    sys.exit(code)


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser; the namespace it returns has `run`, which takes the namespace and returns the exit code."""
    parser = _Parser(
        prog="stegnet",
        description="Hide a picture in a picture, a film in a film, or any file in either, and\nreveal it again.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--print-completion", action=_PrintCompletion, help="print a completion script for a shell")
    parser.add_argument("--version", action="version", version=f"stegnet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (hide, reveal, info, enhance, webcam, keys, export):
        command.add_to(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """Accepts no abbreviations, and never echoes what may be a passphrase."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        options, rest = self.parse_known_args(args, namespace)
        if rest and getattr(options, "passphrase", False):
            self.error("too many arguments; a passphrase is never an argument: --passphrase prompts for it")
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return options

    def error(self, message: str) -> NoReturn:
        if message.startswith("argument --passphrase: ignored explicit argument"):
            message = "a passphrase is never an argument: --passphrase prompts for it"
        super().error(message)


class _PrintCompletion(argparse.Action):
    """Prints a completion script: `eval "$(stegnet --print-completion bash)"`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, choices=SHELLS, default=argparse.SUPPRESS, metavar="SHELL")

    def __call__(self, parser: argparse.ArgumentParser, *arguments: Any) -> None:
        import shtab  # imported here to keep --help fast

        for action in _actions(parser):
            if action.type in (Path, place, place_or_stream):
                action.complete = shtab.FILE
        _, shell, _ = arguments
        print(shtab.complete(parser, shell))
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All actions of a parser and of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)


def _call(options: argparse.Namespace) -> int:
    """Runs the command; prints its error, if any."""
    try:
        return options.run(options)
    except StegnetError as error:
        messages.error(error)
    except MemoryError:
        messages.error("out of memory")
    except KeyboardInterrupt:
        messages.error("interrupted")
        return _INTERRUPTED
    return _ERROR


def _run_and_flush() -> int:
    """Returns the exit code after everything printed is flushed."""
    try:
        code = main()
    except SystemExit as exit_:  # by argparse, after --help or an invalid command line
        code = int(exit_.code or 0)
    try:
        messages.flush()
    except StegnetError as error:
        messages.error(error)
        code = _ERROR
    return code
