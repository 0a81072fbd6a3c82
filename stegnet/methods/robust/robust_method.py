"""The method "robust": a picture or small file, by bits that survive JPEG or H.264."""

from types import MappingProxyType

from stegnet.core.kinds import FILM, JPEG_SUFFIXES, PICTURE
from stegnet.core.parallel import thread_count
from stegnet.keys import KeySource
from stegnet.media import frame_count
from stegnet.media.cover import Cover
from stegnet.methods.context import Context
from stegnet.methods.method import Capacity, CoverSize, Fit, Method, NewContainer
from stegnet.methods.payload import Payload
from stegnet.methods.robust.content import FoundContent, file_bytes, hidden_in_picture
from stegnet.methods.robust.options import ROBUST, RobustOptions
from stegnet.methods.robust.pictures import embed_in_picture, picture_fits, picture_room
from stegnet.methods.robust.record import check_key, opens_robust
from stegnet.methods.robust_film import embed_in_film, film_fits, film_room, hidden_in_film
from stegnet.record import Container

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

        room = (film_room if cover.frames > 1 else picture_room)(cover, options)
        return None if room is None else Capacity(max(room - file_bytes(name, 0), 0))

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: RobustOptions, context: Context
    ) -> NewContainer:
        check_key(key)
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
        return (hidden_in_film if container.kind == FILM else hidden_in_picture)(container, context)
