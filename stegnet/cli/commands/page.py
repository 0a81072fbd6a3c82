"""`stegnet page`: writes the page that hides and reveals in a browser, for whoever has no stegnet."""

import argparse

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.cli.options import add_output_options
from stegnet.cli.parser import Parser
from stegnet.core.disk import atomic_write
from stegnet.core.names import shown_size
from stegnet.gui.one_page import one_page
from stegnet.results import OutputTarget

DESCRIPTION = """\
Write one HTML file that hides and reveals, for a friend who has no stegnet. It
opens in a browser by a double click, from a disk, a stick or an attachment,
and needs no network: it contacts nobody.

It hides files in JPEGs and PNGs, and reveals them with a key file, passphrase
or identity, also from pictures that a messenger saved again. It opens no films
and sounds, nor what networks hid.
"""
_SUFFIXES = (".html", ".htm")


def add_arguments(page: Parser) -> None:
    """Add the output options."""
    add_output_options(page, "HTML file, such as stegnet.html")


def execute(options: argparse.Namespace) -> int:
    """Write the page."""
    out = options.output
    OutputTarget(out, options.force).check(_SUFFIXES, "page")
    content = one_page().encode()
    with atomic_write(out, overwrite=options.force) as part:
        part.write_bytes(content)
    messages.result(f"wrote {out}: {shown_size(len(content))}")
    messages.note("a browser opens it, Chromium or Firefox; send keys and passphrases another way")
    return ExitCode.SUCCESS
