"""Streams instead of files: `-` for standard input or output, and texts.

A program that reads a picture or film wants to look at any part of it at any time. So what comes in by a stream is
written to a temporary file first, which only its owner can read, and what goes out is written to one until it is whole.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from stegnet.cli import messages
from stegnet.core.disk import FULL, temporary_folder
from stegnet.core.errors import MediaError, renamed
from stegnet.core.remote_path import Place, place
from stegnet.results import MOST_TEXT, TEXT_NAME

STREAM = "-"
_VISIBLE = "other users of this machine can see a text on the command line; `--text -` reads it from standard input"


def place_or_stream(text: str) -> Place | str:
    """The type of an argument that may be `-`."""
    return STREAM if text == STREAM else place(text)


@contextmanager
def spooled(options: argparse.Namespace, *names: str) -> Iterator[None]:
    """Replaces each input that is `-` by a temporary file within the block, and the option `secret` by a text.

    Args:
        names: of the options that name inputs.
    Raises:
        MediaError: standard input is a terminal or can't be read, or a text is not one.
    """
    inputs = [getattr(options, name) for name in names] + [getattr(options, "text", None)]
    if inputs.count(STREAM) > 1:
        options.usage_error("only one input can be read from standard input")
    with ExitStack() as files:
        for name in names:
            if getattr(options, name) == STREAM:
                setattr(options, name, files.enter_context(_file("stdin", "standard input")))
                _spool(getattr(options, name))
        if inputs[-1] is not None:
            options.secret = files.enter_context(_file(TEXT_NAME, "the text"))
            _write_text(inputs[-1], options.secret)
        yield


def refuse_terminal() -> None:
    """Refuses to write what is no text to a terminal, or to a closed standard output."""
    if _open_output().isatty():
        raise MediaError("standard output is a terminal, and this is not a text", "name a file, or redirect the output")


def _open_output() -> TextIO:
    if sys.stdout is None:
        raise MediaError("standard output is closed", "name a file, or redirect the output")
    return sys.stdout


def copy_to_output(path: Path) -> None:
    """Copies a file to standard output; errors as `messages.stdout_errors`."""
    refuse_terminal()
    with messages.stdout_errors(), path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Prints a hidden text: to a terminal without what could control it, and on lines of its own; else as it is."""
    if _open_output().isatty():
        for line in text.removesuffix("\n").split("\n"):
            messages.result(line.replace("\t", "    "))
        return
    with messages.stdout_errors():
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


@contextmanager
def _file(name: str, called: str) -> Iterator[Path]:
    """The path of a temporary file, which errors call by what it holds."""
    with temporary_folder() as folder:
        path = folder / name
        with renamed({str(path): called}):
            yield path


def _spool(path: Path) -> None:
    """Writes all of standard input to a file."""
    if sys.stdin is None or sys.stdin.isatty():
        state = "closed" if sys.stdin is None else "a terminal"
        raise MediaError(f"standard input is {state}", "name a file, or send one by `… |` or `<`")
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        if error.errno in FULL:  # of the temporary folder
            raise
        raise MediaError(f"standard input can't be copied ({error.strerror})") from error


def _write_text(text: str, path: Path) -> None:
    if text == STREAM:
        data = sys.stdin.buffer.read(MOST_TEXT + 1) if sys.stdin is not None else b""
    else:
        messages.note(_VISIBLE)
        data = text.encode("utf-8", "surrogateescape")
    if not data:
        raise MediaError("the text is empty")
    if len(data) > MOST_TEXT:
        raise MediaError(f"the text has more than {MOST_TEXT} bytes", "hide it as a file")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise MediaError("the text is not UTF-8", "hide it as a file") from error
    path.write_bytes(data)
