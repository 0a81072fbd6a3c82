"""Detection of files in an MP4's own H.264: python -m study.film_levels PHOTOGRAPHS OUT

Films of windows that move over photographs, with B pictures; by statistics of levels, and by SPAM of B pictures.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from pipeline.stage import bar, run_stage, write_table
from stegnet.config.config import Config
from stegnet.core.errors import MediaError
from stegnet.evaluation.demonstration import seeded
from stegnet.keys import KEY_BYTES, Key
from stegnet.media import FilmInfo, read_picture
from stegnet.media.films.encoders import Coding
from stegnet.media.films.films import decode, to_rgb
from stegnet.media.films.h264 import write_h264
from stegnet.media.films.mp4 import read_mp4, write_mp4
from stegnet.methods.h264 import FilmStream, Group, changed_packets, film_groups, level_costs
from stegnet.sealing import FILM_EFFORT, LEAD_BITS, MAC_BITS, SEED_BYTES, TAG_BYTES, SealOptions, seal
from study.ensemble import Features, by_folds
from study.features import spam
from study.pairs import evenly
from study.robust_hiders import moving_window
from study.scores import summarise

FILMS, SIDE, CRF, NOISE = 100, 288, 18, 5  # levels of noise, as of a phone by lamplight
RATES = 0.05, 0.1, 0.2, 0.4  # bits for each carrier
_MOST, _BANDS, _PAIRED = 8, 4, 4  # levels, frequency bands, and levels in pairs, that are told apart
_RATE, _TICKS, _B_PICTURE = 25, 90_000, 3  # frames and ticks a second, and a type, as FFmpeg numbers them


def main(config: Config, photographs: Path, out: Path) -> None:
    pictures = evenly([path for path in sorted(photographs.rglob("*.jpg")) if large(path)], FILMS)
    found: dict[tuple[float, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for seed, path in enumerate(bar(pictures, "films")):
        with TemporaryDirectory() as folder:
            for rate, name, pair in features(read_picture(path), Path(folder), config.seed + seed):
                found.setdefault((rate, name), []).append(pair)
    rows = []
    for (rate, name), pairs in found.items():
        both = Features(*(np.stack(side).astype(np.float32) for side in zip(*pairs, strict=True)))
        row = {"rate": rate, "features": name, "films": len(pairs)}
        rows.append(row | summarise([by_folds(both, config.seed)], config.seed))
    write_table(out / "film_levels.csv", pd.DataFrame(rows))
    print(pd.DataFrame(rows).to_string(index=False))


def large(path: Path) -> bool:
    """True if windows of a photograph have room to move."""
    try:
        return min(read_picture(path).shape[:2]) > SIDE
    except MediaError:
        return False


def features(
    picture: np.ndarray, folder: Path, seed: int
) -> Iterator[tuple[float, str, tuple[np.ndarray, np.ndarray]]]:
    """Features of a cover and its container at each rate: the rate, their name, and both."""
    cover = folder / "cover.mp4"
    draw, windows = np.random.default_rng(seed), moving_window(picture, SIDE, seed)
    frames = [(each + draw.normal(0, NOISE, each.shape)).clip(0, 255).astype(np.uint8) for each in windows]
    step = _TICKS // _RATE
    stamps = tuple(range(0, len(frames) * step, step))
    info = FilmInfo(SIDE, SIDE, stamps, Fraction(1, _TICKS), Fraction(_RATE), Fraction(1), ())
    write_h264(cover, iter(frames), info, Coding(CRF, "medium"))
    before = _described(cover)
    for rate in RATES:
        after = _described(_hidden(cover, folder / "container.mp4", rate, seed))
        for name, pair in zip(("levels", "SPAM"), zip(before, after, strict=True), strict=True):
            yield rate, name, pair


def _hidden(cover: Path, out: Path, rate: float, seed: int) -> Path:
    """A container of random bytes, which with all that goes with them are so many bits for each carrier."""
    stream = FilmStream(cover)
    group, random = next(film_groups(stream)), seeded(seed)
    size = int(rate * group.count - LEAD_BITS - MAC_BITS) // 8 - TAG_BYTES
    keys, samples = Key(random(KEY_BYTES)).new_keys(random), group.samples
    options = SealOptions(True, FILM_EFFORT, clustered=False, medium=group.medium)
    seal(samples, random(max(size, 1)), keys, random(SEED_BYTES), level_costs(group), options)
    write_mp4(read_mp4(cover), out, dict(changed_packets(stream, [(group, samples)])))
    return out


def _described(film: Path) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of a film's levels, and SPAM of its B pictures."""
    group = next(film_groups(FilmStream(film)))
    frames = [frame for frame in decode(film) if frame.pict_type == _B_PICTURE]
    pictures = (to_rgb(frame, frame.width, frame.height, film) for frame in frames[::4])
    return statistics(group), np.mean([spam(picture) for picture in pictures], 0)


def statistics(group: Group) -> np.ndarray:
    """Shares of levels by magnitude and frequency, of signs, of magnitudes side by side, and of equal signs there."""
    parts = [(part.levels, part.carriers) for part in group.slices]
    value, position, kind = (
        np.concatenate([getattr(levels, name)[carriers] for levels, carriers in parts])
        for name in ("value", "position", "kind")
    )
    size, band = np.minimum(np.abs(value), _MOST), np.minimum(position // np.where(kind == 5, 16, 4), _BANDS - 1)
    sizes = np.bincount(band * (_MOST + 1) + size, minlength=_BANDS * (_MOST + 1))
    signs = np.bincount(band * 2 + (value > 0), minlength=2 * _BANDS)
    beside = position[1:] > position[:-1]  # of the same block, nearly always
    few = np.minimum(size, _PAIRED)
    together = np.bincount((few[:-1] * (_PAIRED + 1) + few[1:])[beside], minlength=(_PAIRED + 1) ** 2)
    equal = np.bincount((band[1:] * 2 + ((value[1:] > 0) == (value[:-1] > 0)))[beside], minlength=2 * _BANDS)
    return np.concatenate([counts / max(counts.sum(), 1) for counts in (sizes, signs, together, equal)])


if __name__ == "__main__":
    run_stage(main, "photographs", "out")
