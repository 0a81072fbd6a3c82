"""`stegnet reveal`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.bar import frames_bar
from stegnet.cli.batch import ALTERED, run_batch
from stegnet.cli.options import add_network_options, add_output_options, network_loader, output_target
from stegnet.cli.secret import add_secret_options, read_secret

if TYPE_CHECKING:
    from stegnet.codec import Container, KeySource, OutputTarget, Report

_DESCRIPTION = """\
Bring back the picture, film or file hidden in CONTAINER, whichever it is.

CONTAINER may be a folder; OUT is then a folder too, made if missing. What a.png
hides becomes OUT/a.png, a film OUT/a.mkv, any other file OUT/a with its own
suffix.
"""
_EPILOG = """\
The exit code is 3 if the result is written but CONTAINER is not as it was when
the secret was hidden.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    reveal = commands.add_parser(
        "reveal",
        help="bring the secret back",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reveal.add_argument("container", type=Path, metavar="CONTAINER", help="what `stegnet hide` wrote, or a folder")
    add_output_options(reveal, "file to write: .png for a picture, .mkv or .mp4 for a film; or a folder")
    add_secret_options(reveal)
    reveal.add_argument(
        "--strict", action="store_true", help="reveal nothing from a container that is not exactly as it was hidden"
    )
    add_network_options(reveal)
    reveal.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    secret_key = read_secret(options)
    from stegnet.codec.folder import is_folder  # here, so that --help need not wait for it

    if is_folder(options.container):
        return _run_folder(options, secret_key)
    from stegnet.codec import reveal_file

    network, out = network_loader(options), output_target(options)
    with frames_bar() as progress:
        report = reveal_file(network, options.container, out, secret_key, options.strict, progress)
    messages.wrote(options.output, report, _frames(report))
    return ALTERED if report.trouble else 0


def _run_folder(options: argparse.Namespace, secret_key: "KeySource") -> int:
    from stegnet.codec.files import reveal_opened
    from stegnet.codec.folder import plan_revealing, results_folder, reveal_each

    plan = plan_revealing(options.container)
    network = network_loader(options)
    network()  # what is wrong with it is said once, not for each file
    with results_folder(options.output, options.container, private=True), frames_bar() as progress:

        def reveal(container: "Container", out: "OutputTarget") -> "Report":
            return reveal_opened(network, container, out, options.strict, progress)

        return run_batch(plan, reveal_each(plan, output_target(options), secret_key, reveal, progress), _frames)


def _frames(report: "Report") -> str:
    return f", {report.frames} frames" if report.frames > 1 else ""
