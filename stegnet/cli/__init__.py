"""The command line: it parses, calls, and prints.

Importing this package imports nothing else, so that Ctrl-C is heard as early as can be.
"""

import os

_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    from stegnet.cli import command

    return command.main(argv)


def run() -> None:
    """The entry point of the `stegnet` command."""
    try:
        from stegnet.cli.signals import leave_at_once

        leave_at_once()
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    from stegnet.cli import command

    command.run()
