"""Proofs in samples of PNGs, WAVs and FLACs: `python -m study.proofs_samples FOLDER OUT.csv`.

Where a cover is regular, a change by one level shows without any learning: a program leaves such places exact. Each
rule counts places that no program makes, and accuses a file that has one. A rule that accuses a cover is no proof.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from PIL import Image

_HELD, _SILENT, _ALIKE, _PEAK = 64, 512, 64, 4  # samples to each side of a change in a run of one value
_PEAKS = 10  # runs at the largest value, in a recording that was clipped
_COUNTED, _HOLE, _HOLES, _BESIDE = 20, 0.05, 8, 8  # of a histogram: mean around a gap, its share, gaps, values beside
_EXACT = 0.97  # share of samples that follow a rule which some break
_ANCHOR, _WINDOW, _VARIED = 32, 32, 12  # one of so many samples; samples that repeat, and values among them
_MOST_PAIRS, _BROKEN = 4000, 0.1  # of repeats that are compared, and share of samples that changed in one
_BORDER, _DARKEST, _BRIGHTEST = 4, 8, 254  # rows of one colour; levels near which a photograph has such rows, too
_QUIET = 64  # levels that a tenth of the samples exceed


def isolated(values: np.ndarray, reach: int) -> np.ndarray:
    """Values that come up so many times before and behind a single one that differs by one."""
    edges = np.flatnonzero(np.diff(values, prepend=values[:1] + 5, append=values[-1:] + 5))
    starts, lengths = edges[:-1], np.diff(edges)
    own = values[starts]
    if len(own) < 3:
        return own[:0]
    before, after = (lengths[:-2] >= reach) & (lengths[2:] >= reach), own[:-2] == own[2:]
    return own[:-2][before & after & (lengths[1:-1] == 1) & (np.abs(own[1:-1] - own[:-2]) == 1)]


def held(channel: np.ndarray) -> int:
    """Single steps in runs of one value other than silence, as a converter or a programmed sound holds it."""
    return int(np.count_nonzero(np.abs(isolated(channel, _HELD)) > 1))


def silence(channel: np.ndarray) -> int:
    """Single steps in digital silence."""
    return int(np.count_nonzero(isolated(channel, _SILENT) == 0))


def clipped(channel: np.ndarray) -> int:
    """Single steps within runs at the largest or least value, of a recording that was clipped."""
    found = 0
    for signal in (channel, -channel):
        top = signal.max()
        at_top = np.flatnonzero(np.diff(signal == top, prepend=False, append=False))
        lengths = at_top[1::2] - at_top[::2]
        if np.count_nonzero(lengths >= _PEAK) >= _PEAKS:
            found += int(np.count_nonzero(isolated(signal, _PEAK) == top))
    return found


def missing(values: np.ndarray) -> int:
    """Samples of values that others of their kind never have: gaps of a histogram, a few of which are filled."""
    low = int(values.min())
    counts = np.bincount((values - low).ravel())
    if counts.size <= 4 * _BESIDE:
        return 0
    counts = counts[1:-1]  # without the peaks of what was clipped
    before = np.convolve(counts, np.ones(_BESIDE) / _BESIDE)
    around = np.minimum(np.pad(before, (1, 0))[: counts.size], np.pad(before, (0, 1))[_BESIDE:][: counts.size])
    gaps = (around > _COUNTED) & (counts < _HOLE * around)
    if np.count_nonzero(gaps) < _HOLES or not (counts[gaps] == 0).any():
        return 0
    return int(counts[gaps].sum())


def finer(values: np.ndarray) -> int:
    """Samples that are no multiples, plus a constant, of a step that nearly all others are multiples of."""
    for step in (256, 128, 64, 32, 16, 8, 4, 2):
        counts = np.bincount((values % step).ravel())
        if counts.max() == values.size:
            return 0
        if counts.max() > _EXACT * values.size:
            return int(values.size - counts.max())
    return 0


def doubled(rows: np.ndarray) -> int:
    """Samples that differ from the one before, where nearly all come in pairs, as after enlarging without filter."""
    found = []
    for first in (0, 1):
        even = rows[first : first + (len(rows) - first) // 2 * 2]
        same = (even[::2] == even[1::2]).reshape(len(even) // 2, -1).mean()
        found.append((same, int(np.count_nonzero(even[::2] != even[1::2]))))
    other, (share, broken) = sorted(found)
    return broken if share > _EXACT > other[0] else 0


def repeats(values: np.ndarray, length: int) -> int:
    """Samples by which places that repeat elsewhere differ by one, of a loop, a copy or a tile."""
    if values.size < 4 * length:
        return 0
    wide = values.astype(np.uint64)
    near = sum(wide[at : values.size - 3 + at] * np.uint64(2 * at**3 + 2654435761) for at in range(4))
    anchors = np.flatnonzero((near >> np.uint64(13)) % np.uint64(_ANCHOR) == 0)
    anchors = anchors[(anchors >= length) & (anchors < values.size - length - _WINDOW)]
    windows = values[anchors[:, None] + np.arange(_WINDOW)]
    varied = (np.diff(np.sort(windows, 1), axis=1) > 0).sum(1) >= _VARIED
    anchors, windows = anchors[varied], windows[varied].astype(np.uint64)
    factors = np.random.default_rng(0).integers(1, 1 << 63, _WINDOW, np.uint64) | np.uint64(1)
    keys = (windows * factors).sum(1)
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    pairs = np.stack([anchors[order][:-1][same], anchors[order][1:][same]], 1)
    pairs = pairs[np.abs(pairs[:, 0] - pairs[:, 1]) > length]
    pairs = pairs[:: max(1, len(pairs) // _MOST_PAIRS)]
    around = np.arange(-length, length)
    apart = np.abs(values[pairs[:, :1] + around] - values[pairs[:, 1:] + around])
    changed, outer = np.count_nonzero(apart, 1), np.abs(around) > length // 2
    proof = (apart.max(1, initial=0) == 1) & (changed < _BROKEN * 2 * length) & ~apart[:, outer].any(1)
    return int(changed[proof].sum())


def borders(picture: np.ndarray) -> int:
    """Pixels that differ by one in rows or columns at the edge that are of one colour else, not burnt out or black."""
    found = 0
    for turned in (picture, picture[::-1], picture.swapaxes(0, 1), picture.swapaxes(0, 1)[::-1]):
        colour = np.median(turned[0].reshape(-1, turned.shape[2]), axis=0)
        if (colour <= _DARKEST).all() or (colour >= _BRIGHTEST).all():
            continue
        apart = np.abs(turned.astype(int) - colour).max(2)
        full = ((apart == 0).mean(1) > 1 - _BROKEN) & (apart.max(1) <= 1)
        deep = int(np.argmin(full)) if not full.all() else len(full)
        if deep >= _BORDER:
            found += int(np.count_nonzero(apart[:deep]))
    return found


def of_sound(samples: np.ndarray) -> dict[str, int]:
    """Places that accuse a sound, (frames, channels) int32, for each rule; quiet channels tell nothing."""
    loud = np.quantile(np.abs(samples), 0.9, axis=0) >= _QUIET
    channels = list(np.ascontiguousarray(samples.T[loud]))
    rules = {rule.__name__: sum(map(rule, channels)) for rule in (held, silence, clipped, missing, finer, doubled)}
    rules["repeats"] = sum(repeats(channel, 512) for channel in channels)
    pairs = [(one, other) for number, one in enumerate(channels) for other in channels[:number]]
    rules["alike"] = sum(np.count_nonzero(isolated(one - other, _ALIKE) == 0) for one, other in pairs)
    return rules


def of_picture(picture: np.ndarray) -> dict[str, int]:
    """Places that accuse a picture, (H, W, C) uint8, for each rule."""
    numbers = picture.astype(np.int64)
    channels = [numbers[..., channel] for channel in range(picture.shape[2])]
    return {
        "borders": borders(picture),
        "missing": sum(missing(channel) for channel in channels),
        "doubled": doubled(numbers) + doubled(numbers.swapaxes(0, 1)),
        "repeats": sum(repeats(channel.ravel(), 48) for channel in channels),
    }


def of_file(path: Path) -> dict[str, int]:
    """Places that accuse a file, for each rule."""
    if path.suffix == ".png":
        with Image.open(path) as image:
            return of_picture(np.array(image.convert("RGB")))
    data = soundfile.read(path, dtype="int32", always_2d=True)[0]
    return of_sound(data >> (32 - int(soundfile.info(path).subtype.removeprefix("PCM_"))))


def main(folder: Path, out: Path) -> None:
    found = {path.name: of_file(path) for path in sorted(folder.rglob("*")) if path.suffix in (".png", ".wav", ".flac")}
    table = pd.DataFrame.from_dict(found, "index").rename_axis("file")
    table.to_csv(out)
    print((table > 0).sum().to_string())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
