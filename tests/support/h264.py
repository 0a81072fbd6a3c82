"""H.264 streams for tests: encoded on the fly, cut into NAL units, put together and decoded again."""

import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from stegnet.h264.levels import Parameters
from tests.support.films import bundled_ffmpeg, encode, picture
from tests.support.waiting import LIMIT

START = b"\0\0\0\1"
SLICES = (1, 5)  # types of NAL units
CODINGS = (  # options of `stream`
    "-profile baseline -qp 26",
    "-preset ultrafast -qp 24",
    "-profile main cabac=0 bframes=3 -qp 20",
    "-profile main bframes=3 weightp=2 weightb=1 -qp 20",
    "-profile high bframes=2 8x8dct=1 partitions=all -qp 20",
    "-profile high bframes=2 cabac=0 8x8dct=1 partitions=all -qp 20",
    "-preset placebo bframes=8 ref=6 -crf 18",
    "slices=4 bframes=3 -qp 20",
    "cabac=0 slice-max-size=300 bframes=1 -qp 22",
    "bframes=3 direct=spatial b-pyramid=strict -qp 18",
    "bframes=5 direct=temporal b-pyramid=none -qp 18",
    "cabac=0 bframes=4 direct=temporal b-pyramid=normal -qp 18",
    "open-gop=1 keyint=8 min-keyint=4 bframes=4 b-pyramid=normal direct=auto -qp 20",
    "keyint=1 -qp 25",
    "keyint=1 cabac=0 8x8dct=0 -qp 25",
    "keyint=6 aud=1 nal-hrd=vbr vbv-maxrate=900 vbv-bufsize=900",
    "cqm=jvt bframes=2 -qp 24",
    "cqm4=9,12,12,15,15,15,18,18,18,18,21,21,21,24,24,27 chroma-qp-offset=-9 bframes=2 -qp 24",
    "intra-refresh=1 constrained-intra=1 no-deblock=1 bframes=2 -qp 22",
    "bframes=2 -qp 1",
    "bframes=2 cabac=0 -qp 1",
    "bframes=2 -qp 51",
)


class Bits:
    """Bits of a NAL unit without its first byte and emulation prevention (Rec. ITU-T H.264, 7.4.1)."""

    def __init__(self, nal: bytes) -> None:
        data = nal[1:].replace(b"\0\0\3", b"\0\0")
        self.bits, self.at = bin(int.from_bytes(b"\1" + data, "big"))[3:], 0

    def u(self, count: int) -> int:
        """Read an unsigned number of `count` bits."""
        self.at += count
        return int(self.bits[self.at - count : self.at] or "0", 2)

    def ue(self) -> int:
        """Read an Exp-Golomb code (9.1)."""
        zeros = self.bits.index("1", self.at) - self.at
        self.at += zeros + 1
        return (1 << zeros) - 1 + self.u(zeros)


def is_cabac(pps: bytes) -> bool:
    """Return whether a picture parameter set says entropy_coding_mode_flag (7.3.2.2)."""
    bits = Bits(pps)
    bits.ue(), bits.ue()
    return bool(bits.u(1))


def moving(count: int, height: int = 96, width: int = 128, noise: float = 3) -> Iterator[np.ndarray]:
    """Pictures of a scene that moves, with a cut in the middle; the more noise the more at the right."""
    random, strength = np.random.default_rng(count), np.linspace(0, 2 * noise, width)[:, None]
    for index in range(count):
        scene = picture(height + 2 * count, width + 3 * count, 2 * index // count)
        view = scene[2 * index : 2 * index + height, 3 * index // 2 : 3 * index // 2 + width]
        yield (view + strength * random.normal(size=view.shape)).clip(0, 255).astype(np.uint8)


def stream(
    path: Path, count: int = 24, options: str = "", *, noise: float = 3, size: tuple[int, int] = (96, 128)
) -> Path:
    """A stream that libx264 has encoded; `options` are of x264, and `-name value` of FFmpeg's encoder."""
    names = options.split()
    choices = dict(zip((name[1:] for name in names if name[0] == "-"), _values(names), strict=True))
    own = ":".join(["threads=1", *(name for name in names if "=" in name)])
    options_of_x264: dict[str, Any] = choices | {"x264-params": own}
    return encode(path, moving(count, *size, noise), "libx264", "yuv420p", **options_of_x264)


def _values(names: list[str]) -> list[str]:
    return [value for name, value in pairwise(names) if name[0] == "-"]


def units(data: bytes) -> list[bytes]:
    """NAL units of a byte stream (annex B)."""
    places = [match.end() for match in re.finditer(b"\0\0\1", data)]
    ends = [match.start() for match in re.finditer(b"\0\0\1", data)][1:]
    return [data[place:end].rstrip(b"\0") for place, end in zip(places, [*ends, len(data)], strict=True)]


def slices(nals: list[bytes]) -> Iterator[tuple[int, Parameters, bytes]]:
    """Each slice with its index among the NAL units, and the parameters at that place."""
    parameters = Parameters()
    for index, nal in enumerate(nals):
        if not parameters.add(nal) and nal[0] & 31 in SLICES:
            yield index, parameters, nal


def is_first(nal: bytes) -> bool:
    """True if a slice is the first one of its picture."""
    return Bits(nal).ue() == 0


def written(path: Path, nals: list[bytes]) -> Path:
    path.write_bytes(b"".join(START + nal for nal in nals))
    return path


def hashes(path: Path) -> list[str]:
    """A hash of each picture; any message of FFmpeg's is a failure."""
    command = [bundled_ffmpeg(), "-v", "warning", "-threads", "1", "-err_detect", "explode", "-f", "h264"]
    command += ["-i", str(path), "-f", "framemd5", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    assert not done.stderr, done.stderr
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if line[0] != "#"]


def planes(path: Path) -> list[list[np.ndarray]]:
    """Planes Y, Cb and Cr of each picture, as they are decoded."""
    with av.open(str(path)) as film:
        return [[_plane(frame, number) for number in range(3)] for frame in film.decode(video=0)]


def _plane(frame: av.VideoFrame, number: int) -> np.ndarray:
    plane = frame.planes[number]
    samples = np.frombuffer(memoryview(plane), np.uint8)  # type: ignore[arg-type]  # a plane is a buffer: its stub lacks it
    return samples.reshape(-1, plane.line_size)[: plane.height, : plane.width].astype(int)
