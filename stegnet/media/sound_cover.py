"""Sounds as covers: the lowest bytes of its samples can be sealed in (docs/format.md, "Sound containers")."""

from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stegnet.core.pixels import in_strips, strips
from stegnet.formats.opened_file import Source
from stegnet.formats.sound_file import read_sound_file, wide_numbers
from stegnet.media.regular import lacks_values, regular_places

_ROW = 64  # samples of a channel that carry something together
_BLOCK = 1024  # samples that are predicted at once
_ORDER = 16  # of the linear prediction
_ZERO = 1 << 15  # place of 0 in a histogram of 16 bits
_COUNTED = 20  # samples of a value and its neighbours that are enough to tell


class SoundCover:
    """Sound whose samples may change.

    Rows of 64 samples of a channel whose higher bytes are all equal, as in silence, carry nothing. Steps never
    change the higher bytes, so that the receiver finds the same rows.

    If all channels are equal, as in a recording with one microphone, they change together.

    Attributes:
        file: as `read_sound_file` returns it.
        samples: lowest bytes of the other rows, (rows, 64, 1) uint8.
    """

    def __init__(self, source: Source) -> None:
        self.file = read_sound_file(source)
        first = self.file.data[:, :1]
        self._data = first if (first == self.file.data).all() else self.file.data
        rows = self._rows(self._data)
        self._loud = np.zeros((len(rows), rows.shape[2]), bool)
        for channel, byte in np.ndindex(rows.shape[2], rows.shape[3] - 1):  # a plane at a time is much faster
            higher = rows[:, :, channel, byte + 1]
            self._loud[:, channel] |= (higher != higher[:, :1]).any(1)
        self.samples = rows[..., 0].transpose(0, 2, 1)[self._loud][..., None]

    @property
    def is_silent(self) -> bool:
        """True if it has whole rows, but no row can carry anything."""
        return self._loud.size > 0 and not self._loud.any()

    @cached_property
    def context(self) -> bytes:
        """SHA-256 of its rate, channels and frames, and of all other bytes of its samples."""
        head = np.array([self.file.rate, *self.file.data.shape], ">u8").tobytes()
        hashed = sha256(b"stegnet/2/sound" + head)
        hashed.update(self.with_samples(np.zeros_like(self.samples)).data)
        return hashed.digest()

    def with_samples(self, samples: np.ndarray) -> np.ndarray:
        """Return the file's data with other samples, (frames, channels, bytes) uint8."""
        data = self._data.copy()
        lowest = self._rows(data)[..., 0].transpose(0, 2, 1)
        lowest[self._loud] = samples[..., 0]
        return data if self._data is self.file.data else np.repeat(data, self.file.data.shape[1], 1)

    @cached_property
    def noise(self) -> np.ndarray:
        """Noise around each sample in levels, (rows, 64) float32: white noise of this level hides a change as well.

        It is the residual of a linear prediction (Makhoul 1975, "Linear prediction: a tutorial review", Proc. IEEE
        63(4)), divided by the length of the prediction's filter. Where bands of the spectrum are empty, the filter is
        long, and a change shows in these bands. Where a sound is regular, the noise is 0.
        """
        rows = self._rows(self._data)
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
        by_rows = noise.reshape(len(blocks), blocks.shape[1], _BLOCK // _ROW, _ROW).transpose(0, 2, 1, 3)
        around = by_rows.reshape(*self._loud.shape, _ROW)[self._loud]
        around[self._regular | self.stays] = 0
        return around

    @cached_property
    def stays(self) -> np.ndarray:
        """Mask of the samples that no container may change, (rows, 64) bool: those of a FLAC's end, if it is kept."""
        rows = self._rows(self._data)
        frames = np.arange(len(rows) * _ROW).reshape(-1, 1, _ROW) >= len(self._data) - self.file.kept
        return np.broadcast_to(frames, (*self._loud.shape, _ROW))[self._loud]

    @cached_property
    def _regular(self) -> np.ndarray:
        """Mask of the samples in regular places, (rows, 64) bool."""
        rows = self._rows(self._data)
        places = regular_places(self._numbers.reshape(-1, rows.shape[2]))
        return places.reshape(-1, _ROW, rows.shape[2]).transpose(0, 2, 1)[self._loud]

    @property
    def _numbers(self) -> np.ndarray:
        """Samples of whole rows, (n, 64, channels) int16 or int32."""
        rows = self._rows(self._data)
        if rows.shape[3] == 2:
            return np.ascontiguousarray(rows).view("<i2")[..., 0]
        return wide_numbers(rows) >> 8

    @cached_property
    def history(self) -> str | None:
        """Trace that reveals a change of the samples; None if there is no known trace.

        After a change of volume, some values are missing, or occur twice as often as their neighbours.
        """
        if not self.samples.size:
            return None
        if self.file.has_unknown_settings:
            return "a sound whose FLAC settings are unknown (code it again first: `flac -f NAME.flac`)"
        lowest, near = self._counts
        centre = 8  # levels around 0, where counts may be uneven
        uneven = max(
            _roughness(lowest[centre:-centre]),
            _roughness(near[_ZERO - 256 : _ZERO - centre]),
            _roughness(near[_ZERO + centre : _ZERO + 256]),
        )
        lacks_bytes = np.count_nonzero(lowest) < 128 and self.samples.size > 256 * _COUNTED
        rough = 6.0  # roughness that shows a change
        if uneven > rough or lacks_bytes or lacks_values(np.trim_zeros(near)):
            return "a sound that lacks some values of samples, as after a change of its volume or bits"
        mostly = 0.8  # share of samples in regular places
        if self._regular.mean() > mostly:
            return "a sound that mostly repeats itself, as a loop or after a change of its rate"
        return None

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts of lowest bytes, (256,), and of values of 16 bits, (65536,) from −32768 on."""
        numbers = self._numbers.transpose(0, 2, 1)[self._loud]
        near = np.zeros(2 * _ZERO, np.int64)
        lowest = np.zeros(256, np.int64)
        for part in strips(*numbers.shape):
            values = numbers[part].reshape(-1)
            lowest += np.bincount(values.astype(np.uint8), minlength=256)
            small = values[values == values.astype(np.int16)].astype(np.int16) if values.itemsize > 2 else values
            near += np.bincount(small.view(np.uint16), minlength=near.size)
        return lowest, np.roll(near, _ZERO)

    @staticmethod
    def _rows(data: np.ndarray) -> np.ndarray:
        """Return the rows of whole blocks of data, (n, 64, channels, bytes); a view."""
        whole = len(data) // _BLOCK * _BLOCK
        return data[:whole].reshape(-1, _ROW, *data.shape[1:])


def _roughness(counts: np.ndarray) -> float:
    """Return the mean square of a histogram's second differences, relative to a smooth one; 0 if few are counted."""
    inner = counts[1:-1].astype(float)
    beside = (counts[:-2] + counts[2:]) / 2
    used = inner + beside > _COUNTED
    if np.count_nonzero(used) <= _COUNTED:
        return 0.0
    return float(np.square(inner - beside)[used].sum() / (0.75 * (inner + beside)[used]).sum())


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
