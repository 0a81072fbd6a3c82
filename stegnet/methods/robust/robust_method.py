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
The method "robust", which is taken where OUT is to survive a channel, makes it
survive being saved as JPEG and shared so, with +resize:0.5 also when reduced to
half its size, with +crop also when cropped a little, with +crop:0.5 to any part
of half its sides; it is an ordinary JPEG, or a PNG. Or it survives being
encoded as H.264, HEVC, VP9 or AV1, and is an ordinary film of H.264. There is
much less room: a picture is scaled and compressed to fit, a small file is
hidden as it is. Hiding simulates what OUT is promised to survive, and writes
nothing that does not come back.
"""
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
