"""Samples of a frame that carry data, and samples that carry nothing (docs/format.md, "Samples" and "Zones")."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from stegnet import kernels
from stegnet.core.keystream import keystream
from stegnet.keys import SALT_BYTES, Key
from stegnet.sealing import trellis

LEAD_BITS, MAC_BITS, TAG_BYTES = 400, 128, 16
STRIDE, _SALT = 31, 15  # in each block of 31 samples, number 15 is a salt sample
_RUN = 32  # consecutive carriers that stay together
_WAYS = 45  # runs after which the colours repeat: 45 · 32 carriers are 48 · 31 samples
_GROUP, _MOST_GROUP = 12_288, 64  # carriers of pixels per group sample, and the largest group in samples
_COMPARED = 1 << 18  # keys that are compared at once, which bounds the memory
_EPHEMERAL = 1024  # samples of an ephemeral key per group sample


@dataclass(frozen=True)
class CarrierModel:
    """Kind of samples that a record is sealed in."""

    share: int  # carriers per group sample; a smaller value gives each lead and MAC bit more samples to choose from
    context: bytes = b""  # data that the MAC covers besides the samples


PIXELS = CarrierModel(_GROUP)
# Samples many of which are expensive to change: each bit of lead and MAC needs a large group to choose from.
UNEVEN = CarrierModel(2048)


@dataclass(frozen=True)
class Zones:
    """Zones of a frame, as places in the order of its carriers; the last one is empty without an ephemeral key."""

    lead: slice
    mac: slice
    record: slice
    ephemeral: slice
    group: int  # places per bit of lead and MAC

    @property
    def public(self) -> slice:
        """Places of the ephemeral key in the public order, by which readers find it."""
        return slice(0, self.ephemeral.stop - self.ephemeral.start)

    @property
    def places(self) -> int:
        """Number of places in the record's zone."""
        return self.record.stop - self.record.start

    @property
    def capacity(self) -> int:
        """Size of the largest record in bytes."""
        return trellis.most_bytes(self.places) - TAG_BYTES


@dataclass(frozen=True)
class Order:
    """Keyed order of a frame's carriers."""

    runs: np.ndarray  # (T,) int64, the runs of carriers in keyed order
    sides: np.ndarray  # (n,) uint8, 0 or 1, one for each sample of the MAC's zone

    def numbers(self, zone: slice) -> np.ndarray:
        """Return the sample numbers at the places of a zone, (n,) int32."""
        if kernels.compiled:
            found = np.empty(zone.stop - zone.start, np.int32)
            kernels.compiled.numbers(self.runs, zone.start, found)
            return found
        first, end = zone.start // _RUN, -(-zone.stop // _RUN)
        runs = self.runs[first:end, None].astype(np.int32) * _RUN + np.arange(_RUN, dtype=np.int32)
        carriers = runs.reshape(-1)[zone.start - first * _RUN : zone.stop - first * _RUN]
        return _samples_of(carriers)

    def greens(self, zone: slice, channels: int) -> np.ndarray:
        """Return the numbers of a zone's green samples, (n,) int32; every sample of a grey picture counts as green."""
        if kernels.compiled:
            found = np.empty(zone.stop - zone.start, np.int32)
            return found[: kernels.compiled.greens(self.runs, zone.start, found.size, channels, found)]
        numbers = self.numbers(zone)
        return numbers[numbers % channels == channels // 2]

    def mark(self, zone: slice, samples: int) -> np.ndarray:
        """Return a bit mask of a zone's samples, (⌈S/8⌉,) uint8, the lowest bit of each byte first."""
        if kernels.compiled:
            marks = np.zeros(-(-samples // 8), np.uint8)
            kernels.compiled.mark(self.runs, zone.start, zone.stop - zone.start, samples, marks)
            return marks
        marked = np.zeros(samples, bool)
        marked[self.numbers(zone)] = True
        return np.packbits(marked, bitorder="little")


def is_marked(marks: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return whether each of the numbered samples is set in a mask of `Order.mark`, (n,) bool."""
    return (marks[numbers >> 3] >> (numbers & 7) & 1).astype(bool)


class Greens:
    """Numbers of a zone's green samples, like `Order.greens`, but computed one slice at a time."""

    def __init__(self, order: Order, zone: slice, channels: int) -> None:
        first, end = zone.start // _RUN, -(-zone.stop // _RUN)
        self._order, self._zone, self.channels, self._first = order, zone, channels, first
        self._runs = order.runs[first:end]
        carriers = np.arange(_WAYS * _RUN).reshape(_WAYS, _RUN)
        self._green = _samples_of(carriers) % channels == channels // 2  # (45, 32) bool
        counts = self._green.sum(1, dtype=np.int32)[self._runs % _WAYS]
        # The first and the last run may share carriers with the neighbouring zones.
        self._skipped = int(self._green[self._runs[0] % _WAYS, : zone.start - first * _RUN].sum())
        counts[0] -= self._skipped
        counts[-1] -= self._green[self._runs[-1] % _WAYS, zone.stop - (end - 1) * _RUN :].sum()
        self._ends = counts.cumsum(dtype=np.int32)  # end of each run, as a place among the green samples
        self.size = int(self._ends[-1])

    def __getitem__(self, some: slice) -> np.ndarray:
        """Return a slice of the numbers, (n,) int32."""
        start, stop, _ = some.indices(self.size)
        first, last = self._runs_of(np.array([start, stop - 1])).tolist()
        zone = slice(
            max((self._first + first) * _RUN, self._zone.start),
            min((self._first + last + 1) * _RUN, self._zone.stop),
        )
        before = int(self._ends[first - 1]) if first else 0
        return self._order.greens(zone, self.channels)[start - before : stop - before]

    def take(self, places: np.ndarray) -> np.ndarray:
        """Return the numbers at the given places, (n,) int32."""
        at = self._runs_of(places)
        before = np.where(at > 0, self._ends[at - 1], -self._skipped)
        runs = self._runs[at]
        reached = self._green.cumsum(1, dtype=np.uint8)[runs % _WAYS] > (places - before)[:, None]
        return _samples_of(runs * _RUN + reached.argmax(1)).astype(np.int32)

    @property
    def of_whole_runs(self) -> bool:
        """Return whether every run of the zone belongs to it entirely."""
        return self._zone.start % _RUN == self._zone.stop % _RUN == 0

    def ranks(self, samples: int) -> np.ndarray:
        """Return the place of each run's first green sample, (T,) int32; runs of other zones get −1.

        The runs are listed in their order in the frame, which has `samples` samples.
        """
        ranks = np.full(samples // STRIDE * (STRIDE - 1) // _RUN, -1, np.int32)
        ranks[self._runs] = np.append(np.int32(0), self._ends[:-1])
        return ranks

    def _runs_of(self, places: np.ndarray) -> np.ndarray:
        """Return the index of the run that holds each place, (n,) int."""
        return np.searchsorted(self._ends, places.astype(self._ends.dtype), "right")


def _samples_of(carriers: np.ndarray) -> np.ndarray:
    """Convert numbers among the carriers to sample numbers."""
    return carriers + (carriers + _SALT) // (STRIDE - 1)


def samples_of_runs(runs: slice) -> slice:
    """Return the range of samples that a range of runs covers in the frame, salt samples included."""
    return slice(_samples_of(runs.start * _RUN), _samples_of(runs.stop * _RUN - 1) + 1)


def zones_of(samples: int, ephemeral: bool = False, medium: CarrierModel = PIXELS) -> Zones:
    """Return the zones of a frame with this number of samples."""
    carriers = samples // STRIDE * (STRIDE - 1)
    group = min(max(carriers // medium.share, 1), _MOST_GROUP)
    lead, mac = LEAD_BITS * group, (LEAD_BITS + MAC_BITS) * group
    last = _EPHEMERAL * group if ephemeral else 0
    end = max(mac, carriers // _RUN * _RUN - last)
    return Zones(slice(0, lead), slice(lead, mac), slice(mac, end), slice(end, end + last), group)


def order_of(samples: int, key: Key, salt: bytes, medium: CarrierModel = PIXELS, places: int | None = None) -> Order:
    """Return the keyed order of a frame's carriers; if `places` is given, at least the first `places` of them.

    The runs of an ephemeral key come last.
    """
    if key.ephemeral is None:
        return _keyed_order(samples, key, salt, medium, places)
    order, first = _keyed_order(samples, key, salt, medium), public_order(samples, key.recipient, salt, medium)
    own = first.runs[: _EPHEMERAL * zones_of(samples, medium=medium).group // _RUN]
    return Order(np.concatenate([order.runs[~np.isin(order.runs, own)], own]), order.sides)


def public_order(samples: int, recipient: bytes, salt: bytes, medium: CarrierModel = PIXELS) -> Order:
    """Return the order that anybody who knows the recipient can compute; its first runs hold the ephemeral key."""
    return _keyed_order(samples, Key(recipient), salt, medium)


def _keyed_order(samples: int, key: Key, salt: bytes, medium: CarrierModel, places: int | None = None) -> Order:
    runs, zone = samples // STRIDE * (STRIDE - 1) // _RUN, zones_of(samples, medium=medium).mac
    sides = zone.stop - zone.start
    stream = keystream(key.positions(salt), 8 * runs + -(-sides // 8))
    words = np.frombuffer(stream, "<u8", runs)
    some = runs if places is None else min(-(-places // _RUN), runs)
    return Order(first_sorted(words, some), np.unpackbits(np.frombuffer(stream, np.uint8, offset=8 * runs))[:sides])


def stable_argsort(words: np.ndarray) -> np.ndarray:
    """Return the stable argsort of random words, computed by sorting keys with each word's place in the lowest bits."""
    return first_sorted(words, words.size)


def first_sorted(words: np.ndarray, count: int) -> np.ndarray:
    """Return the first `count` elements of `stable_argsort`, (count,) int64, without sorting the rest if few."""
    places = np.uint64((1 << words.size.bit_length()) - 1)
    keys = words & ~places
    keys |= np.arange(words.size, dtype=np.uint64)
    if count + 1 < keys.size:
        keys = np.partition(keys, count)[: count + 1]
    if kernels.compiled:
        kernels.compiled.sort(keys)
    else:
        keys.sort()
    ties = _equal_but_for(places, keys)  # in one of some million words, the lowest bits decide
    if (np.diff(ties) == 1).any() or (ties >= count - 1).any():
        return words.argsort(kind="stable")[:count]
    keys &= places
    order = keys.view(np.int64)
    pairs = ties[words[order[ties]] > words[order[ties + 1]]]
    order[pairs], order[pairs + 1] = order[pairs + 1], order[pairs]
    return order[:count]


def _equal_but_for(places: np.uint64, keys: np.ndarray) -> np.ndarray:
    """Return the indices of keys, (n,) uint64, that differ from the next key only in the bits of their places."""
    found = [np.zeros(0, np.intp)]
    for start in range(0, keys.size - 1, _COMPARED):
        some = keys[start : start + _COMPARED + 1]
        found.append(start + np.flatnonzero((some[1:] ^ some[:-1]) <= places))
    return np.concatenate(found)


def frame_salt(picture: np.ndarray) -> bytes:
    """Return the 16-byte hash of a picture's salt samples."""
    samples = picture.reshape(-1)
    kept = samples[: samples.size // STRIDE * STRIDE].reshape(-1, STRIDE)[:, _SALT]
    return sha256(b"stegnet/2/salt" + size_bytes(*picture.shape[:2]) + kept.tobytes()).digest()[:SALT_BYTES]


def is_salt(numbers: np.ndarray, samples: int) -> np.ndarray:
    """Return whether each of the numbered samples of a frame is a salt sample, (n,) bool."""
    return (numbers % STRIDE == _SALT) & (numbers < samples // STRIDE * STRIDE)


def idle_samples(samples: int) -> np.ndarray:
    """Return the numbers of samples that carry nothing, (n,) int32: salt samples, then those after the last run."""
    blocks, places = samples // STRIDE, samples // STRIDE * (STRIDE - 1) // _RUN * _RUN
    rest = np.arange(places, blocks * (STRIDE - 1), dtype=np.int32)
    behind = np.arange(blocks * STRIDE, samples, dtype=np.int32)
    return np.concatenate([np.arange(blocks, dtype=np.int32) * STRIDE + _SALT, _samples_of(rest), behind])


def size_bytes(height: int, width: int) -> bytes:
    """Return height and width as bytes to be hashed."""
    return height.to_bytes(4, "big") + width.to_bytes(4, "big")
