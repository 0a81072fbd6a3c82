"""Groups of frames that survive H.264: how they carry bits, what each holds, and how it is read (docs/format.md).

A film is cut into groups of 48 frames. Each is a robust container of its own, with its own salt, header and record. The
record of a group holds a piece of the message, and the message starts again where it ends: a film with enough capacity
holds it twice.

Bits are in the phases of DCT coefficients: quantisation index modulation with dither (QIM; Chen and Wornell 2001, IEEE
Trans. Inf. Theory 47, equation 20). In the first frame of each *run* the phases are set exactly. The frames between
inherit the changes along the film's motion; an encoder predicts them, so that only the first frame costs it more.

Each film is hidden with a random *variant* of its key, so that two films of one scene don't share their places. A
reader identifies the variant by the header, whose copies agree better than by chance. Where frames were lost, the
reader searches for groups.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import chain, islice
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, Self

import numpy as np

from stegnet import video
from stegnet.core.parallel import parallel_map, prefetch, thread_count
from stegnet.core.pixels import BLOCK, COSINES, by_block
from stegnet.keys import Key, KeySource, Passphrase, Randomness
from stegnet.methods.robust.fec import information
from stegnet.methods.robust.grid import hidden_area, region_means, salts_of
from stegnet.methods.robust.robust_record import (
    FINEST,
    MIDDLE,
    Blocks,
    OperatingPoint,
    Reader,
    Reading,
    Received,
    group_dither,
    header_dither,
    header_evidence,
    header_signs,
    make_header,
    read_first,
    record_signs,
    robust_key,
)
from stegnet.sealing import size_bytes
from stegnet.video.coding import PACE

if TYPE_CHECKING:
    from stegnet.video.motion import Motion

GROUP = 48  # frames with a header and record of their own
VARIANTS = 32
_NUMBER, _DIGEST = 4, 8  # bytes
HEAD_BYTES = 2 * _NUMBER + _DIGEST
_MOST_MESSAGE = 1 << 25  # bytes
_TRIES = 3
_EARLIER = 1, 0.5, 0  # weight of the earlier of two carrying frames in the change of each frame between them
_NEAR = 1.0  # levels: the `near` of `salts_of`
_BITS = 4608  # header bits by which a variant is identified
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # weights of red, green and blue (ITU-R BT.709), in films
_PHASE = np.float32(0.25)  # phase of a bit that is 1, in periods; −_PHASE for a bit that is 0
# Candidates for the log-likelihood ratio of a sine of 1.
_SURENESS = tuple(2.0**power for power in np.arange(-4, 3.1, 0.25))
_MOST = 16  # coefficients of a block that carry bits in films
FREQUENCIES = tuple(divmod(place, BLOCK) for place in FINEST[:_MOST])  # vertical and horizontal
# (64, coefficients) float32: the basis of the coefficients above.
_BASIS = np.ascontiguousarray(np.kron(COSINES, COSINES)[FINEST[:_MOST]].T.astype(np.float32))

_EVIDENT = 2  # standard deviations: below, no header of a film is decoded
_HEADER_SURENESS = 1.5  # log-likelihood ratio of a sine of 1, before it has been estimated
_SALTS_KEPT = 2
_MOST_KEYS = 64  # keys that are derived from a passphrase for one film, at most: each takes a fraction of a second
_TRIED, _SALTS = 2, 2  # groups tried in a film that is not searched; salts tried for each group after the first
_BLACK = 8.0  # levels: a median below counts as black
_SEARCHED = 2  # groups that a search goes ahead from a place where no group opens
_BACK = 8  # frames that are kept behind the current place, to search backwards
_MOST_SEARCHES = 6  # searches in a row without a result
_NTSC = Fraction(1000, 1001)
# Frames per second that a film may have had before a program changed them.
_RATES = (*(Fraction(rate) for rate in (24, 25, 30, 50, 60, 20, 15, 12)), 24 * _NTSC, 30 * _NTSC, 60 * _NTSC)
_NEARLY = Fraction(1, 1000)  # relative difference of rates that are the same

Frames = Callable[[], Generator[np.ndarray, None, None]]


def _of_films(name: str, coefficients: int, run: int, scale: float, psnr: float, highest: int) -> OperatingPoint:
    return OperatingPoint(name, 0, coefficients, psnr, 16, highest, scale, run, GROUP)


FILM_POINTS = (  # the most robust first
    _of_films("coarse", 8, PACE, 7.0, 31.0, 29),
    _of_films("middle", 8, PACE, 5.0, 33.7, 25),
    _of_films("fine", 16, PACE, 2.5, 34.9, 20),
)
DENSE = _of_films("dense", 16, 1, 2.5, 33.0, 20)  # has the largest capacity, and costs most
ALL_FILM_POINTS = *FILM_POINTS, DENSE


# Bits in phases


def exact_luma(frame: np.ndarray) -> np.ndarray:
    """Return the luma of a frame, (H, W, 3) uint8, in levels: (H, W) float32."""
    return sum(frame[..., channel] * weight for channel, weight in enumerate(_LUMA))


def luma(frame: np.ndarray) -> np.ndarray:
    """Return the luma of a frame, (H, W, 3) uint8, rounded: (H, W) uint8."""
    return np.rint(exact_luma(frame)).astype(np.uint8)


def coefficients(luma: np.ndarray, count: int = _MOST) -> np.ndarray:
    """Return the first `count` coefficients that may carry bits, (blocks, count) float32 in levels.

    The luma is (H, W).
    """
    return (by_block(luma).reshape(-1, BLOCK**2) - MIDDLE) @ _BASIS[:, :count]


def changed(frame: np.ndarray, signs: np.ndarray, dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Return the change of a frame's luma that makes it carry the bits of a run: (H, W) float32, in levels.

    Signs are −1 or 1, and 0 where nothing is hidden. They and the dither, in periods, are (blocks, coefficients).
    """
    away = _PHASE * signs + dither - coefficients(exact_luma(frame), point.coefficients) / point.periods
    moved = np.abs(signs) * (away - np.rint(away)) * point.periods
    height, width, _ = frame.shape
    blocks = (moved @ _BASIS[:, : point.coefficients].T).reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK)
    return blocks.swapaxes(1, 2).reshape(height, width)


def sines(frames: Sequence[np.ndarray], dither: np.ndarray, point: OperatingPoint) -> np.ndarray:
    """Return the sines of the phases of a group's bits, (blocks, bits): ideally 1 for a bit of 1 and −1 for a bit of 0.

    Args:
        frames: coefficients of the first frame of each run, (blocks, at least `point.coefficients`) float32 each.
        dither: (blocks, bits), in periods.
    """
    values = np.concatenate([frame[:, : point.coefficients] for frame in frames], 1)
    return sines_of(values, np.tile(point.periods, len(frames)), dither)


def sines_of(values: np.ndarray, periods: np.ndarray, dither: np.ndarray) -> np.ndarray:
    """Return the sines of the phases of coefficients, float32, given their periods and dithers, as `sines`."""
    phases = values / periods
    phases -= dither
    phases *= np.float32(2 * np.pi)
    return np.sin(phases, phases)


def sureness(right: np.ndarray) -> tuple[float, float]:
    """Return the log-likelihood ratio of a sine of 1, and a bit's information at it.

    Args:
        right: sines that are 1 if right.
    """
    found = [information(right * each) for each in _SURENESS]
    best = int(np.argmax(found))
    return _SURENESS[best], found[best]


# Hiding


@dataclass(frozen=True)
class FrameSignal:
    """The data of one frame from which its group is read."""

    shape: tuple[int, int]  # rows and columns of blocks
    sizes: bytes  # height and width, as they are hashed
    luma: np.ndarray | None  # (8 · rows, 8 · columns) uint8; None if no bits are read from it
    means: np.ndarray  # mean luma of each region in levels

    @cached_property
    def coefficients(self) -> np.ndarray:
        """Coefficients of all blocks, (rows · columns, MOST) float32."""
        return coefficients(self.luma)


def signal_of(frame: np.ndarray, *, bits: bool = True) -> FrameSignal:
    """Return the signal of a frame, (H, W, 3) uint8 of at least one block.

    Without `bits`, it only serves to compute a salt.
    """
    area = hidden_area(frame)
    shape = area.shape[0] // BLOCK, area.shape[1] // BLOCK
    return FrameSignal(shape, size_bytes(*frame.shape[:2]), luma(area) if bits else None, region_means(area))


def salts_of_group(signals: Sequence[FrameSignal], rise: float = 0) -> Iterator[bytes]:
    """Yield the salts that a group may have had, the likeliest first, if its frames get brighter by `rise` levels."""
    means = sum(signal.means for signal in signals) / len(signals) + rise
    return salts_of(b"stegnet/2/robust/film/salt" + signals[0].sizes, means, near=_NEAR)


def hidden_pixels(height: int, width: int, frames: int) -> int:
    """Return the number of pixels in the hidden areas of a film's groups."""
    return (height // BLOCK * BLOCK) * (width // BLOCK * BLOCK) * (frames // GROUP * GROUP)


def pieces_of(message: bytes, capacities: Iterable[int]) -> Iterator[bytes]:
    """Yield the content of each group: the part of the message that fits, continued in the next group."""
    start, tail = 0, len(message).to_bytes(_NUMBER, "big") + sha256(message).digest()[:_DIGEST]
    for capacity in capacities:
        part = message[start : start + capacity]
        yield start.to_bytes(_NUMBER, "big") + tail + part
        start = (start + len(part)) % len(message)


@dataclass
class Pieces:
    """The pieces found of one message: the start of its SHA-256, its bytes, and a mask of the bytes that are known."""

    digest: bytes
    data: np.ndarray
    known: np.ndarray
    groups: int = 0

    @property
    def message(self) -> bytes | None:
        """The message if it is complete, else None."""
        data = self.data.tobytes()
        return data if self.known.all() and sha256(data).digest()[:_DIGEST] == self.digest else None

    @property
    def share(self) -> float:
        """Share of the bytes that is known."""
        return float(self.known.mean())


def add_piece(found: dict[bytes, Pieces], content: bytes) -> None:
    """Add the content of a group to the messages found so far, which are keyed by their size and digest."""
    start, size = (int.from_bytes(content[at : at + _NUMBER], "big") for at in (0, _NUMBER))
    if not start < size <= _MOST_MESSAGE:
        return
    name = content[_NUMBER:HEAD_BYTES]
    pieces = found.setdefault(name, Pieces(name[_NUMBER:], np.zeros(size, np.uint8), np.zeros(size, bool)))
    part = np.frombuffer(content, np.uint8)[HEAD_BYTES : HEAD_BYTES + size - start]
    pieces.data[start : start + part.size] = part
    pieces.known[start : start + part.size] = True
    pieces.groups += 1


@dataclass(frozen=True)
class GroupContent:
    """Input of a group."""

    content: bytes  # as `pieces_of` yields it
    rate: int  # code rate in 64ths
    nonce: bytes  # 7 random bytes, fresh for each group
    variant: int = 0  # of the key, fresh for each film
    share: int = 0  # number of the share of blocks that are used
    rise: float = 0  # levels by which the channel brightens the frames, about


def hide_in_group(
    frames: Sequence[np.ndarray],
    point: OperatingPoint,
    given: GroupContent,
    key_source: KeySource,
    motion: Sequence["Motion"] | None = None,
) -> list[np.ndarray]:
    """Hide content in a group of frames, (H, W, 3) uint8 each; `motion` as in `modulated`."""
    carrying, signals = list(frames), [signal_of(frame, bits=False) for frame in frames]
    shape, salt = signals[0].shape, b""
    for _ in range(_TRIES):  # hiding may move a mean across an edge, which changes the salt
        salts = list(salts_of_group(signals))
        if salt in salts:
            break
        risen = next(salts_of_group(signals, given.rise))
        salt = risen if risen in salts else salts[0]
        blocks = Blocks(shape, point, robust_key(key_source, salt), salt_of_variant(salt, given.variant))
        signs = record_signs(blocks, given.rate, given.content, given.nonce, given.share)
        dither = group_dither(blocks, make_header(given.rate, given.share, given.nonce))
        carrying = modulated(frames, signs, dither, point, motion)
        signals = [signal_of(frame, bits=False) for frame in carrying]
    return carrying


def modulated(
    frames: Sequence[np.ndarray],
    signs: np.ndarray,
    dither: np.ndarray,
    point: OperatingPoint,
    motion: Sequence["Motion"] | None = None,
) -> list[np.ndarray]:
    """Return a group of frames, (H, W, 3) uint8 each, that carries bits. Red, green and blue of a pixel change alike.

    Args:
        signs: (rows, cols, bits) float32, −1 or 1; 0 in blocks that stay as they are.
        dither: (rows · cols, bits), in periods.
        motion: of each frame; None: nothing moves.
    """
    shape, runs = signs.shape[:2], range(point.bits // point.coefficients)
    areas = [hidden_area(frame) for frame in frames]
    of_runs = (values.reshape(-1, len(runs), point.coefficients).swapaxes(0, 1) for values in (signs, dither))
    changes = [changed(area, *run, point) for area, *run in zip(areas[:: point.run], *of_runs, strict=True)]
    carrying = []
    for index, frame in enumerate(frames):
        run, behind = divmod(index, point.run)
        change = changes[run]
        if behind:
            moves = motion[index] if motion else video.Motion.none(shape)
            after = changes[run + 1] if run + 1 in runs else None
            change = moves.follow(change, after, _EARLIER[behind - 1])
        carrying.append(frame.copy(order="C"))
        levels = np.rint(change).astype(np.int16)[..., None] + areas[index]
        hidden_area(carrying[-1])[:] = np.clip(levels, 0, 255)
    return carrying


def new_variant(randomness: Randomness) -> int:
    """Draw the variant of a film."""
    return randomness(1)[0] % VARIANTS


def salt_of_variant(salt: bytes, variant: int) -> bytes:
    """Return the salt of all subkeys of a group, given the salt from which a passphrase's key is derived."""
    return salt + bytes([variant])


@dataclass(frozen=True)
class Headers:
    """The headers of a group at one point, for each variant of a key: their first bits, (VARIANTS, h) each."""

    point: OperatingPoint
    places: np.ndarray  # of each bit, in the coefficients of all blocks, frame by frame
    dither: np.ndarray  # float32, in periods
    signs: np.ndarray  # factors of the bits' sines

    @classmethod
    def of(cls, point: OperatingPoint, shape: tuple[int, int], key: Key, salt: bytes) -> Self:
        """Return the headers of a group with this shape, in rows and columns of blocks, at a point."""
        each = [Blocks(shape, point, key, salt_of_variant(salt, variant)) for variant in range(VARIANTS)]
        orders = np.stack([blocks.header_order(_BITS) for blocks in each])
        blocks, bits = np.divmod(orders, point.bits)
        runs, coefficients = np.divmod(bits, point.coefficients)
        blocks = np.take_along_axis(np.stack([some.first for some in each]), blocks, 1)
        dither = [header_dither(some).reshape(-1)[order] for some, order in zip(each, orders, strict=True)]
        signs = np.stack([header_signs(some, orders.shape[1]) for some in each])
        numbers = (runs * (shape[0] * shape[1]) + blocks) * len(FREQUENCIES) + coefficients
        return cls(point, numbers.astype(np.int32), np.stack(dither), signs)

    def evidence(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Return the standard deviations by which the copies agree better than by chance: (VARIANTS,) float.

        Args:
            frames: coefficients of all blocks of the first frame of each run, (blocks, FREQUENCIES) float32 each.
        """
        values = np.concatenate(frames).reshape(-1)[self.places]
        sines = sines_of(values, self.point.periods[self.places % len(FREQUENCIES)], self.dither)
        return header_evidence(sines * self.signs)


# Reading


class GroupReader(Reader):
    """A reader of a film's groups. What depends on a salt alone is cached for other groups with the same salt.

    The variant that opened one group is the variant of the whole film. Once _MOST_KEYS keys of a passphrase have opened
    nothing, no more are derived.
    """

    def __init__(self, source: KeySource, lost: int = 0) -> None:
        super().__init__(source, lost)
        self._most_keys = _MOST_KEYS if isinstance(source, Passphrase) else None
        self._variant: int | None = None
        self._headers = lru_cache(_SALTS_KEPT)(
            lambda salt, shape: [Headers.of(point, shape, self.key_of(salt), salt) for point in ALL_FILM_POINTS]
        )

    def read(self, signals: Sequence[FrameSignal], salts: int | None = None) -> Reading | None:
        """Read the group with these signals. Return None if none of its first `salts` salts opens it."""
        tried = list(islice(salts_of_group(signals), salts))
        if self._most_keys is not None and len(self._keys) >= self._most_keys:
            tried = [salt for salt in tried if salt in self._keys]
        with closing(parallel_map(lambda salt: self._likely(signals, salt), tried, thread_count())) as each_salt:
            for evidence, blocks in chain.from_iterable(each_salt):
                if evidence > _EVIDENT and (reading := read_first([_ReceivedGroup(blocks, signals, self.lost)])):
                    self._most_keys, self._variant = None, blocks.salt[-1]
                    return reading
        return None

    def _likely(self, signals: Sequence[FrameSignal], salt: bytes) -> list[tuple[float, Blocks]]:
        """Return the blocks that a group with this salt may have, with the evidence for each, the likeliest first."""
        shape, key = signals[0].shape, self.key_of(salt)
        if self._variant is not None:
            own = salt_of_variant(salt, self._variant)
            return [(inf, Blocks(shape, point, key, own)) for point in ALL_FILM_POINTS]
        found = [
            (float(evidence), Blocks(shape, headers.point, key, salt_of_variant(salt, variant)))
            for headers in self._headers(salt, shape)
            for variant, evidence in enumerate(
                headers.evidence([signal.coefficients for signal in signals[:: headers.point.run]])
            )
        ]
        return sorted(found, key=itemgetter(0), reverse=True)


class _ReceivedGroup(Received):
    """The bits of a film's group."""

    def __init__(self, blocks: Blocks, signals: Sequence[FrameSignal], lost: int) -> None:
        super().__init__(blocks, lost)
        self._frames = [signal.coefficients for signal in signals[:: blocks.point.run]]

    def of_header(self) -> np.ndarray:
        blocks = self.blocks
        found = sines([frame[blocks.first] for frame in self._frames], header_dither(blocks), blocks.point)
        return (_HEADER_SURENESS * found).reshape(-1)[blocks.header_order()]

    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        sure, _ = sureness(right / _HEADER_SURENESS)
        ratios = sure * sines(self._frames, group_dither(self.blocks, header), self.blocks.point)
        return self._with_losses(ratios.reshape(-1)[numbers], numbers)


def read_film(
    frames: Frames,
    times: Callable[[], Sequence[Fraction]],
    key_source: KeySource,
    step: Callable[[int], None] = lambda done: None,
    search: bool = True,
) -> Pieces | None:
    """Return the message of a film, or what is left of it; None if nothing opens with this key.

    Where no group is in its place, frames may have been lost or repeated, or the frame rate changed. Groups are then
    searched for, frame by frame and at other frame rates.

    Args:
        frames: decodes all frames from the start.
        times: of the frames in seconds.
        step: called after each frame with the number of frames read.
        search: search even before any group was found, and try the groups of the whole film, which takes long.
    """
    reader = GroupReader(key_source)
    found = _collect(reader, frames(), step, search)
    if not found and search:
        order = _retiming(reader, frames, times())
        found = _collect(reader, _picked(frames(), order), step) if order else {}
    return max(found.values(), key=lambda pieces: pieces.share, default=None)


def read_groups(
    frames: Generator[np.ndarray, None, None], key_source: KeySource, step: Callable[[int], None], lost: int
) -> Generator[Reading | None, None, None]:
    """Yield the reading of each group of frames in order; `lost` as in `GroupReader`. Closes `frames`."""
    reader, start = GroupReader(key_source, lost), 0
    with closing(_Window(frames, step)) as window:
        while group := window.group(start):
            yield reader.read(group)
            start += GROUP


def _signals(frames: Generator[np.ndarray, None, None]) -> Generator[FrameSignal, None, None]:
    with closing(frames):
        for frame in frames:
            yield signal_of(frame)


class _Window:
    """The latest signals of a film's frames, computed in a thread while groups are read. Closes `frames`."""

    def __init__(self, frames: Generator[np.ndarray, None, None], step: Callable[[int], None]) -> None:
        self._source, self._step = prefetch(_signals(frames), GROUP), step
        self._first, self._kept = 0, []
        self.close = self._source.close

    def group(self, start: int) -> list[FrameSignal]:
        """Return the group that starts at a frame; empty if the film ends before, or the frame is no longer kept."""
        while self._first + len(self._kept) < start + GROUP:
            signal = next(self._source, None)
            if signal is None:
                return []
            self._kept.append(signal)
            self._step(self._first + len(self._kept))
        superfluous = max(start - _BACK - self._first, 0)
        del self._kept[:superfluous]
        self._first += superfluous
        index = start - self._first
        return self._kept[index : index + GROUP] if index >= 0 else []


def _collect(
    reader: GroupReader, decoded: Generator[np.ndarray, None, None], step: Callable[[int], None], search: bool = True
) -> dict[bytes, Pieces]:
    """Return the pieces of each message in a film. Without `search`, give up if its first groups don't open."""
    found: dict[bytes, Pieces] = {}
    start, searches, tried = 0, 0, 0
    with closing(_Window(decoded, step)) as window:
        while group := window.group(start):
            reading = reader.read(group, None if search or found or not tried else _SALTS)
            # A group that is mostly black or white carries nothing.
            tried += _BLACK < np.median([signal.means for signal in group]) < 255 - _BLACK
            if not (reading or found or search) and tried == _TRIED:
                break
            if reading is None and searches < (_MOST_SEARCHES if found else int(search)):
                start, reading = _searched(reader, window, start)
                searches += 1
            if reading is not None:
                add_piece(found, reading.content)
                searches = 0
            start += GROUP
    return found


def _searched(reader: GroupReader, window: _Window, start: int) -> tuple[int, Reading | None]:
    """Return the first group that opens near a place where none does, and its reading.

    If there isn't one, return the place itself and None.
    """
    if reading := (ahead := window.group(start + GROUP)) and reader.read(ahead):
        return start + GROUP, reading  # only this group was lost
    for shift in (*range(1, _SEARCHED * GROUP), *range(-1, -_BACK, -1)):
        group = window.group(start + shift) if shift != GROUP else None
        if group and (reading := reader.read(group, salts=1)):
            return start + shift, reading
    return start, None


def _retiming(reader: GroupReader, frames: Frames, times: Sequence[Fraction]) -> list[int]:
    """Return the frames of a film as they were at its former frame rate: the rate at which its first group opens.

    The list is empty if there is no such rate.
    """
    if len(times) < 2 or times[-1] <= times[0]:
        return []
    own = (len(times) - 1) / (times[-1] - times[0])
    with closing(frames()) as decoded:
        signals = [signal_of(frame) for frame in islice(decoded, 3 * GROUP)]
    for rate in _RATES:  # each of its frames shows the film's frame at the middle of its interval
        middles = (
            times[0] + (index + Fraction(1, 2)) / rate for index in range(int((times[-1] - times[0]) * rate) + 1)
        )
        order = [bisect_right(times, middle) - 1 for middle in middles]
        known = [index for index in order[:GROUP] if index < len(signals)]
        if abs(rate / own - 1) < _NEARLY or len(known) < GROUP:
            continue
        if reader.read([signals[index] for index in known], salts=1):
            return order
    return []


def _picked(frames: Generator[np.ndarray, None, None], order: Sequence[int]) -> Generator[np.ndarray, None, None]:
    """Yield frames in a rising order of indices, which may repeat."""
    with closing(frames):
        at, frame = -1, None
        for index in order:
            while at < index:
                at, frame = at + 1, next(frames, None)
                if frame is None:
                    return
            yield frame
