"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .channel_names import parse_film_channel as parse_film_channel, parse_picture_channel as parse_picture_channel
from .channel_table import (
    FILM_CHANNELS as FILM_CHANNELS,
    MESSENGER_SIDE as MESSENGER_SIDE,
    PICTURE_CHANNELS as PICTURE_CHANNELS,
)
from .channel_types import PromisedChannel as PromisedChannel
from .destinations import DESTINATIONS as DESTINATIONS, MESSENGER as MESSENGER, USUAL_CHANNELS as USUAL_CHANNELS
from .film_channels import FilmChannel as FilmChannel
from .known_channel import KnownChannel as KnownChannel, read_channel as read_channel
from .learning import learn_channel as learn_channel
from .picture_channels import PictureChannel as PictureChannel
from .transit import Transit as Transit, transit_of as transit_of
