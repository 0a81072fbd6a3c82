"""Benchmarks what users run, and writes the tables of docs/performance.md: python -m tools.bench.

Each figure is a run of the command line, from file to file: wall time with its start, and peak memory of the process.
The tables name the machine and its load; `--quick` has short films, to see that all of it works.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import ffmpeg
import imageio_ffmpeg
import numpy as np
import psutil
from sklearn.datasets import load_sample_image
from tqdm import tqdm

from stegnet.core.parallel import thread_count
from stegnet.core.pixels import encode_jpeg
from stegnet.core.streams import escape_unprintable
from stegnet.image.pictures import read_picture, write_png
from stegnet.kernels import kernels_in_use

PAGE, FIGURES = Path("docs/performance.md"), Path("reports/compare/bench.json")
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
FILMS = {name: Path(f"assets/{name}.mp4") for name in ("cover", "secret")}
RATE, SIZE, LARGE_SIZE = 25, (640, 360), (1280, 720)
PAYLOAD = 0.05  # bits per sample of a film's sealed file
JPEG_QUALITY = 92
FRAMES, ROBUST_FRAMES, QUICK_FRAMES = 100, 480, 48
_FAILED = 1  # exit code of a refused key
# A small process of its own: a child's peak memory begins with that of its parent.
_TIMER = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(code, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
_UNITS = {"pictures": "seconds", "films": "frames per second"}


@dataclass(frozen=True)
class Case:
    """Something to hide.

    Attributes:
        name: its heading.
        cover: name of a file in the benchmark's folder.
        secret: what is hidden, as arguments.
        out, revealed: suffixes of the container and of what is revealed.
        options: of `stegnet hide`.
        frames: of a film; 0: a picture.
    """

    name: str
    cover: str
    secret: tuple[str, ...]
    out: str
    revealed: str
    options: tuple[str, ...] = ()
    frames: int = 0


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, and peak memory in 10⁶ bytes, of a run of the command line."""

    seconds: float
    megabytes: float


def cases(frames: int, robust_frames: int) -> list[Case]:
    """All that is measured; the first of each medium is by the default method."""
    text = ("--text", "The quick brown fox jumps over the lazy dog.")
    network, robust, codec = ("--method", "network"), ("--survive", "jpeg:75"), ("--survive", "h264:23")
    film, long = f"film of {frames} frames", f"film of {robust_frames} frames"
    return [
        Case("a text in a JPEG of 12 megapixels", "large.jpg", text, ".jpg", ".txt"),
        Case("50 kB in a JPEG of 12 megapixels", "large.jpg", ("small.bin",), ".jpg", ".bin"),
        Case("a text in a PNG of 12 megapixels", "large.png", text, ".png", ".txt"),
        Case("500 kB in a PNG of 12 megapixels", "large.png", ("large.bin",), ".png", ".bin"),
        Case("a picture of 12 megapixels in 12 megapixels", "large.png", ("other.png",), ".png", ".png"),
        Case("the same, `--method network`", "large.png", ("other.png",), ".png", ".png", network),
        Case("a picture of 1 megapixel in 1 megapixel", "cover.png", ("secret.png",), ".png", ".png"),
        Case("1 megapixel, `--method network`", "cover.png", ("secret.png",), ".png", ".png", network),
        Case("1 megapixel, `--survive jpeg:75`", "cover.png", ("secret.png",), ".jpg", ".png", robust),
        Case("a text in 12 megapixels, `--survive jpeg:75`", "large.png", text, ".jpg", ".txt", robust),
        Case(f"{PAYLOAD} bit per sample in a {film}", "cover.mp4", ("file.bin",), ".mkv", ".bin", (), frames),
        Case("the same in 1280×720", "wide.mp4", ("wide.bin",), ".mkv", ".bin", (), frames),
        Case(f"a {film}, `--method network`", "cover.mp4", ("secret.mp4",), ".mkv", ".mkv", network, frames),
        Case(f"a text in a {long}, `--survive h264:23`", "long.mp4", text, ".mp4", ".txt", codec, robust_frames),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short films; writes nothing")
    quick = parser.parse_args().quick
    frames, robust_frames = (QUICK_FRAMES, QUICK_FRAMES) if quick else (FRAMES, ROBUST_FRAMES)
    figures = {"machine": machine(), "pictures": {}, "films": {}}
    with TemporaryDirectory() as folder:
        _write_inputs(Path(folder), frames, robust_frames)
        for case in tqdm(cases(frames, robust_frames), file=sys.stderr):
            medium = "films" if case.frames else "pictures"
            figures[medium][case.name] = {"frames": case.frames} | {
                name: asdict(cost) for name, cost in measure(case, Path(folder)).items()
            }
    escape_unprintable()
    print(tables(figures))
    if not quick:
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables(figures)), encoding="utf-8")


def machine() -> dict[str, str]:
    """The processor, the cores that may be used, and the load at the start."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", path.read_text("utf-8") if path.exists() else "", re.MULTILINE)
    load = os.getloadavg()[0]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": f"{thread_count()} of {psutil.cpu_count()}",
        "load": f"{load:.1f}",
        "system": f"{platform.system()}, Python {platform.python_version()}, {kernels_in_use()}",
    }


def measure(case: Case, folder: Path) -> dict[str, Cost]:
    """Hides, reveals, and tries a wrong key."""
    own = Path(mkdtemp(dir=folder)).name
    container = f"{own}/container{case.out}"
    hide = ("hide", case.cover, *case.secret, "-o", container, "--key-file", "right.key", *case.options)
    right = ("reveal", container, "-o", f"{own}/revealed{case.revealed}", "--key-file", "right.key")
    wrong = ("reveal", container, "-o", f"{own}/refused{case.revealed}", "--key-file", "wrong.key")
    return {"hide": run(hide, folder), "reveal": run(right, folder), "wrong key": run(wrong, folder, _FAILED)}


def run(arguments: tuple[str, ...], folder: Path, expected: int = 0) -> Cost:
    """Runs the command line in a folder.

    Raises:
        SystemExit: it ended otherwise than expected.
    """
    command = [sys.executable, "-I", "-S", "-c", _TIMER, sys.executable, "-m", "stegnet", *arguments]
    paths = [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]  # where this package is found
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    code, seconds, peak = map(float, done.stdout.split())
    if code != expected:
        raise SystemExit(f"error: stegnet {' '.join(arguments)}\n{done.stderr}")
    return Cost(round(seconds, 2), round(peak * 1024 / 1e6))


def tables(figures: dict) -> str:
    """The tables of the page, from the figures of the JSON file."""
    at = figures["machine"]
    where = f"{at['cores']} cores of {at['processor']}, {at['system']}; load average before: {at['load']}"
    line = f"Written by `make bench` on {where}."
    return "\n".join([line, *(row for medium in _UNITS for row in _table(medium, figures[medium]))]) + "\n"


def with_tables(page: str, text: str) -> str:
    """The page with other text between its markers."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def _table(medium: str, rows: dict) -> Iterator[str]:
    yield ""
    yield f"| {medium}, {_UNITS[medium]} | hide | reveal | refuse a wrong key, s | memory: hide | reveal |"
    yield "|---|---|---|---|---|---|"
    for name, row in rows.items():
        speeds = [row[side]["seconds"] for side in ("hide", "reveal")]
        shown = [row["frames"] / each if row["frames"] else each for each in speeds] + [row["wrong key"]["seconds"]]
        memory = [f"{row[side]['megabytes']:.0f} MB" for side in ("hide", "reveal")]
        yield f"| {' | '.join([name, *(f'{each:.1f}' for each in shown), *memory])} |"


def _write_inputs(folder: Path, frames: int, robust_frames: int) -> None:
    """Covers, secrets and keys; photographs of scikit-learn, mirrored up to the size."""
    for name, photograph, size in (
        ("large", "china.jpg", (3000, 4000)), ("other", "flower.jpg", (3000, 4000)),
        ("cover", "china.jpg", (864, 1152)), ("secret", "flower.jpg", (864, 1152))
    ):  # fmt: skip
        write_png(folder / f"{name}.png", _mirrored(load_sample_image(photograph), *size))
    _film(FILMS["cover"], folder / "cover.mp4", frames)
    _film(FILMS["secret"], folder / "secret.mp4", frames)
    _film(FILMS["cover"], folder / "long.mp4", robust_frames)
    _film(FILMS["cover"], folder / "wide.mp4", frames, LARGE_SIZE)
    size, wide = (int(PAYLOAD * 3 * width * height * frames / 8) for width, height in (SIZE, LARGE_SIZE))
    for name, count in (("file", size), ("wide", wide), ("small", 50_000), ("large", 500_000)):
        (folder / f"{name}.bin").write_bytes(np.random.default_rng(0).bytes(count))
    large = read_picture(folder / "large.png")
    (folder / "large.jpg").write_bytes(encode_jpeg(large, JPEG_QUALITY))
    for name in ("right", "wrong"):
        run(("keygen", f"{name}.key"), folder)


def _mirrored(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    more = height - picture.shape[0], width - picture.shape[1]
    return np.ascontiguousarray(np.pad(picture, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric"))


def _film(source: Path, path: Path, frames: int, size: tuple[int, int] = SIZE) -> None:
    """The source's frames, looped and scaled, as a typical film: H.264 4:2:0 in MP4, without sound."""
    looped = ffmpeg.input(str(source), stream_loop=-1).video.filter("scale", *size)
    film = ffmpeg.output(looped, str(path), vcodec="libx264", pix_fmt="yuv420p", crf=20, r=RATE, vframes=frames)
    film.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)


if __name__ == "__main__":
    main()
