"""`stegnet reveal`: reveals the secret of a container, or of each container in a folder."""

import argparse
from dataclasses import replace
from pathlib import Path

from stegnet.cli import messages, reports
from stegnet.cli.options import (
    add_cluster_option,
    add_key_options,
    add_network_options,
    add_output_options,
    add_search_option,
    check_output_folder,
    check_output_stream,
    check_places,
    chosen_context,
    cluster_needs_folder,
    load_pair,
    output_target,
    read_key_source,
)
from stegnet.core.disk import temporary_folder
from stegnet.files import album_in, is_folder, plan_revealing, results_folder, reveal_file
from stegnet.keys import KeySource
from stegnet.results import Report

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
file under its own name. A hidden folder (`hide --archive`) is unpacked as OUT,
or in OUT if that exists; as .zip, it is not.

  $ stegnet reveal received/ --key-file k -o revealed/
"""
_EPILOG = """\
The exit code is 3 if the result is written but CONTAINER was altered since
hiding.
"""


def add_arguments(reveal: argparse.ArgumentParser) -> None:
    reveal.epilog = _EPILOG
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
    add_search_option(reveal)
    reports.add_json_option(reveal)
    reveal.add_topic("results", _RESULTS)
    add_cluster_option(reveal)
    add_network_options(reveal)


def execute(options: argparse.Namespace) -> int:
    check_places(options, options.container, options.output)
    check_output_stream(options)
    if options.force and options.output is None:
        options.usage_error("--force requires -o: without -o, no file is ever overwritten")
    key_source = read_key_source(options)
    if options.container == messages.STREAM or not is_folder(options.container):
        cluster_needs_folder(options)
        with messages.spooled(options, "container"):
            return _reveal(options, key_source)
    if options.cluster or album_in(options.container, key_source, chosen_context(options)) is None:
        return _reveal_folder(options, key_source)
    named = options.output not in (None, messages.STREAM)
    options.into_folder = named and (is_folder(options.output) or not options.output.suffix)
    return _reveal(options, key_source)


def _reveal(options: argparse.Namespace, key_source: KeySource) -> int:
    """Reveal one container, or an album. Without an output, the result names itself."""
    if options.output == messages.STREAM:
        with temporary_folder() as own:
            report = _reveal_file(options, key_source, own)
            if report.text is None:
                messages.copy_to_output(report.path)
                size = report.path.stat().st_size
        if report.text is None:
            reports.wrote("to standard output", report, size, tell=messages.note)
        else:
            reports.show(options, report)
    else:
        report = _reveal_file(options, key_source, None if options.output else Path())
        reports.show(options, report, report.path)
    return reports.ALTERED if report.trouble else 0


def _reveal_file(options: argparse.Namespace, key_source: KeySource, folder: Path | None) -> Report:
    context, out = chosen_context(options), replace(output_target(options, folder), folder=options.into_folder)
    with messages.progress_bar() as progress:
        return reveal_file(options.container, out, key_source, options.strict, replace(context, progress=progress))


def _reveal_folder(options: argparse.Namespace, key_source: KeySource) -> int:
    from stegnet.cli.folder_jobs import do_folder  # imported here, since it imports what starts processes
    from stegnet.tasks import RevealingWork

    check_output_folder(options)
    if options.output is None:
        options.usage_error("a folder requires -o, a folder for the results, such as -o revealed/")
    plan, context, out = plan_revealing(options.container), chosen_context(options), output_target(options)
    load_pair(context)
    with results_folder(options.output, options.container, private=True), messages.progress_bar() as progress:
        outcomes = do_folder(options, plan, out, RevealingWork(options.strict, context), key_source, progress)
        return reports.show_batch(options, plan, outcomes)
