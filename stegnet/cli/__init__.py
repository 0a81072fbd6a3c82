"""The command line: it parses arguments, calls the library and prints.

Importing this package imports nothing else, so that Ctrl-C is handled as early as possible.
"""

import os

_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    from stegnet.cli import command

    return command.main(argv)


def run() -> None:
    """Entry point of the `stegnet` command."""
    try:
        from stegnet.cli.signals import exit_on_signals

        exit_on_signals()
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    from stegnet.cli import command

    command.run()
