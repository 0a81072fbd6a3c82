"""Dolby Vision without a base layer for other players: its YCbCr is IPT-PQ-c2 in truth.

DOVIDecoderConfigurationRecord: Dolby, "Dolby Vision Streams within the ISO Base Media File Format", 3.2; Matroska has
it in the same form (BlockAddIDExtraData).
"""

import re
from contextlib import suppress

from stegnet.formats.boxes import boxes
from stegnet.formats.opened_file import Source, is_matroska, is_mp4, mapped


def is_dolby_vision_alone(path: Source) -> bool:
    """Return whether only players of Dolby Vision can show an MP4 or Matroska film in its colours."""
    # A record: its version, then, by bits, the profile (7), level, layers, and the base layer's compatibility (4).
    records = re.compile(rb"dv[cvw]C(?:\x41\xed.)?[\1-\3].(.).(.)", re.DOTALL)
    always = 5  # profile
    first_with_compatibility = 8  # profile; in older ones that field may be missing
    with mapped(path) as data:
        head = 0, min(len(data), 1 << 20)  # which contains Matroska's tracks
        places = [head] if is_matroska(path) else []
        if is_mp4(path):
            with suppress(ValueError):  # truncated behind them
                places += [(part.content, part.end) for part in boxes(data) if part.kind == b"moov"]
        for start, end in places:
            if record := records.search(data, start, end):
                profile = record[1][0] >> 1
                compatibility = record[2][0] >> 4
                return profile == always or (profile >= first_with_compatibility and not compatibility)
    return False
