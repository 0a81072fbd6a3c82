"""Sounds as covers: the lowest bytes of its samples can be sealed in (docs/format.md, "Sound containers").

A sound is read in parts, and sealed in segments, so that a long one needs no more memory than a short one.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet.core.pixels import in_strips
from stegnet.formats.opened_file import Source
from stegnet.media.evidence.copies import RegularPlaces
from stegnet.sound.evidence import SoundEvidence, SoundSample
from stegnet.sound.file import read_sound_file
from stegnet.sound.flac_encoders import wide_numbers

SOUND_ROW = 64  # samples of a channel that carry something together
_BLOCK = 1024  # samples that are predicted at once
_PART = 1 << 18  # frames that are read at once: whole blocks
_ORDER = 16  # of the linear prediction
_SAMPLE = np.dtype([("level", np.uint8), ("noise", np.float32), ("regular", np.bool_), ("stays", np.bool_)])


class SoundSegment(NamedTuple):
    """Rows of a sound in which one record is sealed.

    Attributes:
        samples: their lowest bytes, (rows, 64, 1) uint8.
        noise: noise around each sample in levels, (rows, 64) float32; 0 where the sound is regular. White noise of this
            level hides a change as well.
        stays: mask of the samples that no container may change, (rows, 64) bool: those of a FLAC's end, if it is kept.
    """

    samples: np.ndarray
    noise: np.ndarray
    stays: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """Return a segment of described rows, (rows, 64) `_SAMPLE`."""
        noise = np.where(rows["regular"] | rows["stays"], np.float32(0), rows["noise"])
        return cls(rows["level"][..., None].copy(), noise, rows["stays"].copy())


class _Rows(NamedTuple):
    """Rows of a sound, as readers find them."""

    loud: np.ndarray  # those that carry something, (n, channels) bool
    context: bytes  # SHA-256 of rate, frames and channels, and of all bytes of samples that carry nothing


class SoundCover:
    """Sound whose samples may change.

    Rows of 64 samples of a channel whose higher bytes are all equal, as in silence, carry nothing. Changes never
    change the higher bytes, so that the receiver finds the same rows.

    If all channels are equal, as in a recording with one microphone, they change together.

    Attributes:
        file: as `read_sound_file` returns it.
    """

    def __init__(self, source: Source) -> None:
        self.file = read_sound_file(source)
        self._channels = self.file.channels  # those that are looked at
        if self.file.channels > 1:
            with closing(self.file.blocks(_PART)) as blocks:
                self._channels = 1 if all((block == block[:, :1]).all() for block in blocks) else self.file.channels

    @cached_property
    def _scan(self) -> _Rows:
        shape = self.file.rate, self.file.frames, self.file.channels, self.file.width
        hashed = sha256(b"stegnet/1/sound" + np.array(shape, ">u8").tobytes())
        found = []
        for data in self._copies():
            rows = _rows(data)
            loud = np.zeros((len(rows), self._channels), bool)
            for channel, byte in np.ndindex(self._channels, self.file.width - 1):  # a plane at a time is much faster
                higher = rows[:, :, channel, byte + 1]
                loud[:, channel] |= (higher != higher[:, :1]).any(1)
            found.append(loud)
            _lowest(rows)[loud] = 0
            hashed.update(np.ascontiguousarray(self._all_channels(data)).data)
        return _Rows(np.concatenate(found), hashed.digest())

    def _copies(self) -> Iterator[np.ndarray]:
        """Yield the samples that are looked at in parts, (frames, channels, bytes) uint8, which may be changed."""
        for block in self.file.blocks(_PART):
            yield block[:, : self._channels].copy()

    def _all_channels(self, data: np.ndarray) -> np.ndarray:
        """Return the samples of all channels, (frames, channels, bytes) uint8, given those that are looked at."""
        return data if self._channels == self.file.channels else np.repeat(data, self.file.channels, 1)

    @property
    def context(self) -> bytes:
        """SHA-256 of its rate, frames and channels, and of all bytes of its samples that carry nothing."""
        return self._scan.context

    @property
    def is_silent(self) -> bool:
        """True if it has whole rows, but no row can carry anything."""
        return self._scan.loud.size > 0 and not self.rows

    @cached_property
    def rows(self) -> int:
        """Number of rows that carry something."""
        return int(np.count_nonzero(self._scan.loud))

    @property
    def size(self) -> tuple[int, int]:
        """Its rows that carry something, and the samples of each."""
        return self.rows, SOUND_ROW

    @property
    def segments(self) -> tuple[int, ...]:
        """Numbers of rows of its segments, of which it has one at least."""
        most_rows = 1 << 16  # of a segment
        count = max(1, -(-self.rows // most_rows))
        bounds = [self.rows * at // count for at in range(count + 1)]
        return tuple(end - start for start, end in pairwise(bounds))

    def samples(self) -> Generator[np.ndarray, None, None]:
        """Yield the lowest bytes of each segment's rows, (rows, 64, 1) uint8."""
        loud = _Taken(self._scan.loud)
        rows = (_lowest(part)[loud.take(len(part))] for part in map(_rows, self._copies()))
        for segment in _regrouped(rows, self.segments):
            yield segment[..., None]

    def with_samples(self, segments: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the file's samples in parts, as `SoundFile.blocks`, with others in the rows of its segments.

        A part's rows that carry something get the new samples in their lowest bytes, in order.
        """
        loud = _Taken(self._scan.loud)
        parts = range(0, len(self._scan.loud), _PART // SOUND_ROW)
        counts = [int(np.count_nonzero(self._scan.loud[at : at + _PART // SOUND_ROW])) for at in parts]
        new = _regrouped((segment[..., 0] for segment in segments), counts)
        for data in self._copies():
            rows = _rows(data)
            if len(rows):
                _lowest(rows)[loud.take(len(rows))] = next(new)
            yield self._all_channels(data)

    def described_segments(self) -> Iterator[SoundSegment]:
        """Yield the segments, with what tells how well a change of their samples is hidden."""
        return map(SoundSegment.of, self._described())

    def _described(self) -> Iterator[np.ndarray]:
        """Yield the rows of each segment, (rows, 64) `_SAMPLE`. Those of a few are kept: they are asked for twice."""
        few = 2
        return iter(self._kept_segments) if len(self.segments) <= few else self._segments_in_turn()

    @cached_property
    def _kept_segments(self) -> list[np.ndarray]:
        return list(self._segments_in_turn())

    def _segments_in_turn(self) -> Iterator[np.ndarray]:
        rows = (row.view(np.uint8) for row in self._described_rows())  # NumPy copies records one by one
        return (segment.view(_SAMPLE) for segment in _regrouped(rows, self.segments))

    def _described_rows(self) -> Iterator[np.ndarray]:
        """Yield the rows of each part that carry something, (rows, 64) `_SAMPLE`."""
        loud = _Taken(self._scan.loud)
        done = 0  # frames
        changeable = self.file.frames - self.file.kept
        for part, before, length in self._parts():
            rows = _rows(part[before : before + length])
            chosen = loud.take(len(rows))
            regular = self._places.mask(_numbers(part))[before : before + len(rows) * SOUND_ROW]
            frames = np.arange(done, done + len(rows) * SOUND_ROW).reshape(-1, 1, SOUND_ROW)
            done += length
            made = np.empty((np.count_nonzero(chosen), SOUND_ROW), _SAMPLE)
            made["level"] = _lowest(rows)[chosen]
            made["noise"] = _noise_of(rows)[chosen]
            made["regular"] = regular.reshape(-1, SOUND_ROW, self._channels).transpose(0, 2, 1)[chosen]
            made["stays"] = np.broadcast_to(frames >= changeable, (*chosen.shape, SOUND_ROW))[chosen]
            yield made

    def _parts(self) -> Iterator[tuple[np.ndarray, int, int]]:
        """Yield parts of the samples that are looked at, with margins; and the lengths of the first margin and part."""
        margin = RegularPlaces.beside
        before = np.zeros((0, self._channels, self.file.width), np.uint8)
        parts = self._copies()
        part = next(parts, None)
        while part is not None:
            after = next(parts, None)
            yield np.concatenate([before, part, part[:0] if after is None else after[:margin]]), len(before), len(part)
            before = part[-margin:]
            part = after

    @cached_property
    def _places(self) -> RegularPlaces:
        places = RegularPlaces(self._channels)
        for part in self._copies():
            places.add(_numbers(_rows(part)).reshape(-1, self._channels))
        places.compare()
        return places

    @cached_property
    def evidence(self) -> SoundEvidence:
        """Evidence of changes that its samples give."""
        sample = SoundSample(self.file.frames, self._channels, 8 * self.file.width)
        for part in self._copies():
            sample.add(_numbers(part))
        return SoundEvidence.of(sample)

    @cached_property
    def _counted(self) -> list[tuple[int, int]]:
        """The numbers of noisy samples, and of regular ones, of each segment."""
        noisy = 3.0  # levels of noise, from which a sample can carry
        found = []
        for rows in self._described():
            is_noisy = (rows["noise"] >= noisy) & ~rows["regular"] & ~rows["stays"]
            found.append((int(np.count_nonzero(is_noisy)), int(np.count_nonzero(rows["regular"]))))
        return found

    @property
    def noisy_samples(self) -> list[int]:
        """Numbers of samples in noise, which hides changes, of each segment."""
        return [noisy for noisy, _ in self._counted]

    @cached_property
    def history(self) -> str | None:
        """Trace by which what is hidden in the samples is found; None if there is no known trace."""
        if not self.rows:
            return None
        if self.file.has_unknown_settings:
            return "a sound whose FLAC settings are unknown (code it again first: `flac -f NAME.flac`)"
        if self.evidence.trace:
            return self.evidence.trace
        nearly_all = 0.99  # share of samples in regular places, which carry nothing
        if sum(regular for _, regular in self._counted) > nearly_all * self.rows * SOUND_ROW:
            return "a sound that repeats itself throughout, as a loop"
        return None


class _Taken:
    """Array, (n, …), that is taken in parts, from its start."""

    def __init__(self, whole: np.ndarray) -> None:
        self._whole = whole
        self._start = 0

    def take(self, count: int) -> np.ndarray:
        """Return the next `count` entries."""
        self._start += count
        return self._whole[self._start - count : self._start]


def _regrouped(parts: Iterator[np.ndarray], counts: Iterable[int]) -> Iterator[np.ndarray]:
    """Yield the rows of some parts, one after the other, in groups of other numbers of rows."""
    waiting: list[np.ndarray] = []
    for count in counts:
        while not waiting or sum(map(len, waiting)) < count:
            waiting.append(next(parts))
        whole = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        waiting = [whole[:count], whole[count:].copy()]
        del whole  # so that only who takes the group keeps it
        yield waiting.pop(0)


def _rows(data: np.ndarray) -> np.ndarray:
    """Return the rows of whole blocks of samples, (n, 64, channels, bytes); a view."""
    whole = len(data) // _BLOCK * _BLOCK
    return data[:whole].reshape(-1, SOUND_ROW, *data.shape[1:])


def _lowest(rows: np.ndarray) -> np.ndarray:
    """Return the lowest bytes of rows, (n, channels, 64) uint8; a view."""
    return rows[..., 0].transpose(0, 2, 1)


def _numbers(data: np.ndarray) -> np.ndarray:
    """Return samples, (…, 2 or 3) uint8, as numbers, (…) int16 or int32."""
    if data.shape[-1] == 2:
        return np.ascontiguousarray(data).view("<i2")[..., 0]
    return wide_numbers(data) >> 8


def _noise_of(rows: np.ndarray) -> np.ndarray:
    """Return the noise around each sample of rows in levels, (n, channels, 64) float32.

    It is the residual of a linear prediction (Makhoul 1975, "Linear prediction: a tutorial review", Proc. IEEE
    63(4)), divided by the length of the prediction's filter. Where bands of the spectrum are empty, the filter is
    long, and a change shows in these bands.
    """
    blocks = rows.reshape(-1, _BLOCK, *rows.shape[2:]).transpose(0, 2, 1, 3)  # (K, channels, 1024, bytes)
    noise = np.empty(blocks.shape[:3], np.float32)
    blocks_at_once = 64  # so that they stay in the processor's cache

    def measure(part: slice) -> None:
        for first in range(part.start, part.stop, blocks_at_once):
            some_blocks = slice(first, min(first + blocks_at_once, part.stop))
            numbers = wide_numbers(blocks[some_blocks]) >> 8 * (4 - blocks.shape[3])
            noise[some_blocks] = _noise(numbers.reshape(-1, _BLOCK)).reshape(numbers.shape)

    if len(blocks):
        in_strips(measure, len(blocks), _BLOCK * blocks.shape[1])
    by_rows = noise.reshape(len(blocks), blocks.shape[1], _BLOCK // SOUND_ROW, SOUND_ROW).transpose(0, 2, 1, 3)
    return by_rows.reshape(len(rows), rows.shape[2], SOUND_ROW)


def linear_prediction(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return filters of length 1 that predict blocks from 16 samples, (n, 17), and their residuals, (n, 1008).

    Args:
        numbers: (n, 1024) int32.
    """
    values = numbers.astype(float)
    windowed = values * np.hanning(_BLOCK)
    lags = [np.einsum("ij,ij->i", windowed[:, lag:], windowed[:, : _BLOCK - lag]) for lag in range(_ORDER + 1)]
    products = np.stack(lags, 1)
    products[:, 0] += 1e-9 * products[:, 0] + 1e-3
    filters = np.zeros_like(products)
    error = products[:, 0].copy()
    filters[:, 0] = 1
    for order in range(1, _ORDER + 1):  # Levinson's recursion
        reflection = -(filters[:, :order] * products[:, order:0:-1]).sum(1) / error
        filters[:, 1 : order + 1] += reflection[:, None] * filters[:, order - 1 :: -1]
        error *= 1 - reflection**2
    filters /= np.sqrt(np.square(filters).sum(1, keepdims=True))
    return filters, (sliding_window_view(values, _ORDER + 1, 1) @ filters[:, ::-1, None])[..., 0]


def _noise(numbers: np.ndarray) -> np.ndarray:
    """Return the mean absolute prediction residual within 4 samples of each sample of the blocks, (n, 1024)."""
    residual = np.abs(linear_prediction(numbers)[1])
    reach = 4  # samples on each side that are averaged
    sums = np.cumsum(np.pad(residual, ((0, 0), (_ORDER + reach + 1, reach)), "edge"), 1)
    means: np.ndarray = (sums[:, 2 * reach + 1 :] - sums[:, : -2 * reach - 1]) / (2 * reach + 1)
    return means
