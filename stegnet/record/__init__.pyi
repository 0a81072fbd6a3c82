"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .base import (
    decode_base as decode_base,
    encode_base as encode_base,
    least_base as least_base,
    least_base_per_pixel as least_base_per_pixel,
)
from .coding import (
    KINDS as KINDS,
    MAX_BLOCK as MAX_BLOCK,
    MAX_FRAMES as MAX_FRAMES,
    MAX_NAME as MAX_NAME,
    File as File,
    Header as Header,
    Pictures as Pictures,
    Record as Record,
    Sound as Sound,
    describe_tracks as describe_tracks,
    format_record as format_record,
    is_file_name as is_file_name,
    no_sound as no_sound,
    parse_packets as parse_packets,
    plan_sound as plan_sound,
    record_bytes as record_bytes,
)
from .container import (
    ALL_OR_NOTHING as ALL_OR_NOTHING,
    Container as Container,
    Inspection as Inspection,
    collect_whole as collect_whole,
    not_a_file as not_a_file,
    open_container as open_container,
)
from .file_payload import (
    Division as Division,
    divide as divide,
    empty_record_bytes as empty_record_bytes,
    file_digest as file_digest,
    file_header as file_header,
    file_records as file_records,
    frames_with_data as frames_with_data,
    hidden_bytes as hidden_bytes,
    may_be_lost as may_be_lost,
)
from .reading import (
    MAX_PIXEL_RATIO as MAX_PIXEL_RATIO,
    UNREADABLE as UNREADABLE,
    Diagnosis as Diagnosis,
    FrameReading as FrameReading,
    FrameStatus as FrameStatus,
    altered as altered,
    diagnose as diagnose,
    hidden_size as hidden_size,
    not_given_back as not_given_back,
    nothing_revealed as nothing_revealed,
    read_record as read_record,
)
from .spread import (
    SHARES as SHARES,
    Gathering as Gathering,
    choose_needed as choose_needed,
    frames_for as frames_for,
    full_capacity as full_capacity,
    least_shares as least_shares,
)
