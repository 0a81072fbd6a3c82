"""The method "sealed": any file, byte for byte, by small changes of samples of a picture or film, without a network.

Each frame of a film gets a share of the file, all of equal length, so that as few samples as possible change in any
frame, and the file is revealed even if some frames are lost.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from stegnet import networks
from stegnet.core.errors import CapacityError, RevealError
from stegnet.core.names import FILE, FILM, JPEG_SUFFIXES, PICTURE, USUAL_NAME
from stegnet.core.pixels import channels_of
from stegnet.core.process_settings import blas_in_one_thread
from stegnet.core.text import Setting, Text
from stegnet.keys import SYSTEM, ContainerKeys, Key, KeyRing, KeySource, Randomness
from stegnet.media import capacity_tables
from stegnet.media.cover import Cover
from stegnet.media.kept_form import check_kept
from stegnet.media.regular import RegularAreas
from stegnet.methods.hiding import NewFilm, found_file, loss_note, suffixes_for
from stegnet.methods.medium import Medium, MediumMethod
from stegnet.methods.method import (
    COMPRESS_HELP,
    RESIZE_HELP,
    SAFE_HELP,
    VERIFY_HELP,
    AutoOptions,
    Capacity,
    Carrier,
    Compressors,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    HiddenFile,
    MethodChoice,
    MethodInfo,
    NewContainer,
    NotFound,
    Payload,
    Written,
    check_resize,
    choice_of,
    media_compressors,
    option,
)
from stegnet.methods.pixel_medium import (
    DATA_NAME,
    PixelMedium,
    bytes_capacity,
    check_pixels,
    frame_capacity,
    regular_areas_of,
    secure_in,
    secure_payload,
)
from stegnet.record import (
    ALL_OR_NOTHING,
    Container,
    Record,
    file_header,
    file_records,
    format_record,
    frames_for,
    frames_with_data,
    full_capacity,
    hidden_bytes,
    is_file_name,
    may_be_lost,
    not_a_file,
    nothing_revealed,
    read_record,
)
from stegnet.results import NONE_HARD, Changes, shown_history, stored_name
from stegnet.sealing import (
    FILM_EFFORT,
    LAYERED_PIXELS,
    PICTURE_EFFORT,
    PIXELS,
    SEED_BYTES,
    CarrierModel,
    CoverNeeds,
    SealOptions,
    seal,
    texture_costs,
)

SEALED = "sealed"


@dataclass(frozen=True)
class SealedOptions:
    """Options of the method "sealed"."""

    compress: bool = option(False, COMPRESS_HELP)
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    verify: bool = option(True, VERIFY_HELP)


class SealedMethod(MediumMethod[SealedOptions]):
    """Any file, byte for byte, in a picture or film."""

    info = MethodInfo(
        name=SEALED,
        summary="any file, byte for byte",
        description="""\
The method "sealed" hides any file in a picture or film by changes of ±1 to
its samples, encrypted; more than 4 bits per pixel take changes of up to ±4.
The container is a PNG, or a film without loss, and must arrive as it is. A
BMP, TIFF or lossless WebP can stay one (-o NAME.bmp).
`stegnet info COVER` says how much fits, and how much is hard to find.

  $ stegnet hide cover.png letter.pdf --key-file k -o sent.png
""",
        options=SealedOptions,
        albums=True,
        keeps="samples",
        preference=2,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        """Return files hidden unchanged, and pictures or films that are compressed."""
        good = 40  # dB: the quality of the longest film that is listed
        best = 52  # dB: the highest quality that is forecast
        found = self.capacity(cover, USUAL_NAME, SealedOptions())
        most = found.bytes
        if not most:
            return []
        what = "any file"
        file = cover.cover
        if file and file.kind == PICTURE and file.lossy_format:
            what = "any file, as PNG"
        if file and file.is_transparent:
            what = "any file (the PNG becomes opaque)"
        name = self.info.name
        fits = [Fit(what, name, most, found.hard)]
        if cover.frames == 1:
            decibels = round(capacity_tables.picture_quality(most, cover.width, cover.height))
            return [*fits, Fit("a picture of its own size", name, psnr=decibels, compressed=True)]
        forecast = min(capacity_tables.film_quality(most, cover.width, cover.height, cover.frames), best)
        times = capacity_tables.film_frames(most, cover.width, cover.height, good) / cover.frames
        longer = f"a film of its own size, {times:.1f} times as long"
        fits.append(Fit("a film of its own size and length", name, psnr=round(forecast), compressed=True))
        return [*fits, Fit(longer, name, psnr=good, compressed=True)]

    def check(self, cover: Cover, options: SealedOptions) -> None:
        """Refuse what `Method.check` does, and to resize what is no picture."""
        super().check(cover, options)
        check_resize(cover, options.resize)

    def open(self, cover: Cover, options: SealedOptions, suffix: str, key: KeySource) -> Medium:
        """Return the samples of a picture, reduced as the options ask."""
        return PixelMedium(cover, options.resize, suffix)

    def capacity(self, cover: CoverSize, name: str, options: SealedOptions) -> Capacity:
        """Return the capacity of a picture or film for a file; 0 if not even the header fits."""
        try:
            most = bytes_capacity(cover.height, cover.width, name, frames=cover.frames, channels=cover.channels)
        except CapacityError:  # not even the header fits
            most = 0
        if cover.cover is None:
            return Capacity(most)
        history = cover.cover.history
        if cover.frames > 1:
            return Capacity(most, history=history)
        if history:
            return Capacity.of(most, NONE_HARD, history)
        if cover.cover.is_film:  # a film of one frame
            secure = secure_payload(cover.height * cover.width * cover.channels)
        else:
            secure = secure_in(regular_areas_of(cover.cover).mask, cover.channels)
        return Capacity.of(most, secure.hard)

    def suits(self, cover: Cover, payload: Payload, suffix: str, options: AutoOptions) -> MethodChoice | None:
        """Return a choice for anything written without loss and not transparent.

        A secret that does not fit is compressed.
        """
        loses = suffix in suffixes_for(self, cover) and cover.is_transparent and not options.resize
        return None if loses or suffix in JPEG_SUFFIXES else choice_of(self, options)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: SealedOptions, context: Context
    ) -> NewContainer:
        """Hide a file in the samples of a picture, or spread over the frames of a film."""
        if not cover.is_film:
            cover.once("pixels", check_pixels)
            check_kept(cover, suffix, resized=bool(options.resize), opaque=True)
            return super().embed(cover, payload, suffix, key, options, context)
        if options.at_most_safe:
            hint = "hide in a picture, or less in an MP4 whose own H.264 can hold it (`stegnet info` says how much)"
            raise CapacityError("how much is hard to find in a film without loss was not measured", hint, subject=cover)
        keys = key.new_keys(context.randomness)
        frames = _Frames(cover, keys.film, options, suffix)
        context = context.in_steps("compress", *(("hide", "verify") if options.verify else ("hide",)))
        fitted = payload.fit(frames, context)
        context.warn_about_cover(frames.history)
        return _SealedFilm(frames, suffix, keys, context, fitted)

    def find(self, container: Container, context: Context) -> FoundSecret | NotFound:
        """Find a file in a picture or film, as `Method.find` does."""
        return found_file(container, context, self.info.name)


class _Frames(Carrier):
    """The frames of a film, over which a file is spread, with the container's film key."""

    def __init__(self, cover: Cover, key: Key, options: SealedOptions, suffix: str) -> None:
        self.cover = cover
        self.key = key
        self._compresses = options.compress
        self.history = shown_history(cover, suffix)

    def capacity(self, name: str) -> int:
        """Return the bytes of a file with this name that fit into all frames; errors are those of `bytes_capacity`."""
        return bytes_capacity(*self.cover.size, name, self.key, self.cover.frames, self.cover.channels)

    def copy_capacity(self, name: str, secret: Cover) -> int:
        """Return the largest size of a copy, as `Carrier.copy_capacity`; films that are good in one layer use one."""
        good = 45  # dB
        most = self.capacity(name)
        if self.cover.frames == 1 or secret.kind != FILM:
            return most
        one_layer = full_capacity(self.cover.frames, self.frame_capacity(name, PIXELS))
        height, width = secret.size
        quality = capacity_tables.film_quality(one_layer, width, height, secret.frames)
        return min(one_layer, most) if quality >= good else most

    def frame_capacity(self, name: str, medium: CarrierModel = LAYERED_PIXELS) -> int:
        """Return the bytes of a file with this name that fit into one frame; errors are those of `bytes_capacity`."""
        needs = CoverNeeds(self.cover.channels, medium)
        return frame_capacity(self.cover.size, name, self.key, self.cover.frames > 1, needs)

    def compressors(self) -> Compressors:
        """Return the compressors of all media, unless the options forbid copies."""
        return media_compressors() if self._compresses else {}

    def remedy(self, payload: Payload, size: int, most: int) -> str:
        """Describe a cover that would be large enough."""
        fits = most and frames_for(size, self.frame_capacity(stored_name(payload.path)))
        hint = f"the cover needs at least {fits} such frames" if fits else "use a larger cover"
        if self.cover.channels == 1:
            hint += ", a colour cover holds three times as much"
        if payload.kind:
            hint += Text(", or ", Setting("method", "auto"), ", which compresses it")
        return hint

    def figures(self, name: str, count: int, changes: Changes) -> dict[str, Any]:
        """Return figures for `count` hidden bytes of a file with this name."""
        height, width = self.cover.size
        return {
            "cover_format": self.history,
            "container_psnr": changes.psnr,
            "changed_pixels": changes.pixels,
            "hidden_bytes": count,
            "capacity": self.cover.frames * self.frame_capacity(name),
            "channels": self.cover.channels,
            "secure": secure_payload(self.cover.frames * height * width * self.cover.channels),
        }


class _SealedFilm(NewFilm):
    def __init__(self, of: _Frames, suffix: str, keys: ContainerKeys, context: Context, fitted: HiddenFile) -> None:
        sealers = 2  # threads: decoding and encoding take most of the time
        super().__init__(of.cover, suffix, networks.Pool(sealers), context)
        self._of = of
        self.fitted = fitted
        self._keys = keys
        self.changes = Changes()
        share = 0
        if self.frames > 1:
            # Two layers are for what does not fit into one, not for more frames that may be lost.
            size = fitted.file.stat().st_size
            one_layer = of.frame_capacity(fitted.name, PIXELS)
            share = one_layer if size <= full_capacity(self.frames, one_layer) else of.frame_capacity(fitted.name)
        with fitted.file.open("rb") as source:
            self.header = file_header(fitted.name, source, self.frames, share, context.randomness)

    def inputs(self) -> Generator[tuple[Record, bytes], None, None]:
        with self.fitted.file.open("rb") as source:
            for record in file_records(self.header, source):
                yield record, self.context.randomness(SEED_BYTES)

    def hide(self, given: tuple[Record, bytes], frame: np.ndarray) -> np.ndarray:
        container = _sealed(*given, frame, self._keys, RegularAreas(frame), film=True)
        self.changes.add(frame, container)
        return container

    def written(self, not_copied: tuple[str, ...]) -> Written:
        header = self.header
        fitted = self.fitted
        loss = loss_note(header, self._keys.anchors is not None)
        about_cover = (f"cover: {note}" for note in self.cover.film.notes)
        notes = fitted.line, *fitted.notes, *loss, *about_cover, *not_copied
        figures = self._of.figures(header.file.name, hidden_bytes(header), self.changes)
        lost = may_be_lost(header)
        return Written.of(fitted, notes, figures, hidden=frames_with_data(header), may_be_lost=lost)


def _sealed(
    record: Record, seed: bytes, cover: np.ndarray, keys: ContainerKeys, regular: RegularAreas, film: bool = False
) -> np.ndarray:
    """Return a copy of a frame, (H, W, 3) uint8, with a record sealed in it, outside its regular areas."""
    container = cover.copy(order="C")
    first = not film or record.index == 0  # a picture opens by itself, even in an album
    options = SealOptions(first, FILM_EFFORT if film else PICTURE_EFFORT, grey=True, medium=LAYERED_PIXELS)
    seal(container, format_record(record, keys.film), keys, seed, texture_costs(cover, regular.mask), options)
    return container


@blas_in_one_thread
def hide_bytes(
    cover: np.ndarray, data: bytes, key_source: KeySource, *, name: str = DATA_NAME, randomness: Randomness = SYSTEM
) -> np.ndarray:
    """Hide bytes in a picture.

    Args:
        cover: (H, W, 3) uint8; not changed.
        data: at most `bytes_capacity(H, W, name)` bytes; for a grey cover, which stays grey, about a third.
        key_source: key, passphrase or recipient.
        name: file name stored with them; 1 to 255 bytes of UTF-8, without "/".
        randomness: source of the film secret (with a passphrase), film id and seed, drawn in this order.

    Returns:
        The container, (H, W, 3) uint8: the pixels that are written for a file of this name and content.

    Raises:
        CapacityError: the bytes do not fit.
        ValueError: the name is not a file name.
    """
    if not is_file_name(name.encode("utf-8", "surrogateescape")):
        raise ValueError(f"name: must be a file's name without its folder, is {name!r}")
    keys = key_source.new_keys(randomness)
    height, width = cover.shape[:2]
    most = bytes_capacity(height, width, name, keys.film, channels=channels_of(cover))
    if len(data) > most:
        raise CapacityError(
            f"has {len(data)} bytes, more than the capacity of {most}", "use a larger cover", subject=name
        )
    header = file_header(name, BytesIO(data), 1, 0, randomness)
    return _sealed(Record(header, 0, data=data), randomness(SEED_BYTES), cover, keys, RegularAreas(cover))


@blas_in_one_thread
def reveal_bytes(container: np.ndarray, key_source: KeySource) -> bytes:
    """Reveal the bytes that `hide_bytes`, or this method in a picture, hid.

    Args:
        container: (H, W, 3) uint8.
        key_source: key, passphrase or identity.

    Raises:
        RevealError: wrong key, nothing hidden, a picture or film is hidden instead, or bytes are missing.
    """
    record = read_record(container, KeyRing(key_source), first=True).record
    if record is None:
        raise nothing_revealed()
    if record.header.kind != FILE:
        raise not_a_file()
    if hashlib.sha256(record.data).digest() != record.header.file.digest:
        raise RevealError("the bytes are not those that were hidden", ALL_OR_NOTHING)
    return record.data
