"""Attacks without the key on containers that survive: bits that the public modem reads, and films of one key.

- Bits: the modem reads a container with the dither of another key. How many bits are right, and does it tell containers
  from covers how sure the modem is?
- Links: two films of one key whose mean lumas are alike have the same dither, so that coefficients at the same place
  differ by whole numbers of half periods. Does that tell them from films of two keys, of the same scene or of others?
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.fft import dctn

from pipeline.detect.methods import container_seed
from pipeline.stage import bar
from stegnet.core.jpeg import BLOCK, through_jpeg
from stegnet.keys import KEY_BYTES, SALT_BYTES, Key, seeded
from stegnet.methods.robust import (
    FREQUENCIES,
    WRITTEN_QUALITY,
    Blocks,
    Modem,
    OperatingPoint,
    coefficients,
    dither_of,
    group_dither,
    luma,
    modulated,
    sines,
    used_blocks,
)
from study.film_motion import motion
from study.robust_hiders import RobustFilmHider, encoded, moving_window
from study.stats import auc, auc_interval, mean_interval, unpaired_auc_interval

Row = dict[str, object]
Read = tuple[float, float, float]  # share of bits that are right; mean size of the ratios of a cover, and a container
SAME, OTHERS = "the same", "others"
_SALT = bytes(SALT_BYTES)
_NONCE, _HEADER = 7, bytes(8)  # bytes of the one; the other
_OTHER = 1_000_000  # added to seeds: another film, another key


def bits_of_pictures(modem: Modem, point: OperatingPoint, covers: Sequence[np.ndarray], seed: int) -> Row:
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
        blocks, others = (Blocks(shape, point, key, _SALT) for key in _two_keys(seed + number))
        own, other = (group_dither(each, _HEADER) for each in (blocks, others))
        used = used_blocks(blocks, draw.bytes(_NONCE), hider.share)
        signs = (draw.integers(0, 2, (*shape, point.bits)) * np.float32(2) - 1) * used[..., None]
        films = frames, modulated(frames, signs, own, point, motion(frames))
        read = ([coefficients(luma(frame)) for frame in encoded(film)[:: point.run]] for film in films)
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
    frames, height, width, _ = film.shape
    shape = frames, height // BLOCK, BLOCK, width // BLOCK, BLOCK
    blocks = np.stack([luma(frame) for frame in film]).reshape(shape).astype(np.float32)
    found = dctn(blocks, axes=(2, 4), norm="ortho")
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
