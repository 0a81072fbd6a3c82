"""Films: reading, writing and converting them; their sound, subtitles, boxes and H.264 syntax.

Importing this package does not import FFmpeg; using a name that needs it does. So pictures need no FFmpeg.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    coding="Coding PACE",
    film_writer="FilmWriter write_h264",
    films="FilmInfo MOST_ASPECT VideoFrame decode film_has_position frame_count has_sound_alone lost_by_encoding "
    "open_film picture_packets picture_stream read_frames scan to_rgb",
    forms="MKV MP4",
    motion="Motion",
    remux="make_watchable rewrap unplayable",
    sound_packets="CONVERT_SOUND SoundPacket SoundTrack",
    sound_streams="read_sound sound_tracks",
)
