"""The one loop in which films are hidden in: frame by frame, in order, in threads, and in constant memory."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import TypeVar

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.parallel import ahead, ordered
from stegnet.kernels import kernels_missing
from stegnet.media import FilmInfo, FilmWriter
from stegnet.methods.run import Run
from stegnet.networks.engines import Pool
from stegnet.results import FilmFrame, OutputTarget, form_of, write_film

_LONG = 250  # frames

I = TypeVar("I")  # noqa: E741  what is hidden in a frame
# The container's frame, (H, W, 3) uint8, of what is hidden, the cover's, and the container's if it was made already;
# None for a frame that this process does not compute.
HideFrame = Callable[[I, np.ndarray | None, np.ndarray | None], np.ndarray | None]


@dataclass(frozen=True)
class FilmCover:
    """A film to hide in.

    Attributes:
        compared: its frames are read even where the container's were made already.
    """

    path: Path
    info: FilmInfo
    compared: bool = False


def hide_frames(
    cover: FilmCover, inputs: Generator[I, None, None], hide: HideFrame, pool: Pool, run: Run
) -> Generator[np.ndarray | None, None, None]:
    """The container's frames; closes `inputs`.

    Args:
        inputs: one for each frame of the cover.
        pool: threads that `hide` is called in.
    Raises:
        MediaError: the cover can't be read, or has another number of frames than when it was scanned.
    """
    skipped = run.part.made and not cover.compared
    covers = _nothing() if skipped else ahead(run.part.frames(cover.path, cover=True))
    with closing(inputs), closing(covers), closing(run.part.computed()) as made:
        items = _items(inputs, zip(covers, made, strict=False), run.part.end or len(cover.info.pts))
        with closing(ordered(lambda item: hide(*item), items, pool.workers, pool.prepare)) as frames:
            yield from frames


def write_container(
    cover: FilmCover, frames: Generator[np.ndarray | None, None, None], out: OutputTarget, verify: bool, run: Run
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
        choices = {"form": form_of(out.path), "time_base": info.time_base, "keep": run.part.kept(cover.path)}
        return FilmWriter(path, *sizes, **choices, randomness=run.randomness)

    def timed() -> Generator[FilmFrame, None, None]:
        with closing(frames):
            for frame, time in zip(frames, islice(info.times, run.part.end), strict=True):
                yield FilmFrame(frame, time)

    check = partial(run.progress, "verify") if verify else None
    return write_film(out, open_writer, timed(), lambda done: run.progress("hide", done, total), check)


def changed() -> MediaError:
    """The error for films that are not as they were when they were scanned."""
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _items(
    inputs: Iterator[I], frames: Iterator[tuple[np.ndarray | None, np.ndarray | None]], total: int
) -> Iterator[tuple[I, np.ndarray | None, np.ndarray | None]]:
    count = 0
    for frame, made in frames:  # first: beyond a segment's end, there is no input
        given = next(inputs, None) if count < total else None
        if given is None:
            raise changed()
        count += 1
        yield given, frame, made
    if count != total:
        raise changed()


def _nothing() -> Generator[None, None, None]:
    yield from repeat(None)
