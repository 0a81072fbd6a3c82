"""Finding what the levels of an H.264 film hide."""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.keys import KeyRing, KeySource
from stegnet.methods.h264 import H264
from stegnet.methods.h264.stream import Ahead, FilmStream, Group
from stegnet.methods.run import Run
from stegnet.methods.sealed import HiddenFile, hidden_file
from stegnet.record import Container, FrameReading, read_record
from stegnet.sealing import Medium


class _FilmContainer(Container):
    """A film whose frames are the samples of its groups.

    Where a group does not open, it is looked for from each of its pictures on: the film may have been cut there.
    """

    called = "group of pictures", "groups of pictures"

    def __init__(self, path: Path, key_source: KeySource) -> None:
        self._stream, self._contexts = FilmStream(path, damaged=True), []
        self._finding = KeyRing(key_source)
        super().__init__(path, key_source)

    @property
    def medium(self) -> Medium:
        """That of the first group."""
        return self._contexts[0]

    def read(self, position: int, frame: np.ndarray) -> FrameReading:
        if position == 0 and self.first.record:
            return self.first
        return read_record(frame, self._keys, first=position == 0, medium=self._contexts[position])

    def _decode(self) -> Generator[np.ndarray, None, None]:
        self._contexts, ahead = [], Ahead(self._stream.pictures())
        while ahead.any():
            group, length = ahead.group(0)
            if not self._opens(group, not self._contexts):
                later = (first for first in range(1, length) if self._opens(ahead.group(first)[0], False))
                if skipped := next(later, 0):
                    ahead.drop(skipped)
                    group, length = ahead.group(0)
                elif self._contexts and not group.full:  # what is left over at the end carries nothing
                    return
            self._contexts.append(group.medium)
            ahead.drop(length)
            yield group.samples

    def _opens(self, group: Group, first: bool) -> bool:
        return read_record(group.samples, self._finding, first=first, medium=group.medium).record is not None


def hidden_in_film(container: Container, run: Run) -> HiddenFile | None:
    """The file that is hidden in a film's levels; None if there is none, or it is no film that is supported."""
    try:
        opened = _FilmContainer(container.path, container.key_source)
    except MediaError:
        return None
    found = hidden_file(opened, run)
    if found is not None:
        found.method = H264
    return found
