"""`stegnet webcam`: hides a secret in a live camera picture."""

import argparse
import re
import threading
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.api import Session
from stegnet.cli import messages
from stegnet.cli.keys import add_key_options, read_key_source
from stegnet.cli.options import (
    NO_BROWSER,
    add_force_option,
    add_network_options,
    add_port_option,
    auxiliary_inputs,
    chosen_context,
)
from stegnet.cli.signals import stop_on_signal
from stegnet.core.errors import extra
from stegnet.core.kinds import FILM
from stegnet.keys import KEY_BYTES, SYSTEM, Key, KeySource
from stegnet.loopback import browser
from stegnet.methods import Context
from stegnet.methods.network_reveal import chosen_network
from stegnet.results import FORMS, OutputTarget, Report

if TYPE_CHECKING:
    from stegnet.webcam.live import Recording
    from stegnet.webcam.server import Statistics

_MAX_SIDE = 4096
DESCRIPTION = """\
Hide SECRET in a live camera picture, and reveal it again from the container. A
local web page shows cover, container, secret and revealed secret. Its address
contains a random token, without which nobody can watch.

SECRET is a picture, or a film, which is looped without its sound; it is scaled
down to fit the camera picture. Frames are dropped and counted if the machine
is too slow. Ctrl-C or the page's button ends the session and completes the
recording: SECRET is hidden in the camera's film as by `stegnet hide`, or, with
--survive, as by `stegnet hide --survive`. Until then, that film is kept without
loss next to OUT; it stays there if hiding fails.
"""


def add_arguments(webcam: argparse.ArgumentParser) -> None:
    """Adds its arguments."""
    webcam.add_argument("secret", type=Path, metavar="SECRET", help="picture or film to hide")
    webcam.add_argument(
        "--source",
        default="0",
        metavar="CAMERA",
        help="a camera's number, device or address, or a film file (default: 0)",
    )
    webcam.add_argument("--size", type=_size, metavar="WxH", help="scale and crop the camera picture, e.g. to 640x360")
    webcam.add_argument("--once", action="store_true", help="do not loop a film used as camera")
    webcam.add_argument("--frames", type=_positive, metavar="N", help="end after N frames")
    webcam.add_argument("--record", type=Path, metavar="OUT", help="also write the container: .mkv or .mp4")
    webcam.add_argument(
        "--survive",
        metavar="CHANNEL",
        help="with --record: hide SECRET in the recording when it ends, so that it survives h264:CRF, such as h264:23",
    )
    add_force_option(webcam)
    add_port_option(webcam)
    webcam.add_argument("--open", action="store_true", help="open the page in a browser")
    add_key_options(webcam, required=False)
    add_network_options(webcam)


def execute(options: argparse.Namespace) -> int:
    with extra("media", "stegnet webcam"):
        from stegnet.webcam import capture, live, server

    key_source, report = _key_source(options), None
    _check_output(options)
    recording, context = None, chosen_context(options)
    if options.record:
        survive = {"survive": options.survive} if options.survive else {}
        recording = live.Recording(options.secret, options.record, key_source, options.force, survive)
    with server.PageServer(options.port, threading.Event(), bool(recording)) as page, stop_on_signal(page.stop.set):
        with (
            browser(page.address, "webcam") as start_browser,
            capture.captured(capture.open_camera(options.source, not options.once)) as camera,
            page.running(),
        ):
            view = live.LiveView(chosen_network(context), camera, capture.open_secret(options.secret), options.size)
            with (
                recording.film(view) if recording else nullcontext() as film,
                closing(view.frames(page.stop, options.frames)) as frames,
            ):
                messages.result(f"watch {page.address}")
                if options.open and not start_browser():
                    messages.note(NO_BROWSER)
                for frame in frames:
                    page.show(frame, camera.count)
                    if film:
                        film.write(frame.cover, frame.stamp * live.MILLISECOND)
        if recording:
            report = _hide(recording, context)
    _print_summary(options.record, page.statistics, report)
    return 0


def _hide(recording: "Recording", context: Context) -> Report:
    where = {name: getattr(context, name) for name in ("weights", "device", "precision", "backend")}
    with messages.progress_bar() as progress:
        return recording.hide(Session(**where, progress=progress))


def _key_source(options: argparse.Namespace) -> KeySource:
    key_source = read_key_source(options, confirm=options.record is not None, hiding=True)
    if key_source is not None:
        return key_source
    if options.record:
        options.usage_error("--record requires a key that can be used again: --key-file or --passphrase")
    messages.note("using a random key for this session only")
    return Key(SYSTEM(KEY_BYTES))


def _check_output(options: argparse.Namespace) -> None:
    if options.survive and not options.record:
        options.usage_error("--survive requires --record")
    if options.record:
        target = OutputTarget(options.record, options.force, auxiliary_inputs(options))
        target.check(FORMS[FILM], FILM, options.secret, Path(options.source))


def _print_summary(record: Path | None, statistics: "Statistics", report: Report | None) -> None:
    frames, dropped = statistics["shown"], statistics["dropped"]
    messages.result(f"showed {frames} frames in {statistics['seconds']:.1f} s, dropped {dropped}")
    if report:
        messages.wrote(record, report, f", {report.frames} frames")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if not match or not all(0 < int(side) <= _MAX_SIDE for side in match.groups()):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, at most {_MAX_SIDE} each")
    return int(match[1]), int(match[2])


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a positive integer")
    return int(text)
