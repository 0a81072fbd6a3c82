"""Chunks of a RIFF file, such as a WAV or WebP; also of RF64 (EBU Tech 3306)."""

from collections.abc import Iterator

from stegnet.formats.boxes import FileBytes


def riff_chunks(data: FileBytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the type of each chunk, its start, the start and the end of its content, padded to an even length."""
    long = int.from_bytes(data[28:36], "little") if data[12:16] == b"ds64" else 0  # bytes of the samples
    place = 12
    while place + 8 <= len(data):
        kind = data[place : place + 4]
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        size = long if kind == b"data" and long else size
        yield kind, place, place + 8, min(place + 8 + size + size % 2, len(data))
        place += 8 + size + size % 2
