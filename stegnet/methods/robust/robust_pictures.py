"""Pictures whose content survives a lossy channel, tested with real codecs before they are written.

Carriers work on arrays; `embed_in_picture` hides from file to file. If the cover is a JPEG and the container is to be
one too, it keeps the cover's coefficients where nothing is hidden.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, KeyFileError
from stegnet.core.names import JPEG_SUFFIXES, PICTURE
from stegnet.core.parallel import Progress, with_heartbeat
from stegnet.core.pixels import BLOCK, DCT_BASIS, DITHER, coefficients, strips, through_jpeg
from stegnet.core.text import Aside, Setting, Text
from stegnet.formats.opened_file import OpenedFile
from stegnet.image.avif import has_ffmpeg
from stegnet.image.pictures import exif_orientation, read_cover, read_picture, refuse_palette, resize
from stegnet.keys import SYSTEM, Key, KeySource, Randomness
from stegnet.media.capacity_tables import ROBUST_RATES
from stegnet.media.cover import Compressed, Cover, about_secret
from stegnet.media.jpeg_cover import JpegCover, jpeg_cover
from stegnet.methods.hiding import write_jpeg, write_picture
from stegnet.methods.method import (
    DEFAULT_CONTEXT,
    Compressors,
    Context,
    NewContainer,
    Payload,
    Written,
    warnings_of_psnr,
)
from stegnet.methods.robust.channels import MESSENGER_SIDE, PictureChannel
from stegnet.methods.robust.fec import HIGHEST, LONGEST, LOWEST, RATES, Coding, information
from stegnet.methods.robust.grid import LUMA_SHARES, Grid, hidden_area, own_grid, textures
from stegnet.methods.robust.registration import MAP, TILE, TILE_SALT, Place, is_found, map_dither, map_signs
from stegnet.methods.robust.robust_modem import Modem, PictureReader, read_tiled
from stegnet.methods.robust.robust_options import CONTAINER_PSNR, RobustOptions
from stegnet.methods.robust.robust_record import (
    Blocks,
    OperatingPoint,
    content_capacity,
    dither_of,
    new_nonce,
    record_places,
    record_signs,
    robust_key,
)
from stegnet.methods.robust.survival import RobustCarrier, RobustContainer, fit_picture, within_ratio
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.results import LEAST, Changes
from stegnet.sealing.jpeg_carriers import edge_blocks

WRITTEN_QUALITY = 95  # of the JPEG files written for covers that aren't JPEGs
_LARGE = 1 << 21  # pixels: in a larger picture, few channels are tried on the whole
_SAMPLED = 1 << 20  # pixels: in a larger picture, the rate is measured on a sample
_SQUARE, _SAMPLE = 128, 700_000  # pixels: side of the squares of that sample, and its size at most
_BAND = 1024  # blocks, about, that show which of the pictures that may arrive are worst
_SMALL = 4 * _BAND  # blocks: smaller pictures are all read as a whole
# Pictures within this many bits of information of the worst are read as a whole, up to a number of them.
_NEAR_WORST, _MOST_WORST = 0.05, 6
_CODEWORDS = 2  # codewords that are decoded to find the rate
_MARGIN = 2  # 64ths between the best rate that a simulation supports and the one that is used
_ATTEMPTS, _ATTEMPTS_OF_TILES = 11, 4
_SPARED, _UNEVEN = 0.9, 1.5  # as in `RobustCarrier`
_LOST = 9  # where blocks are spared, one bit in this many may be lost to channels that were not simulated
_TEXTURED = 5  # attempts in which blocks are chosen by texture: codecs change its order where textures are alike
_SOON = 8  # salts that a reader tries first
_GRID = 16  # pixels: side of the blocks of JPEG with halved chroma
_MORE_CAPACITY = "resize the cover to more pixels, or use a larger one"
_MIDDLE, _PEAK = 128, 255
_MOST = np.array([2047, *[1023] * 63])  # largest coefficients that an 8-bit JPEG can code
_TURN = Image.Transpose
_BACK = {  # by EXIF orientation: turns upright pixels back as they are stored
    2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM, 5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_90,
    7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_270,
}  # fmt: skip


def as_saved(picture: np.ndarray) -> np.ndarray:
    """Return a picture, (H, W, 3) uint8, as viewers show it after it has been written as JPEG."""
    return through_jpeg(picture, WRITTEN_QUALITY)


def choose_point(points: Sequence[OperatingPoint], channel: PictureChannel, psnr: float) -> OperatingPoint:
    """Return the operating point for a channel and the nearest PSNR in dB. Raises CapacityError if there isn't one."""
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
        picture: the container, (H, W, 3) uint8, before it is written; at first, the cover.
    """

    modem: Modem
    cover: np.ndarray  # (H, W, 3) uint8, of the size that the channel sends; not changed
    key_source: KeySource
    channel: PictureChannel
    point: OperatingPoint  # as `choose_point` returns it
    # returns the pixels that viewers show of the written file; None: the file is lossless
    written: Callable[[np.ndarray], np.ndarray] | None = as_saved
    context: Context = DEFAULT_CONTEXT
    attempts, spared, uneven = _ATTEMPTS, _SPARED, _UNEVEN

    def __post_init__(self) -> None:
        self.grid = self.channel.grid(*self.cover.shape[:2])
        self.blocks, self.few = math.prod(self.grid.shape), self.cover[..., 0].size > _LARGE
        self.picture, self.shares, self.textured = self.cover, range(self.channel.shares), self.channel.plain
        self._reader = PictureReader(self.modem, self.key_source)
        self._worst: Sequence[int] | None = None  # numbers of the arriving pictures that carry least; None: any may
        # The pictures that arrived last and are not read yet, and the salts of those before.
        self._arriving, self._salts = self._of_cover(), list[list[bytes]]()

    @cached_property
    def area(self) -> np.ndarray:
        """The hidden area of the cover."""
        return self.grid.area(self.cover)

    def at_best_point(self, coarse: bool = False) -> Self:
        """Return this carrier at the point that carries most through copies that no point was trained for.

        Args:
            coarse: writing may round as much as the channel does.
        """
        if self.channel.plain and not coarse:
            return self

        def carried(carrier: PictureCarrier) -> float:
            """Return the bits that a block carries through the worst of the channel."""
            return carrier.point.bits * min(map(information, carrier._right_ratios(SYSTEM)), default=0.0)

        own, points = self.point, self.modem.points
        near = [point for point in points if point.psnr == own.psnr and point.lowest <= own.lowest]
        return self if near == [own] else max((replace(self, point=point) for point in near), key=carried)

    def measured(self) -> list[int]:
        """Return the rate, as `RobustCarrier`.

        A linear code corrects the errors of any message as it corrects those of all zeros. So bits are hidden once, and
        the ratios read, negated where a bit was 1, are decoded at one rate after another.
        """

        def best_rate() -> int:
            right = sorted(self._right_ratios(self.context.randomness), key=information)
            highest = min(int(information(right[0]) * RATES), HIGHEST) if right else 0
            for rate in range(highest, LOWEST - 1, -1):
                coding = Coding(right[0].size, rate)
                messages = (coding.decode(-each) for each in right)
                if coding.capacity and all(message is not None and not message.any() for message in messages):
                    return rate
            return 0

        return [self.context.with_heartbeat("try", best_rate) - _MARGIN]

    def _right_ratios(self, randomness: Randomness) -> list[np.ndarray]:
        """Hide random bits in the cover. Return their ratios in the worst pictures that may arrive.

        Ratios are positive where they are right. Unless the picture is small, a band of blocks in the middle shows
        which pictures are worst, after JPEG alone.
        """
        some, point = _sample(self.cover), self.point
        grid = self.grid.scaled(self.cover.shape, some.shape)
        draw = np.random.default_rng(int.from_bytes(randomness(16), "big"))
        sent = draw.integers(0, 2, (*grid.shape, point.bits), np.int8) * np.float32(2) - 1
        dither = draw.random((*grid.shape, DITHER), np.float32)
        places = min(record_places(math.prod(grid.shape), point), _CODEWORDS * LONGEST)
        if not places:
            return []
        hidden = self.modem.hide(grid.area(some), sent, dither, places=point.places)
        chosen = draw.permutation(sent.size)[:places]
        shown = self._shown(grid.replaced(some, hidden))

        def read(picture: np.ndarray, where: Grid, rows: slice, bits: slice | np.ndarray) -> np.ndarray:
            """Return the ratios of some bits in the rows of blocks that a picture shows."""
            trusted = sent[rows] * where.trust(picture)[..., None]
            ratios = (self.modem.reveal(area, dither[rows], places=point.places) for area in where.areas(picture))
            return max(((each * trusted).reshape(-1)[bits] for each in ratios), key=information)

        self._worst, everything = None, slice(None)
        if self.channel.plain and math.prod(grid.shape) >= _SMALL:  # copies are placed worse at their edges
            rows = _middle_rows(*grid.shape)
            band = shown[BLOCK * rows.start : BLOCK * rows.stop]
            arriving = self.channel.received(band, own_grid(*band.shape[:2]))
            found = [information(read(*arrived, rows, everything)) for arrived in arriving]
            worst = sorted(range(len(found)), key=found.__getitem__)[:_MOST_WORST]
            self._worst = [number for number in worst if found[number] < min(found) + _NEAR_WORST]
        arriving = self.channel.received(shown, grid, only=self._worst)
        return [read(*arrived, everything, chosen) for arrived in arriving]

    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        (rate,), grid = rates, self.grid
        salt = self.context.with_heartbeat("try", self._common_salt)
        key, full = robust_key(self.key_source, salt), grid.full(salt)
        texture = textures(self.area) if share and self.textured else None
        blocks, nonce = Blocks(grid.shape, self.point, key, full, texture), new_nonce(self.context.randomness)
        signs, dither = record_signs(blocks, rate, content, nonce, share), dither_of(grid.shape, key, full)
        hidden = self.modem.hide(self.area, signs, dither, self.context.step("hide tiles"), self.point.places)
        self.picture = grid.replaced(self.cover, hidden)
        self._reader.lost = _LOST if share else 0
        self._content, self._key, self._salt = content, key, salt

    def failed(self) -> set[int]:
        self._arriving = self._received()
        total = self.channel.arrivals(self.few) if self.few or self._worst is None else len({0, *self._worst})
        for done in range(total):
            recovered = with_heartbeat(
                lambda: self._recovers(*next(self._arriving)),
                lambda done=done: self.context.progress("check", done, total),
            )
            if not recovered:
                return {0}
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
        hint = Text("use a cover with more pixels or more detail, or a milder channel", Aside("survive", "CHANNEL"))
        return CapacityError(f"nothing that is hidden in this cover survives {self.channel}", hint)

    def _shown(self, picture: np.ndarray) -> np.ndarray:
        return picture if self.written is None else self.written(picture)

    def _received(self) -> Iterator[tuple[np.ndarray, Grid]]:
        """Yield the pictures that may arrive of the container, with its grid in them."""
        only = self._worst and {0, *self._worst}  # the file itself, too
        yield from self._salted(self.channel.received(self._shown(self.picture), self.grid, self.few, only))

    def _of_cover(self) -> Iterator[tuple[np.ndarray, Grid]]:
        """Return the pictures that may arrive of the cover.

        JPEG alone hardly moves a salt: then it is the cover itself.
        """
        if self.few or self.channel.plain:
            return self._salted(iter([(self.cover, self.grid)]))
        return self._salted(self.channel.received(self._shown(self.cover), self.grid))

    def _salted(self, arriving: Iterator[tuple[np.ndarray, Grid]]) -> Iterator[tuple[np.ndarray, Grid]]:
        """Yield the pictures that arrive, and record their salts."""
        self._salts = []
        for picture, grid in arriving:
            self._salts.append(list(grid.salts(picture)))
            yield picture, grid

    def _recovers(self, picture: np.ndarray, grid: Grid) -> bool:
        """Return whether readers find a picture that arrived, and the content in it."""
        if not is_found(self.modem.points, self._key, picture, grid, self._salt):
            return False
        reading = self._reader.read_in(grid, picture)
        return reading is not None and reading.content.startswith(self._content)

    def _common_salt(self) -> bytes:
        """Return the likeliest salt that readers of all pictures that arrived last try early, or else at all."""
        for _ in self._arriving:  # including those that were not read
            pass
        first, *others = self._salts
        for most in (_SOON, None):
            for salt in first:
                if all(salt in other[:most] for other in others):
                    return salt
        return first[0]


class TiledCarrier(PictureCarrier):
    """A picture whose content any part restores, down to the channel's share of its sides. Needs a key file."""

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
        blocks, self._content = Blocks((TILE, TILE), self.point, self.key_source, TILE_SALT), content
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
        return super().refusal().with_hint("use a larger cover, with more detail")

    def _received(self) -> Iterator[tuple[np.ndarray]]:
        return ((part,) for part in self.channel.parts(self._shown(self.picture)))

    def _recovers(self, picture: np.ndarray) -> bool:
        reading = read_tiled(self.modem, self.key_source, picture, [self.point])
        return reading is not None and reading.content.startswith(self._content)


def picture_carrier(
    modem: Modem, cover: np.ndarray, key: KeySource, channel: PictureChannel, psnr: float, **more: Any
) -> PictureCarrier:
    """Return the carrier of a cover for a channel, at the point of `choose_point` for a PSNR in dB; errors as both."""
    made = TiledCarrier if channel.part else PictureCarrier
    return made(modem, cover, key, channel, choose_point(modem.points, channel, psnr), **more)


def _middle_rows(rows: int, cols: int) -> slice:
    """Return the rows of about _BAND blocks in the middle, starting where a block of JPEG's halved chroma does."""
    count = -(-_BAND // cols)
    start = (rows - count) // 2 * BLOCK // _GRID * _GRID // BLOCK
    return slice(start, start + count)


def _sample(cover: np.ndarray) -> np.ndarray:
    """Return squares from all over a large picture, joined; a smaller picture is returned as it is."""
    height, width = cover.shape[:2]
    if height * width <= _SAMPLED or min(height, width) < _SQUARE:
        return cover
    count = math.isqrt(_SAMPLE) // _SQUARE
    down, across = (
        np.linspace(0, side - _SQUARE, min(count, side // _SQUARE)).astype(int) // _GRID * _GRID
        for side in (height, width)
    )
    return np.concatenate([np.concatenate([cover[y : y + _SQUARE, x : x + _SQUARE] for x in across], 1) for y in down])


# Files


def embed_in_picture(
    cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
) -> NewContainer:
    """Hide a picture or any small file in a picture, so that it is revealed after a lossy channel.

    Raises:
        ConfigError: there is no such channel.
        MediaError: a file can't be read.
        CapacityError: the secret does not fit, or is not recovered.
        WeightsError: the weights are missing, or not a modem's.
    """
    channel, psnr, jpeg = options.channel(PICTURE), options.container_psnr or CONTAINER_PSNR, None
    lost: tuple[str, ...] = ()
    if suffix in JPEG_SUFFIXES:
        made = jpeg_cover(cover, WRITTEN_QUALITY)
        size = made.shown.shape[:2]
        if channel.sent_size(*size) != size:
            made = jpeg_cover(cover, WRITTEN_QUALITY, MESSENGER_SIDE)
        sent, jpeg, lost = made.shown, JpegContainer(made), made.notes
    else:
        refuse_palette(cover)
        size = cover.size
        sent = resize(cover.pixels, *channel.sent_size(*size))
    # True if the container keeps the cover's own quantisation steps, which may be as coarse as the channel's.
    coarse = jpeg is not None and jpeg.cover.errors is None
    modem = context.network(Modem.load, SHIPPED_MODEM)
    steps = ("try", "compress", "hide tiles") if payload.kind == PICTURE else ("try", "hide tiles")
    context = context.in_steps(*steps, "check", "write")

    def chosen() -> PictureCarrier:
        carrier = picture_carrier(modem, sent, key, channel, psnr, written=jpeg, context=context)
        return carrier.at_best_point(coarse)

    carrier, notes = context.with_heartbeat("try", chosen), (*_on_size(channel, size), *lost)
    new = _NewPicture(payload, carrier, cover, jpeg, notes, psnr)
    try:
        carrier.hide(new.content)
    except CapacityError as error:
        if not coarse:
            raise
        hint = Text(
            error.hint,
            "; or write a PNG",
            Aside("to", "NAME.png"),
            ", which does not keep the coarse steps of the JPEG",
        )
        raise error.with_hint(hint) from None
    return new


class _NewPicture(RobustContainer):
    """A picture whose secret survives a channel; a secret picture is scaled and compressed to fit.

    Args:
        jpeg: the JPEG that it is written as; None: it is a PNG.
        notes: on the cover, one line each, besides those on what a PNG loses.
        psnr: of the container in dB, as requested.
    """

    carrier: PictureCarrier

    def __init__(
        self,
        payload: Payload,
        carrier: PictureCarrier,
        cover: Cover,
        jpeg: "JpegContainer | None",
        notes: tuple[str, ...],
        psnr: float,
    ) -> None:
        super().__init__(payload, carrier)
        self._cover, self._jpeg, self._notes, self._psnr, self._reduced = cover, jpeg, notes, psnr, ""
        self.height, self.width = carrier.cover.shape[:2]

    @cached_property
    def _secret(self) -> np.ndarray:
        """The secret picture, reduced to what readers accept."""
        whole, grid = read_picture(self.payload.file), self.carrier.grid
        secret = within_ratio(whole, int(grid.height * grid.width * (self.carrier.channel.part or 1) ** 2))
        if secret is not whole:
            self._reduced = f"reduced to {secret.shape[1]}×{secret.shape[0]} pixels, "
        return secret

    def content_of(self, data: bytes) -> bytes:
        return super().content_of(data) if self.file.unchanged else data

    def compressors(self) -> Compressors:
        return {PICTURE: (self._compressed, "")}

    def _compressed(self, path: Path, folder: Path, _: int, step: Progress) -> Compressed:
        fitted, copy = fit_picture(self._secret, self.space, step), folder / "content"
        copy.write_bytes(fitted.content)
        return Compressed(copy, f"AVIF, {fitted.psnr:.1f} dB", fitted.psnr)

    def remedy(self, payload: Payload, size: int, most: int) -> str:
        """Suggest a milder channel that has enough capacity, or a larger cover."""
        channel, points = self.carrier.channel, self.carrier.modem.points
        if channel.part:
            milder = Setting("survive", f"jpeg:90+crop:{channel.part:g}")
            return Text("hide less, or let it survive less: a higher quality, such as ", milder)
        if channel.cropped or channel.factor is not None:
            less = "without +crop" if channel.cropped else "a larger factor of +resize"
            return f"{_MORE_CAPACITY}; or let it survive less: {less}"
        if channel.side:
            return f"use a cover of {MESSENGER_SIDE} pixels or more, with more texture"
        sides, taken = self.carrier.cover.shape[:2], size + self.space - most
        capacities = {point: usual_capacity(point, *sides) for point in points if abs(point.psnr - self._psnr) < 1}
        for point, capacity in sorted(capacities.items(), key=lambda item: item[0].lowest):
            if capacity is not None and capacity >= taken:
                milder = Setting("survive", point.channel)
                return Text(milder, f" holds about {capacity} bytes; or {_MORE_CAPACITY}")
        worse = [point.psnr for point in points if point.psnr < self._psnr - 1 and point.lowest <= channel.quality]
        if not worse:
            return _MORE_CAPACITY
        poorer = Aside("container_psnr", f"{max(worse):g}", quoted=False)
        return Text(f"{_MORE_CAPACITY}; or accept a poorer container", poorer)

    def write(self, part: Path, verify: bool) -> Written:
        jpeg, pixels, file = self._jpeg, self.carrier.picture, self.file

        def write() -> Changes:
            if jpeg:
                return write_jpeg(part, jpeg.cover, jpeg.planes(pixels), verify)
            self._notes += write_picture(part, pixels, self._cover, self._cover.picture[1], verify)
            return Changes.of(self.carrier.cover, pixels)

        changes = self.carrier.context.with_heartbeat("write", write)
        figures = {"container_psnr": changes.psnr, "changed_pixels": changes.pixels} | self.figures()
        named, quality = (file, None) if file.unchanged else (None, file.copy.psnr)
        advice = Text("use a larger cover, or a milder channel", Aside("survive", "CHANNEL"))
        warnings = warnings_of_psnr(quality, LEAST, advice)
        return Written(named, self.notes(), figures, warnings, quality, file.warning)

    def notes_on_copy(self) -> tuple[str, ...]:
        return (f"{self._reduced}compressed to {self.taken} bytes ({self.space} available)",)

    def notes_on_cover(self) -> tuple[str, ...]:
        return self._notes if self.file.unchanged else (*self._notes, *about_secret(self.payload.file))

    def notes(self) -> tuple[str, ...]:
        first, *more = super().notes()
        better = "" if self.file.unchanged or has_ffmpeg() else "; `pip install 'stegnet[media]'` compresses better"
        return first + better, *more


@dataclass(frozen=True, eq=False)
class JpegContainer:
    """The JPEG that a container is written as: the cover or one made of it, with its luma changed where bits are."""

    cover: JpegCover

    def planes(self, container: np.ndarray) -> list[np.ndarray]:
        """Return the planes of a container, (H, W, 3) uint8."""
        change = np.empty(container.shape[:2], np.float32)  # of luma, first upright, then as it is stored
        for rows in strips(*change.shape):
            change[rows] = (container[rows].astype(np.float32) - self.cover.shown[rows]) @ LUMA_SHARES
        with Image.open(BytesIO(self.cover.picture.file.data)) as image:
            turn = _BACK.get(exif_orientation(image))
        if turn is not None:
            change = np.asarray(Image.fromarray(change).transpose(turn))
        luma, *others = self.cover.picture.planes
        added = np.zeros([BLOCK * side for side in luma.shape[:2]], np.float32)
        added[: len(change), : change.shape[1]] = change
        exact = coefficients(added) / self.cover.picture.steps(0).astype(np.float32)
        changes = (exact != 0).any(2) & ~edge_blocks(self.cover.picture)
        exact = exact[changes] + (0 if self.cover.errors is None else self.cover.errors[changes])
        luma = luma.copy()
        luma[changes] = np.clip(luma[changes] + np.rint(exact), -_MOST, _MOST)
        return [luma, *others]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Return the pixels that viewers show of a container, (H, W, 3) uint8.

        For a picture of another shape, return what the cover's quantisation tables leave.
        """
        if picture.shape != self.cover.shown.shape:  # whole blocks, whose luma is rounded as in this JPEG
            steps, luma = self.cover.picture.steps(0).astype(np.float32), picture @ LUMA_SHARES - _MIDDLE
            rounded = np.rint(coefficients(luma) / steps) * steps @ DCT_BASIS.astype(np.float32)
            rows, cols = (side // BLOCK for side in luma.shape)
            shown = rounded.reshape(rows, cols, BLOCK, BLOCK).swapaxes(1, 2).reshape(luma.shape)
            return np.rint((picture + (shown - luma)[..., None]).clip(0, _PEAK)).astype(np.uint8)
        with temporary_folder() as folder:
            path = folder / "container.jpg"
            path.write_bytes(self.cover.picture.with_planes(self.planes(picture)))
            with OpenedFile(path, quiet=True) as file:
                return read_cover(file)[0]


def _on_size(channel: PictureChannel, size: tuple[int, int]) -> tuple[str, ...]:
    """Return a note for a cover of this height and width if messengers would reduce it."""
    longest = max(size)
    if longest <= MESSENGER_SIDE:
        return ()
    if channel.side:
        return (f"the cover was reduced from {size[1]}×{size[0]} pixels, as messengers do",)
    if channel.factor is not None and channel.factor * longest <= MESSENGER_SIDE:
        return ()
    ways = Text(Setting("survive", "messenger"), " does, and +resize:FACTOR survives other reductions")
    return (Text(f"messengers reduce pictures to {MESSENGER_SIDE} pixels, which this does not survive: ", ways),)


def usual_capacity(point: OperatingPoint, height: int, width: int) -> int | None:
    """Return the bytes of content that a picture of this size can usually carry; None if not known for this point."""
    rate = ROBUST_RATES.get(point.name)
    blocks = (height // BLOCK) * (width // BLOCK)
    return None if rate is None else max(content_capacity(blocks, point, rate), 0)
