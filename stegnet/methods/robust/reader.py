"""Reading robust containers: which grids, salts and variants of a key are tried, and what is read for that.

Most of what is tried is wrong: the key, the salt, the grid. So of a large picture the header's blocks are read first;
all others are read only where it opens. The groups of a film are found by key where frames were lost or retimed.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import lru_cache
from itertools import chain, islice, product
from math import inf
from operator import itemgetter

import numpy as np

from stegnet.core.blocks import BLOCK
from stegnet.core.errors import RevealError
from stegnet.core.parallel import parallel_map, prefetch, thread_count
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.method import Context
from stegnet.methods.robust.grid import Grid, ResizedArea, canonical_grids, own_grid, salts_of_copies
from stegnet.methods.robust.groups import (
    FrameSignal,
    Headers,
    Pieces,
    add_piece,
    salt_of_variant,
    salts_of_group,
    signal_of,
    variant_of,
)
from stegnet.methods.robust.modem import Modem
from stegnet.methods.robust.places import Blocks
from stegnet.methods.robust.qim import ALL_FILM_POINTS, GROUP, OperatingPoint, sines, sureness
from stegnet.methods.robust.record import (
    Reading,
    Received,
    dither_of,
    group_dither,
    header_dither,
    read_first,
    robust_key,
)
from stegnet.methods.robust.regions import textures
from stegnet.methods.robust.registration import likely_grids
from stegnet.methods.robust.tiles import read_tiled
from stegnet.networks.network import Step, no_step
from stegnet.record import Container

_MANY = 2048  # blocks of a picture of which not all are read at once
_FEW = 8  # part of the bits that are read alone
_EVIDENT = 2  # standard deviations: below, no header of a film is decoded
_HEADER_SURENESS = 1.5  # log-likelihood ratio of a sine of 1, before it is known better
_SALTS_KEPT = 2
_MOST_KEYS = 64  # of passphrases, each of which takes a fraction of a second, that are derived for a film

# Films
_TRIED, _SALTS = 2, 2  # groups of a film that is not searched; salts of all but the first
_BLACK = 8.0  # levels
_SEARCHED = 2  # groups, from a place where none opens
_BACK = 8  # frames that may have been repeated
_MOST_SEARCHES = 6  # in a row, in which nothing is found
_NTSC = Fraction(1000, 1001)
# Frames per second that a film may have had before a program changed them.
_RATES = (*(Fraction(rate) for rate in (24, 25, 30, 50, 60, 20, 15, 12)), 24 * _NTSC, 30 * _NTSC, 60 * _NTSC)
_NEARLY = Fraction(1, 1000)  # relative difference of rates that are the same

Frames = Callable[[], Generator[np.ndarray, None, None]]
_Tried = tuple[Grid, Sequence[bytes], Step]


class Reader:
    """What readers of pictures and films share: the key of each salt is derived once.

    Args:
        lost: one bit of a record in so many is read as if it were lost, to see if all are needed; 0: none.
    """

    def __init__(self, source: KeySource, lost: int = 0) -> None:
        self._source, self.lost = source, lost
        self._keys: dict[bytes, Key] = {}

    def key_of(self, salt: bytes) -> Key:
        """The key of a container with this salt."""
        if salt not in self._keys:
            self._keys[salt] = robust_key(self._source, salt)
        return self._keys[salt]


class PictureReader(Reader):
    """Reads pictures, (H, W, 3) uint8 each, or resized copies of them; arguments also as `Reader`.

    Args:
        search: of copies that were cropped or shifted by a few pixels, too; or any part, if they were made for that.
            That takes seconds.
    """

    def __init__(self, modem: Modem, source: KeySource, search: bool = True, lost: int = 0) -> None:
        super().__init__(source, lost)
        self._modem, self._search = modem, search

    def read(self, picture: np.ndarray, step: Step = no_step) -> Reading | None:
        """Reads the record of a picture, if one opens."""
        if min(picture.shape[:2]) < BLOCK:
            return None
        found = self._first_of(picture, self._whole(picture, step))
        found = found or read_tiled(self._modem, self._source, picture, moved=self._search)
        if found or not self._search:
            return found
        few_keys = isinstance(self._source, Passphrase)
        placed = likely_grids(self._modem, self.key_of, picture, few_keys, step)
        return self._first_of(picture, ((grid, [salt], no_step) for grid, salt in placed))

    def read_in(self, grid: Grid, picture: np.ndarray) -> Reading | None:
        """As `read`, of a picture whose grid is known."""
        return self._read_grid(picture, grid, list(grid.salts(picture)), no_step)

    def _whole(self, picture: np.ndarray, step: Step) -> Iterator[_Tried]:
        own = own_grid(*picture.shape[:2])
        yield own, list(own.salts(picture)), step
        salts = list(salts_of_copies(picture))
        yield from ((grid, salts, step) for grid in canonical_grids(*picture.shape[:2], enlarged=self._search))

    def _first_of(self, picture: np.ndarray, tried: Iterator[_Tried]) -> Reading | None:
        pool = self._modem.engine.pool(picture[..., 0].size)  # so that networks in it have their share of the cores
        readings = parallel_map(lambda each: self._read_grid(picture, *each), tried, pool.workers, pool.prepare)
        with closing(readings) as found:
            return next(filter(None, found), None)

    def _read_grid(self, picture: np.ndarray, grid: Grid, salts: Sequence[bytes], step: Step) -> Reading | None:
        trust = grid.trust(picture).reshape(-1)
        for area in grid.areas(picture):
            orders = [textures(area), None] if grid.whole else [None]
            for salt in salts:
                key, full = self.key_of(salt), grid.full(salt)
                likelihoods = _Likelihoods(self._modem, area, dither_of(grid.shape, key, full), step)
                tried = (Blocks(grid.shape, *some) for some in product(self._modem.points, [key], [full], orders))
                if reading := read_first([_ReceivedPicture(each, likelihoods, trust, self.lost) for each in tried]):
                    return reading
        return None


class _ReceivedPicture(Received):
    """Bits of a picture; of few bits of a large one, some ratios are 0."""

    def __init__(self, blocks: Blocks, likelihoods: "_Likelihoods", trust: np.ndarray, lost: int) -> None:
        super().__init__(blocks, lost)
        self._likelihoods, self._trust = likelihoods, trust

    def of_header(self) -> np.ndarray:
        return self._of(self.blocks.header)

    def of_record(self, numbers: np.ndarray, header: bytes, right: np.ndarray) -> np.ndarray:
        return self._of(numbers)

    def _of(self, numbers: np.ndarray) -> np.ndarray:
        trust = self._trust[numbers // self.blocks.point.bits]
        return self._with_losses(self._likelihoods.of(self.blocks.point, numbers) * trust, numbers)


class _Likelihoods:
    """The modem's log-likelihood ratios in a hidden area for one salt, computed where they are asked for."""

    def __init__(self, modem: Modem, area: np.ndarray | ResizedArea, dither: np.ndarray, step: Step) -> None:
        self._modem, self._area, self._dither, self._step = modem, area, dither, step
        self._cols = area.shape[1] // BLOCK
        self._count = area.shape[0] // BLOCK * self._cols
        inner = min(area.shape[:2]) > 2 * BLOCK  # there are blocks that are at no edge
        self._large = modem.local and inner and self._count > _MANY
        self._all: np.ndarray | None = None
        self._some, self._rows = np.empty((0, modem.bits), np.float32), np.full(self._count, -1, np.int32)

    def of(self, point: OperatingPoint, numbers: np.ndarray) -> np.ndarray:
        """Ratios of a point's bits with these numbers, (n,); of few bits of a large picture, 0 for some."""
        if self._large and numbers.size < self._count * point.bits // _FEW:
            blocks, bits = np.divmod(numbers, point.bits)
            return self._of_some(blocks, bits + point.first)
        if self._large:  # of those, one point is read
            read = self._modem.reveal(np.asarray(self._area), self._dither, self._step, point.places)
            return read.reshape(-1)[numbers]
        if self._all is None:
            self._all = self._modem.reveal(np.asarray(self._area), self._dither).reshape(self._count, -1)
        return self._all[:, point.places].reshape(-1)[numbers]

    def _of_some(self, blocks: np.ndarray, bits: np.ndarray) -> np.ndarray:
        missing = np.setdiff1d(self._inner(np.unique(blocks)), np.flatnonzero(self._rows >= 0))
        if missing.size:
            self._rows[missing] = np.arange(missing.size) + len(self._some)
            self._some = np.concatenate([self._some, self._modem.reveal_blocks(self._area, self._dither, missing)])
        rows, found = self._rows[blocks], np.zeros(blocks.size, np.float32)
        known = np.flatnonzero(rows >= 0)
        found[known] = self._some[rows[known], bits[known]]
        return found

    def _inner(self, blocks: np.ndarray) -> np.ndarray:
        """The blocks that are at no edge."""
        rows, cols = np.divmod(blocks, self._cols)
        last = self._count // self._cols - 1
        return blocks[(rows > 0) & (rows < last) & (cols > 0) & (cols < self._cols - 1)]


class GroupReader(Reader):
    """Reads groups of a film; what follows from a salt alone is kept for the groups with the same one.

    The variant of the key that opened one group is that of the film. After _MOST_KEYS of a passphrase that opened
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
        """Reads the group with these signals, if it opens.

        Args:
            salts: number of them that are tried; None: all.
        """
        tried = list(islice(salts_of_group(signals), salts))
        if self._most_keys is not None and len(self._keys) >= self._most_keys:
            tried = [salt for salt in tried if salt in self._keys]
        with closing(parallel_map(lambda salt: self._likely(signals, salt), tried, thread_count())) as each_salt:
            for evidence, blocks in chain.from_iterable(each_salt):
                if evidence > _EVIDENT and (reading := read_first([_ReceivedGroup(blocks, signals, self.lost)])):
                    self._most_keys, self._variant = None, variant_of(blocks.salt)
                    return reading
        return None

    def _likely(self, signals: Sequence[FrameSignal], salt: bytes) -> list[tuple[float, Blocks]]:
        """Possible blocks of a group with this salt, and the evidence for each; the likeliest first."""
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
    """Bits of a film's group."""

    def __init__(self, blocks: Blocks, signals: Sequence[FrameSignal], lost: int) -> None:
        super().__init__(blocks, lost)
        self._frames = [signal.coefficients for signal in signals[:: blocks.point.run]]

    def of_header(self) -> np.ndarray:
        blocks, first = self.blocks, self.blocks.first
        dither = header_dither(blocks.key, blocks.salt, first.size, blocks.point.bits)
        found = sines([frame[first] for frame in self._frames], dither, blocks.point)
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
    """The message of a film, or what is left of it; None if nothing opens with this key.

    Where no group is at its place, frames may have been lost or repeated, or their number per second changed: then
    groups are searched for, frame by frame and at other rates.

    Args:
        frames: decodes all frames from the start.
        times: of the frames in seconds.
        step: called after each frame with the number of frames read.
        search: do so before any group was found, too, and try the groups of the whole film; that takes long.
    """
    reader = GroupReader(key_source)
    found = _collect(reader, frames(), step, search)
    if not found and search:
        order = _retiming(reader, frames, times())
        found = _collect(reader, _picked(frames(), order), step) if order else {}
    return max(found.values(), key=lambda pieces: pieces.share, default=None)


def message_in_film(container: Container, context: Context) -> bytes | None:
    """The message that survived in a film; None if nothing opens.

    Raises:
        RevealError: the film has lost a part of it.
    """
    if container.file.lossy_format is None or min(container.height, container.width) < BLOCK:
        return None
    pieces = read_film(
        container.readable_frames,
        container.times,
        container.key_source,
        lambda done: context.progress("reveal", done, 0),
        context.search,
    )
    if pieces is None:
        return None
    if pieces.message is None:
        groups = "1 group of frames" if pieces.groups == 1 else f"{pieces.groups} groups of frames"
        hint = "frames were lost or repeated, or the film was encoded at a lower quality than it was promised for"
        raise RevealError(f"{container.path}: {pieces.share:.0%} of what is hidden here is left: {groups}", hint)
    return pieces.message


def read_groups(
    frames: Generator[np.ndarray, None, None], key_source: KeySource, step: Callable[[int], None], lost: int
) -> Generator[Reading | None, None, None]:
    """Readings of each group of frames in order; `lost` as in `GroupReader`. Closes `frames`."""
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
        """The group from a frame on; empty if the film has too few frames, or the frame is no longer kept."""
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
    """The pieces of each message in a film; if it is not to be searched, and its first groups do not open, none."""
    found: dict[bytes, Pieces] = {}
    start, searches, tried = 0, 0, 0
    with closing(_Window(decoded, step)) as window:
        while group := window.group(start):
            reading = reader.read(group, None if search or found or not tried else _SALTS)
            # A group that is black or white for the most part carries nothing.
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
    """The first group near a place where none opens, and its reading; the place itself if there is none."""
    if reading := (ahead := window.group(start + GROUP)) and reader.read(ahead):
        return start + GROUP, reading  # only this group was lost
    for shift in (*range(1, _SEARCHED * GROUP), *range(-1, -_BACK, -1)):
        group = window.group(start + shift) if shift != GROUP else None
        if group and (reading := reader.read(group, salts=1)):
            return start + shift, reading
    return start, None


def _retiming(reader: GroupReader, frames: Frames, times: Sequence[Fraction]) -> list[int]:
    """The frames of a film as they were at the rate at which its first group opens; none if there is no such rate."""
    if len(times) < 2 or times[-1] <= times[0]:
        return []
    own = (len(times) - 1) / (times[-1] - times[0])
    with closing(frames()) as decoded:
        signals = [signal_of(frame) for frame in islice(decoded, 3 * GROUP)]
    for rate in _RATES:  # each of whose frames shows the one in its middle, as long as the film lasts
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
    """Frames in a rising order of indices, which may occur several times."""
    with closing(frames):
        at, frame = -1, None
        for index in order:
            while at < index:
                at, frame = at + 1, next(frames, None)
                if frame is None:
                    return
            yield frame
