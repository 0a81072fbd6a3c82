"""A small film that any browser plays, of two films side by side.

Scaling and laying out films is what ffmpeg's filters are for, so this goes through its command
line: the one that is installed, else the one that comes with imageio-ffmpeg.
"""

import shutil
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from stegnet.core.errors import MediaError
from stegnet.media.output import whole_file
from stegnet.media.x264 import SAME_BITS

RATE = 25  # frames per second of a preview


def write_preview(left: Path, right: Path, out: Path, width: int, height: int) -> None:
    """Writes an MP4 (H.264 4:2:0, AAC) of two films side by side; it ends with the shorter.

    Args:
        left: its sound is heard.
        right: another film.
        width, height: of each of them in the preview, in pixels; even.
    Raises:
        MediaError: ffmpeg fails; the message is its last line.
    """
    # An absolute path is taken neither for a protocol nor for an option.
    inputs = [ffmpeg.input(str(film.absolute())) for film in (left, right)]
    sized = [film.video.filter("scale", width, height).filter("setsar", 1).filter("fps", RATE) for film in inputs]
    pictures = ffmpeg.filter(sized, "hstack", inputs=len(sized), shortest=1)
    exact = SAME_BITS | {"fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact", "map_metadata": -1}
    options = {"vcodec": "libx264", "pix_fmt": "yuv420p", "crf": 20, "threads": 1, "acodec": "aac", "shortest": None}
    with whole_file(out) as part:
        film = ffmpeg.output(
            pictures, inputs[0]["a?"], str(part.absolute()), format="mp4", movflags="+faststart", **options, **exact
        )
        try:
            film.overwrite_output().run(cmd=_binary(), quiet=True)
        except ffmpeg.Error as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1]
            raise MediaError(f"{out}: ffmpeg can't make it ({last})") from error


def _binary() -> str:
    return shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
