import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ImageCms

from tests.support.films import add_pictures, add_tone

RATE = 48000
PICTURES = {".mkv": "ffv1", ".mp4": "libx264", ".mov": "libx264", ".ts": "mpeg2video", ".avi": "mpeg4"}


@pytest.fixture(scope="session")
def make_sounds() -> Callable[..., Path]:
    """Writes a film with sound tracks of different pitch; returns its path."""

    def make(path: Path, *codecs: str, seconds: float = 0.8, start: float = 0, width: int = 32) -> Path:
        frames = [np.full((16, width, 3), 9 * index % 256, np.uint8) for index in range(20)]
        with av.open(str(path), "w") as film:
            stream = film.add_stream(PICTURES[path.suffix], rate=25)
            tracks = [film.add_stream(codec, rate=RATE, options={"strict": "-2"}) for codec in codecs]
            add_pictures(film, stream, frames, "yuv420p")
            for number, track in enumerate(tracks, 1):
                add_tone(film, track, 1000 * number, int(seconds * RATE / 1024), start)
        return path

    return make


@pytest.fixture
def heard() -> Callable[..., list[bytes]]:
    """The decoded samples of each sound track."""

    def hear(path: Path) -> list[bytes]:
        with av.open(str(path)) as film:
            tracks = film.streams.audio
            samples: dict[int, list[bytes]] = {track.index: [] for track in tracks}
            for packet in film.demux(tracks):
                samples[packet.stream.index] += [frame.to_ndarray().tobytes() for frame in packet.decode()]
        return [b"".join(parts) for parts in samples.values()]

    return hear


def tagged(profile: bytes) -> dict[bytes, bytes]:
    """The tags of an ICC profile (ICC.1:2022, 7.3): a count, then name, offset and size of each."""
    count = int.from_bytes(profile[128:132], "big")
    entries = [struct.unpack(">4sII", profile[132 + 12 * n : 144 + 12 * n]) for n in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def icc(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    """An ICC profile of version 2.4."""
    place, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, place + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s", place + len(data), 0x02400000, kind, space, connection, b"acsp")
    white = struct.pack(">28xiii", 63190, 65536, 54061)
    return (head + white).ljust(128, b"\0") + len(tags).to_bytes(4, "big") + table + data


@pytest.fixture(scope="session")
def srgb_tags() -> dict[bytes, bytes]:
    return tagged(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


@pytest.fixture(scope="session")
def srgb_profile(srgb_tags: dict[bytes, bytes]) -> bytes:
    """sRGB as most cameras write it: a tabulated curve and the rounded primaries of the 1998 profile."""
    light = np.linspace(0, 1, 1024)
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + struct.pack(">4xI", 1024) + (light * 65535).round().astype(">u2").tobytes()
    primaries = {
        b"rXYZ": (0.43607, 0.22249, 0.01392),
        b"gXYZ": (0.38515, 0.71687, 0.09708),
        b"bXYZ": (0.14307, 0.06061, 0.71410),
    }
    colours = {
        name: b"XYZ " + struct.pack(">4x3i", *(round(65536 * x) for x in point)) for name, point in primaries.items()
    }
    return icc(b"RGB ", srgb_tags | colours | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


@pytest.fixture(scope="session")
def swapped_profile(srgb_tags: dict[bytes, bytes]) -> bytes:
    """sRGB with red and green swapped."""
    return icc(b"RGB ", srgb_tags | {b"rXYZ": srgb_tags[b"gXYZ"], b"gXYZ": srgb_tags[b"rXYZ"]})


@pytest.fixture(scope="session")
def linear_grey_profile(srgb_tags: dict[bytes, bytes]) -> bytes:
    """Linear grey."""
    return icc(b"GRAY", {b"wtpt": srgb_tags[b"wtpt"], b"kTRC": b"curv" + bytes(8)})


@pytest.fixture(scope="session")
def cmyk_profile() -> bytes:
    """CMYK in which only black ink has an effect (a table of 2⁴ corners, ICC.1 10.10)."""
    ramp = bytes(range(256))
    corners = b"".join(bytes([255 * (1 - key), 128, 128]) for _ in range(8) for key in (0, 1))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + 4 * ramp + corners + 3 * ramp
    return icc(b"CMYK", {b"A2B0": table, b"A2B1": table}, b"prtr", b"Lab ")
