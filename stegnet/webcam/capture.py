"""Reading a source in a thread of its own, so that whoever wants a frame gets the newest."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event

from stegnet.core.errors import MediaError
from stegnet.webcam.newest import Newest
from stegnet.webcam.source import Frame, Source

_PATIENCE = 20.0  # seconds until the first frame


class Capture:
    """A source being read.

    Attributes:
        newest: its newest frame.
    """

    def __init__(self, newest: Newest[Frame], reading: Future[None]) -> None:
        self.newest = newest
        self._reading = reading

    def check(self) -> None:
        """Stops where the source could not be read on.

        Raises:
            MediaError: as the source says.
        """
        if self._reading.done():
            self._reading.result()

    def first(self) -> Frame:
        """The newest frame, as soon as there is one.

        Raises:
            MediaError: there is none for long, or as the source says.
        """
        found = self.newest.wait(0, _PATIENCE)
        if found is None:
            self.check()
            raise MediaError(f"the source gave no picture in {_PATIENCE:g} seconds")
        return found[1]


@contextmanager
def captured(source: Source) -> Iterator[Capture]:
    """Reads a source for the time of the block."""
    newest, stop = Newest[Frame](), Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield Capture(newest, pool.submit(_read, source, newest, stop))
        finally:
            stop.set()


def _read(source: Source, newest: Newest[Frame], stop: Event) -> None:
    try:
        with closing(_in_time(source, stop) if source.timed else source.frames) as frames:
            for frame in frames:
                if stop.is_set():
                    break
                newest.put(frame)
    finally:
        newest.close()


def _in_time(source: Source, stop: Event) -> Generator[Frame, None, None]:
    """Each frame when its time has come. What is late moves those after it: catching up would cost more time still."""
    start = time.monotonic()
    with closing(source.frames) as frames:
        for frame in frames:
            wait = start + float(frame.time) - time.monotonic()
            start -= min(0.0, wait)
            stop.wait(max(0.0, wait))
            yield frame
