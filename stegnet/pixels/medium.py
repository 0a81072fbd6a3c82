"""Samples of a picture: red, green and blue, outside regular areas, by changes of ±1."""

from functools import cached_property
from math import ceil, inf, isinf, sqrt
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.names import PICTURE
from stegnet.core.pixels import check_memory, memory_to_hide
from stegnet.formats.signatures import FORMS, has_form
from stegnet.hiding.medium import SampleMedium, WrittenMedium, bytes_left
from stegnet.image.pictures import picture_head, refuse_palette
from stegnet.keys import ANY_KEY, Key
from stegnet.media.condition import Condition
from stegnet.media.cover import Cover, reduced_to
from stegnet.media.evidence.copies import RegularAreas
from stegnet.media.evidence.pictures import PictureEvidence, picture_evidence
from stegnet.media.growth import growth_of
from stegnet.pixels.forms import write_picture
from stegnet.record import empty_record_bytes, full_capacity
from stegnet.results import SLIGHTLY, ChangeBound, Changes, SecurePayload, shown_history
from stegnet.sealing import (
    PIXELS,
    Costs,
    CoverNeeds,
    most_fixed,
    record_capacity,
    texture_costs,
    too_small,
)

DATA_NAME = "data.bin"  # name stored with bytes that have no file name
RATE = 0.05  # bits a sample that are hard to find
_RECORD_CHANGES = 200  # changed samples of a record with an empty file, of a short name
_BYTE_CHANGES = 5.1  # of each byte of a small file
MEASURED = 3 * 256**2  # samples of the covers in the measurements


class PixelMedium(SampleMedium):
    """Red, green and blue of a picture, reduced first if asked for; opacity is lost.

    Args:
        cover: opened picture.
        side: longer side in pixels that it is reduced to; None: it stays as large.
        suffix: suffix of the container; "": the usual one.

    Raises:
        ConfigError: it is not larger than the size to reduce it to.
        MediaError: it can't be read, has a palette, or is too large for the free memory.
    """

    rules = PIXELS
    memory_if_full = 15

    def __init__(self, cover: Cover, side: int | None, suffix: str = "") -> None:
        cover.once("pixels", check_pixels)
        self.cover = cover
        self.samples = reduced_to(cover.pixels, side)
        self._side = side
        self._suffix = suffix or FORMS[PICTURE][0]

    @cached_property
    def regular(self) -> RegularAreas:
        """The regular areas, which take long to find, and only if the file fits."""
        return RegularAreas(self.samples) if self._side else regular_areas_of(self.cover)

    @cached_property
    def secure(self) -> SecurePayload:  # type: ignore[override]  # found when first asked for
        """Bytes that are hard to find in it."""
        return secure_in(self.regular.mask, self.channels, inf if self.history else self.evidence.changes)

    @cached_property
    def history(self) -> str | None:  # type: ignore[override]  # found when first asked for
        """The lossy format that the cover has or had, or what proves a change; None: nothing that is known does.

        A picture that is reduced is asked again; to half its sides or less, its own format no longer matters.
        """
        if not self._side:
            return shown_history(self.cover, self._suffix)
        if self.cover.is_halved(self._side) or self.evidence.proof:
            return self.evidence.proof
        past = shown_history(self.cover, self._suffix)
        if past and past == self.cover.unknown_png:  # at another size, it is written as common programs do
            return past if self.size == self.cover.size else None
        return past and f"{past}, {SLIGHTLY}"

    @cached_property
    def evidence(self) -> PictureEvidence:
        """Evidence that its samples give of changes."""
        return picture_evidence(self.samples) if self._side else self.cover.evidence

    @property
    def condition(self) -> Condition:  # type: ignore[override]  # it depends on the size
        """What has to be so of the cover."""
        return self.cover.condition(self._side)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.samples.shape[:2]
        return height, width

    def forecast(self) -> str:
        """Return how large the container gets if that is much, and how long it takes if that is long."""
        growth = None if has_form(self.cover, self._suffix) else growth_of(self.cover, self._side)
        return "; ".join(filter(None, (growth.in_words if growth and growth.is_much else "", super().forecast())))

    def refusal(self, name: str, key: Key, size: int, most: int | None) -> CapacityError | None:
        """Return the error for a picture that is too small for any file of this name."""
        return header_too_large(self.size, name, key, self.channels) if most is None else None

    def remedy(self, name: str, key: Key, size: int, most: int) -> str:
        height, width = self.size
        in_all = self.record_capacity(key) or 0  # of a cover in which the header fits
        side = sqrt((in_all - most + size) / in_all)
        hint = f"the cover needs at least {ceil(width * side) + 1}×{ceil(height * side) + 1} pixels"
        return f"{hint}, a colour cover holds three times as much" if self.channels == 1 else hint

    def costs(self) -> Costs:
        return texture_costs(self.samples, self.regular.mask)

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the picture, as the cover is written if it has the container's form."""
        changes = Changes.of(self.samples, sealed)
        notes = write_picture(self._suffix, self.cover, self.cover.picture[1], part, sealed)
        return WrittenMedium(notes, {"container_psnr": changes.psnr, "changed_pixels": changes.pixels})


def check_pixels(cover: Cover) -> None:
    """Raise MediaError for a picture that has a palette, or is too large for the free memory."""
    refuse_palette(cover)
    head = picture_head(cover)
    check_memory(cover, memory_to_hide(head.width * head.height), f"{head.width}×{head.height} pixels")


def regular_areas_of(cover: Cover) -> RegularAreas:
    """Return the regular areas of a picture, which are found once."""
    return cover.once("regular areas", lambda opened: RegularAreas(opened.pixels))


def bytes_capacity(
    height: int, width: int, name: str = DATA_NAME, key: Key = ANY_KEY, frames: int = 1, channels: int = 3
) -> int:
    """Return the bytes that the sealed method can hide in a picture or film of this size under this file name.

    A film key for a recipient leaves fewer bytes. One frame means a picture; one channel, a grey picture, which stays
    grey.

    Raises:
        CapacityError: not even the header fits.
    """
    share = bytes_left(record_capacity(height, width, key, channels), empty_record_bytes(name, frames > 1))
    if share is None:
        raise header_too_large((height, width), name, key, channels, frames > 1)
    return full_capacity(frames, share)


def header_too_large(size: tuple[int, int], name: str, key: Key, channels: int, spread: bool = False) -> CapacityError:
    """Return the error for a picture, or frames, of this size that don't hold the header of a file of this name."""
    return too_small(*size, empty_record_bytes(name, spread), key, CoverNeeds(channels))


def secure_in(regular: np.ndarray, channels: int, changes: float) -> SecurePayload:
    """Return the bytes that are hard to find in a picture.

    Args:
        regular: mask, of any shape, of pixels in regular areas.
        channels: number of its channels.
        changes: number of changes that its spectrum hides; infinite: any.

    A change shows in regular areas, so these carry nothing. But in a small, mostly regular picture, some of the trits
    that it has to carry have no other samples to choose from.
    """
    share = float(regular.mean()) if regular.size else 1.0
    samples = regular.size * channels
    free_sums = 4.0  # for each trit, of which no order in forty has too few
    forced = share > 0 and share > most_fixed(samples, PIXELS, free_sums)
    return secure_payload(0 if forced else round(samples * (1 - share)), changes)


def secure_payload(samples: int, changes: float) -> SecurePayload:
    """Return the bytes that are hard to find in a cover with this many varied samples and no lossy past.

    The best of the detectors that were tried, SRMQ1, is right in 55 % of cases at 0.05 bit per sample of a photograph
    of 256², in 62 % at 0.1 and in 77 % at 0.2; another, CRMQ1, in 91 % at 0.4 (reports/shipped/steganalysis;
    docs/security.md, "Detection").
    """
    bound = None if isinf(changes) else ChangeBound(changes, _RECORD_CHANGES, _BYTE_CHANGES)
    return SecurePayload(samples, RATE, MEASURED, bound=bound)
