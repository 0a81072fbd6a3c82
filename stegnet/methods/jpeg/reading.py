"""Finding what a JPEG's coefficients hide."""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.keys import KeySource
from stegnet.media.jpeg import read_jpeg
from stegnet.methods.jpeg import JPEG
from stegnet.methods.jpeg.carrier import medium_of, samples_of
from stegnet.methods.run import Run
from stegnet.methods.sealed import HiddenFile, hidden_file
from stegnet.record import Container


class _JpegContainer(Container):
    """A JPEG whose only frame is its samples."""

    def __init__(self, path: Path, key_source: KeySource) -> None:
        self._jpeg = read_jpeg(path)
        self.medium = medium_of(self._jpeg)
        super().__init__(path, key_source)

    def _decode(self) -> Generator[np.ndarray, None, None]:
        yield samples_of(self._jpeg)


def hidden_in_jpeg(container: Container, run: Run) -> HiddenFile | None:
    """The file that is hidden in a JPEG's coefficients; None if there is none, or it is no JPEG that is supported."""
    try:
        opened = _JpegContainer(container.path, container.key_source)
    except MediaError:
        return None
    found = hidden_file(opened, run)
    if found is not None:
        found.method = JPEG
    return found
