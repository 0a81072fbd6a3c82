"""The method "robust": a picture or small file, by bits that survive JPEG or H.264."""

from hashlib import sha256
from types import MappingProxyType
from typing import Any

from stegnet.core.errors import KeyFileError, RevealError
from stegnet.core.jpeg import BLOCK
from stegnet.core.kinds import FILE, FILM, JPEG_SUFFIXES, PICTURE
from stegnet.core.parallel import thread_count, with_heartbeat
from stegnet.formats.output import atomic_write
from stegnet.keys import Key, KeySource, Passphrase
from stegnet.media.cover import Cover
from stegnet.methods.method import Capacity, Context, CoverSize, Fit, FoundSecret, Method, NewContainer, Payload
from stegnet.methods.robust.channels import RobustOptions
from stegnet.methods.robust.films import embed_in_film, film_fits, film_room
from stegnet.methods.robust.groups import read_film
from stegnet.methods.robust.modem import Modem, PictureReader
from stegnet.methods.robust.pictures import embed_in_picture, picture_fits, picture_room
from stegnet.methods.robust.survival import ROBUST, RobustContent, RobustFile, file_bytes, parse_content
from stegnet.networks.card import SHIPPED_MODEM
from stegnet.record import Container
from stegnet.results import OutputTarget, Report, as_named, printable, text_report, write_revealed
from stegnet.video.films import frame_count

_SEARCH_SECONDS, _SEARCH_SECONDS_PER_MEGAPIXEL = 14, 4  # of one core, for pictures
_FILM_SECONDS = 0.05  # for each frame of a megapixel


class RobustMethod(Method):
    """A picture or small file, by bits that survive JPEG or H.264."""

    name = ROBUST
    summary = "a picture or small file, by bits that survive JPEG or H.264"
    description = """\
What is hidden survives a channel: the container may be encoded again, and more.
Hiding simulates the channel, and writes nothing that is not recovered from it.
Capacity is much lower: a picture is scaled and compressed to fit, a small file
is hidden as it is. --for chooses a channel; --survive names one:

  of a picture, which becomes a JPEG or PNG:
  jpeg:QUALITY            saved as JPEG of this quality, 30 to 95, or better
  messenger               reduced to 1600 pixels, then saved twice as JPEG
  ...+resize:FACTOR       reduced before that, to this factor (0.25 to 1) or more
  ...+crop                cropped or shifted before that, by up to 8 pixels
  ...+crop:SHARE          cropped to any part with this share (0.25 to 1) of its
                          sides, of 264 pixels or more

  of a film, which becomes an MP4 or MKV of H.264:
  h264:CRF  hevc:CRF      encoded again by x264 (fast to veryslow), by x265
                          (medium to veryslow),
  vp9:CRF  av1:CRF        by libvpx, or by SVT-AV1
  ...+twice               encoded twice
  ...+veryfast            that preset of x264, too
  messenger               reduced to 848 pixels and 30 frames a second, then
                          encoded by x264 (veryfast, CRF 28)

  $ stegnet hide photo.jpg note.txt --for messenger --key-file k -o sent.jpg
  $ stegnet hide photo.jpg note.txt --survive jpeg:75+resize:0.5 --key-file k \\
        -o sent.jpg
"""
    topic = "channels"
    forms = MappingProxyType({PICTURE: (*JPEG_SUFFIXES, ".png"), FILM: (".mp4", ".mkv")})
    options = RobustOptions
    computes = True
    implied = True
    find_cost = 3

    def forecast(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, and pictures made to fit, for each channel."""
        return film_fits(cover) if cover.frames > 1 else picture_fits(cover)

    def capacity(self, cover: CoverSize, name: str, options: RobustOptions) -> Capacity | None:
        if cover.frames > 1:
            room = film_room(cover, options.channel(FILM))
        else:
            room = picture_room(cover, options.channel(PICTURE), options.container_psnr)
        return None if room is None else Capacity(max(room - file_bytes(name, 0), 0))

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
    ) -> NewContainer:
        if not _has_salted_key(key):
            hint = (
                "use a key file or passphrase, or ask for no channel: a JPEG or MP4 can stay one and be sent as a file"
            )
            raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)
        embed = embed_in_film if cover.is_film else embed_in_picture
        return embed(cover, payload, suffix, key, options, context)

    def search_seconds(self, container: Container) -> float:
        if not _has_salted_key(container.key_source):
            return 0
        megapixels = container.height * container.width / 1e6
        if container.kind == FILM:
            if container.file.lossy_format is None:
                return 0
            return 5 + _FILM_SECONDS * megapixels * frame_count(container.file)
        return (_SEARCH_SECONDS + _SEARCH_SECONDS_PER_MEGAPIXEL * megapixels) / thread_count()

    def find(self, container: Container, context: Context) -> "FoundContent | None":
        if container.first.record is not None or not _has_salted_key(container.key_source):
            return None
        if container.kind == FILM:
            content, pixels = _message_in_film(container, context), 0
        else:
            content, pixels = _content_of_picture(container, context), container.height * container.width
        try:
            return None if content is None else FoundContent(container, context, parse_content(content, pixels))
        except ValueError:
            return None


def _has_salted_key(source: KeySource) -> bool:
    """False for a recipient and an identity: an ephemeral key would be at places that whoever knows the recipient sees.

    Salts repeat in pictures that look alike, and a dither must be known before anything can be read.
    """
    return isinstance(source, Key | Passphrase)


def _content_of_picture(container: Container, context: Context) -> bytes | None:
    """The content that survived in a picture; None if nothing opens."""
    (picture,) = container.frames()
    modem = context.network(Modem.load, SHIPPED_MODEM)
    reader, tiles = PictureReader(modem, container.key_source, context.search), [0, 0]

    def step(*done: int) -> None:
        tiles[:] = done

    reading = with_heartbeat(lambda: reader.read(picture, step), lambda: context.progress("reveal tiles", *tiles))
    return reading and reading.content


def _message_in_film(container: Container, context: Context) -> bytes | None:
    """The message that survived in a film; None if nothing opens.

    Raises:
        RevealError: the film has lost a part of it.
    """
    if container.file.lossy_format is None or min(container.height, container.width) < BLOCK:
        return None
    pieces = read_film(
        container.readable_frames,
        container.times,
        container.key_source,
        lambda done: context.progress("reveal", done, 0),
        context.search,
    )
    if pieces is None:
        return None
    if pieces.message is None:
        groups = "1 group of frames" if pieces.groups == 1 else f"{pieces.groups} groups of frames"
        hint = "frames were lost or repeated, or the film was encoded at a lower quality than it was promised for"
        raise RevealError(f"{container.path}: {pieces.share:.0%} of what is hidden here is left: {groups}", hint)
    return pieces.message


class FoundContent(FoundSecret):
    """A picture or file that survived lossy codecs: it was read without error, whatever happened to its container."""

    method, tells_damage = ROBUST, False

    def __init__(self, container: Container, context: Context, content: RobustContent) -> None:
        super().__init__(container, context)
        self._content, self.kind = content, PICTURE
        if isinstance(content, RobustFile):
            self.kind, self.name, self.size = FILE, content.name, len(content.data)

    def text(self, strict: bool = False) -> Report | None:
        return text_report(self.name, self._content.data) if self.kind == FILE else None

    def write(self, out: OutputTarget, strict: bool = False) -> Report:
        if self.kind == PICTURE:
            return write_revealed(out, self._content)
        with atomic_write(out.path, overwrite=out.force, private=True) as part:
            part.write_bytes(self._content.data)
            named = as_named(part, self.name, out, self.context.progress)
        line = f"hidden: {printable(self.name)}, {self.size} bytes"
        return Report(notes=(line, *named.notes), name=self.name, size=self.size, unchanged=named.unchanged)

    def details(self) -> dict[str, Any]:
        if self.kind == FILE:
            digest = sha256(self._content.data).hexdigest()
            return {"hidden_name": self.name, "hidden_bytes": self.size, "hidden_sha256": digest}
        height, width = self._content.shape[:2]
        return {"hidden_width": width, "hidden_height": height}
