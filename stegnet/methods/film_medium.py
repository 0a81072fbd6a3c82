"""Films as media: many groups of samples, such as frames, each of which takes a share of the file.

All shares have one length, so that as few samples as possible change in any group, and the file is revealed even if
some groups are lost. Only the group in work is in memory.
"""

from abc import abstractmethod
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from stegnet import networks
from stegnet.core.names import FILM
from stegnet.keys import ContainerKeys, Key
from stegnet.media import capacity_tables
from stegnet.media.cover import Cover
from stegnet.media.regular import RegularAreas
from stegnet.methods.hiding import RewrittenFilm, loss_note, warn_of_slow_film
from stegnet.methods.medium import Medium, SampleGroup, WrittenMedium, seal_record
from stegnet.methods.method import Context, HiddenFile, NewContainer, Written
from stegnet.methods.pixel_medium import frame_capacity, secure_payload
from stegnet.record import (
    Record,
    file_header,
    file_records,
    frames_for,
    frames_with_data,
    full_capacity,
    hidden_bytes,
    may_be_lost,
)
from stegnet.results import Changes, SecurePayload, shown_history
from stegnet.sealing import (
    FILM_EFFORT,
    LAYERED_PIXELS,
    PIXELS,
    SEED_BYTES,
    Costs,
    CoverNeeds,
    SampleModel,
    texture_costs,
)


class FilmMedium(Medium):
    """A film whose groups of samples each take a record with a share of a file.

    Attributes:
        cover: the opened film.
        groups: number of groups.
        frames: number of frames.
        called: word for groups.
        lost: word for groups that can't be read.
    """

    cover: Cover
    groups: int
    frames: int
    channels: int = 1
    called: ClassVar[str] = "frames"
    lost: ClassVar[str] = "lost or altered"
    last_phase: ClassVar[Literal["write", "verify"]] = "verify"
    near_lossless: ClassVar[bool] = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.cover.size

    @abstractmethod
    def share_capacity(self, name: str, key: Key) -> int:
        """Return the bytes of a share of a file of a name that fit into each group; negative if not even none does."""

    def file_capacity(self, name: str, key: Key) -> int:
        """Return the bytes of the largest file of a name; negative if nothing fits."""
        share = self.share_capacity(name, key)
        return full_capacity(self.groups, share) if share > 0 else share

    def share_of(self, fitted: HiddenFile, key: Key) -> int:
        """Return the bytes that each group has for a share of a file that fits."""
        return self.share_capacity(fitted.name, key)

    def seal_file(self, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str) -> NewContainer:
        """Return the film with a file that is sealed in it while it is written."""
        return SealedFilm(self, fitted, keys, context, suffix)

    @abstractmethod
    def write(self, part: Path, film: "SealedFilm", verify: bool) -> WrittenMedium:
        """Write the cover with what is sealed in its groups, as `NewContainer.write` does.

        The notes have a line for each part of the cover that is not kept.
        """


class SealedFilm(NewContainer):
    """A film with a file that is sealed in one group of samples after another."""

    def __init__(
        self, medium: FilmMedium, fitted: HiddenFile, keys: ContainerKeys, context: Context, suffix: str
    ) -> None:
        self.medium = medium
        self.fitted = fitted
        self.context = context
        self.suffix = suffix
        self._keys = keys
        self.height, self.width = medium.size
        self.frames = medium.frames
        warn_of_slow_film(medium.frames, context)
        share = medium.share_of(fitted, keys.film) if medium.groups > 1 else 0
        with fitted.file.open("rb") as source:
            self.header = file_header(fitted.name, source, medium.groups, share, context.randomness)

    def inputs(self) -> Generator[tuple[Record, bytes], None, None]:
        """Yield the record of each group, and the seed to seal it with."""
        with self.fitted.file.open("rb") as source:
            for record in file_records(self.header, source):
                yield record, self.context.randomness(SEED_BYTES)

    def sealed(self, given: tuple[Record, bytes], group: SampleGroup) -> np.ndarray:
        """Return a group's samples with one of `inputs` sealed in them."""
        record, seed = given
        return seal_record(group, record, self._keys, seed, first=record.index == 0, effort=FILM_EFFORT)

    def write(self, part: Path, verify: bool) -> Written:
        """Write it as `NewContainer.write`."""
        medium = self.medium
        header = self.header
        written = medium.write(part, self, verify)
        loss = loss_note(header, self._keys.anchors is not None, medium.called, medium.lost)
        figures = {"cover_format": medium.history, "hidden_bytes": hidden_bytes(header), "secure": medium.secure}
        if medium.tells_share:
            most = medium.groups * medium.share_capacity(header.file.name, self._keys.film)
            figures |= {"capacity": most, "channels": medium.channels}
        of_frames = written.frames is None  # else groups are no frames, of which the report tells how many may be lost
        return Written.of(
            self.fitted,
            (*written.left_out, self.fitted.line, *self.fitted.notes, *loss, *written.notes),
            figures | written.figures,
            hidden=frames_with_data(header) if of_frames else written.frames,
            may_be_lost=may_be_lost(header) if of_frames else None,
        )


class FrameMedium(FilmMedium):
    """The frames of a film that is written without loss."""

    def __init__(self, cover: Cover, suffix: str) -> None:
        self.cover = cover
        self.groups = self.frames = cover.frames
        self.channels = cover.channels
        self.history = shown_history(cover, suffix)

    @cached_property
    def secure(self) -> SecurePayload:  # type: ignore[override]  # found when first asked for
        """Bytes that would be hard to find in as many samples of pictures."""
        height, width = self.size
        return secure_payload(self.groups * height * width * self.channels)

    def share_capacity(self, name: str, key: Key, model: SampleModel = LAYERED_PIXELS) -> int:
        """Return the bytes that fit into a frame; errors are those of `bytes_capacity`."""
        return frame_capacity(self.size, name, key, self.groups > 1, CoverNeeds(self.channels, model))

    def file_capacity(self, name: str, key: Key) -> int:
        """Return the bytes of the largest file of a name; errors are those of `bytes_capacity`."""
        return full_capacity(self.groups, self.share_capacity(name, key))

    def copy_capacity(self, name: str, key: Key, secret: Cover) -> int:
        """Return the largest size of a copy, as `Medium.copy_capacity`; films that are good in one layer use one."""
        good = 45  # dB
        most = self.file_capacity(name, key)
        if self.groups == 1 or secret.kind != FILM:
            return most
        one_layer = full_capacity(self.groups, self.share_capacity(name, key, PIXELS))
        height, width = secret.size
        quality = capacity_tables.film_quality(one_layer, width, height, secret.frames)
        return min(one_layer, most) if quality >= good else most

    def share_of(self, fitted: HiddenFile, key: Key) -> int:
        """Return the bytes of a frame for a share.

        Two layers are for what does not fit into one, not for more frames that may be lost.
        """
        one_layer = self.share_capacity(fitted.name, key, PIXELS)
        size = fitted.file.stat().st_size
        return one_layer if size <= full_capacity(self.groups, one_layer) else self.share_capacity(fitted.name, key)

    def remedy(self, name: str, key: Key, size: int, most: int) -> str:
        """Describe a cover that would be large enough."""
        fits = most and frames_for(size, self.share_capacity(name, key))
        hint = f"the cover needs at least {fits} such frames" if fits else "use a larger cover"
        return f"{hint}, a colour cover holds three times as much" if self.channels == 1 else hint

    def write(self, part: Path, film: SealedFilm, verify: bool) -> WrittenMedium:
        """Write the film without loss, sealing its frames while it is written."""
        sealers = 2  # threads: decoding and encoding take most of the time
        changes = Changes()

        def hide(given: tuple[Record, bytes], frame: np.ndarray) -> np.ndarray:
            container = film.sealed(given, FrameSamples(frame))
            changes.add(frame, container)
            return container

        rewritten = RewrittenFilm(self.cover, film.suffix, networks.Pool(sealers), film.context)
        not_copied = rewritten.write(part, film.inputs(), hide, verify)
        notes = (*(f"cover: {note}" for note in self.cover.film.notes), *not_copied)
        return WrittenMedium(notes, {"container_psnr": changes.psnr, "changed_pixels": changes.pixels})


class FrameSamples:
    """Red, green and blue of a frame, or of an array, outside its regular areas.

    Args:
        samples: (H, W, 3) uint8.
    """

    model = LAYERED_PIXELS
    fixed = None

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples

    def costs(self) -> Costs:
        """Return costs that are low in texture, and none in regular areas."""
        return texture_costs(self.samples, RegularAreas(self.samples).mask)
