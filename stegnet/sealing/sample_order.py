"""Samples of a frame that carry data, and samples that carry nothing (docs/format.md, "Samples" and "Zones")."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stegnet import kernels
from stegnet.core.keystream import keystream
from stegnet.keys import SALT_BYTES, Key
from stegnet.sealing import trellis
from stegnet.sealing.siv import TAG_BYTES

Whole = TypeVar("Whole", bound=np.signedinteger)

LEAD_BYTES = TAG_BYTES + 5  # tag, code of the record, length of the sealed record
MAC_BYTES = 16
LEAD_TRITS = trellis.count_trits(LEAD_BYTES)
MAC_TRITS = trellis.count_trits(MAC_BYTES)


@dataclass(frozen=True)
class SampleFormat:
    """Numbers of docs/format.md, "Samples" and "Zones"."""

    stride: int = 31  # samples in a block, one of them a salt sample and the others data samples
    salt: int = 15  # place of the salt sample in its block
    run: int = 32  # consecutive data samples that stay together
    share: int = 12_288  # data samples of a picture's pixels for each unit of the zones of a fixed size
    most_units: int = 64
    places: int = 3  # of a unit, for each trit of lead and MAC
    ephemeral: int = 1024  # places of a unit in an ephemeral key's zone
    cycle: int = 45  # runs after which the colours repeat: 45 · 32 data samples are 48 · 31 samples

    def data_samples(self, samples: int) -> int:
        """Return the number of data samples among this number of samples."""
        return samples // self.stride * (self.stride - 1)


FORMAT = SampleFormat()


@dataclass(frozen=True)
class SampleRules:
    """Rules of the samples that a record is sealed in."""

    share: int  # data samples per unit; with fewer, each trit of lead and MAC has more samples to choose from
    context: bytes = b""  # data that the MAC covers besides the samples


PIXELS = SampleRules(FORMAT.share)
# Samples many of which are expensive to change: each trit of lead and MAC needs many to choose from.
UNEVEN = SampleRules(2048)


@dataclass(frozen=True)
class Zones:
    """Zones of a frame, as places in the order of its data samples; the last one is empty without an ephemeral key."""

    lead: slice
    mac: slice
    record: slice
    ephemeral: slice

    @property
    def public(self) -> slice:
        """Places of the ephemeral key in the public order, by which readers find it."""
        return slice(0, self.ephemeral.stop - self.ephemeral.start)

    @property
    def places(self) -> int:
        """Number of places in the record's zone."""
        return int(self.record.stop - self.record.start)


@dataclass(frozen=True)
class Order:
    """Keyed order of a frame's data samples."""

    runs: NDArray[np.int64]  # (T,), the runs of data samples in keyed order
    sides: NDArray[np.uint8]  # (n,) from 0 to 2, one for each sample of the MAC's zone

    def numbers(self, zone: slice) -> NDArray[np.int32]:
        """Return the sample numbers at the places of a zone, (n,) int32."""
        numbers = np.empty(zone.stop - zone.start, np.int32)
        kernels.numbers(self.runs, zone.start, numbers)
        return numbers

    def greens(self, zone: slice, channels: int) -> NDArray[np.int32]:
        """Return the numbers of a zone's green samples, (n,) int32; every sample of a grey picture counts as green."""
        buffer = np.empty(zone.stop - zone.start, np.int32)
        return buffer[: kernels.greens(self.runs, zone.start, buffer.size, channels, buffer)]

    def mark(self, zone: slice, samples: int) -> NDArray[np.uint8]:
        """Return a bit mask of a zone's samples, (⌈S/8⌉,) uint8, the lowest bit of each byte first."""
        marks = np.zeros(-(-samples // 8), np.uint8)
        kernels.mark(self.runs, zone.start, zone.stop - zone.start, samples, marks)
        return marks


class Greens:
    """Numbers of a zone's green samples, like `Order.greens`, but computed one slice at a time.

    Attributes:
        channels: those of the picture.
        size: how many there are.
        has_whole_runs: whether every run of the zone belongs to it entirely.
    """

    def __init__(self, order: Order, zone: slice, channels: int) -> None:
        self._order = order
        self._zone = zone
        self.channels = channels

        self._first_run = zone.start // FORMAT.run
        end_run = -(-zone.stop // FORMAT.run)
        self._runs = order.runs[self._first_run : end_run]

        # Which data samples of a run are green repeats after a cycle of runs.
        data_samples = np.arange(FORMAT.cycle * FORMAT.run).reshape(FORMAT.cycle, FORMAT.run)
        self._green = _samples_of(data_samples) % channels == channels // 2  # (45, 32) bool
        counts = self._green.sum(1, dtype=np.int32)[self._runs % FORMAT.cycle]

        # The first and the last run may share data samples with the neighbouring zones.
        before_zone = zone.start - self._first_run * FORMAT.run
        in_last_run = zone.stop - (end_run - 1) * FORMAT.run
        self._skipped = int(self._green[self._runs[0] % FORMAT.cycle, :before_zone].sum())
        counts[0] -= self._skipped
        counts[-1] -= self._green[self._runs[-1] % FORMAT.cycle, in_last_run:].sum()
        self._ends = counts.cumsum(dtype=np.int32)  # end of each run, as a place among the green samples
        self.size = int(self._ends[-1])
        self.has_whole_runs: bool = zone.start % FORMAT.run == zone.stop % FORMAT.run == 0

    def __getitem__(self, places: slice) -> NDArray[np.int32]:
        """Return a slice of the numbers, (n,) int32."""
        start, stop, _ = places.indices(self.size)
        first, last = self._runs_of(np.array([start, stop - 1])).tolist()
        zone = slice(
            max((self._first_run + first) * FORMAT.run, self._zone.start),
            min((self._first_run + last + 1) * FORMAT.run, self._zone.stop),
        )
        before = int(self._ends[first - 1]) if first else 0
        return self._order.greens(zone, self.channels)[start - before : stop - before]

    def take(self, places: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the numbers at the given places, (n,) int32."""
        indices = self._runs_of(places)
        before = np.where(indices > 0, self._ends[indices - 1], -self._skipped)
        runs = self._runs[indices]
        reached = self._green.cumsum(1, dtype=np.uint8)[runs % FORMAT.cycle] > (places - before)[:, None]
        return _samples_of(runs * FORMAT.run + reached.argmax(1)).astype(np.int32)

    def ranks(self, samples: int) -> NDArray[np.int32]:
        """Return the place of each run's first green sample, (T,) int32; runs of other zones get −1.

        The runs are listed in their order in the frame, which has `samples` samples.
        """
        ranks = np.full(FORMAT.data_samples(samples) // FORMAT.run, -1, np.int32)
        ranks[self._runs] = np.append(np.int32(0), self._ends[:-1])
        return ranks

    def _runs_of(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the index of the run that holds each place, (n,) int."""
        return np.searchsorted(self._ends, places.astype(self._ends.dtype), "right")


def _samples_of(data_samples: NDArray[Whole]) -> NDArray[Whole]:
    """Convert numbers among the data samples, of any shape, to sample numbers."""
    return data_samples + (data_samples + FORMAT.salt) // (FORMAT.stride - 1)


def samples_of_runs(runs: slice) -> slice:
    """Return the range of samples that a range of runs covers in the frame, salt samples included."""
    first, last = _samples_of(np.array([runs.start * FORMAT.run, runs.stop * FORMAT.run - 1])).tolist()
    return slice(first, last + 1)


def zones_of(samples: int, ephemeral: bool = False, rules: SampleRules = PIXELS) -> Zones:
    """Return the zones of a frame with this number of samples."""
    data_samples = FORMAT.data_samples(samples)
    units = min(max(data_samples // rules.share, 1), FORMAT.most_units)
    ephemeral_places = FORMAT.ephemeral * units if ephemeral else 0

    lead_end = FORMAT.places * LEAD_TRITS * units
    mac_end = lead_end + FORMAT.places * MAC_TRITS * units
    record_end = max(mac_end, data_samples // FORMAT.run * FORMAT.run - ephemeral_places)
    return Zones(
        lead=slice(0, lead_end),
        mac=slice(lead_end, mac_end),
        record=slice(mac_end, record_end),
        ephemeral=slice(record_end, record_end + ephemeral_places),
    )


def order_of(samples: int, key: Key, salt: bytes, rules: SampleRules = PIXELS, places: int | None = None) -> Order:
    """Return the keyed order of a frame's data samples; if `places` is given, at least the first `places` of them.

    The runs of an ephemeral key come last.
    """
    if key.ephemeral is None or key.recipient is None:
        return _keyed_order(samples, key, salt, rules, places)
    order = _keyed_order(samples, key, salt, rules)
    public_runs = public_order(samples, key.recipient, salt, rules).runs
    ephemeral_runs = public_runs[: zones_of(samples, True, rules).public.stop // FORMAT.run]
    remaining = order.runs[~np.isin(order.runs, ephemeral_runs)]
    return Order(np.concatenate([remaining, ephemeral_runs]), order.sides)


def public_order(samples: int, recipient: bytes, salt: bytes, rules: SampleRules = PIXELS) -> Order:
    """Return the order that anybody who knows the recipient can compute; its first runs hold the ephemeral key."""
    return _keyed_order(samples, Key(recipient), salt, rules)


def _keyed_order(samples: int, key: Key, salt: bytes, rules: SampleRules, places: int | None = None) -> Order:
    """Return the order that a key gives, without regard to an ephemeral key; arguments are those of `order_of`."""
    runs = FORMAT.data_samples(samples) // FORMAT.run
    mac = zones_of(samples, rules=rules).mac
    sides = mac.stop - mac.start
    stream = keystream(key.positions(salt), 8 * runs + sides)
    words = np.frombuffer(stream, "<u8", runs)
    wanted_runs = runs if places is None else min(-(-places // FORMAT.run), runs)
    return Order(first_sorted(words, wanted_runs), np.frombuffer(stream, np.uint8, offset=8 * runs) % np.uint8(3))


def stable_argsort(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the stable argsort of random words, computed by sorting keys with each word's place in the lowest bits."""
    return first_sorted(words, words.size)


def first_sorted(words: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Return the first `count` elements of `stable_argsort`, (count,) int64, without sorting the rest if few."""
    places = np.uint64((1 << words.size.bit_length()) - 1)
    keys = words & ~places
    keys |= np.arange(words.size, dtype=np.uint64)
    if count + 1 < keys.size:
        keys = np.partition(keys, count)[: count + 1]
    keys.sort()

    # In one of some million words, the lowest bits decide: neighbours whose other bits are equal are compared again.
    compared = 1 << 18  # keys that are compared at once, which bounds the memory
    equal = [np.zeros(0, np.intp)]
    for start in range(0, keys.size - 1, compared):
        part = keys[start : start + compared + 1]
        equal.append(start + np.flatnonzero((part[1:] ^ part[:-1]) <= places))
    ties = np.concatenate(equal)
    if (np.diff(ties) == 1).any() or (ties >= count - 1).any():
        return words.argsort(kind="stable")[:count]
    keys &= places
    order = keys.view(np.int64)
    wrong = ties[words[order[ties]] > words[order[ties + 1]]]
    order[wrong], order[wrong + 1] = order[wrong + 1], order[wrong]
    return order[:count]


def frame_salt(picture: NDArray[np.uint8]) -> bytes:
    """Return the 16-byte hash of a picture's salt samples."""
    height, width, _ = picture.shape
    samples = picture.reshape(-1)
    blocks = samples[: samples.size // FORMAT.stride * FORMAT.stride].reshape(-1, FORMAT.stride)
    salt_samples = blocks[:, FORMAT.salt].tobytes()
    return sha256(b"stegnet/1/salt" + size_bytes(height, width) + salt_samples).digest()[:SALT_BYTES]


def is_salt(numbers: NDArray[Whole], samples: int) -> NDArray[np.bool_]:
    """Return whether each of the numbered samples of a frame is a salt sample, (n,) bool."""
    in_blocks = samples // FORMAT.stride * FORMAT.stride
    is_middle: NDArray[np.bool_] = numbers % FORMAT.stride == FORMAT.salt
    return is_middle & (numbers < in_blocks)


def idle_samples(samples: int) -> NDArray[np.int32]:
    """Return the numbers of samples that carry nothing, (n,) int32: salt samples, then those after the last run."""
    blocks = samples // FORMAT.stride
    salt_samples = np.arange(blocks, dtype=np.int32) * FORMAT.stride + FORMAT.salt

    data_samples = FORMAT.data_samples(samples)
    after_runs = _samples_of(np.arange(data_samples // FORMAT.run * FORMAT.run, data_samples, dtype=np.int32))
    after_blocks = np.arange(blocks * FORMAT.stride, samples, dtype=np.int32)
    return np.concatenate([salt_samples, after_runs, after_blocks])


def size_bytes(height: int, width: int) -> bytes:
    """Return height and width as bytes to be hashed."""
    return height.to_bytes(4, "big") + width.to_bytes(4, "big")
