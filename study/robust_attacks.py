"""Stage robust_attacks: are containers that survive JPEG or H.264 told from covers, and do their keys leave traces?

All attackers have the program, but no key. Covers are in the form of the containers: JPEG pictures, H.264 films.

- SPAM: a classifier on features of a picture, or of one frame of a film.
- bits: the modem reads a container with the dither of another key. How many bits are right, and does it tell containers
  from covers how sure the modem is?
- links: two films of one key whose mean lumas are alike have the same dither, so that coefficients at the same place
  differ by whole numbers of half periods. Does that tell films of a scene from films of two keys?
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.fft import dctn

from pipeline.detect.methods import container_seed, evenly, key_of
from pipeline.evaluate.quality import map_in_threads
from pipeline.evaluate.statistics import Scores
from pipeline.parameters.evaluate import EvaluateParameters
from pipeline.stage import bar, run_stage, write_json, write_table
from stegnet.core.compute import make_deterministic
from stegnet.core.pixels import BLOCK, through_jpeg
from stegnet.keys import KEY_BYTES, SALT_BYTES, Key, KeySource, seeded
from stegnet.methods.robust import (
    ALL_FILM_POINTS,
    CONTAINER_PSNR,
    FILM_POINTS,
    FREQUENCIES,
    GROUP,
    HEAD_BYTES,
    WRITTEN,
    WRITTEN_QUALITY,
    BlockPlacement,
    GroupContent,
    OperatingPoint,
    PictureModem,
    coded_bits,
    content_capacity,
    dither_of,
    hide_in_group,
    largest_share,
    luma,
    new_nonce,
    new_variant,
    own_grid,
    pieces_of,
    robust_key,
)
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_h264
from stegnet.video.films import FilmInfo, read_frames
from stegnet.video.motion import SEARCH, Motion, motion_of
from study.ensemble import Features, cross_validated, summarise
from study.features import spam
from study.photograph_pairs import Pair, photograph_pairs, training_photographs
from study.stats import auc, auc_interval, mean_interval, unpaired_auc_interval
from study.steganalysis import extracted

KNOWN = 150  # training photographs of the classifiers
FILMS = 100  # training photographs that films are made of, and as many test photographs
KEYLESS, KEYLESS_FILMS = 100, 50  # test photographs of what is read without the key, and films
WINDOW = 192  # side of a film's frames
FRAME = 20  # the one of a film that the classifier sees
PICTURES, MOVING = "pictures", "films"
LINKED = FILM_POINTS[0]  # the point whose films are compared
_SALT = bytes(SALT_BYTES)
_OTHER = 1_000_000  # added to seeds: another film, another key
Row = dict[str, object]
Read = tuple[float, float, float]  # share of bits that are right; mean size of the ratios of a cover, and a container
_USED_RATE = 12  # of the error correction, in 64ths; attacks do not depend on it
_STEPS = 2, 1  # pixels down and across that a window moves from frame to frame
_NOISE = 1.5  # levels, of the sensor
_TICKS, _RATE = 90_000, Fraction(25)  # a second; frames a second

T = TypeVar("T")


@dataclass(frozen=True)
class RobustHider:
    """Pictures of a point, saved as JPEG of the quality that hiding writes."""

    modem: PictureModem
    point: OperatingPoint

    def unhidden(self, cover: np.ndarray) -> np.ndarray:
        """The cover in the form of the containers."""
        return through_jpeg(cover, WRITTEN_QUALITY)

    def picture(self, cover: np.ndarray, key: KeySource, seed: int) -> np.ndarray:
        """The container of a picture."""
        shape, random = (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK), seeded(seed)
        salt = next(own_grid(*cover.shape[:2]).salts(cover))
        derived = robust_key(key, salt)
        content = random(content_capacity(shape[0] * shape[1], self.point, _USED_RATE))
        placement = BlockPlacement(shape, self.point, derived, salt)
        bits = coded_bits(placement, _USED_RATE, content, new_nonce(random)) * np.float32(2) - 1
        dither = dither_of(shape, derived, salt)
        return through_jpeg(self.modem.hide(cover, bits, dither, places=self.point.places), WRITTEN_QUALITY)


@dataclass(frozen=True)
class RobustFilmHider:
    """Films of one group of a point, H.264 of the CRF that hiding writes."""

    point: OperatingPoint
    share: int = 0  # number of the share of blocks that are used

    @property
    def name(self) -> str:
        return f"robust, {self.point.name}"

    def group(self, frames: Sequence[np.ndarray], key: KeySource, seed: int) -> list[np.ndarray]:
        """A group of frames that hides random bytes, before it is encoded."""
        shape, random = (frames[0].shape[0] // BLOCK, frames[0].shape[1] // BLOCK), seeded(seed)
        capacity = content_capacity(shape[0] * shape[1], self.point, _USED_RATE, self.share) - HEAD_BYTES
        (piece,) = pieces_of(random(capacity), [capacity])
        content = GroupContent(piece, _USED_RATE, new_nonce(random), new_variant(random), self.share)
        return hide_in_group(frames, self.point, content, key, motion(frames))


def main(config: EvaluateParameters, shards: Path, weights: Path, out: Path) -> None:
    make_deterministic(config.seed, config.train.threads)
    modem = PictureModem.load(weights)
    known, unseen = evenly(training_photographs(shards), KNOWN), photograph_pairs(shards, config.evaluate.shift)
    rows = [detect_pictures(modem, point, known, unseen, config.seed) for point in modem.points]
    pictures, films = (evenly([cover for cover, _ in unseen], most) for most in (KEYLESS, KEYLESS_FILMS))
    keyless = pd.DataFrame([bits_of_pictures(modem, point, pictures, config.seed) for point in modem.points])
    linked = links(full(LINKED), films, WINDOW, config.seed)
    films = evenly(known, FILMS), evenly(unseen, FILMS)
    for number, point in enumerate(ALL_FILM_POINTS):
        rows.append(detect_films(full(point), *films, container_seed(config.seed, number)))
    found = pd.DataFrame(rows)
    write_table(out / "detection.csv", found)
    write_table(out / "keyless.csv", keyless)
    write_table(out / "links.csv", pd.DataFrame([linked]))
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


def detect_films(hider: RobustFilmHider, known: Sequence[Pair], unseen: Sequence[Pair], seed: int) -> Row:
    """The same of a frame of films, windows that move over photographs."""
    covers, point, name = [cover for cover, _ in (*known, *unseen)], hider.point, hider.name
    made = list(map_in_threads(partial(_frames_of, hider), bar(list(enumerate(covers, seed)), name)))
    sides = (list(side) for side in zip(*made, strict=True))
    scores = _classified(*sides, len(known), name, seed)
    return _labels(MOVING, point.name, "SPAM, one frame", len(known), scores, seed)


def spectra(film: np.ndarray) -> np.ndarray:
    """The DCT of the blocks of a film's luma, (T, rows, 8, columns, 8), of whole blocks of (T, H, W, 3) uint8."""
    frames, height, width, _ = film.shape
    shape = frames, height // BLOCK, BLOCK, width // BLOCK, BLOCK
    lumas = np.stack([luma(frame) for frame in film])[:, : shape[1] * BLOCK, : shape[3] * BLOCK]
    return dctn(lumas.reshape(shape).astype(np.float32), axes=(2, 4), norm="ortho")


def headline(found: pd.DataFrame, keyless: pd.DataFrame, linked: Row) -> dict[str, float]:
    """Accuracy of each attack, by medium and point; and what attacks find that look for a key.

    Those are the share of bits, farthest from a half, that are read without it, and the area under the ROC curve of
    links between films of the same scenes.
    """
    figures = {f"robust_attacks_{row.medium}_{row.rung}_spam": row.accuracy for row in found.itertuples()}
    figures["robust_attacks_bits"] = keyless["right"][(keyless["right"] - 0.5).abs().idxmax()]
    figures["robust_attacks_links"] = linked["auc"]
    return {name: round(float(value), 4) for name, value in figures.items()}


def bits_of_pictures(modem: PictureModem, point: OperatingPoint, covers: Sequence[np.ndarray], seed: int) -> Row:
    """The share of bits that the modem reads right without the key, of pictures saved as JPEG as hiding does.

    AUC is that of how sure it is, by the mean size of its ratios.
    """

    def read(number: int, cover: np.ndarray) -> Read:
        shape, draw = (cover.shape[0] // BLOCK, cover.shape[1] // BLOCK), np.random.default_rng(seed + number)
        own, other = (dither_of(shape, key, _SALT) for key in _two_keys(seed + number))
        bits = np.zeros((*shape, modem.bits), np.float32)
        bits[..., point.places] = sent = draw.choice(np.float32([-1, 1]), (*shape, point.bits))
        both = cover, modem.hide(cover, bits, own)
        before, after = (modem.reveal(through_jpeg(each, WRITTEN_QUALITY), other)[..., point.places] for each in both)
        return float((after * sent > 0).mean()), float(np.abs(before).mean()), float(np.abs(after).mean())

    found = [read(number, cover) for number, cover in enumerate(bar(covers, f"{point.name}: without the key"))]
    right, before, after = np.array(found).T
    (low, high), (auc_low, auc_high) = mean_interval(right), auc_interval(before, after, seed)
    row = {"rung": point.name, "containers": len(covers), "right": right.mean(), "low": low, "high": high}
    return row | {"auc": auc(before, after), "auc_low": auc_low, "auc_high": auc_high}


def links(hider: RobustFilmHider, photographs: Sequence[np.ndarray], side: int, seed: int) -> Row:
    """AUC of the likeness of phases for films of one key and scene against those of two keys and the same scene.

    Films of the same scene differ by noise, as from a camera that stands still.
    """
    alike, point = [], hider.point
    for number, photograph in enumerate(bar(photographs, f"{hider.name}: links")):
        first = container_seed(seed, number)
        key, other = _two_keys(seed)
        scenes = moving_window(photograph, side, first), moving_window(photograph, side, first + _OTHER)
        jobs = (scenes[0], key), (scenes[1], key), (scenes[1], other)
        made = (hider.group(scene, used, first + place) for place, (scene, used) in enumerate(jobs))
        film, *others = (phases(encoded(group), point) for group in made)
        # The mean cosine of the difference of phases, which counts modulo half a period: bits do not matter.
        alike.append([np.cos(4 * np.pi * (film - each)).mean() for each in others])
    same, others = np.array(alike, float).T
    low, high = unpaired_auc_interval(others, same)
    return {"rung": point.name, "pairs": len(same), "auc": auc(others, same), "low": low, "high": high}


def phases(film: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Phases of the coefficients that carry bits, in periods, (T, rows, cols, n), of a film (T, H, W, 3) uint8."""
    found = spectra(film)
    some = [found[:, :, down, :, across] for down, across in FREQUENCIES[: point.coefficients]]
    return np.stack(some, -1) / point.periods


def _two_keys(seed: int) -> tuple[Key, Key]:
    return Key(seeded(seed)(KEY_BYTES)), Key(seeded(seed + _OTHER)(KEY_BYTES))


def _frames_of(hider: RobustFilmHider, item: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """From a seed and a photograph, a frame of its film and of the container, both as H.264, (H, W, 3) uint8."""
    seed, photograph = item
    frames = moving_window(photograph, WINDOW, seed)
    return encoded(frames)[FRAME], encoded(hider.group(frames, key_of(seed), seed))[FRAME]


def _classified(covers: list[np.ndarray], containers: list[np.ndarray], known: int, name: str, seed: int) -> Scores:
    """Cross-validated scores on the first `known`, and scores on all others by what was trained on those."""
    sides = (extracted(spam, covers, f"SPAM of {name}, covers"), extracted(spam, containers, f"SPAM of {name}"))
    both = Features(*sides)
    numbers = np.arange(len(both))
    return cross_validated(both[numbers[:known]], both[numbers[known:]], seed)


def _labels(medium: str, point: str, features: str, known: int, scores: Scores, seed: int) -> Row:
    labels = {"medium": medium, "rung": point, "features": features, "pairs": known, "tested": len(scores.covers)}
    return labels | summarise([scores], seed)


def moving_window(picture: np.ndarray, side: int, seed: int) -> list[np.ndarray]:
    """A group of frames: a window of this side that moves over a photograph, with a sensor's noise."""
    draw, frames = np.random.default_rng(seed), []
    capacity = [length - side for length in picture.shape[:2]]
    for number in range(GROUP):
        top, left = (_reflected(number * step, most) for step, most in zip(_STEPS, capacity, strict=True))
        window = picture[top : top + side, left : left + side]
        frames.append((window + draw.normal(0, _NOISE, window.shape)).round().clip(0, 255).astype(np.uint8))
    return frames


def encoded(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Frames after H.264 as hiding writes it, (T, H, W, 3) uint8."""
    return through_film(frames, WRITTEN, lambda path: np.stack(list(read_frames(path))))


def _reflected(place: int, most: int) -> int:
    """A place that turns back at both ends of 0 to `most`."""
    inside = place % max(2 * most, 1)
    return min(inside, 2 * most - inside) if most else 0


def motion(frames: Sequence[np.ndarray]) -> list[Motion]:
    """The motion of each frame, (H, W, 3) uint8."""
    return through_film(frames, SEARCH, lambda path: list(motion_of(path)))


def through_film(frames: Sequence[np.ndarray], coding: Coding, read: Callable[[Path], T]) -> T:
    """Writes frames, (H, W, 3) uint8, as a film, and returns the result of reading it."""
    height, width = frames[0].shape[:2]
    step = int(_TICKS / _RATE)
    stamps = tuple(range(0, len(frames) * step, step))
    info = FilmInfo(width, height, stamps, Fraction(1, _TICKS), _RATE, Fraction(1), ())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_h264(path, iter(frames), info, coding)
        return read(path)


if __name__ == "__main__":
    run_stage(main, "shards", "weights", "out", reads=EvaluateParameters)
