"""A film that is written again without loss, with other frames."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from stegnet import video
from stegnet.core.errors import MediaError
from stegnet.core.parallel import parallel_map, prefetch
from stegnet.core.text import prefixed
from stegnet.hiding.method import Context
from stegnet.media.cover import Cover
from stegnet.results import FilmFrame, film_form_of, write_film

if TYPE_CHECKING:
    from stegnet.networks import Pool

Given = TypeVar("Given")  # what is hidden in a frame


@dataclass
class RewrittenFilm:
    """A cover whose film is written without loss with other frames, in constant memory; all else is copied from it.

    Attributes:
        suffix: suffix of its file.
        pool: its threads make the frames.
    """

    cover: Cover
    suffix: str
    pool: "Pool"
    context: Context

    def write(
        self,
        part: Path,
        inputs: Generator[Given, None, None],
        hide: Callable[[Given, np.ndarray], np.ndarray],
    ) -> tuple[str, ...]:
        """Write the film, and return a line for each part of the cover that could not be copied.

        Args:
            part: file to write.
            inputs: the input of each frame of the cover; closed at the end.
            hide: returns the container's frame, (H, W, 3) uint8, given one of `inputs` and the cover's frame; called
                by the pool's threads.

        Raises:
            MediaError: the film can't be written, or the cover has changed since it was scanned.
        """
        info = self.cover.film
        progress = self.context.progress
        total = self.cover.frames

        def open_writer() -> video.FilmWriter:
            return video.FilmWriter(
                part,
                info.width,
                info.height,
                info.rate,
                form=film_form_of(self.suffix),
                time_base=info.coarsest_time_base,
                keep=self.cover,
                keep_metadata=not self.cover.strips_metadata,
                randomness=self.context.randomness,
            )

        frames = self._frames(inputs, hide)
        not_copied = write_film(part, open_writer, frames, lambda done: progress("hide", done, total))
        return tuple(prefixed("cover: ", note) for note in not_copied)

    def _frames(
        self, inputs: Generator[Given, None, None], hide: Callable[[Given, np.ndarray], np.ndarray]
    ) -> Generator[FilmFrame, None, None]:
        pool = self.pool
        with (
            closing(inputs),
            closing(prefetch(video.read_frames(self.cover, as_ffmpeg=True))) as covers,
            closing(
                parallel_map(lambda pair: hide(*pair), _paired(inputs, covers), pool.workers, pool.prepare)
            ) as frames,
        ):
            for frame, time in zip(frames, self.cover.film.times, strict=True):
                yield FilmFrame(frame, time)


def changed_meanwhile() -> MediaError:
    """Return the error for films that have changed since they were scanned."""
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _paired(inputs: Iterator[Given], frames: Iterator[np.ndarray]) -> Iterator[tuple[Given, np.ndarray]]:
    for given in inputs:
        frame = next(frames, None)
        if frame is None:
            raise changed_meanwhile()
        yield given, frame
    if next(frames, None) is not None:
        raise changed_meanwhile()
