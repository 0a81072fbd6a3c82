"""`stegnet webcam`."""

import argparse
import re
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.bar import frames_bar
from stegnet.cli.options import add_network_options, inputs_of, network_loader
from stegnet.cli.secret import add_secret_options, read_secret
from stegnet.cli.signals import asked_to_end

if TYPE_CHECKING:
    from stegnet.codec import KeySource
    from stegnet.webcam.view import Figures

_MOST_PORT = 65_535
_MOST_SIDE = 4096
_DESCRIPTION = """\
Hide SECRET in what a camera sees, live, and reveal it again from the container.
A page on this machine shows cover, container, secret and what was revealed. Its
address holds a random token: nobody without it can look.

SECRET is a picture, or a film that is repeated, without its sound; one larger
than the camera's picture is made smaller. Frames for which there is no time are
dropped and counted. Ctrl-C or the page's button ends it; a recording is then
made whole, and `stegnet reveal` opens it. Until then it takes room twice beside
OUT.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    webcam = commands.add_parser(
        "webcam",
        help="hide SECRET in a live camera, and watch",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    webcam.add_argument("secret", type=Path, metavar="SECRET", help="picture or film to hide")
    webcam.add_argument(
        "--source",
        default="0",
        metavar="CAMERA",
        help="number, device or address of a camera, or a film in its place (default: 0)",
    )
    webcam.add_argument("--size", type=_size, metavar="WxH", help="bring the camera's picture to this size: 640x360")
    webcam.add_argument("--once", action="store_true", help="end with a film in the camera's place; do not repeat it")
    webcam.add_argument("--frames", type=_count, metavar="N", help="end after N frames")
    webcam.add_argument("--record", type=Path, metavar="OUT", help="write the container too: .mkv or .mp4")
    webcam.add_argument("--force", action="store_true", help="overwrite what is there; an input never is")
    webcam.add_argument("--port", type=_port, default=0, metavar="N", help="of the page (default: 0, any free one)")
    webcam.add_argument("--open", action="store_true", help="open the page in a browser")
    add_secret_options(webcam, required=False)
    add_network_options(webcam)
    webcam.set_defaults(run=_run, refuse=webcam.error)


def _run(options: argparse.Namespace) -> int:
    from stegnet.core.errors import extra  # here, so that --help need not wait for it

    with extra("media", "stegnet webcam"):
        from stegnet.webcam.server import Site
        from stegnet.webcam.session import SessionOptions, run

    secret_key = _key(options)
    _check_place(options)
    wishes = SessionOptions(
        options.source, options.size, not options.once, options.frames, options.record, overwrite=options.force
    )
    with (
        Site(options.port, threading.Event()) as site,
        _page(site.address, options.open) as show,
        asked_to_end(site.stop.set),
        frames_bar() as progress,
    ):
        figures = run(wishes, options.secret, network_loader(options), secret_key, site, show, progress)
    _tell_end(options.record, figures)
    return 0


def _key(options: argparse.Namespace) -> "KeySource":
    secret_key = read_secret(options, twice=options.record is not None, hiding=True)
    if secret_key is not None:
        return secret_key
    if options.record:
        options.refuse("--record needs a key that outlives the session: --key-file or --passphrase")
    from stegnet.codec.keys import KEY_BYTES, SYSTEM, Key

    messages.note("the key is a random one, for this session alone")
    return Key(SYSTEM(KEY_BYTES))


def _check_place(options: argparse.Namespace) -> None:
    if options.record:
        from stegnet.codec.output import FORMS, OutputTarget
        from stegnet.media import FILM

        place = OutputTarget(options.record, options.force, inputs_of(options))
        place.check(FORMS[FILM], FILM, options.secret, Path(options.source))


@contextmanager
def _page(address: str, opened: bool) -> Iterator[Callable[[], None]]:
    """Gives what tells where the page is, and opens it if so wished.

    A browser gets the name of a file of ours that leads to the page: what a program is started with, others can see.
    """
    with tempfile.TemporaryDirectory() as folder:

        def show() -> None:
            messages.result(f"watch {address}")
            if opened:
                leads = Path(folder) / "webcam.html"
                leads.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">')
                if not webbrowser.open(leads.as_uri()):
                    messages.note("no browser could be started: open the address yourself")

        yield show


def _tell_end(record: Path | None, figures: "Figures") -> None:
    frames = figures.get("shown", 0)
    messages.result(f"showed {frames} frames in {figures.get('seconds', 0):.1f} s, dropped {figures.get('dropped', 0)}")
    if record:
        from stegnet.codec import Report

        messages.wrote(record, Report(figures["width"], figures["height"]), f", {frames} frames, {frames} hidden")


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if not found or not all(0 < int(side) <= _MOST_SIDE for side in found.groups()):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT in pixels, at most {_MOST_SIDE} each")
    return int(found[1]), int(found[2])


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_MOST_PORT}")
    return int(text)
