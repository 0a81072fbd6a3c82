"""Variants of a key: a film is hidden with one of them, drawn anew, so that two films of one scene share no places.

A reader tells which one from the header: copies of its bits agree better than by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stegnet.keys import Key, Randomness
from stegnet.methods.robust import Rung, header_evidence, header_signs, places_of_rungs
from stegnet.methods.robust_film.phases import header_dither, sines

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
    """Headers of one rung in a group of frames, for each variant of a key.

    Attributes:
        blocks: (VARIANTS, b) int, theirs in their order.
        dither: (VARIANTS · b, bits) float32, theirs, in periods.
        order, signs: (VARIANTS, h), where the bits are in the sines of all variants, and their factors.
    """

    rung: Rung
    blocks: np.ndarray
    dither: np.ndarray
    order: np.ndarray
    signs: np.ndarray

    def evidence(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """By how many standard deviations the copies agree better than by chance, (VARIANTS,) float.

        Args:
            frames: the coefficients of all blocks of the first frame of each run.
        """
        blocks = self.blocks.reshape(-1)
        found = sines([frame.take(blocks, 0, mode="clip") for frame in frames], self.dither, self.rung)
        return header_evidence(found.reshape(-1)[self.order] * self.signs)


def headers_of(shape: tuple[int, int], rungs: Sequence[Rung], key: Key, salt: bytes) -> list[Headers]:
    """The headers of each rung in rows and columns of blocks."""
    salts = [salt_of_variant(salt, variant) for variant in range(VARIANTS)]
    each_places = [places_of_rungs(shape, rungs, key, each) for each in salts]
    made = []
    for rung, places in zip(rungs, zip(*each_places, strict=True), strict=True):
        count, bits = len(places[0].first), min(_BITS, places[0].order.size)
        blocks = np.stack([some.first for some in places])
        dither = np.concatenate([header_dither(key, each, count, rung.bits) for each in salts])
        order = np.stack([variant * count * rung.bits + some.order[:bits] for variant, some in enumerate(places)])
        signs = np.stack([header_signs(key, each, bits) for each in salts])
        made.append(Headers(rung, blocks, dither, order.astype(np.int32), signs))
    return made
