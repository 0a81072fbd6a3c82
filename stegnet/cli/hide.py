"""`stegnet hide`."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.bar import frames_bar
from stegnet.cli.batch import run_batch
from stegnet.cli.options import NETWORK, add_network_options, add_output_options, network_loader, output_target
from stegnet.cli.secret import add_secret_options, read_secret
from stegnet.core.errors import MediaError

if TYPE_CHECKING:
    from stegnet.codec import KeySource, OutputTarget, Report
    from stegnet.codec.files import NetworkLoader
    from stegnet.codec.output import Progress

_DESCRIPTION = """\
Hide SECRET in COVER. By the method "network", a picture goes into a picture and
a film into a film; they may differ in size, frame rate and length, and the
secret comes back a little changed. By "sealed", any file goes into a picture or
film and comes back byte for byte, but there is room for far less of it.
Transparent parts of pictures are seen over white.

What is hidden is revealed once, and the last line says how well the secret
comes back (PSNR). Below 30 dB a warning gives the reason; below 22 dB nothing
is written without --force.

COVER and SECRET may be folders; OUT is then a folder too, made if missing.
Files are paired in natural order (2 before 10), pictures with pictures and
films with films. Fewer secrets than covers are repeated; a single secret file
goes into each cover. The cover a.jpg becomes OUT/a.png, a film OUT/a.mkv.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    hide = commands.add_parser(
        "hide",
        help="hide SECRET in COVER",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hide.add_argument("cover", type=Path, metavar="COVER", help="picture or film to hide in, or a folder; not changed")
    hide.add_argument("secret", type=Path, metavar="SECRET", help="what to hide")
    what = "file to write: .png for a picture, .mkv or .mp4 for a film; or a folder"
    add_output_options(hide, what, force="; hide a secret, too, that comes back below 22 dB")
    add_secret_options(hide)
    hide.add_argument(
        "--method",
        choices=("network", "sealed"),
        default="network",
        help="network: a picture or film; sealed: any file, byte for byte (default: network)",
    )
    hide.add_argument(
        "--compress", action="store_true", help="sealed: a picture or film that does not fit is made to fit"
    )
    hide.add_argument(
        "--longer",
        choices=("refuse", "cut"),
        help="network: a secret of more frames than its cover is refused, or cut (default: refuse)",
    )
    hide.add_argument("--no-sound", action="store_true", help="network: leave out the sound of a secret film")
    hide.add_argument("--no-verify", action="store_true", help="do not read the result back to compare it")
    add_network_options(hide)
    hide.set_defaults(run=_run, refuse=hide.error)


def _run(options: argparse.Namespace) -> int:
    _check(options)
    secret_key = read_secret(options, twice=True, hiding=True)
    from stegnet.codec.folder import is_folder  # here, so that --help need not wait for it

    if is_folder(options.cover):
        return _run_folder(options, secret_key)
    if is_folder(options.secret):
        raise MediaError(f"{options.secret}: is a folder", "a folder of secrets needs a folder of covers")
    with frames_bar() as progress:
        hide = _hider(options, secret_key, network_loader(options), progress)
        report = hide(options.cover, options.secret, output_target(options))
    messages.wrote(options.output, report, _frames(report))
    return 0


def _check(options: argparse.Namespace) -> None:
    """Stops at an option that the chosen method does not have."""
    if options.method == "network" and options.compress:
        options.refuse("--compress goes with --method sealed")
    for name in ("longer", "no_sound", *NETWORK):
        if options.method == "sealed" and getattr(options, name):
            options.refuse(f"--{name.replace('_', '-')} goes with --method network")


def _run_folder(options: argparse.Namespace, secret_key: "KeySource") -> int:
    from stegnet.codec.folder import hide_each, plan_hiding, results_folder

    plan = plan_hiding(options.cover, options.secret, any_file=options.method == "sealed")
    network = network_loader(options)
    if options.method == "network":
        network()  # what is wrong with it is said once, not for each file
    with results_folder(options.output, options.cover, options.secret), frames_bar() as progress:
        hide = _hider(options, secret_key, network, progress)
        outcomes = hide_each(plan, output_target(options), hide)
        return run_batch(plan, outcomes, _frames)


def _hider(
    options: argparse.Namespace, secret_key: "KeySource", network: "NetworkLoader", progress: "Progress"
) -> "Callable[[Path, Path, OutputTarget], Report]":
    """What hides one secret in one cover."""
    if options.method == "sealed":
        from stegnet.codec.embed import embed_file

        choices = {"compress": options.compress, "verify": not options.no_verify, "progress": progress}
        return lambda cover, secret, out: embed_file(cover, secret, out, secret_key, **choices)
    from stegnet.codec import HideOptions, hide_file

    how = HideOptions(options.longer or "refuse", not options.no_sound, not options.no_verify, force=options.force)
    return lambda cover, secret, out: hide_file(network, cover, secret, out, secret_key, how, progress=progress)


def _frames(report: "Report") -> str:
    frames = f", {report.frames} frames, {report.hidden} hidden" if report.frames > 1 else ""
    return frames if report.secret_psnr is None else f"{frames}, secret {_shown(report.secret_psnr)}"


def _shown(psnr: float) -> str:
    return "unchanged" if math.isinf(psnr) else f"{psnr:.1f} dB"
