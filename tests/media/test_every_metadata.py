"""One cover a form that holds every kind of metadata, each with a needle: with `strip_metadata`, none is left.

The kinds are those that the tables of stegnet/media/metadata.py name, so that a new entry is asked for at once, and
others that the registries of the forms know. None is on the list of what stays but what shows or plays.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import ExifTags, Image

import stegnet
from stegnet.media.metadata import _CHUNKS, _OF_FLAC, _OF_WAV, _SEGMENTS
from stegnet.sound.flac import COMMENTS, PADDING, SEEK_TABLE, STREAM, metadata_blocks, written_blocks
from tests.support.pngs import as_png, chunks_of
from tests.support.sounds import as_bytes, chunk, form_chunk, noise, riff

KEY = stegnet.Key(bytes(range(32)))
BEHIND = "data behind"
SIGNED = {(0xEB, b"JP"), "caBX", "dSIG"}  # what signs a cover goes at any rate: it does not hold for a container


@dataclass(frozen=True)
class Made:
    """A cover, its needles by the kind of metadata that holds them, and the names that the tables give these kinds."""

    path: Path
    needles: dict[object, bytes]
    names: set[str]


def needle(kind: object) -> bytes:
    """Twelve bytes that stand nowhere else."""
    return b"needle" + sha256(repr(kind).encode()).hexdigest()[:6].encode()


def exif(kind: object) -> bytes:
    content = Image.Exif()
    content[ExifTags.Base.Orientation] = 6
    content[ExifTags.Base.Artist] = needle(kind).decode()
    return content.tobytes()


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def jpeg(path: Path, pixels: np.ndarray) -> Made:
    Image.fromarray(pixels).save(path, quality=90)
    data = path.read_bytes()
    body = data[4 + int.from_bytes(data[4:6]) :]  # without JFIF's segment
    jfif, adobe = b"JFIF\0\1\1\0\0\1\0\1", b"Adobe\0\x64" + bytes(4) + b"\1"
    parts: dict[object, bytes] = {"thumbnail": segment(0xE0, jfif + b"\4\1" + needle("thumbnail"))}
    for marker, head in _SEGMENTS:
        kind = marker, head
        parts[kind] = segment(marker, exif(kind) if _SEGMENTS[kind] == "EXIF" else head + needle(kind))
    for marker in range(0xE0, 0xF0):
        parts[marker] = segment(marker, b"unknown\0" + needle(marker))
    parts["second EXIF"] = segment(0xE1, exif("second EXIF"))
    parts["longer Adobe"] = segment(0xEE, adobe + needle("longer Adobe"))
    path.write_bytes(b"\xff\xd8" + b"".join(parts.values()) + body + needle(BEHIND))
    names = {"thumbnail", "segment APP14", "data behind the picture", *_SEGMENTS.values()}
    return Made(path, {kind: needle(kind) for kind in (*parts, BEHIND)}, names)


def png(path: Path, pixels: np.ndarray) -> Made:
    Image.fromarray(pixels).save(path)
    first, *others = chunks_of(path.read_bytes())
    named = {
        "eXIf": exif("eXIf").removeprefix(b"Exif\0\0"),
        "tEXt": needle("tEXt") + b"\0text",
        "zTXt": needle("zTXt") + b"\0\0" + zlib.compress(b"text"),
        "iTXt": needle("iTXt") + b"\0\0\0\0\0text",
        "tIME": struct.pack(">H5B", 2029, 5, 23, 3, 47, 51),
        "sPLT": needle("sPLT") + b"\0\x08",
    }
    kinds = (*_CHUNKS, "sPLT", "oFFs", "pCAL", "sCAL", "gIFg", "gIFx", "sTER", "dSIG", "prVt")
    chunks = [(kind.encode(), named.get(kind, needle(kind))) for kind in kinds]
    path.write_bytes(as_png([first, *chunks, *others]) + needle(BEHIND))
    needles: dict[object, bytes] = {kind: needle(kind) for kind in (*kinds, BEHIND)}
    return Made(path, needles | {"tIME": b"tIME" + named["tIME"]}, {"data behind the picture", *_CHUNKS.values()})


def wav(path: Path, pixels: np.ndarray) -> Made:
    others = b"iXML axml cue  smpl inst JUNK PEAK acid cart DISP umid abcd".split(b" ")
    kinds = (*_OF_WAV, *(kind.ljust(4) for kind in others if kind))
    samples = noise(60_000)
    parts = [chunk(kind, (b"INFO" if kind == b"LIST" else b"") + needle(kind).ljust(602, b"\0")) for kind in kinds]
    sound = form_chunk(), *parts[::2], chunk(b"data", as_bytes(samples)), *parts[1::2]
    path.write_bytes(riff(*sound) + needle(BEHIND))
    return Made(path, {kind: needle(kind) for kind in (*kinds, BEHIND)}, set(_OF_WAV.values()))


def flac(path: Path, pixels: np.ndarray) -> Made:
    soundfile.write(path, noise(60_000).astype(np.int16), 44100, "PCM_16", format="FLAC")
    data = path.read_bytes()
    blocks, frames = metadata_blocks(data)
    comment = b"ARTIST=" + needle(COMMENTS)
    track = struct.pack(">QB12sB13xB", 60_000, 170, b"", 0, 0)
    named = {
        COMMENTS: b"\4\0\0\0made\1\0\0\0" + len(comment).to_bytes(4, "little") + comment,
        5: needle(5).ljust(128, b"\0") + bytes(8) + b"\x80" + bytes(258) + b"\1" + track,
        6: struct.pack(">II9sI0sIIIII", 3, 9, b"image/png", 0, b"", 1, 1, 24, 0, 12) + needle(6),
    }
    kinds = (*_OF_FLAC, PADDING, 7, 126)
    own = [(kind, content) for kind, content in blocks if kind in (STREAM, SEEK_TABLE)]
    extra = [(kind, named.get(kind, needle(kind))) for kind in kinds]
    tag = b"ID3\4\0\0\0\0\0\x0c" + needle("ID3")
    path.write_bytes(tag + b"fLaC" + written_blocks([*own, *extra]) + data[frames:])
    return Made(path, {kind: needle(kind) for kind in (*kinds, "ID3")}, {"ID3", *_OF_FLAC.values()})


FORMS: dict[str, Callable[[Path, np.ndarray], Made]] = {".jpg": jpeg, ".png": png, ".wav": wav, ".flac": flac}


@pytest.mark.parametrize("suffix", FORMS)
def test_no_kind_of_metadata_stays(suffix: str, picture: Callable[..., np.ndarray], tmp_path: Path) -> None:
    """All of it is listed before, and stays where nobody asks to strip it, but what signs the cover."""
    made = FORMS[suffix](tmp_path / f"cover{suffix}", picture(240, 320, 1))
    listed = stegnet.info(made.path)["metadata"]
    text = ", ".join(listed)
    assert [name for name in made.names if name not in text] == []
    for strips in (False, True):
        out = tmp_path / f"{strips}{suffix}"
        stegnet.hide(made.path, b"a note", to=out, key=KEY, strip_metadata=strips)
        assert stegnet.reveal(out, key=KEY, strict=True).data == b"a note"
        data = out.read_bytes()
        left = {kind for kind, text in made.needles.items() if text in data}
        if strips:
            assert left == set()
            assert stegnet.info(out)["metadata"] == []
        else:
            assert set(made.needles) - left <= SIGNED
