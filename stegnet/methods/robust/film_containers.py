"""Hiding any file in a film so that it survives H.264, at rates measured by a real encoder.

A film is encoded as it is written, and again as it is promised to survive.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise, repeat
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stegnet.channels import FilmChannel
from stegnet.core.disk import temporary_folder
from stegnet.core.errors import CapacityError, reading
from stegnet.core.measures import PEAK, mean_squared_error, psnr_from_mse
from stegnet.core.parallel import prefetch
from stegnet.core.pixels import BLOCK
from stegnet.core.text import Aside, Text, prefixed
from stegnet.formats.opened_file import Source
from stegnet.hiding.method import Context, FoundSecret, HiddenFile, NewContainer, Payload, Written, media_compressors
from stegnet.image.pictures import resize
from stegnet.keys import ANY_KEY, KeySource
from stegnet.media.cover import Cover
from stegnet.media.growth import time_in_words
from stegnet.methods.robust.film_groups import (
    HEAD_BYTES,
    GroupContent,
    dct_coefficients,
    hide_in_group,
    luma,
    modulated,
    new_variant,
    pieces_of,
    sines,
    sureness,
)
from stegnet.methods.robust.film_reader import read_groups
from stegnet.methods.robust.found_content import FoundContent
from stegnet.methods.robust.grid import hidden_area
from stegnet.methods.robust.operating_points import GROUP, SHARES, OperatingPoint, film_points, share_of
from stegnet.methods.robust.robust_content import file_bytes, file_content, parse_content
from stegnet.methods.robust.robust_options import RobustOptions
from stegnet.methods.robust.robust_record import new_nonce
from stegnet.methods.robust.survival import (
    CodePlan,
    Surviving,
    Transmission,
    embed_surviving,
    file_room,
    survival_notes,
)
from stegnet.results import Detectability, film_form_of, stored_name
from stegnet.sealing.fec import HIGHEST, LOWEST, RATES
from stegnet.video.coding import Coding
from stegnet.video.film_writer import write_draft, write_h264
from stegnet.video.films import FilmInfo, Picture, decode, read_frames, to_rgb
from stegnet.video.motion import SEARCH, Motion, motion_of
from stegnet.video.remux import check_sides, with_sound
from stegnet.video.stream_copy import left_out

if TYPE_CHECKING:
    from av import VideoFrame

# A container without sound, and some frames of its cover by their numbers, evenly spaced.
WrittenFilm = tuple[Path, dict[int, np.ndarray]]

# Frames are predicted because the changes follow each other; psychovisual optimisation would spend bytes on the
# changes.
WRITTEN = Coding(18, "medium", paced=True, params="trellis=2:psy=0")
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
    channel = options.film_channel()
    info = cover.film
    exact = payload.kind is None
    check_sides(cover.path, *channel.kept_size(info.height, info.width))
    reduced = ("reduce",) if channel.reduces(info) else ()
    copied = () if exact else ("compress",)
    context = context.with_phases(*reduced, "try", *copied, "search", "hide", "check", "verify", "write")
    folder = payload.folder()
    source: Source = cover
    if channel.reduces(info):
        source = folder / "sent.avi"
        info = _reduced(info, channel)

    wanted = file_bytes(payload.path.name, payload.file.length) if exact else 1
    tried = [
        [FilmModulator(source, info, folder, channel, point, most, key, context) for point, most in points]
        for points in film_points(channel.coding.crf, options.container_psnr, exact=exact)
    ]
    few = 64  # times as many bytes as a file has, from which it uses a small part of a film
    _check_size(tried[0], wanted, payload)
    if exact and wanted < _highest_capacity(tried[0]) // few:  # its rates are low in any case
        tried = [[replace(film, sampled_frames=GROUP // 4) for film in films] for films in tried]
    pixels_a_second = 5e6  # that are reduced, and encoded and tried several times
    context.foretell(Detectability(), time_in_words(cover.frames * info.height * info.width, pixels_a_second))
    if isinstance(source, Path):
        _write_reduced(cover, channel, source, context)
    for sent in tried:
        film = _first_with_capacity(sent, wanted, payload)
        if any(film.rates):
            break

    def fit(space: int) -> tuple[bytes, HiddenFile]:
        file = payload.fit(lambda name: file_room(space, name), media_compressors(), context)
        if file is None:
            raise payload.too_large(file_room(space, stored_name(payload.path)) or 0, _LARGER)
        with reading(file.file):
            return file_content(file.name, file.file.read_bytes()), file

    return _ModulatedFilm(cover, film, embed_surviving(film, fit), suffix)


def measured_film_capacity(cover: Cover, channel: FilmChannel) -> tuple[int, int]:
    """Return the bytes of content that a film carries through a channel, by its first frames, and their number.

    Of each group among them, a third is hidden in, encoded and read, in the middle of the frames; of small films, all
    of it. The groups behind them are taken to carry as much.

    Raises:
        MediaError: the film can't be read.
        CapacityError: an odd side, which H.264 can't hold.
    """
    info = _reduced(cover.film, channel)
    check_sides(cover.path, info.height, info.width)
    every = channel.every(cover.film)
    most_decoded = 150_000_000  # pixels
    bound = most_decoded // (GROUP * every * cover.film.height * cover.film.width)
    groups = len(info.pts) // GROUP
    first = min(groups, max(bound, 1), 3)
    if not first:
        return 0, 0

    most_pixels = 250_000  # of a frame, half of which carry bits
    width = min(max(most_pixels // info.height // BLOCK, 16) * BLOCK, info.width)
    left, right = ((info.width + side) * cover.film.width // (2 * info.width) for side in (-width, width))
    most_encoded = 12_000_000  # pixels of all frames together, of which a small film's whole groups have fewer
    sampled = GROUP if first * GROUP * info.height * width <= most_encoded else GROUP // 3
    wanted = [every * (GROUP * index + at) for index in range(first) for at in range(sampled)]

    def middle() -> Iterator[np.ndarray]:
        with closing(read_frames(cover, set(wanted))) as frames:
            for frame in islice(frames, len(wanted)):
                yield resize(frame[:, left:right], info.height, width)

    of_first = replace(info, pts=info.pts[: first * GROUP])
    of_middle = replace(of_first, width=width)
    context = Context(randomness=bytes)
    most = 0
    with temporary_folder() as folder:
        source = folder / "middle.avi"
        write_draft(source, middle())
        for points in film_points(channel.coding.crf, None, exact=True):
            for point, share in points[::-1]:
                whole = FilmModulator(
                    source, of_first, folder, channel, point, share, ANY_KEY, context, sampled, sampled
                )
                film = replace(whole, info=of_middle)
                if film.blocks and whole.plan_at([HIGHEST] * first).capacity > most:
                    measured, between = ([rate - less for rate in film.rates] for less in (0, _MARGIN))
                    capacities = [whole.plan_at(rates).capacity for rates in (measured, between)]
                    most = max(capacities[0] if groups <= 4 else (capacities[0] + 2 * capacities[1]) // 3, most)
            if most:
                break
    return most * groups // first, first * GROUP * every


def _reduced(info: FilmInfo, channel: FilmChannel) -> FilmInfo:
    """Return the properties of a film that is reduced to the pixels and frames that are sent."""
    height, width = channel.kept_size(info.height, info.width)
    every = channel.every(info)
    return replace(info, height=height, width=width, pts=info.pts[::every], rate=info.rate / every)


def _write_reduced(cover: Cover, channel: FilmChannel, path: Path, context: Context) -> None:
    """Write the cover, reduced to the pixels and frames that are sent, to a lossless file."""
    info = cover.film
    height, width = channel.kept_size(info.height, info.width)
    kept = range(0, len(info.pts), channel.every(info))

    def resized() -> Iterator[np.ndarray]:
        with closing(read_frames(cover, kept)) as frames:
            for done, frame in enumerate(frames, 1):
                yield resize(frame, height, width)
                context.progress("reduce", done, len(kept))

    write_draft(path, resized())


def _check_size(films: Sequence["FilmModulator"], wanted: int, payload: Payload) -> None:
    """Raise CapacityError if no rate would be enough for any cover, since measuring takes as long as hiding."""
    if (bound := _highest_capacity(films)) and bound < wanted:
        size = payload.file.length
        most = max(bound - wanted + size, 0)
        problem = f"has {size} bytes, more than the capacity of {most} at most"
        raise CapacityError(problem, _LARGER, subject=payload.path)


def _highest_capacity(films: Sequence["FilmModulator"]) -> int:
    """Return the bytes that the best of these covers would hold at the highest rates; 0 if none has any blocks."""
    return max((film.plan_at([HIGHEST] * film.groups).capacity for film in films if film.blocks), default=0)


def _first_with_capacity(films: Sequence["FilmModulator"], wanted: int, payload: Payload) -> "FilmModulator":
    """Return the first cover that holds `wanted` bytes, or else the one that holds most.

    Errors are those of `_check_size`.
    """
    _check_size(films, wanted, payload)
    measured = []
    for film in films:
        measured.append((film.plan_at(film.rates).capacity, film))
        if measured[-1][0] >= wanted:
            break
    return max(measured, key=itemgetter(0))[1]


@dataclass(eq=False)
class _ModulatedFilm(NewContainer):
    """A film whose secret survives a channel, with the cover's sound."""

    cover: Cover
    film: "FilmModulator"
    surviving: Surviving[WrittenFilm, HiddenFile]
    suffix: str

    def __post_init__(self) -> None:
        self.width = self.film.info.width
        self.height = self.film.info.height
        self.frames = len(self.film.info.pts)
        self.keys = self.film.key_source
        self.context = self.film.context

    def write(self, part: Path, verify: bool) -> Written:
        form = film_form_of(self.suffix)
        with_sound(self.surviving.container[0], self.cover.path, part, form)
        file = self.surviving.fitted
        notes = [*survival_notes(file, self.film.channel, file.notes), *self._notes_on_size()]
        notes += [prefixed("cover: ", note) for note in (*self.cover.film.notes, *left_out(self.cover, form))]
        figures = {
            "container_psnr": self.surviving.psnr,
            "hidden_bytes": len(self.surviving.content),
            "capacity": self.surviving.offered,
            "survives": str(self.film.channel),
        }
        hidden = self.film.groups * GROUP
        return Written(file, tuple(notes), figures, changed_secret=file.warning, hidden=hidden)

    def is_in(self, found: FoundSecret) -> bool:
        """Return whether the film itself gives the content, as its copy did that was encoded again."""
        return isinstance(found, FoundContent) and found.content == parse_content(self.surviving.content, 0)

    def _notes_on_size(self) -> list[str]:
        cover, sent = self.cover.film, self.film.info
        if sent == cover:
            return []
        sizes = f"{cover.width}×{cover.height} to {sent.width}×{sent.height} pixels"
        if sent.rate != cover.rate:
            sizes += f" and {float(cover.rate):g} to {float(sent.rate):g} frames a second"
        return [f"the cover was reduced from {sizes}, as messengers do"]


@dataclass(frozen=True, eq=False)
class FilmModulator:
    """A film that carries a record in each group of frames, at an operating point; implements `Modulator`."""

    source: Source  # source, info: the film as it is sent
    info: FilmInfo
    folder: Path  # for films that are tried
    channel: FilmChannel
    point: OperatingPoint  # point, most: of `film_points`
    most: int
    key_source: KeySource
    context: Context
    sampled_frames: int = GROUP  # of a group, by which its rate is measured
    group_frames: int = GROUP  # from a group of the source to the next

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.info.height // BLOCK, self.info.width // BLOCK

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return math.prod(self.shape)

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.info.pts) // GROUP

    @cached_property
    def rates(self) -> list[int]:
        """The rate of each group, measured by hiding, encoding and reading random bits; 0 if nothing is recovered.

        In a film of more than four groups, one in three is measured. The groups between two of these have the lower of
        their rates, less a margin.
        """
        if not self.blocks or not self.groups:
            return []
        groups = range(self.groups)
        measured = groups if len(groups) <= 4 else sorted({*groups[::3], groups[-1]})
        rates = dict(zip(measured, self._rates_of(measured), strict=True))
        for before, after in pairwise(measured):
            lower = max(min(rates[before], rates[after]) - _MARGIN, 0)
            rates |= dict.fromkeys(range(before + 1, after), lower)
        return [rates[index] for index in groups]

    def plan_at(self, rates: Sequence[int]) -> CodePlan:
        """Return the plan of these rates, with the largest share of the blocks."""
        return CodePlan(
            self.point,
            self.blocks,
            rates,
            range(self.most, SHARES),
            self.most,
            attempts=6,
            copies=2,
            least=0,
            head=HEAD_BYTES,
            together=4,  # a macroblock: where blocks are spared, an encoder skips isolated changes
            spared=0.75,
            uneven=4.0,
        )

    def measured_plan(self) -> CodePlan:
        """Return the plan with the rate that each group of frames survived in a simulation."""
        return self.plan_at(self.rates)

    def modulate(self, content: bytes, plan: CodePlan) -> WrittenFilm:
        """Write a film that carries the pieces of the content in its groups, one nonce each."""
        motion = self.folder / "motion.mp4"
        random = self.context.randomness
        self._search(motion, read_frames(self.source), self.info)
        variant = new_variant(random)
        rise = self.channel.rise
        groups = [
            None if piece is None else GroupContent(piece, rate, new_nonce(random), variant, plan.share, rise)
            for piece, rate in zip(_pieces(content, plan), plan.rates, strict=True)
        ]
        path = self.folder / "written.mp4"
        cover_frames: dict[int, np.ndarray] = {}
        self._write(path, self._containers(groups, motion, cover_frames), self.info, WRITTEN, "hide")
        return path, cover_frames

    def transmit(self, container: WrittenFilm, content: bytes, plan: CodePlan) -> Transmission:
        """Encode the film as its channel does, read each group, and list the groups that are not recovered."""
        errors: list[float] = []
        again = self._again(self._compared(container, errors), self.info, "check")

        def progress(done: int) -> None:
            self.context.progress("verify", done, len(self.info.pts))

        erased = 13  # one bit in so many may be lost to encoders that were not tried
        with closing(read_groups(read_frames(again), self.key_source, progress, erased)) as readings:
            revealed = [reading or b"" for reading in readings]
        pieces = enumerate(_pieces(content, plan))
        lost = {index for index, sent in pieces if sent and not revealed[index].startswith(sent)}
        return Transmission(frozenset(lost), psnr=psnr_from_mse(sum(errors) / len(errors), PEAK))

    def lowered(self, plan: CodePlan, share: int, sent: Transmission, attempt: int) -> CodePlan:
        """Return a plan with lower rates for the lost groups, or with more blocks if too few carried bits."""
        if share > self.most:  # some encoders skip isolated changes
            return replace(plan, shares=range(self.most, self.most + 1))
        factor = 0.875  # of a rate where more bits are lost than may be
        return replace(
            plan,
            rates=[int(rate * factor) if index in sent.lost else rate for index, rate in enumerate(plan.rates)],
        )

    def refusal(self) -> CapacityError:
        """Return the error for a film in which nothing survives the channel."""
        return CapacityError(f"what is hidden in this film does not survive {self.channel}", _LARGER)

    def _rates_of(self, groups: Sequence[int]) -> Iterator[int]:
        """Yield the rates of some groups, encoded one after the other, from every other strip of each frame.

        Random bits are in the number of macroblocks that may carry data.
        """
        point = replace(self.point, group=self.sampled_frames)
        rows = self.shape[0]
        # A strip is wide enough to hold the motion.
        width = max(8, -(-self.shape[1] // 8))
        columns = np.arange(self.shape[1])
        columns = columns[columns // width % 2 == 0]
        shape = rows, len(columns)
        pts = self.info.pts[: len(groups) * self.sampled_frames]
        info = replace(self.info, height=rows * BLOCK, width=len(columns) * BLOCK, pts=pts)
        film = self.folder / "measured.mp4"
        motion = self.folder / "measured-motion.mp4"
        seed = self.context.randomness(16)

        def drawn(index: int) -> tuple[np.ndarray, np.ndarray]:
            """Return signs, (rows, columns, bits), and dither of a group."""
            draw = np.random.default_rng([index, *seed])
            used = draw.random([-(-side // 2) for side in shape]) < share_of(self.most)
            used = used.repeat(2, 0).repeat(2, 1)[:rows, : shape[1]]
            signs = draw.integers(0, 2, (*shape, point.bits), np.int8) * np.float32(2) - 1
            return signs * used[..., None], draw.random((math.prod(shape), point.bits), np.float32)

        def containers() -> Generator[np.ndarray, None, None]:
            with closing(self._moves(motion, self.sampled_frames)) as moves:
                for index, frames in zip(groups, self._samples(groups, columns), strict=True):
                    signs, dither = drawn(index)
                    yield from modulated(frames, signs, dither, point, next(moves))

        covers = (frame for frames in self._samples(groups, columns) for frame in frames)
        self._search(motion, covers, info, "try")
        self._write(film, containers(), info, WRITTEN, "try")
        share_kept = 0.85  # of the information, for encoders that were not tried
        with closing(prefetch(read_frames(self._again(decode(film), info, "try")), self.sampled_frames)) as arrived:
            for index in groups:
                signs, dither = drawn(index)
                frames = islice(arrived, 0, self.sampled_frames, point.run)
                carrying = [dct_coefficients(luma(frame)) for frame in frames]
                signs = signs.reshape(dither.shape)
                right = (sines(carrying, dither, point) * signs)[signs != 0]
                rate = int(sureness(right)[1] * RATES * share_kept) - _MARGIN if right.size else 0
                yield min(rate, HIGHEST) if rate >= LOWEST else 0

    def _samples(self, groups: Sequence[int], columns: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Yield the frames of some of the cover's groups that are tried, reduced to these columns of blocks."""
        wanted = {self.group_frames * index + at for index in groups for at in range(self.sampled_frames)}
        pixels = (columns[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
        with closing(read_frames(self.source, wanted)) as frames:
            for _ in groups:
                yield [hidden_area(frame)[:, pixels] for frame in islice(frames, self.sampled_frames)]

    def _containers(
        self, contents: Sequence[GroupContent | None], motion: Path, kept: dict[int, np.ndarray]
    ) -> Generator[np.ndarray, None, None]:
        """Yield the cover's frames with the content of each group hidden, then the frames that are left.

        At most 48 frames of the groups are kept in `kept`, by their numbers.
        """
        every = -(-len(self.info.pts) // 48)
        with closing(read_frames(self.source)) as frames, closing(self._moves(motion)) as moving:
            for index, (content, moves) in enumerate(zip(contents, moving, strict=False)):
                group = list(islice(frames, GROUP))
                kept |= {number: frame for number, frame in enumerate(group, index * GROUP) if number % every == 0}
                yield from hide_in_group(group, self.point, content, self.key_source, moves) if content else group
            yield from frames

    def _compared(self, container: WrittenFilm, errors: list[float]) -> Generator["VideoFrame", None, None]:
        """Yield the container's frames as decoded, and add the mean squared errors of some to `errors`."""
        path, cover_frames = container
        with closing(decode(path)) as frames:
            for index, frame in enumerate(frames):
                if index in cover_frames:
                    picture = to_rgb(frame, frame.width, frame.height, path)
                    errors.append(mean_squared_error(cover_frames[index], picture))
                yield frame

    def _search(
        self, film: Path, frames: Generator[np.ndarray, None, None], info: FilmInfo, phase: str = "search"
    ) -> None:
        """Write a film for `_moves`, unless another point has already done so, or this one needs no motion."""
        if self.point.run > 1 and not film.exists():
            self._write(film, frames, info, SEARCH, phase)

    def _moves(self, film: Path, count: int = GROUP) -> Generator[list[Motion] | None, None, None]:
        """Yield the motion of `count` frames at a time, from a film of `_search`; None if each frame carries bits."""
        if self.point.run == 1:
            yield from repeat(None)
        with closing(motion_of(film)) as moving:
            while group := list(islice(moving, count)):
                yield group

    def _again(self, frames: Generator["VideoFrame", None, None], info: FilmInfo, phase: str) -> Path:
        """Encode the frames of a written film once more, as it is promised to survive."""
        again = self.folder / "again.mp4"
        self._write(again, frames, info, self.channel.coding, phase)
        return again

    def _write(
        self, film: Path, frames: Generator[Picture, None, None], info: FilmInfo, coding: Coding, phase: str
    ) -> None:
        """Encode frames that are made in a thread."""

        def counted(frames: Iterator[Picture]) -> Iterator[Picture]:
            for done, frame in enumerate(frames, 1):
                yield frame
                self.context.progress(phase, done, len(info.pts))

        with closing(prefetch(frames, GROUP // 2)) as made:
            write_h264(film, counted(made), info, coding, draft=True)


_MARGIN = 2  # 64ths between the rate that a simulation supports and the one that is used


def _pieces(content: bytes, plan: CodePlan) -> list[bytes | None]:
    """Return the piece of the content that each group holds; None if it holds nothing."""
    pieces = pieces_of(content, filter(None, plan.capacities))
    return [next(pieces) if capacity else None for capacity in plan.capacities]
