"""Records, which a frame must carry without error, and containers as their readers see them.

`record` formats and parses a record, with the sound of a film. `base` is the coarse copy of the secret in it, `spread`
the frame's share of a file in a film, and `file_payload` prepares a file for all of them. `reading` reads a record from
a frame and diagnoses alterations, `container` reads a file.
"""

from stegnet import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    base="KINDS decode_base encode_base least_base least_base_per_pixel",
    container="ALL_OR_NOTHING Container Inspection collect_whole not_a_file open_container",
    file_payload="Division divide empty_record_bytes file_digest file_header file_records frames_with_data "
    "hidden_bytes may_be_lost",
    reading="Diagnosis FrameReading FrameStatus MAX_PIXEL_RATIO UNREADABLE altered diagnose hidden_size "
    "nothing_revealed read_record",
    record="File Header MAX_BLOCK MAX_FRAMES MAX_NAME Pictures Record Sound describe_tracks format_record is_file_name "
    "no_sound parse_packets plan_sound",
    spread="Gathering SHARES choose_needed frames_for full_capacity least_shares",
)
