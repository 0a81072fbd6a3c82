"""Methods that hide any file, byte for byte, in samples of one cover, and leave the rest of its file unchanged."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.names import USUAL_NAME
from stegnet.core.pixels import channels_of
from stegnet.core.text import Setting, Text
from stegnet.keys import ANY_KEY, ContainerKeys, Key, KeySource
from stegnet.media.cover import Cover
from stegnet.methods.hiding import suffixes_for
from stegnet.methods.method import (
    COMPRESS_HELP,
    SAFE_HELP,
    VERIFY_HELP,
    AlbumMethod,
    AutoOptions,
    Capacity,
    Carrier,
    Compressors,
    Context,
    CoverSize,
    Fit,
    HiddenFile,
    MethodChoice,
    NewContainer,
    Payload,
    Written,
    choice_of,
    media_compressors,
    option,
)
from stegnet.record import Record, empty_record_bytes, format_record
from stegnet.results import NONE_HARD, SecurePayload
from stegnet.sealing import PICTURE_EFFORT, SEED_BYTES, CarrierModel, Costs, SealOptions, record_capacity, seal


@dataclass(frozen=True)
class SampleOptions:
    """Options of methods that hide in samples."""

    compress: bool = option(False, COMPRESS_HELP)
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, VERIFY_HELP)


class Samples(ABC):
    """Samples to seal a file in, and how to write their file.

    Attributes:
        samples: (H, W, 3 or 1) uint8.
        medium: the kind of samples, and the data that the MAC covers besides them.
        secure: bytes that are hard to find.
        history: the trace that would betray a change, as of `Cover`.
        fixed: mask of samples that must not change, (rows, columns, 1) bool; None: all may.
        height, width: size of a picture in pixels; else 0.
    """

    samples: np.ndarray
    medium: CarrierModel
    secure: SecurePayload
    history: str | None
    fixed: np.ndarray | None = None
    height = width = 0

    def nothing_fits(self) -> CapacityError | None:
        """Return the error for a cover whose samples must all stay; None if some may change."""
        return None

    @abstractmethod
    def costs(self) -> Costs:
        """Return the costs of changing the samples."""

    @abstractmethod
    def write(self, part: Path, samples: np.ndarray, verify: bool, suffix: str) -> tuple[str, ...]:
        """Write the cover with other samples, given the container's suffix; errors are those of `NewContainer.write`.

        Returns:
            A line for each part of the cover that is not kept.
        """

    @abstractmethod
    def figures(self, samples: np.ndarray) -> dict[str, Any]:
        """Return values for `HidingFigures` that follow from the container's samples."""


class SampleMethod(AlbumMethod[SampleOptions]):
    """A method that opens covers with `open`."""

    what = "any file"  # what fits, in words

    @abstractmethod
    def open(self, cover: Cover) -> Samples:
        """Return the samples of a cover that stays what it is.

        Raises:
            MediaError: the cover can't be read.
            CapacityError: it is no cover for this method.
        """

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """List any file up to the capacity; nothing if the capacity is 0."""
        found = self.capacity(cover, USUAL_NAME, SampleOptions())
        return [Fit(self.what, self.info.name, found.bytes, found.hard)] if found.bytes else []

    def capacity(self, cover: CoverSize, name: str, options: SampleOptions) -> Capacity:
        """Return the capacity of the cover's samples; 0 if the method does not keep the cover's form."""
        if cover.cover is None or not self.info.keeps_form_of(cover.cover):
            return Capacity(0)
        carrier = _SampleCarrier(self.open(cover.cover), ANY_KEY, SampleOptions())
        return Capacity.of(carrier.capacity(name), carrier.hard, carrier.found.history)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions) -> MethodChoice | None:
        """Return a choice for a cover that stays what it is."""
        stays = not options.resize and self.info.keeps_form_of(cover) and suffix in suffixes_for(self, cover)
        return choice_of(self, options) if stays else None

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: SampleOptions, context: Context
    ) -> NewContainer:
        """Hide a file in the cover's samples, which are written in the cover's own form."""
        keys = key.new_keys(context.randomness)
        carrier = _SampleCarrier(self.open(cover), keys.film, options)
        context = context.in_steps("compress", "hide", "write")
        fitted = payload.fit(carrier, context)
        return _seal_samples(carrier, fitted.record(context.randomness), keys, context, suffix, fitted)

    def part_capacity(self, cover: Cover, empty: int, key: Key, options: SampleOptions) -> Capacity:
        """Return the bytes that fit into the samples beside an empty record, and those that are hard to find."""
        carrier = _SampleCarrier(self.open(cover), key, options)
        return Capacity(carrier.space - empty, carrier.hard)

    def embed_record(
        self, cover: Cover, record: Record, keys: ContainerKeys, options: SampleOptions, context: Context
    ) -> NewContainer:
        """Hide a record in the samples of an album's cover, as `AlbumMethod.embed_record` does."""
        carrier = _SampleCarrier(self.open(cover), keys.film, options)
        return _seal_samples(carrier, record, keys, context, suffixes_for(self, cover)[0])


class _SampleCarrier(Carrier):
    """Samples that a file is hidden in. The key is the container's film key."""

    def __init__(self, found: Samples, key: Key, options: SampleOptions) -> None:
        self.found = found
        self._key = key
        self._options = options
        self.at_most_safe = options.at_most_safe
        self.channels = channels_of(found.samples)
        rows, cols = found.samples.shape[:2]
        self.space = record_capacity(rows, cols, key, self.channels, found.medium)
        self.hard = NONE_HARD if found.history else found.secure.hard

    def capacity(self, name: str) -> int:
        most = self.space - empty_record_bytes(name, self._key)
        return min(most, self.hard) if self.at_most_safe else most

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        return self.found.nothing_fits() or super().refusal(payload, size, most)

    def remedy(self, payload: Payload, size: int, most: int) -> str:
        hint = "use a larger cover, or an album of several (`stegnet hide --spread`)"
        return hint + (Text(", or ", Setting("method", "auto"), ", which compresses it") if payload.kind else "")

    def compressors(self) -> Compressors:
        return media_compressors(single=True) if self._options.compress else {}


def _seal_samples(
    carrier: _SampleCarrier,
    record: Record,
    keys: ContainerKeys,
    context: Context,
    suffix: str,
    fitted: HiddenFile | None = None,
) -> "_SealedSamples":
    """Return a cover with a file, or a record of an album's file, sealed in its samples."""
    found = carrier.found
    context.warn_about_cover(found.history)
    samples = found.samples.copy()
    colour = samples.shape[2] > 1
    options = SealOptions(True, PICTURE_EFFORT, grey=colour, clustered=colour, medium=found.medium, fixed=found.fixed)
    data = format_record(record, keys.film)
    seed = context.randomness(SEED_BYTES)
    context.with_heartbeat("hide", lambda: seal(samples, data, keys, seed, found.costs(), options))
    return _SealedSamples(carrier, record, context, suffix, fitted, samples)


@dataclass
class _SealedSamples(NewContainer):
    carrier: _SampleCarrier
    record: Record
    context: Context
    suffix: str
    fitted: HiddenFile | None  # None: the record is a part of an album's file
    samples: np.ndarray

    def __post_init__(self) -> None:
        self.height = self.carrier.found.height
        self.width = self.carrier.found.width

    def write(self, part: Path, verify: bool) -> Written:
        found = self.carrier.found
        fitted = self.fitted
        about_cover = self.context.with_heartbeat("write", lambda: found.write(part, self.samples, verify, self.suffix))
        lines = (fitted.line, *fitted.notes) if fitted else ()
        figures = found.figures(self.samples) | {
            "cover_format": found.history,
            "hidden_bytes": len(self.record.data),
            "capacity": self.carrier.space,
            "channels": self.carrier.channels,
            "secure": found.secure,
        }
        return Written.of(fitted, (*lines, *about_cover), figures)
