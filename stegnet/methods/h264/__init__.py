"""The method "h264": any file, byte for byte, in the levels of an MP4's own H.264; nothing is encoded again.

`stream` finds the pictures that no other refers to and makes samples of their levels, `costs` says what a step of each
gives away; `hiding` hides from file to file, `reading` finds it again.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from stegnet import lazy_names
from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.kinds import FORMS as LOSSLESS_FORMS
from stegnet.methods.method import CoverSize, FileRoom, Fit, Method, option

if TYPE_CHECKING:
    from stegnet.keys import KeySource
    from stegnet.methods.run import Run
    from stegnet.methods.sealed import HiddenFile
    from stegnet.record import Container
    from stegnet.results import OutputTarget, Report

__getattr__, __all__ = lazy_names(
    __name__,
    costs="level_costs",
    hiding="changed_packets film_room hide_in_film",
    stream="FilmStream Group film_groups",
)
H264 = "h264"
FORMS = MappingProxyType({PICTURE: LOSSLESS_FORMS[PICTURE], FILM: (".mp4", ".mov")})


@dataclass(frozen=True)
class H264Options:
    """Options of the method "h264"."""

    verify: bool = option(True, "do not read the output back to verify it")


class ByLevels(Method):
    """Any file, byte for byte, in an MP4 that stays the film it was."""

    name = H264
    summary = "any file, byte for byte, in an MP4 or MOV of H.264, which stays the film it was"
    description = """\
The method "h264" embeds SECRET in the H.264 of COVER, an MP4 or MOV, encrypted,
in pictures that no other refers to: B pictures, and the last one before a key
frame. Nothing is encoded again; sound, metadata and all other streams stay, and
the size nearly so. OUT can be cut at key frames, and copied without encoding.
"""
    forms = FORMS
    covers = (FILM,)
    options = H264Options
    implied = True

    def room(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, of a cover that is such a film."""
        found = self.file_room(cover, "", None)
        return [Fit("any file, in the H.264 itself", self.name, found.bytes, found.hard)] if found.bytes else []

    def file_room(self, cover: CoverSize, name: str, options: object) -> FileRoom:
        from stegnet.core.errors import MediaError
        from stegnet.methods.h264.hiding import film_room

        if cover.file is None or cover.frames == 1:
            return FileRoom(0)
        try:
            return film_room(cover.file, name)
        except MediaError:
            return FileRoom(0)

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: H264Options,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.h264.hiding import hide_in_film

        return hide_in_film(cover, secret, out, key_source, options, run)

    def open(self, container: "Container", run: "Run") -> "HiddenFile | None":
        if container.first.record is not None or container.kind != FILM:
            return None
        from stegnet.methods.h264.reading import hidden_in_film

        return hidden_in_film(container, run)
