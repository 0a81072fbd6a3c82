"""Hiding in pictures so that the secret survives lossy codecs, from file to file."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from stegnet.core.errors import CapacityError, reading
from stegnet.core.jpeg import BLOCK
from stegnet.core.kinds import JPEG_SUFFIXES, PICTURE
from stegnet.core.progress import Progress
from stegnet.keys import KeySource
from stegnet.media import about_cover, about_secret, forecast, read_picture, refuse_palette
from stegnet.media.cover import Cover
from stegnet.media.forecast import ROBUST_RATES
from stegnet.media.jpeg import jpeg_cover
from stegnet.media.output import Compressed
from stegnet.media.pictures.bare_avif import has_ffmpeg
from stegnet.methods.context import Context
from stegnet.methods.method import CoverSize, Fit, NewContainer
from stegnet.methods.new_containers import write_jpeg, write_picture
from stegnet.methods.payload import Carrier, Compressors, Fitted, Payload
from stegnet.methods.robust.channels import DEFAULT, MESSENGER, MESSENGER_SIDE, Channel, parse_channel
from stegnet.methods.robust.content import file_bytes, file_content, fit_picture, within_ratio
from stegnet.methods.robust.modem import Modem, Rung, chosen_modem, read_rungs
from stegnet.methods.robust.options import CONTAINER_PSNR, ROBUST, RobustOptions
from stegnet.methods.robust.own_jpeg import OwnJpeg, usual_share
from stegnet.methods.robust.parts import hide_tiled
from stegnet.methods.robust.record import content_room
from stegnet.methods.robust.survival import WRITTEN_QUALITY, Promise, best_rung, choose_rung, hide_robust
from stegnet.methods.robust.tiles import TILE
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.results import LEAST, Changes, printable, stored_name

_MORE_ROOM = "resize the cover to more pixels, or take a larger one"
# Channels whose room is told beforehand.
_JOINED = ("jpeg:75+crop", "jpeg:75+crop:0.5", "jpeg:75+resize:0.5", "jpeg:75+crop+resize:0.5")
_FOUND = 1000  # blocks of a canonical size; of smaller ones, copies that were also cropped are often not found


class _Content(Carrier):
    """Content of a record, made to fit.

    Args:
        area: pixels of the container's hidden area.
        larger: gives the hint for a file of so many bytes of content that does not fit.
    Attributes:
        fitted: what was made to fit last.
        room: bytes of content that there were.
        taken: those that it takes.
    """

    fitted: Fitted

    def __init__(self, payload: Payload, area: int, larger: Callable[[int], str], context: Context) -> None:
        self.payload, self._area, self._larger, self._context = payload, area, larger, context
        self.room = self.taken = 0
        self._pixels: np.ndarray | None = None
        self._reduced = ""

    def fit(self, room: int) -> bytes:
        """Content of at most `room` bytes: the file as it is, or else a picture that is scaled and compressed.

        Raises:
            CapacityError: it does not fit.
        """
        self.room = room
        self.fitted = self.payload.fit_quietly(self, self._context)
        with reading(self.fitted.path):
            data = self.fitted.path.read_bytes()
        content = file_content(self.fitted.name, data) if self.fitted.unchanged else data
        self.taken = len(content)
        return content

    def note(self, channel: Channel) -> str:
        """Line on the hidden secret, and what it survives."""
        if self.fitted.unchanged:
            name = printable(self.payload.path.name)
            return f"hidden: {name}, {self.fitted.size} bytes, byte for byte; survives {channel}"
        better = "" if has_ffmpeg() else "; `pip install 'stegnet[media]'` compresses better"
        taken = f"compressed to {self.fitted.copy.description} bytes of {self.room}"
        return f"{self._reduced}{taken}; survives {channel}{better}"

    def warnings(self) -> tuple[str, ...]:
        """A line if the secret is revealed in low quality."""
        if self.fitted.unchanged or self.fitted.copy.psnr >= LEAST:
            return ()
        advice = "take a larger cover or a milder channel"
        return (f"the secret is revealed at only {self.fitted.copy.psnr:.1f} dB PSNR: {advice}",)

    def capacity(self, name: str) -> int:
        return self.room - file_bytes(name, 0)

    def compressors(self) -> Compressors:
        return {PICTURE: (self._compressed, "")}

    def refusal(self, payload: Payload, size: int, most: int) -> CapacityError:
        secret = payload.path
        overhead = file_bytes(stored_name(secret), 0)
        taken, room = size + overhead, most + overhead
        return CapacityError(f"{secret}: takes {taken} bytes, and there is room for {room}", self._larger(taken))

    def _compressed(self, path: Path, folder: Path, _: int, step: Progress) -> Compressed:
        if self._pixels is None:
            whole = read_picture(path)
            self._pixels = within_ratio(whole, self._area)
            if self._pixels is not whole:
                height, width = self._pixels.shape[:2]
                self._reduced = f"reduced to {width}×{height} pixels, "
        fitted, copy = fit_picture(self._pixels, self.room, step), folder / "content"
        copy.write_bytes(fitted.content)
        return Compressed(copy, str(fitted.bytes), fitted.psnr)


def embed_in_picture(
    cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
) -> NewContainer:
    """Hides a picture or any small file in a picture, so that it is revealed after a lossy channel.

    A cover that is a JPEG, and to be written as one, stays that one where nothing is hidden.

    Raises:
        ConfigError: there is no such channel.
        MediaError: a file can't be read.
        CapacityError: the secret does not fit, or is not revealed.
        WeightsError: the weights are missing, or not a modem's.
    """
    channel = parse_channel(options.survive or DEFAULT)
    sent = _Prepared.of(cover, channel, suffix in JPEG_SUFFIXES)
    pixels, modem = sent.pixels, chosen_modem(context)
    steps = ("try", "compress", "hide tiles") if payload.kind == PICTURE else ("try", "hide tiles")
    context = context.in_steps(*steps, "check", "write")
    wanted = options.container_psnr or CONTAINER_PSNR
    rung = context.with_heartbeat("try", lambda: best_rung(modem, pixels, channel, wanted, sent.jpeg, sent.coarse))
    grid = channel.grid(*pixels.shape[:2])
    area = int(grid.height * grid.width * (channel.part or 1) ** 2)

    def larger(size: int) -> str:
        return _larger(modem, channel, pixels.shape, wanted, size)

    content = _Content(payload, area, larger, context)
    with sent.hinting():
        hide = hide_tiled if channel.part else hide_robust
        found = hide(modem, pixels, content.fit, key, Promise(channel, rung, sent.jpeg), context)
    return _NewPicture(cover, sent, channel, content, found.picture, context)


class _NewPicture(NewContainer):
    """A picture whose secret survives a channel."""

    def __init__(
        self,
        cover: Cover,
        sent: "_Prepared",
        channel: Channel,
        content: _Content,
        container: np.ndarray,
        context: Context,
    ) -> None:
        self._cover, self._sent, self._channel, self._content = cover, sent, channel, content
        self._pixels, self._context = container, context
        self.height, self.width = container.shape[:2]
        self.fitted = content.fitted if content.fitted.unchanged else None

    def write(self, part: Path, verify: bool) -> None:
        self._changes = self._context.with_heartbeat("write", lambda: self._write(part, verify))

    def _write(self, part: Path, verify: bool) -> Changes:
        jpeg = self._sent.jpeg
        if jpeg:
            return write_jpeg(part, jpeg.cover, jpeg.planes(self._pixels), verify)
        write_picture(part, self._pixels, self._sent.profile, verify)
        return Changes.of(self._sent.pixels, self._pixels)

    def notes(self) -> tuple[str, ...]:
        payload = self._content.payload
        return (
            self._content.note(self._channel),
            *self._sent.notes,
            *(() if self._content.fitted.unchanged else about_secret(payload.file)),
        )

    def warnings(self) -> tuple[str, ...]:
        return self._content.warnings()

    def secret_psnr(self) -> float | None:
        copy = self._content.fitted.copy
        return copy and copy.psnr

    def figures(self) -> dict[str, Any]:
        changes, content = self._changes, self._content
        changed = {"container_psnr": changes.psnr, "changed_pixels": changes.pixels}
        return changed | {"hidden_bytes": content.taken, "room": content.room}


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A cover, prepared for a channel, and what its container is written as.

    Attributes:
        pixels: (H, W, 3) uint8.
        notes: one line each.
        jpeg: None: a PNG is written.
        profile: ICC profile of a PNG.
    """

    pixels: np.ndarray
    notes: tuple[str, ...]
    jpeg: OwnJpeg | None = None
    profile: bytes | None = None

    @property
    def coarse(self) -> bool:
        """True if the container has the cover's own quantisation steps, which may be as large as the channel's."""
        return self.jpeg is not None and self.jpeg.cover.errors is None

    @classmethod
    def of(cls, cover: Cover, channel: Channel, as_jpeg: bool) -> Self:
        """Reads a cover; errors as `jpeg_cover`."""
        if not as_jpeg:
            refuse_palette(cover)
            pixels, profile = cover.picture
            notes = (*_on_size(channel, pixels.shape[:2]), *about_cover(cover))
            return cls(channel.prepare(pixels), notes, profile=profile)
        made = jpeg_cover(cover, WRITTEN_QUALITY)
        size = made.shown.shape[:2]
        if channel.sent_size(*size) != size:
            made = jpeg_cover(cover, WRITTEN_QUALITY, MESSENGER_SIDE)
        return cls(made.shown, (*_on_size(channel, size), *made.notes), OwnJpeg(made))

    @contextmanager
    def hinting(self) -> Iterator[None]:
        """Adds a way out to what is raised for want of room, if the cover's own steps may be why."""
        try:
            yield
        except CapacityError as error:
            if not self.coarse:
                raise
            hint = f"{error.hint}; or write a PNG (-o NAME.png), which does not keep the JPEG's coarse steps"
            raise CapacityError(str(error), hint) from None


def _on_size(channel: Channel, size: tuple[int, int]) -> tuple[str, ...]:
    """A note on a cover that messengers reduce.

    Args:
        size: its height and width.
    """
    longest = max(size)
    if longest <= MESSENGER_SIDE:
        return ()
    if channel.name == MESSENGER:
        return (f"the cover was reduced from {size[1]}×{size[0]} pixels, as messengers do",)
    if channel.factor is not None and channel.factor * longest <= MESSENGER_SIDE:
        return ()
    ways = "the channel messenger does, and +resize:FACTOR survives other reductions"
    return (f"messengers reduce pictures to {MESSENGER_SIDE} pixels, which this does not survive: {ways}",)


def forecast_room(rung: Rung, height: int, width: int) -> int | None:
    """Bytes of content that a picture of this size can usually carry; None if it is not known for this rung."""
    rate = ROBUST_RATES.get(rung.name)
    blocks = (height // BLOCK) * (width // BLOCK)
    return None if rate is None else max(content_room(blocks, rung, rate), 0)


def picture_room(cover: CoverSize, options: RobustOptions) -> int | None:
    """Bytes of content that a picture of this size can usually carry; None if it is not known.

    Raises:
        ConfigError: there is no such channel.
        CapacityError: the shipped modem has nothing for it.
    """
    channel = parse_channel(options.survive or DEFAULT)
    rung = choose_rung(read_rungs(SHIPPED_MODEM), channel, options.container_psnr or CONTAINER_PSNR)
    size = channel.sent_size(cover.height, cover.width)
    if channel.plain:
        room = forecast_room(rung, *size)
    elif rung.psnr == CONTAINER_PSNR:
        bits = forecast.robust_bits("resize" if channel.factor else "crop", channel.quality)
        blocks = math.prod(channel.grid(*size).shape)
        found = not (channel.factor and channel.cropped) or blocks >= _FOUND
        room = int(bits * (TILE**2 if channel.part else blocks) / 8) if found else None
    else:
        room = None
    return room and int(usual_share(cover.cover) * room)


def picture_fits(cover: CoverSize) -> list[Fit]:
    """Lists what fits into a picture of this size through JPEG, for each of the shipped modem's rungs at 38 dB."""
    rungs = [rung for rung in read_rungs(SHIPPED_MODEM) if abs(rung.psnr - CONTAINER_PSNR) < 1]
    fits: list[Fit] = []
    share = usual_share(cover.cover)
    for rung in sorted(rungs, key=lambda rung: -rung.lowest):
        room = int(share * (forecast_room(rung, cover.height, cover.width) or 0))
        if room:
            decibels = round(forecast.picture_quality(room, cover.width, cover.height))
            fits.append(Fit("any file", ROBUST, room, survive=rung.channel))
            fits.append(Fit("a picture of its own size", ROBUST, psnr=decibels, survive=rung.channel))
    rooms = ((name, _joined_room(cover, name)) for name in _JOINED)
    return fits + [Fit("any file", ROBUST, room, survive=name) for name, room in rooms if room]


def _joined_room(cover: CoverSize, name: str) -> int:
    try:
        return picture_room(cover, RobustOptions(name)) or 0
    except CapacityError:  # too small to be resized
        return 0


def _larger(modem: Modem, channel: Channel, shape: tuple[int, ...], container_psnr: float, size: int) -> str:
    """Hint for a file that does not fit: a milder channel that has room for it, or a larger cover."""
    if channel.part:
        return f"promise a higher quality; a picture that may be cropped to a part has room for {TILE}×{TILE} blocks"
    if channel.cropped:
        return f"{_MORE_ROOM}; or promise less, without +crop"
    if channel.factor is not None:
        return f"{_MORE_ROOM}; or reduce it less: a larger factor of +resize"
    if channel.name == MESSENGER:
        return f"take a cover of {MESSENGER_SIDE} pixels or more, with more texture"
    rooms = {rung: forecast_room(rung, *shape[:2]) for rung in modem.rungs if abs(rung.psnr - container_psnr) < 1}
    for rung, room in sorted(rooms.items(), key=lambda item: item[0].lowest):
        if room is not None and room >= size:
            return f"the channel {rung.channel} has room for about {room} bytes; or {_MORE_ROOM}"
    worse = [rung.psnr for rung in modem.rungs if rung.psnr < container_psnr - 1 and rung.lowest <= channel.quality]
    return f"{_MORE_ROOM}; or accept a container of {max(worse):g} dB" if worse else _MORE_ROOM
