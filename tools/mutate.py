"""Damages files at random: their bytes, and the parts of their formats, whose lengths and checksums stay right.

A decoder refuses most files of random bytes at its first check. So a format's file is split into its parts (chunks,
segments, boxes, elements), a part is damaged, moved, repeated or left out, and the file is joined again.
"""

import base64
import json
import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import Literal

from stegnet.formats.matroska import element, spans
from stegnet.record.coding import sized, take_sized
from tests.support.pngs import SIGNATURE, as_png, chunks_of

Mutator = Callable[[bytes, random.Random], bytes]
Parts = list[tuple[bytes, bytes]]  # name and content of each
NUMBERS = (
    *(0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 1 << 24),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 49, (1 << 63) - 1, (1 << 64) - 1),
)
_SPANS = 1, 4, 16, 256, 4096  # bytes
_HOLDERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"udta", b"dinf", b"iprp", b"ipco", b"mvex", b"moof"}
# Segment, Info, Tracks, TrackEntry, Video, Audio; Cluster, BlockGroup; SeekHead, Seek, Cues, CuePoint,
# CueTrackPositions; Tags, Tag, Targets.
_MASTERS = {
    *(bytes.fromhex(name) for name in ("18538067", "1549a966", "1654ae6b", "ae", "e0", "e1", "1f43b675", "a0")),
    *(bytes.fromhex(name) for name in ("114d9b74", "4dbb", "1c53bb6b", "bb", "b7", "1254c367", "7373", "63c0")),
}
_CENTRAL, _LOCAL = b"PK\1\2", b"PK\3\4"
# Fields of a ZIP's entry, by their places in its central and its local header, and their bytes (APPNOTE 6.3.10, 4.3).
_ZIP_FIELDS: tuple[tuple[int, int | None, int], ...] = (
    (8, 6, 2), (10, 8, 2), (16, 14, 4), (20, 18, 4), (24, 22, 4), (28, 26, 2), (30, 28, 2), (38, None, 4),
    (4, None, 2), (6, 4, 2), (32, None, 2), (34, None, 2), (42, None, 4),
)  # fmt: skip
# Place, form, and usual numbers of the tag, type, count and value in an entry.
_TIFF_FIELDS = (0, "H", 0xFFFF), (2, "H", 20), (4, "I", 1 << 32), (8, "I", 1 << 32), (8, "H", 20)
_METHODS = 0, 1, 6, 8, 9, 12, 14, 93, 95, 99, 0xFFFF


def bytes_of(data: bytes, draw: random.Random) -> bytes:
    """Flips bits, cuts, repeats, inserts, zeroes and exchanges spans, and writes numbers that are hard to bear."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        size = len(changed)
        if not size:
            return draw.randbytes(draw.choice(_SPANS))
        near = draw.choice((32, 200, size))  # headers stand at the start
        place, span = draw.randrange(min(size, near)), draw.choice(_SPANS)
        width = draw.choice((1, 2, 4, 8))
        order: Literal["big", "little"] = draw.choice(("big", "little"))
        match draw.randrange(9):
            case 0:
                changed[place] ^= 1 << draw.randrange(8)
            case 1:
                number = draw.choice(NUMBERS) & ((1 << 8 * width) - 1)
                changed[place : place + width] = number.to_bytes(width, order)
            case 2:
                del changed[place : place + span]
            case 3:
                changed[place:place] = changed[place : place + span]
            case 4:
                changed[place:place] = draw.choice((bytes(span), draw.randbytes(span)))
            case 5:
                changed[place : place + span] = bytes(len(changed[place : place + span]))
            case 6:
                changed[place : place + span] = draw.randbytes(len(changed[place : place + span]))
            case 7:
                other = draw.randrange(size)
                changed[place : place + span], changed[other : other + span] = (
                    changed[other : other + span],
                    changed[place : place + span],
                )
            case 8:
                del changed[draw.randrange(size) :]
    return bytes(changed)


def _parts(parts: Parts, draw: random.Random, inside: Mutator = bytes_of) -> Parts:
    """Damages, repeats, moves, renames or leaves out some parts."""
    changed = list(parts)
    for _ in range(draw.choice((1, 1, 2))):
        if not changed:
            return changed
        at, other = draw.randrange(len(changed)), draw.randrange(len(changed))
        name, content = changed[at]
        match draw.choice((0, 0, 0, 1, 2, 3, 4)):
            case 0:
                changed[at] = name, inside(content, draw)
            case 1:
                changed[at:at] = [changed[at]] * draw.choice((1, 1, 3, 200))
            case 2:
                del changed[at]
            case 3:
                changed.insert(other, changed.pop(at))
            case 4:
                changed[at] = changed[other][0], content
    return changed


def either(structured: Mutator) -> Mutator:
    """Damages bytes or parts; bytes where the parts can't be told, as in a file that is damaged already."""

    def damage(data: bytes, draw: random.Random) -> bytes:
        if draw.random() < 0.4:
            return bytes_of(data, draw)
        try:
            return structured(data, draw)
        except (AttributeError, LookupError, TypeError, ValueError, struct.error, zlib.error):
            return bytes_of(data, draw)

    return damage


def png(data: bytes, draw: random.Random) -> bytes:
    """Damages chunks, whose checksums stay right, or samples or a profile behind their compression."""
    chunks = chunks_of(data)
    if draw.random() < 0.3:
        rows = bytes_of(zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT")), draw)
        first = next(place for place, (name, _) in enumerate(chunks) if name == b"IDAT")
        rest = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
        return as_png([*rest[:first], (b"IDAT", zlib.compress(rows)), *rest[first:]])
    if draw.random() < 0.3:  # a profile, which is compressed behind its name
        at = [name for name, _ in chunks].index(b"iCCP")
        name, _, profile = chunks[at][1].partition(b"\0\0")
        chunks[at] = b"iCCP", name + b"\0\0" + zlib.compress(bytes_of(zlib.decompress(profile), draw))
        return as_png(chunks)
    changed = as_png(_parts(chunks, draw)[: 1 << 12])
    return changed + draw.choice((b"", b"", b"", b"behind", SIGNATURE))


def riff(data: bytes, draw: random.Random) -> bytes:
    """Damages chunks of a WAV or WebP."""
    place, chunks = 12, []
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        chunks.append((data[place : place + 4], data[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    changed = _parts(chunks, draw)
    content = b"".join(name + len(part).to_bytes(4, "little") + part + bytes(len(part) % 2) for name, part in changed)
    return data[:4] + (4 + len(content)).to_bytes(4, "little") + data[8:12] + content


def jpeg(data: bytes, draw: random.Random) -> bytes:
    """Damages segments; a scan is one with its samples."""
    place, segments = 2, []
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xD9:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        name, content = data[place : place + 2], data[place + 4 : end]
        if name == b"\xff\xda":
            found = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, end)
            stop = found.start() if found else len(data)
            content, end = content + data[end:stop], stop
        segments.append((name, content))
        place = end
    changed = b""
    for name, content in _parts(segments, draw):
        length = 1 + 2 * content[0] + 3 if name == b"\xff\xda" and content else len(content)
        changed += name + min(length + 2, 65535).to_bytes(2, "big") + content
    return data[:2] + changed + data[place:]


def boxes(data: bytes, draw: random.Random) -> bytes:
    """Damages boxes of an MP4, HEIC or AVIF, at any depth."""

    def damage(content: bytes, draw: random.Random) -> bytes:
        place, found = 0, []
        while place + 8 <= len(content):
            size = int.from_bytes(content[place : place + 4], "big") or len(content) - place
            if size < 8 or place + size > len(content):
                raise ValueError("no box")
            found.append((content[place + 4 : place + 8], content[place + 8 : place + size]))
            place += size
        holders = [at for at, (name, _) in enumerate(found) if name in _HOLDERS or name == b"meta"]
        if holders and draw.random() < 0.85:
            at = draw.choice(holders)
            name, inner = found[at]
            skip = 4 if name == b"meta" else 0
            found[at] = name, inner[:skip] + damage(inner[skip:], draw)
        else:
            found = _parts(found, draw)
        return b"".join((8 + len(part)).to_bytes(4, "big") + name + part for name, part in found) + content[place:]

    return damage(data, draw)


def matroska(data: bytes, draw: random.Random) -> bytes:
    """Damages elements of a Matroska file, at any depth."""

    def damage(content: bytes, draw: random.Random) -> bytes:
        found = [(span.element, content[span.start : span.end]) for span in spans(content, 0, len(content))]
        masters = [at for at, (name, _) in enumerate(found) if name in _MASTERS]
        if masters and draw.random() < 0.85:
            at = draw.choice(masters)
            found[at] = found[at][0], damage(found[at][1], draw)
        else:
            found = _parts(found, draw)
        return b"".join(element(name, part, draw.choice((1, 1, 8))) for name, part in found)

    return damage(data, draw)


def flac(data: bytes, draw: random.Random) -> bytes:
    """Damages blocks of metadata (RFC 9639, section 8)."""
    place, kind, blocks = 4, 0, []
    while not kind & 0x80:
        kind, size = data[place], int.from_bytes(data[place + 1 : place + 4], "big")
        blocks.append((bytes([kind & 0x7F]), data[place + 4 : place + 4 + size]))
        place += 4 + size
    changed, head = _parts(blocks, draw), b""
    for number, (name, part) in enumerate(changed):
        last = 0x80 if number == len(changed) - 1 else 0
        head += bytes([name[0] | last]) + len(part).to_bytes(3, "big") + part
    return data[:4] + head + data[place:]


def tiff(data: bytes, draw: random.Random) -> bytes:
    """Writes odd tags, types, counts and values into the first directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    (place,), changed = struct.unpack_from(f"{order}I", data, 4), bytearray(data)
    (count,) = struct.unpack_from(f"{order}H", data, place)
    for _ in range(draw.choice((1, 1, 2, 3))):
        entry = place + 2 + 12 * draw.randrange(count)
        at, form, most = draw.choice(_TIFF_FIELDS)
        number = draw.choice((draw.choice(NUMBERS), draw.randrange(most))) & (0xFFFF if form == "H" else 0xFFFFFFFF)
        struct.pack_into(f"{order}{form}", changed, entry + at, number)
    return bytes(changed)


def zip_archive(data: bytes, draw: random.Random) -> bytes:
    """Writes odd fields into an entry's headers, both of them alike, or damages its bytes or name."""
    changed = bytearray(data)
    central = [found.start() for found in re.finditer(re.escape(_CENTRAL), data)]
    for _ in range(draw.choice((1, 1, 2))):
        at = draw.choice(central)
        (local,) = struct.unpack_from("<I", changed, at + 42)
        if changed[local : local + 4] != _LOCAL:
            raise ValueError("no entry")
        if draw.random() < 0.3:  # the name, which is as long as before
            size = int.from_bytes(changed[at + 28 : at + 30], "little")
            name = draw.choice((draw.randbytes(size), b"\xff" * size, b"\0" * size, b"../" * size, b"a/" * size))[:size]
            changed[at + 46 : at + 46 + size] = changed[local + 30 : local + 30 + size] = name
            continue
        first, second, width = draw.choice(_ZIP_FIELDS)
        number = draw.choice(_METHODS if first == 10 else (*NUMBERS, 0x800, 0x1 | 0x800, 0x41))
        value = (number & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        changed[at + first : at + first + width] = value
        if second is not None:
            changed[local + second : local + second + width] = value
    return bytes(changed)


def safetensors(data: bytes, draw: random.Random) -> bytes:
    """Damages the header's JSON, whose length stays right, or a value of the card in it."""
    size = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + size], data[8 + size :]
    if draw.random() < 0.4:
        header = bytes_of(header, draw)
    else:
        fields = json.loads(header)
        card = json.loads(fields["__metadata__"]["stegnet"])
        odd: object = draw.choice((None, -1, 0, 1 << 40, 1e300, float("nan"), "", "x", [], {}, [[]], True, "é" * 99))
        where = draw.choice([card, *(value for value in card.values() if isinstance(value, dict))])
        if draw.random() < 0.5 and where:
            where[draw.choice(sorted(where))] = odd
        else:
            names = sorted(fields.keys() - {"__metadata__"})
            tensor = fields[draw.choice(names)]
            tensor[draw.choice(("dtype", "shape", "data_offsets"))] = draw.choice(
                ("F64", "F16", "BOOL", "I64", "F8_E5M2", [], [0], [1 << 60, 1 << 60], [-1], [0, 0], odd)
            )
        fields["__metadata__"]["stegnet"] = json.dumps(card)
        header = json.dumps(fields).encode()
    return len(header).to_bytes(8, "little") + header + rest


def record(data: bytes, draw: random.Random) -> bytes:
    """Damages a record, or its tracks of sound; its film secret stays, without which it is another film's."""
    kind, start = data[0], 33  # behind film secret and film id (docs/format.md, "Record")
    if kind == 6 and draw.random() < 0.4:  # a part of a file that is as large as its offset needs
        offset = draw.choice(NUMBERS) & ((1 << 62) - 1)
        name, rest = take_sized(data[81:])
        parts = draw.choice((1, 2, 3)).to_bytes(4, "big") + bytes(4) + (offset + len(rest)).to_bytes(8, "big")
        return data[:start] + parts + data[49:81] + sized(name) + offset.to_bytes(8, "big") + rest[8:]
    if kind == 3:  # a whole file has neither
        return bytes_of(data, draw)
    if kind != 2 or draw.random() < 0.4:
        return bytes([draw.choice((kind, kind, draw.randrange(8)))]) + data[1:start] + bytes_of(data[start:], draw)
    start = 112  # of a film's tracks
    tracks, rest = take_sized(data[start:])
    fields = json.loads(zlib.decompress(tracks)) if tracks else [{}]
    track = draw.choice(fields)
    name = draw.choice(sorted(track) or ["codec"])
    value = track.get(name)
    if name in ("extradata", "template"):
        track[name] = base64.b64encode(bytes_of(base64.b64decode(value), draw)).decode()
    elif isinstance(value, str) or value is None:
        track[name] = draw.choice(("", "x", "7.1", "22.2", "opus", "flac", "pcm_s24le", "aac", "h264", "é" * 99, None))
    elif isinstance(value, int):
        track[name] = draw.choice(NUMBERS)
    else:
        track[name] = [draw.choice(NUMBERS), draw.choice(NUMBERS)]
    return data[:start] + sized(zlib.compress(json.dumps(fields).encode())) + bytes_of(rest, draw)


_BY_SUFFIX: dict[str, Mutator] = {
    **{".png": png, ".jpg": jpeg, ".heic": boxes, ".avif": boxes, ".webp": riff, ".tif": tiff, ".mp4": boxes},
    **{".mkv": matroska, ".wav": riff, ".flac": flac, ".zip": zip_archive, ".safetensors": safetensors},
    ".record": record,
}


def by_suffix(suffix: str) -> Mutator:
    """What damages files of a format in their bytes or parts; of others, in their bytes."""
    return either(_BY_SUFFIX.get(suffix, bytes_of))
