"""VMAF of a film against its original, by ffmpeg's filter libvmaf.

Always by the ffmpeg in imageio-ffmpeg, whose version is pinned, since VMAF changes with the version of the library.
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

from stegnet.core.errors import MediaError
from stegnet.core.temporary import temporary_folder
from stegnet.media.ffmpeg_cli import bundled_ffmpeg
from stegnet.media.films.films import read_frames

MODEL = "vmaf_v0.6.1"
_MIN_SIDE = 17  # pixels; with 16, libvmaf 3 reads out of bounds
_log = logging.getLogger(__name__)


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

    Raises:
        MediaError: a film can't be read, the two differ in size, or ffmpeg fails.
    """
    with temporary_folder() as folder, closing(_side_by_side(original, copy)) as frames:
        first = next(frames)
        log = folder / "vmaf.json"
        _feed(_command(first.shape[0], first.shape[1] // 2, log), chain([first], frames), copy)
        measured = json.loads(log.read_text(encoding="utf-8"))["frames"]
    return [frame["metrics"]["vmaf"] for frame in measured]


def _side_by_side(original: Path, copy: Path) -> Iterator[np.ndarray]:
    """(H, 2W, 3) uint8, the copy on the left: one pipe for both, so that frames can't be mismatched."""
    with closing(read_frames(original)) as originals, closing(read_frames(copy)) as copies:
        for left, right in zip(copies, originals, strict=False):
            if left.shape != right.shape:
                raise MediaError(f"{copy}: its frames differ in size from those of {original}")
            yield np.concatenate([left, right], 1)


def _command(height: int, width: int, log: Path) -> list[str]:
    """Splits each frame into its two halves and compares them; writes the scores to `log`."""
    both = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{2 * width}x{height}", r=25)
    halves = both.video.filter_multi_output("split", 2)
    exact = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "bicubic+accurate_rnd+bitexact"}
    sides = [
        halves[side].filter("crop", width, height, side * width, 0).filter("scale", **exact).filter("format", "yuv420p")
        for side in (0, 1)
    ]
    scored = ffmpeg.filter(sides, "libvmaf", model=f"version={MODEL}", log_fmt="json", log_path=str(log))
    return scored.output("-", format="null").global_args("-loglevel", "error").compile(cmd=bundled_ffmpeg())


def _feed(command: list[str], frames: Iterator[np.ndarray], film: Path) -> None:
    """Runs ffmpeg on raw frames.

    Raises:
        MediaError: it fails; the message is its last line.
    """
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
