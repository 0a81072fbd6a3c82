"""Opening groups of frames with a key: which salt, variant of the key and rung they have, and their record."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from math import inf
from operator import itemgetter

import numpy as np

from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.robust import Blocks, Ratios, Reading, header_blocks, in_order, read_bits, robust_key
from stegnet.methods.robust_film.groups import FrameSignal, salts_of_group
from stegnet.methods.robust_film.modem import FilmModem
from stegnet.methods.robust_film.phases import Dither, coefficients, header_dither, header_ratios, header_words
from stegnet.methods.robust_film.variants import Headers, headers_of, salt_of_variant, variant_of

_EVIDENT = 2  # standard deviations: below, no header is decoded
_THOROUGH = 2  # salts, each with a variant, with which the modem reads a header
_SALTS_KEPT = 2
_MOST_KEYS = 64


class GroupReader:
    """Opens groups of a film; what follows from a salt alone is kept for the groups with the same one.

    The variant of the key that opened one group is that of the film. A passphrase's keys take a fraction of a second
    each: after _MOST_KEYS of them that opened nothing, no more are derived.

    Args:
        modem: reads their bits.
        key_source: derives their keys.
    """

    def __init__(self, modem: FilmModem, key_source: KeySource) -> None:
        self._modem, self._source = modem, key_source
        self._keys: dict[bytes, Key] = {}
        self._most_keys = _MOST_KEYS if isinstance(key_source, Passphrase) else None
        self._variant: int | None = None
        self._headers = lru_cache(_SALTS_KEPT)(self._make_headers)

    def open(
        self, signals: Sequence[FrameSignal], *, thorough: bool = True, salts: int | None = None
    ) -> Reading | None:
        """Reads the group with these signals, if it opens.

        Args:
            thorough: where no header is read from the phases alone, the modem reads it, where it is likeliest.
            salts: number of them that are tried; None: all.
        """
        lumas, likely = np.stack([signal.luma for signal in signals]), []
        for some in self._likely(signals, salts):
            for evidence, blocks in some:
                if evidence > _EVIDENT and (reading := self._read(lumas, blocks, _by_phases(lumas, blocks))):
                    return reading
            likely += some
        likeliest: dict[bytes, Blocks] = {}
        for _, blocks in sorted(likely, key=itemgetter(0), reverse=True):
            likeliest.setdefault(blocks.salt, blocks)
        for blocks in islice(likeliest.values(), _THOROUGH if thorough else 0):
            found = self._modem.reveal(lumas, self._header_dither(blocks))
            for rung, ratios in found.items():
                if reading := self._read(lumas, replace(blocks, rung=rung), in_order(ratios)):
                    return reading
        return None

    def _read(self, lumas: np.ndarray, blocks: Blocks, of_header: Ratios) -> Reading | None:
        def of_record(header: bytes) -> np.ndarray:
            dither = Dither(blocks.shape, self._modem.frames, blocks.key, blocks.salt, blocks.places.first, header)
            return self._modem.reveal(lumas, dither)[blocks.rung]

        reading = read_bits(of_header, blocks, of_record)
        if reading:
            self._most_keys, self._variant = None, variant_of(blocks.salt)
        return reading

    def _likely(self, signals: Sequence[FrameSignal], count: int | None) -> Iterator[list[tuple[float, Blocks]]]:
        """What the blocks of a group may be, and the evidence for it, for each salt; `count` as in `_tried`."""
        shape, rungs = signals[0].shape, self._modem.rungs
        for salt in self._tried(signals, count):
            key = self._key_of(salt)
            if self._variant is not None:
                own = salt_of_variant(salt, self._variant)
                yield [(inf, Blocks(shape, rung, key, own)) for rung in rungs]
                continue
            found, frames = [], [signal.coefficients for signal in signals]
            for headers in self._headers(salt, shape):
                for variant, evidence in enumerate(headers.evidence(frames)):
                    own = salt_of_variant(salt, variant)
                    found.append((float(evidence), Blocks(shape, headers.rung, key, own)))
            yield sorted(found, key=itemgetter(0), reverse=True)

    def _header_dither(self, blocks: Blocks) -> Dither:
        """That of a header of any rung."""
        most = max(self._modem.rungs, key=lambda rung: header_blocks(blocks.count, rung))
        first = replace(blocks, rung=most).places.first
        return Dither(blocks.shape, self._modem.frames, blocks.key, blocks.salt, first)

    def _tried(self, signals: Sequence[FrameSignal], count: int | None) -> list[bytes]:
        """The likeliest salts of a group, at most `count`; only those whose keys are known, if no more are derived."""
        salts = list(salts_of_group(signals))[:count]
        if self._most_keys is None or len(self._keys) < self._most_keys:
            return salts
        return [salt for salt in salts if salt in self._keys]

    def _key_of(self, salt: bytes) -> Key:
        if salt not in self._keys:
            self._keys[salt] = robust_key(self._source, salt)
        return self._keys[salt]

    def _make_headers(self, salt: bytes, shape: tuple[int, int]) -> list[Headers]:
        return headers_of(shape, self._modem.rungs, self._key_of(salt), salt)


def _by_phases(lumas: np.ndarray, blocks: Blocks) -> Ratios:
    """Ratios of a header, without the modem."""
    first, rung = blocks.places.first, blocks.rung
    found = np.stack([coefficients(luma, first) for luma in lumas])
    dither = header_dither(header_words(blocks.key, blocks.salt, len(first)), rung)
    ratios = np.zeros((blocks.count, rung.bits), np.float32)
    ratios[first] = header_ratios(found, dither, rung).swapaxes(0, 1).reshape(len(first), -1)
    return in_order(ratios)
