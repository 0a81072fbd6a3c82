"""Hiding in pictures from file to file, so that the secret survives lossy codecs."""

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from stegnet.core.blocks import BLOCK, DCT_BASIS, coefficients
from stegnet.core.errors import CapacityError
from stegnet.core.kinds import JPEG_SUFFIXES, PICTURE
from stegnet.core.parallel import Progress
from stegnet.core.samples import strips
from stegnet.core.temporary import temporary_folder
from stegnet.formats.output import Compressed
from stegnet.image.avif import has_ffmpeg
from stegnet.image.jpeg_markers import parse_jpeg
from stegnet.image.pictures import exif_orientation, read_cover, read_picture, refuse_palette, resize
from stegnet.keys import KeySource
from stegnet.media import capacity_tables
from stegnet.media.capacity_tables import ROBUST_RATES
from stegnet.media.cover import Cover, about_cover, about_secret
from stegnet.media.jpeg_cover import JpegCover, jpeg_cover
from stegnet.methods.method import Compressors, Context, CoverSize, Fit, Fitted, NewContainer, Payload
from stegnet.methods.robust.channels import CONTAINER_PSNR, MESSENGER_SIDE, PictureChannel, RobustOptions, parse_channel
from stegnet.methods.robust.content import ROBUST, fit_picture, within_ratio
from stegnet.methods.robust.modem import chosen_modem, read_points
from stegnet.methods.robust.pictures import WRITTEN_QUALITY, PictureCarrier, choose_point, picture_carrier
from stegnet.methods.robust.places import content_room
from stegnet.methods.robust.qim import OperatingPoint
from stegnet.methods.robust.regions import LUMA_SHARES
from stegnet.methods.robust.survival import RobustContainer
from stegnet.methods.robust.tiles import TILE
from stegnet.methods.writing import write_jpeg, write_picture
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.results import LEAST, Changes

_MORE_ROOM = "resize the cover to more pixels, or use a larger one"
# Channels whose capacity is told beforehand.
_JOINED = ("jpeg:75+crop", "jpeg:75+crop:0.5", "jpeg:75+resize:0.5", "jpeg:75+crop+resize:0.5")
_FOUND = 1000  # blocks of a canonical size; of smaller ones, copies that were also cropped are often not found
_MIDDLE, _PEAK = 128, 255
_MOST = np.array([2047, *[1023] * 63])  # coefficients that a JPEG of 8 bits has codes for
# Mean step of luma at quality 92, and what is left of the room below: measured from 75 to 95, through 75 to 95.
_FINE, _COARSE_SHARE = 9.0, 0.7
_TURN = Image.Transpose
_BACK = {  # by EXIF's orientation, what turns upright pixels back to those stored
    2: _TURN.FLIP_LEFT_RIGHT, 3: _TURN.ROTATE_180, 4: _TURN.FLIP_TOP_BOTTOM, 5: _TURN.TRANSPOSE, 6: _TURN.ROTATE_90,
    7: _TURN.TRANSVERSE, 8: _TURN.ROTATE_270,
}  # fmt: skip


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
    channel = options.channel(PICTURE)
    sent = _Prepared.of(cover, channel, suffix in JPEG_SUFFIXES)
    modem, psnr = chosen_modem(context), options.container_psnr or CONTAINER_PSNR
    steps = ("try", "compress", "hide tiles") if payload.kind == PICTURE else ("try", "hide tiles")
    context = context.in_steps(*steps, "check", "write")

    def chosen() -> PictureCarrier:
        carrier = picture_carrier(modem, sent.pixels, key, channel, psnr, written=sent.jpeg, context=context)
        return carrier.at_best_point(sent.coarse)

    made = _NewPicture(payload, context.with_heartbeat("try", chosen), sent, psnr)
    try:
        made.carrier.hide(made.content)
    except CapacityError as error:
        if not sent.coarse:
            raise
        hint = f'{error.hint}; or write a PNG (`to="NAME.png"`), which does not keep the coarse steps of the JPEG'
        raise CapacityError(str(error), hint) from None
    return made


class _NewPicture(RobustContainer):
    """A picture whose secret survives a channel; a secret picture is scaled and compressed to fit.

    Args:
        psnr: of the container in dB, as wished.
    """

    carrier: PictureCarrier

    def __init__(self, payload: Payload, carrier: PictureCarrier, sent: "_Prepared", psnr: float) -> None:
        super().__init__(payload, carrier)
        self._sent, self._psnr, self._reduced = sent, psnr, ""
        self.height, self.width = carrier.cover.shape[:2]

    @cached_property
    def _secret(self) -> np.ndarray:
        """The secret picture, as large as readers accept it."""
        whole, grid = read_picture(self.payload.path), self.carrier.grid
        secret = within_ratio(whole, int(grid.height * grid.width * (self.carrier.channel.part or 1) ** 2))
        if secret is not whole:
            self._reduced = f"reduced to {secret.shape[1]}×{secret.shape[0]} pixels, "
        return secret

    @property
    def fitted(self) -> Fitted | None:
        return self.file if self.file.unchanged else None

    def content_of(self, data: bytes) -> bytes:
        return super().content_of(data) if self.file.unchanged else data

    def compressors(self) -> Compressors:
        return {PICTURE: (self._compressed, "")}

    def _compressed(self, path: Path, folder: Path, _: int, step: Progress) -> Compressed:
        fitted, copy = fit_picture(self._secret, self.room, step), folder / "content"
        copy.write_bytes(fitted.content)
        return Compressed(copy, str(len(fitted.data)), fitted.psnr)

    def way_out(self, taken: int) -> str:
        """A milder channel that has room for it, or a larger cover."""
        channel, points = self.carrier.channel, self.carrier.modem.points
        if channel.part:
            return (
                f"promise a higher quality; a picture that may be cropped to a part has room for {TILE}×{TILE} blocks"
            )
        if channel.cropped:
            return f"{_MORE_ROOM}; or promise less, without +crop"
        if channel.factor is not None:
            return f"{_MORE_ROOM}; or reduce it less: a larger factor of +resize"
        if channel.side:
            return f"use a cover of {MESSENGER_SIDE} pixels or more, with more texture"
        size = self.carrier.cover.shape[:2]
        rooms = {point: forecast_room(point, *size) for point in points if abs(point.psnr - self._psnr) < 1}
        for point, room in sorted(rooms.items(), key=lambda item: item[0].lowest):
            if room is not None and room >= taken:
                return f'`survive="{point.channel}"` holds about {room} bytes; or {_MORE_ROOM}'
        worse = [point.psnr for point in points if point.psnr < self._psnr - 1 and point.lowest <= channel.quality]
        return f"{_MORE_ROOM}; or accept a poorer container (`container_psnr={max(worse):g}`)" if worse else _MORE_ROOM

    def write(self, part: Path, verify: bool) -> None:
        self._changes = self.carrier.context.with_heartbeat("write", lambda: self._write(part, verify))

    def _write(self, part: Path, verify: bool) -> Changes:
        jpeg, pixels = self._sent.jpeg, self.carrier.picture
        if jpeg:
            return write_jpeg(part, jpeg.cover, jpeg.planes(pixels), verify)
        write_picture(part, pixels, self._sent.profile, verify)
        return Changes.of(self._sent.pixels, pixels)

    def notes_on_copy(self) -> tuple[str, ...]:
        return (f"{self._reduced}compressed to {self.file.copy.description} bytes of {self.room}",)

    def notes_on_cover(self) -> tuple[str, ...]:
        return self._sent.notes if self.file.unchanged else (*self._sent.notes, *about_secret(self.payload.file))

    def notes(self) -> tuple[str, ...]:
        first, *more = super().notes()
        better = "" if self.file.unchanged or has_ffmpeg() else "; `pip install 'stegnet[media]'` compresses better"
        return first + better, *more

    def warnings(self) -> tuple[str, ...]:
        copy, advice = self.file.copy, 'use a larger cover, or a milder channel (`survive="CHANNEL"`)'
        if copy is None or copy.psnr >= LEAST:
            return ()
        return (f"the secret is revealed at only {copy.psnr:.1f} dB PSNR: {advice}",)

    def secret_psnr(self) -> float | None:
        return self.file.copy and self.file.copy.psnr

    def figures(self) -> dict[str, Any]:
        changed = {"container_psnr": self._changes.psnr, "changed_pixels": self._changes.pixels}
        return changed | super().figures()


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
    jpeg: "JpegContainer | None" = None
    profile: bytes | None = None

    @property
    def coarse(self) -> bool:
        """True if the container has the cover's own quantisation steps, which may be as large as the channel's."""
        return self.jpeg is not None and self.jpeg.cover.errors is None

    @classmethod
    def of(cls, cover: Cover, channel: PictureChannel, as_jpeg: bool) -> Self:
        """Reads a cover; errors as `jpeg_cover`."""
        if not as_jpeg:
            refuse_palette(cover)
            pixels, profile = cover.picture
            notes = (*_on_size(channel, pixels.shape[:2]), *about_cover(cover))
            return cls(resize(pixels, *channel.sent_size(*pixels.shape[:2])), notes, profile=profile)
        made = jpeg_cover(cover, WRITTEN_QUALITY)
        size = made.shown.shape[:2]
        if channel.sent_size(*size) != size:
            made = jpeg_cover(cover, WRITTEN_QUALITY, MESSENGER_SIDE)
        return cls(made.shown, (*_on_size(channel, size), *made.notes), JpegContainer(made))


@dataclass(frozen=True, eq=False)
class JpegContainer:
    """The JPEG that a container is written as, with other coefficients of luma where it differs from the cover.

    Attributes:
        cover: a JPEG, or the one that was made of the cover.
    """

    cover: JpegCover

    def planes(self, container: np.ndarray) -> list[np.ndarray]:
        """The planes of a container, (H, W, 3) uint8."""
        luma, *others = self.cover.picture.planes
        added = np.zeros([BLOCK * side for side in luma.shape[:2]], np.float32)
        change = self._stored(_luma_between(self.cover.shown, container))
        added[: len(change), : change.shape[1]] = change
        exact = coefficients(added) / self.cover.picture.steps(0).astype(np.float32)
        changes = (exact != 0).any(2)
        exact = exact[changes] + (0 if self.cover.errors is None else self.cover.errors[changes])
        luma = luma.copy()
        luma[changes] = np.clip(luma[changes] + np.rint(exact), -_MOST, _MOST)
        return [luma, *others]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Pixels that viewers show of a container, (H, W, 3) uint8; of other shapes, those that its tables leave."""
        if picture.shape != self.cover.shown.shape:
            return self._rounded(picture)
        with temporary_folder() as folder:
            path = folder / "container.jpg"
            path.write_bytes(self.cover.picture.with_planes(self.planes(picture)))
            return read_cover(path)[0]

    def _stored(self, upright: np.ndarray) -> np.ndarray:
        """Pixels, (H, W) float32, as they are stored."""
        with Image.open(BytesIO(self.cover.picture.file.data)) as image:
            turn = _BACK.get(exif_orientation(image))
        return upright if turn is None else np.asarray(Image.fromarray(upright).transpose(turn))

    def _rounded(self, picture: np.ndarray) -> np.ndarray:
        """A picture, (H, W, 3) uint8, of whole blocks, whose luma is rounded as this JPEG's."""
        steps, luma = self.cover.picture.steps(0).astype(np.float32), picture @ LUMA_SHARES - _MIDDLE
        rounded = np.rint(coefficients(luma) / steps) * steps @ DCT_BASIS.astype(np.float32)
        rows, cols = (side // BLOCK for side in luma.shape)
        shown = rounded.reshape(rows, cols, BLOCK, BLOCK).swapaxes(1, 2).reshape(luma.shape)
        return np.rint((picture + (shown - luma)[..., None]).clip(0, _PEAK)).astype(np.uint8)


def _luma_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Differences of luma, (H, W) float32, of two pictures, (H, W, 3) uint8."""
    found = np.empty(before.shape[:2], np.float32)
    for rows in strips(*found.shape):
        found[rows] = (after[rows].astype(np.float32) - before[rows]) @ LUMA_SHARES
    return found


def _on_size(channel: PictureChannel, size: tuple[int, int]) -> tuple[str, ...]:
    """A note on a cover that messengers reduce.

    Args:
        size: its height and width.
    """
    longest = max(size)
    if longest <= MESSENGER_SIDE:
        return ()
    if channel.side:
        return (f"the cover was reduced from {size[1]}×{size[0]} pixels, as messengers do",)
    if channel.factor is not None and channel.factor * longest <= MESSENGER_SIDE:
        return ()
    ways = '`survive="messenger"` does, and +resize:FACTOR survives other reductions'
    return (f"messengers reduce pictures to {MESSENGER_SIDE} pixels, which this does not survive: {ways}",)


def forecast_room(point: OperatingPoint, height: int, width: int) -> int | None:
    """Bytes of content that a picture of this size can usually carry; None if it is not known for this point."""
    rate = ROBUST_RATES.get(point.name)
    blocks = (height // BLOCK) * (width // BLOCK)
    return None if rate is None else max(content_room(blocks, point, rate), 0)


def picture_room(cover: CoverSize, channel: PictureChannel, psnr: float | None = None) -> int | None:
    """Bytes of content that a picture of this size can usually carry; None if it is not known.

    Raises:
        CapacityError: the shipped modem has nothing for it, or the cover is too small.
    """
    point = choose_point(read_points(SHIPPED_MODEM), channel, psnr or CONTAINER_PSNR)
    size = channel.sent_size(cover.height, cover.width)
    if channel.plain:
        room = forecast_room(point, *size)
    elif point.psnr == CONTAINER_PSNR:
        bits = capacity_tables.robust_bits("resize" if channel.factor else "crop", channel.quality)
        blocks = math.prod(channel.grid(*size).shape)
        found = not (channel.factor and channel.cropped) or blocks >= _FOUND
        room = int(bits * (TILE**2 if channel.part else blocks) / 8) if found else None
    else:
        room = None
    return room and int(usual_share(cover.cover) * room)


def picture_fits(cover: CoverSize) -> list[Fit]:
    """Lists what fits into a picture of this size through JPEG, for each of the shipped modem's points at 38 dB."""
    points = [point for point in read_points(SHIPPED_MODEM) if abs(point.psnr - CONTAINER_PSNR) < 1]
    fits: list[Fit] = []
    share = usual_share(cover.cover)
    for point in sorted(points, key=lambda point: -point.lowest):
        room = int(share * (forecast_room(point, cover.height, cover.width) or 0))
        if room:
            decibels = round(capacity_tables.picture_quality(room, cover.width, cover.height))
            fits.append(Fit("any file", ROBUST, room, survive=point.channel))
            fits.append(Fit("a picture of its own size", ROBUST, psnr=decibels, survive=point.channel))
    for name in _JOINED:
        with suppress(CapacityError):  # too small to be resized
            if room := picture_room(cover, parse_channel(name)):
                fits.append(Fit("any file", ROBUST, room, survive=name))
    return fits


def usual_share(cover: Cover | None) -> float:
    """Share of the usual room that a cover has: less where it is a JPEG of coarse steps, which stay.

    Raises:
        MediaError: it is a JPEG that can't be read.
    """
    if cover is None or not cover.is_jpeg:
        return 1.0
    file = parse_jpeg(cover.read_bytes(), str(cover))
    return 1.0 if np.mean(file.quantisation[file.components[0].table]) < _FINE else _COARSE_SHARE
