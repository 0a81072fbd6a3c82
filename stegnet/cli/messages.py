"""All that the command line prints.

Message rules:

- what was written, or found out, goes to stdout, one line each;
- everything else goes to stderr, one line each: `error:` what is wrong, `hint:` what to do about it, `warning:`
  what has gone wrong though there is a result, `note:` what the user should know though all went well; and the
  progress bar, where stderr is a terminal;
- a line stays one line, and on the terminal does nothing but stand there: control characters in a name are escaped;
- no message holds a key, a passphrase or any part of one.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from stegnet.core.errors import MediaError, StegnetError

if TYPE_CHECKING:
    from stegnet.codec import Report


def result(line: str) -> None:
    """One line on stdout.

    Raises:
        BrokenPipeError: nobody reads it any more.
        MediaError: it can't be written.
    """
    with _readable():
        _print(line, sys.stdout)


def flush() -> None:
    """Sends out what still waits in stdout; errors as `result`."""
    with _readable():
        if sys.stdout is not None:
            sys.stdout.flush()


def wrote(path: Path, report: "Report", frames: str, name: str = "") -> None:
    """What was written, then notes and warnings.

    Args:
        frames: how many frames, as the command has it; "" for a single picture.
        name: what notes and warnings begin with, where there are several results.
    """
    size = f"{report.width}x{report.height}, " if report.width else ""
    result(f"wrote {path}: {size}{path.stat().st_size / 1e6:.2f} MB{frames}")
    for line in report.notes:
        note(name + line)
    for line in (*report.warnings, *report.trouble):
        warning(name + line)


def note(line: str) -> None:
    """What the user should know."""
    _tell(f"note: {line}")


def warning(line: str) -> None:
    """What has gone wrong though there is a result."""
    _tell(f"warning: {line}")


def error(told: StegnetError | str) -> None:
    """What is wrong, and the hint that goes with it."""
    _tell(f"error: {told}")
    if isinstance(told, StegnetError) and told.hint:
        hint(told.hint)


def hint(line: str) -> None:
    """What to do about an error."""
    _tell(f"hint: {line}")


@contextmanager
def python_warnings() -> Iterator[None]:
    """Within the block, what the library warns of is told as `warning:`."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *where, **more: warning(str(message))
        yield


def clean(text: str) -> str:
    """The text with all escaped that is not a plain character: line breaks, colours, half characters."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def silence(*streams: TextIO | None) -> None:
    """Sends what is still to be written nowhere, so that the end of the program does not stumble over it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise MediaError(f"standard output: can't be written ({error.strerror})") from error


def _tell(line: str) -> None:
    try:
        _print(line, sys.stderr)
    except BrokenPipeError:
        raise
    except OSError:  # the terminal was closed, or the disk is full: there is nowhere to tell it
        silence(sys.stderr)


def _print(line: str, stream: TextIO | None) -> None:
    if stream is None:  # closed by whoever started the program
        return
    encoding = stream.encoding or "utf-8"
    print(clean(line).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
