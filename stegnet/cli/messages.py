"""Everything the command line prints: lines, and progress bars.

Message rules:

- results go to stdout, one line each;
- everything else goes to stderr, one line each: `error:` what is wrong, `hint:` how to fix it, `warning:` something
  went wrong but there is a result, `note:` worth knowing although all went well; and progress bars, if stderr is a
  terminal;
- a message stays on one line and cannot control the terminal: control characters in names are escaped;
- no message contains a key, a passphrase or any part of one.
"""

import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from stegnet.core.errors import SETTING, MediaError, StegnetError
from stegnet.core.names import printable

if TYPE_CHECKING:
    from segno import QRCode
    from tqdm import tqdm

    from stegnet.core.parallel import Progress

_SPELLED = {"overwrite": "--force", "to": "-o"}  # the library names parameters of the Python API
_PHASES = {
    "open": "opening",
    "reduce": "reducing the cover",
    "try": "trying what survives",
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
_STEP = "{l_bar}{bar}| {n_fmt}/{total_fmt} [this step: {elapsed}, {remaining} left]"
_UNCOUNTED = "{desc} [{elapsed}]"


def result(line: str) -> None:
    """Prints one line on stdout; errors as `stdout_errors`."""
    with stdout_errors():
        _print(line, sys.stdout)


def code(qr: "QRCode") -> None:
    """Prints a QR code on the terminal, in white on black whatever its colours."""
    with stdout_errors(), io.StringIO() as drawn:
        qr.terminal(drawn, compact=True)
        for line in drawn.getvalue().splitlines():
            print(f"\033[97;40m{line}\033[0m", file=sys.stdout, flush=True)


def flush() -> None:
    """Flushes stdout."""
    with stdout_errors():
        if sys.stdout is not None:
            sys.stdout.flush()


def note(line: str) -> None:
    _print_stderr(f"note: {with_options(line)}")


def warning(line: str) -> None:
    _print_stderr(f"warning: {with_options(line)}")


def error(message: StegnetError | str) -> None:
    """Prints an `error:` and its `hint:`, if it has one."""
    _print_stderr(f"error: {message}")
    if isinstance(message, StegnetError) and message.hint:
        hint(message.hint)


def hint(line: str) -> None:
    _print_stderr(f"hint: {with_options(line)}")


def with_options(line: str) -> str:
    """A hint, note or warning of the library, with options for its settings."""

    def option(setting: re.Match) -> str:
        name, value = setting.groups()
        shown = flag(name, value == "False")
        return f"`{shown}`" if value in ("True", "False") else f"`{shown} {value}`"

    return SETTING.sub(option, line)


def flag(name: str, negated: bool = False) -> str:
    """The option for a parameter; negated, the one that turns it off."""
    words = name.replace("_", "-")
    return _SPELLED.get(name) or (f"--no-{words}" if negated else f"--{words}")


@contextmanager
def python_warnings() -> Iterator[None]:
    """Prints Python warnings as `warning:` lines within the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *where, **more: warning(str(message))
        yield


def silence(*streams: TextIO | None) -> None:
    """Redirects streams to the null device, so that flushing them at exit can't fail."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if stream is not None:
            os.dup2(null, stream.fileno())
    os.close(null)


def make_blocking(descriptor: int) -> None:
    """Makes reads and writes wait where another program left a pipe otherwise: an empty one would seem at its end."""
    if os.name == "posix" and not os.get_blocking(descriptor):
        os.set_blocking(descriptor, True)


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """Yields a callback for work on frames or tiles; each phase has a bar of its own, shown from its first call.

    Outside a terminal, it does nothing.
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
    def __init__(self) -> None:
        self._phase = ""
        self._bar: tqdm | None = None

    def update(self, phase: str, done: int, total: int) -> None:
        shown = self._bar
        if shown is None or phase != self._phase or done < shown.n or bool(total) != bool(shown.total):
            self.close()
            self._phase, self._bar = phase, self._of_phase(phase, done, total)
        elif done == shown.n:
            shown.refresh()  # the time goes on
        self._bar.update(done - self._bar.n)

    def _of_phase(self, phase: str, done: int, total: int) -> "tqdm":
        """The bar of a phase; that of a step of a job names the step, whose time is not that of the job."""
        name, things = _PHASES.get(phase, phase), phase.rpartition(" ")[2]
        unit = {"tiles": "tile", "files": "file"}.get(things, "frame")
        if step := getattr(phase, "step", 0):
            name = f"step {step} of {phase.steps}: {name}"
        form = _UNCOUNTED if not (done or total) else _STEP if step and total else None
        return bar(name, unit, total, form)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def bar(name: str, unit: str, total: int, form: str | None = None) -> "tqdm":
    """A progress bar; without a terminal, it shows nothing."""
    from tqdm import tqdm  # imported here to keep --help fast

    shown = {"disable": None, "dynamic_ncols": True, "leave": False, "bar_format": form}
    return tqdm(desc=name, unit=unit, total=total or None, **shown)


@contextmanager
def stdout_errors() -> Iterator[None]:
    """For writing to stdout: BrokenPipeError if it is closed at its other end, MediaError if it can't be written."""
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
