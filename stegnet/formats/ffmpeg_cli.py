"""The program ffmpeg, for what PyAV can't: filters of several films, other subtitles, encoders that it lacks."""

import os
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from stegnet.core.disk import FULL, unwritable
from stegnet.core.errors import MediaError

_BITEXACT = {"fflags": "+bitexact", "flags:a": "+bitexact"}


def bundled_ffmpeg() -> str:
    """Path of the ffmpeg in imageio-ffmpeg, whose version is pinned."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def input_file(path: Path) -> ffmpeg.nodes.FilterableStream:
    """A film as input: an absolute path is no protocol and no option, and a `Path` need not be UTF-8."""
    return ffmpeg.input(path.absolute())


def piped_frames(width: int, height: int, **options: str | int) -> ffmpeg.nodes.FilterableStream:
    """Uncompressed frames as input, to be given as `data`, and options of their format."""
    return ffmpeg.input("pipe:", format="rawvideo", s=f"{width}x{height}", **options)


def run_ffmpeg(
    out: Path | None,
    streams: list,
    problem: str,
    *,
    subject: object = "",
    data: bytes | None = None,
    bitexact: bool = True,
    **options: str | int | None,
) -> bytes:
    """Runs ffmpeg and overwrites `out`; None: the output is returned.

    Args:
        streams: inputs and filters of ffmpeg-python, in the order of the output's tracks.
        problem, subject: of the error if ffmpeg fails.
        data: what `piped_frames` reads.
        bitexact: the same input gives the same bytes, without FFmpeg's version and random identifiers, as hardly any
            film has it.
        options: of the output.
    Raises:
        MediaError: ffmpeg fails; its last line is part of the message. Or the disk of `out` is full.
    """
    name = "pipe:" if out is None else out.absolute()
    options |= {"map_metadata": -1, **(_BITEXACT if bitexact else {})}
    film = ffmpeg.output(*streams, filename=name, **options)
    try:
        return film.overwrite_output().run(cmd=bundled_ffmpeg(), input=data, quiet=True)[0]
    except ffmpeg.Error as failure:
        said = failure.stderr.decode(errors="replace")
        for full in (OSError(number, os.strerror(number), str(out)) for number in FULL):
            if out is not None and full.strerror in said:
                raise unwritable(out, full) from full
        raise MediaError(f"{problem} ({said.strip().splitlines()[-1]})", subject=subject) from failure
