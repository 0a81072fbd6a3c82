"""Detection of what is hidden in sounds: `python -m study.sound_detection FOLDER OUT.csv`.

The folder has WAVs and FLACs of 16 and 24 bits.

Each channel is cut into covers of 2¹⁸ samples. Containers carry as many bytes as `stegnet info` calls hard to find, by
stegnet and by replacing lowest bits at random. The detector is the ensemble of `study.ensemble` on second-order Markov
features of differences (SPAM: Pevný, Bas, Fridrich 2010, IEEE TIFS 5(2)) and of what a linear prediction leaves, on
pairs of values that differ in the lowest bit only, and on weighted stego-images (Ker, Böhme 2008), here of that
prediction.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import soundfile

import stegnet
from stegnet.core.parallel import parallel_map
from stegnet.hiding import CoverSize
from stegnet.media.cover import Cover
from stegnet.methods import METHODS
from stegnet.sound.cover import linear_prediction
from study.ensemble import Features, by_folds, summarise

SAMPLES, SEEDS = 1 << 18, 3
_BLOCK = 1024
_THRESHOLD, _FINE = 4, 3  # differences and residuals beyond are counted as these


def covers(folder: Path) -> Iterator[tuple[np.ndarray, int, int]]:
    """Samples, (2¹⁸,) int32, bits and rate of each cover."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac")):
        bits = {"PCM_16": 16, "PCM_24": 24}.get(soundfile.info(path).subtype)
        if bits:
            data, rate = soundfile.read(path, dtype="int32", always_2d=True)
            for channel in (data >> (32 - bits)).T:
                for start in range(0, channel.size - SAMPLES + 1, SAMPLES):
                    yield channel[start : start + SAMPLES], bits, rate


def hidden(seed: int, cover: tuple[np.ndarray, int, int]) -> tuple[np.ndarray, ...] | None:
    """Features of a cover, its container, and one by replacing; None if hardly anything is hard to find."""
    samples, bits, rate = cover
    random = np.random.default_rng(seed)
    with TemporaryDirectory() as folder:
        path, out = Path(folder, "cover.wav"), Path(folder, "out.wav")
        soundfile.write(path, samples << (32 - bits), rate, f"PCM_{bits}")
        with Cover(path) as opened:
            most = METHODS["sound"].room(CoverSize.of(opened), "data.bin", None).hard or 0
        if most < 200:
            return None
        stegnet.hide(path, random.bytes(most), out, key=stegnet.Key(random.bytes(32)), verify=False)
        container = soundfile.read(out, dtype="int32")[0] >> (32 - bits)
    replaced, chosen = samples.copy(), random.permutation(SAMPLES)[: 8 * most]
    replaced[chosen] = replaced[chosen] & ~1 | random.integers(0, 2, chosen.size)
    return features(samples), features(container), features(replaced)


def features(samples: np.ndarray) -> np.ndarray:
    """(2548,) float32."""
    filters, residual = linear_prediction(samples.reshape(-1, _BLOCK))
    variance = np.maximum(np.square(residual).mean(1, keepdims=True), 1e-3)
    reach = filters.shape[1] - 1
    matched = sum(
        filters[:, lag, None] * residual[:, lag : residual.shape[1] - reach + lag] for lag in range(reach + 1)
    )
    steps = (samples - (samples ^ 1)).reshape(-1, _BLOCK)[:, reach : reach + matched.shape[1]]
    replaced = (steps * matched / variance).sum()
    replacing = replaced / np.sqrt((np.square(matched) / variance**2).sum()), replaced / (SAMPLES / variance).mean()
    levels = np.log(np.quantile(variance, (0.01, 0.05, 0.1, 0.25)))
    fine = np.rint(residual * np.minimum(1, 2 / np.sqrt(variance)))
    difference, lower = np.diff(samples), np.minimum(samples[1:], samples[:-1]) & 1
    pairs = [((np.abs(difference) == size) & (lower == odd)).mean() for size in range(6) for odd in (0, 1)]
    counted = [
        _markov(np.rint(residual).reshape(-1), _THRESHOLD),
        _markov(fine.reshape(-1), _FINE),
        *(_markov(np.diff(samples, order), _THRESHOLD) for order in (1, 2)),
    ]
    return np.concatenate([replacing, levels, pairs, *counted]).astype(np.float32)


def _markov(values: np.ndarray, threshold: int) -> np.ndarray:
    """Shares of three values in a row, those of opposite signs added."""
    base = 2 * threshold + 1
    digits = np.clip(values, -threshold, threshold).astype(np.int64) + threshold
    counts = np.bincount((digits[:-2] * base + digits[1:-1]) * base + digits[2:], minlength=base**3)
    return (counts + counts[::-1]) / counts.sum()


def main(folder: Path, out: Path) -> None:
    found = [each for each in parallel_map(lambda item: hidden(*item), enumerate(covers(folder)), 2) if each]
    plain, *containers = (np.stack(each) for each in zip(*found, strict=True))
    used = plain.std(0) > 0
    rows = []
    for method, each in zip(("sound", "replaced"), containers, strict=True):
        known = Features(plain[:, used], each[:, used])
        scores = [by_folds(known, seed) for seed in range(SEEDS)]
        rows.append({"method": method, "covers": len(plain)} | summarise(scores, seed=0))
    pd.DataFrame(rows).to_csv(out, index=False)
    print(pd.DataFrame(rows).round(3).to_string(index=False))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
