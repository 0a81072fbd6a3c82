"""The `stegnet` command: its parser, its exit codes, and shell completion."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stegnet import __version__
from stegnet.cli import messages
from stegnet.cli.commands import enhance, export, gui, hide, info, keygen, reveal, webcam
from stegnet.cli.parser import Parser, commands_of
from stegnet.cli.signals import Signals
from stegnet.cli.streams import make_blocking, place_or_stream
from stegnet.core.address import place
from stegnet.core.errors import StegnetError

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
_STREAMS = 3  # numbers of standard input, output and error
_NO_THREAD = "can't start new thread"  # Python's RuntimeError
_ERROR, _SIGNALLED, _INTERRUPTED, _BROKEN_PIPE = 1, 128, 130, 141
_DESCRIPTION = "Hide a picture in a picture, a film in a film, or any file in either, and\nreveal it again."
_EXAMPLES = {
    "keygen": (
        "stegnet keygen my.key                     # whoever reveals needs a copy",
        "stegnet keygen --passphrase-words 6       # or share these words instead",
    ),
    "hide": (
        "stegnet hide cover.png secret.jpg --key-file my.key -o sent.png",
        "stegnet hide cover.mkv letter.pdf --passphrase -o sent.mkv",
        "stegnet hide cover.jpg letter.pdf --key-file my.key -o sent.jpg",
    ),
    "reveal": (
        "stegnet reveal sent.png --key-file my.key -o secret.jpg",
        "stegnet reveal sent.mkv --passphrase      # writes letter.pdf",
    ),
}
EXIT_CODES = {
    "0": "success",
    "1": "an error that you can fix; of a folder, some files failed",
    "2": "invalid command line",
    "3": "revealed, but the container was altered since; `warning:` lines say how",
    "129": "terminal closed; 130 interrupted; 143 terminated: no partial output",
    "141": "broken pipe",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = make_parser().parse_args(argv)
    signals = Signals()
    with signals.handled(), messages.python_warnings():
        try:
            code, ended = _call(options), ""
        except KeyboardInterrupt:
            code, ended = _INTERRUPTED, "interrupted"
        except BaseException:  # a library may turn the signal into an error of its own
            if signals.exit_code is None:
                raise
        if signals.exit_code is not None:
            code, ended = signals.exit_code, signals.description
        if ended:
            messages.error(ended)
        return code


def run() -> None:
    """Runs the command that this process was started with, and exits."""
    _prepare_streams()
    try:
        code = _run_and_flush()
    except BrokenPipeError:
        messages.silence(sys.stdout, sys.stderr)
        code = _BROKEN_PIPE
    if code > _SIGNALLED:
        os._exit(code)  # cleanup is done; threads still at work are not waited for
    sys.exit(code)


def _prepare_streams() -> None:
    """Makes standard streams fit for use.

    Closed ones are opened on the null device: files would take their numbers, where libraries print.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < _STREAMS:
        pass
    os.close(number)
    for number in range(_STREAMS):
        make_blocking(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")  # help and manual have characters that ASCII has not


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser; the namespace it returns has `run`, which takes the namespace and returns the exit code."""
    parser = _Overview(prog="stegnet", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print-completion", action=_PrintCompletion, help="print a completion script for a shell")
    parser.add_argument("--print-man", action=_PrintManual, help="print the manual page")
    parser.add_argument("--version", action=_PrintVersion, help="print the version")
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND", parser_class=Parser
    )
    for command in (hide, reveal, info, gui, enhance, webcam, keygen, export):
        command.add_to(commands)
    return parser


class _Overview(Parser):
    """Shows the commands that are wanted most with examples, and each of the others in one line."""

    def format_help(self) -> str:
        helps = _helps(self)
        parts = [f"usage: {self.prog} COMMAND ...", self.description or ""]
        for name, examples in _EXAMPLES.items():
            parts.append("\n".join([f"{_sentence(helps.pop(name))}:", *(f"  $ {line}" for line in examples)]))
        parts.append(_table("more commands", helps))
        options = {", ".join(_shown(action)): action.help or "" for action in self._get_optional_actions()}
        parts.append(_table("options", options))
        parts.append(_table("exit codes", EXIT_CODES))
        return "\n\n".join([*parts, f"`{self.prog} COMMAND --help` explains a command.\n"])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([f"{title}:", *(f"  {name:{width}}  {text}" for name, text in rows.items())])


def _shown(option: argparse.Action) -> list[str]:
    """Names of an option, with its value's."""
    return [f"{name} {option.metavar}" if option.metavar else name for name in option.option_strings]


class _PrintCompletion(argparse.Action):
    """Prints a completion script: `eval "$(stegnet --print-completion bash)"`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, choices=SHELLS, default=argparse.SUPPRESS, metavar="SHELL")

    def __call__(self, parser: argparse.ArgumentParser, *arguments: Any) -> None:
        import shtab  # imported here to keep --help fast

        for name, command in commands_of(parser).items():
            command.description = _helps(parser)[name]  # in one line
            for action in command._actions:
                if action.type in (Path, place, place_or_stream):
                    action.complete = shtab.FILE
        _, shell, _ = arguments
        print(shtab.complete(parser, shell))
        parser.exit()


class _PrintVersion(argparse.Action):
    """Prints the version, and which kernels run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, nargs=0, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *arguments: Any) -> None:
        from stegnet.kernels import kernels_in_use  # imported here to keep --help fast

        print(f"stegnet {__version__}, {kernels_in_use()}")
        parser.exit()


class _PrintManual(argparse.Action):
    """Prints the manual page: `stegnet --print-man | man -l -`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, nargs=0, default=argparse.SUPPRESS)

    def __call__(self, parser: argparse.ArgumentParser, *arguments: Any) -> None:
        from stegnet.cli.manual import manual  # imported here to keep --help fast

        assert isinstance(parser, Parser)
        print(manual(parser, _EXAMPLES, EXIT_CODES), end="")
        parser.exit()


def _helps(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The one-line help of each command."""
    commands = parser._subparsers._group_actions[0]._choices_actions
    return {command.dest: command.help or "" for command in commands}


def _call(options: argparse.Namespace) -> int:
    """Runs the command; prints its error, if any."""
    try:
        return options.run(options)
    except (StegnetError, MemoryError, RuntimeError) as error:
        if _is_exhaustion(error):
            messages.error("out of memory, or of threads")
            messages.hint("`ulimit -a` shows this shell's limits; a container has its own")
        elif isinstance(error, StegnetError):
            messages.error(error)
        else:
            raise
    return _ERROR


def _is_exhaustion(error: BaseException | None) -> bool:
    """True if memory or threads ran out; FFmpeg fails as if the film were at fault."""
    while error is not None:
        if isinstance(error, MemoryError | BlockingIOError) or str(error) == _NO_THREAD:
            return True
        error = error.__cause__
    return False


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
