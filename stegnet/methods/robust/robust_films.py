"""Hiding any file in a film so that it survives H.264 and similar codecs, at rates measured by real encoders.

A film is encoded as it is written, and again as it is promised to survive.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise, repeat
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError, extra
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.names import FILM
from stegnet.core.parallel import prefetch
from stegnet.core.pixels import BLOCK
from stegnet.core.text import Aside, Text
from stegnet.formats.opened_file import Source
from stegnet.image.pictures import resize
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.method import (
    Compressors,
    Context,
    NewContainer,
    Payload,
    Written,
    media_compressors,
)
from stegnet.methods.robust.channels import FilmChannel
from stegnet.methods.robust.fec import HIGHEST, LOWEST, RATES
from stegnet.methods.robust.grid import hidden_area
from stegnet.methods.robust.groups import (
    GROUP,
    HEAD_BYTES,
    GroupContent,
    coefficients,
    hide_in_group,
    luma,
    modulated,
    new_variant,
    pieces_of,
    read_groups,
    sines,
    sureness,
)
from stegnet.methods.robust.robust_options import RobustOptions
from stegnet.methods.robust.robust_record import SHARES, OperatingPoint, new_nonce, share_of
from stegnet.methods.robust.survival import RobustCarrier, RobustContainer, file_bytes
from stegnet.results import form_of
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_draft, write_h264
from stegnet.video.films import FilmInfo, Picture, VideoFrame, decode, read_frames, to_rgb
from stegnet.video.motion import SEARCH, Motion, motion_of
from stegnet.video.remux import check_sides, with_sound
from stegnet.video.stream_copy import left_out

# Frames are predicted because the changes follow each other; psychovisual optimisation would spend bytes on the
# changes.
WRITTEN = Coding(18, "medium", paced=True, params="trellis=2:psy=0")
_SAMPLED = 48  # frames from which the container's quality is measured, at most
_SHARE, _MARGIN = 0.85, 2  # share of the information, less a margin in 64ths: the rate of a group
# One bit in _LOST may be lost to encoders that were not tried; factor of a rate where more are.
_LOST, _LOWERED = 13, 0.875
_MACROBLOCK = 4  # blocks: where blocks are spared, an encoder skips isolated changes
_FEW, _EVERY = 4, 3  # up to _FEW groups are all measured; of more, one in _EVERY
# Strips of a frame, every other of which is measured; blocks of a strip, at least, so that it holds the motion.
_STRIPS, _NARROWEST = 8, 8
_LARGER = Text(
    "use a longer or larger cover, or one with less motion, or a milder channel", Aside("survive", "CHANNEL")
)


def embed_in_film(
    cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
) -> NewContainer:
    """Hide a file in a film. The result is an ordinary H.264 film with the cover's sound.

    A secret film or picture that does not fit is compressed. The film is encoded again as it is promised to survive,
    and is only written if its secret is recovered.

    Raises:
        ConfigError: there is no such channel.
        MediaError: a film can't be read or written.
        CapacityError: the file does not fit, or is not recovered.
    """
    channel, secret = options.channel(FILM), payload.path
    with extra("media", "hiding in films that survive H.264"):
        from stegnet.formats.ffmpeg_cli import bundled_ffmpeg

        bundled_ffmpeg()  # needed at the end
    info, exact = cover.film, payload.kind is None
    check_sides(cover.path, *channel.sent_size(info.height, info.width))
    reduced = ("reduce",) if channel.reduces(info) else ()
    copied = () if exact else ("compress",)
    context = context.in_steps(*reduced, "try", *copied, "search", "hide", "check", "verify")
    sent, folder = (cover, info), payload.folder()
    if channel.reduces(info):
        sent = _reduced(cover, channel, folder / "sent.avi", context)
    wanted = file_bytes(secret.name, payload.file.length) if exact else 1
    for points in channel.operating_points(options.container_psnr, exact=exact):
        carriers = [FilmCarrier(*sent, folder, channel, point, most, key, context) for point, most in points]
        carrier = _first_with_capacity(carriers, wanted, payload)
        if any(carrier.rates):
            break
    made = _NewFilm(payload, carrier, cover, suffix)
    carrier.hide(made.content)
    return made


def _reduced(cover: Cover, channel: FilmChannel, path: Path, context: Context) -> tuple[Path, FilmInfo]:
    """Write the cover, with as few pixels and frames as are sent, to a lossless file."""
    info, (height, width) = cover.film, channel.sent_size(cover.film.height, cover.film.width)
    kept = range(0, len(info.pts), channel.every(info))
    info = replace(info, height=height, width=width, pts=info.pts[:: kept.step], rate=info.rate / kept.step)

    def resized() -> Iterator[np.ndarray]:
        with closing(read_frames(cover, kept)) as frames:
            for done, frame in enumerate(frames, 1):
                yield resize(frame, height, width)
                context.progress("reduce", done, len(kept))

    write_draft(path, resized())
    return path, info


def _first_with_capacity(carriers: Sequence["FilmCarrier"], wanted: int, payload: Payload) -> "FilmCarrier":
    """Return the first carrier that holds `wanted` bytes, or else the one that holds most.

    Raises CapacityError at once if no rate would be enough for any carrier, since measuring takes as long as hiding.
    """
    bounds = [sum(each.capacities([HIGHEST] * each.groups, each.shares[0])) for each in carriers if each.blocks]
    if (bound := max(bounds, default=0)) and bound < wanted:
        size = payload.file.length
        most = max(bound - wanted + size, 0)
        problem = f"has {size} bytes, more than the capacity of {most} at most"
        raise CapacityError(problem, _LARGER, subject=payload.path)
    most = -1
    for carrier in carriers:
        if (capacity := sum(carrier.capacities(carrier.rates, carrier.shares[0]))) > most:
            most, best = capacity, carrier
        if capacity >= wanted:
            break
    return best


class _NewFilm(RobustContainer):
    """A film whose secret survives a channel, with the cover's sound."""

    carrier: "FilmCarrier"
    larger = _LARGER

    def __init__(self, payload: Payload, carrier: "FilmCarrier", cover: Cover, suffix: str) -> None:
        super().__init__(payload, carrier)
        self._cover, self._form = cover, form_of(suffix)
        self.width, self.height, self.frames = carrier.info.width, carrier.info.height, len(carrier.info.pts)

    def compressors(self) -> Compressors:
        return media_compressors() if self.space > 0 else {}

    def write(self, part: Path, verify: bool) -> Written:
        """Write it as `NewContainer.write` does; the film it writes has been verified already."""
        with_sound(self.carrier.film, self._cover.path, part, self._form)
        figures = {"container_psnr": self.carrier.psnr} | self.figures()
        hidden = self.carrier.groups * GROUP
        return Written(self.file, self.notes(), figures, changed_secret=self.file.warning, hidden=hidden)

    def notes_on_cover(self) -> tuple[str, ...]:
        cover, sent, notes = self._cover.film, self.carrier.info, []
        if sent != cover:
            rates = f" and {float(cover.rate):g} to {float(sent.rate):g} frames a second"
            sizes = f"{cover.width}×{cover.height} to {sent.width}×{sent.height} pixels"
            sizes += rates if sent.rate != cover.rate else ""
            notes = [f"the cover was reduced from {sizes}, as messengers do"]
        return *notes, *(f"cover: {note}" for note in (*cover.notes, *left_out(self._cover, self._form)))


@dataclass(eq=False)
class FilmCarrier(RobustCarrier):
    """A film that carries a record in each group of frames.

    Attributes:
        groups: number of groups.
        shape: rows and columns of blocks.
        film: the container, without sound.
    """

    cover: Source  # cover, info: the film as it is sent
    info: FilmInfo
    folder: Path  # for films that are tried
    channel: FilmChannel
    point: OperatingPoint  # point, most: of the channel's `operating_points`
    most: int
    key_source: KeySource
    context: Context
    attempts, copies, head, least, together = 6, 2, HEAD_BYTES, 0, _MACROBLOCK
    spared, uneven = 0.75, 4.0

    def __post_init__(self) -> None:
        self.shape, self.groups = (self.info.height // BLOCK, self.info.width // BLOCK), len(self.info.pts) // GROUP
        self.blocks, self.shares = math.prod(self.shape), range(self.most, SHARES)
        self.film, self._every = self.folder / "written.mp4", -(-len(self.info.pts) // _SAMPLED)
        self._kept: dict[int, np.ndarray] = {}
        self._errors: dict[int, float] = {}

    @property
    def psnr(self) -> float:
        """PSNR of the container in dB, over some frames, evenly spaced."""
        return psnr_from_mse(sum(self._errors.values()) / len(self._errors), PEAK)

    @cached_property
    def rates(self) -> list[int]:
        """The rate of each group, measured by hiding, encoding and reading random bits; 0 if nothing is recovered.

        In a long film, one group in _EVERY is measured. The groups between two of these have the lower of their rates,
        less a margin.
        """
        if not self.blocks or not self.groups:
            return []
        groups = range(self.groups)
        some = groups if len(groups) <= _FEW else sorted({*groups[::_EVERY], groups[-1]})
        rates = dict(zip(some, self._rates_of(some), strict=True))
        for before, after in pairwise(some):
            lower = max(min(rates[before], rates[after]) - _MARGIN, 0)
            rates |= dict.fromkeys(range(before + 1, after), lower)
        return [rates[index] for index in groups]

    def measured(self) -> list[int]:
        return self.rates

    def embed(self, content: bytes, rates: Sequence[int], share: int) -> None:
        motion, capacities, random = self.folder / "motion.mp4", self.capacities(rates, share), self.context.randomness
        self._search(motion, read_frames(self.cover), self.info, self.context)
        pieces, variant, rise = pieces_of(content, filter(None, capacities)), new_variant(random), self.channel.rise
        self._contents = [
            GroupContent(next(pieces), rate, new_nonce(random), variant, share, rise) if capacity else None
            for rate, capacity in zip(rates, capacities, strict=True)
        ]
        self._write(self.film, self._containers(motion), self.info, WRITTEN, self.context)

    def failed(self) -> set[int]:
        again = self._again(self._compared(), self.info, self.context)

        def step(done: int) -> None:
            self.context.progress("verify", done, len(self.info.pts))

        with closing(read_groups(read_frames(again), self.key_source, step, _LOST)) as readings:
            found = [reading.content if reading else b"" for reading in readings]
        return {
            index for index, sent in enumerate(self._contents) if sent and not found[index].startswith(sent.content)
        }

    def lowered(self, rates: list[int], share: int, failed: set[int], attempt: int) -> list[int]:
        most = self.shares[0]
        if share > most:  # some encoders skip isolated changes
            self.shares = range(most, most + 1)
            return rates
        return [int(rate * _LOWERED) if index in failed else rate for index, rate in enumerate(rates)]

    def refusal(self) -> CapacityError:
        return CapacityError(f"what is hidden in this film does not survive {self.channel}", _LARGER)

    def _rates_of(self, groups: Sequence[int]) -> Iterator[int]:
        """Yield the rates of some groups, encoded one after the other, from every other strip of each frame.

        As many macroblocks as may carry anything carry random bits.
        """
        point, context, rows = self.point, self.context.under("try"), self.shape[0]
        columns, width = np.arange(self.shape[1]), max(_NARROWEST, -(-self.shape[1] // _STRIPS))
        columns, seed = columns[columns // width % 2 == 0], self.context.randomness(16)
        shape, pts = (rows, len(columns)), self.info.pts[: len(groups) * GROUP]
        info = replace(self.info, height=rows * BLOCK, width=len(columns) * BLOCK, pts=pts)
        film, motion = self.folder / "measured.mp4", self.folder / "measured-motion.mp4"

        def drawn(index: int) -> tuple[np.ndarray, np.ndarray]:
            """Return signs, (rows, columns, bits), and dither of a group."""
            draw = np.random.default_rng([index, *seed])
            used = draw.random([-(-side // 2) for side in shape]) < share_of(self.shares[0])
            used = used.repeat(2, 0).repeat(2, 1)[:rows, : shape[1]]
            signs = draw.integers(0, 2, (*shape, point.bits), np.int8) * np.float32(2) - 1
            return signs * used[..., None], draw.random((math.prod(shape), point.bits), np.float32)

        def containers() -> Generator[np.ndarray, None, None]:
            with closing(self._moves(motion)) as moves:
                for index, frames in zip(groups, self._samples(groups, columns), strict=True):
                    yield from modulated(frames, *drawn(index), point, next(moves))

        self._search(motion, (frame for frames in self._samples(groups, columns) for frame in frames), info, context)
        self._write(film, containers(), info, WRITTEN, context)
        with closing(prefetch(read_frames(self._again(decode(film), info, context)), GROUP)) as frames:
            for index in groups:
                signs, dither = drawn(index)
                found = [coefficients(luma(frame)) for frame in islice(frames, 0, GROUP, point.run)]
                signs = signs.reshape(dither.shape)
                right = (sines(found, dither, point) * signs)[signs != 0]
                rate = int(sureness(right)[1] * RATES * _SHARE) - _MARGIN if right.size else 0
                yield min(rate, HIGHEST) if rate >= LOWEST else 0

    def _samples(self, groups: Sequence[int], columns: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Yield some of the cover's groups, reduced to these columns of blocks."""
        wanted = {GROUP * index + at for index in groups for at in range(GROUP)}
        pixels = (columns[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
        with closing(read_frames(self.cover, wanted)) as frames:
            for _ in groups:
                yield [hidden_area(frame)[:, pixels] for frame in islice(frames, GROUP)]

    def _containers(self, motion: Path) -> Generator[np.ndarray, None, None]:
        """Yield the cover's frames with the content of each group hidden, then the frames that are left."""
        with closing(read_frames(self.cover)) as frames, closing(self._moves(motion)) as moving:
            for index, (content, moves) in enumerate(zip(self._contents, moving, strict=False)):
                group, first = list(islice(frames, GROUP)), index * GROUP
                self._kept |= {first + at: each for at, each in enumerate(group) if (first + at) % self._every == 0}
                yield from hide_in_group(group, self.point, content, self.key_source, moves) if content else group
            yield from frames

    def _compared(self) -> Generator[VideoFrame, None, None]:
        """Yield the container's frames as decoded, comparing some with the cover's."""
        with closing(decode(self.film)) as frames:
            for index, frame in enumerate(frames):
                if index in self._kept:
                    picture = to_rgb(frame, frame.width, frame.height, self.film)
                    self._errors[index] = mean_squared_error(self._kept[index], picture)
                yield frame

    def _search(self, film: Path, frames: Generator[np.ndarray, None, None], info: FilmInfo, context: Context) -> None:
        """Write a film for `_moves`, unless another point has already done so, or this one needs no motion."""
        if self.point.run > 1 and not film.exists():
            self._write(film, frames, info, SEARCH, context.under("search"))

    def _moves(self, film: Path) -> Generator[list[Motion] | None, None, None]:
        """Yield the motion of each group of frames, from a film of `_search`; None where each frame carries bits."""
        if self.point.run == 1:
            yield from repeat(None)
        with closing(motion_of(film)) as moving:
            while group := list(islice(moving, GROUP)):
                yield group

    def _again(self, frames: Generator[VideoFrame, None, None], info: FilmInfo, context: Context) -> Path:
        """Encode the frames of a written film once more, as it is promised to survive."""
        for generation in range(self.channel.generations):
            again = self.folder / f"again-{generation}.mp4"
            self._write(again, frames, info, self.channel.coding, context.under("check"))
            frames = decode(again)
        return again

    def _write(
        self, film: Path, frames: Generator[Picture, None, None], info: FilmInfo, coding: Coding, context: Context
    ) -> None:
        """Encode frames that are made in a thread."""

        def counted(frames: Iterator[Picture]) -> Iterator[Picture]:
            for done, frame in enumerate(frames, 1):
                yield frame
                context.progress("hide", done, len(info.pts))

        with closing(prefetch(frames, GROUP // 2)) as made:
            write_h264(film, counted(made), info, coding, draft=True)
