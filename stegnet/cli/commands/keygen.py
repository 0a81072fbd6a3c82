"""`stegnet keygen`: key files, passphrases, and codes that transfer a key to a phone."""

import argparse
import sys
from io import BytesIO
from pathlib import Path

from stegnet.cli import messages
from stegnet.cli.exit_codes import ExitCode
from stegnet.core.disk import local_path
from stegnet.core.errors import KeyFileError
from stegnet.keys import guessing_time, make_identity_file, make_key_file, random_words, shown_text, write_new

_TERMINAL = "-"  # value of --qr: the terminal instead of a file
DESCRIPTION = """\
Generate a key file: a line of text, readable only by you. Whoever is to reveal
what you hide needs a copy; send it over a confidential channel. With
--passphrase-words, print a passphrase instead. With --identity, whoever has the
printed recipient can hide for you, and only you, with KEY, can reveal.
"""


def add_arguments(keygen: argparse.ArgumentParser) -> None:
    """Add the key file and the kinds of secrets to generate or show."""
    keygen.add_argument("key_file", nargs="?", type=local_path, metavar="KEY", help="file to write; never overwritten")
    ways = keygen.add_mutually_exclusive_group()
    ways.add_argument(
        "--identity", action="store_true", help="generate an identity instead, and print its recipient: its public key"
    )
    ways.add_argument(
        "--show",
        action="store_true",
        help="print an existing KEY (of an identity: its recipient), or with --qr its code",
    )
    ways.add_argument(
        "--passphrase-words",
        type=_count,
        metavar="N",
        help="print N random words of the EFF's list, such as 6; --passphrase-file reads them",
    )
    keygen.add_argument(
        "--qr",
        nargs="?",
        type=local_path,
        const=Path(_TERMINAL),
        metavar="CODE",
        help="also show the key as a QR code in the terminal, or write it to CODE.png or CODE.svg",
    )


def execute(options: argparse.Namespace) -> int:
    """Generate a key, an identity or a passphrase, or show an existing key as text or QR code."""
    _check(options)
    path = options.key_file
    if options.passphrase_words:
        text, bits = random_words(options.passphrase_words)
        time = guessing_time(bits)
        messages.result(text)
        messages.note(f"{int(bits)} random bits: a thousand processor cores would guess at it for {time}")
        messages.note("the hyphens are part of the passphrase")
        return ExitCode.SUCCESS
    if options.identity:
        recipient = make_identity_file(path)
        messages.result(f"wrote {path}")
        messages.result(f"recipient: {recipient}")
        messages.note(
            "give the recipient to anyone, and the file to nobody: it reveals what is hidden for the recipient"
        )
    elif not options.show:
        make_key_file(path)
        messages.result(f"wrote {path}")
        messages.note("anyone with this file can reveal what is hidden with it; without it, nobody can")
    if options.qr is not None:
        _show_code(path, options.qr)
    elif options.show:
        messages.result(shown_text(path))
    return ExitCode.SUCCESS


def _check(options: argparse.Namespace) -> None:
    """Reject options that do not go together, and a code that could not be shown."""
    if options.passphrase_words and (options.key_file or options.qr):
        options.usage_error("--passphrase-words prints a passphrase, without KEY or --qr")
    in_terminal = str(options.qr) == _TERMINAL
    if options.qr and not in_terminal and options.qr.suffix.lower() not in (".png", ".svg"):
        options.usage_error("argument --qr: CODE must end in .png or .svg; for the terminal, put --qr after KEY")
    if options.key_file is None and not options.passphrase_words:
        options.usage_error("the following arguments are required: KEY")
    if in_terminal and not sys.stdout.isatty():
        raise KeyFileError("there is no terminal to show the code in", "`--qr code.png` writes it to a file")


def _show_code(key_file: Path, out: Path) -> None:
    """Show a key as a QR code in the terminal, or write it to a picture, readable by its owner only."""
    import segno  # takes 30 ms, and only --qr needs it

    code = segno.make_qr(shown_text(key_file))
    if str(out) == _TERMINAL:
        messages.code(code)
    else:
        pixels = 8  # of a PNG for each module of the code
        content = BytesIO()
        code.save(content, kind=out.suffix[1:].lower(), scale=pixels)
        write_new(out, content.getvalue())
        messages.result(f"wrote {out}")
    messages.note("anyone who sees the code of a key has the key; that of a recipient is public")


def _count(text: str) -> int:
    least = 4
    most = 32
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"must be from {least} to {most}; six are strong")
    return int(text)
