"""Reading a film that arrived: the variant and the record of each group, and the message in their pieces.

A reader identifies the film's variant by the headers, whose copies agree better than by chance.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from math import inf
from operator import itemgetter

import numpy as np

from stegnet.core.parallel import parallel_map, prefetch, thread_count
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.methods.robust.block_placement import BlockPlacement
from stegnet.methods.robust.film_groups import (
    DIGEST_BYTES,
    FREQUENCIES,
    HEAD_BYTES,
    NUMBER_BYTES,
    VARIANTS,
    FrameSignal,
    salt_of_variant,
    salts_of_group,
    signal_of,
    sines,
    sines_of,
    sureness,
)
from stegnet.methods.robust.operating_points import ALL_FILM_POINTS, GROUP, OperatingPoint
from stegnet.methods.robust.robust_record import (
    decoded_headers,
    group_dither,
    header_dither,
    header_evidence,
    header_signs,
    not_erased,
    open_record,
    places_to_read,
    robust_key,
)

# Pieces of the message


@dataclass
class MessagePieces:
    """The pieces read of one message: the start of its SHA-256, its bytes, and a mask of the bytes that are known."""

    digest: bytes
    data: np.ndarray
    known: np.ndarray
    groups: int = 0

    @property
    def message(self) -> bytes | None:
        """The message if it is complete, else None."""
        data = self.data.tobytes()
        return data if self.known.all() and sha256(data).digest()[:DIGEST_BYTES] == self.digest else None

    @property
    def share(self) -> float:
        """Share of the bytes that is known."""
        return float(self.known.mean())


def add_piece(messages: dict[bytes, MessagePieces], content: bytes) -> None:
    """Add the content of a group to the messages read so far, which are keyed by their size and digest."""
    start = int.from_bytes(content[:NUMBER_BYTES], "big")
    size = int.from_bytes(content[NUMBER_BYTES : 2 * NUMBER_BYTES], "big")
    most_bytes = 1 << 25
    if not start < size <= most_bytes:
        return
    name = content[NUMBER_BYTES:HEAD_BYTES]
    if name not in messages:
        messages[name] = MessagePieces(name[NUMBER_BYTES:], np.zeros(size, np.uint8), np.zeros(size, bool))
    pieces = messages[name]
    part = np.frombuffer(content, np.uint8)[HEAD_BYTES : HEAD_BYTES + size - start]
    pieces.data[start : start + part.size] = part
    pieces.known[start : start + part.size] = True
    pieces.groups += 1


# Groups


def headers_of_variants(
    point: OperatingPoint, shape: tuple[int, int], key: Key, salt: bytes
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first bits of a group's header for each variant of a key, (VARIANTS, h) each.

    Args:
        point: operating point of the group.
        shape: rows and columns of blocks.
        key: key that is derived from the salt.
        salt: salt of the group, without the number of its variant.

    Returns:
        places: place of each bit in the coefficients of all blocks, frame by frame.
        dither: float32, in periods.
        signs: factors of the bits' sines.
    """
    bits_read = 4608  # enough to identify a variant
    placements = [BlockPlacement(shape, point, key, salt_of_variant(salt, variant)) for variant in range(VARIANTS)]
    orders = np.stack([placement.header_order(bits_read) for placement in placements])
    blocks, bits = np.divmod(orders, point.bits)
    runs, used = np.divmod(bits, point.coefficients)
    blocks = np.take_along_axis(np.stack([placement.header_blocks for placement in placements]), blocks, 1)
    numbers = (runs * (shape[0] * shape[1]) + blocks) * len(FREQUENCIES) + used
    ordered = zip(placements, orders, strict=True)
    dither = [header_dither(placement).reshape(-1)[order] for placement, order in ordered]
    signs = [header_signs(placement, orders.shape[1]) for placement in placements]
    return numbers.astype(np.int32), np.stack(dither), np.stack(signs)


def evidence_of_variants(
    point: OperatingPoint, headers: tuple[np.ndarray, np.ndarray, np.ndarray], frames: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the standard deviations by which each variant's copies agree better than by chance: (VARIANTS,) float.

    Args:
        point: operating point of the group.
        headers: result of `headers_of_variants`.
        frames: coefficients of all blocks of the first frame of each run, (blocks, FREQUENCIES) float32 each.
    """
    places, dither, signs = headers
    values = np.concatenate(frames).reshape(-1)[places]
    return header_evidence(sines_of(values, point.periods[places % len(FREQUENCIES)], dither) * signs)


class GroupReader:
    """A reader of a film's groups. Everything that depends on a salt alone is cached.

    The variant that opened one group is the variant of the whole film. Once 64 keys of a passphrase have opened
    nothing, no more are derived: each takes a fraction of a second.

    Args:
        source: key or passphrase.
        lost: one bit in this many of a record is erased, to test that not every bit is needed; 0: no bit is.
    """

    def __init__(self, source: KeySource, lost: int = 0) -> None:
        self._source = source
        self._lost = lost
        self._most_keys = 64 if isinstance(source, Passphrase) else None
        self._keys: dict[bytes, Key] = {}
        self._variant: int | None = None
        self._headers = lru_cache(maxsize=2)(
            lambda salt, shape: [
                (point, headers_of_variants(point, shape, self._key_of(salt), salt)) for point in ALL_FILM_POINTS
            ]
        )

    def read(self, signals: Sequence[FrameSignal], salts: int | None = None) -> bytes | None:
        """Return the content of the group with these signals; None if none of its first `salts` salts opens it."""
        tried = list(islice(salts_of_group(signals), salts))
        if self._most_keys is not None and len(self._keys) >= self._most_keys:
            tried = [salt for salt in tried if salt in self._keys]

        def likely(salt: bytes) -> list[tuple[float, BlockPlacement]]:
            return self._likely(signals, salt)

        least_evidence = 2  # standard deviations
        found: Generator[list[tuple[float, BlockPlacement]], None, None] = parallel_map(likely, tried, thread_count())
        with closing(found) as placements_by_salt:
            for evidence, placement in chain.from_iterable(placements_by_salt):
                content = self._read_placed(placement, signals) if evidence > least_evidence else None
                if content is not None:
                    self._most_keys = None
                    self._variant = placement.salt[-1]
                    return content
        return None

    def _key_of(self, salt: bytes) -> Key:
        if salt not in self._keys:
            self._keys[salt] = robust_key(self._source, salt)
        return self._keys[salt]

    def _likely(self, signals: Sequence[FrameSignal], salt: bytes) -> list[tuple[float, BlockPlacement]]:
        """Return the placements that a group with this salt may have and the evidence for each, the likeliest first."""
        shape = signals[0].shape
        key = self._key_of(salt)
        if self._variant is not None:
            known = salt_of_variant(salt, self._variant)
            return [(inf, BlockPlacement(shape, point, key, known)) for point in ALL_FILM_POINTS]
        placements = []
        for point, headers in self._headers(salt, shape):
            frames = [signal.coefficients for signal in signals[:: point.run]]
            for variant, evidence in enumerate(evidence_of_variants(point, headers, frames).tolist()):
                placements.append((evidence, BlockPlacement(shape, point, key, salt_of_variant(salt, variant))))
        return sorted(placements, key=itemgetter(0), reverse=True)

    def _read_placed(self, placement: BlockPlacement, signals: Sequence[FrameSignal]) -> bytes | None:
        if not placement.holds_record:
            return None
        point = placement.point
        frames = [signal.coefficients for signal in signals[:: point.run]]
        first_sureness = 1.5  # log-likelihood ratio of a sine of 1, before it is estimated by the header
        carried = sines([frame[placement.header_blocks] for frame in frames], header_dither(placement), point)
        ratios = (first_sureness * carried).reshape(-1)[placement.header_order()]
        for _, header, right in decoded_headers([placement], [ratios]):
            numbers = places_to_read(placement, header)
            if numbers is None:
                continue
            sure, _ = sureness(right / first_sureness)
            ratios = (sure * sines(frames, group_dither(placement, header), point)).reshape(-1)[numbers]
            return open_record(placement, header, ratios * not_erased(numbers, self._lost))
        return None


def read_groups(
    frames: Generator[np.ndarray, None, None], key_source: KeySource, progress: Callable[[int], None], lost: int
) -> Generator[bytes | None, None, None]:
    """Yield the content of each group of frames in order; `lost` as in `GroupReader`. Closes `frames`."""
    reader = GroupReader(key_source, lost)
    with closing(_groups(frames, progress)) as groups:
        for group in groups:
            yield reader.read(group)


def _groups(
    frames: Generator[np.ndarray, None, None], progress: Callable[[int], None]
) -> Generator[list[FrameSignal], None, None]:
    """Yield the signals of each whole group, computed in a thread while groups are read. Closes `frames`.

    `progress` is called after each frame with the number of frames read.
    """
    with closing(prefetch(_signals(frames), GROUP)) as signals:
        group: list[FrameSignal] = []
        for done, signal in enumerate(signals, 1):
            group.append(signal)
            progress(done)
            if len(group) == GROUP:
                yield group
                group = []


def _signals(frames: Generator[np.ndarray, None, None]) -> Generator[FrameSignal, None, None]:
    with closing(frames):
        for frame in frames:
            yield signal_of(frame)


# Films


def read_film(
    frames: Generator[np.ndarray, None, None],
    key_source: KeySource,
    progress: Callable[[int], None] = lambda done: None,
) -> MessagePieces | None:
    """Return the message of a film, or its remains; None if its first groups don't open with this key.

    Args:
        frames: all frames; closed in the end.
        key_source: key or passphrase.
        progress: called after each frame with the number of frames read.
    """
    most_tried = 2  # groups that carry something, of a film in which none opens
    few_salts = 2  # that are tried for each group after the first until one opens
    dark = 8.0  # levels: a group with a median below, or as near to white, carries nothing

    reader = GroupReader(key_source)
    messages: dict[bytes, MessagePieces] = {}
    tried = 0
    with closing(_groups(frames, progress)) as groups:
        for group in groups:
            content = reader.read(group, None if messages or not tried else few_salts)
            if content is not None:
                add_piece(messages, content)
            tried += bool(dark < np.median([signal.means for signal in group]) < 255 - dark)
            if not messages and tried == most_tried:
                break
    return max(messages.values(), key=lambda pieces: pieces.share, default=None)
