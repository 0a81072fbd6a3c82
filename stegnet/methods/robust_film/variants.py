"""Variants of a key: a film is hidden with one of them, drawn anew, so that two films of one scene share no places.

A reader tells which one from the header: copies of its bits agree better than by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stegnet.keys import Key, Randomness
from stegnet.methods.robust import Places, Rung, header_evidence, header_signs, places_of_rungs
from stegnet.methods.robust_film.phases import header_dither, header_ratios, header_words

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
        dither: (runs, VARIANTS · b, coefficients) float32, theirs.
        order, signs: (VARIANTS, h), where the bits are in `header_ratios` of all variants, and their factors.
    """

    rung: Rung
    blocks: np.ndarray
    dither: np.ndarray
    order: np.ndarray
    signs: np.ndarray

    def evidence(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """By how many standard deviations the copies agree better than by chance, (VARIANTS,) float.

        Args:
            frames: the coefficients of all blocks of each frame, as `coefficients` gives them.
        """
        blocks, some = self.blocks.reshape(-1), slice(self.rung.coefficients)
        found = np.stack([frame.take(blocks, 0, mode="clip")[:, some] for frame in frames])
        ratios = header_ratios(found, self.dither, self.rung)
        return header_evidence(ratios.reshape(-1)[self.order] * self.signs)


def headers_of(shape: tuple[int, int], rungs: Sequence[Rung], key: Key, salt: bytes) -> list[Headers]:
    """The headers of each rung in rows and columns of blocks."""
    salts = [salt_of_variant(salt, variant) for variant in range(VARIANTS)]
    each_places = [places_of_rungs(shape, rungs, key, each) for each in salts]
    words = np.stack([header_words(key, each, max(len(some.first) for some in each_places[0])) for each in salts])
    made = []
    for rung, places in zip(rungs, zip(*each_places, strict=True), strict=True):
        count, bits = len(places[0].first), min(_BITS, places[0].order.size)
        blocks = np.stack([some.first for some in places])
        order = np.stack([_in_ratios(some, variant, rung) for variant, some in enumerate(places)])
        signs = np.stack([header_signs(key, each, bits) for each in salts])
        dither = header_dither(words[:, :count].reshape(-1, *words.shape[2:]), rung)
        made.append(Headers(rung, blocks, dither, order, signs))
    return made


def _in_ratios(places: Places, variant: int, rung: Rung) -> np.ndarray:
    """Where the bits of a header are in `header_ratios` of all variants, (at most _BITS,) int32."""
    count = len(places.first)
    block, bit = np.divmod(places.order[:_BITS].astype(np.int32), np.int32(rung.bits))
    run, coefficient = np.divmod(bit, np.int32(rung.coefficients))
    return ((run * VARIANTS + variant) * count + block) * rung.coefficients + coefficient
