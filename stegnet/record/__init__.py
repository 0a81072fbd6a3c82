"""What a frame must carry exactly, and containers as their readers see them.

`record` formats and parses it; `base` is the coarse copy in it, `sound` its share of the sound, `spread` that of a
file, by the code in `erasure`. `reading` reads it from a frame, `container` from a file; `diagnosis` says what was
altered.
"""

from stegnet.record.base import KINDS, through_bytes
from stegnet.record.base import decode as decode_base
from stegnet.record.base import encode as encode_base
from stegnet.record.base import least as least_base
from stegnet.record.base import least_per_pixel as least_base_per_pixel
from stegnet.record.container import Container, Inspection, open_container
from stegnet.record.diagnosis import PICTURE_ALTERED, UNREADABLE, Diagnosis, FrameStatus, diagnose
from stegnet.record.reading import MAX_PIXEL_RATIO, FrameReading, hidden_size, nothing_revealed, read_record
from stegnet.record.record import (
    MAX_BLOCK,
    MAX_FRAMES,
    MAX_NAME,
    File,
    Header,
    Pictures,
    Record,
    format_record,
    is_file_name,
)
from stegnet.record.sound import Sound, describe_tracks, no_sound, parse_packets, plan_sound
from stegnet.record.spread import Gathering, choose_needed, frames_for, full_room, least_shares

__all__ = [
    "KINDS",
    "MAX_BLOCK",
    "MAX_FRAMES",
    "MAX_NAME",
    "MAX_PIXEL_RATIO",
    "PICTURE_ALTERED",
    "UNREADABLE",
    "Container",
    "Diagnosis",
    "File",
    "FrameReading",
    "FrameStatus",
    "Gathering",
    "Header",
    "Inspection",
    "Pictures",
    "Record",
    "Sound",
    "choose_needed",
    "decode_base",
    "describe_tracks",
    "diagnose",
    "encode_base",
    "format_record",
    "frames_for",
    "full_room",
    "hidden_size",
    "is_file_name",
    "least_base",
    "least_base_per_pixel",
    "least_shares",
    "no_sound",
    "nothing_revealed",
    "open_container",
    "parse_packets",
    "plan_sound",
    "read_record",
    "through_bytes",
]
