"""Makes odd files in the current folder."""

import shlex
import subprocess
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import pack

import imageio_ffmpeg
from PIL import Image

from tests.conftest import picture

_LOSSLESS = "-c:v ffv1 -pix_fmt bgr0"


def nothing() -> None:
    """The kit is enough."""


def ffmpeg(line: str) -> None:
    """Runs FFmpeg with these arguments."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run(
        [program, "-v", "error", "-y", "-bitexact", *shlex.split(line)], check=True, stdin=subprocess.DEVNULL
    )


def film(
    name: str, coded: str = _LOSSLESS, *, frames: int = 6, size: str = "96x64", sound: str = "", before: str = ""
) -> None:
    """A film of a test picture that moves, 25 frames a second.

    Args:
        coded: FFmpeg's options for the output.
        sound: codec of a tone, with its options.
        before: options for the output's pictures before the codec, such as filters.
    """
    seen = f"-f lavfi -i testsrc2=s={size}:r=25:d={frames / 25}"
    heard = f"-f lavfi -i sine=d={frames / 25}" if sound else ""
    ffmpeg(f"{seen} {heard} {before} {coded} {f'-c:a {sound}' if sound else ''} -frames:v {frames} -strict -2 {name}")


def films(name: str, *arguments: str, **more: object) -> Callable[[], None]:
    """What calls `film` so."""
    return partial(film, name, *arguments, **more)


def saved(name: str, mode: str = "RGB", size: tuple[int, int] = (97, 61), **options: object) -> Callable[[], None]:
    """What saves a picture of so many pixels, in a mode and a form that PIL knows."""

    def make() -> None:
        Image.fromarray(picture(size[1], size[0], 3)).convert(mode).save(name, **options)

    return make


def written(name: str, content: bytes) -> Callable[[], None]:
    """What writes a file."""
    return lambda: Path(name).write_bytes(content)


def cut(name: str, of: str, part: float) -> Callable[[], None]:
    """What copies the first part of a file, `part` of 1."""

    def make() -> None:
        data = Path(of).read_bytes()
        Path(name).write_bytes(data[: int(part * len(data))])

    return make


def both(*makers: Callable[[], object]) -> Callable[[], None]:
    """What calls one after the other."""

    def make() -> None:
        for maker in makers:
            maker()

    return make


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return pack(">I", len(content)) + name + content + pack(">I", zlib.crc32(name + content))


def with_chunk(name: str, new: bytes) -> Callable[[], None]:
    """What puts a chunk after the header of `cover.png`."""

    def make() -> None:
        data = Path("cover.png").read_bytes()
        Path(name).write_bytes(data[:33] + new + data[33:])

    return make
