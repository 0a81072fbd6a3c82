"""Everything the command line prints, lines and progress bars, and its standard streams.

Message rules:

- results go to stdout, one line each;
- how easily a container is found is the first line, on stderr, before the work where it is known by then;
- everything else goes to stderr, one line each: `error:` what is wrong, `hint:` how to fix it, `warning:` something
  went wrong but there is a result, `note:` worth knowing although all went well; and progress bars, if stderr is a
  terminal;
- a message stays on one line and cannot control the terminal: control characters in names are escaped;
- no message contains a key, a passphrase or any part of one.

`-` as a file is standard input or output. A program that reads a picture or film needs random access to it. So input
from a stream is first written to a temporary file that only its owner can read, and output goes to such a file until it
is complete.
"""

import io
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from stegnet.channels.destinations import MESSENGER
from stegnet.core.disk import FULL, temporary_folder
from stegnet.core.errors import ConfigError, MediaError, StegnetError, called
from stegnet.core.names import MOST_TEXT, STANDARD_INPUT, printable
from stegnet.core.remote_path import Place, place
from stegnet.core.text import Aside, CommandLine, Setting, Text, shown

_PHASES = {
    "open": "opening",
    "reduce": "reducing the cover",
    "try": "trying what survives",
    "compare": "comparing two ways",
    "compress": "compressing",
    "search": "searching for motion",
    "hide": "hiding",
    "check files": "checking",
    "hide files": "hiding",
    "reveal files": "revealing",
    "verify": "verifying",
    "check": "checking",
    "hide tiles": "hiding",
    "measure tiles": "checking",
    "reveal tiles": "revealing",
    "reveal": "revealing",
    "enhance": "enhancing",
    "convert": "converting",
    "seal": "sealing",
    "write": "writing",
}
STREAM = "-"

if TYPE_CHECKING:
    from segno import QRCode
    from tqdm import tqdm

    from stegnet.core.parallel import Progress


def result(line: str) -> None:
    """Print one line on stdout; errors are those of `stdout_errors`."""
    with stdout_errors():
        _print(line, sys.stdout)


def code(qr: "QRCode") -> None:
    """Print a QR code on the terminal, white on black whatever the terminal's colours."""
    with stdout_errors(), io.StringIO() as drawn:
        qr.terminal(drawn, compact=True)
        for line in drawn.getvalue().splitlines():
            print(f"\033[97;40m{line}\033[0m", file=sys.stdout, flush=True)


def flush() -> None:
    """Flush stdout."""
    with stdout_errors():
        if sys.stdout is not None:
            sys.stdout.flush()


def verdict(output: object, line: str) -> None:
    """Print a line on how easily a container is found on stderr."""
    _print_stderr(shown(Text(f"{output}: ", line), option_of))


def note(line: str) -> None:
    """Print a line as `note:` on stderr."""
    _print_stderr(f"note: {shown(line, option_of)}")


def warning(line: str) -> None:
    """Print a line as `warning:` on stderr."""
    _print_stderr(f"warning: {shown(line, option_of)}")


def error(message: StegnetError | str) -> None:
    """Print an `error:` and its `hint:`, if it has one; a parameter is shown as its option."""
    if isinstance(message, ConfigError) and message.parameter:
        option = f"{flag(message.parameter)} {message.value}".strip()
        _print_stderr(f"error: {option}: {message.problem}")
    else:
        _print_stderr(f"error: {message}")
    if isinstance(message, StegnetError) and message.hint:
        hint(message.hint)


def hint(line: str) -> None:
    """Print a line as `hint:` on stderr."""
    _print_stderr(f"hint: {shown(line, option_of)}")


def option_of(setting: Setting) -> str:
    """Return the option for a setting that a message of the library names."""
    if isinstance(setting, CommandLine):
        return str(setting)
    if setting == Setting("survive", MESSENGER):
        return f"`--for {MESSENGER}`"  # which is shorter, and what help shows
    option = flag(setting.name, negated=setting.value is False)
    spelled = f"`{option}`" if isinstance(setting.value, bool) else f"`{option} {setting.value}`"
    return f" ({spelled})" if isinstance(setting, Aside) else spelled


def listed(names: Sequence[str]) -> str:
    """Return names in a list; many are cut short."""
    most = 5
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def flag(name: str, negated: bool = False) -> str:
    """Return the option for a parameter; if negated, the option that turns it off."""
    # The library uses the parameter names of the Python API.
    spelled = {"overwrite": "--force", "to": "-o", "enough": "--spread"}
    if name in spelled:
        return spelled[name]
    words = name.replace("_", "-")
    if not negated:
        return f"--{words}"
    return "--exact" if name == "compress" else f"--no-{words}"


@contextmanager
def python_warnings() -> Iterator[None]:
    """Print Python warnings as `warning:` lines within the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *where, **more: warning(str(message))
        yield


def silence(*streams: TextIO | None) -> None:
    """Redirect streams to the null device, so that flushing them at exit can't fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:
            os.dup2(null, stream.fileno())
    os.close(null)


def make_blocking(descriptor: int) -> None:
    """Make reads and writes wait, even if another program left a pipe non-blocking.

    An empty pipe would seem to have ended.
    """
    if os.name == "posix" and not os.get_blocking(descriptor):
        os.set_blocking(descriptor, True)


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """Yield a callback for work on frames or tiles. Each phase has a bar of its own, shown from its first call.

    Without a terminal, the callback does nothing.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda phase, done, total: None
        return
    shown = _ProgressBar()
    try:
        yield shown.update
    finally:
        shown.close()


class _ProgressBar:
    """Progress bar of the current phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._bar: tqdm[NoReturn] | None = None

    def update(self, phase: str, done: int, total: int) -> None:
        """Show the progress of a phase; the callback of `progress_bar`."""
        shown = self._bar
        if shown is None or phase != self._phase or done < shown.n or bool(total) != bool(shown.total):
            self.close()
            self._phase = phase
            shown = self._bar = self._of_phase(phase, done, total)
        elif done == shown.n:
            shown.refresh()  # the time goes on
        shown.update(done - shown.n)

    def _of_phase(self, phase: str, done: int, total: int) -> "tqdm[NoReturn]":
        """Return the bar of a phase. That of one of several has its number, since its time is not the job's."""
        name = _PHASES.get(phase, phase)
        unit = {"tiles": "tile", "files": "file"}.get(phase.rpartition(" ")[2], "frame")
        number = getattr(phase, "number", 0)
        if number:
            name = f"step {number} of {getattr(phase, 'last', 0)}: {name}"
        if not (done or total):
            return bar(name, unit, total, "{desc} [{elapsed}]")
        if number and total:
            return bar(name, unit, total, "{l_bar}{bar}| {n_fmt}/{total_fmt} [this step: {elapsed}, {remaining} left]")
        return bar(name, unit, total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def bar(name: str, unit: str, total: int, form: str | None = None) -> "tqdm[NoReturn]":
    """Return a progress bar, which shows nothing without a terminal."""
    from tqdm import tqdm  # imported here to keep --help fast

    return tqdm(
        desc=name,
        unit=unit,
        total=total or None,
        disable=None,  # without a terminal
        dynamic_ncols=True,
        leave=False,
        bar_format=form,
    )


@contextmanager
def stdout_errors() -> Iterator[None]:
    """Handle errors of writing to stdout.

    Raises:
        BrokenPipeError: the other end is closed.
        MediaError: stdout can't be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        raise MediaError(f"standard output: can't be written ({error.strerror})") from error


def _print_stderr(line: str) -> None:
    try:
        _print(line, sys.stderr)
    except BrokenPipeError:
        raise
    except OSError:  # the terminal was closed, or the disk is full: there is nowhere left to print
        silence(sys.stderr)


def _print(line: str, stream: TextIO | None) -> None:
    if stream is None:  # closed by the parent process
        return
    encoding = stream.encoding or "utf-8"
    print(printable(line).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def place_or_stream(text: str) -> Place | str:
    """Return an argument that may be `-` as a place or stream; for argparse's `type`."""
    return STREAM if text == STREAM else place(text)


@contextmanager
def spooled(source: Place | str) -> Iterator[Place]:
    """Yield an input; for STREAM, a temporary file to which standard input is copied.

    Raises:
        MediaError: standard input is a terminal, or can't be read.
    """
    if not isinstance(source, str):
        yield source
        return
    with named_file(STANDARD_INPUT, "standard input") as path:
        _spool(path)
        yield path


def refuse_terminal() -> None:
    """Raise MediaError if standard output is a terminal, for anything but text, or is closed."""
    if _open_output().isatty():
        raise MediaError("standard output is a terminal, and this is not a text", "name a file, or redirect the output")


def _open_output() -> TextIO:
    if sys.stdout is None:
        raise MediaError("standard output is closed", "name a file, or redirect the output")
    return sys.stdout


def copy_to_output(path: Path) -> None:
    """Copy a file to standard output, which must not be a terminal; errors are those of `stdout_errors`."""
    refuse_terminal()
    with stdout_errors(), path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def print_text(text: str) -> None:
    """Print a hidden text: on a terminal, line by line and without control characters; otherwise unchanged."""
    if _open_output().isatty():
        for line in text.removesuffix("\n").split("\n"):
            result(line.replace("\t", "    "))
        return
    with stdout_errors():
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


@contextmanager
def named_file(file: str, name: str) -> Iterator[Path]:
    """Yield the path of a temporary file, which errors call `name`."""
    with temporary_folder() as folder:
        path = folder / file
        with called(name, path):
            yield path


def _spool(path: Path) -> None:
    """Write all of standard input to a file."""
    if sys.stdin is None or sys.stdin.isatty():
        state = "closed" if sys.stdin is None else "a terminal"
        raise MediaError(f"standard input is {state}", "name a file, or send one by `… |` or `<`")
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        if error.errno in FULL:  # the disk of the temporary folder is full
            raise
        raise MediaError(f"standard input can't be copied ({error.strerror})") from error


def text_bytes(text: str) -> bytes:
    """Return a text to hide in UTF-8, read from standard input if it is STREAM.

    Raises MediaError if it is empty, too long or not UTF-8.
    """
    if text == STREAM:
        data = sys.stdin.buffer.read(MOST_TEXT + 1) if sys.stdin is not None else b""
    else:
        note("other users of this machine can see a text on the command line; `--text -` reads it from standard input")
        data = text.encode("utf-8", "surrogateescape")
    if not data:
        raise MediaError("the text is empty")
    if len(data) > MOST_TEXT:
        raise MediaError(f"the text has more than {MOST_TEXT} bytes", "hide it as a file")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise MediaError("the text is not UTF-8", "hide it as a file") from error
    return data
