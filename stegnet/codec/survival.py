"""Hiding what comes back after a lossy channel: the channel is simulated on the container, by real codecs."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from stegnet.codec.fec import HIGHEST, LONGEST, LOWEST, RATES, Coding
from stegnet.codec.keys import SYSTEM, KeySource, Randomness
from stegnet.codec.modem import Modem, Rung
from stegnet.codec.network import Step, no_step
from stegnet.codec.robust import (
    content_room,
    dither_of,
    hidden_area,
    make_bits,
    new_nonce,
    reader,
    record_places,
    robust_key,
    robust_salts,
)
from stegnet.core.errors import CapacityError, ConfigError
from stegnet.core.jpeg import BLOCK, DITHER, through_jpeg
from stegnet.media import resize

DEFAULT = "jpeg:75"
MESSENGER = "messenger"
WRITTEN_QUALITY = 95  # of the JPEG files that hiding writes
_MESSENGER_SIDE, _MESSENGER_QUALITIES = 1600, tuple(product((70, 72, 74, 77, 80), repeat=2))
_LEAST_QUALITY, _MOST_QUALITY, _BEST = 30, 95, 100
_ABOVE = (1, 2, 4, 7, 11, 16, 22, 30, 40)  # qualities above the promised one that are simulated
_LARGE = 1 << 21  # pixels above which the rate is found by a part of the picture, and few channels are tried on all
_SQUARE = 128  # side of the pieces of that part
_CODEWORDS = 2  # that are decoded to find the rate
_MARGIN = 2  # 64ths, between the best rate that a simulation bears and the one that is used
_ATTEMPTS = 6
_GRID = 16  # pixels, of the blocks of JPEG with halved chroma
_LARGER = "take a larger cover, with more detail, or a milder channel"


@dataclass(frozen=True)
class Channel:
    """Lossy channel that a container is promised to survive.

    Attributes:
        name: as users write it.
        quality: the lowest JPEG quality in it.
        saves: sequences of JPEG qualities with which a container is saved one after the other; each is simulated.
    """

    name: str
    quality: int
    saves: tuple[tuple[int, ...], ...]

    def __str__(self) -> str:
        if self.name == MESSENGER:
            return f"messengers (JPEG {self.quality} and better, twice)"
        return f"JPEG {self.quality} and better"

    def prepare(self, cover: np.ndarray) -> np.ndarray:
        """The cover as it is sent: messengers reduce pictures to a long side of 1,600 pixels."""
        height, width = cover.shape[:2]
        longest = max(height, width)
        if self.name != MESSENGER or longest <= _MESSENGER_SIDE:
            return cover
        return resize(cover, *(max(1, round(side * _MESSENGER_SIDE / longest)) for side in (height, width)))

    def received(self, container: np.ndarray, written: int | None, few: bool = False) -> Iterator[np.ndarray]:
        """The pictures that may arrive, (H, W, 3) uint8 each; the first is the file that is written.

        Args:
            written: JPEG quality of that file; None for one without loss.
            few: the file, and the first of the sequences, alone.
        """
        sent = container if written is None else through_jpeg(container, written)
        yield sent
        for qualities in self.saves[:1] if few else self.saves:
            picture = sent
            for quality in qualities:
                picture = through_jpeg(picture, quality)
            yield picture
        if not few:
            yield through_jpeg(sent, self.quality, full_chroma=True)


@dataclass(frozen=True)
class Survivor:
    """A container whose content came back from every simulated channel.

    Attributes:
        picture: (H, W, 3) uint8, as it was before it is written as JPEG.
        rung: of the container.
        room: bytes of content that it could have carried.
    """

    picture: np.ndarray
    rung: Rung
    room: int


def parse_channel(text: str) -> Channel:
    """A channel as users name it: jpeg:QUALITY or messenger.

    Raises:
        ConfigError: there is no such channel.
    """
    if text == MESSENGER:
        return Channel(text, min(map(min, _MESSENGER_QUALITIES)), _MESSENGER_QUALITIES)
    found = re.fullmatch(r"jpeg:(\d{1,3})", text)
    quality = int(found[1]) if found else 0
    if not _LEAST_QUALITY <= quality <= _MOST_QUALITY:
        known = f"jpeg:{_LEAST_QUALITY} to jpeg:{_MOST_QUALITY}, or {MESSENGER}"
        raise ConfigError(f"survive: unknown channel {text!r}", f"known: {known}")
    above = [quality + more for more in _ABOVE if quality + more <= _BEST]
    return Channel(text, quality, ((quality,), *((each,) for each in above)))


def choose_rung(rungs: Sequence[Rung], channel: Channel, psnr: float) -> Rung:
    """The rung for a channel and a PSNR of the container in dB: the one that was trained for the nearest quality.

    Raises:
        CapacityError: there is none.
    """
    near = min((abs(rung.psnr - psnr) for rung in rungs), default=0.0)
    fitting = [rung for rung in rungs if abs(rung.psnr - psnr) == near and rung.lowest <= channel.quality]
    if not fitting:
        lowest = min(rungs, key=lambda rung: rung.lowest)
        hint = f"`--survive jpeg:{lowest.lowest} --container-psnr {lowest.psnr:g}` is the most robust"
        raise CapacityError(f"these weights do not survive {channel} at {psnr:g} dB", hint)
    return max(fitting, key=lambda rung: (rung.lowest, rung.bits))


def hide_robust(
    modem: Modem,
    cover: np.ndarray,
    fit: Callable[[int], bytes],
    key_source: KeySource,
    channel: Channel,
    rung: Rung,
    written: int | None = WRITTEN_QUALITY,
    randomness: Randomness = SYSTEM,
    step: Step = no_step,
) -> Survivor:
    """Hides content so that it comes back from a channel, at the most robust rate that has room for it.

    Args:
        cover: (H, W, 3) uint8, prepared for the channel; not changed.
        fit: returns content of at most the given number of bytes, or raises CapacityError.
        written: JPEG quality of the file that will be written; None for one without loss.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: the content does not fit, or does not come back.
    """
    shape = cover.shape[0] // BLOCK, cover.shape[1] // BLOCK
    room = partial(content_room, shape[0] * shape[1], rung)
    read, area, few = reader(modem, key_source), hidden_area(cover), cover[..., 0].size > _LARGE
    most, container = best_rate(modem, area, channel, rung, written, randomness) - _MARGIN, cover.copy(order="C")
    for _ in range(_ATTEMPTS):
        if most < LOWEST or room(most) < 1:
            break
        content = fit(room(most))
        rate = next(lower for lower in range(LOWEST, most + 1) if room(lower) >= len(content))
        salt = _common_salt(channel.received(container, written, few))  # of the cover, then of what hiding made of it
        key = robust_key(key_source, salt)
        bits = make_bits(shape, modem, rung, rate, content, key, salt, new_nonce(randomness))
        hidden_area(container)[:] = modem.hide(area, bits, dither_of(shape, key, salt), step)
        readings = (read(picture, step) for picture in channel.received(container, written, few))
        if all(reading is not None and reading.content.startswith(content) for reading in readings):
            return Survivor(container, rung, room(rate))
        most -= _MARGIN
    raise CapacityError(f"nothing that is hidden in this cover survives {channel}", _LARGER)


def best_rate(
    modem: Modem, area: np.ndarray, channel: Channel, rung: Rung, written: int | None, randomness: Randomness = SYSTEM
) -> int:
    """The highest rate, in 64ths, at which random bits in a cover come back from a channel; 0 if none does.

    A code is linear: it corrects the errors of any message as it corrects those of zeros. So bits are hidden once, and
    what was read of them, negated where a bit was 1, is decoded at one rate after the other.

    Args:
        area: (H, W, 3) uint8, sides multiples of 8; of a large one, a part is used.
    """
    some = _sample(area)
    shape = (some.shape[0] // BLOCK, some.shape[1] // BLOCK, rung.bits)
    draw = np.random.default_rng(int.from_bytes(randomness(16), "big"))
    bits = np.zeros((*shape[:2], modem.bits), np.float32)
    bits[..., rung.places] = sent = draw.integers(0, 2, shape) * 2.0 - 1
    dither = draw.random((*shape[:2], DITHER), np.float32)
    container = modem.hide(some, bits, dither)
    places = min(record_places(shape[0] * shape[1], rung), _CODEWORDS * LONGEST)
    if not places:
        return 0
    chosen = draw.permutation(sent.size)[:places]
    right = [
        (modem.reveal(picture, dither)[..., rung.places] * sent).reshape(-1)[chosen]
        for picture in channel.received(container, written)
    ]
    right.sort(key=information)
    highest = min(int(information(right[0]) * RATES), HIGHEST)
    return next((rate for rate in range(highest, LOWEST - 1, -1) if _all_come_back(rate, right)), 0)


def information(right: np.ndarray) -> float:
    """Mutual information in bits of a bit and its log-likelihood ratio, from ratios that are positive where right."""
    return float(1 - np.logaddexp(0, -right.astype(np.float64)).mean() / math.log(2))


def _common_salt(pictures: Iterable[np.ndarray]) -> bytes:
    """The likeliest salt that readers of each of these pictures try; that of the first if there is none."""
    first, *others = (list(robust_salts(picture)) for picture in pictures)
    return next((salt for salt in first if all(salt in other for other in others)), first[0])


def _all_come_back(rate: int, right: Sequence[np.ndarray]) -> bool:
    coding = Coding(right[0].size, rate)
    if not coding.room:
        return False
    messages = (coding.decode(-each) for each in right)
    return all(message is not None and not message.any() for message in messages)


def _sample(area: np.ndarray) -> np.ndarray:
    """Squares from all over a large picture, put together; a smaller picture as it is."""
    height, width = area.shape[:2]
    if height * width <= _LARGE or min(height, width) < _SQUARE:
        return area
    count = math.isqrt(_LARGE // 2) // _SQUARE
    down, across = (
        np.linspace(0, side - _SQUARE, min(count, side // _SQUARE)).astype(int) // _GRID * _GRID
        for side in (height, width)
    )
    return np.concatenate([np.concatenate([area[y : y + _SQUARE, x : x + _SQUARE] for x in across], 1) for y in down])
