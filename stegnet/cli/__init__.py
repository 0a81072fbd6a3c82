"""The command line: it parses arguments, calls the library and prints.

Importing this package imports nothing else, so that Ctrl-C is handled as early as possible.
"""

import os

from stegnet import lazy_names

_INTERRUPTED = 130

__getattr__, __all__ = lazy_names(__name__, command="main")


def run() -> None:
    """Entry point of the `stegnet` command."""
    try:
        from stegnet.cli.signals import exit_on_signals

        exit_on_signals()
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)
    from stegnet.cli import command

    command.run()
