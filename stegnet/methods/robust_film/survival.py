"""Hiding any file in a film so that it comes back after H.264: at the rates that real encoders leave each group."""

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError, extra, reading
from stegnet.core.jpeg import BLOCK
from stegnet.core.parallel import prefetch
from stegnet.keys import KeySource
from stegnet.media import read_frames
from stegnet.media.cover import Cover
from stegnet.media.films.films import decode
from stegnet.media.films.stream_copy import left_out
from stegnet.media.forecast import ROBUST_FILMS
from stegnet.methods.context import Context
from stegnet.methods.method import CoverSize, Fit, NewContainer
from stegnet.methods.payload import Carrier, Compressors, Fitted, Payload, media_compressors
from stegnet.methods.robust import (
    HIGHEST,
    LOWEST,
    MESSENGER,
    RATES,
    ROBUST,
    SHARES,
    RobustOptions,
    file_bytes,
    file_content,
    hidden_area,
    new_nonce,
    record_places,
    share_of,
)
from stegnet.methods.robust_film.channels import FilmChannel, SentFilm, parse_film_channel
from stegnet.methods.robust_film.groups import GroupContent, hidden_pixels, hide_in_group, modulated, pieces_of
from stegnet.methods.robust_film.hiding import FilmHiding
from stegnet.methods.robust_film.phases import GROUP, coefficients, luma, sines, sureness
from stegnet.methods.robust_film.reading import read_groups
from stegnet.methods.robust_film.variants import new_variant
from stegnet.results import form_of, printable

DEFAULT = "h264:23"
_USUAL = (DEFAULT, "h264:18", "h264:28", MESSENGER)
_SHARE, _MARGIN = 0.85, 2  # of the information, and 64ths less: the rate of a group
_LOST, _LOWERED = 13, 0.875  # one bit in so many may be lost to encoders that were not tried; of a rate, where more are
_SPARED = 0.75  # of the highest rate, where blocks are spared: an encoder skips changes that stand alone
_UNEVEN = 4.0  # by how much of the rate over the root of the macroblocks' number a few may carry less than all
_MACROBLOCK = 4  # blocks
_ATTEMPTS = 6
_FEW, _EVERY = 4, 3  # groups that are all measured; of more, one in so many
_STRIPS, _NARROWEST = 8, 8  # of a frame, every other of which is measured; blocks of a strip
_LARGER = "take a longer or larger cover, or one with less motion, or a milder channel"


def film_fits(cover: CoverSize) -> list[Fit]:
    """Lists what fits into a film of this size, for each channel that was measured."""
    rooms = ((name, _film_room(cover, parse_film_channel(name))) for name in ROBUST_FILMS)
    return [Fit("any file", ROBUST, room, survive=name, brief=name in _USUAL) for name, room in rooms if room]


def film_room(cover: CoverSize, options: RobustOptions) -> int | None:
    """Bytes of content that a film of this size can usually carry; None if it is not known.

    Raises:
        ConfigError: there is no such channel.
        CapacityError: H.264 can't hold pictures of this size.
    """
    channel = parse_film_channel(options.survive or DEFAULT)
    if any(side % 2 for side in channel.size(cover.height, cover.width)):
        size = f"{cover.width}×{cover.height} pixels"
        raise CapacityError(f"the cover has {size}, and H.264 needs even sides", "scale its pictures")
    return _film_room(cover, channel) if channel.name in ROBUST_FILMS else None


def _film_room(cover: CoverSize, channel: FilmChannel) -> int:
    return int(ROBUST_FILMS[channel.name] * hidden_pixels(*channel.size(cover.height, cover.width), cover.frames) / 8)


def embed_in_film(
    cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
) -> NewContainer:
    """Hides a file in a film; an ordinary H.264 film is written, with the cover's sound.

    A film or picture that does not fit is compressed. The film is encoded again as it is promised to survive, and
    nothing is written that is not revealed.

    Raises:
        ConfigError: there is no such channel.
        MediaError: a film can't be read or written.
        CapacityError: the file does not fit, or is not revealed.
    """
    channel, secret = parse_film_channel(options.survive or DEFAULT), payload.path
    with extra("media", "hiding in films that survive H.264"):
        from stegnet.media.films.h264 import check_sides  # here, since it needs ffmpeg
    info, exact = cover.film, payload.kind is None
    check_sides(cover.path, *channel.size(info.height, info.width))
    carriers = channel.carriers(options.container_psnr, exact=exact)
    first = ("reduce", "try") if channel.reduces(info) else ("try",)
    steps = first if exact else (*first, "compress")
    context = context.in_steps(*steps, "search", "hide", "check", "verify")
    folder = payload.folder()
    sent = channel.sent(SentFilm(cover, info), folder, context.step("reduce"))
    wanted = file_bytes(secret.name, secret.stat().st_size) if exact else 1
    for some in carriers:
        hidings = [FilmHiding(sent, folder, channel, carrier, key, context) for carrier in some]
        hiding, rates = _first_with_room(hidings, wanted, secret)
        if any(rates):
            break
    film, message = _hide(hiding, rates, payload)
    return _NewFilm(cover, hiding, film, message, suffix)


class _NewFilm(NewContainer):
    """A film whose secret survives a channel, and the cover's sound with it."""

    def __init__(self, cover: Cover, hiding: FilmHiding, film: Path, message: "_Message", suffix: str) -> None:
        self._cover, self._hiding, self._film, self._message, self._form = cover, hiding, film, message, form_of(suffix)
        info, self.fitted = hiding.cover.info, message.fitted
        self.width, self.height, self.frames = info.width, info.height, len(info.pts)
        self.hidden = hiding.groups * GROUP

    def write(self, part: Path, verify: bool) -> None:
        """As `NewContainer.write`; what it encodes was verified before."""
        from stegnet.media.films.h264 import with_sound  # here, since it needs ffmpeg

        with_sound(self._film, self._cover.path, part, self._form)

    def notes(self) -> tuple[str, ...]:
        info, channel = self._cover.film, self._hiding.channel
        lost = (*info.notes, *left_out(self._cover, self._form))
        notes = channel.notes(info, self._hiding.cover.info)
        return (*self._message.notes(channel), *notes, *(f"cover: {note}" for note in lost))

    def secret_psnr(self) -> None:
        return None

    def figures(self) -> dict[str, Any]:
        used = {"hidden_bytes": len(self._message.content), "room": self._message.room}
        return {"container_psnr": self._hiding.sample.psnr} | used


@dataclass(frozen=True)
class _Message:
    """Hidden content: a file as it is, or a compressed copy.

    Attributes:
        content: of the records.
        room: bytes of content that there were.
    """

    secret: Path
    fitted: Fitted
    content: bytes
    room: int

    def notes(self, channel: FilmChannel) -> tuple[str, ...]:
        """Lines on it, and on what it survives."""
        promise = f"survives {channel}"
        if self.fitted.unchanged:
            return (f"hidden: {printable(self.secret.name)}, {self.fitted.size} bytes, byte for byte; {promise}",)
        first, *more = self.fitted.notes
        return f"{first}; {promise}", *more


def _first_with_room(hidings: Sequence[FilmHiding], wanted: int, secret: Path) -> tuple[FilmHiding, list[int]]:
    """The first film that holds so many bytes, or else the one that holds most, and the rate of each group.

    Raises:
        CapacityError: none can, whatever is measured, which takes as long as hiding.
    """
    bounds = [sum(each.rooms([HIGHEST] * each.groups, each.carrier.most)) for each in hidings if min(each.shape)]
    if (bound := max(bounds, default=0)) and bound < wanted:
        raise CapacityError(f"{secret}: takes {wanted} bytes, and there is room for {bound} at most", _LARGER)
    most = -1
    for hiding in hidings:
        trying = replace(hiding, context=hiding.context.under("try"))
        rates = _measure(trying) if min(hiding.shape) and hiding.groups else []
        if (room := sum(hiding.rooms(rates, hiding.carrier.most))) > most:
            most, best = room, (hiding, rates)
        if room >= wanted:
            break
    return best


def _hide(hiding: FilmHiding, rates: list[int], payload: Payload) -> tuple[Path, _Message]:
    """Writes the film without sound; returns it and what is hidden."""
    most, motion = hiding.carrier.most, hiding.motion
    shares = range(most, SHARES)
    for _ in range(_ATTEMPTS):
        room = sum(hiding.rooms(rates, most))
        chosen = _fit(payload, room, hiding)
        message = chosen.content
        wanted = len(message) * (1 + (room >= 2 * len(message)))
        used, share = _sparing(hiding, rates, shares, wanted)
        contents = _contents(hiding, used, share, message)
        film = hiding.folder / "written.mp4"
        hiding.write(film, _containers(hiding, contents, motion), hiding.cover.info)
        failed = _failed(hiding, hiding.again(hiding.sample.seen(film), hiding.cover.info), contents)
        if not failed:
            return film, chosen
        if share > most:  # changes that stand alone are skipped by some encoders
            shares = range(most, most + 1)
        else:
            rates = [int(rate * _LOWERED) if index in failed else rate for index, rate in enumerate(rates)]
    raise CapacityError(f"what is hidden in this film does not survive {hiding.channel}", _LARGER)


def _sparing(hiding: FilmHiding, rates: Sequence[int], shares: range, wanted: int) -> tuple[list[int], int]:
    """The number of the smallest share of blocks in which there is room for so many bytes, and rates.

    These are the lowest at which they fit there, so that a small file comes back from worse channels than the promised
    one. None is above the given ones; where blocks are spared, none above _SPARED of them, less the fewer blocks
    there are: some carry little.

    Args:
        shares: numbers of those that may be taken.
    """
    for share in reversed(shares):
        highest, rooms = _bearable_rooms(hiding, rates, share)
        if sum(rooms) >= wanted:
            break
    for part in range(1, RATES + 1):
        lower = [max(rate * part // RATES, LOWEST) if rate else 0 for rate in highest]
        if sum(hiding.rooms(lower, share)) >= wanted:
            return lower, share
    raise AssertionError("a message that has no room")


def _bearable_rooms(hiding: FilmHiding, rates: Sequence[int], share: int) -> tuple[list[int], list[int]]:
    """The highest rate of each group in a share of its blocks, and bytes of the message that it then holds."""
    highest = [_bearable(hiding, rate, share) for rate in rates]
    return highest, hiding.rooms(highest, share)


def _bearable(hiding: FilmHiding, rate: int, share: int) -> int:
    """The highest rate in a share of the blocks of a group that bears this one in the most; 0 if it bears none."""
    if share == hiding.carrier.most:
        return rate
    used = record_places(math.prod(hiding.shape), hiding.rung, share) / hiding.rung.bits / _MACROBLOCK
    bearable = int(rate * _SPARED * (1 - _UNEVEN / math.sqrt(used))) if used else 0
    return bearable if bearable >= LOWEST else 0


def _measure(hiding: FilmHiding) -> list[int]:
    """The rate of each group, 0 if nothing comes back, from random bits that are hidden, encoded and read.

    Of a long film, one group in _EVERY is measured; those between two take the lower rate, less a margin.
    """
    groups = range(hiding.groups)
    some = groups if len(groups) <= _FEW else sorted({*groups[::_EVERY], groups[-1]})
    measured = dict(zip(some, _measured(hiding, some), strict=True))
    return [_between(measured, index) for index in groups]


def _between(measured: dict[int, int], index: int) -> int:
    if index in measured:
        return measured[index]
    before, after = max(at for at in measured if at < index), min(at for at in measured if at > index)
    return max(min(measured[before], measured[after]) - _MARGIN, 0)


def _measured(hiding: FilmHiding, groups: Sequence[int]) -> Iterator[int]:
    """The rates of some groups, which are encoded one after the other, in every other strip of a frame.

    As many of the macroblocks carry random bits as may at most.
    """
    rung, rows = hiding.rung, hiding.shape[0]
    columns, seed = _strips(hiding.shape[1]), hiding.context.randomness(16)
    shape = rows, len(columns)
    info = replace(
        hiding.cover.info,
        height=rows * BLOCK,
        width=len(columns) * BLOCK,
        pts=hiding.cover.info.pts[: len(groups) * GROUP],
    )
    film, motion = hiding.folder / "measured.mp4", hiding.folder / "measured-motion.mp4"

    def drawn(index: int) -> tuple[np.ndarray, np.ndarray]:
        """Signs, (rows, columns, bits), and dither of a group."""
        draw = np.random.default_rng([index, *seed])
        used = draw.random([-(-side // 2) for side in shape]) < share_of(hiding.carrier.most)
        used = used.repeat(2, 0).repeat(2, 1)[:rows, : shape[1]]
        signs = draw.integers(0, 2, (*shape, rung.bits), np.int8) * np.float32(2) - 1
        return signs * used[..., None], draw.random((math.prod(shape), rung.bits), np.float32)

    def containers() -> Generator[np.ndarray, None, None]:
        with closing(hiding.moves(motion)) as moves:
            for index, frames in zip(groups, _samples(hiding, groups, columns), strict=True):
                yield from modulated(frames, *drawn(index), rung, next(moves))

    hiding.search(motion, (frame for frames in _samples(hiding, groups, columns) for frame in frames), info)
    hiding.write(film, containers(), info)
    with closing(prefetch(read_frames(hiding.again(decode(film), info)), GROUP)) as frames:
        for index in groups:
            signs, dither = drawn(index)
            found = [coefficients(luma(frame)) for frame in islice(frames, 0, GROUP, rung.run)]
            signs = signs.reshape(dither.shape)
            yield _rate((sines(found, dither, rung) * signs)[signs != 0])


def _strips(cols: int) -> np.ndarray:
    """Columns of blocks that are measured: every other strip, wide enough for what moves."""
    columns = np.arange(cols)
    return columns[columns // max(_NARROWEST, -(-cols // _STRIPS)) % 2 == 0]


def _samples(hiding: FilmHiding, groups: Sequence[int], columns: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Some of the cover's groups, of which only these columns of blocks are left."""
    wanted = {GROUP * index + at for index in groups for at in range(GROUP)}
    pixels = (columns[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    with closing(read_frames(hiding.cover.file, wanted)) as frames:
        for _ in groups:
            yield [hidden_area(frame)[:, pixels] for frame in islice(frames, GROUP)]


def _rate(right: np.ndarray) -> int:
    """The rate at which a group comes back, from sines that are positive where right; 0 if it does not."""
    rate = int(sureness(right)[1] * RATES * _SHARE) - _MARGIN if right.size else 0
    return min(rate, HIGHEST) if rate >= LOWEST else 0


def _contents(hiding: FilmHiding, rates: Sequence[int], share: int, message: bytes) -> list[GroupContent | None]:
    """The content of each group; None: nothing."""
    rooms, random, rise = hiding.rooms(rates, share), hiding.context.randomness, hiding.channel.rise
    pieces, variant = pieces_of(message, filter(None, rooms)), new_variant(random)
    return [
        GroupContent(next(pieces), rate, new_nonce(random), variant, share, rise) if room else None
        for rate, room in zip(rates, rooms, strict=True)
    ]


def _containers(
    hiding: FilmHiding, contents: Sequence[GroupContent | None], motion: Path
) -> Generator[np.ndarray, None, None]:
    """The cover's frames with what is hidden in each group, and the rest of the frames."""
    with closing(read_frames(hiding.cover.file)) as frames, closing(hiding.moves(motion)) as moving:
        for index, (content, moves) in enumerate(zip(contents, moving, strict=False)):
            group = list(islice(frames, GROUP))
            hiding.sample.keep(index * GROUP, group)
            if content:
                group = hide_in_group(group, hiding.rung, content, hiding.key_source, moves)
            yield from group
        yield from frames


def _failed(hiding: FilmHiding, film: Path, contents: Sequence[GroupContent | None]) -> set[int]:
    """The groups whose content does not come back from a film, or only just."""
    progress = hiding.context.progress
    frames, total = read_frames(film), len(hiding.cover.info.pts)

    def step(done: int) -> None:
        progress("verify", done, total)

    with closing(read_groups(frames, hiding.key_source, step, _LOST)) as readings:
        found = [reading.content if reading else b"" for reading in readings]
    return {index for index, sent in enumerate(contents) if sent and not found[index].startswith(sent.content)}


@dataclass(frozen=True)
class _Groups(Carrier):
    """So many bytes of content in the groups of a film."""

    room: int

    def capacity(self, name: str) -> int:
        return self.room - file_bytes(name, 0)

    def compressors(self) -> Compressors:
        return media_compressors() if self.room > 0 else {}

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        taken = size + self.room - most
        return CapacityError(f"{payload.path}: takes {taken} bytes, and there is room for {self.room}", _LARGER)


def _fit(payload: Payload, room: int, hiding: FilmHiding) -> _Message:
    """The file as it is, or a picture or film compressed to the room.

    Raises:
        CapacityError: it does not fit.
    """
    fitted = payload.fit_quietly(_Groups(room), hiding.context)
    with reading(fitted.path):
        return _Message(payload.path, fitted, file_content(fitted.name, fitted.path.read_bytes()), room)
