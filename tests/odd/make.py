"""Makes unusual files in the current folder. Functions named by a participle return a function that does so."""

import shlex
import subprocess
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import pack

import imageio_ffmpeg
from PIL import Image

from tests.support.films import picture

LOSSLESS = "-c:v ffv1 -pix_fmt bgr0"
H264 = "-c:v libx264 -pix_fmt yuv420p"
Maker = Callable[[], object]


def nothing() -> None:
    """Makes nothing more than the kit."""


def ffmpeg(line: str) -> None:
    """Runs FFmpeg with these arguments."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-nostdin", "-v", "error", "-y", "-bitexact", *shlex.split(line)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def film(name: str, coded: str = LOSSLESS, *, frames: int = 6, size: str = "96x64", sound: str = "") -> None:
    """A film of a moving test picture, 25 frames per second.

    Args:
        coded: FFmpeg's options for the pictures.
        sound: codec of a tone, with its options.
    """
    video = f"-f lavfi -i testsrc2=s={size}:r=25:d={frames / 25}"
    audio = f"-f lavfi -i sine=d={frames / 25}" if sound else ""
    ffmpeg(f"{video} {audio} {coded} {f'-c:a {sound}' if sound else ''} -frames:v {frames} -strict -2 {name}")


def by_ffmpeg(line: str) -> Maker:
    return partial(ffmpeg, line)


def filmed(name: str, coded: str = LOSSLESS, **more: object) -> Maker:
    return partial(film, name, coded, **more)


def saved(name: str, mode: str = "RGB", size: tuple[int, int] = (97, 61), **options: object) -> Maker:
    """A picture of a size in pixels, in one of Pillow's modes and formats."""

    def make() -> None:
        Image.fromarray(picture(size[1], size[0], 3)).convert(mode).save(name, **options)

    return make


def animated(name: str, **options: object) -> Maker:
    """An animation of six frames, saved by Pillow."""

    def make() -> None:
        first, *rest = [Image.fromarray(picture(64, 96, seed)) for seed in range(6)]
        first.save(name, save_all=True, append_images=rest, duration=40, **options)

    return make


def written(name: str, content: bytes, mode: int = 0o600) -> Maker:
    return lambda: (Path(name).write_bytes(content), Path(name).chmod(mode))


def cut(name: str, of: str, part: float) -> Maker:
    """The first part of a file; `part` is its share, up to 1."""

    def make() -> None:
        data = Path(of).read_bytes()
        Path(name).write_bytes(data[: int(part * len(data))])

    return make


def zeroed(name: str, of: str, start: float, size: int) -> Maker:
    """A file with `size` bytes overwritten by zeros; `start` is relative to its length."""

    def make() -> None:
        data = bytearray(Path(of).read_bytes())
        first = int(start * len(data))
        data[first : first + size] = bytes(size)
        Path(name).write_bytes(data)

    return make


def renamed(old: str, new: str) -> Maker:
    return lambda: Path(old).rename(new)


def folder(name: str) -> Maker:
    return lambda: Path(name).mkdir(parents=True)


def linked(name: str, to: str) -> Maker:
    """A symbolic link."""
    return lambda: Path(name).symlink_to(to)


def both(*makers: Maker) -> Maker:
    """One after the other."""

    def make() -> None:
        for maker in makers:
            maker()

    return make


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))


def with_chunk(name: str, new: bytes) -> Maker:
    """`cover.png` with a chunk after its header."""

    def make() -> None:
        data = Path("cover.png").read_bytes()
        Path(name).write_bytes(data[:33] + new + data[33:])

    return make
