"""Claims of a file about its own content that hiding would make untrue: signatures, and digests that anyone can check.

A cover is used without them. Digests that follow from the samples alone, such as a FLAC's, are written anew with them.
Content Credentials: C2PA, "Technical Specification 2.2", appendix A, in JUMBF (ISO/IEC 19566-5); XMP: ISO 16684-1, and
part 3 of Adobe's specification on its extension in a JPEG; ID3: id3.org, "ID3 tag version 2.4.0".
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from stegnet.core.errors import MediaError
from stegnet.formats.boxes import box, boxes
from stegnet.formats.opened_file import FileInMemory, Part, Source, id3_bytes, is_jpeg, is_mp4, mapped, spliced
from stegnet.formats.riff import riff_chunks
from stegnet.formats.signatures import form_of
from stegnet.jpeg.markers import Segment, open_jpeg, spliced_jpeg
from stegnet.media.cover import Cover
from stegnet.media.metadata import metadata_names, metadata_of, part_of_segment
from stegnet.png.file import chunk_bytes, open_png
from stegnet.sound.flac import APPLICATION, COMMENTS, comments_of, metadata_blocks, with_comments, written_blocks

CREDENTIALS = "Content Credentials"
_MANIFEST_TYPE = bytes.fromhex("6332706100110010800000aa00389b71")  # of a JUMBF box
_EXIF = b"Exif\0\0"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_DIGEST = "OriginalImageHash"  # of ExifTool
_XMP_PROPERTIES = {  # names of claims by namespace and property
    b"http://purl.org/dc/terms/": {b"provenance": CREDENTIALS},
    b"http://ns.exiftool.org/1.0/": {
        b"OriginalImageHash": _DIGEST,
        b"OriginalImageHashType": _DIGEST,
        b"OriginalImageMD5": _DIGEST,
    },
}
_XMP_VALUE = rb"""(?:"[^"]*"|'[^']*')"""
_XMP_KEY = re.compile(rb":(" + b"|".join({key for keys in _XMP_PROPERTIES.values() for key in keys}) + rb")(?=[\s/>=])")
_XMP_NAME = re.compile(rb"[\w.-]")
_XMP_ATTRIBUTE = re.compile(rb"\s*=\s*" + _XMP_VALUE)
_Cleaned = tuple[bytes, str]  # text without claims, and the names of those that were in it, joined by commas


def open_cover(path: Path, strip_metadata: bool = False) -> Cover:
    """Open a cover without the claims about its content, and without a picture's metadata if wanted.

    Its `left_out` names them. An MP4 is opened as it is: only the method "h264" copies it, and leaves claims out.

    Raises MediaError if metadata that is to be left out can't be read.
    """
    cover = Cover(path)
    try:
        claims = claims_of(cover)
        metadata = metadata_of(cover) if strip_metadata else []
    except BaseException:
        cover.close()
        raise
    changes = changes_of(metadata or claims)  # the claims are in the metadata
    if changes and not is_mp4(cover):
        with cover:
            cover = Cover(FileInMemory(str(path), _without(cover, changes)))
    cover.strips_metadata = strip_metadata
    if metadata or (strip_metadata and cover.is_film):
        found = dict.fromkeys(part.name for part in metadata if part.name) if metadata else metadata_names(cover)
        names = ", ".join(found)
        cover.left_out = (f"cover: used without its metadata ({names})",) if names else ()
    elif claims:
        cover.left_out = (used_without(_joined(*(claim.name for claim in claims))),)
    return cover


def used_without(names: str) -> str:
    """Return the note on claims of a cover."""
    return f"cover: used without its {names}, which would prove that it was changed"


def claims_of(source: Source) -> list[Part]:
    """Return the claims in a picture, sound or film; of a damaged file, those before the damage.

    Several claims in one part have their names joined by commas. Raises MediaError if the file can't be read.
    """
    form = form_of(source)
    claims = []
    if form is not None and form.name in _FORMS:
        with suppress(MediaError, ValueError, IndexError, struct.error, zlib.error):  # damage, which its reader reports
            for claim in _FORMS[form.name](source):
                claims.append(claim)
    return claims


def changes_of(parts: list[Part]) -> dict[tuple[int, int], bytes]:
    """Return the bytes that replace parts of a file, by their start and end."""
    return {(part.start, part.end): part.rest for part in parts}


def _without(source: Source, changes: dict[tuple[int, int], bytes]) -> bytes:
    """Return the bytes of a picture's or sound's file with changes, whose lengths and offsets follow them."""
    if is_jpeg(source):
        file = open_jpeg(source)
        index_goes = file.index and any(start < file.index[0] < end for start, end in changes)
        return b"".join(spliced(file.data, changes)) if index_goes else spliced_jpeg(file, changes)
    with mapped(source) as data:
        if data[:4] in {b"RIFF", b"RF64", b"BW64"}:
            growth = sum(len(rest) - (end - start) for (start, end), rest in changes.items())
            place, size = (20, 8) if data[:4] != b"RIFF" and data[12:16] == b"ds64" else (4, 4)
            length = int.from_bytes(data[place : place + size], "little")
            unknown = 0xFFFFFFFF  # as written into a pipe
            if length != unknown:
                changes[place, place + size] = max(length + growth, 0).to_bytes(size, "little")
        return b"".join(spliced(data, changes))


def _joined(*names: str) -> str:
    """Return names, some of which are several, joined by commas, each once."""
    return ", ".join(filter(None, dict.fromkeys(", ".join(names).split(", "))))


# Text that several forms hold.


def _xmp(packet: bytes) -> _Cleaned:
    """Return an XMP packet without claims.

    The time grows with its length alone, whatever it repeats: no pattern begins where another one could go on.
    """
    keys: dict[bytes, dict[bytes, str]] = {}  # names of claims by key, by prefix
    for prefix, quoted in re.findall(rb"xmlns:([\w.-]+)\s*=\s*(" + _XMP_VALUE + rb")", packet):
        keys[prefix] = keys.get(prefix, {}) | _XMP_PROPERTIES.get(quoted[1:-1], {})
    names: dict[str, None] = {}
    kept = []
    done = 0  # bytes of the packet
    unclosed: set[bytes] = set()
    for match in _XMP_KEY.finditer(packet):
        start = match.start()
        if start < done:  # in an element that goes
            continue
        while start > done and _XMP_NAME.match(packet, start - 1):
            start -= 1
        name = keys.get(packet[start : match.start()], {}).get(match[1])
        if name is None:
            continue
        tag = packet[start : match.end()]
        end = _end_of_element(packet, tag, match.end(), unclosed) if packet[start - 1 : start] == b"<" else None
        if end is not None:
            start -= 1
        elif (value := _XMP_ATTRIBUTE.match(packet, match.end())) and packet[start - 1 : start].isspace():
            end = value.end()
        else:
            continue
        kept.append(packet[done:start].rstrip())
        names[name] = None
        done = end
    return b"".join((*kept, packet[done:])), ", ".join(names)


def _end_of_element(packet: bytes, tag: bytes, start: int, unclosed: set[bytes]) -> int | None:
    """Return the end of the element whose tag ends at `start`; None if it has none, and its tag in `unclosed`."""
    end = packet.find(b">", start) + 1
    if not end or packet[end - 2 : end - 1] == b"/":
        return end or None
    if tag in unclosed:
        return None
    closing = re.compile(rb"</" + re.escape(tag) + rb"\s*>").search(packet, end)
    if closing is None:
        unclosed.add(tag)
        return None
    return closing.end()


def _is_digest(tag: str, text: str) -> bool:
    """Return whether a tag of a sound has a digest of its samples, as has the log of a program that read a CD."""
    # Of a CD's track by programs that compared its digest with a database's; the number of its disc stays.
    digests = r"crc|md5|sha-?(1|256|512)|checksum" + ("" if tag.lower().endswith("id") else "|accuraterip|ctdb")
    return bool(re.search(digests, tag, re.IGNORECASE)) or ("log" in tag.lower() and "CRC" in text)


def _id3(tag: bytes) -> _Cleaned:
    """Return an ID3v2.3 or 2.4 tag without frames of claims, b"" without others.

    A rare one, that is coded or extended, goes or stays as a whole.
    """
    version, flags = tag[3], tag[5]
    if version not in (3, 4) or flags:
        return (b"", CREDENTIALS) if _MANIFEST_TYPE in tag else (tag, "")
    bits = 7 if version == 4 else 8
    claims = []
    frames = []
    place = 10
    while place + 10 < len(tag) and tag[place]:
        size = sum(part << bits * (3 - index) for index, part in enumerate(tag[place + 4 : place + 8]))
        head, content = tag[place : place + 10], tag[place + 10 : place + 10 + size]
        rest, claim = _frame(head[:4], content)
        claims.append(claim)
        frames += [head[:4] + _size(len(rest), bits) + head[8:] + rest] if rest or not claim else []
        place += 10 + size
    rest = b"".join((*frames, tag[place:]))  # with its padding
    name = _joined(*claims)
    return (tag[:6] + _size(len(rest), 7) + rest if frames else b"", name) if name else (tag, "")


def _size(number: int, bits: int) -> bytes:
    """Return a number in four bytes, of which the lowest 7 or all 8 bits are used."""
    return bytes(number >> bits * index & (1 << bits) - 1 for index in (3, 2, 1, 0))


def _frame(kind: bytes, content: bytes) -> _Cleaned:
    """Return the content of a frame of ID3 without claims, b"" if it is one."""
    owner = b"XMP\0"
    if kind == b"GEOB" and _MANIFEST_TYPE in content:
        return b"", CREDENTIALS
    if kind == b"PRIV" and content.startswith(owner):
        packet, name = _xmp(content[len(owner) :])
        return owner + packet, name
    if kind == b"TXXX":
        coding = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}.get(content[0], "latin-1")
        tag, _, text = content[1:].decode(coding, "replace").partition("\0")
        if _is_digest(tag, text):
            return b"", tag
    return content, ""


def _comments(content: bytes) -> _Cleaned:
    """Return a block of Vorbis comments (RFC 9639, section 8.6) without digests of the samples."""
    digests = []
    kept = []
    for comment in comments_of(content):
        tag, _, text = comment.decode("utf-8", "replace").partition("=")
        if _is_digest(tag, text):
            digests.append(tag)
        else:
            kept.append(comment)
    return with_comments(content, kept), _joined(*digests)


def _digest_of_imagemagick(text: bytes) -> _Cleaned:
    """Return b"" for ImageMagick's property "signature", the SHA-256 of the pixels, in a text of a PNG."""
    return (b"", "ImageMagick signature") if re.fullmatch(rb"[0-9a-f]{64}", text) else (text, "")


def _signed_parameters(text: bytes) -> _Cleaned:
    """Return the parameters of a generated picture, in JSON, without NovelAI's signature of parameters and pixels."""
    rest, found = re.subn(rb""",\s*"signed_hash"\s*:\s*"[^"]*"|"signed_hash"\s*:\s*"[^"]*"\s*,?""", b"", text)
    return rest, "NovelAI signature" if found else ""


def signs_colours(opacity: np.ndarray) -> bool:
    """Return whether the lowest bits of opacity, (H, W) uint8, hold NovelAI's signature of the colours.

    The bits go down the columns: "stealth_pngcomp", the number of bits that follow, and JSON in gzip (NovelAI's
    "novelai-image-metadata", nai_meta.py).
    """
    data = np.packbits(opacity.T.reshape(-1) & 1).tobytes()
    head = b"stealth_pngcomp"
    if not data.startswith(head):
        return False
    gzip_window = 31
    most_text = 1 << 24  # bytes
    try:
        text = zlib.decompressobj(gzip_window).decompress(data[len(head) + 4 :], most_text)
    except zlib.error:
        return False
    return b"signed_hash" in text


# Forms.


def _of_jpeg(source: Source) -> Iterator[Part]:
    app1 = 0xE1
    app4 = 0xE4
    app11 = 0xEB
    file = open_jpeg(source)
    manifests = set()  # numbers of boxes, each of which may have several segments
    packets = []  # of XMP
    for segment in file.metadata:
        content = file.data[segment.start : segment.end]
        if segment.marker == app11 and content[:2] == b"JP":
            number = content[2:4]
            if content[12:16] == b"jumb" and _MANIFEST_TYPE in content[:64]:
                manifests.add(number)
            if number in manifests:
                yield part_of_segment(CREDENTIALS, segment, b"")
        elif segment.marker == app4 and content.startswith(b"SCALADO\0"):
            yield part_of_segment("index of blocks (Scalado)", segment, b"")
        elif segment.marker == app1 and content.startswith(_EXIF):
            with suppress(struct.error, IndexError):  # viewers do without damaged EXIF
                rest, name = _exif(content[len(_EXIF) :])
                if name:
                    yield part_of_segment(name, segment, _EXIF + rest)
        elif segment.marker == app1 and content.startswith((_JPEG_XMP, _MORE_XMP)):
            packets.append((segment, content))
    yield from _of_packets(packets)


def _exif(tiff: bytes) -> _Cleaned:
    """Return EXIF without a maker's note that has, or points to, a camera's signature of the picture.

    Nikon's Image Authentication and Canon's Original Data Security, by ExifTool's tags. Nothing else moves.
    """
    make, exif_ifd, note_tag = 0x010F, 0x8769, 0x927C
    authentication, decision_data = 0x0020, 0x0083
    order = "<" if tiff[:2] == b"II" else ">"
    first = _entries(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
    if exif_ifd not in first:
        return tiff, ""
    (place,) = struct.unpack_from(order + "I", tiff, first[exif_ifd] + 8)
    entries = _entries(tiff, order, place)
    if note_tag not in entries:
        return tiff, ""

    size, start = struct.unpack_from(order + "II", tiff, entries[note_tag] + 4)
    note = tiff[start : start + size]
    name = ""
    if note.startswith(b"Nikon\0"):
        inner = note[10:]
        order_of_note = "<" if inner[:2] == b"II" else ">"
        found = _entries(inner, order_of_note, struct.unpack_from(order_of_note + "I", inner, 4)[0])
        if authentication in found and inner[found[authentication] + 8]:
            name = "Image Authentication (Nikon)"
    elif make in first and b"Canon" in tiff[struct.unpack_from(order + "I", tiff, first[make] + 8)[0] :][:16]:
        found = _entries(tiff, order, start)
        if decision_data in found and any(tiff[found[decision_data] + 8 : found[decision_data] + 12]):
            name = "Original Data Security (Canon)"
    if not name:
        return tiff, ""

    changed = bytearray(tiff)
    changed[start : start + size] = bytes(len(note))
    struct.pack_into(order + "H", changed, place, len(entries) - 1)
    behind = place + 2 + 12 * len(entries) + 4  # the entries, and the place of the next ones
    changed[entries[note_tag] : behind] = tiff[entries[note_tag] + 12 : behind] + bytes(12)
    return bytes(changed), name


def _entries(tiff: bytes, order: str, place: int) -> dict[int, int]:
    """Return the places of a directory's entries by their tags (TIFF 6.0, section 2)."""
    (count,) = struct.unpack_from(order + "H", tiff, place)
    starts = range(place + 2, place + 2 + 12 * count, 12)
    return {struct.unpack_from(order + "H", tiff, start)[0]: start for start in starts}


def _of_packets(packets: list[tuple[Segment, bytes]]) -> Iterator[Part]:
    """Yield the claims of a JPEG's XMP: a segment, and others that go on, under the MD5 of their joint text."""
    digest_end = len(_MORE_XMP) + 32
    more = [pair for pair in packets if pair[1].startswith(_MORE_XMP)]
    more.sort(key=lambda pair: pair[1][digest_end + 4 : digest_end + 8])  # by their places in the text
    text, name = _xmp(b"".join(content[digest_end + 8 :] for _, content in more))
    old = more[0][1][len(_MORE_XMP) : digest_end] if more else b""
    new = hashlib.md5(text, usedforsecurity=False).hexdigest().upper().encode() if name else old
    place = 0
    for segment, content in more if name else ():
        piece = text[place : place + len(content) - digest_end - 8]
        head = _MORE_XMP + new + struct.pack(">II", len(text), place)
        yield part_of_segment(name, segment, head + piece if piece else b"")
        place += len(piece)
    for segment, content in packets:
        if content.startswith(_JPEG_XMP):
            rest, found = _xmp(content.replace(old, new) if name else content)
            if rest != content:
                yield part_of_segment(found or name, segment, rest)


def _of_png(source: Source) -> Iterator[Part]:
    names = {"caBX": CREDENTIALS, "dSIG": "digital signature", "iDOT": "index of rows (iDOT)"}
    with mapped(source) as data:
        for kind, start, end in open_png(source).others:
            if kind in names:
                yield Part(names[kind], start, end)
            elif kind in {"tEXt", "zTXt", "iTXt"}:
                rest, name = _png_text(kind, data[start + 8 : end - 4])
                if name:
                    yield Part(name, start, end, chunk_bytes(kind.encode(), rest) if rest else b"")


def _png_text(kind: str, content: bytes) -> _Cleaned:
    """Return the content of a text chunk (PNG, section 11.3.3) without claims, b"" if nothing is left."""
    keyword, _, rest = content.partition(b"\0")
    clean = _PNG_TEXTS.get(keyword)
    if clean is None:
        return content, ""
    fields = {"tEXt": 0, "zTXt": 1}.get(kind, 2)  # bytes
    if kind == "iTXt":
        fields = rest.index(b"\0", rest.index(b"\0", 2) + 1) + 1  # behind language and keyword
    is_compressed = kind == "zTXt" or (kind == "iTXt" and rest[0] == 1)
    most_text = 1 << 24  # bytes
    text = zlib.decompressobj().decompress(rest[fields:], most_text) if is_compressed else rest[fields:]
    text, name = clean(text)
    head = content[: len(keyword) + 1 + fields]
    return head + (zlib.compress(text) if is_compressed else text) if text else b"", name


def _of_riff(source: Source) -> Iterator[Part]:
    """Yield the claims of a WAV or WebP, by its chunks."""
    with mapped(source) as data:
        for kind, start, content, end in riff_chunks(data):
            if kind in _RIFF_CLAIMS or kind in _RIFF_TEXTS:
                size = int.from_bytes(data[start + 4 : content], "little")
                rest, name = _chunk(kind, data[content : content + size])
                if name:
                    yield Part(name, start, end, rest)


def _chunk(kind: bytes, content: bytes) -> _Cleaned:
    """Return a chunk of a WAV or WebP without claims, b"" if nothing is left."""
    if kind in _RIFF_CLAIMS:
        return b"", _RIFF_CLAIMS[kind]
    content, name = _RIFF_TEXTS[kind](content) if kind in _RIFF_TEXTS else (content, "")
    chunk = kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
    return chunk if content or not name else b"", name


_RIFF_CLAIMS = {b"C2PA": CREDENTIALS, b"levl": "peaks (levl)"}
_RIFF_TEXTS: dict[bytes, Callable[[bytes], _Cleaned]] = {b"XMP ": _xmp, b"_PMX": _xmp, b"id3 ": _id3, b"ID3 ": _id3}
_FOREIGN = b"riff"  # identifier of a FLAC's block that has a chunk of the WAV that it was


def _of_flac(source: Source) -> Iterator[Part]:
    with mapped(source) as data:
        tag_end = id3_bytes(data[:10])
        tag, name = _id3(data[:tag_end]) if tag_end else (b"", "")
        if name:
            yield Part(name, 0, tag_end, tag)
        blocks, frames = metadata_blocks(data)
    name = ""
    kept = []
    shorter = 0  # bytes, of the WAV that it was
    for kind, content in blocks:
        rest, claim = _comments(content) if kind == COMMENTS else (content, "")
        if kind == APPLICATION and content.startswith(_FOREIGN) and content[4:8] in {*_RIFF_CLAIMS, *_RIFF_TEXTS}:
            size = int.from_bytes(content[8:12], "little")
            chunk, claim = _chunk(content[4:8], content[12 : 12 + size])
            rest = (_FOREIGN + chunk if chunk else b"") if claim else content
        elif kind == APPLICATION and _MANIFEST_TYPE in content:
            rest, claim = b"", CREDENTIALS
        name = _joined(name, claim)
        shorter += len(content) - len(rest or _FOREIGN) if claim and content.startswith(_FOREIGN) else 0
        if rest or not claim:
            kept.append((kind, rest))
    if shorter:
        kept = [(kind, _shortened(content, shorter) if kind == APPLICATION else content) for kind, content in kept]
    if name:
        yield Part(name, tag_end + 4, frames, written_blocks(kept))


def _shortened(block: bytes, by: int) -> bytes:
    """Return the block with the head of the WAV that a FLAC was, which says its length; any other block as it is."""
    if block[:8] != _FOREIGN + b"RIFF":
        return block
    return block[:8] + max(int.from_bytes(block[8:12], "little") - by, 0).to_bytes(4, "little") + block[12:]


def _of_tiff(source: Source) -> Iterator[Part]:
    """Yield the claims of a TIFF's first page; they are filled with zeros or spaces, so that nothing moves."""
    manifest_tag = 0xCD41
    xmp_tag = 700
    with mapped(source) as data:
        order = "<" if data[:2] == b"II" else ">"
        big = data[2:4] in (b"+\0", b"\0+")
        offset, number, entry = ("Q", "Q", "HHQQ") if big else ("I", "H", "HHII")
        (page,) = struct.unpack_from(order + offset, data, 8 if big else 4)
        if page > len(data):
            return  # damage, which its reader reports
        (count,) = struct.unpack_from(order + number, data, page)
        size = struct.calcsize("=" + entry)
        first = page + struct.calcsize("=" + number)
        last = first + count * size + struct.calcsize("=" + offset)  # behind the place of the next page
        for at in range(first, first + count * size, size):
            tag, _, length, value = struct.unpack_from(order + entry, data, at)
            if tag in {manifest_tag, xmp_tag} and value + length > len(data):
                return
            if tag == manifest_tag:
                yield Part(CREDENTIALS, page, first, struct.pack(order + number, count - 1))
                yield Part(CREDENTIALS, at, last, data[at + size : last] + bytes(size))
                yield Part(CREDENTIALS, value, value + length, bytes(length))
            elif tag == xmp_tag:
                rest, name = _xmp(data[value : value + length])
                if name:
                    yield Part(name, value, value + length, rest.ljust(length))


def _of_mp4(source: Source) -> Iterator[Part]:
    manifest_box = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # extended types
    xmp_box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    with mapped(source) as data:
        for kind, start, content, end in boxes(data):
            extended = data[content : content + 16] if kind == b"uuid" else b""
            if extended == manifest_box:
                yield Part(CREDENTIALS, start, end)
            elif extended == xmp_box:
                rest, name = _xmp(data[content + 16 : end])
                if name:
                    yield Part(name, start, end, box(b"uuid", xmp_box, rest))


_PNG_TEXTS: dict[bytes, Callable[[bytes], _Cleaned]] = {  # by keyword
    b"XML:com.adobe.xmp": _xmp,
    b"signature": _digest_of_imagemagick,
    b"Comment": _signed_parameters,
}
_FORMS: dict[str, Callable[[Source], Iterator[Part]]] = {
    **{"JPEG": _of_jpeg, "PNG": _of_png, "WebP": _of_riff, "TIFF": _of_tiff, "MP4": _of_mp4},
    **{"WAV": _of_riff, "FLAC": _of_flac},
}
