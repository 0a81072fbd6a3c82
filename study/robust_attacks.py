"""Stage robust_attacks: are containers that survive JPEG or H.264 told from covers, and do their keys leave traces?

All attackers have the program, but no key. Covers are in the form of the containers: JPEG pictures, H.264 films.

- SPAM: a classifier on features of a picture, or of one frame of a film.
- jumps: how much low frequencies change where a run of frames begins, against all other frames of a film.
- bits: the modem reads a container with the dither of another key. How many bits are right, and does it tell containers
  from covers how sure the modem is?
- links: two films of one key whose mean lumas are alike have the same dither, so that coefficients at the same place
  differ by whole numbers of half periods. Does that tell them from films of two keys, of the same scene or of others?
"""

from collections.abc import Callable, Iterator, Sequence
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
from stegnet.core.pixels import BLOCK, through_jpeg
from stegnet.keys import KEY_BYTES, SALT_BYTES, Key, seeded
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    CONTAINER_PSNR,
    FILM_POINTS,
    FREQUENCIES,
    WRITTEN_QUALITY,
    BlockPlacement,
    OperatingPoint,
    PictureModem,
    dct_coefficients,
    dither_of,
    group_dither,
    largest_share,
    luma,
    modulated,
    sines,
    used_blocks,
)
from study.ensemble import Features, cross_validated, summarise
from study.features import spam
from study.photograph_pairs import Pair, photograph_pairs, training_photographs
from study.robust_hiders import RobustFilmHider, RobustHider, encoded, motion, moving_window
from study.stats import auc, auc_interval, mean_interval, unpaired_auc_interval
from study.steganalysis import extracted

KNOWN = 150  # training photographs of the classifiers
FILMS = 100  # training photographs that films are made of, and as many test photographs
KEYLESS, KEYLESS_FILMS = 100, 50  # test photographs of what is read without the key, and films
WINDOW = 192  # side of a film's frames
FRAME = 20  # the one of a film that the classifier sees
PICTURES, MOVING = "pictures", "films"
LINKED = FILM_POINTS[0]  # the point whose films are compared
SAME, OTHERS = "the same", "others"  # scenes
_LOW = 3  # vertical and horizontal frequencies
_SALT = bytes(SALT_BYTES)
_NONCE, _HEADER = 7, bytes(8)  # bytes of the one; the other
_OTHER = 1_000_000  # added to seeds: another film, another key
Row = dict[str, object]
Read = tuple[float, float, float]  # share of bits that are right; mean size of the ratios of a cover, and a container


def main(config: Config, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    modem = PictureModem.load(weights)
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
    modem: PictureModem, point: OperatingPoint, known: Sequence[Pair], unseen: Sequence[Pair], seed: int
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
    """Logarithm of how much more low frequencies change where a run begins than elsewhere; (T, H, W, 3) uint8."""
    coefficients = spectra(film)[:, :, :_LOW, :, :_LOW]
    changes = np.abs(np.diff(coefficients, axis=0)).mean((1, 2, 3, 4))
    begins = np.arange(1, len(film)) % run == 0
    return float(np.log(changes[begins].mean() / changes[~begins].mean()))


def spectra(film: np.ndarray) -> np.ndarray:
    """The DCT of the blocks of a film's luma, (T, rows, 8, columns, 8), of whole blocks of (T, H, W, 3) uint8."""
    frames, height, width, _ = film.shape
    shape = frames, height // BLOCK, BLOCK, width // BLOCK, BLOCK
    lumas = np.stack([luma(frame) for frame in film])[:, : shape[1] * BLOCK, : shape[3] * BLOCK]
    return dctn(lumas.reshape(shape).astype(np.float32), axes=(2, 4), norm="ortho")


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


def bits_of_pictures(modem: PictureModem, point: OperatingPoint, covers: Sequence[np.ndarray], seed: int) -> Row:
    """Bits that the modem reads without the key, of pictures saved as JPEG as hiding does."""

    def read(number: int, cover: np.ndarray) -> Read:
        shape, draw = (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK), np.random.default_rng(seed + number)
        own, other = (dither_of(shape, key, _SALT) for key in _two_keys(seed + number))
        bits = np.zeros((*shape, modem.bits), np.float32)
        bits[..., point.places] = sent = draw.choice(np.float32([-1, 1]), (*shape, point.bits))
        both = cover, modem.hide(cover, bits, own)
        ratios = (modem.reveal(through_jpeg(each, WRITTEN_QUALITY), other)[..., point.places] for each in both)
        return _read(*ratios, sent)

    return _bits(point.name, read, covers, seed)


def bits_of_films(hider: RobustFilmHider, photographs: Sequence[np.ndarray], side: int, seed: int) -> Row:
    """The same of films, windows of this side that move over photographs, as H.264 as hiding writes it."""
    point, shape = hider.point, (side // BLOCK, side // BLOCK)
    count = shape[0] * shape[1]

    def read(number: int, photograph: np.ndarray) -> Read:
        frames, draw = moving_window(photograph, side, seed + number), np.random.default_rng(seed + number)
        blocks, others = (BlockPlacement(shape, point, key, _SALT) for key in _two_keys(seed + number))
        own, other = (group_dither(each, _HEADER) for each in (blocks, others))
        used = used_blocks(blocks, draw.bytes(_NONCE), hider.share)
        signs = (draw.integers(0, 2, (*shape, point.bits)) * np.float32(2) - 1) * used[..., None]
        films = frames, modulated(frames, signs, own, point, motion(frames))
        read = ([dct_coefficients(luma(frame)) for frame in encoded(film)[:: point.run]] for film in films)
        return _read(*(sines(each, other, point) for each in read), signs.reshape(count, point.bits))

    return _bits(point.name, read, photographs, seed)


def links(hider: RobustFilmHider, photographs: Sequence[np.ndarray], side: int, seed: int) -> Iterator[Row]:
    """AUC of the likeness of phases for films of one key against those of two, where scenes are the same, and not.

    Films of the same scene differ by noise, as from a camera that stands still.
    """
    films, point = [], hider.point
    for number, photograph in enumerate(bar(photographs, f"{hider.name}: links")):
        first = container_seed(seed, number)
        key, other = _two_keys(seed)
        scenes = moving_window(photograph, side, first), moving_window(photograph, side, first + _OTHER)
        jobs = (scenes[0], key), (scenes[1], key), (scenes[1], other)
        made = (hider.group(scene, used, first + place) for place, (scene, used) in enumerate(jobs))
        films.append([phases(encoded(film), point) for film in made])
    for scenes, shift in ((SAME, 0), (OTHERS, 1)):
        pairs = [(films[number], films[(number + shift) % len(films)]) for number in range(len(films))]
        # The mean cosine of the difference of phases, which counts modulo half a period: bits do not matter.
        alike = [[np.cos(4 * np.pi * (a[0] - b[place])).mean() for a, b in pairs] for place in (1, 2)]
        same, others = np.array(alike, float)
        low, high = unpaired_auc_interval(others, same)
        row = {"rung": point.name, "scenes": scenes, "pairs": len(pairs)}
        yield row | {"auc": auc(others, same), "low": low, "high": high}


def phases(film: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Phases of the coefficients that carry bits, in periods, (T, rows, cols, n), of a film (T, H, W, 3) uint8."""
    found = spectra(film)
    some = [found[:, :, down, :, across] for down, across in FREQUENCIES[: point.coefficients]]
    return np.stack(some, -1) / point.periods


def _two_keys(seed: int) -> tuple[Key, Key]:
    return Key(seeded(seed)(KEY_BYTES)), Key(seeded(seed + _OTHER)(KEY_BYTES))


def _read(cover: np.ndarray, container: np.ndarray, sent: np.ndarray) -> Read:
    """From ratios of a point's bits, and the bits that were sent, −1 or 1."""
    right = container.reshape(sent.shape)[sent != 0] * sent[sent != 0] > 0
    return float(right.mean()), float(np.abs(cover).mean()), float(np.abs(container).mean())


def _bits(point: str, read: Callable[[int, np.ndarray], Read], covers: Sequence[np.ndarray], seed: int) -> Row:
    found = [read(number, cover) for number, cover in enumerate(bar(covers, f"{point}: without the key"))]
    right, before, after = np.array(found).T
    (low, high), (auc_low, auc_high) = mean_interval(right), auc_interval(before, after, seed)
    row = {"rung": point, "containers": len(covers), "right": right.mean(), "low": low, "high": high}
    return row | {"auc": auc(before, after), "auc_low": auc_low, "auc_high": auc_high}


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
