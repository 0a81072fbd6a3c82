"""Destinations: where containers are sent, in a user's words, and the channel that leads there.

`--for` takes a destination or the file of a channel, `--survive` the name of a channel (`channel_names`).
"""

from dataclasses import dataclass

from stegnet.core.names import FILM, PICTURE

MESSENGER = "messenger"
USUAL_CHANNELS = {PICTURE: "jpeg:75", FILM: "h264:23"}  # by the kind of cover, where no channel is named


@dataclass(frozen=True)
class Destination:
    """A place where a container is sent, in a user's words.

    Attributes:
        text: what happens to it there, for after its name.
        is_lossy: whether it is saved again with loss on the way.
        channel: name of the channel that leads there if it is lossy; None: that of USUAL_CHANNELS.
    """

    text: str
    is_lossy: bool = True
    channel: str | None = None


DESTINATIONS = {
    "file": Destination("arrives as it is", is_lossy=False),
    "messenger": Destination("as a photo or video", channel=MESSENGER),
    "website": Destination("saved again at its size: JPEG 75, H.264 CRF 23 or better"),
    "resize": Destination("reduced, down to half its sides", channel="jpeg:75+resize:0.5"),
}
