"""Containers that are written: pictures as PNG or JPEG, and films frame by frame, in constant memory."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.core.parallel import parallel_map, prefetch
from stegnet.image.pictures import write_png
from stegnet.kernels import kernels_missing
from stegnet.media.checks import check_picture
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover, read_both
from stegnet.methods.context import Context
from stegnet.methods.method import NewContainer
from stegnet.networks.engines import Pool
from stegnet.results import Changes, FilmFrame, form_of, write_film
from stegnet.video.film_writer import FilmWriter
from stegnet.video.films import read_frames

_LONG = 250  # frames


def write_picture(part: Path, pixels: np.ndarray, profile: bytes | None, verify: bool) -> None:
    """Writes a picture as PNG; as `NewContainer.write`.

    Args:
        pixels: (H, W, 3) uint8; a grey one is stored as grey.
        profile: ICC profile to store.
    """
    write_png(part, pixels, icc=profile)
    if verify:
        check_picture(part, pixels)


def write_jpeg(
    part: Path, cover: JpegCover, planes: list[np.ndarray], verify: bool, check: Callable[[bytes], None] | None = None
) -> Changes:
    """Writes a JPEG whose other bytes are its cover's; as `NewContainer.write`.

    Args:
        planes: its coefficients.
        check: called with the file; None: it is not checked further.
    Returns:
        Changes of the pixels that viewers show.
    """
    part.write_bytes(cover.picture.with_planes(planes))
    with Cover(part) as written:
        picture, shown = read_both(written) if verify else (None, written.pixels)
        if picture and not all(map(np.array_equal, picture.planes, planes)):
            raise MediaError(f"{part}: does not read back as it was written", "try another disk")
        if check:
            check(written.read_bytes())
        return Changes.of(cover.shown, shown)


class NewPicture(NewContainer):
    """A picture without loss.

    Args:
        pixels: (H, W, 3) uint8.
        profile: ICC profile to store.
    """

    def __init__(self, pixels: np.ndarray, profile: bytes | None, context: Context) -> None:
        self.pixels, self._profile, self.context = pixels, profile, context
        self.height, self.width = pixels.shape[:2]

    def write(self, part: Path, verify: bool) -> None:
        self.context.with_heartbeat("write", lambda: write_picture(part, self.pixels, self._profile, verify))


class NewFilm(NewContainer):
    """A film without loss that is made of its cover while it is written.

    Args:
        cover: that everything is copied from but the pictures.
        suffix: of the container.
        pool: threads that `hide` is called in.
    Attributes:
        not_copied: one line for each thing of the cover; known after `write`.
    """

    def __init__(self, cover: Cover, suffix: str, pool: Pool, context: Context) -> None:
        self.cover, self._form, self._pool, self.context = cover, form_of(suffix), pool, context
        self.height, self.width = cover.size
        self.frames = self.hidden = cover.frames
        self.not_copied: tuple[str, ...] = ()
        if self.frames >= _LONG and (line := kernels_missing()):
            context.warn(line)

    @abstractmethod
    def inputs(self) -> Generator[Any, None, None]:
        """What is hidden in each frame of the cover."""

    @abstractmethod
    def hide(self, given: Any, frame: np.ndarray) -> np.ndarray:
        """The container's frame, (H, W, 3) uint8, by one of `inputs` and the cover's frame."""

    def write(self, part: Path, verify: bool) -> None:
        """As `NewContainer.write`.

        Raises:
            MediaError: also if the cover can't be read, or has another number of frames than when it was scanned.
        """
        info, progress, total = self.cover.film, self.context.progress, self.frames
        sizes = info.width, info.height, info.rate
        choices = {"form": self._form, "time_base": info.time_base, "keep": self.cover}
        self.not_copied = write_film(
            part,
            lambda: FilmWriter(part, *sizes, **choices, randomness=self.context.randomness),
            self._timed(),
            lambda done: progress("hide", done, total),
            self.context.step("verify") if verify else None,
        )

    def about_cover(self) -> tuple[str, ...]:
        """Lines on what is unusual about the cover, and what was not copied; called after `write`."""
        return tuple(f"cover: {note}" for note in (*self.cover.film.notes, *self.not_copied))

    def _hidden(self, item: tuple[Any, np.ndarray]) -> np.ndarray:
        return self.hide(*item)

    def _timed(self) -> Generator[FilmFrame, None, None]:
        pool = self._pool
        with (
            closing(self.inputs()) as inputs,
            closing(prefetch(read_frames(self.cover, as_ffmpeg=True))) as covers,
            closing(parallel_map(self._hidden, _paired(inputs, covers), pool.workers, pool.prepare)) as frames,
        ):
            for frame, time in zip(frames, self.cover.film.times, strict=True):
                yield FilmFrame(frame, time)


def changed() -> MediaError:
    """The error for films that are not as they were when they were scanned."""
    return MediaError("the cover or the secret was changed while it was being hidden", "hide it again")


def _paired(inputs: Iterator[Any], frames: Iterator[np.ndarray]) -> Iterator[tuple[Any, np.ndarray]]:
    for given in inputs:
        frame = next(frames, None)
        if frame is None:
            raise changed()
        yield given, frame
    if next(frames, None) is not None:
        raise changed()
