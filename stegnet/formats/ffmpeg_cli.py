"""The program ffmpeg, for features that PyAV lacks: filters of several films, other subtitles, more encoders."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import ffmpeg
import imageio_ffmpeg
from ffmpeg.nodes import FilterableStream

from stegnet.core.disk import FULL, unwritable
from stegnet.core.errors import MediaError, PackageError

# Options that make the same input give the same bytes, without FFmpeg's version and random identifiers. Hardly any film
# in the wild is made so.
BITEXACT = MappingProxyType({"fflags": "+bitexact", "flags:a": "+bitexact"})


def bundled_ffmpeg() -> str:
    """Return the path of the ffmpeg in imageio-ffmpeg. Raises PackageError if it has none for this machine."""
    try:
        program: str = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise PackageError("the program ffmpeg is missing", "install ffmpeg, such as by apt install ffmpeg") from error
    return program


def input_file(path: Path) -> FilterableStream:
    """Return a film as input; an absolute path is no protocol or option, and a `Path` need not be UTF-8."""
    return ffmpeg.input(path.absolute())


def piped_frames(width: int, height: int, **options: str | int) -> FilterableStream:
    """Return uncompressed frames as input, to be passed as `data`; `options` are those of their format."""
    return ffmpeg.input("pipe:", format="rawvideo", s=f"{width}x{height}", **options)


def run_ffmpeg(
    out: Path | None,
    streams: Sequence[FilterableStream],
    options: Mapping[str, str | int | None],
    problem: str,
    subject: object = "",
    data: bytes | None = None,
) -> bytes:
    """Run ffmpeg and overwrite `out`, or return the output if `out` is None. Metadata of the input is left out.

    Args:
        out: file to overwrite; None: the output is returned.
        streams: inputs and filters of ffmpeg-python, in the order of the output's tracks.
        options: options of the output.
        problem: message of the error if ffmpeg fails.
        subject: the file that the error is about.
        data: input for `piped_frames`.

    Raises:
        MediaError: ffmpeg fails, with its last line in the message, or the disk of `out` is full.
    """
    name = "pipe:" if out is None else out.absolute()
    film = ffmpeg.output(*streams, filename=name, map_metadata=-1, **options)
    try:
        output: bytes = film.overwrite_output().run(cmd=bundled_ffmpeg(), input=data, quiet=True)[0]
    except ffmpeg.Error as failure:
        message = failure.stderr.decode(errors="replace")
        for full in (OSError(number, os.strerror(number), str(out)) for number in FULL):
            if out is not None and full.strerror in message:
                raise unwritable(out, full) from full
        raise MediaError(f"{problem} ({message.strip().splitlines()[-1]})", subject=subject) from failure
    return output
