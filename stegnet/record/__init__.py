"""Records, which a frame must carry exactly, and containers as their readers see them.

`record` formats and parses it, field by field (`fields`), with the `tracks` of a film's sound; `base` is the coarse
copy in it, `sound` its share of the sound, `spread` that of a file in a film, by the code in `erasure`, `division`
that of a file in an album. `reading` reads it from a frame, `container` from a file; `diagnosis` says what was
altered.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    collecting="ALL_OR_NOTHING collect_whole not_a_file",
    file_payload="empty_record_bytes file_digest file_header file_records frames_with_data hidden_bytes may_be_lost",
    base="KINDS decode_base encode_base least_base least_base_per_pixel",
    container="Container Inspection open_container",
    division="Division divide",
    diagnosis="Diagnosis FrameStatus PICTURE_ALTERED UNREADABLE diagnose",
    reading="FrameReading MAX_PIXEL_RATIO hidden_size nothing_revealed read_record",
    record="File Header MAX_BLOCK MAX_FRAMES MAX_NAME Pictures Record format_record is_file_name",
    sound="Sound describe_tracks no_sound parse_packets plan_sound",
    erasure="SHARES",
    spread="Gathering choose_needed frames_for full_room least_shares",
)
