"""`stegnet info`: describes a file and, with the key, its hidden content."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.cli.keys import add_key_options, read_key_source

if TYPE_CHECKING:
    from stegnet.codec.info import Value

_DESCRIPTION = """\
Describe FILE and how much can be hidden in it. Without a key, only what anyone
can see is printed, and nothing hidden is looked for. With the key, also what is
hidden in FILE, and whether FILE was altered since hiding.
"""
_EPILOG = """\
The exit code is 3 if something is hidden but FILE was altered since hiding.
"""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    info = commands.add_parser(
        "info",
        help="describe a file and, with the key, its hidden content",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    info.add_argument("file", type=Path, metavar="FILE", help="picture or film")
    add_key_options(info, required=False)
    info.add_argument("--json", action="store_true", help="print one JSON object instead of `name: value` lines")
    info.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    key_source = read_key_source(options)
    from stegnet.codec.info import file_info  # imported here to keep --help fast

    with messages.progress_bar() as progress:
        found = file_info(options.file, key_source, progress)
    if options.json:
        messages.result(json.dumps(found))
    else:
        for name, value in found.items():
            messages.result(f"{name.replace('_', ' ')}: {_as_text(value)}")
    return messages.ALTERED if found.get("whole") is False else 0


def _as_text(value: "Value") -> str:
    if isinstance(value, list):
        return "; ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
