"""Several processes on this machine that train together: each runs the program that this process runs.

torchrun does the same, for several machines too. This launcher is there wherever Python is, and says a failure
in one line.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from stegnet.core.errors import StegnetError, TrainingError
from stegnet.core.ranks import rank
from stegnet.training.stop import STOPPED, heeded

GRACE = 5.0  # seconds that the others have to end by themselves when one has failed
_FAILURE = "STEGNET_FAILURE"  # names the file where a launched process says why it fails


def launch(module: str, count: int) -> int:
    """Runs `python -m module` with this process's arguments, `count` times side by side; hands on Ctrl-C and SIGTERM.

    Returns:
        0, or 128 + the signal that stopped the training.
    Raises:
        TrainingError: a process failed; the others are ended.
    """
    with TemporaryDirectory() as folder:
        group = _Group(module, count, Path(folder))
        before = {number: signal.signal(number, group.hand_on) for number in heeded()}
        try:
            return group.wait()
        finally:
            group.close()
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def supervised() -> Iterator[None]:
    """What a launched process does within this block ends when its launcher does, which is told of a failure."""
    if _FAILURE not in os.environ:
        yield
        return
    threading.Thread(target=_end_with_the_launcher, daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as stop:
        if rank() == 0:
            raise
        sys.exit(getattr(stop, "code", STOPPED[0]))
    except Exception as error:
        _tell(error)
        os._exit(1)  # at once: a clean end would wait for the others, which wait for this one


class _Group:
    """The processes that were launched."""

    def __init__(self, module: str, count: int, folder: Path) -> None:
        self._folder, self._asked = folder, 0
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._processes = [
            # Their own session: Ctrl-C comes from here alone. Their input closes when this process ends.
            subprocess.Popen(
                command, stdin=subprocess.PIPE, start_new_session=True, env=self._environment(number, count, port)
            )
            for number in range(count)
        ]

    def hand_on(self, number: int, _frame: FrameType | None) -> None:
        """A signal handler."""
        self._asked = number
        for process in self._processes:
            process.send_signal(number)

    def wait(self) -> int:
        """As `launch`."""
        while not (failed := self._failed()) and any(process.poll() is None for process in self._processes):
            time.sleep(0.1)
        if not failed:
            code = self._processes[0].returncode
            return code if code >= 0 else 128 - code
        self._end()
        raise self._cause(failed)

    def close(self) -> None:
        """Whoever is left ends."""
        for process in self._processes:
            process.stdin.close()

    def _failed(self) -> dict[int, int]:
        """Number and exit code of each process that failed."""
        codes = {number: process.poll() for number, process in enumerate(self._processes)}
        fine = {None, 0, *STOPPED, -self._asked}
        return {number: code for number, code in codes.items() if code not in fine}

    def _end(self) -> None:
        deadline = time.monotonic() + GRACE
        for process in self._processes:
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _cause(self, failed: dict[int, int]) -> TrainingError:
        """Who was killed comes first, else who told first: the others failed for want of them."""
        for number, code in failed.items():
            if code < 0:
                name = signal.Signals(-code).name
                return TrainingError(f"process {number} of the training was ended by {name}", "is there memory enough?")
        told = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        if not told:
            return TrainingError(f"process {min(failed)} of the training failed")
        words = json.loads(told[0].read_text(encoding="utf-8"))
        sys.stderr.write(words["traceback"])
        return TrainingError(words["message"], words["hint"])

    def _environment(self, number: int, count: int, port: int) -> dict[str, str]:
        own = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0}
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, _FAILURE: self._folder / f"{number}.json"}
        return os.environ | {name: str(value) for name, value in (own | meeting).items()}


def _tell(error: Exception) -> None:
    """A user's error in words, a programmer's with its traceback."""
    expected = isinstance(error, StegnetError)
    told = {
        "message": str(error) if expected else f"process {rank()} of the training failed",
        "hint": error.hint if expected else "",
        "traceback": "" if expected else traceback.format_exc(),
    }
    place = Path(os.environ[_FAILURE])
    whole = place.with_suffix(".tmp")
    whole.write_text(json.dumps(told), encoding="utf-8")
    whole.rename(place)


def _end_with_the_launcher() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
