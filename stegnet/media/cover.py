"""A picture or film to hide in, or in which something is hidden: opened once, and read as far as it is asked for."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from stegnet.core.kinds import FILM
from stegnet.core.samples import channels_of
from stegnet.media.films.films import FilmInfo, read_frames, scan
from stegnet.media.history import film_copied_with_loss, picture_copied_with_loss
from stegnet.media.opened_file import OpenedFile
from stegnet.media.pictures.pictures import read_cover
from stegnet.media.probe import Probe, probe
from stegnet.media.signature import is_jpeg, is_moving_picture

T = TypeVar("T")


class Cover(OpenedFile):
    """A cover or container, whose properties are found when they are first asked for, and then kept.

    All raise MediaError if it can't be read, or is neither a picture nor a film.
    """

    @cached_property
    def _probe(self) -> Probe:
        return probe(self)

    @property
    def kind(self) -> str:
        """PICTURE or FILM."""
        return self._probe.kind

    @property
    def is_film(self) -> bool:
        return self.kind == FILM

    @property
    def called(self) -> str:
        """Its kind as a user who takes it for a picture understands it."""
        return "moving picture" if self.is_film and is_moving_picture(self) else self.kind

    @cached_property
    def is_jpeg(self) -> bool:
        """True if it begins as a JPEG does."""
        return is_jpeg(self)

    @property
    def lossy_format(self) -> str | None:
        """Name of its lossy format; None if it stores RGB without loss."""
        return self._probe.lossy_format

    @cached_property
    def picture(self) -> tuple[np.ndarray, bytes | None]:
        """Pixels of a picture, (H, W, 3) uint8, and its ICC profile, as `read_cover`."""
        return read_cover(self)

    def forget_pixels(self) -> None:
        """Frees the memory of `picture`, which is read again if it is asked for."""
        self.__dict__.pop("picture", None)

    @property
    def pixels(self) -> np.ndarray:
        return self.picture[0]

    @cached_property
    def film(self) -> FilmInfo:
        """A film's properties, for which all of it is decoded, once."""
        return scan(self)

    @property
    def frames(self) -> int:
        """Number of frames; 1 for a picture."""
        return len(self.film.pts) if self.is_film else 1

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (self.film.height, self.film.width) if self.is_film else self.pixels.shape[:2]

    @cached_property
    def channels(self) -> int:
        """1 if all pixels are grey, else 3."""
        return (1 if self.film.grey else 3) if self.is_film else channels_of(self.pixels)

    def once(self, name: str, find: Callable[["Cover"], T]) -> T:
        """What a method wants to know of it, which is found once."""
        if name not in self._found:
            self._found[name] = find(self)
        return self._found[name]

    @cached_property
    def _found(self) -> dict[str, Any]:
        return {}

    @cached_property
    def history(self) -> str | None:
        """The lossy format that it has or had, such as "a JPEG"; None if it shows none."""
        if self.lossy_format:
            return self.lossy_format
        if not self.is_film:
            return picture_copied_with_loss(self.pixels)
        first = next(read_frames(self, as_ffmpeg=True), None)  # whoever reads all frames says that there are none
        return None if first is None else film_copied_with_loss(first)
