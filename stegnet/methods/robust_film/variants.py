"""Variants of a key: a film is hidden with one of them, drawn anew, so that two films of one scene share no places.

A reader tells which one from the header: copies of its bits agree better than by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stegnet.keys import Key, Randomness
from stegnet.methods.robust import Rung, header_evidence, header_signs, places_of_rungs
from stegnet.methods.robust_film.phases import FREQUENCIES, header_dither, periods_of, sines_of

VARIANTS = 32
_BITS = 4608  # of a header, by which its variant is found


def new_variant(randomness: Randomness) -> int:
    """The variant of a film."""
    return randomness(1)[0] % VARIANTS


def variant_of(salt: bytes) -> int:
    """The variant of a salt of `salt_of_variant`."""
    return salt[-1]


def salt_of_variant(salt: bytes, variant: int) -> bytes:
    """The salt of all subkeys of a group, given the one from which a passphrase's key follows."""
    return salt + bytes([variant])


@dataclass(frozen=True)
class Headers:
    """Headers of one rung in a group of frames, for each variant of a key: their first bits.

    Attributes:
        rung: theirs.
        places: (VARIANTS, h) int, where each bit is in the coefficients of all blocks, frame by frame.
        dither: (VARIANTS, h) float32, theirs, in periods.
        signs: (VARIANTS, h), factors of their sines.
    """

    rung: Rung
    places: np.ndarray
    dither: np.ndarray
    signs: np.ndarray

    def evidence(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """By how many standard deviations the copies agree better than by chance, (VARIANTS,) float.

        Args:
            frames: the coefficients of all blocks of the first frame of each run, (blocks, FREQUENCIES) float32.
        """
        return header_evidence(self.sines(frames) * self.signs)

    def sines(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Sines of the bits, (VARIANTS, h) float32, as `phases.sines`; arguments as `evidence`."""
        values = np.concatenate(frames).reshape(-1)[self.places]
        return sines_of(values, periods_of(self.rung)[self.places % len(FREQUENCIES)], self.dither)


def headers_of(shape: tuple[int, int], rungs: Sequence[Rung], key: Key, salt: bytes) -> list[Headers]:
    """The headers of each rung in rows and columns of blocks."""
    salts = [salt_of_variant(salt, variant) for variant in range(VARIANTS)]
    each_places = [places_of_rungs(shape, rungs, key, each, most=_BITS) for each in salts]
    made = []
    for rung, places in zip(rungs, zip(*each_places, strict=True), strict=True):
        blocks, bits = np.divmod(np.stack([some.order for some in places]), rung.bits)
        runs, coefficients = np.divmod(bits, rung.coefficients)
        blocks = np.take_along_axis(np.stack([some.first for some in places]), blocks, 1)
        dither = [
            header_dither(key, each, some.first.size, rung.bits).reshape(-1)[some.order]
            for each, some in zip(salts, places, strict=True)
        ]
        signs = np.stack([header_signs(key, each, runs.shape[1]) for each in salts])
        numbers = (runs * (shape[0] * shape[1]) + blocks) * len(FREQUENCIES) + coefficients
        made.append(Headers(rung, numbers.astype(np.int32), np.stack(dither), signs))
    return made
