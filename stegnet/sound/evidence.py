"""Evidence in a sound: after how many changes does it show that something was hidden?

Three questions are asked of a sound's samples, in parts of it, so that a fade or a pause hides nothing:

- lattice: are levels left out that noise would fill, as after a gain or a change of bits?
- prediction: does a sample follow from other channels, or from its neighbours, within rounding, as after panning,
  a delay or interpolation?
- band: is a part of the spectrum at the level of rounding, as after a lossy codec or a low-pass filter?

The first two can prove a single change. The third, and a lattice whose levels are only uneven, give a number of
changes. If C of N samples change by ±1, spread evenly, the optimal detector has a deflection d' that is proportional to
C (Kay 1998, "Fundamentals of statistical signal processing: detection theory", 4.4), and an AUC of Φ(d'/√2).
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stegnet.media.evidence.detection import HARD_DEFLECTION, ROUNDING

_SECTIONS = 16  # of a sound, that are asked one by one

LATTICE = "a sound that lacks some values of samples, as after a change of its volume or bits"
CHANNELS = "a sound whose channels follow from each other, as if one was made from another"
NEIGHBOURS = "a sound whose samples follow from their neighbours, as after a change of its rate"
BAND = "a sound part of whose spectrum is empty, as after MP3 or a filter"


@dataclass(frozen=True)
class SoundEvidence:
    """Evidence that a sound gives of changes of its samples.

    Attributes:
        trace: the trace by which the changes of an empty file are found, beginning with "a sound"; None: there is none.
        changes: number of changed samples that the optimal detector finds with an AUC of .6; infinite: no detector
            here finds them.
    """

    trace: str | None
    changes: float

    @classmethod
    def of(cls, sample: "SoundSample") -> "SoundEvidence":
        """Return the evidence of a sound that was sampled."""
        if sample.frames < 2 * _STRETCH:
            return cls(None, math.inf)
        if _follows_from_channels(sample):
            return cls(CHANNELS, 0)
        lattice, levels = _lattice(sample)
        if lattice:
            return cls(LATTICE, 0)
        if _follows_from_neighbours(sample):
            return cls(NEIGHBOURS, 0)
        band = _band(sample)
        changes = min(levels, band)
        found = 65  # changes at d' = 0.358 below which those of an empty file, about 420, are found with an AUC of .95
        return cls(None if changes > found else LATTICE if levels < band else BAND, changes)


# Samples.

_BLOCK = 64  # frames of a block that is counted in histograms
_WINDOW = 1024  # frames of a spectrum
_STRETCH = 8192  # frames that are predicted: twice the delay of channels that are told apart, 0.06 s
_TWICE = 0.2  # share of stretches that are enough: two of eight, since one may be by chance
_MOSTLY = 0.5  # share of samples that are equal in two channels, where copies carry nothing


class _Stretch(NamedTuple):
    """Loud samples in a row.

    Attributes:
        start: number of frames before them.
        samples: (channels, 8192) float.
        varied: channels whose second differences are large against rounding, (channels,) bool.
    """

    start: int
    samples: np.ndarray
    varied: np.ndarray


class SoundSample:
    """Parts of a sound that stand for all of it. It is read once from its start, and may last for hours.

    Args:
        frames: number of its frames.
        channels: number of its channels.
        bits: 16 or 24.
    """

    def __init__(self, frames: int, channels: int, bits: int) -> None:
        self.frames = frames
        self.channels = min(channels, 8)  # that are looked at
        self.bits = bits
        counted = 1_200_000  # samples: each of 1,000 levels around 0 gets hundreds
        self._every = max(1, frames * self.channels // counted)  # of so many blocks, one is counted
        starts = np.linspace(0, max(frames - _WINDOW, 0), 10 * _SECTIONS).astype(int)
        self._starts = np.unique(starts // _WINDOW * _WINDOW)  # a part is as long as whole windows, and cuts none
        self._blocks: dict[int, list[np.ndarray]] = defaultdict(list)
        self._windows: dict[int, list[np.ndarray]] = defaultdict(list)
        self._loudest: dict[int, tuple[float, int, np.ndarray]] = {}
        self._done = 0

    def add(self, numbers: np.ndarray) -> None:
        """Add the next frames, (n, channels) int; n is a multiple of 8192 except at the end."""
        numbers = numbers[:, : self.channels]
        first, self._done = self._done, self._done + len(numbers)
        blocks = numbers[: len(numbers) // _BLOCK * _BLOCK].reshape(-1, _BLOCK, self.channels)
        for at in range(-(first // _BLOCK) % self._every, len(blocks), self._every):
            self._blocks[self._section(first + at * _BLOCK)].append(blocks[at].copy())
        for start in self._starts[(self._starts >= first) & (self._starts + _WINDOW <= self._done)].tolist():
            self._windows[self._section(start)].append(numbers[start - first :][:_WINDOW].copy())
        stretches = numbers[: len(numbers) // _STRETCH * _STRETCH].reshape(-1, _STRETCH, self.channels)
        sparse = 61  # frames between those that tell how loud it is: no period of music
        for at, loud in enumerate(np.abs(stretches[:, ::sparse].astype(np.int32)).mean((1, 2))):
            start = first + at * _STRETCH
            if loud > self._loudest.get(self._section(start), (0.0,))[0]:
                self._loudest[self._section(start)] = float(loud), start, stretches[at].astype(float)

    def _section(self, start: int) -> int:
        return min(start * _SECTIONS // self.frames, _SECTIONS - 1)

    def counted(self) -> list[np.ndarray]:
        """Return samples of each section that has some, (n, channels).

        Blocks that are nearly silent, or whose channels are equal, are left out.
        """
        silent = 32 if self.bits == 16 else 4096  # range of values up to which a distribution is too narrow
        found = []
        for blocks in self._blocks.values():
            stacked = np.stack(blocks)  # (blocks, 64, channels)
            used = (np.ptp(stacked[:, ::4], axis=1) >= silent).any(1)
            if self.channels > 1:
                used &= (stacked[..., 0] == stacked[..., 1]).mean(1) < _MOSTLY
            found.append(stacked[used].reshape(-1, self.channels))
        return [samples for samples in found if len(samples)]

    def windows(self) -> list[np.ndarray]:
        """Return windows of each section that has some, (n, 1024, channels) float.

        Those that are silent, or whose channels are equal, carry nothing.
        """
        silent = 32  # range of values of all channels
        least = 2  # windows whose powers are averaged
        used = [
            [window for window in windows if np.ptp(window, axis=0).max() >= silent and not _are_equal(window.T)]
            for windows in self._windows.values()
        ]
        return [np.stack(windows).astype(float) for windows in used if len(windows) >= least]

    def stretches(self) -> list[_Stretch]:
        """Return the loudest stretch of each section, if it varies and no channels are equal."""
        varied = 12  # second differences that a quarter of the samples exceeds
        found = []
        for _, start, frames in self._loudest.values():
            samples = np.ascontiguousarray(frames.T)
            stretch = _Stretch(start, samples, np.quantile(np.abs(np.diff(samples, 2)), 0.75, axis=1) >= varied)
            if stretch.varied.any() and not _are_equal(samples):
                found.append(stretch)
        return found

    def is_drawn(self) -> bool:
        """Return whether loud stretches are straight lines but for jumps, as a synthesiser draws a sawtooth."""
        steep, straight, nearly_all = 12, 2, 0.95  # levels of a slope; difference of slopes; share of them
        drawn = []
        for _, _, frames in self._loudest.values():
            slopes = np.abs(np.diff(frames, axis=0))[:-1]
            sloping = slopes >= steep
            bends = np.abs(np.diff(frames, 2, axis=0))[sloping]
            drawn.append(sloping.mean() > _MOSTLY and np.mean(bends <= straight) >= nearly_all)
        return bool(drawn) and float(np.mean(drawn)) >= _TWICE


def _are_equal(samples: np.ndarray) -> bool:
    """Return whether two channels of a part, (channels, n), are mostly equal."""
    return any(np.mean(first == second) >= _MOSTLY for first, second in combinations(samples, 2))


# Lattice.


def _lattice(sample: SoundSample) -> tuple[bool, float]:
    """Return whether levels are left out, and otherwise after how many changes it shows that they became more even.

    It shows where the deflection is HARD_DEFLECTION; inf: never.

    Counted are the levels of each channel, and of the sums and differences of two, which a change of stereo width
    leaves on a lattice.
    """
    sections = [list(_series(samples)) for samples in sample.counted()]
    informations = []
    for parts in zip(*sections, strict=True):
        median = int(np.median(np.concatenate(parts)))
        histograms = [_Levels.of(values - median, sample.bits) for values in parts]
        whole = _Levels(np.sum([levels.counts for levels in histograms], 0))
        if any(levels.are_left_out() for levels in (whole, *histograms)):
            return True, 0
        informations.append(max(whole.information(), float(np.mean([levels.information() for levels in histograms]))))
    by_channels = sum(informations[: sample.channels]) / sample.channels**2  # each gets a share of the changes
    by_mixes = max(informations[sample.channels :], default=0.0)
    information = max(by_channels, by_mixes)
    return False, HARD_DEFLECTION * math.sqrt(sample.frames / information) if information else math.inf


def _series(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the levels of each channel, (n,) int32, given (n, channels), and the differences and sums of two."""
    wide = samples.T.astype(np.int32)
    yield from wide
    if len(wide) == 2:
        yield wide[0] - wide[1]
        yield wide[0] + wide[1]


class _Levels:
    """Counts of the levels around the median of a sound.

    A smooth distribution is what noise gives. Levels that are left out or preferred at a regular distance are a peak in
    the spectrum of the difference: 55 to 300,000 where a gain changed, 23 at most in 130 other recordings.

    Args:
        counts: of the levels, (2048,) for 16 bits, (32768,) for 24.
    """

    _peak = 30.0  # relative to the mean of white noise

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts
        self._half = counts.size // 2
        smoothed, self._longest = (9, 40) if counts.size <= 1 << 11 else (257, 1000)  # levels, in a period
        kernel = np.hanning(smoothed + 2)[1:-1]
        size = 1 << (counts.size + smoothed).bit_length()
        spectra = np.fft.rfft(counts, size) * np.fft.rfft(kernel / kernel.sum(), size)
        self._smooth = np.maximum(np.fft.irfft(spectra, size)[smoothed // 2 :][: counts.size], 0)
        around = 12  # levels around the median that silence may prefer
        taper = np.hanning(counts.size)
        self._used = np.abs(np.arange(-self._half, self._half)) > around
        self._rest = (counts - self._smooth) * taper * self._used
        self._variance = max(float((counts * np.square(taper)).sum()), 1.0)

    @classmethod
    def of(cls, values: np.ndarray, bits: int) -> "_Levels":
        """Count the values around 0, (n,) int, of samples of 16 or 24 bits."""
        half = 1 << (10 if bits == 16 else 14)  # levels below 0, and from 0 on
        places = values + half
        return cls(np.bincount(places[(places >= 0) & (places < 2 * half)], minlength=2 * half))

    @cached_property
    def _is_uneven(self) -> bool:
        power = np.square(np.abs(np.fft.rfft(self._rest))) / self._variance
        return bool(power[self.counts.size // self._longest :].max() > self._peak)

    def are_left_out(self) -> bool:
        """Return whether levels are left out."""
        enough = 2000  # values
        seen = np.flatnonzero(self.counts)
        if self.counts.sum() < enough:
            return False
        few = 40  # levels in all, of which most are at a distance
        if seen.size < few and seen[-1] - seen[0] > 4 * seen.size:
            return True
        margin, expected, least = 8, 15, 8  # levels at the ends; count where none was found; levels without any
        inside = slice(seen[0] + margin, seen[-1] - margin)
        empty = (self.counts[inside] == 0) & (self._smooth[inside] >= expected)
        return int(np.count_nonzero(empty)) >= least or (self._is_uneven and self._leaves_out_phases())

    def _leaves_out_phases(self) -> bool:
        """Return whether a part of the period of the levels is left out, as by a gain, although each level is rare."""
        finer, phases = 16, 64
        spectrum = np.abs(np.fft.rfft(self._rest, finer * self.counts.size))
        spectrum[: finer * self.counts.size // self._longest] = 0
        turns = np.arange(-self._half, self._half) * (spectrum.argmax() / (finer * self.counts.size))
        phase = (turns % 1 * phases).astype(int)
        seen = np.bincount(phase, self.counts * self._used, phases)
        expected = np.bincount(phase, self._smooth * self._used, phases)
        left_out, enough = 0.05, 60  # share of what is expected; count
        return bool((seen < left_out * expected)[expected >= enough].any())

    def information(self) -> float:
        """Return the Fisher information of a change's rate by value: the mean squared change of the counts."""
        if not self._is_uneven:
            return 0.0
        counts = self.counts[1:-1] + 1.0
        change = (self.counts[:-2] + self.counts[2:] - 2 * self.counts[1:-1]) / 2
        by_chance = 1.5 * self.counts[1:-1]  # variance of the change of independent counts
        return max(float(((np.square(change) - by_chance) / counts).sum() / self.counts.sum()), 0.0)


# Prediction.


def _is_met(target: np.ndarray, columns: np.ndarray, training: np.ndarray) -> tuple[bool, float, np.ndarray]:
    """Fit a sample by others; return whether the samples held out follow within rounding, their variance, the weights.

    Args:
        target: (n,).
        columns: samples that it may follow from, (n, k).
        training: mask of the samples to fit, (n,) bool.
    """
    fitted = columns[training]
    means, mean = fitted.mean(0), target[training].mean()
    fitted = fitted - means
    rounding = ROUNDING * len(fitted) * np.eye(fitted.shape[1])  # the columns are rounded, too
    weights = np.linalg.solve(fitted.T @ fitted + rounding, fitted.T @ (target[training] - mean))
    residual = target[~training] - mean - (columns[~training] - means) @ weights
    most = 2.6  # levels that still are rounding
    limit = max(1.0, 3 * math.sqrt(ROUNDING * (1 + np.square(weights).sum())))
    met = limit < most and np.mean(np.abs(residual) <= limit) >= 0.99
    return bool(met), float(residual.var()), weights


def _follows_from_channels(sample: SoundSample) -> bool:
    """Return whether a channel follows from others in parts of the sound, at lags that are searched."""
    if sample.channels == 1:
        return False
    asked = sample.stretches()[::2]
    met = [
        any(_follows(stretch.samples, channel) for channel in np.flatnonzero(stretch.varied).tolist())
        for stretch in asked
    ]
    return bool(met) and float(np.mean(met)) >= _TWICE


def _follows(samples: np.ndarray, channel: int) -> bool:
    """Return whether a channel of a stretch follows from the others.

    Matching pursuit (Mallat, Zhang 1993): the residual of each fit tells further lags, of the channel itself as well,
    for which echoes and recursive filters look.
    """
    size = samples.shape[1]
    others = [other for other in range(len(samples)) if other != channel]
    spectra = [np.fft.rfft(np.diff(values), 2 * size) for values in samples]
    lags = {(other, lag) for other in others for lag in (0, *_lags(spectra[channel], spectra[other], 2))}
    taps = {(other, lag + beside) for other, lag in lags for beside in (-1, 0, 1)}
    most_taps = 64
    before = float(samples[channel].var())
    for reach in (2, 6, 6):
        ordered = sorted(taps)
        first = max(0, *(lag for _, lag in ordered))
        last = size + min(0, *(lag for _, lag in ordered))
        places = np.arange(first, last)
        quarter = places >> 7 & 3  # blocks of 128; each second one is left out to save time
        used = places[quarter % 2 == 0]
        columns = np.stack([samples[other, used - lag] for other, lag in ordered], 1)
        met, left, weights = _is_met(samples[channel, used], columns, quarter[quarter % 2 == 0] == 0)
        if met:
            return True
        if left > before / 2 or len(taps) > most_taps:
            return False
        before = left
        residual = np.zeros(size)
        residual[first:last] = samples[channel, first:last]
        for (other, lag), weight in zip(ordered, weights, strict=True):
            residual[first:last] -= weight * samples[other, first - lag : last - lag]
        spectrum = np.fft.rfft(np.diff(residual), 2 * size)
        lags = {(other, lag) for other in others for lag in _lags(spectrum, spectra[other], 1)}
        lags |= {(channel, lag) for lag in _lags(spectrum, spectra[channel], 1, least=8) if lag > 0}
        taps |= {(other, lag + beside) for other, lag in lags for beside in (-1, 0, 1)}
        taps |= {(other, lag) for other in others for lag in range(-reach, reach + 1)} | {(channel, 1), (channel, 2)}
    return False


def _lags(target: np.ndarray, other: np.ndarray, count: int, least: int = -1) -> list[int]:
    """Return the lags of the highest peaks, of either sign, of a cross-correlation with whitened spectra.

    (Knapp, Carter 1976, "The generalized correlation method for estimation of time delay".)

    Args:
        target: spectrum of what follows, (n,) complex.
        other: spectrum of what it may follow from.
        count: number of lags.
        least: lag up to which none is looked for.
    """
    longest = 3072
    cross = target * other.conj()
    height = np.abs(np.fft.irfft(cross / (np.abs(cross) + 1e-9)))
    height[longest:-longest] = 0
    height[: least + 1] = 0
    height[height.size - max(least, 0) :] = 0
    found = []
    for _ in range(count):
        peak = int(height.argmax())
        found.append(peak if peak < height.size // 2 else peak - height.size)
        height[np.arange(peak - 2, peak + 3) % height.size] = 0
    return found


def _follows_from_neighbours(sample: SoundSample) -> bool:
    """Return whether each sample at some phase of a period follows from its neighbours.

    Interpolation leaves it so. A factor of n/d has a period of n samples: 2 or 3 where a rate was multiplied, 160
    from 44.1 to 48 kHz.
    """
    stretches = sample.stretches()
    if sample.is_drawn():
        return True
    if not stretches:
        return False
    if _has_exact_bends(stretches):
        return True
    for channel in range(min(sample.channels, 2)):
        varied = [stretch for stretch in stretches if stretch.varied[channel]]
        short = [any(_follows_at(period, [stretch], channel) for period in (2, 3)) for stretch in varied]
        if short and np.mean(short) >= _TWICE:
            return True
        if any(_follows_at(period, varied, channel) for period in _periods(varied, channel)):
            return True
    return False


def _follows_at(period: int, stretches: list[_Stretch], channel: int) -> bool:
    """Return whether the samples at some phase of a period follow from their neighbours."""
    reach, phases = 8, 16  # neighbours on each side; phases that are tried
    beside = np.array([lag for lag in range(-reach, reach + 1) if lag])
    for phase in range(0, period, max(1, period // phases)):
        targets, columns = [], []
        for stretch in stretches:
            values = stretch.samples[channel]
            places = np.arange((phase - stretch.start) % period, values.size, period)
            places = places[(places >= reach) & (places < values.size - reach)]
            targets.append(values[places])
            columns.append(values[places[:, None] + beside])
        target = np.concatenate(targets)
        training = np.arange(target.size) // max(1, 128 // period) % 2 == 0
        enough = 6 * beside.size  # samples to fit
        if np.count_nonzero(training) >= enough and _is_met(target, np.concatenate(columns), training)[0]:
            return True
    return False


def _periods(stretches: list[_Stretch], channel: int) -> list[int]:
    """Return periods at which second differences are larger and smaller, as after interpolation.

    (Gallagher 2005, "Detection of linear and cubic interpolation in JPEG compressed images".)
    """
    finer = 4  # bins of a bin of the spectrum
    precision = 2 / 3 / (finer * _STRETCH)  # of the frequency
    longest = 480  # samples of a period
    slowest = 200  # samples, in which music itself swells
    power = np.zeros(finer * _STRETCH // 2 + 1)
    for stretch in stretches:
        bend = np.log1p(np.abs(np.diff(stretch.samples[channel], 2)))
        bend -= bend.mean()
        spectrum = np.square(np.abs(np.fft.rfft(bend * np.hanning(bend.size), finer * _STRETCH)))
        power += spectrum / max(float(spectrum.mean()), 1e-9)
    power[: finer * _STRETCH // slowest] = 0
    median = np.median(power)
    found = []
    for _ in range(3):
        peak = int(power[1:-1].argmax()) + 1
        if power[peak] <= 4 * median:
            break
        denominators = np.arange(2, longest + 1)
        turns = peak / (finer * _STRETCH) * denominators
        near = np.abs(turns - np.rint(turns)) < precision * denominators
        found += denominators[near][:2].tolist()
        power[max(peak - 2 * finer, 0) : peak + 2 * finer] = 0
    return found


def _has_exact_bends(stretches: list[_Stretch]) -> bool:
    """Return whether more samples than by chance lie on the line between their neighbours, or repeat the one before.

    Enlarging by any factor above 2 linearly, or above 1 without a filter, leaves them so. How many do by chance follows
    from those that nearly do: as many for each level of distance.
    """
    exact = near = repeated = close = 0  # bends of 2 levels at most, of 3 to 12; slopes of 0, of 1 to 4
    for stretch in stretches:
        for values in stretch.samples[stretch.varied]:
            slopes = np.abs(np.diff(values))
            bends = np.abs(np.diff(values, 2))
            rows = bends[: bends.size // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
            sharp = np.repeat(np.quantile(rows, 0.8, axis=1) >= 40, _BLOCK)  # rows with a fifth of bends above 40
            slopes, bends = slopes[1 : sharp.size + 1], bends[: sharp.size]
            single = sharp & (np.roll(slopes, 1) > 0) & (np.roll(slopes, -1) > 0)  # neither held nor clipped
            exact += int(np.count_nonzero(single & (bends <= 2)))  # 5 levels
            near += int(np.count_nonzero(single & (bends > 2) & (bends <= 12)))  # 20 levels
            repeated += int(np.count_nonzero(single & (slopes == 0)))  # 1 level
            close += int(np.count_nonzero(single & (slopes > 0) & (slopes <= 4)))  # 8 levels
    return any(
        seen > 2 * expected and seen - expected > 8 * math.sqrt(seen + expected + 1)
        for seen, expected in ((exact, near / 4), (repeated, close / 8))
    )


# Band.


def _band(sample: SoundSample) -> float:
    """Return the number of changes that add noticeable power to the quietest parts of the spectrum.

    Changes at a rate β add β to the power S(f) of a channel, where white noise of variance 1 has 1. Of n samples, the
    optimal detector that knows S has d'² = β²·n/2·mean(1/S²). For several channels, S are the eigenvalues of their
    cross-spectral matrix: where channels are alike, a combination of them is at the level of rounding.

    S is known where only rounding is left. Elsewhere it is known to a tenth: n samples count as n/(1 + n/200).
    """
    cells, bins = 64, 8  # of a spectrum, that are averaged
    size = sample.frames / _SECTIONS / cells  # samples of a cell in a channel
    taper = np.square(np.hanning(_WINDOW + 1)[:-1])
    taper /= math.sqrt(np.square(taper).sum())
    quality = 0.0
    for windows in sample.windows():
        spectra = np.fft.rfft(windows * taper[:, None], axis=1)[:, 1:].reshape(len(windows), cells, bins, -1)
        matrix = np.einsum("wcbi,wcbj->cij", spectra, spectra.conj()) / (len(windows) * bins)
        power = np.maximum(np.linalg.eigvalsh(matrix), ROUNDING)  # (64, channels), from the lowest
        known = np.stack([_is_rounding(values) for values in power.T], 1)
        quality += (np.where(known, size, size / (1 + size / 200)) / 2 / np.square(power)).sum()
    return HARD_DEFLECTION * sample.frames * sample.channels / math.sqrt(quality) if quality else math.inf


def _is_rounding(power: np.ndarray) -> np.ndarray:
    """Return where a spectrum, (64,), is flat at the power of rounding, with or without dither."""
    quiet = power < 0.6
    if not quiet.any():
        return quiet
    dithered = (ROUNDING, 2 * ROUNDING, 3 * ROUNDING)  # rectangular and triangular dither add once and twice as much
    level = min(dithered, key=lambda variance: abs(math.log(variance / float(np.median(power[quiet])))))
    beside = np.convolve(quiet, np.ones(5), "same") >= 4
    flat: np.ndarray = quiet & beside & (np.abs(np.log(power / level)) < 0.7)  # a factor of 2
    return flat
