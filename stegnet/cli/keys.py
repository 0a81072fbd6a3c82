"""Key options of the commands.

A key or passphrase is never an argument itself, nor is it read from the environment: other users could see it.
"""

import argparse
import getpass
import os
import stat
import warnings
from contextlib import suppress
from pathlib import Path

from stegnet.cli import messages
from stegnet.core.errors import KeyFileError
from stegnet.keys import Key, KeySource, Passphrase, read_identity, read_key, read_recipient

_MAX_LINE = 4096  # bytes read of a passphrase's line; a longer one is too long for a passphrase anyway

_NOT_TEXT = "the passphrase is not UTF-8 text"


def add_key_options(
    command: argparse.ArgumentParser, required: bool = True, *, recipient: bool = False, identity: bool = False
) -> None:
    """Adds the mutually exclusive options that name a key or passphrase; `--recipient` hides, `--identity` reveals."""
    group = command.add_argument_group(f"key, {'exactly' if required else 'at most'} one of")
    ways = group.add_mutually_exclusive_group(required=required)
    ways.add_argument("--key-file", type=Path, metavar="KEY", help="key file made by `stegnet keygen`")
    ways.add_argument("--passphrase", action="store_true", help="prompt for a passphrase instead of a key file")
    ways.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase from FILE's first line")
    ways.add_argument("--passphrase-fd", type=_descriptor, metavar="N", help="read it from file descriptor N")
    if recipient:
        text = "hide for the holder of this public key (stegnet1… or its file)"
        ways.add_argument("--recipient", metavar="PUBLIC", help=text)
    if identity:
        text = "identity file made by `stegnet keygen --identity`, for what was hidden for its recipient"
        ways.add_argument("--identity", type=Path, metavar="ID", help=text)


def read_key_source(options: argparse.Namespace, confirm: bool = False, hiding: bool = False) -> KeySource | None:
    """Returns the key or passphrase that the options name, None if they name none.

    Args:
        confirm: prompt twice, because a mistyped passphrase would lose the secret for good, and warn of a weak one.
        hiding: a missing key file can be generated; to reveal, only the original one helps.
    Raises:
        KeyFileError: it can't be read, or is not valid.
    """
    if options.key_file is not None:
        return _read_key_file(options.key_file, hiding)
    if getattr(options, "recipient", None) is not None:
        return read_recipient(options.recipient)
    if getattr(options, "identity", None) is not None:
        identity = read_identity(options.identity)
        _warn_if_others_can_read(options.identity)
        return identity
    texts = []  # emptied below: no traceback may show the passphrase
    if options.passphrase:
        texts.append(_prompt(confirm))
    elif options.passphrase_file is not None:
        texts.append(_decode(_read_file(options.passphrase_file)))
    elif options.passphrase_fd is not None:
        texts.append(_decode(_read_descriptor(options.passphrase_fd)))
    else:
        return None
    passphrase = Passphrase(texts.pop())
    if confirm and (weakness := passphrase.weakness()):
        messages.warning(weakness)
    return passphrase


def key_files(options: argparse.Namespace) -> tuple[Path, ...]:
    """Returns the files that hold the key or passphrase; a result must not overwrite them."""
    paths = options.key_file, options.passphrase_file, getattr(options, "identity", None)
    return tuple(path for path in paths if path is not None)


def _descriptor(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be the number of an open file descriptor")
    return int(text)


def _read_key_file(path: Path, hiding: bool) -> Key:
    try:
        key = read_key(path)
    except KeyFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        hint = f"generate one with `stegnet keygen {path}`" if hiding else "only the key used to hide can reveal"
        raise KeyFileError(str(error), hint) from error
    _warn_if_others_can_read(path)
    return key


def _prompt(confirm: bool) -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal getpass would only warn, and echo what is typed.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = getpass.getpass("Passphrase: ")
            if confirm and getpass.getpass("Repeat passphrase: ") != text:
                del text
                raise KeyFileError("the passphrases do not match", "nothing was written; try again")
    except (getpass.GetPassWarning, EOFError) as error:
        hint = "use --passphrase-file or --passphrase-fd"
        raise KeyFileError("there is no terminal to prompt for a passphrase", hint) from error
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised outside of the block: the decoding error contains what was typed
        raise KeyFileError(_NOT_TEXT)
    return text


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_LINE)
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read ({error.strerror})") from error
    _warn_if_others_can_read(path)
    return line


def _read_descriptor(number: int) -> bytes:
    """Reads one line byte by byte, so that what follows it stays for other readers."""
    line = b""
    try:
        if os.isatty(number):
            hint = "use --passphrase"
            raise KeyFileError(f"descriptor {number} is a terminal, which would echo the passphrase", hint)
        messages.make_blocking(number)
        while not line.endswith(b"\n") and len(line) < _MAX_LINE and (byte := os.read(number, 1)):
            line += byte
    except (OSError, OverflowError) as error:
        raise KeyFileError(f"descriptor {number}: can't be read") from error
    return line


def _decode(line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig")
    del line
    raise KeyFileError(_NOT_TEXT)


def _warn_if_others_can_read(path: Path) -> None:
    mode = path.stat().st_mode if os.name == "posix" else 0  # elsewhere, it does not say who can read
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        messages.warning(f"{path}: other users can read this file; `chmod 600` prevents that")
