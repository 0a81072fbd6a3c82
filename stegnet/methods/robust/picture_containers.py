"""Hiding a picture or any small file in a picture, from file to file, so that it survives a lossy channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stegnet.channels import MESSENGER_SIDE, PictureChannel
from stegnet.core.errors import CapacityError, reading
from stegnet.core.names import PICTURE
from stegnet.core.parallel import Count
from stegnet.core.text import Aside, CommandLine, Setting, Text
from stegnet.formats.signatures import JPEG_SUFFIXES
from stegnet.hiding.method import Context, FoundSecret, HiddenFile, NewContainer, Payload, Written, warnings_of_psnr
from stegnet.image.pictures import read_picture, refuse_palette
from stegnet.jpeg.cover import jpeg_cover
from stegnet.jpeg.medium import write_jpeg
from stegnet.keys import ANY_KEY, KeySource
from stegnet.media.cover import Compressed, Cover, about_secret, reduced_to
from stegnet.methods.robust.found_content import FoundContent
from stegnet.methods.robust.jpeg_container import JpegContainer
from stegnet.methods.robust.operating_points import OperatingPoint
from stegnet.methods.robust.robust_content import file_bytes, file_content, fit_picture, parse_content, within_ratio
from stegnet.methods.robust.robust_modem import PictureModem
from stegnet.methods.robust.robust_options import CONTAINER_PSNR, RobustOptions
from stegnet.methods.robust.robust_pictures import (
    WRITTEN_QUALITY,
    PictureModulator,
    as_given,
    picture_cover,
    usual_capacity,
)
from stegnet.methods.robust.survival import Surviving, embed_surviving, file_room, survival_notes
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.png.writing import write_like
from stegnet.results import LEAST, Changes, Detectability, stored_name


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
    pixels, jpeg = _as_sent(cover, channel, suffix, options.resize)
    modem = context.network(PictureModem.load, SHIPPED_MODEM)
    larger = _remedy(channel, modem.points, pixels, psnr, payload)
    context.foretell(Detectability())
    phases = ("try", "compress", "hide tiles") if payload.kind == PICTURE else ("try", "hide tiles")
    context = context.with_phases(*phases, "check", "write")
    sent = context.with_heartbeat("try", lambda: picture_cover(pixels, key, channel, psnr, jpeg or as_given, context))
    area = sent.grid.height * sent.grid.width
    try:
        surviving = embed_surviving(sent, lambda space: _fit(payload, area, larger, context, space))
    except CapacityError as error:
        raise error.with_hint(_or_as_png(error.hint, jpeg)) from None
    return _ModulatedPicture(cover, payload, area, sent, surviving, _notes_on_size(channel, cover.size, pixels))


def measured_capacity(cover: Cover, channel: PictureChannel, options: RobustOptions, context: Context) -> int:
    """Return the bytes of content that a picture carries through a channel, measured as `hide` does, in a JPEG.

    Args:
        cover: opened picture.
        channel: the channel that the content must survive.
        options: options of hiding.
        context: networks.

    Raises:
        ConfigError: the cover is not larger than the size that is asked for.
        MediaError: the cover can't be read, or has a palette.
        CapacityError: the cover is too small, or there is no operating point for the channel.
        WeightsError: the weights are missing, or not a modem's.
    """
    pixels, jpeg = _as_sent(cover, channel, JPEG_SUFFIXES[0], options.resize)
    psnr = options.container_psnr or CONTAINER_PSNR
    sent = picture_cover(pixels, ANY_KEY, channel, psnr, jpeg or as_given, context)
    return sent.measured_plan().capacity


def _as_sent(
    cover: Cover, channel: PictureChannel, suffix: str, side: int | None
) -> tuple[np.ndarray, JpegContainer | None]:
    """Return the pixels of a cover as a channel sends them, or of this longer side, and the JPEG, if it is one.

    Errors are those of `jpeg_cover`, or of reading a picture.
    """
    side = side or (channel.side if channel.kept_size(*cover.size) != cover.size else None)
    if suffix in JPEG_SUFFIXES:
        jpeg = JpegContainer(jpeg_cover(cover, WRITTEN_QUALITY, side))
        return jpeg.cover.file.pixels, jpeg
    refuse_palette(cover)
    return reduced_to(cover.pixels, side), None


def _or_as_png(hint: str, jpeg: JpegContainer | None) -> str:
    """Return a hint to hide more, with that of a PNG if the container is to keep a JPEG's coarse steps."""
    if jpeg is None or not jpeg.coarse:
        return hint
    return Text(hint, "; or write a PNG", Aside("to", "NAME.png"), ", which does not keep the coarse steps of the JPEG")


def _fit(payload: Payload, area: int, larger: str, context: Context, space: int) -> tuple[bytes, HiddenFile]:
    """Return content of at most `space` bytes: the file, or a picture that was scaled and compressed.

    Args:
        payload: opened secret.
        area: pixels of the smallest copy that the content may be read from.
        larger: the hint if it does not fit.
        context: progress of the work, and a callback for warnings.
        space: largest number of bytes of content.
    """

    def compressed(path: Path, folder: Path, most: int, progress: Count) -> Compressed:
        fitted = fit_picture(_secret_picture(payload, area), space, progress)
        copy = folder / "content"
        copy.write_bytes(fitted.content)
        return Compressed(copy, f"AVIF, {fitted.psnr:.1f} dB", fitted.psnr)

    file = payload.fit(lambda name: file_room(space, name), {PICTURE: (compressed, "")}, context)
    if file is None:
        raise payload.too_large(file_room(space, stored_name(payload.path)) or 0, larger)
    with reading(file.file):
        data = file.file.read_bytes()
    return file_content(file.name, data) if file.unchanged else data, file


def _secret_picture(payload: Payload, area: int) -> np.ndarray:
    """Return a secret picture, (h, w, 3) uint8, reduced to what readers accept in a hidden area of `area` pixels."""
    picture: np.ndarray = payload.file.once("in sRGB, reduced", lambda file: within_ratio(read_picture(file), area))
    return picture


@dataclass(eq=False)
class _ModulatedPicture(NewContainer):
    """A picture whose secret survives a channel."""

    cover: Cover
    payload: Payload
    area: int  # as in `_fit`
    sent: PictureModulator
    surviving: Surviving[np.ndarray, HiddenFile]
    notes_on_cover: tuple[str, ...]  # one line each, besides those on what is lost by its form

    def __post_init__(self) -> None:
        self.height, self.width = self.sent.pixels.shape[:2]
        self.keys = self.sent.key_source
        self.context = self.sent.context

    def write(self, part: Path, verify: bool) -> Written:
        container = self.surviving.container
        jpeg = self.sent.written if isinstance(self.sent.written, JpegContainer) else None

        def write() -> tuple[Changes, tuple[str, ...]]:
            if jpeg:
                return write_jpeg(part, jpeg.cover, jpeg.planes(container)), jpeg.cover.notes
            lost = write_like(self.cover, self.cover.picture[1], part, container)
            return Changes.of(self.sent.pixels, container), lost

        changes, lost = self.sent.context.with_heartbeat("write", write)
        channel = self.sent.channel
        figures = {
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
            "hidden_bytes": len(self.surviving.content),
            "capacity": self.surviving.offered,
            "survives": str(channel),
        }
        file = self.surviving.fitted
        if file.copy is None:
            return Written(file, (*survival_notes(file, channel, ()), *self.notes_on_cover, *lost), figures)
        on_copy, on_secret = (self._note_on_copy(),), about_secret(self.payload.file)
        notes = *survival_notes(file, channel, on_copy), *self.notes_on_cover, *lost, *on_secret
        advice = Text("use a larger cover, or a milder channel", Aside("survive", "CHANNEL"))
        warnings = warnings_of_psnr(file.copy.psnr, LEAST, advice)
        return Written(None, notes, figures, warnings, file.copy.psnr, file.warning)

    def is_in(self, found: FoundSecret) -> bool:
        """Return whether the file itself gives the content, as all simulated copies did."""
        return isinstance(found, FoundContent) and found.content == parse_content(
            self.surviving.content, self.height * self.width
        )

    def _note_on_copy(self) -> str:
        height, width = _secret_picture(self.payload, self.area).shape[:2]
        reduced = "" if (height, width) == self.payload.file.size else f"reduced to {width}×{height} pixels, "
        taken = len(self.surviving.content)
        return f"{reduced}compressed to {taken} bytes ({self.surviving.offered} available)"


def _remedy(
    channel: PictureChannel, points: Sequence[OperatingPoint], pixels: np.ndarray, psnr: float, payload: Payload
) -> str:
    """Return the hint if the secret does not fit: a milder channel that has enough capacity, or a larger cover."""
    more_capacity = "resize the cover to more pixels, or use a larger one"
    if channel.factor is not None:
        return f"{more_capacity}; or let it survive less: a larger factor of +resize"
    if channel.side:
        if max(pixels.shape[:2]) < channel.side:
            return f"use a cover of {channel.side} pixels or more, with more texture"
        as_document = CommandLine("--for file", "; or send it as a document, hidden for a file")
        return Text("use a smaller secret, or a cover with more texture", as_document)

    height, width = pixels.shape[:2]
    taken = file_bytes(stored_name(payload.path), payload.file.length)
    capacities = {
        point: usual_capacity(point.channel, point, height, width) for point in points if abs(point.psnr - psnr) < 1
    }
    for point, capacity in sorted(capacities.items(), key=lambda item: item[0].lowest):
        if capacity is not None and capacity >= taken:
            milder = Setting("survive", point.channel)
            return Text(milder, f" holds about {capacity} bytes; or {more_capacity}")
    poorer = [point.psnr for point in points if point.psnr < psnr - 1 and point.lowest <= channel.quality]
    if not poorer:
        return more_capacity
    accepted = Aside("container_psnr", f"{max(poorer):g}", quoted=False)
    return Text(f"{more_capacity}; or accept a poorer container", accepted)


def _notes_on_size(channel: PictureChannel, size: tuple[int, int], pixels: np.ndarray) -> tuple[str, ...]:
    """Return a note for a cover of this height and width if it was reduced, or if messengers would reduce it."""
    longest = max(pixels.shape[:2])
    if longest < max(size):
        how = ", as messengers do" if channel.side else ""
        return (f"the cover was reduced from {size[1]}×{size[0]} pixels{how}",)
    if longest <= MESSENGER_SIDE:
        return ()
    if channel.factor is not None and channel.factor * longest <= MESSENGER_SIDE:
        return ()
    ways = Text(Setting("survive", "messenger"), " does, and +resize:FACTOR survives other reductions")
    return (Text(f"some messengers reduce pictures to {MESSENGER_SIDE} pixels, which this does not survive: ", ways),)
