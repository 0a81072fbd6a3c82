"""Options of the method "robust"."""

from dataclasses import dataclass

from stegnet.methods.method import option

ROBUST = "robust"
CONTAINER_PSNR = 38.0  # dB


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


DEFAULT = RobustOptions()
