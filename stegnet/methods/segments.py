"""Long films in segments: processes compute some frames of a container each, and one joins them.

All of them read the same inputs and draw the same randomness, and the last one writes the film as it always is written:
so it is, byte for byte, the film of a single process.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from stegnet.core.parallel import ahead

if TYPE_CHECKING:
    import numpy as np

    from stegnet.core.address import Place


class LongFilm(Exception):
    """A cover is longer than what a process is to hide in at once.

    Attributes:
        frames: of the cover.
    """

    def __init__(self, frames: int) -> None:
        super().__init__(frames)
        self.frames = frames


@dataclass(frozen=True)
class Part:
    """A process's share of a film's container: all of it, one segment, or all of it from its segments.

    Attributes:
        most: frames of the longest cover that it hides in at once; None: of any.
        only: the frames of a segment; nothing but their pictures is written, and their quality is not measured.
        made: files of the segments in order, whose frames are taken instead of computed.
    """

    most: int | None = None
    only: range | None = None
    made: "tuple[Place, ...]" = ()

    def check(self, frames: int) -> None:
        """Refuses a cover of too many frames.

        Raises:
            LongFilm: it is to be made in segments.
        """
        if self.most is not None and frames > self.most:
            raise LongFilm(frames)

    def computes(self, frame: int) -> bool:
        """Returns True for a frame of the container that this process computes."""
        return not self.made and (self.only is None or frame in self.only)

    @property
    def end(self) -> int | None:
        """Number of the frame to stop before; None: that of the film's end."""
        return self.only.stop if self.only else None

    def kept(self, cover: Path) -> Path | None:
        """The film of which everything but the pictures is copied."""
        return None if self.only else cover

    def frames(self, path: Path, *, cover: bool = False) -> "Generator[np.ndarray | None, None, None]":
        """The frames of a film up to the end, (H, W, 3) uint8; None for those before the segment.

        Args:
            cover: it is a cover, whose container is lossless.
        Raises:
            MediaError: as `read_frames`.
        """
        from stegnet.media import read_frames  # here, since it is slow to import

        if self.only is None:
            yield from read_frames(path, as_ffmpeg=cover)
            return
        yield from repeat(None, self.only.start)
        with closing(read_frames(path, self.only, as_ffmpeg=cover)) as frames:
            yield from islice(frames, len(self.only))

    def computed(self) -> "Generator[np.ndarray | None, None, None]":
        """The container's frames, (H, W, 3) uint8, from their segments; None without end if there are none.

        Raises:
            MediaError: a segment can't be read.
        """
        return ahead(_joined(self.made)) if self.made else _nothing()


ALL_FRAMES = Part()


def _joined(segments: "tuple[Place, ...]") -> "Generator[np.ndarray, None, None]":
    from stegnet.core.address import fetched
    from stegnet.media import read_frames

    for segment in segments:
        with fetched(segment) as path:
            yield from read_frames(path)


def _nothing() -> Generator[None, None, None]:
    yield from repeat(None)
