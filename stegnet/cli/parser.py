"""The whole command line, command by command."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from stegnet import __version__
from stegnet.cli import enhance, export, hide, info, keygen, reveal, webcam
from stegnet.cli.completion import PrintCompletion

_EPILOG = """\
exit codes:
  0    done
  1    an error that you can do something about; of a folder: some files failed
  2    the command line itself is wrong
  3    revealed, but the container is not as it was when the secret was hidden:
       the result is written, and `warning:` lines say what has happened
  129  the terminal was closed, 130 interrupted, 143 terminated: nothing
       half-made is left behind
  141  nobody reads the output any more

`stegnet COMMAND --help` says more of each command.
"""


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviations, and repeats nothing that may be a passphrase."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        options, rest = self.parse_known_args(args, namespace)
        if rest and getattr(options, "passphrase", False):
            self.error("too many arguments; a passphrase is never an argument: --passphrase asks for it")
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return options

    def error(self, message: str) -> NoReturn:
        if message.startswith("argument --passphrase: ignored explicit argument"):
            message = "a passphrase is never an argument: --passphrase asks for it"
        super().error(message)


def make_parser() -> argparse.ArgumentParser:
    """The parser; what it gives has `run`, to be called with it, which returns the exit code."""
    parser = _Parser(
        prog="stegnet",
        description="Hide a picture in a picture, a film in a film, or any file in either, and\nbring it back.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--print-completion", action=PrintCompletion, help="print what completes commands in a shell")
    parser.add_argument("--version", action="version", version=f"stegnet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (hide, reveal, info, enhance, webcam, keygen, export):
        command.add_to(commands)
    return parser
