"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .coding import PACE as PACE
from .coding import Coding as Coding
from .film_writer import FilmWriter as FilmWriter
from .film_writer import write_h264 as write_h264
from .films import (
    MOST_ASPECT as MOST_ASPECT,
)
from .films import (
    FilmInfo as FilmInfo,
)
from .films import (
    VideoFrame as VideoFrame,
)
from .films import (
    decode as decode,
)
from .films import (
    film_has_position as film_has_position,
)
from .films import (
    frame_count as frame_count,
)
from .films import (
    has_sound_alone as has_sound_alone,
)
from .films import (
    lost_by_encoding as lost_by_encoding,
)
from .films import (
    open_film as open_film,
)
from .films import (
    picture_packets as picture_packets,
)
from .films import (
    picture_stream as picture_stream,
)
from .films import (
    read_frames as read_frames,
)
from .films import (
    scan as scan,
)
from .films import (
    soon_decoded as soon_decoded,
)
from .films import (
    to_rgb as to_rgb,
)
from .forms import MKV as MKV
from .forms import MP4 as MP4
from .lossless_size import lossless_bytes as lossless_bytes
from .motion import Motion as Motion
from .mp4_metadata import metadata_in_mp4 as metadata_in_mp4
from .mp4_metadata import unreadable_metadata as unreadable_metadata
from .remux import make_watchable as make_watchable
from .remux import rewrap as rewrap
from .remux import unplayable as unplayable
from .sound_packets import CONVERT_SOUND as CONVERT_SOUND
from .sound_packets import SoundPacket as SoundPacket
from .sound_packets import SoundTrack as SoundTrack
from .sound_streams import read_sound as read_sound
from .sound_streams import sound_tracks as sound_tracks
from .stream_copy import film_tags as film_tags
