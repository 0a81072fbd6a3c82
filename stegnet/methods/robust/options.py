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
        "what the container survives, such as jpeg:75, messenger, h264:23 (default: jpeg:75, h264:23)",
        "CHANNEL",
    )
    container_psnr: float | None = option(
        None,
        "PSNR of a full container: 42 (jpeg:74 and better), 38, or 32, with more capacity (jpeg:76 and better); a "
        "small file changes few blocks, and fewest at 38 (default: 38)",
        "DB",
    )
    verify: bool = option(True, "do not read the output back to verify it")


DEFAULT = RobustOptions()
