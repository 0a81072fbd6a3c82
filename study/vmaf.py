"""VMAF of a film against its original, by the program ffmpeg.

It changes with the version of its library: the one in imageio-ffmpeg's ffmpeg is pinned.
"""

import json
import subprocess
from contextlib import closing
from pathlib import Path

import ffmpeg
import numpy as np

from stegnet.core.disk import temporary_folder
from stegnet.formats.ffmpeg_cli import bundled_ffmpeg, piped_frames
from stegnet.video.films import read_frames


def vmaf(original: Path, copy: Path) -> list[float]:
    """The VMAF of each frame, 0 to 100, of two films with as many frames of one size, at least 17 pixels a side.

    Model vmaf_v0.6.1 (Li et al. 2016), for films of 1920×1080 seen from three screen heights. It measures luma only:
    RGB frames are converted to yuv420p (BT.709, limited range). A film without motion gets slightly less than 100
    against itself.
    """
    with closing(read_frames(copy)) as frames:
        height, width = next(frames).shape[:2]
    # The copy is left of the original: in one pipe for both, frames can't be mismatched.
    halves = piped_frames(2 * width, height, pix_fmt="rgb24", r=25).video.filter_multi_output("split", 2)
    exact = {"out_color_matrix": "bt709", "out_range": "tv", "flags": "bicubic+accurate_rnd+bitexact"}
    crops = [halves[side].filter("crop", width, height, side * width, 0) for side in (0, 1)]
    sides = [crop.filter("scale", **exact).filter("format", "yuv420p") for crop in crops]
    with (
        temporary_folder() as folder,
        closing(read_frames(original)) as originals,
        closing(read_frames(copy)) as copies,
    ):
        log = folder / "vmaf.json"
        scored = ffmpeg.filter(sides, "libvmaf", model="version=vmaf_v0.6.1", log_fmt="json", log_path=str(log))
        command = scored.output("-", format="null").global_args("-loglevel", "error").compile(cmd=bundled_ffmpeg())
        with subprocess.Popen(command, stdin=subprocess.PIPE) as measuring:
            assert measuring.stdin
            for pair in zip(copies, originals, strict=True):
                measuring.stdin.write(np.concatenate(pair, 1).tobytes())
        return [frame["metrics"]["vmaf"] for frame in json.loads(log.read_bytes())["frames"]]
