"""`stegnet keygen`."""

import argparse
from pathlib import Path

from stegnet.cli import messages


def add_to(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    keygen = commands.add_parser(
        "keygen",
        help="make a key file",
        description="Make a key file: 32 random bytes that only its owner can read. Give a copy to whoever is to "
        "reveal what you hide, by a way that nobody else reads.",
    )
    keygen.add_argument("key_file", type=Path, metavar="KEY", help="file to make; never overwritten")
    keygen.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from stegnet.codec.keys import make_key_file

    make_key_file(options.key_file)
    messages.result(f"wrote {options.key_file}")
    messages.note("who has this file can reveal what it hid; who loses it can't")
    return 0
