"""ffmpeg's command line, for what needs its filters or copies whole files: muxing, and side-by-side previews."""

import os
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from stegnet.core.errors import MediaError
from stegnet.core.temporary import FULL
from stegnet.media.films.encoders import X264_DETERMINISTIC
from stegnet.media.output import atomic_write

RATE = 25  # frames per second of a preview
_BITEXACT = {"fflags": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}


def bundled_ffmpeg() -> str:
    """Path of the ffmpeg in imageio-ffmpeg, whose version is pinned."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def input_file(path: Path) -> ffmpeg.nodes.FilterableStream:
    """A film as input: an absolute path is no protocol and no option, and a `Path` need not be UTF-8."""
    return ffmpeg.input(path.absolute())


def piped_frames(width: int, height: int, pixels: str, rate: int, colours: str) -> ffmpeg.nodes.FilterableStream:
    """Uncompressed frames as input, to be given as `data`.

    Args:
        pixels, colours: FFmpeg's names of their format and of its range: "pc" is full.
    """
    size = f"{width}x{height}"
    return ffmpeg.input("pipe:", format="rawvideo", pix_fmt=pixels, s=size, r=rate, color_range=colours)


def run_ffmpeg(
    out: Path | None,
    streams: list,
    error: str,
    *,
    data: bytes | None = None,
    **options: str | int | None,
) -> bytes:
    """Runs ffmpeg and overwrites `out`.

    Args:
        out: None: the output is returned, and no file written.
        streams: inputs and filters of ffmpeg-python, in the order of the output's tracks.
        error: start of the message if ffmpeg fails.
        data: what `piped_frames` reads.
        options: of the output.
    Returns:
        The output if `out` is None, else nothing.
    Raises:
        MediaError: ffmpeg fails; its last line is part of the message. Or the disk of `out` is full.
    """
    name = "pipe:" if out is None else out.absolute()
    film = ffmpeg.output(*streams, filename=name, **options, **_BITEXACT)
    try:
        return film.overwrite_output().run(cmd=bundled_ffmpeg(), input=data, quiet=True)[0]
    except ffmpeg.Error as failure:
        said = failure.stderr.decode(errors="replace")
        for full in (OSError(number, os.strerror(number), str(out)) for number in FULL):
            if out is not None and full.strerror in said:
                raise MediaError(f"{out}: can't be written ({full.strerror})") from full
        raise MediaError(f"{error} ({said.strip().splitlines()[-1]})") from failure


def write_preview(left: Path, right: Path, out: Path, width: int, height: int) -> None:
    """Writes an MP4 (H.264 4:2:0, AAC) that any browser plays: two films side by side, as long as the shorter one.

    Args:
        left: film whose sound is used.
        right: the other film.
        width, height: size of each film in the preview in pixels; even numbers.
    Raises:
        MediaError: ffmpeg fails.
    """
    inputs = [input_file(film) for film in (left, right)]
    sized = [film.video.filter("scale", width, height).filter("setsar", 1).filter("fps", RATE) for film in inputs]
    pictures = ffmpeg.filter(sized, "hstack", inputs=len(sized), shortest=1)
    video = {"vcodec": "libx264", "pix_fmt": "yuv420p", "crf": 20, "threads": 1, "flags:v": "+bitexact"}
    options = {"format": "mp4", "movflags": "+faststart", "acodec": "aac", "shortest": None}
    options |= video | X264_DETERMINISTIC
    with atomic_write(out) as part:
        run_ffmpeg(part, [pictures, inputs[0]["a?"]], f"{out}: ffmpeg can't make it", **options)
