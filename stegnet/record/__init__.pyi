"""Names that this package exports. `__init__.py` imports each when it is first used."""

from .base import (
    KINDS as KINDS,
)
from .base import (
    decode_base as decode_base,
)
from .base import (
    encode_base as encode_base,
)
from .base import (
    least_base as least_base,
)
from .base import (
    least_base_per_pixel as least_base_per_pixel,
)
from .container import (
    ALL_OR_NOTHING as ALL_OR_NOTHING,
)
from .container import (
    Container as Container,
)
from .container import (
    Inspection as Inspection,
)
from .container import (
    collect_whole as collect_whole,
)
from .container import (
    not_a_file as not_a_file,
)
from .container import (
    open_container as open_container,
)
from .file_payload import (
    Division as Division,
)
from .file_payload import (
    divide as divide,
)
from .file_payload import (
    empty_record_bytes as empty_record_bytes,
)
from .file_payload import (
    file_digest as file_digest,
)
from .file_payload import (
    file_header as file_header,
)
from .file_payload import (
    file_records as file_records,
)
from .file_payload import (
    frames_with_data as frames_with_data,
)
from .file_payload import (
    hidden_bytes as hidden_bytes,
)
from .file_payload import (
    may_be_lost as may_be_lost,
)
from .reading import (
    MAX_PIXEL_RATIO as MAX_PIXEL_RATIO,
)
from .reading import (
    UNREADABLE as UNREADABLE,
)
from .reading import (
    Diagnosis as Diagnosis,
)
from .reading import (
    FrameReading as FrameReading,
)
from .reading import (
    FrameStatus as FrameStatus,
)
from .reading import (
    altered as altered,
)
from .reading import (
    diagnose as diagnose,
)
from .reading import (
    hidden_size as hidden_size,
)
from .reading import (
    not_given_back as not_given_back,
)
from .reading import (
    nothing_revealed as nothing_revealed,
)
from .reading import (
    read_record as read_record,
)
from .record import (
    MAX_BLOCK as MAX_BLOCK,
)
from .record import (
    MAX_FRAMES as MAX_FRAMES,
)
from .record import (
    MAX_NAME as MAX_NAME,
)
from .record import (
    File as File,
)
from .record import (
    Header as Header,
)
from .record import (
    Pictures as Pictures,
)
from .record import (
    Record as Record,
)
from .record import (
    Sound as Sound,
)
from .record import (
    describe_tracks as describe_tracks,
)
from .record import (
    format_record as format_record,
)
from .record import (
    is_file_name as is_file_name,
)
from .record import (
    no_sound as no_sound,
)
from .record import (
    parse_packets as parse_packets,
)
from .record import (
    plan_sound as plan_sound,
)
from .record import (
    record_bytes as record_bytes,
)
from .spread import (
    SHARES as SHARES,
)
from .spread import (
    Gathering as Gathering,
)
from .spread import (
    choose_needed as choose_needed,
)
from .spread import (
    frames_for as frames_for,
)
from .spread import (
    full_capacity as full_capacity,
)
from .spread import (
    least_shares as least_shares,
)
