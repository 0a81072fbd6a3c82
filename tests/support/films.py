"""Pictures and films for tests: smooth colours with noise, or a scene that hardly moves, as most films are."""

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np

from stegnet.formats.ffmpeg_cli import bundled_ffmpeg
from stegnet.video import FilmWriter
from tests.support.waiting import LIMIT


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise, (height, width, 3) uint8."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x * (seed % 5 + 2) + y * (channel + 1)) / 17 + seed) for channel in range(3)]
    noise = np.random.default_rng(seed).normal(0, 4, (height, width, 3))
    return (128 + 90 * np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Filmed:
    """A film of `make_film`: `picture(…, seed=seed + index)` at each stamp, a tone of a codec, a display rotation."""

    frames: int
    height: int
    width: int
    seed: int = 0
    codec: str = "ffv1"
    pix_fmt: str = "bgr0"
    stamps: list[int] | None = None
    time_base: Fraction = Fraction(1, 25)
    sound: str | None = None
    turn: int | None = None


def make_film(path: Path, frames: int = 6, height: int = 64, width: int = 96, **choices: Any) -> Path:
    """Makes a film of any choices of `Filmed`; returns its path."""
    made = Filmed(frames, height, width, **choices)
    stamps = list(range(made.frames)) if made.stamps is None else made.stamps
    with av.open(str(path), "w") as film:
        stream = film.add_stream(made.codec, rate=25, time_base=made.time_base)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = made.width, made.height, made.pix_fmt
        if made.turn is not None:
            stream.set_display_rotation(made.turn)
        track = film.add_stream(made.sound, rate=44100) if made.sound else None
        for index, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(made.height, made.width, made.seed + index), format="rgb24")
            frame.pts, frame.time_base = stamp, made.time_base
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
        if track:
            assert isinstance(track, av.AudioStream)
            seconds = float(stamps[-1] * made.time_base) + 0.04
            add_tone(film, track, 2764, int(seconds * track.rate / 1024) + 1)
    return path


def add_tone(film, track, pitch: float, packets: int, start: float = 0) -> None:
    """Adds a stereo tone to a track, 1,024 samples a packet; its pitch is in radians a second."""
    for index in range(packets):
        time = (np.arange(1024) + index * 1024) / track.rate
        tone = np.tile(0.5 * np.sin(pitch * time).astype(np.float32), (2, 1))
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="stereo")
        frame.sample_rate, frame.time_base = track.rate, Fraction(1, track.rate)
        frame.pts = index * 1024 + round(start * track.rate)
        film.mux(track.encode(frame))
    film.mux(track.encode(None))


def encode(
    path: Path,
    pictures: Iterable[np.ndarray | av.VideoFrame],
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    prepare: Callable[..., Any] = lambda film, stream: None,
    **options: str,
) -> Path:
    """Makes a film of any pictures, 25 a second, without stegnet's own writer; returns its path.

    Args:
        prepare: sets more of the film and its stream before the first picture, and returns packets to add, or None.
        options: of the encoder.
    """
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=25, options=options)
        packets = prepare(film, stream)
        add_pictures(film, stream, pictures, pix_fmt)
        film.mux(packets or [])
    return path


def add_pictures(film, stream, pictures: Iterable[np.ndarray | av.VideoFrame], pix_fmt: str) -> None:
    """Encodes all pictures of a stream, RGB or RGBA, 25 a second."""
    for index, each in enumerate(pictures):
        if isinstance(each, np.ndarray):
            frame = av.VideoFrame.from_ndarray(each, format="rgba" if each.shape[2] == 4 else "rgb24")
        else:
            frame = each
        if not stream.codec_context.is_open:
            stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, pix_fmt
        frame.pts, frame.time_base = index, Fraction(1, 25)
        film.mux(stream.encode(frame))
    film.mux(stream.encode(None))


def write_film(
    path: Path, frames: Iterable[np.ndarray], times: Iterable[Fraction] | None = None, **choices: Any
) -> FilmWriter:
    """Writes a film by stegnet's writer, with its choices: 25 frames a second, or at given times."""
    frames = list(frames)
    times = [Fraction(index, 25) for index in range(len(frames))] if times is None else times
    rate = choices.pop("rate", Fraction(25))
    with FilmWriter(path, frames[0].shape[1], frames[0].shape[0], rate, **choices) as film:
        for frame, time in zip(frames, times, strict=True):
            film.write(frame, time)
    return film


def digest(frame: np.ndarray) -> str:
    """The SHA-256 of a picture's samples."""
    return sha256(np.ascontiguousarray(frame).data).hexdigest()


def ffmpeg(inputs: str, out: Path, options: str = "", data: bytes | None = None) -> Path:
    """Runs ffmpeg's command line; returns the path of what it has made."""
    command = [bundled_ffmpeg(), "-v", "error", "-y", *inputs.split(), *options.split(), str(out)]
    subprocess.run(command, input=data, check=True, timeout=LIMIT)
    return out


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
    command = [bundled_ffmpeg(), "-v", "error", "-y", "-i", str(film), *options, str(out)]
    subprocess.run(command, check=True)
    return out


def noisy_film(path: Path) -> Path:
    """A film in H.264 of a scene with noise, in whose pictures much can be hidden."""
    frames = np.stack(still_frames(96, 144, 192)) + np.random.default_rng(0).normal(0, 8, (96, 144, 192, 3))
    coding = "-c:v libx264 -preset medium -crf 20 -g 48 -bf 3 -pix_fmt yuv420p -threads 1"
    raw = frames.clip(0, 255).astype(np.uint8).tobytes()
    return ffmpeg("-f rawvideo -pix_fmt rgb24 -s 192x144 -r 25 -i -", path, coding, raw)
