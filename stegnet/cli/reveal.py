"""`stegnet reveal`: reveals what a container, or each container of a folder, hides."""

import argparse
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.keys import add_key_options, read_key_source
from stegnet.cli.options import (
    add_cluster_option,
    add_network_options,
    add_output_options,
    check_places,
    chosen_modems,
    cluster_needs_folder,
    network_loader,
    output_target,
)
from stegnet.core.address import place

if TYPE_CHECKING:
    from stegnet.codec import Container, KeySource, OutputTarget, Report

_DESCRIPTION = """\
Reveal the picture, film or file hidden in CONTAINER.

CONTAINER may be a folder; OUT is then a folder too, created if missing. The
secret of a.png is written as OUT/a.png if it is a picture, OUT/a.mkv if it is a
film, and otherwise as OUT/a with its own suffix. With --cluster, many machines
do this.
"""
_EPILOG = """\
The exit code is 3 if the result is written but CONTAINER was altered since
hiding.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    reveal = commands.add_parser(
        "reveal",
        help="reveal the secret",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reveal.add_argument("container", type=place, metavar="CONTAINER", help="output of `stegnet hide`, or a folder")
    add_output_options(reveal, "output file, .png for a picture, .mkv or .mp4 for a film; or a folder", places=True)
    add_key_options(reveal)
    reveal.add_argument("--strict", action="store_true", help="write nothing if the container was altered")
    add_cluster_option(reveal)
    add_network_options(reveal)
    reveal.set_defaults(run=_run, usage_error=reveal.error)


def _run(options: argparse.Namespace) -> int:
    check_places(options, options.container, options.output)
    key_source = read_key_source(options)
    from stegnet.codec.folder import is_folder  # imported here to keep --help fast

    if is_folder(options.container):
        return _run_folder(options, key_source)
    cluster_needs_folder(options)
    from stegnet.codec import reveal_file

    network, out = network_loader(options), output_target(options)
    with messages.progress_bar() as progress:
        report = reveal_file(
            network, options.container, out, key_source, options.strict, progress, chosen_modems(options)
        )
    messages.wrote(options.output, report, _frames(report))
    return messages.ALTERED if report.trouble else 0


def _run_folder(options: argparse.Namespace, key_source: "KeySource") -> int:
    from stegnet.codec.files import reveal_opened
    from stegnet.codec.folder import plan_revealing, results_folder, reveal_each

    plan = plan_revealing(options.container)
    network, modems = network_loader(options), chosen_modems(options)
    network()  # its errors are reported once, not for each file
    out = output_target(options)
    with results_folder(options.output, options.container, private=True), messages.progress_bar() as progress:
        if options.cluster:
            from stegnet.cluster.cluster import run_on_cluster
            from stegnet.cluster.tasks import Revealing

            work = Revealing(network, options.strict, modems)
            outcomes = run_on_cluster(options.cluster, plan, out, work, key_source)
            return messages.run_batch(plan, outcomes, _frames)

        def reveal(container: "Container", out: "OutputTarget") -> "Report":
            return reveal_opened(network, container, out, options.strict, progress, modems)

        outcomes = reveal_each(plan, out, key_source, reveal, progress, modems)
        return messages.run_batch(plan, outcomes, _frames)


def _frames(report: "Report") -> str:
    return f", {report.frames} frames" if report.frames > 1 else ""
