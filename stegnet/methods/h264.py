"""The method "h264": any file, byte for byte, in the levels of an MP4's own H.264. Nothing is encoded again.

Samples are levels of pictures that no other picture refers to, in groups (`stegnet.h264.samples`). The samples
of a group are those of one frame of a container.
"""

from types import MappingProxyType

from stegnet import h264, video
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.names import FILM, PICTURE, USUAL_NAME
from stegnet.formats.opened_file import is_mp4
from stegnet.formats.signatures import FORMS
from stegnet.hiding.medium import Medium, MediumMethod
from stegnet.hiding.method import (
    Context,
    CoverSize,
    MethodInfo,
    MethodOptions,
    NewContainer,
    Payload,
    Room,
)
from stegnet.keys import ANY_KEY, KeySource
from stegnet.media.cover import Cover
from stegnet.media.growth import or_without_loss
from stegnet.record import Container

H264 = "h264"
_SMALL = 16  # a film is examined only if the secret is at most this part of its bytes, since its levels hold no more


class H264Method(MediumMethod[MethodOptions]):
    """Any file, byte for byte, in an MP4 that stays the film it was."""

    info = MethodInfo(
        name=H264,
        summary="any file, byte for byte, in an MP4 or MOV of H.264, which stays the film it was",
        description="""\
The method "h264", used where COVER and OUT are an MP4 or MOV of H.264, hides
any file in pictures that no other picture refers to: B pictures, and the last
one before a key frame. Nothing is encoded again: sound, metadata and all other
streams stay, and nearly the size. OUT can be cut at key frames, and copied
without encoding.

  $ stegnet hide phone.mp4 letter.pdf --key-file k -o sent.mp4
""",
        forms=MappingProxyType({PICTURE: FORMS[PICTURE], FILM: (".mp4", ".mov")}),
        covers=(FILM,),
        options=MethodOptions,
        shared=("compress", "at_most_safe"),
    )

    def why_not(self, cover: Cover) -> str:
        if not is_mp4(cover):
            return ""
        try:
            most = self.open(cover, MethodOptions(), "", ANY_KEY).file_capacity(USUAL_NAME, ANY_KEY)
        except MediaError as error:
            return f"its own H.264 can't be used: {error.problem}"
        return "" if most else h264.TOO_FEW

    def file_in_words(self, cover: Cover | None) -> str:
        return "any file, in the H.264 itself"

    def room(self, cover: CoverSize, name: str, options: MethodOptions) -> Room:
        """Return the room in a film's own H.264; none if that can't be used."""
        try:
            return super().room(cover, name, options)
        except MediaError:
            return Room(None)

    def open(self, cover: Cover, options: MethodOptions, suffix: str, key: KeySource) -> Medium:
        return cover.once(self.info.name, h264.H264Medium)

    def embed(
        self, cover: Cover, payload: Payload, suffix: str, key: KeySource, options: MethodOptions, context: Context
    ) -> NewContainer:
        """Hide a file in the levels of an MP4's own H.264, whose other bytes stay."""
        if (payload.kind is None or not options.compress) and payload.file.length > cover.length // _SMALL:
            problem = f"{payload.file.length:,} bytes are more than a film of its size holds in its own H.264"
            raise or_without_loss(CapacityError(problem, h264.LARGER, subject=cover), cover)
        try:
            if cover.strips_metadata:
                video.metadata_in_mp4(cover)  # what can't be found is not promised to be left out
            return super().embed(cover, payload, suffix, key, options, context)
        except MediaError as error:
            raise or_without_loss(error, cover) from error

    def container_in(self, container: Container) -> Container | None:
        if container.first.record is not None or container.kind != FILM:
            return None
        return h264.H264Container(container.file, container.key_source)
