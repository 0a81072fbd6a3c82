"""Records in a JPEG that survive if some of its coefficients move (docs/format.md, "Tolerant JPEG containers").

Sites that save a JPEG again with its own tables move a few coefficients. Nothing here depends on a coefficient's exact
value but through coded bits: the places follow from the key and a salt of mean lumas. The bits have an error-correcting
code and are embedded by syndrome-trellis codes at costs, as in robust adaptive steganography: Zhang, Zhu, Qin, Yang,
Luo 2018, "Dither modulation based adaptive steganography resisting JPEG compression and statistic detection" (MTAP 77);
Yu, Chen, Wang, Li, Zhang, Yu 2020, "Robust adaptive steganography based on generalized dither modulation and expanded
embedding domain" (Signal Processing 168). Their codes are Reed-Solomon's, with hard decisions.

Nine in ten of the coefficients that move are in blocks with clipped pixels. Blocks near black or white therefore carry
nothing: both sides count their coefficients as 0, so that only a block that changes sides does harm.

A *lead* of 64 bits in a zone of its own says how the record is coded, so that readers do little work if there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import log
from typing import Self

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from stegnet.core.errors import CapacityError
from stegnet.core.keystream import keystream, random_numbers
from stegnet.core.pixels import BLOCK, DCT_BASIS
from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.keys import Key, KeySource, Passphrase, Randomness, Unpicklable
from stegnet.sealing import trellis
from stegnet.sealing.content_salts import region_edges, salts_of
from stegnet.sealing.costs import Costs
from stegnet.sealing.fec import (
    HIGHEST,
    LOWEST,
    RATES,
    RepeatAccumulateCode,
    decode_message,
    encode_message,
    least_places,
    message_capacity,
)
from stegnet.sealing.jpeg_samples import CARRIED, WET, samples_of, with_samples
from stegnet.sealing.sample_order import TAG_BYTES, size_bytes, stable_argsort
from stegnet.sealing.zones import stepped

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class TolerantFormat:
    """Numbers of docs/format.md, "Tolerant JPEG containers"."""

    salt_prefix: bytes = b"stegnet/1/jpeg/salt"  # hashed before the mean lumas of the regions
    salt_margin: float = 0.25  # levels by which a site may move a mean across an edge of its step
    lead_bytes: int = 8
    lead_bits: int = 384  # of a coded lead
    lead_rate: int = 10  # in 64ths, whose degrees the lead's code has
    coefficients: int = 20  # of each block that carry bits: the first five diagonals, where nearly all cheap steps are
    least_room: float = 8.0  # levels between a block's pixels and black or white, above which it carries bits
    lead_width: int = 48  # samples per trit of the lead, at most
    lead_share: int = 1024  # samples of a picture for each sample of a trit of the lead
    widths: tuple[int, ...] = (3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)  # samples per trit of a record, by number
    size_bits: int = 24
    random_bits: int = 27
    nonce_bytes: int = 12
    used_share: float = 0.75  # largest share of the samples that carry bits

    def lead_width_of(self, samples: int) -> int:
        """Return the samples per trit of the lead, 0 if there are too few samples for one."""
        return min(samples // self.lead_share, self.lead_width)


FORMAT = TolerantFormat()
LEAD_CODE = RepeatAccumulateCode(FORMAT.lead_bits, 8 * FORMAT.lead_bytes, FORMAT.lead_rate)
# Pairs of trits, 3 · first + second, by the number that three bits make. Of all such tables, with the pair (0, 1) left
# out, this one loses the least information about single bits if one trit in ten is wrong.
_PAIRS = np.array([0, 2, 3, 6, 5, 8, 4, 7])
_BITS_OF_PAIR = 3


@dataclass(frozen=True)
class CodeRates:
    """Codes of a record: how much its bits are protected, and how they are embedded."""

    rate: int  # of the error correction, in 64ths, 1 to 58
    height: int  # of the trellis code, 1 to 6
    width: int  # samples per trit, one of `FORMAT.widths`


@dataclass(frozen=True, repr=False)
class SaltedKey(Unpicklable):
    """Key of a container with the salt that gives its places."""

    key: Key
    salt: bytes

    def derive(self, purpose: bytes, lead: bytes = b"") -> bytes:
        """Return a 32-byte key for one purpose, as `Key.robust`."""
        return self.key.robust(purpose, self.salt, lead)


@dataclass(frozen=True, eq=False)
class StepLimits:
    """Costs of the steps of a JPEG's samples, and samples that must not change."""

    costs: Costs  # as `coefficient_costs` returns them
    fixed: NDArray[np.bool_]  # as `fixed_samples` returns them


@dataclass(frozen=True, eq=False)
class ReadRecord:
    """Record that was read, and the key that opened it."""

    record: bytes
    key: Key


def content_salts(jpeg: JpegPicture) -> list[bytes]:
    """Return the salts that a JPEG may have had before it was saved again, the likeliest first; at most eight.

    They follow from the mean lumas of 4×4 regions. A writer uses the first.
    """
    first_coefficients = jpeg.planes[0][..., 0].astype(np.int64)
    rows, cols = first_coefficients.shape
    step = int(jpeg.steps(0)[0])
    middle = 128  # level
    sums = np.zeros((rows + 1, cols + 1), np.int64)
    sums[1:, 1:] = first_coefficients.cumsum(0).cumsum(1)
    down = region_edges(rows) // BLOCK
    across = region_edges(cols) // BLOCK
    of_regions = np.diff(np.diff(sums[np.ix_(down, across)], axis=0), axis=1)
    blocks = np.outer(np.diff(down), np.diff(across))
    means = (middle * BLOCK * blocks + step * of_regions) / (BLOCK * blocks)
    highest = 255
    return list(salts_of(FORMAT.salt_prefix, means.reshape(-1).clip(0, highest), near=FORMAT.salt_margin))


def stable_samples(jpeg: JpegPicture) -> NDArray[np.uint8]:
    """Return the samples that may carry bits, (S,) uint8: the first twenty AC coefficients of each block, in zigzag.

    Blocks near black or white carry none: all theirs count as 128, the sample of a coefficient of 0.
    """
    blocks = samples_of(jpeg).reshape(-1, CARRIED)[:, : FORMAT.coefficients].copy()
    middle = 128
    blocks[jpeg.decoded_luma.room.reshape(-1) <= FORMAT.least_room] = middle
    return blocks.reshape(-1)


@dataclass(frozen=True, eq=False)
class StableSteps:
    """Stable samples of a JPEG with the costs of their steps, (S,) each."""

    samples: NDArray[np.uint8]
    up: NDArray[np.uint16]
    down: NDArray[np.uint16]
    fixed: NDArray[np.bool_]

    @classmethod
    def of(cls, jpeg: JpegPicture, limits: StepLimits) -> Self:
        """Return those of a JPEG. Samples are fixed, too, where a step could move a block to the other side."""
        up, down = (side.reshape(-1, CARRIED)[:, : FORMAT.coefficients] for side in limits.costs)
        fixed = limits.fixed.reshape(-1, CARRIED)[:, : FORMAT.coefficients]
        reach = jpeg.steps(0).astype(np.float32) * np.abs(DCT_BASIS).max(1).astype(np.float32)
        near = jpeg.decoded_luma.room.reshape(-1, 1) <= FORMAT.least_room + reach[1 : FORMAT.coefficients + 1]
        return cls(stable_samples(jpeg), up.reshape(-1), down.reshape(-1), (fixed | near).reshape(-1))

    def costs_at(
        self, numbers: NDArray[np.int64], seed: bytes
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]:
        """Return the costs of +1 and of −1 of the numbered samples, and random ties, (n,) each.

        Costs have random low bits, without which a search would favour some of equal costs. A sample at 0 or 255 can
        only step by two the other way.
        """
        ties = np.frombuffer(keystream(seed, 2 * numbers.size), np.dtype("<u2")).astype(np.uint16)
        values = self.samples[numbers]
        low_bit = ties >> 15
        up = 2 * self.up[numbers] + low_bit  # a fixed sample costs ten times as much as any that may change
        down = 2 * self.down[numbers] + (low_bit ^ 1)
        highest = 255
        up[values == highest] = 2 * WET
        down[values == 0] = 2 * WET
        up[self.fixed[numbers]] = trellis.FIXED_COST
        down[self.fixed[numbers]] = trellis.FIXED_COST
        return up, down, ties


def salted_keys(source: KeySource, salts: Sequence[bytes]) -> Iterator[SaltedKey]:
    """Yield the keys that may open a JPEG with these salts; an identity or a recipient gives none."""
    for salt in salts:
        if isinstance(source, Key):
            yield SaltedKey(source, salt)
        elif isinstance(source, Passphrase):
            yield SaltedKey(source.derive(salt), salt)


# Zones


@dataclass(frozen=True, eq=False)
class CodedZone:
    """Places of coded bits, each three of which are a pair of trits of a trellis code."""

    bits: int  # number of coded bits
    numbers: NDArray[np.int64]  # numbers of the samples, in their order
    height: int
    stream_key: bytes  # of the keystream that orders and masks the bits

    @property
    def trits(self) -> int:
        """Number of trits."""
        return count_trits(self.bits)

    @cached_property
    def layout(self) -> trellis.Layout:
        """Layout of the trits in their samples."""
        layout = trellis.layout(self.trits, self.numbers.size, self.height)
        assert layout is not None  # each trit has several samples
        return layout

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Place of each coded bit among the bits of all pairs, (bits,) int."""
        return stable_argsort(random_numbers(self.stream_key, self.bits))

    @property
    def mask(self) -> Bits:
        """Keystream that hides the structure of the code, (bits,) uint8."""
        word = 8  # bytes, of which the order takes one for each bit
        return _unpacked(keystream(self.stream_key, -(-self.bits // 8), word * self.bits))[: self.bits]

    def write(self, steps: StableSteps, coded: Bits, seed: bytes) -> None:
        """Change samples, in place, at nearly the least cost, so that the zone holds the coded bits, (bits,) uint8.

        The seed, 32 bytes, decides between equal costs. Fixed samples stay: trits that nothing else changes are wrong.
        """
        values = steps.samples[self.numbers]
        changes = trellis.write(values, self.trits_of(coded), self.layout, steps.costs_at(self.numbers, seed))
        steps.samples[self.numbers] = np.where(steps.fixed[self.numbers], values, stepped(values, changes))

    def read(self, samples: NDArray[np.uint8], wrong: float) -> NDArray[np.float32]:
        """Return the log-likelihood ratios of the coded bits, (bits,) float32, if this share of all trits is wrong."""
        return self.ratios_of(trellis.read(samples[self.numbers], self.layout).reshape(-1)[: self.trits], wrong)

    def trits_of(self, coded: Bits) -> trellis.Trits:
        """Return the trits, (trits,) uint8, of coded bits, (bits,) uint8."""
        of_pairs = np.zeros((self.trits // 2, _BITS_OF_PAIR), np.uint8)
        of_pairs.reshape(-1)[self.order] = coded ^ self.mask
        pairs = _PAIRS[of_pairs @ np.array([4, 2, 1], np.uint8)]
        trits: trellis.Trits = np.stack([pairs // 3, pairs % 3], 1).astype(np.uint8).reshape(-1)
        return trits

    def ratios_of(self, trits: trellis.Trits, wrong: float) -> NDArray[np.float32]:
        """Return the log-likelihood ratios of the coded bits, (bits,) float32, given the trits that were read."""
        ratios = _pair_ratios(wrong)[3 * trits[::2] + trits[1::2]].reshape(-1)[self.order]
        signed: NDArray[np.float32] = ratios * (np.float32(1) - 2 * self.mask)
        return signed


def lead_zone(samples: int, keys: SaltedKey) -> CodedZone | None:
    """Return the zone of the lead in a JPEG with this number of samples; None if there are too few of them."""
    width = FORMAT.lead_width_of(samples)
    if not width:
        return None
    numbers = _drawn(keys.derive(b"places"), samples, width * count_trits(FORMAT.lead_bits), np.zeros(0, np.int64))
    return CodedZone(FORMAT.lead_bits, numbers, 1, keys.derive(b"header"))


def record_zone(samples: int, keys: SaltedKey, lead: bytes, lead_numbers: NDArray[np.int64]) -> CodedZone | None:
    """Return the zone of the record that a lead describes; None if no record can be coded like this."""
    fields = _parse_lead(lead)
    if fields is None:
        return None
    rates, size = fields
    bits = least_places(8 * size, rates.rate)
    count = rates.width * count_trits(bits)
    if count > most_places(samples):
        return None
    numbers = _drawn(keys.derive(b"order", lead), samples, count, lead_numbers)
    return CodedZone(bits, numbers, rates.height, keys.derive(b"mask", lead))


def count_trits(bits: int) -> int:
    """Return the number of trits that carry this number of coded bits."""
    return 2 * -(-bits // _BITS_OF_PAIR)


def most_places(samples: int) -> int:
    """Return the largest number of samples that may carry a record; negative if not even a lead fits."""
    width = FORMAT.lead_width_of(samples)
    return int(samples * FORMAT.used_share) - width * count_trits(FORMAT.lead_bits) if width else -1


def sealed_size(record_size: int) -> int:
    """Return the bytes of a sealed record: nonce, ciphertext and tag."""
    return FORMAT.nonce_bytes + record_size + TAG_BYTES


# Sealing and reading


def seal_tolerant(
    jpeg: JpegPicture, record: bytes, keys: SaltedKey, rates: CodeRates, limits: StepLimits, randomness: Randomness
) -> NDArray[np.uint8]:
    """Seal a record in the coefficients of a JPEG, so that it can be read if some of them move.

    Args:
        jpeg: the JPEG to hide in.
        record: bytes of the record.
        keys: the container's key with the first of the JPEG's `content_salts`.
        rates: the codes, as `choose_rates` returns them.
        limits: costs of all steps; fixed samples do not change.
        randomness: source of fresh random bytes.

    Returns:
        The JPEG's samples after the changes, as `samples_of` would return them.

    Raises:
        CapacityError: there are too few samples, or too few of them may change.
    """
    size = sealed_size(len(record))
    lead = _format_lead(rates, size, randomness)
    steps = StableSteps.of(jpeg, limits)
    before = steps.samples.copy()
    first = lead_zone(before.size, keys)
    second = None if first is None else record_zone(before.size, keys, lead, first.numbers)
    if first is None or second is None:
        raise CapacityError("the cover is too small", "use a larger cover, or hide less")
    seed_bytes = 32
    first.write(steps, LEAD_CODE.encode(_unpacked(lead)), randomness(seed_bytes))

    nonce = randomness(FORMAT.nonce_bytes)
    cipher = AESGCM(keys.derive(b"record", lead))
    sealed = nonce + cipher.encrypt(nonce, record, _associated(lead, jpeg))
    message = np.zeros(message_capacity(second.bits, rates.rate), np.uint8)
    message[: 8 * size] = _unpacked(sealed)
    second.write(steps, encode_message(message, second.bits, rates.rate), randomness(seed_bytes))

    samples = samples_of(jpeg)
    changed = samples.reshape(-1, CARRIED)
    changed[:, : FORMAT.coefficients] += (steps.samples - before).reshape(-1, FORMAT.coefficients)
    if _opened(replace(jpeg, planes=tuple(with_samples(jpeg, samples))), keys) != record:
        raise CapacityError("too little of the cover may change", "use a larger cover, or hide less")
    return samples


def unseal_tolerant(jpeg: JpegPicture, source: KeySource) -> ReadRecord | None:
    """Return the record in the coefficients of a JPEG; None if nothing opens, or the source is for a recipient."""
    if FORMAT.lead_width_of(count_stable(jpeg)):
        for keys in salted_keys(source, content_salts(jpeg)):
            record = _opened(jpeg, keys)
            if record is not None:
                return ReadRecord(record, keys.key)
    return None


def count_stable(jpeg: JpegPicture) -> int:
    """Return the number of samples that may carry bits, those near black or white included."""
    rows, cols, _ = jpeg.planes[0].shape
    return int(FORMAT.coefficients * rows * cols)


def _opened(jpeg: JpegPicture, keys: SaltedKey) -> bytes | None:
    """Return the record that a key opens, or None."""
    samples = stable_samples(jpeg)
    first = lead_zone(samples.size, keys)
    assert first is not None  # as the caller checked
    wrong = 0.2  # share of wrong trits up to which most leads are read
    iterations = 40
    bits = LEAD_CODE.decode(first.read(samples, wrong), iterations)
    if bits is None:
        return None
    lead = np.packbits(bits).tobytes()
    fields = _parse_lead(lead)
    second = record_zone(samples.size, keys, lead, first.numbers)
    if fields is None or second is None:
        return None
    rates, size = fields
    message = decode_message(second.read(samples, design_errors(rates.rate)), rates.rate)
    if message is None:
        return None
    sealed = np.packbits(message[: 8 * size]).tobytes()
    nonce = sealed[: FORMAT.nonce_bytes]
    cipher = AESGCM(keys.derive(b"record", lead))
    try:
        return cipher.decrypt(nonce, sealed[FORMAT.nonce_bytes :], _associated(lead, jpeg))
    except InvalidTag:
        return None


def design_errors(rate: int) -> float:
    """Return about the largest share of wrong trits that a code of this rate in 64ths corrects, however long it is."""
    return float(0.46 * (1 - rate / RATES) ** 1.6)


def _associated(lead: bytes, jpeg: JpegPicture) -> bytes:
    """Return the data that a record's tag covers, besides the record."""
    rows, cols, _ = jpeg.planes[0].shape
    return lead + size_bytes(rows, cols)


def _format_lead(rates: CodeRates, size: int, randomness: Randomness) -> bytes:
    """Return a lead with fresh random bits at its end. Raises CapacityError if the record is too large for any."""
    if size >> FORMAT.size_bits:
        raise CapacityError("the secret is too large", f"at most {(1 << FORMAT.size_bits) - 1:,} bytes")
    number = (rates.rate << 3 | rates.height) << 4 | FORMAT.widths.index(rates.width)
    random = int.from_bytes(randomness(4), "big") % (1 << FORMAT.random_bits)
    return ((number << FORMAT.size_bits | size) << FORMAT.random_bits | random).to_bytes(FORMAT.lead_bytes, "big")


def _parse_lead(lead: bytes) -> tuple[CodeRates, int] | None:
    """Return the codes of a record and the bytes of the sealed record; None if the lead is invalid."""
    fields = int.from_bytes(lead, "big") >> FORMAT.random_bits
    number, size = divmod(fields, 1 << FORMAT.size_bits)
    rate = number >> 7
    height = number >> 4 & 7
    width = number & 15
    if not LOWEST <= rate <= HIGHEST or height not in trellis.HEIGHTS or width >= len(FORMAT.widths):
        return None
    return (CodeRates(rate, height, FORMAT.widths[width]), size) if size >= sealed_size(0) else None


def _drawn(stream_key: bytes, samples: int, count: int, taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `count` different random numbers below `samples`, none of those taken, (count,) int64.

    They are the words of a keystream, modulo `samples`, without those that are taken or come again.
    """
    used = (taken.size + count) / samples
    words = int(-1.02 * samples * log(1 - used)) - taken.size + 256
    while True:
        numbers = np.concatenate([taken, (random_numbers(stream_key, words) % np.uint64(samples)).astype(np.int64)])
        _, first_places = np.unique(numbers, return_index=True)
        if first_places.size >= taken.size + count:
            first_places.sort()
            return numbers[first_places[taken.size : taken.size + count]]
        words += words // 8


@lru_cache(maxsize=8)
def _pair_ratios(wrong: float) -> NDArray[np.float32]:
    """Return the log-likelihood ratio of each of the three bits given each pair of trits, (9, 3) float32.

    Args:
        wrong: share of wrong trits; both wrong values are equally likely.
    """
    of_trit = np.full((3, 3), wrong / 2)
    np.fill_diagonal(of_trit, 1 - wrong)
    likelihoods = np.kron(of_trit, of_trit)[_PAIRS]  # (8, 9): written number, read pair
    is_one = np.arange(8) >> np.array([[2], [1], [0]]) & 1 == 1  # (3, 8)
    ones = is_one @ likelihoods
    ratios: NDArray[np.float32] = np.log(ones / (likelihoods.sum(0) - ones)).T.astype(np.float32)
    return ratios


def _unpacked(data: bytes | memoryview) -> Bits:
    return np.unpackbits(np.frombuffer(data, np.uint8))
