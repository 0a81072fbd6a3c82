"""`stegnet info`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.bar import frames_bar
from stegnet.cli.batch import ALTERED
from stegnet.cli.secret import add_secret_options, read_secret

if TYPE_CHECKING:
    from stegnet.codec.info import Value

_DESCRIPTION = """\
Say what FILE is, and how much can be hidden in it. Without a key only what
anyone can see is told, and nothing more is looked for. With the key: what is
hidden in FILE, and whether FILE is still as it was then.
"""
_EPILOG = """\
The exit code is 3 if something is hidden but FILE is not as it was then.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    info = commands.add_parser(
        "info",
        help="say what a file is, and with the key what is hidden in it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    info.add_argument("file", type=Path, metavar="FILE", help="picture or film")
    add_secret_options(info, required=False)
    info.add_argument("--json", action="store_true", help="one JSON object in the place of lines `name: value`")
    info.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    secret_key = read_secret(options)
    from stegnet.codec.info import file_info  # here, so that --help need not wait for it

    with frames_bar() as progress:
        found = file_info(options.file, secret_key, progress)
    if options.json:
        messages.result(json.dumps(found))
    else:
        for name, value in found.items():
            messages.result(f"{name.replace('_', ' ')}: {_shown(value)}")
    return ALTERED if found.get("whole") is False else 0


def _shown(value: "Value") -> str:
    if isinstance(value, list):
        return "; ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
