"""`stegnet gui`: hiding and revealing in the browser, by this program."""

import argparse
import threading
import time

from stegnet.cli import messages
from stegnet.cli.options import NO_BROWSER, add_network_options, add_port_option, chosen_run
from stegnet.cli.signals import stop_on_signal

_POLL = 0.1  # seconds
_DESCRIPTION = """\
Hide and reveal in a window of your browser: choose or drop the files, and save
the result. This program does the work, on this machine, with files of any
size. The page's address contains a random token, without which nobody can use
it. Ctrl-C or the page's button ends the program.

The files that you choose are copied to the folder for temporary files (TMPDIR)
while they are worked on, and results stay there until the program ends.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    gui = commands.add_parser(
        "gui",
        help="hide and reveal in a window of the browser",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_port_option(gui)
    gui.add_argument("--no-browser", action="store_true", help="only print the page's address")
    add_network_options(gui)
    gui.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from stegnet.gui.server import GuiServer  # imported here to keep --help fast
    from stegnet.gui.workspace import Workspace
    from stegnet.loopback import browser

    stop = threading.Event()
    with (
        Workspace() as workspace,
        GuiServer(options.port, stop, workspace, chosen_run(options)) as server,
        browser(server.address, "stegnet") as start_browser,
        stop_on_signal(stop.set),
        server.running(),
    ):
        messages.result(f"open {server.address}")
        if not options.no_browser and not start_browser():
            messages.note(NO_BROWSER)
        while not stop.is_set():  # Event.wait would deadlock with a signal's handler
            time.sleep(_POLL)
    return 0
