"""The program ffmpeg, for features that PyAV lacks: filters of several films, other subtitles, more encoders."""

import os
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from stegnet.core.disk import FULL, unwritable
from stegnet.core.errors import MediaError

_BITEXACT = {"fflags": "+bitexact", "flags:a": "+bitexact"}


def bundled_ffmpeg() -> str:
    """Return the path of the ffmpeg in imageio-ffmpeg, whose version is pinned."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def input_file(path: Path) -> ffmpeg.nodes.FilterableStream:
    """Return a film as input; an absolute path is no protocol or option, and a `Path` need not be UTF-8."""
    return ffmpeg.input(path.absolute())


def piped_frames(width: int, height: int, **options: str | int) -> ffmpeg.nodes.FilterableStream:
    """Return uncompressed frames as input, to be passed as `data`; `options` are those of their format."""
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
    """Run ffmpeg and overwrite `out`, or return the output if `out` is None.

    Args:
        streams: inputs and filters of ffmpeg-python, in the order of the output's tracks.
        problem, subject: of the error if ffmpeg fails.
        data: input for `piped_frames`.
        bitexact: make the same input give the same bytes, without FFmpeg's version and random identifiers. Hardly any
            film in the wild is made so.
        options: of the output.
    Raises:
        MediaError: ffmpeg fails, with its last line in the message, or the disk of `out` is full.
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
