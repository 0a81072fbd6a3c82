"""The lowest bytes of a sound's samples as a medium: in segments, or the first one alone for a part of an album."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.pixels import in_strips
from stegnet.hiding.grouped_medium import GroupedMedium, SealedGroups
from stegnet.hiding.medium import SampleMedium, WrittenMedium, bytes_left
from stegnet.keys import Key
from stegnet.media.cover import Cover
from stegnet.media.growth import time_in_words
from stegnet.record import Record, empty_record_bytes
from stegnet.results import ChangeBound, SecurePayload
from stegnet.sealing import MEDIAN, PICTURE_EFFORT, UNEVEN, WET, Costs, SampleRules, record_capacity
from stegnet.sound.cover import SOUND_ROW, SoundCover, SoundSegment


class SegmentSamples(NamedTuple):
    """Samples of a segment of a sound, as a `SampleGroup`."""

    samples: np.ndarray
    rules: SampleRules
    fixed: np.ndarray | None
    noise: np.ndarray

    @classmethod
    def of(cls, segment: SoundSegment, sound: SoundCover) -> Self:
        """Return the samples of a segment of a sound."""
        fixed = segment.stays[..., None] if segment.stays.any() else None
        return cls(segment.samples, replace(UNEVEN, context=sound.context), fixed, segment.noise)

    def costs(self) -> Costs:
        """Return low costs in noise, and high ones where the sound is quiet or regular."""
        least = 0.02
        noise = self.noise
        levels = np.empty((*noise.shape, 1), np.uint16)
        noisy = noise[noise > 0]
        usual = np.float32(MEDIAN * np.sqrt(max(np.median(noisy), least) if noisy.size else least))

        def fill(rows: slice) -> None:
            levels[rows, :, 0] = np.clip(usual / np.sqrt(np.maximum(noise[rows], least)), 1, WET)

        in_strips(fill, *noise.shape)
        return Costs(levels, levels)


class SoundMedium(GroupedMedium):
    """The lowest bytes of a sound's samples, in segments."""

    spare = False
    effort = PICTURE_EFFORT

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        self.groups = len(cover.sound.segments)
        self.history = cover.history
        self.condition = cover.condition()
        self.secure = _secure_payload(cover, sum(cover.sound.noisy_samples), self.groups)

    def forecast(self) -> str:
        """Return how long it takes if that is long."""
        samples_a_second = 8e6  # that are written and read back
        return time_in_words(sum(self.cover.sound.segments) * SOUND_ROW, samples_a_second)

    def share_capacity(self, name: str, key: Key) -> int | None:
        rows = min(self.cover.sound.segments)
        return bytes_left(record_capacity(rows, SOUND_ROW, key, 1, UNEVEN), empty_record_bytes(name, self.groups > 1))

    def refusal(self, name: str, key: Key, size: int, most: int | None) -> CapacityError | None:
        """Return the error for a sound that is silent, or too short; None for others."""
        if self.cover.sound.rows:
            return None
        if self.cover.sound.is_silent:
            silent = "is silent or nearly so, and silence carries nothing"
            return CapacityError(silent, "use another recording", subject=self.cover)
        return CapacityError("is too short to carry anything", "use a longer recording", subject=self.cover)

    def write(self, part: Path, groups: SealedGroups) -> WrittenMedium:
        changed: list[int] = []
        segments = self.cover.sound.described_segments()

        def seal(given: tuple[Record, bytes]) -> np.ndarray:
            segment = SegmentSamples.of(next(segments), self.cover.sound)
            samples = groups.sealed(given, segment)
            changed.append(int(np.count_nonzero(samples != segment.samples)))
            groups.context.progress("hide", len(changed), self.groups)
            return samples

        notes = _write(self.cover, part, map(seal, groups.inputs()))
        return WrittenMedium(notes, _figures(self.cover, sum(changed)), frames=min(1, groups.header.file.size))


class SoundPart(SampleMedium):
    """The lowest bytes of a sound's first segment, which carries the part of an album's file."""

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        self._first = SegmentSamples.of(next(cover.sound.described_segments()), cover.sound)
        self.samples = self._first.samples
        self.rules = self._first.rules
        self.fixed = self._first.fixed
        self.history = cover.history
        self.condition = cover.condition()
        self.secure = _secure_payload(cover, cover.sound.noisy_samples[0])

    def costs(self) -> Costs:
        return self._first.costs()

    def write(self, part: Path, sealed: np.ndarray) -> WrittenMedium:
        """Write the sound in its own form, with other samples in its first segment."""
        others = islice(self.cover.sound.samples(), 1, None)
        notes = _write(self.cover, part, chain([sealed], others))
        return WrittenMedium(notes, _figures(self.cover, int(np.count_nonzero(sealed != self.samples))))


def _secure_payload(cover: Cover, noisy: int, segments: int = 1) -> SecurePayload:
    """Return the bytes that are hard to find in so many samples in noise, of some first segments of a sound."""
    rate = 0.2  # bits a sample that are hard to find in such noise
    measured = 2**18  # samples of the sounds in the measurement
    share = segments / len(cover.sound.segments)
    most = cover.sound.evidence.changes * math.sqrt(share)  # as the square root law has it
    # Of 20 seconds and of two minutes, an empty file changed 424 samples in each segment, and 1,000 bytes 1,180 more.
    bound = None if math.isinf(most) else ChangeBound(most, record=424, byte=1.2)
    return SecurePayload(noisy, rate, measured, records=segments, bound=bound)


def _write(cover: Cover, part: Path, segments: Iterator[np.ndarray]) -> tuple[str, ...]:
    """Write a sound in its own form, with other samples in its segments, and return its lines for the report."""
    file = cover.sound.file
    file.write(part, cover.sound.with_samples(segments))
    return tuple(f"cover: {note}" for note in file.notes())


def _figures(cover: Cover, changed: int) -> dict[str, Any]:
    """Return what a report tells of the changes."""
    file = cover.sound.file
    return {"cover_pixels": file.frames * file.channels, "changed_pixels": changed, "unit": "samples"}
