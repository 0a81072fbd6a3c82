"""`stegnet webcam`: hides a secret in a live camera picture."""

import argparse
import re
import threading
from contextlib import closing, nullcontext
from pathlib import Path

from stegnet.api import Session
from stegnet.cli import messages, reports
from stegnet.cli.options import (
    NO_BROWSER,
    add_force_option,
    add_key_options,
    add_network_options,
    add_port_option,
    auxiliary_inputs,
    chosen_context,
    read_key_source,
)
from stegnet.cli.signals import stop_on_signal
from stegnet.core.errors import extra
from stegnet.core.names import FILM
from stegnet.keys import KEY_BYTES, SYSTEM, Key, KeySource
from stegnet.loopback import browser
from stegnet.methods.network import chosen_network
from stegnet.results import FORMS, OutputTarget

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
        from stegnet.webcam import live

    key_source, recording, report = _key_source(options), None, None
    if options.survive and not options.record:
        options.usage_error("--survive requires --record")
    context = chosen_context(options)
    if options.record:
        target = OutputTarget(options.record, options.force, auxiliary_inputs(options))
        target.check(FORMS[FILM], FILM, options.secret, Path(options.source))
        survive = {"survive": options.survive} if options.survive else {}
        recording = live.Recording(options.secret, options.record, key_source, options.force, survive)
    with live.PageServer(options.port, threading.Event(), bool(recording)) as page, stop_on_signal(page.stop.set):
        with (
            browser(page.address, "webcam") as start_browser,
            live.captured(live.open_camera(options.source, not options.once)) as camera,
            page.running(),
        ):
            view = live.LiveView(chosen_network(context), camera, live.open_secret(options.secret), options.size)
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
            where = {name: getattr(context, name) for name in ("weights", "device", "precision", "backend")}
            with messages.progress_bar() as progress:
                report = recording.hide(Session(**where, progress=progress))
    shown = page.statistics
    messages.result(f"showed {shown['shown']} frames in {shown['seconds']:.1f} s, dropped {shown['dropped']}")
    if report:
        reports.wrote(options.record, report)
    return 0


def _key_source(options: argparse.Namespace) -> KeySource:
    key_source = read_key_source(options, confirm=options.record is not None, hiding=True)
    if key_source is not None:
        return key_source
    if options.record:
        options.usage_error("--record requires a key that can be used again: --key-file or --passphrase")
    messages.note("using a random key for this session only")
    return Key(SYSTEM(KEY_BYTES))


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if not match or not all(0 < int(side) <= _MAX_SIDE for side in match.groups()):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, at most {_MAX_SIDE} each")
    return int(match[1]), int(match[2])


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a positive integer")
    return int(text)
