"""Everything the command line prints: messages, progress bars and the results of a batch.

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
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TextIO

from stegnet.cli.flags import with_options
from stegnet.core.errors import MediaError, StegnetError
from stegnet.core.progress import no_progress
from stegnet.core.remote_path import Place, size_of

if TYPE_CHECKING:
    from segno import QRCode
    from tqdm import tqdm

    from stegnet.core.progress import Progress
    from stegnet.files import FolderPlan, Outcome
    from stegnet.results import Report

FAILED, ALTERED = 1, 3  # exit codes
_SMALL = 5000  # bytes: fewer would be 0.00 MB
_MUCH, _MANY = 1.5, 10  # times the cover's size that are told, and told without decimals
_PHASES = {
    "open": "opening",
    "reduce": "reducing the cover",
    "try": "trying what survives",
    "compress": "compressing",
    "search": "searching for motion",
    "hide": "hiding",
    "check pictures": "checking",
    "hide pictures": "hiding",
    "reveal pictures": "revealing",
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
    """Prints one line on stdout.

    Raises:
        BrokenPipeError: stdout is closed at its other end.
        MediaError: stdout can't be written.
    """
    with stdout_errors():
        _print(line, sys.stdout)


def code(qr: "QRCode") -> None:
    """Prints a QR code on the terminal, in white on black whatever its colours; errors as `result`."""
    with stdout_errors(), io.StringIO() as drawn:
        qr.terminal(drawn, compact=True)
        for line in drawn.getvalue().splitlines():
            print(f"\033[97;40m{line}\033[0m", file=sys.stdout, flush=True)


def flush() -> None:
    """Flushes stdout; errors as `result`."""
    with stdout_errors():
        if sys.stdout is not None:
            sys.stdout.flush()


def wrote(
    path: Place | str,
    report: "Report",
    frames: str,
    name: str = "",
    size: int | None = None,
    tell: Callable[[str], None] = result,
) -> None:
    """Prints a result file, then its notes and warnings.

    Args:
        frames: appended to the result line; "" for a single picture.
        name: prefix of notes and warnings, if there are several results.
        size: of the file in bytes, if it is known.
        tell: prints the line on the file.
    """
    sides = f"{report.width}x{report.height}, " if report.width else ""
    size = size_of(path) if size is None else size
    tell(f"wrote {path}: {sides}{_size(size)}{_times_the_cover(size, report)}{frames}")
    notes(report, name)


def notes(report: "Report", name: str = "") -> None:
    """Prints the notes and warnings of a result.

    Args:
        name: their prefix, if there are several results.
    """
    of_cover = report.hiding.warnings() if report.hiding else ()  # told before, or by `BatchResults`
    for line in report.notes:
        note(name + line)
    for line in (*report.warnings, *report.trouble):
        if line not in of_cover:
            warning(name + line)


def note(line: str) -> None:
    """Prints a `note:`."""
    _print_stderr(f"note: {with_options(line)}")


def warning(line: str) -> None:
    """Prints a `warning:`."""
    _print_stderr(f"warning: {with_options(line)}")


def error(message: StegnetError | str) -> None:
    """Prints an `error:` and its `hint:`, if it has one."""
    _print_stderr(f"error: {message}")
    if isinstance(message, StegnetError) and message.hint:
        hint(message.hint)


def hint(line: str) -> None:
    """Prints a `hint:`."""
    _print_stderr(f"hint: {with_options(line)}")


@contextmanager
def python_warnings() -> Iterator[None]:
    """Prints Python warnings as `warning:` lines within the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, *where, **more: warning(str(message))
        yield


def escape(text: str) -> str:
    """Escapes unprintable characters: line breaks, terminal control sequences, lone surrogates."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


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
        yield no_progress
        return
    bar = _ProgressBar()
    try:
        yield bar.update
    finally:
        bar.close()


def run_batch(plan: "FolderPlan", outcomes: "Iterator[Outcome]", show: "Callable[[Outcome], None]") -> int:
    """Runs the jobs of a plan and prints their results; a failed job does not stop the others.

    Args:
        outcomes: one for each job; iterating runs the jobs.
        show: prints a result.
    Returns:
        The exit code.
    """
    for line in plan.notes:
        note(line)
    failed, altered, nodes = [], False, Counter()
    start = time.monotonic()
    with _bar("files", "file", len(plan.jobs)) as bar, closing(outcomes):
        for outcome in outcomes:
            nodes[outcome.node] += 1
            bar.set_postfix_str(_nodes(nodes), refresh=False)
            with bar.external_write_mode():
                altered |= _print_outcome(outcome, show)
            if outcome.error:
                failed.append(outcome)
            bar.update()
    for node, count in sorted(nodes.items()):
        if node:
            note(f"{node}: {_counted(count, 'file')}, {count / (time.monotonic() - start):.2f} files/s")
    if failed:
        _print_failures(failed, len(plan.jobs))
        return FAILED
    return ALTERED if altered else 0


def _times_the_cover(size: int, report: "Report") -> str:
    """The size of a container as a multiple of its cover's, if it is much larger."""
    times = size / max(report.hiding.cover_bytes, 1) if report.hiding else 0
    return f", {times:.{1 if times < _MANY else 0}f} times the cover" if times >= _MUCH else ""


def _size(count: int) -> str:
    return f"{count} bytes" if count < _SMALL else f"{count / 1e6:.2f} MB"


def _nodes(files: Counter) -> str:
    """Machines that have done files so far, "" if there is only this one."""
    count = sum(1 for node in files if node)
    return _counted(count, "node") if count else ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class _ProgressBar:
    def __init__(self) -> None:
        self._phase = ""
        self._bar: tqdm | None = None

    def update(self, phase: str, done: int, total: int) -> None:
        bar = self._bar
        if bar is None or phase != self._phase or done < bar.n or bool(total) != bool(bar.total):
            self.close()
            self._phase, self._bar = phase, _phase_bar(phase, done, total)
        elif done == bar.n:
            bar.refresh()  # the time goes on
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _phase_bar(phase: str, done: int, total: int) -> "tqdm":
    """The bar of a phase; that of a step of a job names the step, whose time is not that of the job."""
    name, things = _PHASES.get(phase, phase), phase.rpartition(" ")[2]
    unit = {"tiles": "tile", "pictures": "picture"}.get(things, "frame")
    if step := getattr(phase, "step", 0):
        name = f"step {step} of {phase.steps}: {name}"
    form = _UNCOUNTED if not (done or total) else _STEP if step and total else None
    return _bar(name, unit, total, form)


def _bar(name: str, unit: str, total: int, form: str | None = None) -> "tqdm":
    from tqdm import tqdm  # imported here to keep --help fast

    shown = {"disable": None, "dynamic_ncols": True, "leave": False, "bar_format": form}
    return tqdm(desc=name, unit=unit, total=total or None, **shown)


def _print_outcome(outcome: "Outcome", show: "Callable[[Outcome], None]") -> bool:
    """Prints the result of a job, if it has one; returns True if its container was altered."""
    if outcome.report is None or outcome.out is None:
        return False
    show(outcome)
    return bool(outcome.report.trouble)


def _print_failures(failed: "list[Outcome]", total: int) -> None:
    error(f"{len(failed)} of {total} failed")
    for outcome in failed:
        source, message = str(outcome.job.source), str(outcome.error)
        error(message if message.startswith(source) else f"{source}: {message}")
    for line in dict.fromkeys(outcome.error.hint for outcome in failed if outcome.error and outcome.error.hint):
        hint(line)


@contextmanager
def stdout_errors() -> Iterator[None]:
    """For writing to stdout.

    Raises:
        BrokenPipeError, MediaError: as `result`.
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
    print(escape(line).encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
