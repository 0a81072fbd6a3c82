"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .coding import PACE as PACE, Coding as Coding
from .film_writer import FilmWriter as FilmWriter, write_h264 as write_h264
from .films import (
    MOST_ASPECT as MOST_ASPECT,
    FilmInfo as FilmInfo,
    VideoFrame as VideoFrame,
    decode as decode,
    film_has_position as film_has_position,
    film_head as film_head,
    frame_count as frame_count,
    has_sound_alone as has_sound_alone,
    lost_by_encoding as lost_by_encoding,
    open_film as open_film,
    picture_packets as picture_packets,
    picture_stream as picture_stream,
    read_frames as read_frames,
    scan as scan,
    soon_decoded as soon_decoded,
    to_rgb as to_rgb,
)
from .forms import MKV as MKV, MP4 as MP4
from .lossless_size import lossless_bytes as lossless_bytes
from .motion import Motion as Motion
from .mp4_metadata import metadata_in_mp4 as metadata_in_mp4, unreadable_metadata as unreadable_metadata
from .remux import make_watchable as make_watchable, rewrap as rewrap, unplayable as unplayable
from .sound_packets import CONVERT_SOUND as CONVERT_SOUND, SoundPacket as SoundPacket, SoundTrack as SoundTrack
from .sound_streams import read_sound as read_sound, sound_tracks as sound_tracks
from .stream_copy import film_tags as film_tags
