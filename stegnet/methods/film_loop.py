"""The one loop in which films are hidden in: frame by frame, in order, in threads, and in constant memory."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.parallel import ahead, ordered
from stegnet.kernels import kernels_missing
from stegnet.media import FilmInfo, FilmWriter, read_frames
from stegnet.methods.run import Run
from stegnet.networks.engines import Pool
from stegnet.results import FilmFrame, OutputTarget, form_of, write_film

_LONG = 250  # frames

I = TypeVar("I")  # noqa: E741  what is hidden in a frame
HideFrame = Callable[[I, np.ndarray], np.ndarray]  # the container's frame, (H, W, 3) uint8, by input and cover's frame


@dataclass(frozen=True)
class FilmCover:
    """A film to hide in."""

    path: Path
    info: FilmInfo


def hide_frames(
    cover: FilmCover, inputs: Generator[I, None, None], hide: HideFrame, pool: Pool
) -> Generator[np.ndarray, None, None]:
    """The container's frames; closes `inputs`.

    Args:
        inputs: one for each frame of the cover.
        pool: threads that `hide` is called in.
    Raises:
        MediaError: the cover can't be read, or has another number of frames than when it was scanned.
    """
    with closing(inputs), closing(ahead(read_frames(cover.path, as_ffmpeg=True))) as covers:
        items = _paired(inputs, covers)
        with closing(ordered(lambda item: hide(*item), items, pool.workers, pool.prepare)) as frames:
            yield from frames


def write_container(
    cover: FilmCover, frames: Generator[np.ndarray, None, None], out: OutputTarget, verify: bool, run: Run
) -> tuple[str, ...]:
    """Writes a film's container, with everything of the cover but its pictures; closes `frames`.

    Returns:
        Notes on what could not be copied, one line each.
    Raises:
        MediaError: it can't be written, or does not read back equal.
    """
    info, total = cover.info, len(cover.info.pts)
    if total >= _LONG and (line := kernels_missing()):
        run.warn(line)

    def open_writer(path: Path) -> FilmWriter:
        sizes = info.width, info.height, info.rate
        choices = {"form": form_of(out.path), "time_base": info.time_base, "keep": cover.path}
        return FilmWriter(path, *sizes, **choices, randomness=run.randomness)

    def timed() -> Generator[FilmFrame, None, None]:
        with closing(frames):
            for frame, time in zip(frames, info.times, strict=True):
                yield FilmFrame(frame, time)

    check = partial(run.progress, "verify") if verify else None
    return write_film(out, open_writer, timed(), lambda done: run.progress("hide", done, total), check)


def changed() -> MediaError:
    """The error for films that are not as they were when they were scanned."""
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _paired(inputs: Iterator[I], frames: Iterator[np.ndarray]) -> Iterator[tuple[I, np.ndarray]]:
    for given in inputs:
        frame = next(frames, None)
        if frame is None:
            raise changed()
        yield given, frame
    if next(frames, None) is not None:
        raise changed()
