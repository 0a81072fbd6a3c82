"""Pictures whose content survives a lossy channel, as arrays: tried by real codecs before they are written."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import tee
from typing import Any, Self

import numpy as np

from stegnet.core.blocks import DITHER
from stegnet.core.errors import CapacityError, KeyFileError
from stegnet.core.jpeg import through_jpeg
from stegnet.core.parallel import with_heartbeat
from stegnet.keys import SYSTEM, Key, KeySource, Randomness
from stegnet.methods.method import DEFAULT_CONTEXT, Context
from stegnet.methods.robust.channels import PictureChannel, Writing
from stegnet.methods.robust.fec import HIGHEST, LONGEST, LOWEST, RATES, Coding
from stegnet.methods.robust.grid import Grid
from stegnet.methods.robust.modem import Modem
from stegnet.methods.robust.places import Blocks, record_places
from stegnet.methods.robust.qim import OperatingPoint, information
from stegnet.methods.robust.reader import PictureReader
from stegnet.methods.robust.record import dither_of, new_nonce, record_signs, robust_key
from stegnet.methods.robust.regions import hidden_area, textures
from stegnet.methods.robust.registration import is_found
from stegnet.methods.robust.survival import RobustCarrier
from stegnet.methods.robust.tiles import MAP, SALT, TILE, Place, map_dither, map_signs, read_tiled

WRITTEN_QUALITY = 95  # of the JPEG files that hiding writes of covers that are none
_LARGE = 1 << 21  # pixels above which the rate is found by a part of the picture, and few channels are tried on all
_SQUARE = 128  # side of the pieces of that part
_CODEWORDS = 2  # that are decoded to find the rate
_MARGIN = 2  # 64ths, between the best rate that a simulation bears and the one that is used
_ATTEMPTS, _ATTEMPTS_OF_TILES = 11, 4
_SPARED, _UNEVEN = 0.9, 1.5  # as `RobustCarrier`
_LOST = 9  # where blocks are spared, one bit in so many may be lost to what was not simulated
_TEXTURED = 5  # attempts in which blocks are chosen by texture: codecs upset its order where textures are alike
_SOON = 8  # salts that a reader tries first
_GRID = 16  # pixels, of the blocks of JPEG with halved chroma


def as_saved(picture: np.ndarray) -> np.ndarray:
    """What viewers show of a picture, (H, W, 3) uint8, that hiding writes as JPEG."""
    return through_jpeg(picture, WRITTEN_QUALITY)


def choose_point(points: Sequence[OperatingPoint], channel: PictureChannel, psnr: float) -> OperatingPoint:
    """The operating point for a channel and a container's PSNR in dB: the one trained for the nearest quality.

    Raises:
        CapacityError: there is none.
    """
    near = min((abs(point.psnr - psnr) for point in points), default=0.0)
    fitting = [point for point in points if abs(point.psnr - psnr) == near and point.lowest <= channel.quality]
    if not fitting:
        least = {point.psnr: point.lowest for point in sorted(points, key=lambda point: -point.lowest)}
        known = ", ".join(f"jpeg:{lowest} and better at {near:g} dB" for near, lowest in sorted(least.items()))
        raise CapacityError(f"these weights do not survive {channel} at {psnr:g} dB", f"they survive {known}")
    return max(fitting, key=lambda point: (point.lowest, point.bits))


@dataclass(eq=False)
class PictureCarrier(RobustCarrier):
    """A picture that carries one record.

    Attributes:
        cover: (H, W, 3) uint8, of the size that the channel sends; not changed.
        point: as `choose_point`.
        written: gives what viewers show of the file that will be written; None: it is one without loss.
        picture: the container, (H, W, 3) uint8, before it is written; first the cover.
    """

    modem: Modem
    cover: np.ndarray
    key_source: KeySource
    channel: PictureChannel
    point: OperatingPoint
    written: Writing | None = as_saved
    context: Context = DEFAULT_CONTEXT
    attempts, spared, uneven = _ATTEMPTS, _SPARED, _UNEVEN

    def __post_init__(self) -> None:
        self.grid = self.channel.grid(*self.cover.shape[:2])
        self.blocks, self.few = math.prod(self.grid.shape), self.cover[..., 0].size > _LARGE
        self.picture, self.shares, self.textured = self.cover, range(self.channel.shares), self.channel.plain
        self._arrived = iter([(self.cover, self.grid)]) if self.few else self._arriving()

    @cached_property
    def area(self) -> np.ndarray:
        """The hidden area of the cover."""
        return self.grid.area(self.cover)

    @cached_property
    def _texture(self) -> np.ndarray:
        return textures(self.area)

    @cached_property
    def _reader(self) -> PictureReader:
        return PictureReader(self.modem, self.key_source)

    def at_best_point(self, coarse: bool = False) -> Self:
        """The same carrier; for copies that no point was trained for, at the one that carries most through them.

        Args:
            coarse: writing may round as much as the channel does.
        """
        if self.channel.plain and not coarse:
            return self
        own, points = self.point, self.modem.points
        near = (point for point in points if point.psnr == own.psnr and point.lowest <= own.lowest)
        return max((replace(self, point=point) for point in near), key=PictureCarrier._carried)

    def _carried(self) -> float:
        """Bits that a block carries through the worst of the channel."""
        return self.point.bits * min(map(information, self._right_ratios(SYSTEM)), default=0.0)

    def measured(self) -> list[int]:
        """As `RobustCarrier`.

        A code is linear: it corrects the errors of any message as it corrects those of zeros. So bits are hidden once,
        and what was read of them, negated where a bit was 1, is decoded at one rate after the other.
        """

        def best_rate() -> int:
            right = sorted(self._right_ratios(self.context.randomness), key=information)
            highest = min(int(information(right[0]) * RATES), HIGHEST) if right else 0
            return next((rate for rate in range(highest, LOWEST - 1, -1) if _all_decode(rate, right)), 0)

        return [self.context.with_heartbeat("try", best_rate) - _MARGIN]

    def _right_ratios(self, randomness: Randomness) -> list[np.ndarray]:
        """Ratios of random bits hidden in the cover, for each picture that may arrive: positive where right."""
        some, point = _sample(self.cover), self.point
        grid = self.grid.scaled(self.cover.shape, some.shape)
        draw = np.random.default_rng(int.from_bytes(randomness(16), "big"))
        sent = draw.integers(0, 2, (*grid.shape, point.bits), np.int8) * np.float32(2) - 1
        dither = draw.random((*grid.shape, DITHER), np.float32)
        places = min(record_places(math.prod(grid.shape), point), _CODEWORDS * LONGEST)
        if not places:
            return []
        hidden, chosen = (
            self.modem.hide(grid.area(some), sent, dither, places=point.places),
            draw.permutation(sent.size)[:places],
        )

        def read(picture: np.ndarray, where: Grid) -> np.ndarray:
            trusted = sent * where.trust(picture)[..., None]
            ratios = (self.modem.reveal(area, dither, places=point.places) for area in where.areas(picture))
            return max(((each * trusted).reshape(-1)[chosen] for each in ratios), key=information)

        container = self._shown(grid.replaced(some, hidden))
        return [read(*arrived) for arrived in self.channel.received(container, grid)]

    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        (rate,), grid = rates, self.grid
        salt = self.context.with_heartbeat("try", self._common_salt)
        key, full = robust_key(self.key_source, salt), grid.full(salt)
        texture = self._texture if share and self.textured else None
        blocks, nonce = Blocks(grid.shape, self.point, key, full, texture), new_nonce(self.context.randomness)
        signs, dither = record_signs(blocks, rate, content, nonce, share), dither_of(grid.shape, key, full)
        hidden = self.modem.hide(self.area, signs, dither, self.context.step("hide tiles"), self.point.places)
        self.picture = grid.replaced(self.cover, hidden)
        self._reader.lost = _LOST if share else 0
        self._content, self._key, self._salt = content, key, salt

    def failed(self) -> set[int]:
        arriving, self._arrived = tee(self._arriving())
        total = self.channel.arrivals(self.few)
        for done in range(total):
            recovered = with_heartbeat(
                lambda: self._recovers(*next(arriving)), lambda done=done: self.context.progress("check", done, total)
            )
            if not recovered:
                return {0}
        self._arrived = iter(())  # no longer kept
        return set()

    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        chosen, self.textured = share and self.textured, self.channel.plain and attempt + 1 < _TEXTURED
        if chosen and not self.textured:
            self.shares = range(self.channel.shares)
        elif share:
            self.shares = range(max(share - attempt // 2, 1))
        else:
            return [rates[0] - _MARGIN]
        return rates

    def refusal(self) -> CapacityError:
        hint = 'use a cover with more pixels or more detail, or a milder channel (`survive="CHANNEL"`)'
        return CapacityError(f"nothing that is hidden in this cover survives {self.channel}", hint)

    def _shown(self, picture: np.ndarray) -> np.ndarray:
        return picture if self.written is None else self.written(picture)

    def _arriving(self) -> Iterator[tuple[np.ndarray, Grid]]:
        """The pictures that may arrive of the container, and its grid in them."""
        yield from self.channel.received(self._shown(self.picture), self.grid, self.few)

    def _recovers(self, picture: np.ndarray, grid: Grid) -> bool:
        """True if readers find a picture that arrived, and the content in it."""
        if not is_found(self.modem, self._key, picture, grid, self._salt):
            return False
        reading = self._reader.read_in(grid, picture)
        return reading is not None and reading.content.startswith(self._content)

    def _common_salt(self) -> bytes:
        """The likeliest salt that readers of each picture that arrived last try soon, or at all."""
        first, *others = (list(grid.salts(picture)) for picture, grid in self._arrived)
        for most in (_SOON, None):
            for salt in first:
                if all(salt in other[:most] for other in others):
                    return salt
        return first[0]


class TiledCarrier(PictureCarrier):
    """A picture any part of which gives its content back, down to the channel's share of its sides.

    Raises:
        KeyFileError: `key_source` is no key file.
    """

    attempts = _ATTEMPTS_OF_TILES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.blocks, self.shares, self.textured = TILE**2, range(1), False

    def measured(self) -> list[int]:
        if not isinstance(self.key_source, Key):
            hint = "use a key file, or +crop without a share: up to 8 pixels at each edge"
            trouble = "a passphrase opens no part of a picture: cropping removes what its salt is computed from"
            raise KeyFileError(trouble, hint)
        row, col = (int.from_bytes(self.context.randomness(2), "big") % MAP for _ in range(2))
        self._place, rates = Place(0, 0, row, col), super().measured()
        key, shape = self.key_source, self.grid.shape
        self._signs = self._place.part(map_signs(key, self.point), shape)
        self._dither = self._place.part(map_dither(key), shape)
        return rates

    def rates_and_share(self, rates: Sequence[int], wanted: int) -> tuple[list[int], int]:
        return list(rates), 0

    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        blocks, self._content = Blocks((TILE, TILE), self.point, self.key_source, SALT), content
        tile = record_signs(blocks, rates[0], content, new_nonce(self.context.randomness))
        bits = self._place.part(tile, self.grid.shape) * self._signs
        hidden = self.modem.hide(
            hidden_area(self.cover), bits, self._dither, self.context.step("hide tiles"), self.point.places
        )
        self.picture = self.cover.copy(order="C")
        hidden_area(self.picture)[:] = hidden

    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        return [rates[0] - max(_MARGIN, rates[0] // 4)]

    def refusal(self) -> CapacityError:
        return CapacityError(str(super().refusal()), "use a larger cover, with more detail")

    def _arriving(self) -> Iterator[tuple[np.ndarray]]:
        return ((part,) for part in self.channel.parts(self._shown(self.picture)))

    def _recovers(self, picture: np.ndarray) -> bool:
        reading = read_tiled(self.modem, self.key_source, picture, [self.point])
        return reading is not None and reading.content.startswith(self._content)


def picture_carrier(
    modem: Modem, cover: np.ndarray, key: KeySource, channel: PictureChannel, psnr: float, **more: Any
) -> PictureCarrier:
    """The carrier of a cover for a channel, at the point that `choose_point` gives for a PSNR in dB; errors as both.

    Args:
        more: attributes `written` and `context`.
    """
    made = TiledCarrier if channel.part else PictureCarrier
    return made(modem, cover, key, channel, choose_point(modem.points, channel, psnr), **more)


def _all_decode(rate: int, right: Sequence[np.ndarray]) -> bool:
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
