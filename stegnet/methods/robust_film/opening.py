"""Opening groups of frames with a key: which salt, variant of the key and rung they have, and their record."""

from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache, partial
from itertools import chain, islice
from math import inf
from operator import itemgetter

import numpy as np

from stegnet.core.parallel import parallel_map, thread_count
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.robust import Blocks, Ratios, Reading, in_order, read_bits, robust_key, with_losses
from stegnet.methods.robust_film.groups import FrameSignal, salts_of_group
from stegnet.methods.robust_film.phases import ALL_RUNGS, dither_of, header_dither, sines, sureness
from stegnet.methods.robust_film.variants import Headers, headers_of, salt_of_variant, variant_of

_EVIDENT = 2  # standard deviations: below, no header is decoded
_HEADER_SURENESS = 1.5  # log-likelihood ratio of a sine of 1, before it is known better
_SALTS_KEPT = 2
_MOST_KEYS = 64


class GroupReader:
    """Opens groups of a film; what follows from a salt alone is kept for the groups with the same one.

    The variant of the key that opened one group is that of the film. A passphrase's keys take a fraction of a second
    each: after _MOST_KEYS of them that opened nothing, no more are derived.

    Args:
        lost: one bit of a record in so many is read as if it were lost, to see if all are needed; 0: none.
    """

    def __init__(self, key_source: KeySource, lost: int = 0) -> None:
        self._source, self._lost = key_source, lost
        self._keys: dict[bytes, Key] = {}
        self._most_keys = _MOST_KEYS if isinstance(key_source, Passphrase) else None
        self._variant: int | None = None
        self._headers = lru_cache(_SALTS_KEPT)(self._make_headers)

    def open(self, signals: Sequence[FrameSignal], salts: int | None = None) -> Reading | None:
        """Reads the group with these signals, if it opens.

        Args:
            salts: number of them that are tried; None: all.
        """
        tried = self._tried(signals, salts)
        with closing(parallel_map(partial(self._likely, signals), tried, thread_count())) as each_salt:
            for evidence, blocks in chain.from_iterable(each_salt):
                if evidence > _EVIDENT and (reading := self._read(signals, blocks)):
                    return reading
        return None

    def _read(self, signals: Sequence[FrameSignal], blocks: Blocks) -> Reading | None:
        frames = [signal.coefficients for signal in signals[:: blocks.rung.run]]

        def of_record(header: bytes, right: np.ndarray) -> Ratios:
            sure, _ = sureness(right / _HEADER_SURENESS)
            ratios = sure * sines(frames, dither_of(blocks, header), blocks.rung)
            return with_losses(in_order(ratios), self._lost)

        reading = read_bits(_of_header(frames, blocks), blocks, of_record)
        if reading:
            self._most_keys, self._variant = None, variant_of(blocks.salt)
        return reading

    def _likely(self, signals: Sequence[FrameSignal], salt: bytes) -> list[tuple[float, Blocks]]:
        """Possible blocks of a group with this salt, and the evidence for each; the likeliest first."""
        shape, key = signals[0].shape, self._key_of(salt)
        if self._variant is not None:
            own = salt_of_variant(salt, self._variant)
            return [(inf, Blocks(shape, rung, key, own)) for rung in ALL_RUNGS]
        found = []
        for headers in self._headers(salt, shape):
            frames = [signal.coefficients for signal in signals[:: headers.rung.run]]
            for variant, evidence in enumerate(headers.evidence(frames)):
                own = salt_of_variant(salt, variant)
                found.append((float(evidence), Blocks(shape, headers.rung, key, own)))
        return sorted(found, key=itemgetter(0), reverse=True)

    def _tried(self, signals: Sequence[FrameSignal], count: int | None) -> list[bytes]:
        """The likeliest salts of a group, at most `count`; only those whose keys are known, if no more are derived."""
        salts = list(islice(salts_of_group(signals), count))
        if self._most_keys is None or len(self._keys) < self._most_keys:
            return salts
        return [salt for salt in salts if salt in self._keys]

    def _key_of(self, salt: bytes) -> Key:
        if salt not in self._keys:
            self._keys[salt] = robust_key(self._source, salt)
        return self._keys[salt]

    def _make_headers(self, salt: bytes, shape: tuple[int, int]) -> list[Headers]:
        return headers_of(shape, ALL_RUNGS, self._key_of(salt), salt)


def _of_header(frames: Sequence[np.ndarray], blocks: Blocks) -> Ratios:
    """Ratios of a header's bits; 0 of all others."""
    first, rung = blocks.places.first, blocks.rung
    dither = header_dither(blocks.key, blocks.salt, first.size, rung.bits)
    ratios = np.zeros((blocks.count, rung.bits), np.float32)
    ratios[first] = _HEADER_SURENESS * sines([frame[first] for frame in frames], dither, rung)
    return in_order(ratios)
