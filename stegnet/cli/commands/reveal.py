"""`stegnet reveal`: reveals the secret of a container, or of each container in a folder."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from stegnet.cli import messages, reports
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import (
    add_cluster_option,
    add_key_options,
    add_network_options,
    add_output_options,
    check_output_folder,
    check_places,
    chosen_context,
    cluster_needs_folder,
    load_pair_once,
    local,
    output_folder,
    output_target,
    required_key_source,
)
from stegnet.cli.parser import Parser
from stegnet.core.disk import temporary_folder
from stegnet.core.remote_path import Place
from stegnet.files import album_in, is_folder, plan_revealing, results_folder, reveal_file
from stegnet.keys import KeySource
from stegnet.results import OutputTarget, Report

DESCRIPTION = """\
Reveal the picture, film or file hidden in CONTAINER. OUT's suffix says what a
picture or film becomes; without -o, a text is printed, and all else is written
into the current folder.
"""
_RESULTS = """\
An .mp4 is for watching: what browsers and phones play, hardly different from
the exact frames that --lossless or .mkv gives. A hidden file keeps its bytes
if its own name has OUT's suffix. Without -o, or if OUT is a folder or ends in
a slash, a file gets its own name, with unsafe characters replaced; others are
revealed.png or .mp4.

CONTAINER may be a folder; OUT is then a folder too, created if missing. The
secret of a.png is written as OUT/a.png if it is a picture, OUT/a.mp4 if it is
a film, and otherwise as OUT/a with its own suffix. An album (`stegnet hide
--spread`) is one secret: OUT is a file if it has a suffix, else a folder for a
file under its own name. A hidden folder is unpacked as OUT, or in OUT if that
exists; as .zip, it is not.

  $ stegnet reveal received/ --key-file k -o revealed/
"""


def add_arguments(reveal: Parser) -> None:
    """Add the container, the output, and the options of keys, networks and folders."""
    reveal.epilog = "The exit code is 3 if the result is written but CONTAINER was altered since\nhiding.\n"
    container_help = "output of `stegnet hide`, or a folder; - for standard input"
    reveal.add_argument("container", type=messages.place_or_stream, metavar="CONTAINER", help=container_help)
    output_help = (
        "output file: .png, .jpg, .webp or .avif for a picture, .mp4 or .mkv for a film; or a folder; - for standard "
        "output (default: in the current folder, under the hidden file's own name)"
    )
    add_output_options(reveal, output_help, required=False, places=True)
    reveal.add_argument("--lossless", action="store_true", help="keep every bit of pictures (.png, .webp) and films")
    add_key_options(reveal, identity=True)
    reveal.add_argument("--strict", action="store_true", help="write nothing if the container was altered")
    reports.add_json_option(reveal)
    reveal.add_topic("results", _RESULTS)
    add_cluster_option(reveal)
    add_network_options(reveal)


def execute(options: argparse.Namespace) -> int:
    """Reveal one container or a folder of them; the exit code is ALTERED if one changed since hiding."""
    check_places(options, options.container, options.output)
    if options.force and options.output is None:
        options.usage_error("--force requires -o: without -o, no file is ever overwritten")
    key_source = required_key_source(options)
    container: Place | str = options.container
    if isinstance(container, str) or not is_folder(container):
        cluster_needs_folder(options)
        with messages.spooled(container) as file:
            return _reveal(options, local(file), key_source, options.into_folder)
    if options.cluster:
        return _reveal_folder(options, container, key_source)
    folder = local(container)
    if album_in(folder, key_source, chosen_context(options)) is None:
        return _reveal_folder(options, folder, key_source)
    output = options.output
    into_folder = isinstance(output, Path) and (is_folder(output) or not output.suffix)
    return _reveal(options, folder, key_source, into_folder)


def _reveal(options: argparse.Namespace, container: Path, key_source: KeySource, into_folder: bool) -> int:
    """Reveal one container, or an album. Without an output, the result names itself."""
    if options.output == messages.STREAM:
        with temporary_folder() as folder:
            out = replace(output_target(options, folder), named=False, folder=into_folder)
            report = _reveal_file(options, container, out, key_source)
            if report.path is not None:
                messages.copy_to_output(report.path)
                size = report.path.stat().st_size
        if report.path is not None:
            reports.wrote_to_output(size, report)
        else:
            reports.show(options, report)
    else:
        out = output_target(options, options.output or Path())
        out = replace(out, named=options.output is not None, folder=into_folder)
        report = _reveal_file(options, container, out, key_source)
        reports.show(options, report, report.path)
    return ExitCode.ALTERED if report.trouble else ExitCode.SUCCESS


def _reveal_file(options: argparse.Namespace, container: Path, out: OutputTarget, key_source: KeySource) -> Report:
    with messages.progress_bar() as progress:
        context = replace(chosen_context(options), progress=progress)
        return reveal_file(container, out, key_source, options.strict, context)


def _reveal_folder(options: argparse.Namespace, containers: Place, key_source: KeySource) -> int:
    """Reveal the secret of each container in a folder."""
    # Imported here, since it imports what starts processes.
    from stegnet.tasks import Secrets, do_folder, reveal_task, useful_processes

    check_output_folder(options)
    if options.output is None:
        options.usage_error("a folder requires -o, a folder for the results, such as -o revealed/")
    plan = plan_revealing(containers)
    context = chosen_context(options)
    out = output_folder(options)
    load_pair_once(context)
    with results_folder(options.output, containers, private=True), messages.progress_bar() as progress:
        where = options.cluster or useful_processes(plan, context)
        do = partial(reveal_task, options.strict, context)
        outcomes = do_folder(plan, out, do, Secrets.fresh(key_source), where, progress)
        return reports.show_batch(options, plan, outcomes)
