"""The method "robust": bits that survive JPEG, and in films H.264 and its like (`stegnet.methods.robust_film`).

`fec` corrects errors, `modem` runs the networks, `places` says which blocks carry what, `record` has keys and records,
`regions` what salts are made of, `grid` the sizes at which they are hidden, `registration` where they are in cropped
pictures and copies; `reader` finds them, `content` is what is in them; `channels` simulates what may happen to them,
`survival` hides what comes back, `own_jpeg` writes it into the cover's own JPEG, `pictures` from file to file.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from stegnet import lazy_names
from stegnet.core.kinds import FILM, JPEG_SUFFIXES, PICTURE
from stegnet.methods.method import CoverSize, FileRoom, Fit, Method, option

if TYPE_CHECKING:
    from stegnet.keys import KeySource
    from stegnet.methods.robust.content import HiddenContent
    from stegnet.methods.run import Run
    from stegnet.record import Container
    from stegnet.results import OutputTarget, Report

__getattr__, __all__ = lazy_names(
    __name__,
    channels="Channel MESSENGER parse_channel",
    content="HiddenContent file_bytes file_content fit_picture parse_content read_robust",
    fec="HIGHEST LOWEST RATES",
    modem="BLOCK Modem Rung read_rungs",
    own_jpeg="OwnJpeg",
    parts="hide_tiled",
    reader="picture_reader",
    places="SHARES Places chosen header_blocks places_of_rungs record_places share_of",
    record="Blocks Ratios Reading coded_bits content_room dither_of header_evidence header_signs in_order make_header "
    "new_nonce read_bits robust_key used_blocks with_losses",
    regions="hidden_area region_means robust_salts salts_of textures",
    survival="Promise SAVED Survivor WRITTEN_QUALITY best_rate best_rung choose_rung hide_robust information",
)
CONTAINER_PSNR = 38.0  # dB
_SEARCH_SECONDS, _SEARCH_SECONDS_PER_MEGAPIXEL = 14, 4  # of one core, for pictures
_FILM_SECONDS = 0.05  # for each frame of a megapixel


@dataclass(frozen=True)
class RobustOptions:
    """Options of the method "robust".

    Attributes:
        survive: as `parse_channel` takes it, or `parse_film_channel` for films; None: JPEG 75, or CRF 23.
        container_psnr: of the container in dB where all blocks carry something; of the weights' rungs, the nearest are
            taken. None: CONTAINER_PSNR.
    """

    survive: str | None = option(
        None,
        "what the container survives: jpeg:QUALITY, or messenger: reduced to 1600 pixels, then saved twice as JPEG 70 "
        "to 80; either also with +resize:FACTOR, 0.25 to 1: resized to that factor or more before it is saved, "
        "+crop: cropped or shifted by up to 8 pixels before that, or both; or with +crop:SHARE, 0.25 to 1: cropped to "
        "any part with that share of its sides, of 264 pixels or more; of a film, h264:CRF (x264, fast to "
        "veryslow), hevc:CRF (x265, medium to veryslow), vp9:CRF or av1:CRF, each also with +twice: encoded twice, "
        "h264 also with +veryfast: that preset too; or messenger: reduced to 848 pixels and 30 frames a second, then "
        "CRF 28 by veryfast (default: jpeg:75, h264:23)",
        "CHANNEL",
    )
    container_psnr: float | None = option(
        None,
        "PSNR of a full container: 42 (jpeg:74 and better), 38, or 32 for more room (jpeg:76 and better); a small file "
        "changes few blocks, and fewest at 38 (default: 38)",
        "DB",
    )
    verify: bool = option(True, "do not read the output back to verify it")


ROBUST = "robust"
FORMS = MappingProxyType({PICTURE: (*JPEG_SUFFIXES, ".png"), FILM: (".mp4", ".mkv")})
DEFAULT = RobustOptions()


class Robust(Method):
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
    forms = FORMS
    options = RobustOptions
    computes = True
    implied = True

    def room(self, cover: CoverSize) -> list[Fit]:
        """Files as they are, and pictures made to fit, for each channel."""
        from stegnet.methods.robust.pictures import picture_fits
        from stegnet.methods.robust_film import film_fits

        return film_fits(cover) if cover.frames > 1 else picture_fits(cover)

    def file_room(self, cover: CoverSize, name: str, options: RobustOptions) -> FileRoom | None:
        from stegnet.methods.robust.content import file_bytes
        from stegnet.methods.robust.pictures import picture_room
        from stegnet.methods.robust_film import film_room

        room = (film_room if cover.frames > 1 else picture_room)(cover, options)
        return None if room is None else FileRoom(max(room - file_bytes(name, 0), 0))

    def hide(
        self,
        cover: Path,
        secret: Path,
        out: "OutputTarget",
        key_source: "KeySource",
        options: RobustOptions,
        run: "Run",
    ) -> "Report":
        from stegnet.media.inputs import check_input, input_kind
        from stegnet.methods.robust.pictures import hide_in_picture
        from stegnet.methods.robust.record import check_key
        from stegnet.methods.robust_film import hide_in_film

        check_key(key_source)
        check_input(secret)
        hide = hide_in_film if input_kind(cover) == FILM else hide_in_picture
        return hide(cover, secret, out, key_source, options, run)

    def search_seconds(self, container: "Container") -> float:
        from stegnet.core.parallel import thread_count
        from stegnet.media import frame_count, lossy_format
        from stegnet.methods.robust.record import opens_robust

        if not opens_robust(container.key_source):
            return 0
        megapixels = container.height * container.width / 1e6
        if container.kind == FILM:
            if lossy_format(container.path) is None:
                return 0
            return 5 + _FILM_SECONDS * megapixels * frame_count(container.path)
        return (_SEARCH_SECONDS + _SEARCH_SECONDS_PER_MEGAPIXEL * megapixels) / thread_count()

    def open(self, container: "Container", run: "Run") -> "HiddenContent | None":
        if container.first.record is not None:
            return None
        from stegnet.methods.robust.content import hidden_in_picture
        from stegnet.methods.robust.record import opens_robust
        from stegnet.methods.robust_film import hidden_in_film

        if not opens_robust(container.key_source):
            return None
        return (hidden_in_film if container.kind == FILM else hidden_in_picture)(container, run)
