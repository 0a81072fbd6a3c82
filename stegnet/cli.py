"""The command line: it parses, calls, and prints.

Message rules:

- what was written goes to stdout, one line;
- everything else goes to stderr, one line each: `error:` what is wrong, `hint:` what to do about it, `note:`
  what the user should know though all went well; and the progress bar, where stderr is a terminal;
- no message holds a key or any part of one;
- exit codes: 0 done, 1 an error the user can do something about, 2 the command line itself is wrong,
  130 interrupted, 143 terminated. Whatever ends a run early leaves no half file.
"""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from stegnet import __version__
from stegnet.errors import StegnetError

if TYPE_CHECKING:
    from stegnet.codec import Report
    from stegnet.codec.film import Progress


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        with _terminable():
            options.run(options)
    except StegnetError as error:
        print(error.told(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 0


def run() -> None:
    """The entry point of the `stegnet` command."""
    sys.exit(main())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stegnet", description="Hide a picture in a picture, or a film in a film, and bring it back."
    )
    parser.add_argument("--version", action="version", version=f"stegnet {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_hide(commands)
    _add_reveal(commands)
    keygen = commands.add_parser("keygen", help="make a key file", description="Make a key file.")
    keygen.add_argument("key_file", type=Path, metavar="KEY", help="file to make; never overwritten")
    keygen.set_defaults(run=_keygen)
    return parser


def _add_hide(commands: argparse._SubParsersAction) -> None:
    hide = commands.add_parser(
        "hide",
        help="hide SECRET in COVER",
        description="Hide SECRET in COVER: two pictures, or two films. Transparent parts are seen over white.",
    )
    hide.add_argument("cover", type=Path, metavar="COVER", help="picture or film to hide in; it is not changed")
    hide.add_argument("secret", type=Path, metavar="SECRET", help="picture or film to hide")
    _add_common(hide)
    hide.add_argument(
        "--longer",
        choices=("refuse", "cut"),
        default="refuse",
        help="a secret of more frames than its cover is refused, or cut (default: refuse)",
    )
    hide.set_defaults(run=_hide)


def _add_reveal(commands: argparse._SubParsersAction) -> None:
    reveal = commands.add_parser(
        "reveal", help="bring the secret back", description="Bring back the picture or film hidden in CONTAINER."
    )
    reveal.add_argument("container", type=Path, metavar="CONTAINER", help="what `stegnet hide` wrote")
    _add_common(reveal)
    reveal.set_defaults(run=_reveal)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="file to write: .png or .mkv")
    command.add_argument("--key-file", type=Path, required=True, metavar="KEY", help="made by `stegnet keygen`")
    command.add_argument("--weights", type=Path, metavar="FILE", help="weights file in the place of the shipped one")
    command.add_argument("--force", action="store_true", help="overwrite OUT")


def _hide(options: argparse.Namespace) -> None:
    from stegnet.codec import hide_file  # here, so that --help need not wait for it

    with _bar() as progress:
        report = hide_file(
            options.cover,
            options.secret,
            options.output,
            options.key_file,
            **_weights(options),
            longer=options.longer,
            force=options.force,
            progress=progress,
        )
    _tell(options.output, report, f", {report.frames} frames, {report.hidden} hidden" if report.frames > 1 else "")


def _reveal(options: argparse.Namespace) -> None:
    from stegnet.codec import reveal_file

    with _bar() as progress:
        report = reveal_file(
            options.container,
            options.output,
            options.key_file,
            **_weights(options),
            force=options.force,
            progress=progress,
        )
    _tell(options.output, report, f", {report.frames} frames" if report.frames > 1 else "")


def _keygen(options: argparse.Namespace) -> None:
    from stegnet.codec.keys import make_key_file

    make_key_file(options.key_file)
    print(f"wrote {options.key_file}")
    print("note: who has this file can reveal what it hid; who loses it can't", file=sys.stderr)


def _weights(options: argparse.Namespace) -> dict[str, Path]:
    return {} if options.weights is None else {"weights": options.weights}


def _tell(path: Path, report: "Report", frames: str) -> None:
    size = f"{report.width}x{report.height}, {path.stat().st_size / 1e6:.2f} MB"
    print(f"wrote {path}: {size}{frames}")
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)


@contextmanager
def _bar() -> Iterator["Progress"]:
    """A progress bar on stderr, where that is a terminal; it shows from the first frame on."""
    from tqdm import tqdm

    with tqdm(disable=None, delay=1e-9, unit="frame", dynamic_ncols=True, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


@contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM and a closed terminal end the run as an exception does, so that no half file is left."""
    before = {number: signal.signal(number, _terminate) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    run()
