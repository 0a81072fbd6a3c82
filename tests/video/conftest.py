from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

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
