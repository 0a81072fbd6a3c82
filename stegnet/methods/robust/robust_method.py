"""The method "robust", which hides a picture or small file in bits that survive JPEG or H.264."""

from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from stegnet import channels, networks
from stegnet.channels.destinations import DESTINATIONS, MESSENGER, USUAL_CHANNELS
from stegnet.core.errors import CapacityError, KeyFileError, RevealError
from stegnet.core.names import FILM, PICTURE, USUAL_NAME
from stegnet.core.parallel import with_heartbeat
from stegnet.core.pixels import BLOCK
from stegnet.core.text import Setting, Text
from stegnet.formats.signatures import JPEG_SUFFIXES
from stegnet.hiding.medium import bytes_left
from stegnet.hiding.method import (
    DEFAULT_CONTEXT,
    Context,
    CoverSize,
    Fit,
    FoundSecret,
    Method,
    MethodInfo,
    NewContainer,
    Payload,
    Room,
)
from stegnet.keys import Key, KeySource, Opener, Passphrase
from stegnet.media.cover import Cover
from stegnet.methods import robust
from stegnet.methods.robust.robust_options import CONTAINER_PSNR, ROBUST, RobustOptions
from stegnet.record import Container

if TYPE_CHECKING:
    from stegnet.channels import PictureChannel


class RobustMethod(Method[RobustOptions]):
    """The method "robust": a picture or small file, hidden in bits that survive JPEG or H.264."""

    info = MethodInfo(
        name=ROBUST,
        summary="a picture or small file, by bits that survive JPEG or H.264",
        description="""\
The method "robust", chosen by --for and --survive, hides what survives
re-encoding and more. Hiding simulates this channel, and writes nothing that is
not recovered from it. Capacity is much lower: a picture is scaled and
compressed to fit, a small file is hidden as it is. For one app, with more
capacity and harder to find: `stegnet channel`. --survive names a channel:

  of a picture, which becomes a JPEG or PNG:
  jpeg:QUALITY            saved as JPEG of this quality, 30 to 95, or better
  messenger               reduced to 1280 pixels, or to those of --resize,
                          then saved twice as JPEG
  ...+resize:FACTOR       reduced before that, down to this factor (0.25 to 1)

  of a film, which becomes an MP4 or MKV of H.264:
  h264:CRF                encoded again by x264 (fast to veryslow) at this
                          constant rate factor, 18 to 28, or a lower one
  messenger               reduced to 848 pixels and 30 frames a second, then
                          encoded by x264 (veryfast, CRF 28)

  $ stegnet hide photo.jpg note.txt --for messenger --key-file k -o sent.jpg
  $ stegnet hide photo.jpg note.txt --survive jpeg:75+resize:0.5 --key-file k \\
        -o sent.jpg
""",
        topic="channels",
        forms=MappingProxyType({PICTURE: (*JPEG_SUFFIXES, ".png"), FILM: (".mp4", ".mkv")}),
        options=RobustOptions,
        shared=("compress", "resize"),
        computes=True,
    )

    def what_fits(self, cover: CoverSize) -> list[Fit]:
        head = robust.file_bytes(USUAL_NAME, 0)
        fits: list[Fit] = []
        if cover.kind == FILM and cover.cover:
            for name in (MESSENGER, USUAL_CHANNELS[FILM]):
                film_channel = channels.parse_film_channel(name)
                with suppress(CapacityError):  # its sides are odd
                    capacity, frames = robust.measured_film_capacity(cover.cover, film_channel)
                    basis = f"by its first {frames} frames" if frames + robust.GROUP < cover.frames else ""
                    fits.append(Fit("any file", ROBUST, capacity - head, survive=name, basis=basis))
        elif cover.cover:
            for name in (each.channel or USUAL_CHANNELS[PICTURE] for each in DESTINATIONS.values() if each.is_lossy):
                channel = channels.parse_picture_channel(name)
                with suppress(CapacityError):  # it is too small
                    capacity = robust.measured_capacity(cover.cover, channel, RobustOptions(), Context(rough=True))
                    fits.append(Fit("any file", ROBUST, capacity - head, survive=name))
        return [fit for fit in fits if fit.bytes and fit.bytes > 0]

    def room(self, cover: CoverSize, name: str, options: RobustOptions) -> Room | None:
        """Return the bytes that survive the channel; None where that is not known before the cover is open."""
        if cover.kind == FILM:
            film_channel = options.film_channel()
            capacity = robust.measured_film_capacity(cover.cover, film_channel)[0] if cover.cover else None
        else:
            channel = options.picture_channel()
            capacity = _picture_capacity(cover, channel, options)
        return None if capacity is None else Room(bytes_left(capacity, robust.file_bytes(name, 0)))

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
    ) -> NewContainer:
        """Hide content in phases of 8×8 blocks, and check by simulations that it survives the channel."""
        if not _has_salted_key(key):
            hint = Text(
                "use a key file or passphrase, or leave ",
                Setting("survive", "CHANNEL"),
                " out and send the file as it is",
            )
            raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)
        embed = robust.embed_in_film if cover.is_film else robust.embed_in_picture
        made = embed(cover, payload, suffix, key, options, context)
        made.method = self.info.name
        return made

    def find(self, container: Container, context: Context) -> FoundSecret | None:
        """Read content where no record opens; for a recipient's identity, nothing is searched for."""
        key = container.key_source
        if not _has_salted_key(key):
            return None
        if container.first.record is not None:
            return None
        if container.kind == FILM:
            content = _message_in_film(container, key, context)
            pixels = 0
        else:
            content = _content_of_picture(container, key, context)
            pixels = container.height * container.width
        try:
            if content is not None:
                return robust.FoundContent(container, context, robust.parse_content(content, pixels))
        except ValueError:
            pass
        return None


def _has_salted_key(source: Opener) -> TypeGuard[Key | Passphrase]:
    """Return whether keys are derived from a salt: False for a recipient and an identity.

    The ephemeral key for a recipient would be at places that anyone who knows the recipient can find. Salts repeat in
    pictures that look alike, and a dither must be known before anything can be read.
    """
    return isinstance(source, Key | Passphrase)


def _picture_capacity(cover: CoverSize, channel: "PictureChannel", options: RobustOptions) -> int | None:
    """Return the bytes of content that a picture carries: measured if it is open, else what its size usually carries.

    None: not known for this channel. Errors are those of `measured_capacity`.
    """
    if cover.cover:
        return robust.measured_capacity(cover.cover, channel, options, DEFAULT_CONTEXT)
    psnr = options.container_psnr or CONTAINER_PSNR
    point = robust.choose_point(robust.read_points(networks.SHIPPED_MODEM), channel, psnr)
    return (
        robust.usual_capacity(channel.name, point, *channel.kept_size(cover.height, cover.width))
        if channel.plain
        else None
    )


def _content_of_picture(container: Container, key: KeySource, context: Context) -> bytes | None:
    """Return the content that survived in a picture; None if nothing opens."""
    (picture,) = container.frames()
    modem = context.network(robust.PictureModem.load, networks.SHIPPED_MODEM)
    reader = robust.PictureReader(modem, key)
    tiles = 0, 0  # done and in all

    def progress(done: int, total: int) -> None:
        nonlocal tiles
        tiles = done, total

    return with_heartbeat(lambda: reader.read(picture, progress), lambda: context.progress("reveal tiles", *tiles))


def _message_in_film(container: Container, key: KeySource, context: Context) -> bytes | None:
    """Return the message that survived in a film; None if nothing opens.

    Raises RevealError if only a part of it is left.
    """
    if container.file.lossy_format is None or min(container.height, container.width) < BLOCK:
        return None
    pieces = robust.read_film(container.readable_frames(), key, lambda done: context.progress("reveal", done, 0))
    if pieces is None:
        return None
    if pieces.message is None:
        groups = "1 group of frames" if pieces.groups == 1 else f"{pieces.groups} groups of frames"
        hint = "frames were lost or repeated, or the film was encoded at a lower quality than it was hidden for"
        raise RevealError(f"{pieces.share:.0%} of what is hidden here is left: {groups}", hint, subject=container.path)
    return pieces.message
