"""`stegnet gui`: hides and reveals in the browser, on this machine."""

import argparse
import threading
import time

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import add_network_options, add_port_option, chosen_context
from stegnet.cli.parser import Parser
from stegnet.cli.signals import stop_on_signal
from stegnet.gui.server import GuiServer, Workspace
from stegnet.loopback import browser

DESCRIPTION = """\
Hide and reveal in a window of your browser: choose or drop the files, and save
the result. This program does the work, on this machine, with files of any
size. The page's address contains a random token, without which nobody can use
it. Ctrl-C or the page's button ends the program.

The files that you choose are copied to the folder for temporary files (TMPDIR)
while they are worked on; the four latest results stay there until the program
ends.
"""


def add_arguments(gui: Parser) -> None:
    """Add the port, `--no-browser` and the network options."""
    add_port_option(gui)
    gui.add_argument("--no-browser", action="store_true", help="only print the page's address")
    add_network_options(gui)


def execute(options: argparse.Namespace) -> int:
    """Serve the page, and open it in a browser, until a signal or the page ends it."""
    stop = threading.Event()
    with (
        Workspace() as workspace,
        GuiServer(options.port, stop, workspace, chosen_context(options)) as server,
        browser(server.address, "stegnet") as start_browser,
        stop_on_signal(stop.set),
        server.running(),
    ):
        messages.result(f"open {server.address}")
        if not options.no_browser and not start_browser():
            messages.note("could not start a browser; open the address yourself")
        interval = 0.1  # seconds
        while not stop.is_set():  # Event.wait would deadlock with a signal's handler
            time.sleep(interval)
    return ExitCode.SUCCESS
