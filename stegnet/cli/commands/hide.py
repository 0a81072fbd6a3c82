"""`stegnet hide`: hides a picture, film or file in a cover, or a folder of them."""

import argparse
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stegnet.cli import messages, results, streams
from stegnet.cli.keys import add_key_options, read_key_source
from stegnet.cli.options import (
    NETWORK,
    add_cluster_option,
    add_network_options,
    add_output_options,
    check_output_stream,
    check_places,
    chosen_modems,
    cluster_needs_folder,
    network_loader,
    output_target,
)
from stegnet.core.errors import MediaError

if TYPE_CHECKING:
    from stegnet.files.files import NetworkLoader
    from stegnet.keys import KeySource
    from stegnet.results import OutputTarget, Report

_DESCRIPTION = """\
Hide SECRET in COVER. Any file that fits into the cover is hidden as it is, and
revealed byte for byte; a larger picture or film is compressed until it fits.
All of it is encrypted. `stegnet info COVER` says what fits.
"""
_EPILOG = """\
The method "sealed", the default, embeds SECRET as it is, or compressed. The
method "network" hides a picture in a picture, or a film with its sound in a
film, by neural networks: a coarse copy and the sound are encrypted, the rest is
masked by a keystream (other --weights may only scramble it). Transparent
pictures are composited on white.

A cover that was saved with loss (JPEG, HEIC, AVIF; H.264 and most films) gives
its container away where that is saved without loss (.png, .mkv, .mp4): take a
copy that was resized in RGB after that, and saved without loss.

With OUT.jpg or --survive, the method is "robust": OUT survives being saved as
JPEG and shared so, with +resize:0.5 also when reduced to half its size, with
+crop also when cropped a little, and may be an ordinary JPEG; or being encoded
as H.264, and is an ordinary film.
There is much less room: a picture is scaled and compressed to fit, a small file
is hidden as it is. Hiding simulates what OUT is promised to survive, and writes
nothing that does not come back.

The method "network" reveals the secret once to measure its quality, which is
printed as PSNR. Below 30 dB a warning gives the reason; below 22 dB nothing is
written without --force.

COVER and SECRET may be folders; OUT is then a folder too, created if missing.
Files are paired in natural order (2 before 10), pictures with pictures and
films with films. If there are fewer secrets than covers, they are repeated; a
single secret file is hidden in every cover. The container of a picture a.jpg
is OUT/a.png (OUT/a.jpg with --survive), that of a film
OUT/a.mkv. With --cluster, many machines do this.
"""


AUTO, ROBUST, METHODS = "auto", "robust", ("auto", "sealed", "network", "robust")
_JPEG = (".jpg", ".jpeg")
_ROBUST_SUFFIXES = {"picture": ".jpg", "film": ".mp4"}


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    hide = commands.add_parser(
        "hide",
        help="hide SECRET in COVER",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cover_help = "picture, film or folder to hide in; never changed; - for standard input"
    hide.add_argument("cover", type=streams.place_or_stream, metavar="COVER", help=cover_help)
    secret_help = "file or folder to hide; - for standard input"
    secret = hide.add_argument("secret", type=streams.place_or_stream, metavar="SECRET", help=secret_help)
    hide.add_argument(
        "--text",
        action=_Text,
        secret=secret,
        help="hide a text instead of SECRET, which `stegnet reveal` prints. Other users of this machine can see the "
        "command line: they can't see a text that `--text -` reads from standard input",
    )
    output_help = (
        "output file, .png or .jpg for a picture, .mkv or .mp4 for a film (without a suffix: the one that fits COVER); "
        "or a folder; - for standard output"
    )
    add_output_options(hide, output_help, force_help="; hide a secret even if its quality is below 22 dB", places=True)
    add_key_options(hide, recipient=True)
    survive = hide.add_argument_group("to survive JPEG or H.264")
    method = hide.add_argument_group("method")
    method.add_argument(
        "--method",
        choices=METHODS,
        default=AUTO,
        help="auto: sealed, compressed if it does not fit otherwise; sealed: any file, byte for byte; network: a "
        "picture or film, by neural networks; robust: a picture or small file, by bits that survive JPEG or H.264 "
        "(default: auto; robust with --survive or for OUT.jpg)",
    )
    method.add_argument(
        "--compress", action="store_true", help="sealed: compress a picture or film that does not fit otherwise"
    )
    method.add_argument(
        "--longer",
        choices=("refuse", "cut"),
        help="network: refuse or cut a film with more frames than its cover (default: refuse); other methods hide all "
        "of it",
    )
    method.add_argument("--no-sound", action="store_true", help="network: do not hide the secret film's sound")
    survive.add_argument(
        "--survive",
        metavar="CHANNEL",
        help="what the container survives: jpeg:QUALITY, or messenger: reduced to 1600 pixels, then saved "
        "twice as JPEG 70 to 80; either also with +resize:FACTOR, 0.25 to 1: resized to that factor or more before it "
        "is saved, or +crop: cropped or shifted by up to 8 pixels; of a film, h264:CRF, by x264's presets fast to "
        "veryslow (default: jpeg:75, h264:23)",
    )
    survive.add_argument(
        "--container-psnr",
        type=float,
        metavar="DB",
        help="quality of the container: 42, 38, or 32 for more room (default: 42 for a file that fits so in a "
        "picture, else 38)",
    )
    method.add_argument("--no-verify", action="store_true", help="do not read the output back to verify it")
    results.add_json_option(hide)
    add_cluster_option(hide)
    add_network_options(hide)
    hide.set_defaults(run=_run, usage_error=hide.error)


class _Text(argparse.Action):
    """Stores a text to hide; there need be no SECRET then."""

    def __init__(self, secret: argparse.Action, **settings: Any) -> None:
        super().__init__(**settings)
        self._secret = secret

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, text: Any, *_: Any) -> None:
        namespace.text, self._secret.required = text, False


def _run(options: argparse.Namespace) -> int:
    options.method = _method(options)
    _check(options)
    check_places(options, options.cover, options.secret, options.output)
    check_output_stream(options)
    key_source = read_key_source(options, confirm=True, hiding=True)
    with streams.spooled(options, "cover", "secret"):
        return _hide(options, key_source)


def _hide(options: argparse.Namespace, key_source: "KeySource") -> int:
    from stegnet.files.folder import is_folder  # imported here to keep --help fast

    if is_folder(options.cover):
        return _run_folder(options, key_source)
    cluster_needs_folder(options)
    if is_folder(options.secret):
        raise MediaError(f"{options.secret}: is a folder", "a folder of secrets needs a folder of covers")
    if options.output == streams.STREAM:
        return _hide_to_output(options, key_source)
    options.output = _with_suffix(options)
    report = _hide_one(options, key_source)
    results.show(options, options.output, report, _frames(report))
    return 0


def _with_suffix(options: argparse.Namespace) -> Path:
    """The output file, with the suffix that fits its cover if it has none."""
    from stegnet.media.inputs import input_kind

    if options.output.suffix or options.output.name.startswith(".") or options.output.is_dir():
        return options.output
    return options.output.with_suffix(_suffixes(options)[input_kind(options.cover)])


def _suffixes(options: argparse.Namespace) -> "Mapping[str, str]":
    """The usual suffix of the container in a picture or film."""
    from stegnet.files.folder import SUFFIXES

    return _ROBUST_SUFFIXES if options.method == ROBUST else SUFFIXES


def _hide_one(options: argparse.Namespace, key_source: "KeySource") -> "Report":
    with messages.progress_bar() as progress:
        hide = _hider(options, network_loader(options))
        return hide(options.cover, options.secret, output_target(options), key_source, progress=progress)


def _hide_to_output(options: argparse.Namespace, key_source: "KeySource") -> int:
    from stegnet.media.inputs import input_kind

    streams.refuse_terminal()
    with streams.private_folder() as folder:
        options.output = folder / f"container{_suffixes(options)[input_kind(options.cover)]}"
        report = _hide_one(options, key_source)
        streams.copy_to_output(options.output)
        size = options.output.stat().st_size
    messages.wrote("standard output", report, _frames(report), size=size, tell=messages.note)
    return 0


def _method(options: argparse.Namespace) -> str:
    """The method that the options ask for."""
    jpeg = options.output != streams.STREAM and options.output.suffix.lower() in _JPEG
    lossy = options.survive or options.container_psnr or jpeg
    return ROBUST if lossy and options.method == AUTO else options.method


def _check(options: argparse.Namespace) -> None:
    """Rejects options that the chosen method can't follow, and streams where files are needed."""
    if options.text is not None and options.secret is not None:
        options.usage_error("a text is hidden instead of SECRET: give one of them")
    if options.cluster and (options.text is not None or streams.STREAM in (options.cover, options.secret)):
        options.usage_error("--cluster requires files: neither a text nor a stream")
    allowed = {
        "compress": (AUTO, "sealed", ROBUST),  # which does so anyway
        "longer": (AUTO, "network", ROBUST),  # in which no film is too long
        "survive": (ROBUST,),
        "container_psnr": (ROBUST,),
        "no_sound": ("network",),
        **dict.fromkeys(NETWORK, (AUTO, "network", ROBUST)),
        "weights": ("network", ROBUST),
    }
    for name, methods in allowed.items():
        if options.method not in methods and getattr(options, name):
            options.usage_error(
                f"--{name.replace('_', '-')} requires --method {' or '.join(each for each in methods if each != AUTO)}"
            )


def _run_folder(options: argparse.Namespace, key_source: "KeySource") -> int:
    from stegnet.files.folder import hide_each, is_folder, plan_hiding, results_folder

    check_output_stream(options, folder=True)
    any_file = options.method in ("sealed", ROBUST) or (options.method == AUTO and not is_folder(options.secret))
    plan = plan_hiding(options.cover, options.secret, any_file)
    network = network_loader(options)
    if options.method == "network":
        network()  # its errors are reported once, not for each file
    with results_folder(options.output, options.cover, options.secret), messages.progress_bar() as progress:
        hide, out, suffixes = _hider(options, network), output_target(options), _suffixes(options)
        if options.cluster:
            from stegnet.cluster.cluster import run_on_cluster
            from stegnet.cluster.tasks import Hiding

            work = Hiding(hide, suffixes, segments=options.method != ROBUST)
            outcomes = run_on_cluster(options.cluster, plan, out, work, key_source)
        else:

            def hide_one(cover: Path, secret: Path, target: "OutputTarget") -> "Report":
                return hide(cover, secret, target, key_source, progress=progress)

            outcomes = hide_each(plan, out, hide_one, suffixes)
        shown = results.BatchResults(options, _frames)
        code = messages.run_batch(plan, outcomes, shown)
        shown.warn_of_covers()
        return code


def _hider(options: argparse.Namespace, network: "NetworkLoader") -> "Callable[..., Report]":
    """Returns a function that hides one secret in one cover; it can be pickled.

    It takes the paths of cover and secret, a target and a key source, and `progress` and `randomness` by name, and
    `part` unless the method is robust.
    """
    from stegnet.files import hide_file
    from stegnet.methods.automatic import hide_automatically
    from stegnet.methods.network import HideOptions
    from stegnet.methods.sealed.embed import embed_file

    if options.method == "sealed":
        return partial(embed_file, compress=options.compress, verify=not options.no_verify)
    if options.method == ROBUST:
        from stegnet.methods.robust.pictures import RobustOptions, hide_robust_file

        wanted = RobustOptions(options.survive, options.container_psnr, not options.no_verify)
        return partial(hide_robust_file, chosen_modems(options), options=wanted)
    how = HideOptions(options.longer or "refuse", not options.no_sound, not options.no_verify, force=options.force)
    by = hide_file if options.method == "network" else hide_automatically
    return partial(by, network, options=how)


def _frames(report: "Report") -> str:
    frames = f", {report.frames} frames, {report.hidden} hidden" if report.frames > 1 else ""
    return frames if report.secret_psnr is None else f"{frames}, secret {_decibels(report.secret_psnr)}"


def _decibels(psnr: float) -> str:
    return "unchanged" if math.isinf(psnr) else f"{psnr:.1f} dB"
