"""The index of a file of several pictures (CIPA DC-007-2009, "Multi-Picture Format"): gain maps, depth, second views.

It says how many bytes the first picture takes, and how far from the index the others begin. When that picture takes
more or fewer bytes, nothing else in the file must follow.
"""

import struct

_SIGNATURE = b"MPF\0"
_NUMBER = 0xB001  # tag of the number of pictures
_ENTRIES, _ENTRY = 0xB002, 16  # tag of the list of pictures, and bytes of each in it
_SIZE, _OFFSET = 4, 8  # where they are in an entry


def is_index(content: bytes) -> bool:
    """True for the content of an APP2 segment that is such an index."""
    return content.startswith(_SIGNATURE)


def moved_index(content: bytes, grown: int, moved: int) -> bytes:
    """An index whose first picture, and what follows it, changed; as it was if it is damaged.

    Args:
        content: of its segment.
        grown: bytes that the first picture takes more.
        moved: bytes that the others are further from the index.
    """
    index, order = bytearray(content), "<" if content[4:6] == b"II" else ">"
    try:
        for entry in _entries(content, order):
            (size, offset) = struct.unpack_from(f"{order}II", content, entry + _SIZE)
            if offset:
                struct.pack_into(f"{order}I", index, entry + _OFFSET, offset + moved)
            else:
                struct.pack_into(f"{order}I", index, entry + _SIZE, size + grown)
    except (struct.error, ValueError):
        return content
    return bytes(index)


def _entries(content: bytes, order: str) -> range:
    """The place of each picture's entry in the content.

    Raises:
        struct.error: it is truncated.
        ValueError: there is no list of pictures.
    """
    start = len(_SIGNATURE)
    (place,) = struct.unpack_from(f"{order}I", content, start + 4)
    (count,) = struct.unpack_from(f"{order}H", content, start + place)
    places = range(start + place + 2, start + place + 2 + 12 * count, 12)
    tags = {tag: rest for tag, _, *rest in (struct.unpack_from(f"{order}HHII", content, each) for each in places)}
    if _ENTRIES not in tags:
        raise ValueError
    size, value = tags[_ENTRIES]
    if size % _ENTRY and _NUMBER in tags:  # some encoders write the number of pictures here, too
        size = _ENTRY * tags[_NUMBER][1]
    return range(start + value, min(start + value + size, len(content)), _ENTRY)
