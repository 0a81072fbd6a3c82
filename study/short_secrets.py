"""Detection of short secrets, by several commits: `python -m study.short_secrets PHOTOGRAPHS OUT.csv NAME=CHECKOUT…`.

Each checkout, with its extensions built, hides 20 and 100 random bytes in the same covers, by its own `stegnet.hide`:
in photographs that were reduced to 256×256, as JPEG at quality 90 and as PNG, and in 2¹⁶ samples of sound, 16 bits;
what any of them refuses is left out. The sounds are made here: noise of a random spectrum, whose loudness changes, with
decaying tones. Each container has a key of its own; each cover is judged by classifiers that were trained on others.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import soundfile
import torch
from joblib import Parallel, delayed
from PIL import Image
from scipy.signal import lfilter

from stegnet.image.pictures import read_picture
from stegnet.jpeg.coefficients import read_jpeg
from study.ensemble import Features, by_folds, summarise
from study.features import spam
from study.jpeg_features import EXTRACTORS, luma_of
from study.jpeg_steganalysis import covers
from study.sound_detection import features as sound_features

PAIRS = {".jpg": 500, ".wav": 300, ".png": 150}  # covers of each kind
SIZES = (20, 100)  # bytes
QUALITY = 90
SAMPLES = 1 << 16
SEEDS = 3  # of ensembles
_HIDE = """
import random, sys
from pathlib import Path
from stegnet import CapacityError, Key, hide
folder, suffix, name, *sizes = sys.argv[1:]
for cover in sorted(Path(folder).glob(f"*{suffix}")):
    for size in sizes:
        source = random.Random(f"{cover.stem} {size}")
        out = Path(folder) / name / size / cover.name
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            hide(cover, source.randbytes(int(size)), out, key=Key(source.randbytes(32)), verify=False)
        except CapacityError as error:
            print(error)
"""


def main(photographs: Path, out: Path, *checkouts: str) -> None:
    """Write a row for each kind of cover, size, checkout and kind of features."""
    torch.set_num_threads(1)
    named = dict(each.split("=", 1) for each in checkouts)
    rows = []
    with TemporaryDirectory() as folder:
        for suffix in PAIRS:
            kind = Path(folder) / suffix.strip(".")
            kind.mkdir()
            _write_covers(suffix, kind, photographs)
            for name, checkout in named.items():
                command = [sys.executable, "-c", _HIDE, str(kind), suffix, name, *map(str, SIZES)]
                own = {**os.environ, "PYTHONPATH": str(Path(checkout).absolute())}
                subprocess.run(command, check=True, env=own, cwd=checkout)
            containers = {(size, name): kind / name / str(size) for size in SIZES for name in named}
            hidden_in = set.intersection(*({path.name for path in made.iterdir()} for made in containers.values()))
            plain = _extracted([kind / name for name in sorted(hidden_in)])
            for (size, name), made in containers.items():
                paths = [made / each for each in sorted(hidden_in)]
                labels = {"cover": suffix.strip("."), "bytes": size, "commit": name}
                labels["changes"] = float(np.mean([_changes(kind / path.name, path) for path in paths]))
                rows += [labels | row for row in _judged(plain, _extracted(paths))]
                pd.DataFrame(rows).to_csv(out, index=False)
                print(rows[-1], flush=True)


def _write_covers(suffix: str, folder: Path, photographs: Path) -> None:
    if suffix == ".wav":
        for number in range(PAIRS[suffix]):
            soundfile.write(folder / f"{number:04}.wav", recording(number), 44_100, "PCM_16")
        return
    for number, picture in enumerate(covers(photographs, PAIRS[suffix])):
        Image.fromarray(picture).save(folder / f"{number:04}{suffix}", quality=QUALITY)


def recording(seed: int) -> np.ndarray:
    """Return a sound, (SAMPLES,) int16: noise of a random spectrum, whose loudness changes, with decaying tones."""
    random = np.random.default_rng(seed)
    angles, radii = random.uniform(0, np.pi, 4), random.uniform(0.5, 0.97, 4)
    resonances = np.concatenate([radii * np.exp(1j * angles), radii * np.exp(-1j * angles)])
    noise = lfilter([1], np.poly(resonances).real, random.normal(size=SAMPLES))
    loudness = np.interp(np.arange(SAMPLES), np.linspace(0, SAMPLES, 12), random.uniform(0.2, 1, 12))
    sound = noise / noise.std() * loudness * random.uniform(30, 600)
    for _ in range(random.integers(4, 20)):
        times = np.arange(SAMPLES - random.integers(SAMPLES - 2000)) / 44_100
        tone = np.sin(2 * np.pi * random.uniform(80, 4000) * times) * np.exp(-times * random.uniform(2, 20))
        sound[-times.size :] += random.uniform(100, 2000) * tone
    microphone = random.normal(0, random.uniform(2, 12), SAMPLES)
    samples: np.ndarray = (sound + microphone).round().clip(-32_768, 32_767).astype(np.int16)
    return samples


def _samples(path: Path) -> np.ndarray:
    if path.suffix == ".wav":
        samples: np.ndarray = soundfile.read(path, dtype="int16")[0]
        return samples
    if path.suffix == ".png":
        return read_picture(path)
    return np.concatenate([plane.ravel() for plane in read_jpeg(path).planes])


def _changes(cover: Path, container: Path) -> int:
    """Return how many pixels, coefficients or samples differ."""
    same = _samples(cover) == _samples(container)
    return int(np.count_nonzero(~(same.all(2) if same.ndim == 3 else same)))


EXTRACT: dict[str, dict[str, Callable[[Path], np.ndarray]]] = {
    ".jpg": {"DCTR": lambda path: EXTRACTORS["DCTR"](luma_of(read_jpeg(path), QUALITY))},
    ".png": {"SPAM": lambda path: spam(read_picture(path))},
    ".wav": {"sounds": lambda path: sound_features(soundfile.read(path, dtype="int32")[0] >> 16)},
}


def _extracted(paths: list[Path]) -> dict[str, np.ndarray]:
    """Return features of files of one kind by name, (N, F) float32."""
    found = list(Parallel(2)(delayed(_features)(path) for path in paths))
    return {name: np.stack([features[name] for features in found]) for name in found[0]}


def _features(path: Path) -> dict[str, np.ndarray]:
    torch.set_num_threads(1)
    return {name: extract(path) for name, extract in EXTRACT[path.suffix].items()}


def _judged(plain: dict[str, np.ndarray], containers: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    for name, before in plain.items():
        used = before.std(0) > 0
        known = Features(before[:, used], containers[name][:, used])
        scores = [by_folds(known, seed) for seed in range(SEEDS)]
        yield {"features": name, "pairs": len(before)} | summarise(scores, seed=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
