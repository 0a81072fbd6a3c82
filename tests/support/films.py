"""Films of a scene that hardly moves, as most films are; and encoding them again."""

import subprocess
from pathlib import Path

import av
import numpy as np

from stegnet.media.ffmpeg_cli import bundled_ffmpeg


def still_frames(count: int, height: int = 97, width: int = 130, first: int = 0) -> list[np.ndarray]:
    """A textured scene that brightens slowly, in front of which a bar moves."""
    y, x = np.mgrid[:height, :width]
    scene = 110 + 40 * np.sin(x / 9) * np.cos(y / 7) + 12 * np.sin(x * y / 50)
    frames = []
    for index in range(first, first + count):
        frame = np.repeat((scene + index / 20)[..., None], 3, 2) * (1.0, 0.9, 0.8)
        frame[:, index % width : index % width + 10] = 90
        frames.append(frame.clip(0, 255).astype(np.uint8))
    return frames


def still_film(path: Path, count: int, height: int = 128, width: int = 160, **tags: str) -> Path:
    """A film with a tone."""
    with av.open(str(path), "w") as film:
        film.metadata.update(tags)
        stream = film.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        track = film.add_stream("aac", rate=44100, layout="mono")
        for frame in still_frames(count, height, width):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode(None))
        for index in range(count * 44100 // 25 // 1024):
            tone = np.sin((np.arange(1024) + 1024 * index) / 16).astype(np.float32)[None]
            sound = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 44100, index * 1024
            film.mux(track.encode(sound))
        film.mux(track.encode(None))
    return path


def encoded(film: Path, out: Path, *options: str) -> Path:
    """A film that ffmpeg has encoded again."""
    command = [bundled_ffmpeg(), "-v", "error", "-y", "-i", film, *options, out]
    subprocess.run(command, check=True)
    return out
