"""The method "sealed": any file, byte for byte, by small changes of samples of a picture or film, without a network.

Each frame of a film gets a share of the file, all of equal length, so that as few samples as possible change in any
frame, and the file is revealed even if some frames are lost.
"""

import hashlib
from io import BytesIO

import numpy as np

from stegnet import film, pixels
from stegnet.core.errors import CapacityError, RevealError
from stegnet.core.names import FILE, PICTURE
from stegnet.core.pixels import channels_of
from stegnet.core.process_settings import blas_in_one_thread
from stegnet.core.text import CommandLine, Text
from stegnet.hiding.medium import Medium, MediumMethod, MediumOptions, seal_record
from stegnet.hiding.method import (
    Context,
    CoverSize,
    MethodInfo,
    NewContainer,
    Payload,
    Room,
)
from stegnet.keys import SYSTEM, KeyRing, KeySource, Randomness
from stegnet.media.cover import Cover
from stegnet.record import (
    ALL_OR_NOTHING,
    Record,
    file_header,
    is_file_name,
    not_a_file,
    nothing_revealed,
    read_record,
)
from stegnet.sealing import SEED_BYTES

SEALED = "sealed"


class SealedMethod(MediumMethod[MediumOptions]):
    """Any file, byte for byte, in a picture or film."""

    info = MethodInfo(
        name=SEALED,
        summary="any file, byte for byte",
        description="""\
The method "sealed" hides any file in a picture or film by changes of ±1 to
its samples, encrypted, up to 4.4 bits per pixel. The container is a PNG, or
a film without loss, and must arrive as it is. `stegnet info COVER` says how
much fits, and how much is hard to find.

  $ stegnet hide cover.png letter.pdf --key-file k -o sent.png
""",
        options=MediumOptions,
        shared=("compress", "resize", "at_most_safe"),
        albums=True,
    )

    def file_in_words(self, cover: Cover | None) -> str:
        """Return what fits, and what becomes of a cover that can't stay as it is."""
        if cover and cover.is_transparent:
            return "any file (the PNG becomes opaque)"
        return "any file, as PNG" if cover and cover.kind == PICTURE and cover.lossy_format else "any file"

    def open(self, cover: Cover, options: MediumOptions, suffix: str, key: KeySource) -> Medium:
        return film.FrameMedium(cover, suffix) if cover.is_film else pixels.PixelMedium(cover, options.resize, suffix)

    def room(self, cover: CoverSize, name: str, options: MediumOptions) -> Room:
        """Return the room for a file in a picture or film; of a film, the size tells it, and nothing is decoded."""
        if cover.cover is not None and not cover.cover.is_film:
            return super().room(cover, name, options)
        try:
            most = pixels.bytes_capacity(cover.height, cover.width, name, frames=cover.frames, channels=cover.channels)
        except CapacityError:  # not even the header fits
            return Room(None)
        return Room(most, history=cover.cover.history if cover.cover else None)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: MediumOptions, context: Context
    ) -> NewContainer:
        if cover.is_film and options.at_most_safe:
            hint = Text(
                "hide in a picture, or less in an MP4 whose own H.264 can hold it",
                CommandLine("stegnet info", ", and see how much"),
            )
            raise CapacityError("how much is hard to find in a film without loss was not measured", hint, subject=cover)
        return super().embed(cover, payload, suffix, key, options, context)


@blas_in_one_thread
def hide_bytes(
    cover: np.ndarray,
    data: bytes,
    key_source: KeySource,
    *,
    name: str = pixels.DATA_NAME,
    randomness: Randomness = SYSTEM,
) -> np.ndarray:
    """Hide bytes in a picture.

    Args:
        cover: (H, W, 3) uint8; not changed.
        data: at most `pixels.bytes_capacity(H, W, name)` bytes; for a grey cover, which stays grey, about a third.
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
    most = pixels.bytes_capacity(height, width, name, keys.film, channels=channels_of(cover))
    if len(data) > most:
        raise CapacityError(
            f"has {len(data)} bytes, more than the capacity of {most}", "use a larger cover", subject=name
        )
    header = file_header(name, BytesIO(data), 1, 0, randomness)
    return seal_record(film.FrameSamples(cover), Record(header, 0, data=data), keys, randomness(SEED_BYTES))


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
