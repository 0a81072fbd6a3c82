"""A film in which something is being hidden: encoded as it is written, and again as it is promised to survive."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, repeat
from pathlib import Path

import numpy as np

from stegnet.core.jpeg import BLOCK
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.parallel import prefetch
from stegnet.keys import KeySource
from stegnet.media import FilmInfo, read_frames
from stegnet.media.films.encoders import Coding
from stegnet.media.films.films import Picture, VideoFrame, decode, to_rgb
from stegnet.media.films.motion import SEARCH, Motion, motion_of
from stegnet.methods.context import Context
from stegnet.methods.robust import Rung
from stegnet.methods.robust_film.channels import FilmCarrier, FilmChannel, SentFilm
from stegnet.methods.robust_film.groups import group_room
from stegnet.methods.robust_film.phases import GROUP

# Frames are predicted as the changes follow each other; psychovisual optimisation would spend bytes on these.
WRITTEN = Coding(18, "medium", paced=True, params="trellis=2:psy=0")
_SAMPLED = 48  # frames at most, from which the container's quality is measured


class FrameSample:
    """Some of a cover's frames, evenly spaced, and how far the container's are from them."""

    def __init__(self, frames: int) -> None:
        self._every = -(-frames // _SAMPLED)
        self._kept: dict[int, np.ndarray] = {}
        self._errors: dict[int, float] = {}

    def keep(self, first: int, frames: Sequence[np.ndarray]) -> None:
        """Keeps some of the cover's frames, the first of which has this index."""
        self._kept |= {first + at: frame for at, frame in enumerate(frames) if (first + at) % self._every == 0}

    def seen(self, container: Path) -> Generator[VideoFrame, None, None]:
        """Yields the container's frames as decoded."""
        with closing(decode(container)) as frames:
            for index, frame in enumerate(frames):
                if index in self._kept:
                    picture = to_rgb(frame, frame.width, frame.height, container)
                    self._errors[index] = mean_squared_error(self._kept[index], picture)
                yield frame

    @property
    def psnr(self) -> float:
        """PSNR in dB over the frames that were kept."""
        return psnr_from_mse(sum(self._errors.values()) / len(self._errors), PEAK)


@dataclass(frozen=True)
class FilmHiding:
    """A film in which something is being hidden.

    Attributes:
        folder: for films that are tried.
        channel: what it is promised to survive.
    """

    cover: SentFilm
    folder: Path
    channel: FilmChannel
    carrier: FilmCarrier
    key_source: KeySource
    context: Context

    @cached_property
    def sample(self) -> FrameSample:
        """Frames of the cover, by which the container's quality is measured."""
        return FrameSample(len(self.cover.info.pts))

    @property
    def rung(self) -> Rung:
        return self.carrier.rung

    @cached_property
    def motion(self) -> Path:
        """A film from which the cover's motion is read."""
        film = self.folder / "motion.mp4"
        self.search(film, read_frames(self.cover.file), self.cover.info)
        return film

    def search(self, film: Path, frames: Generator[np.ndarray, None, None], info: FilmInfo) -> None:
        """Writes a film for `moves`, unless another rung has needed it before, or there are none."""
        if self.rung.run > 1 and not film.exists():
            replace(self, context=self.context.under("search")).write(film, frames, info, SEARCH)

    def moves(self, film: Path) -> Generator[list[Motion] | None, None, None]:
        """The motion of each group of frames, from a film of `search`; None where each frame carries bits."""
        if self.rung.run == 1:
            yield from repeat(None)
        with closing(motion_of(film)) as moving:
            while group := list(islice(moving, GROUP)):
                yield group

    @property
    def groups(self) -> int:
        return len(self.cover.info.pts) // GROUP

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.cover.info.height // BLOCK, self.cover.info.width // BLOCK

    def rooms(self, rates: Sequence[int], share: int = 0) -> list[int]:
        """Bytes of the message in each group; `share` as in `GroupContent`."""
        return [group_room(self.shape, self.rung, rate, share) for rate in rates]

    def write(
        self, film: Path, frames: Generator[Picture, None, None], info: FilmInfo, coding: Coding = WRITTEN
    ) -> None:
        """Encodes frames that are made in a thread."""
        from stegnet.media.films.h264 import write_h264

        with closing(prefetch(frames, GROUP // 2)) as made:
            counted = self._counted(made, len(info.pts))
            write_h264(film, counted, info, coding, draft=True)

    def again(self, frames: Generator[VideoFrame, None, None], info: FilmInfo) -> Path:
        """The frames of a written film encoded once more, as it is promised to survive."""
        checking = replace(self, context=self.context.under("check"))
        for generation in range(self.channel.generations):
            again = self.folder / f"again-{generation}.mp4"
            checking.write(again, frames, info, self.channel.coding)
            frames = decode(again)
        return again

    def _counted(self, frames: Iterator[Picture], total: int) -> Iterator[Picture]:
        for done, frame in enumerate(frames, 1):
            yield frame
            self.context.progress("hide", done, total)
