"""Hiding in pictures that survive lossy codecs, from file to file (the method "robust")."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError, KeyFileError, reading
from stegnet.core.jpeg import BLOCK
from stegnet.core.measures import psnr
from stegnet.core.parallel import watched
from stegnet.keys.keys import SYSTEM, KeySource, Randomness
from stegnet.media import FILM, PICTURE, about_cover, about_secret, read_cover, read_picture, refuse_palette
from stegnet.media.films.stream_copy import left_out
from stegnet.media.forecast import ROBUST_RATES
from stegnet.media.inputs import check_input, input_kind
from stegnet.media.probe import media_kind
from stegnet.methods.network.quality import LEAST
from stegnet.methods.robust.channels import DEFAULT, MESSENGER, MESSENGER_SIDE, Channel, parse_channel
from stegnet.methods.robust.content import FittedPicture, file_bytes, file_content, fit_picture, within_ratio
from stegnet.methods.robust.modem import Modem, Rung
from stegnet.methods.robust.modems import Modems
from stegnet.methods.robust.record import content_room, opens_robust
from stegnet.methods.robust.survival import WRITTEN_QUALITY, Survivor, best_rung, choose_rung, hide_robust
from stegnet.methods.robust_film.survival import DEFAULT as FILM_DEFAULT
from stegnet.methods.robust_film.survival import hide_in_film, parse_crf
from stegnet.methods.sealed.embed import stored_name
from stegnet.results.figures import ROBUST, Hiding
from stegnet.results.naming import printable
from stegnet.results.output import (
    OutputTarget,
    Progress,
    Report,
    form_of,
    in_steps,
    no_progress,
    write_jpeg,
    write_picture,
)

JPEG = (".jpg", ".jpeg")
ROBUST_FORMS = (*JPEG, ".png")
CONTAINER_PSNR = 38.0  # dB
_MORE_ROOM = "resize the cover to more pixels, or take a larger one"
_CERTAIN = 2  # covers with half of the usual room are rare


@dataclass(frozen=True)
class RobustOptions:
    """Choices of the method "robust".

    Attributes:
        survive: channel that the container survives, as `parse_channel` takes it, or `parse_crf` for films; None: the
            default, JPEG 75 or CRF 23.
        container_psnr: of the container in dB; of the weights' rungs, the nearest are taken. None: the highest at which
            a file fits a picture as it is, or CONTAINER_PSNR.
        verify: read the file back.
    """

    survive: str | None = None
    container_psnr: float | None = None
    verify: bool = True


@dataclass
class _Secret:
    """A secret that is made to fit.

    Attributes:
        path: of the file.
        area: pixels of the container's hidden area.
        fitted: the copy that was made last, if the file did not fit as it is.
        room: bytes of content that there were.
    """

    path: Path
    area: int
    progress: Progress
    hint: Callable[[int], str]
    fitted: FittedPicture | None = None
    room: int = 0
    _pixels: np.ndarray | None = field(default=None, repr=False)
    _reduced: str = ""

    def fit(self, room: int) -> bytes:
        """Content of at most `room` bytes: the file as it is, or else a picture that is scaled and compressed.

        Raises:
            CapacityError: it does not fit.
        """
        name, size = stored_name(self.path), self.path.stat().st_size
        self.room, self.fitted = room, None
        if file_bytes(name, size) <= room:
            with reading(self.path):
                return file_content(name, self.path.read_bytes())
        if media_kind(self.path) != PICTURE:
            taken = file_bytes(name, size)
            raise CapacityError(f"{self.path}: takes {taken} bytes, and there is room for {room}", self.hint(taken))
        if self._pixels is None:
            whole = read_picture(self.path)
            self._pixels = within_ratio(whole, self.area)
            height, width = self._pixels.shape[:2]
            self._reduced = f"reduced to {width}×{height} pixels, " * (self._pixels is not whole)
        self.fitted = fit_picture(self._pixels, room, lambda done, total: self.progress("compress", done, total))
        return self.fitted.content

    @property
    def taken(self) -> int:
        """Bytes of content."""
        if self.fitted is None:
            return file_bytes(stored_name(self.path), self.path.stat().st_size)
        return len(self.fitted.content)

    def note(self, channel: Channel) -> str:
        """Line on the hidden secret, and what it survives."""
        if self.fitted is None:
            size = self.path.stat().st_size
            return f"hidden: {printable(self.path.name)}, {size} bytes, byte for byte; survives {channel}"
        return f"{self._reduced}{self.fitted.bytes} bytes of {self.room}; survives {channel}"

    def warnings(self) -> tuple[str, ...]:
        """A line if the secret comes back in low quality."""
        if self.fitted is None or self.fitted.psnr >= LEAST:
            return ()
        advice = "take a larger cover, a milder channel, or a lower quality of the container"
        return (f"the secret is revealed at only {self.fitted.psnr:.1f} dB PSNR: {advice}",)


def hide_robust_file(
    modems: Modems,
    cover: Path,
    secret: Path,
    out: OutputTarget,
    key_source: KeySource,
    options: RobustOptions = RobustOptions(),
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides a picture or any small file in a picture or film, so that it comes back after a lossy channel.

    A JPEG or PNG is written, by the suffix, or H.264 for a film. The cover's colour profile is kept; other metadata of
    pictures are not.

    Raises:
        KeyFileError: it would be for a recipient.
        ConfigError: there is no such channel.
        MediaError: a file can't be read or written.
        CapacityError: the secret does not fit, or does not come back.
        WeightsError: the weights are missing, or not a modem's.
    """
    if not opens_robust(key_source):
        hint = "use a key file or passphrase, or hide without loss: in a .png, .mkv or lossless .mp4"
        raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)
    check_input(secret)
    if input_kind(cover) == FILM:
        crf = parse_crf(options.survive or FILM_DEFAULT)
        choices = crf, options.container_psnr or CONTAINER_PSNR, randomness, progress
        report = hide_in_film(modems.film, cover, secret, out, key_source, *choices)
        lost = left_out(cover, form_of(out.path))
        return replace(report, notes=(*report.notes, *(f"cover: {line}" for line in lost)))
    channel = parse_channel(options.survive or DEFAULT)
    out.check(ROBUST_FORMS, "picture that survives JPEG", cover, secret)
    refuse_palette(cover)
    pixels, profile = read_cover(cover)
    prepared, written = channel.prepare(pixels), WRITTEN_QUALITY if out.path.suffix.lower() in JPEG else None
    loaded = modems.picture
    wanted = options.container_psnr or _finest(loaded, channel, secret, *prepared.shape[:2])
    compress = ("compress",) * (media_kind(secret) == PICTURE)
    progress = in_steps(progress, "try", *compress, "hide tiles", "check", "write")
    rung = watched(partial(best_rung, loaded, prepared, channel, wanted, written), partial(progress, "try", 0, 0))
    grid = channel.grid(*prepared.shape[:2])
    larger = partial(_larger, loaded, channel, prepared.shape, wanted)
    chosen = _Secret(secret, grid.height * grid.width, progress, larger)
    found = hide_robust(
        loaded, prepared, chosen.fit, key_source, channel, rung, written, randomness=randomness, progress=progress
    )
    write = partial(_write, out, found, profile, written, options.verify)
    report = watched(write, partial(progress, "write", 0, 0))
    lines = (chosen.note(channel), *_on_size(channel, pixels.shape[:2]), *about_cover(cover))
    lines += about_secret(secret) if chosen.fitted else ()
    if written:
        lines += (f"written as JPEG of quality {written}, 4:2:0" + ", with the cover's colour profile" * bool(profile),)
    quality = chosen.fitted.psnr if chosen.fitted else None
    named = {} if chosen.fitted else {"name": stored_name(secret), "size": secret.stat().st_size, "unchanged": True}
    report = replace(report, notes=lines, warnings=chosen.warnings(), secret_psnr=quality, **named)
    quality = psnr(prepared, found.picture)
    cover_bytes, pixels = cover.stat().st_size, prepared[..., 0].size
    hiding = Hiding(ROBUST, cover_bytes, pixels, None, quality, hidden_bytes=chosen.taken, room=chosen.room)
    return report.with_hiding(hiding)


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


def _finest(modem: Modem, channel: Channel, secret: Path, height: int, width: int) -> float:
    """The highest PSNR of a container at which a file certainly fits as it is; else CONTAINER_PSNR."""
    if not channel.plain:  # what fits then is not known before
        return CONTAINER_PSNR
    size = file_bytes(stored_name(secret), secret.stat().st_size)
    for wanted in sorted({rung.psnr for rung in modem.rungs if rung.psnr > CONTAINER_PSNR}, reverse=True):
        try:
            room = forecast_room(choose_rung(modem.rungs, channel, wanted), height, width)
        except CapacityError:
            continue
        if room and size <= room // _CERTAIN:
            return wanted
    return CONTAINER_PSNR


def _write(out: OutputTarget, found: Survivor, profile: bytes | None, written: int | None, verify: bool) -> Report:
    if written is None:
        return write_picture(out, found.picture, profile, verify=verify)
    return write_jpeg(out, found.picture, written, profile, verify=verify)


def _larger(modem: Modem, channel: Channel, shape: tuple[int, ...], container_psnr: float, size: int) -> str:
    """Hint for a file that does not fit: a milder channel that has room for it, or a larger cover."""
    if channel.factor is not None:
        return f"{_MORE_ROOM}; or reduce it less: a larger factor of +resize"
    if channel.cropped:
        return f"{_MORE_ROOM}; or promise less, without +crop"
    rooms = {rung: forecast_room(rung, *shape[:2]) for rung in modem.rungs if abs(rung.psnr - container_psnr) < 1}
    for rung, room in sorted(rooms.items(), key=lambda item: item[0].lowest):
        if room is not None and room >= size:
            return f"the channel {rung.channel} has room for about {room} bytes; or {_MORE_ROOM}"
    worse = [rung.psnr for rung in modem.rungs if rung.psnr < container_psnr - 1 and rung.lowest <= channel.quality]
    return f"{_MORE_ROOM}; or accept a container of {max(worse):g} dB" if worse else _MORE_ROOM
