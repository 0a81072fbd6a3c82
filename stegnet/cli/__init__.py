"""The command line: it parses arguments, calls the library and prints.

Importing this package imports next to nothing, so that Ctrl-C is handled as early as possible.
"""

import os

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)


def run() -> None:
    """Run the `stegnet` command, as its entry point."""
    try:
        from stegnet.cli.signals import exit_on_signals

        exit_on_signals()
    except KeyboardInterrupt:
        os._exit(130)  # as for SIGINT; nothing more is imported for it
    from stegnet.cli import command

    command.run()
