"""The method "jpeg": any file, byte for byte, in the quantised coefficients of a JPEG, which stays the JPEG it was.

`making` makes a JPEG of a cover that is none, `carrier` samples of coefficients; `amounts` says how much fits, `costs`
what a step of each gives away, less back to what was rounded (`rounding`); `hiding` hides from file to file, `reading`
finds it again. `sending` plans a container for a channel that the sender can run (`oracle`), block by block (`blocks`).
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from stegnet import lazy_names
from stegnet.core.kinds import FILM, JPEG_SUFFIXES, PICTURE
from stegnet.core.kinds import FORMS as LOSSLESS_FORMS
from stegnet.methods.method import RESIZE_HELP, SAFE_HELP, CoverSize, FileRoom, Fit, Method, PartRoom, option

if TYPE_CHECKING:
    from stegnet.keys import ContainerKeys, Key, KeySource
    from stegnet.methods.run import Run
    from stegnet.methods.sealed import HiddenFile
    from stegnet.record import Container, Record
    from stegnet.results import OutputTarget, Report

__getattr__, __all__ = lazy_names(
    __name__,
    amounts="jpeg_room",
    costs="juniward shown_luma",
    hiding="hide_in_jpeg write_planes",
    making="JpegCover jpeg_cover",
    oracle="Command Oracle",
    rounding="coefficients dct_basis",
    sending="ThroughChannel sealed_planes",
)
JPEG = "jpeg"
USUAL_QUALITY = 95
FORMS = MappingProxyType({PICTURE: JPEG_SUFFIXES, FILM: LOSSLESS_FORMS[FILM]})


@dataclass(frozen=True)
class JpegOptions:
    """Options of the method "jpeg"."""

    quality: int = option(
        USUAL_QUALITY, "quality of the JPEG that is made of a cover that is none, 50 to 98 (default: 95)", "Q"
    )
    resize: int | None = option(None, RESIZE_HELP, "PIXELS")
    at_most_safe: bool = option(False, SAFE_HELP)
    channel: str | None = option(
        None,
        "command that does what OUT goes through, a JPEG saved again at the same size, such as 'convert {in} -quality "
        "72 {out}': what arrives is the container. It is run a dozen times or more, on near copies of COVER",
        "COMMAND",
    )
    channel_from: tuple[Path, Path] | None = option(
        None,
        "the same, learnt from a JPEG that was sent once and what arrived: its tables and sampling are used",
        ("SENT", "RECEIVED"),
    )
    verify: bool = option(True, "do not read the output back to verify it")


class Jpeg(Method):
    """Any file, byte for byte, in a JPEG that stays one."""

    name = JPEG
    summary = "any file, byte for byte, in a JPEG, which stays the JPEG it was"
    description = """\
The method "jpeg", which is taken where OUT is a JPEG, embeds SECRET in its
coefficients, encrypted. If COVER is a JPEG, its metadata, tables and all other
bytes stay, and its size nearly so; any other cover is saved as JPEG. Sent as a
file, OUT keeps what it hides; saved as JPEG again, as messengers do, it hides
nothing any more: for that, there is "robust".
"""
    forms = FORMS
    covers = (PICTURE,)
    options = JpegOptions
    implied = True
    albums = True

    def room(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, of a cover that is a JPEG."""
        from stegnet.core.errors import MediaError
        from stegnet.methods.jpeg.amounts import jpeg_room

        try:
            found = jpeg_room(cover)
        except MediaError:
            return []
        return [Fit("any file, in the JPEG itself", self.name, found.bytes, found.hard)] if found.bytes else []

    def file_room(self, cover: CoverSize, name: str, options: object) -> FileRoom:
        from stegnet.methods.jpeg.amounts import jpeg_room

        return jpeg_room(cover, name)

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: JpegOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.jpeg.hiding import hide_in_jpeg

        return hide_in_jpeg(cover, secret, out, key_source, options, run)

    def part_room(self, cover: Path, empty: int, key: "Key", options: JpegOptions) -> PartRoom:
        from stegnet.methods.jpeg.hiding import part_room

        return part_room(cover, empty, key, options)

    def hide_record(
        self,
        cover: Path,
        record: "Record",
        out: "OutputTarget",
        keys: "ContainerKeys",
        options: JpegOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.methods.jpeg.hiding import hide_record

        return hide_record(cover, record, out, keys, options, run)

    def open(self, container: "Container", run: "Run") -> "HiddenFile | None":
        from stegnet.media.signature import is_jpeg

        if container.first.record is not None or not is_jpeg(container.path):
            return None
        from stegnet.methods.jpeg.reading import hidden_in_jpeg

        return hidden_in_jpeg(container, run)
