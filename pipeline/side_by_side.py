"""Two films side by side: a preview that browsers play, and VMAF of one against the other, by the program ffmpeg.

VMAF changes with the version of its library: that of the ffmpeg in imageio-ffmpeg is pinned.
"""

import json
import logging
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

import ffmpeg
import numpy as np

from stegnet.core.disk import atomic_write, temporary_folder
from stegnet.core.errors import MediaError
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg, input_file, piped_frames, run_ffmpeg
from stegnet.video.films import read_frames
from stegnet.video.forms import X264_DETERMINISTIC

RATE = 25  # frames per second of a preview
MODEL = "vmaf_v0.6.1"
_MIN_SIDE = 17  # pixels; with 16, libvmaf 3 reads out of bounds
_log = logging.getLogger(__name__)


def write_preview(left: Path, right: Path, out: Path, width: int, height: int) -> None:
    """Writes an MP4 (H.264 4:2:0, AAC) that any browser plays: two films side by side, as long as the shorter one.

    The sound is that of the left film; width and height of each film in the preview are even numbers.
    """
    inputs = [input_file(film) for film in (left, right)]
    sized = [film.video.filter("scale", width, height).filter("setsar", 1).filter("fps", RATE) for film in inputs]
    pictures = ffmpeg.filter(sized, "hstack", inputs=len(sized), shortest=1)
    video = {"vcodec": "libx264", "pix_fmt": "yuv420p", "crf": 20, "threads": 1, "flags:v": "+bitexact"}
    options = {"format": "mp4", "movflags": "+faststart", "acodec": "aac", "shortest": None}
    options |= video | X264_DETERMINISTIC
    with atomic_write(out) as part:
        run_ffmpeg(part, [pictures, inputs[0]["a?"]], "ffmpeg can't make it", subject=out, **options)


def has_vmaf(height: int, width: int) -> bool:
    """True if films of this size can be measured; otherwise logs the reason."""
    if min(height, width) < _MIN_SIDE:
        _log.info("VMAF is left out: the film has %d×%d pixels, it needs %d×%d", width, height, _MIN_SIDE, _MIN_SIDE)
        return False
    listed = subprocess.run([bundled_ffmpeg(), "-hide_banner", "-filters"], capture_output=True, text=True, check=True)
    if " libvmaf " not in listed.stdout:
        _log.info("VMAF is left out: %s has no filter libvmaf; imageio-ffmpeg's own binary has it", bundled_ffmpeg())
        return False
    return True


def vmaf(original: Path, copy: Path) -> list[float]:
    """VMAF of each frame, 0 to 100; frames are paired by index, up to the end of the shorter film.

    Model vmaf_v0.6.1 (Li et al. 2016), for films of 1920×1080 seen from three screen heights. It measures luma only:
    frames of both films are read by `read_frames` and converted to yuv420p (BT.709, limited range). A film without
    motion gets slightly less than 100 against itself.
    """
    with temporary_folder() as folder, closing(_side_by_side(original, copy)) as frames:
        first = next(frames)
        height, width = first.shape[0], first.shape[1] // 2
        both = piped_frames(2 * width, height, pix_fmt="rgb24", r=25)
        halves = both.video.filter_multi_output("split", 2)
        exact = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "bicubic+accurate_rnd+bitexact"}
        crops = [halves[side].filter("crop", width, height, side * width, 0) for side in (0, 1)]
        sides = [crop.filter("scale", **exact).filter("format", "yuv420p") for crop in crops]
        log = folder / "vmaf.json"
        scored = ffmpeg.filter(sides, "libvmaf", model=f"version={MODEL}", log_fmt="json", log_path=str(log))
        null = scored.output("-", format="null").global_args("-loglevel", "error")
        _feed(null.compile(cmd=bundled_ffmpeg()), chain([first], frames), copy)
        measured = json.loads(log.read_text(encoding="utf-8"))["frames"]
    return [frame["metrics"]["vmaf"] for frame in measured]


def _side_by_side(original: Path, copy: Path) -> Iterator[np.ndarray]:
    """(H, 2W, 3) uint8, the copy on the left: one pipe for both, so that frames can't be mismatched."""
    with closing(read_frames(original)) as originals, closing(read_frames(copy)) as copies:
        for left, right in zip(copies, originals, strict=False):
            if left.shape != right.shape:
                raise MediaError(f"{copy}: its frames differ in size from those of {original}")
            yield np.concatenate([left, right], 1)


def _feed(command: list[str], frames: Iterator[np.ndarray], film: Path) -> None:
    """Runs ffmpeg on raw frames; a MediaError tells its last line."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            with suppress(BrokenPipeError), process.stdin:  # if ffmpeg ended early, its error is raised below
                for frame in frames:
                    process.stdin.write(frame.tobytes())
        except BaseException:
            process.kill()
            raise
        output = process.stderr.read().decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise MediaError(f"{film}: ffmpeg can't measure VMAF ({output[-1] if output else process.returncode})")
