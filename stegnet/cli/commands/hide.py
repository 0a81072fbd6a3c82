"""`stegnet hide`: hides a picture, film or file in a cover, or a folder of them."""

import argparse
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stegnet import files
from stegnet.cli import messages, reports
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import (
    add_cluster_option,
    add_key_options,
    add_method_options,
    add_network_options,
    add_output_options,
    check_output_folder,
    check_places,
    chosen_context,
    chosen_method,
    cluster_needs_folder,
    load_pair_once,
    local,
    output_folder,
    output_target,
    required_key_source,
)
from stegnet.cli.parser import Parser
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import ConfigError, MediaError, called
from stegnet.core.names import FILE, TEXT_NAME
from stegnet.core.remote_path import Place
from stegnet.core.text import Text
from stegnet.files import is_folder, plan_hiding, results_folder
from stegnet.formats.opened_file import FileInMemory
from stegnet.hide_file import HideJob, hide_file
from stegnet.keys import KeySource
from stegnet.media.cover import check_input
from stegnet.methods.registry import METHODS
from stegnet.results import Report

DESCRIPTION = """\
Hide SECRET in COVER, a picture, film or sound, encrypted. Any file that fits is
revealed byte for byte; a larger picture or film is compressed until it fits
(`stegnet info COVER` says what does).
"""
_COVERS = """\
A cover that was saved with loss (JPEG, HEIC, AVIF; H.264 and most films) gives
its container away where that is saved without loss (.png, .mkv, .mp4): write a
picture's container as .jpg, or use a copy that was resized in RGB after that,
and saved without loss (--resize). A WAV or FLAC stays one, and a PNG as
transparent as it was.

  $ stegnet hide photo.jpg letter.pdf --resize 1600 --key-file k -o sent.png
"""
_FOLDERS = """\
COVER and SECRET may be folders; OUT is then a folder too, created if missing.
Files are paired in natural order (2 before 10); if all secrets are pictures
and films, they go into covers of their kind. Fewer secrets than covers are
repeated; a single secret file is hidden in every cover. The container of a
JPEG a.jpg is OUT/a.jpg, that of another picture OUT/a.png, that of a film
OUT/a.mkv, or what the method writes. Each processor works on a file at a time
(OMP_NUM_THREADS says how many do). In one cover, or with --spread, a folder is
hidden as one file, names and contents only, which `stegnet reveal -o FOLDER`
unpacks.

  $ stegnet hide photos/ letter.pdf --key-file k -o sent/
  $ stegnet hide photo.jpg papers/ --key-file k -o sent.jpg
"""
ALL = "all"
_ALBUMS = """\
With --spread, OUT is an album: one secret is divided over all pictures and
sounds in the folder COVER, in proportion to what is hard to find in each.
`stegnet reveal OUT` joins it again; names and order of the files do not matter.
All of them are needed; with --spread N, any N suffice.

  $ stegnet hide photos/ letter.pdf --spread 3 --key-file k -o album/
"""


def add_arguments(hide: Parser) -> None:
    """Add cover, secret and output, and the options of methods, keys and folders."""
    hide.epilog = (
        "  $ stegnet hide photo.jpg letter.pdf --passphrase -o sent.jpg\n"
        "  $ stegnet hide photo.jpg note.txt --for messenger --key-file k -o sent.jpg\n"
    )
    cover_help = "picture, film, sound or folder; never changed"
    known = "learn the channel by `stegnet channel SENT RECEIVED -o NAME.channel`, and use `--for NAME.channel`"
    hide.hints |= {
        "--any": "use `--spread N`",
        "--archive": "leave it out: a folder is hidden as one file",
        "--channel-file": "use `--for NAME.channel`",
        "--channel-from": known,
    }
    hide.add_argument("cover", type=messages.place_or_stream, metavar="COVER", help=cover_help)
    secret_help = "file or folder to hide; - reads standard input"
    secret = hide.add_argument("secret", type=messages.place_or_stream, metavar="SECRET", help=secret_help)
    hide.add_argument(
        "--text",
        action=_Text,
        secret=secret,
        help="hide a text instead of SECRET; - reads it unseen",
    )
    output_help = "output file or folder; a suffix that fits is added"
    also = "; hide an empty secret, in a blank cover, or over another secret"
    add_output_options(hide, output_help, places=True, also=also)
    hide.add_argument("-v", "--verbose", action="store_true", help="print every note on what was hidden and written")
    add_key_options(hide, recipient=True)
    reports.add_json_option(hide)
    add_method_options(hide)
    hide.add_topic("covers", _COVERS)
    hide.add_topic("folders", _FOLDERS)
    album = hide.add_topic("albums", _ALBUMS)
    spread_help = "divide SECRET over all covers in the folder COVER; any N files suffice (default: all are needed)"
    album.add_argument("--spread", nargs="?", const=ALL, type=_sufficient, metavar="N", help=spread_help)
    add_cluster_option(hide)
    add_network_options(hide)


def _sufficient(text: str) -> int | str:
    """Return a number of files, or ALL."""
    try:
        return ALL if text == ALL else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"takes {ALL} or a number of files; COVER and SECRET come before it") from None


class _Text(argparse.Action):
    """An action that stores a text to hide, so that SECRET is no longer required."""

    def __init__(self, secret: argparse.Action, **settings: Any) -> None:
        super().__init__(**settings)
        self._secret = secret

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, text: Any, *_: Any) -> None:
        namespace.text = text
        self._secret.required = False


def execute(options: argparse.Namespace) -> int:
    """Hide one secret, an album's file or a folder of secrets, and print a report of each."""
    named = isinstance(options.output, Path) and not (options.into_folder or is_folder(options.output))
    suffix = options.output.suffix.lower() if named else ""
    job = HideJob(*chosen_method(options, suffix), chosen_context(options), refuses_unmeant=not options.force)
    _check(options, job)
    check_places(options, options.cover, options.secret, options.output)
    key_source = required_key_source(options, confirm=True, hiding=True)
    with _inputs(options) as (cover, secret), _text_hinted(secret):
        if not is_folder(cover):
            cluster_needs_folder(options)
            return _hide(options, local(cover), secret, job, key_source)
        assert not isinstance(secret, FileInMemory), "for several covers, a text is in a file"
        if options.spread:
            return _hide_album(options, local(cover), local(secret), job, key_source)
        return _hide_folder(options, cover, secret, job, key_source)


def _check(options: argparse.Namespace, job: HideJob) -> None:
    """Reject options that do not go together."""
    if options.text is not None and options.secret is not None:
        options.usage_error("a text is hidden instead of SECRET: give one of them")
    chosen = "--for" if options.destination else "--survive" if options.survive else ""
    if options.spread and chosen and not job.method.info.albums:
        options.usage_error(f"--spread makes files that must arrive as they are: leave {chosen} out")
    if options.spread and options.cluster:
        options.usage_error("--spread hides on this machine: it does not go with --cluster")
    if options.cluster and (options.text is not None or messages.STREAM in (options.cover, options.secret)):
        options.usage_error("--cluster requires files: neither a text nor a stream")


@contextmanager
def _inputs(options: argparse.Namespace) -> Iterator[tuple[Place, Place | FileInMemory]]:
    """Yield cover and secret. A packed folder, and the data of standard input, are in temporary files.

    A text stays in memory, but for a folder of covers, which other processes may hide in.
    """
    with ExitStack() as stack:
        typed = options.secret
        # A folder is hidden as one file, unless it holds the secrets for a folder of covers.
        has_many_covers = isinstance(options.cover, Path) and is_folder(options.cover) and options.spread is None
        if isinstance(typed, Path) and not options.cluster and is_folder(typed) and not has_many_covers:
            typed = stack.enter_context(_packed(options))
        if [options.cover, typed, options.text].count(messages.STREAM) > 1:
            options.usage_error("only one input can be read from standard input")
        cover = stack.enter_context(messages.spooled(options.cover))
        if options.text is None:
            yield cover, stack.enter_context(messages.spooled(typed))
            return

        data = messages.text_bytes(options.text)
        if is_folder(cover):
            text_file = stack.enter_context(messages.named_file(TEXT_NAME, "the text"))
            text_file.write_bytes(data)
            yield cover, text_file
        else:
            stack.enter_context(called("the text", TEXT_NAME))
            yield cover, FileInMemory(TEXT_NAME, data)


@contextmanager
def _packed(options: argparse.Namespace) -> Iterator[Path]:
    """Yield the file into which the folder SECRET is packed, and which errors of the block call by that folder."""
    secret: Path = options.secret
    if isinstance(options.cover, Path) and not is_folder(options.cover):
        check_input(options.cover)  # before the folder is packed, which may be large
    if isinstance(options.output, Path) and secret.resolve() in options.output.resolve().parents:
        raise MediaError("is in the folder that is hidden", "write it elsewhere", subject=options.output)
    if isinstance(options.output, Path) and not (options.into_folder or is_folder(options.output)):
        output_target(options, options.output).check((), FILE)
    with temporary_folder() as folder:
        archive = files.pack(secret, folder)
        with called(secret, archive):
            yield archive


@contextmanager
def _text_hinted(secret: Place | FileInMemory) -> Iterator[None]:
    """Add a hint on hiding a text to the block's error for a missing SECRET that may be one."""
    try:
        yield
    except MediaError as error:
        name = str(secret)
        is_missing = isinstance(error.__cause__, FileNotFoundError) and error.subject == name
        if is_missing and (" " in name or not Path(name).suffix):
            raise error.with_hint("hide a text with `--text TEXT`, or `--text -` to type it unseen") from error
        raise


def _hide(
    options: argparse.Namespace, cover: Path, secret: Place | FileInMemory, job: HideJob, key_source: KeySource
) -> int:
    """Hide in one cover."""
    if options.spread:
        options.usage_error("--spread requires a folder of covers")
    if not isinstance(secret, FileInMemory):
        secret = local(secret)
    _refuse_empty(options, [secret])
    with ExitStack() as folders:
        output: Path | str = options.output
        into_folder: bool = options.into_folder
        while isinstance(output, Path) and (into_folder or is_folder(output)):
            folders.enter_context(results_folder(output, cover))
            output = output / f"{cover.stem}{job.unasked_suffix(cover)}"
            into_folder = False

        if isinstance(output, Path):
            is_special = os.path.lexists(output) and not output.is_file()  # a device, for example
            if not (output.suffix or output.name.startswith(".") or is_special):
                output = output.with_suffix(job.unasked_suffix(cover))
            report = _hide_file(options, cover, secret, output, job, key_source)
            reports.show(options, report, output, options.verbose)
        else:
            messages.refuse_terminal()
            with temporary_folder() as folder:
                container = folder / f"container{job.unasked_suffix(cover)}"
                report = _hide_file(options, cover, secret, container, job, key_source)
                messages.copy_to_output(container)
                size = container.stat().st_size
            reports.wrote_to_output(size, report, options.verbose)

        is_long = bool(reports.losses(report)) and not options.verbose  # with what the container lacks
        if not report.figures.survives and not (options.json or job.options.names_channel or is_long):
            as_a_file = "arrives whole if sent as a file, not as a photo or video (`--for messenger`)"
            messages.note(METHODS[report.figures.method].info.survives or as_a_file)
        return ExitCode.SUCCESS


def _refuse_empty(options: argparse.Namespace, secrets: Iterable[Place | FileInMemory | None]) -> None:
    """Refuse an empty secret, which is hardly meant, unless --force is given."""
    for secret in () if options.force else secrets:
        size = len(secret.data) if isinstance(secret, FileInMemory) else 1
        if isinstance(secret, Path) and secret.is_file():
            size = secret.stat().st_size
        if not size:
            raise MediaError("is empty", "name the file that you mean, or hide it with `--force`", subject=secret)


def _hide_file(
    options: argparse.Namespace,
    cover: Path,
    secret: Path | FileInMemory,
    output: Path,
    job: HideJob,
    key_source: KeySource,
) -> Report:
    """Hide in one cover, and write a file."""
    told: list[str] = []
    is_photo = options.destination == "messenger" and output.suffix.lower() in (".jpg", ".jpeg")
    advice = " (for one app, harder: `stegnet channel --help`)" if is_photo else ""

    def tell(verdict: str, forecast: str = "") -> None:
        if verdict not in told and not options.json:
            name = output if isinstance(options.output, Path) else "the container"
            messages.verdict(f"{name} ({forecast})" if forecast else name, verdict + advice)
        told.append(verdict)

    with messages.progress_bar() as progress:
        shown = job.showing(progress, reports.warn_beforehand, tell)
        try:
            report = hide_file(shown, cover, secret, output_target(options, output), key_source)
        except ConfigError as error:
            if options.destination and error.parameter == "survive":  # the channel that `--for` chose
                error.parameter = "for"
                error.value = options.destination
            raise
    tell(report.figures.verdict)
    if not options.destination:
        return report
    # The user has said what to survive: notes that advise on it are dropped.
    notes = (note for note in report.notes if not (isinstance(note, Text) and note.names("survive")))
    return replace(report, notes=tuple(notes))


def _hide_folder(
    options: argparse.Namespace, covers: Place, secrets: Place, job: HideJob, key_source: KeySource
) -> int:
    """Hide in each cover of a folder; the secrets are in a folder, or one file for all."""
    # Imported here, since it imports what starts processes.
    from stegnet.tasks import Secrets, do_folder, hide_task, useful_processes

    check_output_folder(options)
    info = job.method.info
    plan = plan_hiding(covers, secrets, info.any_file, info.covers, info.matched)
    if info.needs_pair:
        load_pair_once(job.context)
    if not options.cluster:
        _refuse_empty(options, (each.secret for each in plan.jobs))
    reports.warn_of_covers(job, plan)
    with results_folder(options.output, covers, secrets), messages.progress_bar() as progress:
        where = options.cluster or useful_processes(plan, job.context, info.computes)
        do = partial(hide_task, job)
        outcomes = do_folder(plan, output_folder(options), do, Secrets.fresh(key_source), where, progress)
        return reports.show_batch(options, plan, outcomes, options.verbose)


def _hide_album(options: argparse.Namespace, covers: Path, secret: Path, job: HideJob, key_source: KeySource) -> int:
    """Divide one secret over the covers of a folder."""
    check_output_folder(options)
    album = files.plan_album(covers, secret, None if options.spread == ALL else options.spread)
    _refuse_empty(options, [secret])
    reports.warn_of_covers(job, album)
    with results_folder(options.output, covers):
        with messages.progress_bar() as progress:
            target = output_target(options, options.output)
            outcomes = files.make_album(album, target, key_source, job.showing(progress))
        return reports.show_batch(options, album, (outcome for outcome in outcomes), options.verbose)
