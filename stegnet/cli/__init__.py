"""The command line: it parses, calls, and prints."""

import sys
from collections.abc import Sequence

from stegnet.cli import messages
from stegnet.cli.parser import make_parser
from stegnet.cli.signals import Stopped, stoppable
from stegnet.errors import StegnetError

_ERROR, _SIGNALLED, _BROKEN_PIPE = 1, 128, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = make_parser().parse_args(argv)
    try:
        with stoppable():
            return options.run(options)
    except StegnetError as error:
        messages.error(error)
    except MemoryError:
        messages.error("there is not memory enough")
    except Stopped as stop:
        messages.error(stop.told)
        return _SIGNALLED + stop.number
    return _ERROR


def run() -> None:
    """The entry point of the `stegnet` command."""
    try:
        code = _code()
    except BrokenPipeError:  # whoever read our output has gone
        messages.silence(sys.stdout, sys.stderr)
        code = _BROKEN_PIPE
    sys.exit(code)


def _code() -> int | str | None:
    """The exit code, once all that was printed has gone out."""
    try:
        code = main()
    except SystemExit as asked:  # argparse, after --help or a wrong command line
        code = asked.code
    try:
        messages.flush()
    except StegnetError as error:
        messages.error(error)
        code = _ERROR
    return code
