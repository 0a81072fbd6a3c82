"""What arrives through a channel: photographs that hide nothing, and containers, for the study channel_steganalysis.

A channel is an encoder of `study.proofs` at a quality. It is learned from two photographs as a sender learns it; then
what is sent goes through the encoder itself.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from stegnet.channels import learn_channel
from stegnet.channels.jpeg_form import jpeg_of
from stegnet.channels.transit import Transit, transit_of_file
from stegnet.core.errors import CapacityError
from stegnet.core.names import FILE
from stegnet.formats.opened_file import FileInMemory
from stegnet.image.jpeg_coefficients import JpegPicture
from stegnet.keys import ANY_KEY, KEY_BYTES, Key, Randomness, seeded
from stegnet.media.cover import Cover
from stegnet.media.jpeg_cover import JpegCover, rounding_errors
from stegnet.methods.channel_cover import channel_cover
from stegnet.methods.jpeg_channel import ThroughChannel
from stegnet.methods.jpeg_medium import JpegMedium
from stegnet.methods.jpeg_tolerant import NearlyThroughChannel
from stegnet.record import Record, empty_record_bytes
from stegnet.record.record import FILM_ID_BYTES, File, Header
from study.jpeg_hiders import LEAST_BITS, sealed_planes
from study.proofs import ENCODERS

ONCE, AGAIN, PREPARED = "sent once", "sent again", "prepared"
NAME = "a"  # of the file that is hidden
ARRIVES, CAME, JPEG, KNOWN = "arrives", "arrives, of what came", "jpeg", "jpeg, saved by it"


@dataclass(frozen=True)
class SavingChannel:
    """An encoder of `study.proofs` at a quality, 1 to 100."""

    encoder: str
    quality: int

    @property
    def name(self) -> str:
        """The encoder and the quality."""
        return f"{self.encoder} {self.quality}"

    def arriving(self, sent: bytes) -> JpegPicture:
        """Return what arrives of a PNG or JPEG."""
        with TemporaryDirectory() as folder:
            source = Path(folder) / "sent.png"  # encoders look at the content
            received = Path(folder) / "received.jpg"
            source.write_bytes(sent)
            ENCODERS[self.encoder].save(source, received, self.quality)
            return jpeg_of(received.read_bytes(), "received.jpg")

    def learned(self, photographs: Sequence[np.ndarray]) -> Transit:
        """Return the transit that a sender learns from photographs, (H, W, 3) uint8, each of them sent twice."""
        with TemporaryDirectory() as folder:
            pairs = []
            for number, photograph in enumerate(photographs):
                sent, received, again = (Path(folder) / f"{number}-{name}" for name in ("0.png", "1.jpg", "2.jpg"))
                sent.write_bytes(png_of(photograph))
                received.write_bytes(self.arriving(sent.read_bytes()).file.data)
                again.write_bytes(self.arriving(received.read_bytes()).file.data)
                pairs += [(sent, received), (received, again)]
            file = Path(folder) / "app.channel"
            file.write_text(learn_channel(pairs).text(), encoding="utf-8")
            return transit_of_file(file)


@dataclass(frozen=True)
class Message:
    """What is hidden: a file of a number of bytes, or what fits a rate.

    Attributes:
        rate: bits for each nonzero coefficient of luma, the first of blocks not counted, with all that is added.
        file_bytes: bytes of the file, if the rate is 0.
    """

    rate: float
    file_bytes: int = 0

    def record_bytes(self, nonzero: int) -> int:
        """Return the bytes of the record in a picture with this number of nonzero coefficients."""
        empty = empty_record_bytes(NAME, ANY_KEY)
        if self.file_bytes:
            return self.file_bytes + empty
        return max(round((self.rate * nonzero - LEAST_BITS) / 8), empty)

    def record(self, nonzero: int, random: Randomness) -> Record:
        """Return the record of a random file."""
        size = self.record_bytes(nonzero) - empty_record_bytes(NAME, ANY_KEY)
        header = Header(random(FILM_ID_BYTES), FILE, 1, File(NAME, size, random(32)))
        return Record(header, 0, data=random(size))


@dataclass(frozen=True)
class ChannelCase:
    """What is done to a photograph before it arrives; without a message, nothing is hidden.

    Attributes:
        kind: ONCE: saved by the channel; AGAIN: what arrived is sent once more; PREPARED: as hiding prepares it, and
            then sent; ARRIVES: the same with a message; CAME: a message in what arrived, sent once more; JPEG: the
            method jpeg in what arrived of the photograph; KNOWN: the same by a sender who saved that JPEG and knows
            its rounding errors.
        message: what is hidden, if anything.
    """

    kind: str
    message: Message | None = None


def pictures_of(
    photograph: np.ndarray, channel: SavingChannel, transit: Transit, cases: Sequence[ChannelCase], seed: int
) -> Iterator[JpegPicture | None]:
    """Yield what arrives of a photograph, (H, W, 3) uint8, in each case; None if hiding is refused."""
    once = channel.arriving(png_of(photograph))
    key = Key(seeded(seed)(KEY_BYTES))
    medium = medium_for(png_of(photograph), transit, key)
    medium_that_came = medium_for(once.file.data, transit, key)
    for case in cases:
        random = seeded(seed)
        keys = key.new_keys(random)
        match case:
            case ChannelCase(kind="sent once"):
                yield once
            case ChannelCase(kind="sent again"):
                yield channel.arriving(once.file.data)
            case ChannelCase(kind="prepared"):
                yield channel.arriving(medium.cover.picture.file.data)
            case ChannelCase(kind="arrives", message=Message() as message):
                yield _arriving(medium, channel, message, key, random)
            case ChannelCase(kind="arrives, of what came", message=Message() as message):
                yield _arriving(medium_that_came, channel, message, key, random)
            case ChannelCase(message=Message() as message):
                record = random(message.record_bytes(nonzero_of(once)))
                made = _cover_of(once)
                if case.kind == KNOWN:
                    made = replace(made, errors=rounding_errors(photograph, once))
                yield replace(once, planes=tuple(sealed_planes(made, record, keys, random)))
            case _:
                raise ValueError(case)


def _arriving(
    medium: JpegMedium, channel: SavingChannel, message: Message, key: Key, random: Randomness
) -> JpegPicture | None:
    """Return the container that arrives; None if hiding is refused."""
    record = message.record(nonzero_of(medium.container.picture), random)
    try:
        luma = medium.sealed(record, key.new_keys(random), random)
    except CapacityError:
        return None
    return channel.arriving(medium.file_of(luma))


def medium_for(photograph: bytes, transit: Transit, key: Key) -> JpegMedium:
    """Return the JPEG of a photograph, a PNG or JPEG, in which a container arrives through a channel."""
    with Cover(FileInMemory("cover", photograph), quiet=True) as cover:
        made = channel_cover(cover, transit)
    return ThroughChannel(made) if transit.known.exact else NearlyThroughChannel(made, key)


def nonzero_of(jpeg: JpegPicture) -> int:
    """Return the number of luma coefficients that are not 0, the first of blocks not counted."""
    return int(np.count_nonzero(jpeg.planes[0][..., 1:]))


def png_of(photograph: np.ndarray) -> bytes:
    """Return (H, W, 3) uint8 as a PNG."""
    file = io.BytesIO()
    Image.fromarray(photograph).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _cover_of(jpeg: JpegPicture) -> JpegCover:
    with Cover(FileInMemory("cover.jpg", jpeg.file.data), quiet=True) as file:
        return JpegCover(jpeg, file)
