"""Hiding what comes back after a lossy channel: the channel is simulated on the container, by real codecs."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from stegnet.core.errors import CapacityError
from stegnet.core.jpeg import BLOCK, DITHER, through_jpeg
from stegnet.core.parallel import with_heartbeat
from stegnet.keys import SYSTEM, KeySource, Randomness
from stegnet.methods.context import DEFAULT_CONTEXT, Context
from stegnet.methods.robust.channels import Channel, Writing
from stegnet.methods.robust.fec import HIGHEST, LONGEST, LOWEST, RATES, Coding
from stegnet.methods.robust.grid import Grid
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.places import record_places
from stegnet.methods.robust.reader import ReadGrid, grid_reader
from stegnet.methods.robust.record import (
    Blocks,
    coded_bits,
    content_room,
    dither_of,
    new_nonce,
    robust_key,
    used_blocks,
)
from stegnet.methods.robust.regions import textures
from stegnet.methods.robust.registration import is_found

WRITTEN_QUALITY = 95  # of the JPEG files that hiding writes of covers that are none
SAVED = partial(through_jpeg, quality=WRITTEN_QUALITY)
_LARGE = 1 << 21  # pixels above which the rate is found by a part of the picture, and few channels are tried on all
_SQUARE = 128  # side of the pieces of that part
_CODEWORDS = 2  # that are decoded to find the rate
_MARGIN = 2  # 64ths, between the best rate that a simulation bears and the one that is used
_ATTEMPTS = 11
# Where blocks are spared: rates are below the highest, and one bit in so many may be lost to what was not simulated.
_SPARED, _LOST = 0.9, 9
_UNEVEN = 1.5  # by how much of the rate over the root of the blocks' number a few blocks may carry less than all
_TEXTURED = 5  # attempts in which blocks are chosen by texture: codecs upset its order where textures are alike
_SOON = 8  # salts that a reader tries first
_GRID = 16  # pixels, of the blocks of JPEG with halved chroma
_LARGER = "take a larger cover, with more detail, or resize it to more pixels; or take a milder channel"


@dataclass(frozen=True)
class Promise:
    """The channel that a container is to survive, and the means.

    Attributes:
        rung: of the modem.
        written: gives what viewers show of the file that will be written; None: it is one without loss.
    """

    channel: Channel
    rung: Rung
    written: Writing | None = SAVED


@dataclass(frozen=True)
class Survivor:
    """A container whose content came back from every simulated channel.

    Attributes:
        picture: (H, W, 3) uint8, before it is written.
        rung: of the container.
        room: bytes of content that it could have carried.
    """

    picture: np.ndarray
    rung: Rung
    room: int


def choose_rung(rungs: Sequence[Rung], channel: Channel, psnr: float) -> Rung:
    """The rung for a channel and a PSNR of the container in dB: the one that was trained for the nearest quality.

    Raises:
        CapacityError: there is none.
    """
    near = min((abs(rung.psnr - psnr) for rung in rungs), default=0.0)
    fitting = [rung for rung in rungs if abs(rung.psnr - psnr) == near and rung.lowest <= channel.quality]
    if not fitting:
        least = {rung.psnr: rung.lowest for rung in sorted(rungs, key=lambda rung: -rung.lowest)}
        known = ", ".join(f"jpeg:{lowest} and better at {near:g} dB" for near, lowest in sorted(least.items()))
        raise CapacityError(f"these weights do not survive {channel} at {psnr:g} dB", f"they survive {known}")
    return max(fitting, key=lambda rung: (rung.lowest, rung.bits))


def best_rung(
    modem: Modem, cover: np.ndarray, channel: Channel, psnr: float, written: Writing | None, coarse: bool = False
) -> Rung:
    """As `choose_rung`; for copies that no rung was trained for, the one that carries most through them.

    Args:
        cover: as `hide_robust`.
        written: as in `Promise`.
        coarse: writing may round as much as the channel does.
    """
    chosen = choose_rung(modem.rungs, channel, psnr)
    if channel.plain and not coarse:
        return chosen
    near = [rung for rung in modem.rungs if rung.psnr == chosen.psnr and rung.lowest <= chosen.lowest]
    return max(near, key=lambda rung: _carried(modem, cover, Promise(channel, rung, written)))


def hide_robust(
    modem: Modem,
    cover: np.ndarray,
    fit: Callable[[int], bytes],
    key_source: KeySource,
    promise: Promise,
    context: Context = DEFAULT_CONTEXT,
) -> Survivor:
    """Hides content so that it comes back from a channel, in as few blocks as will do, at the most robust rate there.

    Progress is told while the channel is tried, for each tile of a large picture, and while what arrives is read.

    Args:
        cover: (H, W, 3) uint8, prepared for the channel; not changed.
        fit: returns content of at most the given number of bytes, or raises CapacityError.
    Raises:
        CapacityError: the content does not fit, or does not come back.
    """
    channel, rung, few = promise.channel, promise.rung, cover[..., 0].size > _LARGE
    grid = channel.grid(*cover.shape[:2])
    area = grid.area(cover)
    whole, spared = (grid_reader(modem, key_source, lost) for lost in (0, _LOST))
    received = partial(channel.received, grid=grid, written=promise.written, few=few)
    total, shares, container = channel.arrivals(few), range(channel.shares), cover
    most = context.with_heartbeat("try", lambda: best_rate(modem, cover, promise, context.randomness)) - _MARGIN
    texture = cache(lambda: textures(area))
    for attempt in range(_ATTEMPTS):
        room = content_room(math.prod(grid.shape), rung, most) if most >= LOWEST else 0
        if room < 1:
            break
        content = fit(room)
        textured = channel.plain and attempt < _TEXTURED
        rate, share = _rate_and_share(grid.shape, rung, most, len(content), shares, textured)
        # Of the cover, then of what hiding made of it.
        seen = [(cover, grid)] if few and container is cover else received(container)
        salt = context.with_heartbeat(
            "try", lambda seen=seen: _common_salt(where.salts(picture) for picture, where in seen)
        )
        key, full = robust_key(key_source, salt), grid.full(salt)
        order = texture() if share and textured else None
        blocks, nonce = Blocks(grid.shape, rung, key, full, order), new_nonce(context.randomness)
        used = used_blocks(blocks, nonce, share)[..., None]
        bits = coded_bits(blocks, rate, content, nonce, share) * np.float32(2) - 1
        dither = dither_of(grid.shape, key, full)
        hidden = modem.hide(area, bits * used, dither, context.step("hide tiles"), rung.places)
        changed = np.where(used.repeat(BLOCK, 0).repeat(BLOCK, 1), hidden, area)
        container = grid.replaced(cover, changed)
        read = spared if share else whole
        came_back = partial(_comes_back, received(container), partial(is_found, modem, key, salt=salt), read, content)
        checked = (lambda done=done: context.progress("check", done, total) for done in range(total))
        if all(with_heartbeat(came_back, sign) for sign in checked):
            return Survivor(container, rung, blocks.room(rate, share))
        if order is not None and attempt + 1 == _TEXTURED:
            shares = range(channel.shares)
        elif share:
            shares = range(max(share - attempt // 2, 1))
        else:
            most -= _MARGIN
    raise CapacityError(f"nothing that is hidden in this cover survives {channel}", _LARGER)


def _comes_back(
    pictures: Iterator[tuple[np.ndarray, Grid]],
    found: Callable[[np.ndarray, Grid], bool],
    read: ReadGrid,
    content: bytes,
) -> bool:
    """Returns whether readers find the next picture, and the content in it."""
    picture, where = next(pictures)
    reading = read(picture, where) if found(picture, where) else None
    return reading is not None and reading.content.startswith(content)


def _rate_and_share(
    shape: tuple[int, int], rung: Rung, most: int, size: int, shares: range, textured: bool
) -> tuple[int, int]:
    """The rate of content of a size in bytes, and the number of the smallest share of blocks with room for it.

    Where there is room to spare, blocks are left as they are, and the rate is at most _SPARED of the highest, and less
    the fewer there are: some carry little. Then it is the lowest that fits.
    """
    blocks = math.prod(shape)
    for share in reversed(shares):
        chosen = textured and share > 0
        used = record_places(blocks, rung, share, chosen) / rung.bits
        highest = int(most * _SPARED * (1 - _UNEVEN / math.sqrt(used))) if share and used else most * (not share)
        room = partial(content_room, blocks, rung, share=share, textured=chosen)
        if highest >= LOWEST and room(highest) >= size:
            return next(rate for rate in range(LOWEST, highest + 1) if room(rate) >= size), share
    raise AssertionError("content that has no room")


def best_rate(modem: Modem, cover: np.ndarray, promise: Promise, randomness: Randomness = SYSTEM) -> int:
    """The highest rate, in 64ths, at which random bits in a cover come back from a channel; 0 if none does.

    A code is linear: it corrects the errors of any message as it corrects those of zeros. So bits are hidden once, and
    what was read of them, negated where a bit was 1, is decoded at one rate after the other.

    Args:
        cover: (H, W, 3) uint8; of a large one, a part is used.
    """
    right = _right_ratios(modem, cover, promise, randomness)
    right.sort(key=information)
    highest = min(int(information(right[0]) * RATES), HIGHEST) if right else 0
    return next((rate for rate in range(highest, LOWEST - 1, -1) if _all_come_back(rate, right)), 0)


def _carried(modem: Modem, cover: np.ndarray, promise: Promise) -> float:
    """Bits that a block carries through the worst of a channel; arguments as `best_rate`."""
    right = _right_ratios(modem, cover, promise, SYSTEM)
    return promise.rung.bits * min(map(information, right), default=0.0)


def _right_ratios(modem: Modem, cover: np.ndarray, promise: Promise, randomness: Randomness) -> list[np.ndarray]:
    """Ratios of random bits that were hidden in a cover, for each picture that may arrive: positive where right."""
    some, rung = _sample(cover), promise.rung
    grid = promise.channel.grid(*cover.shape[:2]).scaled(cover.shape, some.shape)
    area, shape = grid.area(some), (*grid.shape, rung.bits)
    draw = np.random.default_rng(int.from_bytes(randomness(16), "big"))
    sent = draw.integers(0, 2, shape, np.int8) * np.float32(2) - 1
    dither = draw.random((*grid.shape, DITHER), np.float32)
    places = min(record_places(shape[0] * shape[1], rung), _CODEWORDS * LONGEST)
    if not places:
        return []
    hidden, chosen = modem.hide(area, sent, dither, places=rung.places), draw.permutation(sent.size)[:places]

    def read(picture: np.ndarray, where: Grid) -> np.ndarray:
        ratios = (modem.reveal(area, dither, places=rung.places) for area in where.areas(picture))
        trust = where.trust(picture)[..., None]
        return max(((some * sent * trust).reshape(-1)[chosen] for some in ratios), key=information)

    return [read(*arrived) for arrived in promise.channel.received(grid.replaced(some, hidden), grid, promise.written)]


def information(right: np.ndarray) -> float:
    """Mutual information in bits of a bit and its log-likelihood ratio, from ratios that are positive where right."""
    return float(1 - np.logaddexp(0, -right.astype(np.float64)).mean() / math.log(2))


def _common_salt(tried: Iterable[Iterable[bytes]]) -> bytes:
    """The likeliest salt that readers of each picture try soon, or at all, given those they try in turn."""
    first, *others = map(list, tried)
    for most in (_SOON, None):
        for salt in first:
            if all(salt in other[:most] for other in others):
                return salt
    return first[0]


def _all_come_back(rate: int, right: Sequence[np.ndarray]) -> bool:
    coding = Coding(right[0].size, rate)
    if not coding.room:
        return False
    messages = (coding.decode(-each) for each in right)
    return all(message is not None and not message.any() for message in messages)


def _sample(cover: np.ndarray) -> np.ndarray:
    """Squares from all over a large picture, put together; a smaller picture as it is."""
    height, width = cover.shape[:2]
    if height * width <= _LARGE or min(height, width) < _SQUARE:
        return cover
    count = math.isqrt(_LARGE // 3) // _SQUARE
    down, across = (
        np.linspace(0, side - _SQUARE, min(count, side // _SQUARE)).astype(int) // _GRID * _GRID
        for side in (height, width)
    )
    return np.concatenate([np.concatenate([cover[y : y + _SQUARE, x : x + _SQUARE] for x in across], 1) for y in down])
