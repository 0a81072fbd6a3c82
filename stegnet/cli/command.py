"""One command, from its arguments to its exit code."""

import argparse
import os
import sys
from collections.abc import Sequence

from stegnet.cli import messages
from stegnet.cli.parser import make_parser
from stegnet.cli.signals import Signals
from stegnet.core.errors import StegnetError

_ERROR, _SIGNALLED, _INTERRUPTED, _BROKEN_PIPE = 1, 128, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = make_parser().parse_args(argv)
    signals = Signals()
    with signals.heard(), messages.python_warnings():
        try:
            code = _call(options)
        except BaseException:  # a signal may come out of a library as an error of its own
            if signals.code is None:
                raise
        if signals.code is None:
            return code
        messages.error(signals.told)
        return signals.code


def run() -> None:
    """Runs the command that this process was started with, and ends."""
    try:
        code = _finish()
    except BrokenPipeError:  # whoever read our output has gone
        messages.silence(sys.stdout, sys.stderr)
        code = _BROKEN_PIPE
    if code > _SIGNALLED:
        os._exit(code)  # all is tidied up; threads that are still at work need not be waited for
    sys.exit(code)


def _call(options: argparse.Namespace) -> int:
    """Runs the command; tells what is wrong."""
    try:
        return options.run(options)
    except StegnetError as error:
        messages.error(error)
    except MemoryError:
        messages.error("there is not memory enough")
    except KeyboardInterrupt:
        messages.error("interrupted")
        return _INTERRUPTED
    return _ERROR


def _finish() -> int:
    """The exit code, once all that was printed has gone out."""
    try:
        code = main()
    except SystemExit as asked:  # argparse, after --help or a wrong command line
        code = int(asked.code or 0)
    try:
        messages.flush()
    except StegnetError as error:
        messages.error(error)
        code = _ERROR
    return code
