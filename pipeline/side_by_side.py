"""Two films side by side: a preview that browsers play, and VMAF of one against the other, by the program ffmpeg.

VMAF changes with the version of its library: the one in imageio-ffmpeg's ffmpeg is pinned.
"""

import json
import logging
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from stegnet.core.disk import atomic_write, temporary_folder
from stegnet.core.errors import MediaError
from stegnet.formats.ffmpeg_cli import BITEXACT, bundled_ffmpeg, input_file, piped_frames, run_ffmpeg
from stegnet.video.films import read_frames
from stegnet.video.forms import X264_DETERMINISTIC

MODEL = "vmaf_v0.6.1"
_log = logging.getLogger(__name__)


def write_preview(left: Path, right: Path, out: Path, width: int, height: int) -> None:
    """Write an MP4 (H.264 4:2:0, AAC) that any browser plays: two films side by side, as long as the shorter one.

    The sound is the left film's. Width and height of each film in the preview are even numbers.
    """
    inputs = [input_file(film) for film in (left, right)]
    sized = [film.video.filter("scale", width, height).filter("setsar", 1).filter("fps", 25) for film in inputs]
    pictures = ffmpeg.filter(sized, "hstack", inputs=len(sized), shortest=1)
    options: dict[str, str | int | None] = {
        "format": "mp4",
        "movflags": "+faststart",
        "acodec": "aac",
        "shortest": None,
        "vcodec": "libx264",
        "pix_fmt": "yuv420p",
        "crf": 20,
        "threads": 1,
        "flags:v": "+bitexact",
        **X264_DETERMINISTIC,
    }
    streams = [pictures, inputs[0]["a?"]]
    with atomic_write(out) as part:
        run_ffmpeg(part, streams, options | BITEXACT, "ffmpeg can't make it", out)


def has_vmaf(height: int, width: int) -> bool:
    """Return whether films of this size can be measured; if not, log the reason."""
    least = 17  # pixels; with 16, libvmaf 3 reads out of bounds
    if min(height, width) < least:
        _log.info("VMAF is left out: the film has %d×%d pixels, it needs %d×%d", width, height, least, least)
        return False
    listed = subprocess.run([bundled_ffmpeg(), "-hide_banner", "-filters"], capture_output=True, text=True, check=True)
    if " libvmaf " not in listed.stdout:
        _log.info("VMAF is left out: %s has no filter libvmaf; imageio-ffmpeg's own binary has it", bundled_ffmpeg())
        return False
    return True


def vmaf(original: Path, copy: Path) -> list[float]:
    """Return the VMAF of each frame as of `VmafScores`, pairing frames by index to the end of the shorter film."""
    with vmaf_scores(original, copy) as scores, ExitStack() as films:
        originals, copies = (films.enter_context(closing(read_frames(film))) for film in (original, copy))
        for pair in zip(originals, copies, strict=False):
            scores.add(*pair)
        return scores.finish()


@contextmanager
def vmaf_scores(original: Path, copy: Path) -> Iterator["VmafScores"]:
    """Measure VMAF during the block; the paths are for messages."""
    with temporary_folder() as folder:
        scores = VmafScores(original, copy, folder / "vmaf.json")
        try:
            yield scores
        finally:
            scores.stop()


class VmafScores:
    """VMAF of a film's frames, 0 to 100, which are added as they are read.

    Model vmaf_v0.6.1 (Li et al. 2016), for films of 1920×1080 seen from three screen heights. It measures luma only:
    RGB frames are converted to yuv420p (BT.709, limited range). A film without motion gets slightly less than 100
    against itself.
    """

    def __init__(self, original: Path, copy: Path, log: Path) -> None:
        self._original = original
        self._copy = copy
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, original: NDArray[np.uint8], copy: NDArray[np.uint8]) -> None:
        """Add a frame of both films, (H, W, 3) uint8. Raises MediaError if their sizes differ."""
        if original.shape != copy.shape:
            raise MediaError(f"{self._copy}: its frames differ in size from those of {self._original}")
        if self._process is None:
            height, width = copy.shape[:2]
            self._process = _start_vmaf(height, width, self._log)
        assert self._process.stdin
        with suppress(BrokenPipeError):  # if ffmpeg ended early, its error is raised at the end
            self._process.stdin.write(np.concatenate([copy, original], 1).tobytes())

    def finish(self) -> list[float]:
        """Return the scores of all frames that were added. Raises MediaError with ffmpeg's last line."""
        if self._process is None:
            return []
        assert self._process.stdin and self._process.stderr
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        output = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        if code := self._process.wait():
            raise MediaError(f"{self._copy}: ffmpeg can't measure VMAF ({output[-1] if output else code})")
        measured = json.loads(self._log.read_text(encoding="utf-8"))["frames"]
        return [frame["metrics"]["vmaf"] for frame in measured]

    def stop(self) -> None:
        """End ffmpeg if it is still running."""
        if self._process is not None:
            self._process.kill()
            with suppress(BrokenPipeError), self._process:
                pass


def _start_vmaf(height: int, width: int, log: Path) -> "subprocess.Popen[bytes]":
    """Start ffmpeg on raw frames, the copy left of the original: in one pipe for both, frames can't be mismatched."""
    both = piped_frames(2 * width, height, pix_fmt="rgb24", r=25)
    halves = both.video.filter_multi_output("split", 2)
    exact = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "bicubic+accurate_rnd+bitexact"}
    crops = [halves[side].filter("crop", width, height, side * width, 0) for side in (0, 1)]
    sides = [crop.filter("scale", **exact).filter("format", "yuv420p") for crop in crops]
    scored = ffmpeg.filter(sides, "libvmaf", model=f"version={MODEL}", log_fmt="json", log_path=str(log))
    command = scored.output("-", format="null").global_args("-loglevel", "error").compile(cmd=bundled_ffmpeg())
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
