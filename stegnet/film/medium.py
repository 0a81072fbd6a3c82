"""The frames of a film as a medium: red, green and blue are written without loss."""

from functools import cached_property
from pathlib import Path

import numpy as np

from stegnet import networks
from stegnet.core.errors import CapacityError
from stegnet.core.text import prefixed
from stegnet.film.rewriting import RewrittenFilm
from stegnet.hiding.grouped_medium import GroupedMedium, SealedGroups
from stegnet.hiding.medium import WrittenMedium, bytes_left
from stegnet.keys import Key
from stegnet.media.cover import Cover
from stegnet.media.evidence.copies import RegularAreas
from stegnet.media.growth import growth_of, time_in_words
from stegnet.pixels.medium import header_too_large, secure_payload
from stegnet.record import Record, empty_record_bytes, frames_for
from stegnet.results import Changes, SecurePayload, shown_history
from stegnet.sealing import PIXELS, Costs, record_capacity, texture_costs


class FrameMedium(GroupedMedium):
    """The frames of a film that is written without loss."""

    measured = False

    def __init__(self, cover: Cover, suffix: str) -> None:
        self.cover = cover
        self.groups = self.frames = cover.frames
        self.channels = cover.channels
        self.history = shown_history(cover, suffix)
        self.condition = cover.condition()

    @property
    def size(self) -> tuple[int, int]:
        return self.cover.size

    @cached_property
    def secure(self) -> SecurePayload:  # type: ignore[override]  # found when first asked for
        """Bytes that would be hard to find in as many samples of pictures."""
        height, width = self.size
        return secure_payload(self.groups * height * width * self.channels, self.cover.evidence.changes)

    def forecast(self) -> str:
        """Return how large the film gets if that is much, and how long it takes if that is long."""
        height, width = self.size
        pixels_a_second = 8e6  # that a processor core hides in, writes and reads back
        time = time_in_words(self.frames * height * width, pixels_a_second)
        growth = growth_of(self.cover)
        return "; ".join(filter(None, (growth.in_words if growth.is_much or time else "", time)))

    def share_capacity(self, name: str, key: Key) -> int | None:
        most = record_capacity(*self.size, key, self.channels)
        return bytes_left(most, empty_record_bytes(name, self.groups > 1))

    def refusal(self, name: str, key: Key, size: int, most: int | None) -> CapacityError | None:
        """Return the error for frames that are too small for any file of this name."""
        return header_too_large(self.size, name, key, self.channels, self.groups > 1) if most is None else None

    def remedy(self, name: str, key: Key, size: int, most: int) -> str:
        fits = most and frames_for(size, self.share_capacity(name, key) or 1)
        hint = f"the cover needs at least {fits} such frames" if fits else "use a larger cover"
        return f"{hint}, a colour cover holds three times as much" if self.channels == 1 else hint

    def write(self, part: Path, groups: SealedGroups) -> WrittenMedium:
        sealers = 2  # threads: decoding and encoding take most of the time
        changes = Changes()

        def hide(given: tuple[Record, bytes], frame: np.ndarray) -> np.ndarray:
            container = groups.sealed(given, FrameSamples(frame))
            changes.add(frame, container)
            return container

        rewritten = RewrittenFilm(self.cover, groups.suffix, networks.Pool(sealers), groups.context)
        not_copied = rewritten.write(part, groups.inputs(), hide)
        notes = (*(prefixed("cover: ", note) for note in self.cover.film.notes), *not_copied)
        return WrittenMedium(notes, {"container_psnr": changes.psnr, "changed_pixels": changes.pixels})


class FrameSamples:
    """Red, green and blue of a frame, or of an array, outside its regular areas.

    Args:
        samples: (H, W, 3) uint8.
    """

    rules = PIXELS
    fixed = None

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = samples

    def costs(self) -> Costs:
        """Return costs that are low in texture, and none in regular areas."""
        return texture_costs(self.samples, RegularAreas(self.samples).mask)
