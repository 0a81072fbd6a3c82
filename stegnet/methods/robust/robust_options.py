"""Options of the method "robust", which the command line shows without importing the code that hides."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stegnet import channels
from stegnet.channels.destinations import USUAL_CHANNELS
from stegnet.core.names import FILM, PICTURE
from stegnet.hiding.method import MethodOptions, option

if TYPE_CHECKING:
    from stegnet.channels import FilmChannel, PictureChannel

ROBUST = "robust"
CONTAINER_PSNR = 38.0  # dB


@dataclass(frozen=True)
class RobustOptions(MethodOptions):
    """Options of the method "robust"."""

    # a channel, as `channel_names` reads it; None: JPEG 75, or CRF 23
    survive: str | None = option(
        None,
        "what the container survives, such as jpeg:75, messenger, h264:23 (default: jpeg:75, h264:23)",
        "CHANNEL",
    )
    # PSNR in dB of a container in which all blocks carry bits; of the weights' points, the nearest are taken. None:
    # CONTAINER_PSNR
    container_psnr: float | None = option(
        None,
        "PSNR of a full container: 42 (jpeg:74 and better), 38, or 32, with more capacity (jpeg:76 and better); a "
        "small file changes few blocks, and fewest at 38 (default: 38)",
        "DB",
        (0, 100),
    )

    def picture_channel(self) -> "PictureChannel":
        """Return the channel of a picture; errors are those of `parse_picture_channel`."""
        return channels.parse_picture_channel(self.survive or USUAL_CHANNELS[PICTURE], self.resize)

    def film_channel(self) -> "FilmChannel":
        """Return the channel of a film; errors are those of `parse_film_channel`."""
        return channels.parse_film_channel(self.survive or USUAL_CHANNELS[FILM])
