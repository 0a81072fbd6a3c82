"""Hiding a picture or any small file in a picture, from file to file, so that it survives a lossy channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stegnet.core.errors import CapacityError, reading
from stegnet.core.names import JPEG_SUFFIXES, PICTURE
from stegnet.core.text import Aside, Setting, Text
from stegnet.image.avif import has_ffmpeg
from stegnet.image.pictures import read_picture, refuse_palette, resize
from stegnet.keys import KeySource
from stegnet.media.cover import Compressed, Cover, about_secret
from stegnet.media.jpeg_cover import jpeg_cover
from stegnet.methods.hiding import write_jpeg, write_picture
from stegnet.methods.method import Context, HiddenFile, NewContainer, Payload, Written, warnings_of_psnr
from stegnet.methods.robust.channels import MESSENGER_SIDE, PictureChannel
from stegnet.methods.robust.jpeg_container import JpegContainer
from stegnet.methods.robust.operating_points import OperatingPoint
from stegnet.methods.robust.robust_content import file_bytes, file_content, fit_picture, within_ratio
from stegnet.methods.robust.robust_modem import PictureModem
from stegnet.methods.robust.robust_options import CONTAINER_PSNR, RobustOptions
from stegnet.methods.robust.robust_pictures import (
    WRITTEN_QUALITY,
    PictureCover,
    TiledCover,
    as_given,
    picture_cover,
    usual_capacity,
)
from stegnet.methods.robust.survival import ContentSpace, Surviving, embed_surviving, survival_notes
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.networks.inference import Step
from stegnet.results import LEAST, Changes, stored_name


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
    channel = options.picture_channel()
    psnr = options.container_psnr or CONTAINER_PSNR
    jpeg: JpegContainer | None = None
    if suffix in JPEG_SUFFIXES:
        made = jpeg_cover(cover, WRITTEN_QUALITY)
        size = made.shown.shape[0], made.shown.shape[1]
        if channel.sent_size(*size) != size:
            made = jpeg_cover(cover, WRITTEN_QUALITY, MESSENGER_SIDE)
        jpeg = JpegContainer(made)
        pixels = made.shown
    else:
        refuse_palette(cover)
        size = cover.size
        pixels = resize(cover.pixels, *channel.sent_size(*size))

    modem = context.network(PictureModem.load, SHIPPED_MODEM)
    steps = ("try", "compress", "hide tiles") if payload.kind == PICTURE else ("try", "hide tiles")
    context = context.in_steps(*steps, "check", "write")
    sent = context.with_heartbeat("try", lambda: picture_cover(pixels, key, channel, psnr, jpeg or as_given, context))
    secret = _Secret(payload, _hidden_area(sent), _remedy(channel, modem.points, pixels, psnr, payload), context)
    try:
        surviving = embed_surviving(sent, secret.fit)
    except CapacityError as error:
        if jpeg is None or not jpeg.coarse:
            raise
        png = Aside("to", "NAME.png")
        hint = Text(error.hint, "; or write a PNG", png, ", which does not keep the coarse steps of the JPEG")
        raise error.with_hint(hint) from None
    return _NewPicture(cover, pixels, jpeg, surviving, secret, channel, _notes_on_size(channel, size))


@dataclass(frozen=True, eq=False)
class _Secret:
    """A file or picture that is fitted to what a container holds."""

    payload: Payload
    area: int  # pixels of the smallest copy that it may be read from
    larger: str  # the hint if it does not fit
    context: Context

    def fit(self, space: int) -> tuple[bytes, HiddenFile]:
        """Return content of at most `space` bytes: the file, or a picture that was scaled and compressed."""

        def compressed(path: Path, folder: Path, most: int, step: Step) -> Compressed:
            fitted = fit_picture(self.picture, space, step)
            copy = folder / "content"
            copy.write_bytes(fitted.content)
            return Compressed(copy, f"AVIF, {fitted.psnr:.1f} dB", fitted.psnr)

        file = self.payload.fit(ContentSpace(space, self.larger, {PICTURE: (compressed, "")}), self.context)
        with reading(file.file):
            data = file.file.read_bytes()
        return file_content(file.name, data) if file.unchanged else data, file

    @cached_property
    def picture(self) -> np.ndarray:
        """The secret picture, (h, w, 3) uint8, reduced to what readers accept."""
        return within_ratio(self._whole, self.area)

    @property
    def reduced(self) -> str:
        """Words on its reduction, or ""."""
        if self.picture is self._whole:
            return ""
        return f"reduced to {self.picture.shape[1]}×{self.picture.shape[0]} pixels, "

    @cached_property
    def _whole(self) -> np.ndarray:
        return read_picture(self.payload.file)


@dataclass(eq=False)
class _NewPicture(NewContainer):
    """A picture whose secret survives a channel."""

    cover: Cover
    pixels: np.ndarray  # of the cover as it is sent
    jpeg: JpegContainer | None  # the JPEG that it is written as; None: it is a PNG
    surviving: Surviving[np.ndarray, HiddenFile]
    secret: _Secret
    channel: PictureChannel
    notes_on_cover: tuple[str, ...]  # one line each, besides those on what is lost by its form

    def __post_init__(self) -> None:
        self.height, self.width = self.pixels.shape[:2]

    def write(self, part: Path, verify: bool) -> Written:
        container = self.surviving.container
        file = self.surviving.fitted

        def write() -> tuple[Changes, tuple[str, ...]]:
            if self.jpeg:
                changes = write_jpeg(part, self.jpeg.cover, self.jpeg.planes(container), verify)
                return changes, self.jpeg.cover.notes
            lost = write_picture(part, container, self.cover, self.cover.picture[1], verify)
            return Changes.of(self.pixels, container), lost

        changes, lost = self.secret.context.with_heartbeat("write", write)
        taken, offered = len(self.surviving.content), self.surviving.offered
        better = "" if has_ffmpeg() else "; `pip install 'stegnet[media]'` compresses better"
        on_copy = f"{self.secret.reduced if file.copy else ''}compressed to {taken} bytes ({offered} available){better}"
        notes = *survival_notes(file, self.channel, (on_copy,)), *self.notes_on_cover, *lost
        figures = {
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
            "hidden_bytes": taken,
            "capacity": offered,
            "survives": str(self.channel),
        }
        if file.copy is None:
            return Written(file, notes, figures)
        advice = Text("use a larger cover, or a milder channel", Aside("survive", "CHANNEL"))
        warnings = warnings_of_psnr(file.copy.psnr, LEAST, advice)
        notes = *notes, *about_secret(self.secret.payload.file)
        return Written(None, notes, figures, warnings, file.copy.psnr, file.warning)


def _hidden_area(cover: PictureCover | TiledCover) -> int:
    """Return the pixels of the smallest copy that a reader may have."""
    if isinstance(cover, TiledCover):
        grid, channel = cover.picture.grid, cover.picture.channel
        return int(grid.height * grid.width * (channel.part or 1) ** 2)
    return cover.grid.height * cover.grid.width


def _remedy(
    channel: PictureChannel, points: Sequence[OperatingPoint], pixels: np.ndarray, psnr: float, payload: Payload
) -> str:
    """Return the hint if the secret does not fit: a milder channel that has enough capacity, or a larger cover."""
    more_capacity = "resize the cover to more pixels, or use a larger one"
    if channel.part:
        milder = Setting("survive", f"jpeg:90+crop:{channel.part:g}")
        return Text("hide less, or let it survive less: a higher quality, such as ", milder)
    if channel.cropped or channel.factor is not None:
        less = "without +crop" if channel.cropped else "a larger factor of +resize"
        return f"{more_capacity}; or let it survive less: {less}"
    if channel.side:
        return f"use a cover of {MESSENGER_SIDE} pixels or more, with more texture"

    height, width = pixels.shape[:2]
    taken = file_bytes(stored_name(payload.path), payload.file.length)
    capacities = {point: usual_capacity(point, height, width) for point in points if abs(point.psnr - psnr) < 1}
    for point, capacity in sorted(capacities.items(), key=lambda item: item[0].lowest):
        if capacity is not None and capacity >= taken:
            milder = Setting("survive", point.channel)
            return Text(milder, f" holds about {capacity} bytes; or {more_capacity}")
    poorer = [point.psnr for point in points if point.psnr < psnr - 1 and point.lowest <= channel.quality]
    if not poorer:
        return more_capacity
    accepted = Aside("container_psnr", f"{max(poorer):g}", quoted=False)
    return Text(f"{more_capacity}; or accept a poorer container", accepted)


def _notes_on_size(channel: PictureChannel, size: tuple[int, int]) -> tuple[str, ...]:
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
