"""Stage robust_attacks: are containers that survive JPEG or H.264 told from covers, and do their keys leave traces?

All attackers have the program, but no key. Covers are in the form of the containers: JPEG pictures, H.264 films.

- SPAM: a classifier on features of a picture, or of one frame of a film.
- jumps: how much low frequencies change where a run of frames begins, against all other frames of a film.
- without the key: what the public modem reads (`robust_keyless`).
- links: which films are of one key (`robust_keyless`).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.fft import dctn

from pipeline.config import Config
from pipeline.detect.methods import container_seed, evenly, key_of
from pipeline.evaluate.quality import map_in_threads
from pipeline.evaluate.statistics import Scores
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.jpeg import BLOCK
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    CONTAINER_PSNR,
    FILM_POINTS,
    Modem,
    OperatingPoint,
    largest_share,
    luma,
)
from study.ensemble import Features, cross_validated
from study.features import spam
from study.pairs import Pair, photograph_pairs, training_photographs
from study.robust_hiders import RobustFilmHider, RobustHider, encoded, moving_window
from study.robust_keyless import SAME, bits_of_films, bits_of_pictures, links
from study.scores import summarise
from study.steganalysis import extracted

KNOWN = 150  # training photographs of the classifiers
FILMS = 100  # training photographs that films are made of, and as many test photographs
KEYLESS, KEYLESS_FILMS = 100, 50  # test photographs of what is read without the key, and films
WINDOW = 192  # side of a film's frames
FRAME = 20  # the one of a film that the classifier sees
PICTURES, MOVING = "pictures", "films"
LINKED = FILM_POINTS[0]  # the point whose films are compared
_LOW = 3  # vertical and horizontal frequencies
Row = dict[str, object]


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    modem = Modem.load(weights)
    known, unseen = evenly(training_photographs(shards), KNOWN), photograph_pairs(shards, config.evaluate.shift)
    rows = [detect_pictures(modem, point, known, unseen, config.seed) for point in modem.points]
    pictures, films = (evenly([cover for cover, _ in unseen], most) for most in (KEYLESS, KEYLESS_FILMS))
    keyless = [{"medium": PICTURES} | bits_of_pictures(modem, point, pictures, config.seed) for point in modem.points]
    keyless += [
        {"medium": MOVING} | bits_of_films(full(point), films, WINDOW, config.seed) for point in ALL_FILM_POINTS
    ]
    keyless, linked = pd.DataFrame(keyless), pd.DataFrame(links(full(LINKED), films, WINDOW, config.seed))
    films = evenly(known, FILMS), evenly(unseen, FILMS)
    for number, point in enumerate(ALL_FILM_POINTS):
        seed = container_seed(config.seed, number)
        rows += detect_films(full(point), *films, seed)
    found = pd.DataFrame(rows)
    write_table(out / "detection.csv", found)
    write_table(out / "keyless.csv", keyless)
    write_table(out / "links.csv", linked)
    write_json(out / "metrics.json", headline(found, keyless, linked))
    print(found.to_string(index=False))


def full(point: OperatingPoint) -> RobustFilmHider:
    """Films with bits in as many blocks as may carry them."""
    return RobustFilmHider(point, largest_share(point, CONTAINER_PSNR))


def detect_pictures(
    modem: Modem, point: OperatingPoint, known: Sequence[Pair], unseen: Sequence[Pair], seed: int
) -> Row:
    """Accuracy of a classifier on SPAM features of pictures, all saved as JPEG, of one point.

    It is trained and tested by cross-validation, with keys of their own for all containers.
    """
    hider, covers = RobustHider(modem, point), [cover for cover, _ in (*known, *unseen)]
    plain = [hider.unhidden(cover) for cover in covers]
    numbered = bar(list(enumerate(covers, container_seed(seed, point.first))), point.name)
    containers = list(map_in_threads(lambda each: hider.picture(each[1], key_of(each[0]), each[0]), numbered))
    scores = _classified(plain, containers, len(known), point.name, seed)
    return _labels(PICTURES, point.name, "SPAM", len(known), scores, seed)


def detect_films(hider: RobustFilmHider, known: Sequence[Pair], unseen: Sequence[Pair], seed: int) -> list[Row]:
    """Accuracy of SPAM features of a frame, and of the jumps of all frames, on films of windows over photographs."""
    covers, point, name = [cover for cover, _ in (*known, *unseen)], hider.point, hider.name
    made = list(map_in_threads(partial(_films_of, hider), bar(list(enumerate(covers, seed)), name)))
    frames = ([film[FRAME] for film in side] for side in zip(*made, strict=True))
    scores = _classified(*frames, len(known), name, seed)
    rows = [_labels(MOVING, point.name, "SPAM, one frame", len(known), scores, seed)]
    if point.run == 1:
        return rows
    # No classifier: what tells best is a threshold half-way between the two means of the known films.
    jumped = np.array([[jumps(film, point.run) for film in pair] for pair in made])
    learnt, tested = jumped[: len(known)], jumped[len(known) :]
    threshold = learnt.mean()
    rows.append(_labels(MOVING, point.name, "jumps", len(known), Scores(*(tested - threshold).T), seed))
    return rows


def jumps(film: np.ndarray, run: int) -> float:
    """Logarithm of how much more low frequencies change where a run begins than elsewhere; (T, H, W, 3) uint8.

    Args:
        run: frames of a run, 2 or more.
    """
    frames, height, width, _ = film.shape
    shape = frames, height // BLOCK, BLOCK, width // BLOCK, BLOCK
    lumas = np.stack([luma(frame) for frame in film])[:, : shape[1] * BLOCK, : shape[3] * BLOCK]
    coefficients = dctn(lumas.reshape(shape).astype(np.float32), axes=(2, 4), norm="ortho")[:, :, :_LOW, :, :_LOW]
    changes = np.abs(np.diff(coefficients, axis=0)).mean((1, 2, 3, 4))
    begins = np.arange(1, len(film)) % run == 0
    return float(np.log(changes[begins].mean() / changes[~begins].mean()))


def headline(found: pd.DataFrame, keyless: pd.DataFrame, linked: pd.DataFrame) -> dict[str, float]:
    """Accuracy of each attack, by medium and point; and what attacks find that look for a key.

    Those are the share of bits, farthest from a half, that are read without it, and the area under the ROC curve of
    links between films of the same scenes.
    """
    figures = {
        f"robust_attacks_{row.medium}_{row.rung}_{'jumps' if row.features == 'jumps' else 'spam'}": row.accuracy
        for row in found.itertuples()
    }
    figures["robust_attacks_bits"] = keyless["right"][(keyless["right"] - 0.5).abs().idxmax()]
    figures["robust_attacks_links"] = linked.set_index("scenes")["auc"][SAME]
    return {name: round(float(value), 4) for name, value in figures.items()}


def _films_of(hider: RobustFilmHider, item: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """From a seed and a photograph, its film and the container, both as H.264, (T, H, W, 3) uint8."""
    seed, photograph = item
    frames = moving_window(photograph, WINDOW, seed)
    return encoded(frames), encoded(hider.group(frames, key_of(seed), seed))


def _classified(covers: list[np.ndarray], containers: list[np.ndarray], known: int, name: str, seed: int) -> Scores:
    """Cross-validated scores on the first `known`, and scores on all others by what was trained on those."""
    sides = (extracted(spam, covers, f"SPAM of {name}, covers"), extracted(spam, containers, f"SPAM of {name}"))
    both = Features(*sides)
    numbers = np.arange(len(both))
    return cross_validated(both[numbers[:known]], both[numbers[known:]], seed)


def _labels(medium: str, point: str, features: str, known: int, scores: Scores, seed: int) -> Row:
    labels = {"medium": medium, "rung": point, "features": features, "pairs": known, "tested": len(scores.covers)}
    return labels | summarise([scores], seed)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out")
