"""A file on its way into the frames of a container: its header, and the record of each frame."""

import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from stegnet.core.errors import MediaError, reading
from stegnet.core.kinds import FILE
from stegnet.keys import FILM_ID_BYTES, Key, Randomness
from stegnet.record.record import File, Header, Record, format_record
from stegnet.record.spread import choose_needed


def file_header(name: str, source: BinaryIO, frames: int, room: int, randomness: Randomness) -> Header:
    """The header of a file, which is read once for its digest.

    Args:
        room: bytes of it that fit into each of several frames.
    Raises:
        MediaError: it can't be read.
    """
    code = file_digest(source)
    size = source.tell()
    needed = choose_needed(size, frames, room) if frames > 1 else 0
    return Header(randomness(FILM_ID_BYTES), FILE, frames, File(name, size, code, needed))


def file_records(header: Header, source: BinaryIO) -> Iterator[Record]:
    """The record of each frame.

    Raises:
        MediaError: the file has changed since its digest was taken.
    """
    for index in range(header.frames):
        if header.spread:
            data = header.spread.share(source, index)
        else:
            source.seek(0)
            data = source.read(header.secret.size)
        if index == header.frames - 1 and file_digest(source) != header.secret.digest:
            raise MediaError(f"{source.name}: was changed while it was being hidden", "hide it again")
        yield Record(header, index, data=data)


def hidden_bytes(header: Header) -> int:
    """Bytes of a file that are hidden in all frames together."""
    return header.spread.share_bytes * header.frames if header.spread else header.secret.size


def empty_record_bytes(name: str, key: Key, spread: bool = False) -> int:
    """Bytes of the record of an empty file of this name, or of a share of it."""
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File(name, 0, bytes(32), int(spread))), 0)
    return len(format_record(empty, key))


def frames_with_data(header: Header) -> int:
    """Number of frames that hold bytes of the file, or shares of it."""
    size = header.secret.size
    return header.frames if header.spread and size else min(header.frames, size)


def may_be_lost(header: Header) -> int | None:
    """Frames of a film that may be lost or altered, and the file is revealed all the same; None if it is not spread."""
    return header.spread.most_lost() if header.spread else None


def file_digest(source: BinaryIO) -> bytes:
    """SHA-256 of a file, which is left at its end.

    Raises:
        MediaError: it can't be read.
    """
    source.seek(0)
    with reading(getattr(source, "name", "")):
        code = hashlib.file_digest(source, "sha256").digest()
        source.seek(0, os.SEEK_END)  # which it is not by bytes in memory
        return code
