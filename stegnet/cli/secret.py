"""The secret key or passphrase, from where the user says; never from an argument or the environment."""

import argparse
import getpass
import os
import stat
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.cli import messages
from stegnet.core.errors import KeyFileError

if TYPE_CHECKING:
    from stegnet.codec import Key, KeySource

_MOST = 4096  # bytes of a line that are read; more is too long for a passphrase in any case


def add_secret_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    """Adds the four ways to give a key, of which one may be chosen."""
    group = command.add_argument_group("key", "exactly one of" if required else "at most one of")
    ways = group.add_mutually_exclusive_group(required=required)
    ways.add_argument("--key-file", type=Path, metavar="KEY", help="made by `stegnet keygen`")
    ways.add_argument("--passphrase", action="store_true", help="ask for a passphrase on the terminal")
    ways.add_argument("--passphrase-file", type=Path, metavar="FILE", help="the passphrase is FILE's first line")
    ways.add_argument("--passphrase-fd", type=_descriptor, metavar="N", help="the same, of file descriptor N")


def read_secret(options: argparse.Namespace, twice: bool = False, hiding: bool = False) -> "KeySource | None":
    """The key or passphrase that the options name; None for none.

    Args:
        twice: ask twice on the terminal, because a mistyped passphrase would hide a secret for good, and warn of a weak
            one.
        hiding: a missing key file can be made; what reveals needs the one that hid.
    Raises:
        KeyFileError: it can't be had.
    """
    if options.key_file is not None:
        return _key(options.key_file, hiding)
    texts = [_read_text(options, twice)]  # no traceback shall hold it: it is taken out before anything can fail
    if texts == [None]:
        return None
    from stegnet.codec import Passphrase  # here, so that the question need not wait for it

    passphrase = Passphrase(texts.pop())
    if twice and (weakness := passphrase.weakness()):
        messages.warning(weakness)
    return passphrase


def secret_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """The files that the secret comes from: no result may be written over them."""
    return tuple(path for path in (options.key_file, options.passphrase_file) if path is not None)


def _descriptor(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be the number of an open file descriptor")
    return int(text)


def _key(path: Path, hiding: bool) -> "Key":
    from stegnet.codec import read_key

    try:
        key = read_key(path)
    except KeyFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        hint = f"make one with `stegnet keygen {path}`" if hiding else "only the key that hid a secret reveals it"
        raise KeyFileError(str(error), hint) from error
    _warn_of_readers(path)
    return key


def _read_text(options: argparse.Namespace, twice: bool) -> str | None:
    if options.passphrase:
        return _ask(twice)
    if options.passphrase_file is not None:
        return _text(_from_file(options.passphrase_file))
    return None if options.passphrase_fd is None else _text(_from_descriptor(options.passphrase_fd))


def _ask(twice: bool) -> str:
    try:
        with warnings.catch_warnings():
            # getpass would go on without a terminal and show what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = getpass.getpass("Passphrase: ")
            if twice and getpass.getpass("The same again: ") != text:
                del text
                raise KeyFileError("the two passphrases differ", "nothing was done: try again")
    except (getpass.GetPassWarning, EOFError) as error:
        hint = "use --passphrase-file or --passphrase-fd"
        raise KeyFileError("there is no terminal to ask for a passphrase on", hint) from error
    except UnicodeDecodeError:
        text = None
    if text is None:  # outside of the block, for that error holds what was typed
        raise _not_text()
    return text


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.readline(_MOST)
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error
    _warn_of_readers(path)
    return line


def _from_descriptor(number: int) -> bytes:
    """Reads byte by byte, so that nothing after the line end is taken from whoever reads on."""
    line = b""
    try:
        if os.isatty(number):
            raise KeyFileError(f"descriptor {number} is a terminal, which shows what is typed", "use --passphrase")
        while not line.endswith(b"\n") and len(line) < _MOST and (byte := os.read(number, 1)):
            line += byte
    except (OSError, OverflowError) as error:
        raise KeyFileError(f"descriptor {number}: can't be read") from error
    return line


def _text(line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig")
    del line
    raise _not_text()


def _not_text() -> KeyFileError:
    return KeyFileError("the passphrase is not UTF-8 text")


def _warn_of_readers(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        messages.warning(f"{path}: others on this machine can read it; `chmod 600` stops that")
