"""Pictures whose content survives a lossy channel, simulated with real codecs before they are written.

A picture carries one record in its grid.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from stegnet.channels import PictureChannel
from stegnet.core.errors import CapacityError
from stegnet.core.parallel import with_heartbeat
from stegnet.core.pixels import BLOCK, DITHER, through_jpeg
from stegnet.core.text import Aside, Text
from stegnet.hiding.method import DEFAULT_CONTEXT, Context
from stegnet.keys import KeySource
from stegnet.methods.robust.block_placement import BlockPlacement, content_capacity, record_bits
from stegnet.methods.robust.grid import Grid, own_grid, surviving_canonical_grids, textures
from stegnet.methods.robust.jpeg_container import JpegContainer
from stegnet.methods.robust.operating_points import SHARES, OperatingPoint
from stegnet.methods.robust.picture_reader import PictureReader
from stegnet.methods.robust.robust_modem import PictureModem
from stegnet.methods.robust.robust_record import dither_of, new_nonce, record_signs
from stegnet.methods.robust.survival import CodePlan, Transmission
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.sealing.fec import HIGHEST, LONGEST, LOWEST, RATES, decode_message, information, message_capacity

# Code rate in 64ths that 42 of the photographs bear on average, by rung of the shipped modem, at the quality in its
# name ("subtle": 75, "strong": 80); that of messengers is the median of 30 photographs, half of them from ImageNet.
ROBUST_RATES = {"messenger": 44, "jpeg-50": 34, "jpeg-75": 44, "jpeg-90": 46, "jpeg-95": 47, "subtle": 36, "strong": 52}
WRITTEN_QUALITY = 95  # of the JPEG files written for covers that aren't JPEGs


# Settings of the search for what survives in a picture.
_LARGE_PIXELS = 1 << 21  # pixels: in a larger picture, few channels are tried on the whole
_SAMPLED_ABOVE = 1 << 20  # pixels: of a larger picture, the rate is measured in a sample
_SAMPLE_PIXELS = 700_000  # of a sample, at most
_SQUARE_SIDE = 128  # pixels: side of the squares of which a sample is made
_CODEWORDS = 2  # codewords that are decoded to find the rate
# Share of the bits below which a smaller canonical size, of half as many blocks, may carry more.
_WORTH_A_SMALLER_GRID = 0.5
_MARGIN = 2  # 64ths between the best rate that a simulation supports and the one that is used
_MARGIN_OF_SQUARES = 6  # the same in a canonical size, if it was measured in squares, which differ more from the whole
_ATTEMPTS = 11
# as in `CodePlan`
_SPARED_RATE = 0.9
_UNEVEN_LOSS = 1.5
_LOST_ONE_IN = 9
_TEXTURED_ATTEMPTS = 5
_BLOCK_GRID = 16  # pixels: side of the blocks of JPEG with halved chroma
_BAND_BLOCKS = 1024  # blocks, about, that show which of the pictures that may arrive are worst
_SEED = 1  # of the random bits that measure the rate, so that a picture has one capacity
_NEAR_WORST = 0.05  # bits of information by which these differ from the worst, at most
_MOST_WORST = 6  # of these pictures


def as_saved(picture: np.ndarray) -> np.ndarray:
    """Return a picture, (H, W, 3) uint8, as viewers show it after it has been written as JPEG."""
    return through_jpeg(picture, WRITTEN_QUALITY)


def as_given(picture: np.ndarray) -> np.ndarray:
    """Return the picture itself, as viewers show a picture that was written without loss."""
    return picture


def usual_capacity(channel: str, point: OperatingPoint, height: int, width: int) -> int | None:
    """Return the bytes of content that a picture, height × width pixels, usually carries at a point through a channel.

    The rate is the channel's or, without one, that of the channel that the point is meant for. None: neither is known.
    """
    rate = ROBUST_RATES.get(channel, ROBUST_RATES.get(point.name))
    blocks = (height // BLOCK) * (width // BLOCK)
    return None if rate is None else content_capacity(blocks, point, rate) or 0


def choose_point(points: Sequence[OperatingPoint], channel: PictureChannel, psnr: float) -> OperatingPoint:
    """Return the operating point for a channel and the nearest PSNR in dB. Raises CapacityError if there isn't one."""
    distance = min((abs(point.psnr - psnr) for point in points), default=0.0)
    fitting = [point for point in points if abs(point.psnr - psnr) == distance and point.lowest <= channel.quality]
    if not fitting:
        least = {point.psnr: point.lowest for point in sorted(points, key=lambda point: -point.lowest)}
        known = ", ".join(f"jpeg:{lowest} and better at {decibels:g} dB" for decibels, lowest in sorted(least.items()))
        raise CapacityError(f"these weights do not survive {channel} at {psnr:g} dB", f"they survive {known}")
    return max(fitting, key=lambda point: (point.lowest, point.bits))


def picture_cover(
    pixels: np.ndarray,
    key_source: KeySource,
    channel: PictureChannel,
    psnr: float,
    written: Callable[[np.ndarray], np.ndarray] = as_saved,
    context: Context = DEFAULT_CONTEXT,
) -> "PictureModulator":
    """Return a cover for a channel, at the operating point for a PSNR in dB that carries most.

    Args:
        pixels: (H, W, 3) uint8, of the size that the channel sends; not changed.
        key_source: key or passphrase.
        channel: the channel that the content must survive.
        psnr: wanted PSNR of the container in dB.
        written: returns the pixels that viewers show of the written file.
        context: networks, randomness and progress.

    Raises:
        CapacityError: as `choose_point`, or the picture is too small for the channel.
        WeightsError: the weights are missing, or not a modem's.
    """
    modem = context.network(PictureModem.load, SHIPPED_MODEM)
    point = choose_point(modem.points, channel, psnr)
    height, width = pixels.shape[:2]
    grids = [own_grid(height, width)]
    if channel.factor is not None:
        grids = surviving_canonical_grids(height, width, channel.factor)
    if not grids:
        raise CapacityError(f"a cover of {width}×{height} is too small to survive {channel}", "use a larger cover")
    grid, *smaller = grids
    cover = PictureModulator(modem, pixels, key_source, channel, point, grid, written, context)
    if not channel.plain or (isinstance(written, JpegContainer) and written.coarse):
        cover = cover.at_best_point()
    if smaller and cover.share_carried < _WORTH_A_SMALLER_GRID:
        coarser = replace(cover, grid=smaller[0]).at_best_point()
        cover = max(cover, coarser, key=lambda each: each.bits_carried)
    return cover


@dataclass(frozen=True, eq=False)
class PictureModulator:
    """A picture that carries one record, at an operating point; implements `Modulator`."""

    modem: PictureModem
    pixels: np.ndarray  # as in `picture_cover`, like the other fields
    key_source: KeySource
    channel: PictureChannel
    point: OperatingPoint
    grid: Grid
    written: Callable[[np.ndarray], np.ndarray] = as_saved
    context: Context = field(default=DEFAULT_CONTEXT, repr=False)

    @property
    def worst_only(self) -> bool:
        """True if only the channel's worst case is tried on the whole picture."""
        return self.pixels[..., 0].size > _LARGE_PIXELS

    def at_best_point(self) -> "PictureModulator":
        """Return this cover at the point that carries most through copies that no point was trained for."""
        psnr, lowest = self.point.psnr, self.point.lowest
        points = [point for point in self.modem.points if point.psnr == psnr and point.lowest <= lowest]
        return (
            self
            if points == [self.point]
            else max((replace(self, point=point) for point in points), key=lambda cover: cover.bits_carried)
        )

    @property
    def share_carried(self) -> float:
        """The bits that each bit of the channel's worst case is worth."""
        ratios, _ = self.ratios_of_worst
        return min(map(information, ratios), default=0.0)

    @property
    def bits_carried(self) -> float:
        """The bits that all blocks carry through the channel's worst case."""
        return math.prod(self.grid.shape) * self.point.bits * self.share_carried

    @cached_property
    def measurement(self) -> tuple[int, Sequence[int] | None]:
        """The best rate in 64ths at which random bits are recovered, or 0; and the numbers of the worst arrivals.

        A linear code corrects the errors of any message as it corrects those of all zeros. So bits are hidden once, and
        the ratios read, negated where a bit was 1, are decoded at one rate after another.
        """
        ratios, worst = self.ratios_of_worst
        ratios = sorted(ratios, key=information)
        highest = min(int(information(ratios[0]) * RATES), HIGHEST) if ratios else 0
        for rate in range(highest, LOWEST - 1, -1):
            messages = (decode_message(-arrived, rate) for arrived in ratios)
            fits = message_capacity(ratios[0].size, rate)
            if fits and all(message is not None and not message.any() for message in messages):
                return rate, worst
        return 0, worst

    @cached_property
    def ratios_of_worst(self) -> tuple[list[np.ndarray], Sequence[int] | None]:
        """The ratios of random bits in the worst pictures that may arrive, after hiding them in the cover.

        Unless the picture is small, a band of blocks in the middle shows which pictures are worst, after JPEG alone.

        Returns:
            ratios: log-likelihood ratios of each picture, positive where they are right.
            worst: the numbers of these pictures; None: any may be worst.
        """
        halved = 2 if self.context.rough and self.grid.own else 1
        sample = _sample(self.pixels, halved)
        band_blocks = _BAND_BLOCKS // halved**2
        grid = self.grid.scaled(self.pixels.shape, sample.shape)
        point = self.point
        draw = np.random.default_rng(_SEED)
        sent = draw.integers(0, 2, (*grid.shape, point.bits), np.int8) * np.float32(2) - 1
        dither = draw.random((*grid.shape, DITHER), np.float32)
        places = min(record_bits(math.prod(grid.shape), point), _CODEWORDS * LONGEST)
        if not places:
            return [], None
        hidden = self.modem.hide(grid.area(sample), sent, dither, places=point.places)
        chosen = draw.permutation(sent.size)[:places]
        shown = self.written(grid.replaced(sample, hidden))

        def read(picture: np.ndarray, where: Grid, rows: slice, bits: slice | np.ndarray) -> np.ndarray:
            """Return the ratios of some bits in the rows of blocks that a picture shows."""
            trusted = sent[rows] * np.float32(where.trust)
            ratios = (
                self.modem.reveal(np.asarray(area), dither[rows], places=point.places) for area in where.areas(picture)
            )
            return max(((each * trusted).reshape(-1)[bits] for each in ratios), key=information)

        worst = None
        if self.channel.plain and math.prod(grid.shape) >= 4 * band_blocks:  # copies are placed worse at their edges
            rows = _middle_rows(*grid.shape, band_blocks)
            band = shown[BLOCK * rows.start : BLOCK * rows.stop]
            in_band = own_grid(*band.shape[:2])
            amounts = [
                information(read(picture, in_band, rows, slice(None))) for picture in self.channel.arrivals(band)
            ]
            ordered = sorted(range(len(amounts)), key=amounts.__getitem__)[:_MOST_WORST]
            worst = [number for number in ordered if amounts[number] < min(amounts) + _NEAR_WORST]
        arriving = self.channel.arrivals(shown, only=worst)
        return [read(picture, grid, slice(None), chosen) for picture in arriving], worst

    def measured_plan(self) -> CodePlan:
        """Return the plan whose rate random bits survived, less a margin, with several shares of blocks."""
        rate, _ = self.context.with_heartbeat("try", lambda: self.measurement)
        in_squares = not self.grid.own and _sample(self.pixels, 1) is not self.pixels
        return CodePlan(
            self.point,
            math.prod(self.grid.shape),
            [rate - (_MARGIN_OF_SQUARES if in_squares else _MARGIN)],
            range(SHARES),
            textured=self.channel.plain,
            attempts=_ATTEMPTS,
            spared=_SPARED_RATE,
            uneven=_UNEVEN_LOSS,
        )

    def modulate(self, content: bytes, plan: CodePlan) -> np.ndarray:
        """Return the container, (H, W, 3) uint8, whose blocks carry the content at the plan's rate and share."""
        salt = self.context.with_heartbeat("try", lambda: self._salt(plan))
        key, full = self._reader.key_of(salt), self.grid.full(salt)
        area = self.grid.area(self.pixels)
        texture = textures(area) if plan.share and plan.textured else None
        placement = BlockPlacement(self.grid.shape, self.point, key, full, texture)
        nonce = new_nonce(self.context.randomness)
        signs = record_signs(placement, plan.rates[0], content, nonce, plan.share)
        dither = dither_of(self.grid.shape, key, full)
        hidden = self.modem.hide(area, signs, dither, self.context.progress_of("hide tiles"), self.point.places)
        return self.grid.replaced(self.pixels, hidden)

    def transmit(self, container: np.ndarray, content: bytes, plan: CodePlan) -> Transmission:
        """Simulate the channel and read each picture that may arrive, until one fails: then the record is lost."""
        _, worst = self.measurement
        only = None if worst is None else {0, *worst}  # the file itself, too
        arriving = self.channel.arrivals(self.written(container), self.worst_only, only)
        total = self.channel.count(self.worst_only) if self.worst_only or only is None else len(only)
        salts: list[list[bytes]] = []

        def recovers() -> bool:
            picture = next(arriving)
            salts.append(list(self.grid.salts(picture)))
            revealed = self._reader.read_in(self.grid, picture, _LOST_ONE_IN if plan.share else 0)
            return revealed is not None and revealed.startswith(content)

        if _all_recovered(recovers, total, self.context):
            return Transmission(frozenset())
        # The next plan needs the salts of all copies, so those of the rest are collected without reading them.
        remaining = self.context.with_heartbeat("try", lambda: self._salts_of(arriving))
        return Transmission(frozenset({0}), salts + remaining)

    def lowered(self, plan: CodePlan, share: int, sent: Transmission, attempt: int) -> CodePlan:
        """Return a plan that chooses no blocks by texture, then one with more blocks, then one with a lower rate."""
        textured = self.channel.plain and attempt + 1 < _TEXTURED_ATTEMPTS
        following = replace(plan, textured=textured, salts=sent.salts)
        if share and plan.textured and not textured:
            return replace(following, shares=range(SHARES))
        if share:
            return replace(following, shares=range(max(share - attempt // 2, 1)))
        return replace(following, rates=[plan.rates[0] - _MARGIN])

    def refusal(self) -> CapacityError:
        """Return the error for a picture in which nothing survives the channel."""
        hint = Text("use a cover with more pixels or more detail, or a milder channel", Aside("survive", "CHANNEL"))
        return CapacityError(f"nothing that is hidden in this cover survives {self.channel}", hint)

    @cached_property
    def _reader(self) -> PictureReader:
        return PictureReader(self.modem, self.key_source)

    def _salt(self, plan: CodePlan) -> bytes:
        """Return the likeliest salt that readers of all copies that may arrive try early, or else at all."""
        first, *others = plan.salts or self._salts_of_cover
        tried_first = 8  # salts
        for most in (tried_first, None):
            for salt in first:
                if all(salt in other[:most] for other in others):
                    return salt
        return first[0]

    @cached_property
    def _salts_of_cover(self) -> list[list[bytes]]:
        """The salts of the copies that may arrive of the cover.

        JPEG alone hardly moves a salt: then they are those of the cover itself.
        """
        if self.worst_only or self.channel.plain:
            return [list(self.grid.salts(self.pixels))]
        return self._salts_of(self.channel.arrivals(self.written(self.pixels)))

    def _salts_of(self, arriving: Iterator[np.ndarray]) -> list[list[bytes]]:
        return [list(self.grid.salts(picture)) for picture in arriving]


def _all_recovered(recovers: Callable[[], bool], total: int, context: Context) -> bool:
    """Return whether the content is recovered from each of `total` copies, which are read in turn."""
    for done in range(total):

        def sign(done: int = done) -> None:
            context.progress("check", done, total)

        if not with_heartbeat(recovers, sign):
            return False
    return True


# Samples of a cover


def _middle_rows(rows: int, cols: int, band_blocks: int) -> slice:
    """Return the rows of about `band_blocks` blocks in the middle, where a block of JPEG's halved chroma starts."""
    count = -(-band_blocks // cols)
    start = (rows - count) // 2 * BLOCK // _BLOCK_GRID * _BLOCK_GRID // BLOCK
    return slice(start, start + count)


def _sample(cover: np.ndarray, halved: int) -> np.ndarray:
    """Return squares from all over a picture of more than a megapixel, joined.

    A smaller picture, and one that is narrower than a square, are returned unchanged. If `halved` is 2, not 1, squares
    have half the side, and they are taken of smaller pictures.
    """
    height, width = cover.shape[:2]
    square = _SQUARE_SIDE // halved
    if height * width <= _SAMPLED_ABOVE // halved**2 or min(height, width) < square:
        return cover
    most = math.isqrt(_SAMPLE_PIXELS) // _SQUARE_SIDE
    counts = (min(most, side // square) for side in (height, width))
    down, across = (  # each in the middle of an equal part of the side
        ((np.arange(count) + 0.5) * side / count - square / 2).astype(int) // _BLOCK_GRID * _BLOCK_GRID
        for count, side in zip(counts, (height, width), strict=True)
    )
    return np.concatenate([np.concatenate([cover[y : y + square, x : x + square] for x in across], 1) for y in down])
