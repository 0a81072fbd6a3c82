"""The method "robust": a picture or small file, by bits that survive JPEG or H.264."""

from types import MappingProxyType

import numpy as np

from stegnet.core.errors import KeyFileError
from stegnet.core.kinds import FILM, JPEG_SUFFIXES, PICTURE
from stegnet.core.parallel import thread_count, with_heartbeat
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods.method import Capacity, Context, CoverSize, Fit, Method, NewContainer, Payload
from stegnet.methods.robust.channels import RobustOptions
from stegnet.methods.robust.content import ROBUST, FoundContent, file_bytes, parse_content
from stegnet.methods.robust.films import embed_in_film, film_fits, film_room
from stegnet.methods.robust.modem import chosen_modem
from stegnet.methods.robust.picture_files import embed_in_picture, picture_fits, picture_room
from stegnet.methods.robust.reader import PictureReader, message_in_film
from stegnet.methods.robust.record import opens_robust
from stegnet.record import Container
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
        if not opens_robust(key):
            hint = (
                "use a key file or passphrase, or ask for no channel: a JPEG or MP4 can stay one and be sent as a file"
            )
            raise KeyFileError("for a recipient, nothing can be hidden that survives JPEG or H.264", hint)
        embed = embed_in_film if cover.is_film else embed_in_picture
        return embed(cover, payload, suffix, key, options, context)

    def search_seconds(self, container: Container) -> float:
        if not opens_robust(container.key_source):
            return 0
        megapixels = container.height * container.width / 1e6
        if container.kind == FILM:
            if container.file.lossy_format is None:
                return 0
            return 5 + _FILM_SECONDS * megapixels * frame_count(container.file)
        return (_SEARCH_SECONDS + _SEARCH_SECONDS_PER_MEGAPIXEL * megapixels) / thread_count()

    def find(self, container: Container, context: Context) -> FoundContent | None:
        if container.first.record is not None or not opens_robust(container.key_source):
            return None
        if container.kind == FILM:
            content, pixels = message_in_film(container, context), 0
        else:
            (picture,) = container.frames()
            content, pixels = _content_of(picture, container.key_source, context), picture[..., 0].size
        try:
            return None if content is None else FoundContent(container, context, parse_content(content, pixels))
        except ValueError:
            return None


def _content_of(picture: np.ndarray, key_source: KeySource, context: Context) -> bytes | None:
    """The content that survived in a picture, (H, W, 3) uint8; None if nothing opens."""
    reader, tiles = PictureReader(chosen_modem(context), key_source, context.search), [0, 0]

    def step(*done: int) -> None:
        tiles[:] = done

    reading = with_heartbeat(lambda: reader.read(picture, step), lambda: context.progress("reveal tiles", *tiles))
    return reading and reading.content
