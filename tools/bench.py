"""Benchmarks what users run, and writes the tables of docs/performance.md: python -m tools.bench.

Each figure is a run of the command line, from file to file, with its start: seconds of processor time, which idle cores
do not hide, of wall time, and peak memory of one process. Beside each row stands a floor: what a common program, or the
libraries that stegnet uses, needs for reading and writing alone. The tables name the machine and its load; `--quick`
has short films and few files, to see that all of it works.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

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

PAGE, FIGURES = Path("docs/performance.md"), Path("reports/compare/bench.json")
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
FILMS = {name: Path(f"assets/{name}.mp4") for name in ("cover", "secret")}
RATE, SIZE, LARGE_SIZE = 25, (640, 360), (1280, 720)
PAYLOAD = 0.05  # bits per sample of a film's sealed file
JPEG_QUALITY = 92
FRAMES, ROBUST_FRAMES, QUICK_FRAMES = 100, 480, 48
TEXT = "The quick brown fox jumps over the lazy dog."
SIDES = ("hide", "reveal", "wrong key")
ALONE = "hide, `OMP_NUM_THREADS=1`"
_FAILED = 1  # exit code of a refused key
# A small process of its own: a child's peak memory begins with that of its parent.
_TIMER = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, wall, used.ru_maxrss)
"""
_JPEGLIB = "import jpeglib, sys; jpeglib.read_dct(sys.argv[1]).write_dct(sys.argv[2])"
_PILLOW = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2])"
_IMPORTS = "import numpy, PIL.Image, sys"


@dataclass(frozen=True)
class Floor:
    """What is compared with: its name, and a command; IN and OUT are a file to read and one to write."""

    name: str
    command: tuple[str, ...]


FFMPEG = (imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", "IN")
FLOORS = {
    "python": Floor("Python with NumPy and Pillow", (sys.executable, "-c", _IMPORTS, "IN", "OUT")),
    "jpeglib": Floor("jpeglib", (sys.executable, "-c", _JPEGLIB, "IN", "OUT.jpg")),
    "Pillow": Floor("Pillow", (sys.executable, "-c", _PILLOW, "IN", "OUT.png")),
    "FFV1": Floor("FFmpeg, FFV1", (*FFMPEG, "-c:v", "ffv1", "-pix_fmt", "bgr0", "OUT.mkv")),
    "x264": Floor("FFmpeg, x264", (*FFMPEG, "-c:v", "libx264", "-crf", "23", "OUT.mp4")),
    "PCM": Floor("FFmpeg, PCM", (*FFMPEG, "OUT.wav")),
}
# Hides a text as long as that of the rows, in JPEGs and WAV; if it is installed.
STEGHIDE = Floor("steghide", ("steghide", "embed", "-q", "-p", "key", "-cf", "IN", "-ef", "text.txt", "-sf", "OUT"))


@dataclass(frozen=True)
class Case:
    """Something to hide.

    Attributes:
        name: its heading.
        cover: name of a file, or folder, in the benchmark's folder.
        secret: what is hidden, as arguments.
        out, revealed: suffixes of the container and of what is revealed; "" for a folder.
        floor: key in FLOORS.
        options: of `stegnet hide`.
    """

    name: str
    cover: str
    secret: tuple[str, ...]
    out: str
    revealed: str
    floor: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """Cost of a run of a command.

    Attributes:
        cpu: seconds of processor time, of all its processes.
        seconds: of wall time.
        megabytes: peak memory in 10⁶ bytes, of its largest process.
    """

    cpu: float
    seconds: float
    megabytes: float


def cases(frames: int, robust_frames: int, files: int) -> dict[str, list[Case]]:
    """All that is measured, by medium; the first of each medium is by the default method."""
    text = ("--text", TEXT)
    network, robust, codec = ("--method", "network"), ("--survive", "jpeg:75"), ("--survive", "h264:23")
    film, long = f"film of {frames} frames", f"film of {robust_frames} frames"
    pictures = [
        Case("a text in a PNG of 256×256", "small.png", text, ".png", ".txt", "python"),
        Case("a text in a JPEG of 256×256", "small.jpg", text, ".jpg", ".txt", "python"),
        Case("a text in a JPEG of 12 megapixels", "large.jpg", text, ".jpg", ".txt", "jpeglib"),
        Case("50 kB in a JPEG of 12 megapixels", "large.jpg", ("small.bin",), ".jpg", ".bin", "jpeglib"),
        Case("a text in a PNG of 12 megapixels", "large.png", text, ".png", ".txt", "Pillow"),
        Case("500 kB in a PNG of 12 megapixels", "large.png", ("large.bin",), ".png", ".bin", "Pillow"),
        Case("a picture of 12 megapixels in 12 megapixels", "large.png", ("other.png",), ".png", ".png", "Pillow"),
        Case("the same, `--method network`", "large.png", ("other.png",), ".png", ".png", "Pillow", network),
        Case("a picture of 1 megapixel in 1 megapixel", "cover.png", ("secret.png",), ".png", ".png", "Pillow"),
        Case("1 megapixel, `--method network`", "cover.png", ("secret.png",), ".png", ".png", "Pillow", network),
        Case("1 megapixel, `--survive jpeg:75`", "cover.png", ("secret.png",), ".jpg", ".png", "Pillow", robust),
        Case("a text in 12 megapixels, `--survive jpeg:75`", "large.png", text, ".jpg", ".txt", "Pillow", robust),
    ]
    films = [
        Case(f"{PAYLOAD} bit per sample in a {film}", "cover.mp4", ("file.bin",), ".mkv", ".bin", "FFV1"),
        Case("the same in 1280×720", "wide.mp4", ("wide.bin",), ".mkv", ".bin", "FFV1"),
        Case(f"a {film}, `--method network`", "cover.mp4", ("secret.mp4",), ".mkv", ".mkv", "FFV1", network),
        Case(f"a text in a {long}, `--survive h264:23`", "long.mp4", text, ".mp4", ".txt", "x264", codec),
    ]
    sounds = [Case("a text in a minute of WAV", "minute.wav", text, ".wav", ".txt", "PCM")]
    folders = [Case(f"5 kB in each of {files} JPEGs of 1 megapixel", "folder", ("tiny.bin",), "", "", "")]
    return {"pictures": pictures, "films": films, "sounds": sounds, "folders": folders}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short films, few files; writes nothing")
    quick = parser.parse_args().quick
    frames, robust_frames, files = (QUICK_FRAMES, QUICK_FRAMES, 4) if quick else (FRAMES, ROBUST_FRAMES, 40)
    figures: dict[str, Any] = {"machine": machine()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_inputs(folder, frames, robust_frames, files)
        progress = tqdm(cases(frames, robust_frames, files).items(), file=sys.stderr)
        for medium, each in progress:
            figures[medium] = {case.name: _as_json(measure(case, folder)) for case in each}
        info = {"info": run(("info", "small.png"), folder)} | _floors(FLOORS["python"], "small.png", ".", folder)
        figures["information"] = {"`stegnet info` of a PNG of 256×256": _as_json(info)}
    escape_unprintable()
    print(tables(figures))
    if not quick:
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables(figures)), encoding="utf-8")


def _as_json(costs: dict[str, Cost]) -> dict[str, dict[str, float]]:
    return {name: asdict(cost) for name, cost in costs.items()}


def machine() -> dict[str, str]:
    """The processor, the cores that may be used, and the load at the start."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", path.read_text("utf-8") if path.exists() else "", re.MULTILINE)
    load = os.getloadavg()[0]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": f"{thread_count()} of {psutil.cpu_count()}",
        "load": f"{load:.1f}",
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }


def measure(case: Case, folder: Path) -> dict[str, Cost]:
    """Hides, reveals, tries a wrong key, and runs the floor; a folder is hidden in by a single process, too."""
    own = Path(mkdtemp(dir=folder)).name
    container = f"{own}/container{case.out}"
    hide = ("hide", case.cover, *case.secret, "--key-file", "right.key", *case.options)
    right = ("reveal", container, "-o", f"{own}/revealed{case.revealed}", "--key-file", "right.key")
    wrong = ("reveal", container, "-o", f"{own}/refused{case.revealed}", "--key-file", "wrong.key")
    costs = {
        "hide": run((*hide, "-o", container), folder),
        "reveal": run(right, folder),
        "wrong key": run(wrong, folder, _FAILED),
    }
    if not case.floor:
        return costs | {ALONE: run((*hide, "-o", f"{own}/alone"), folder, threads=1)}
    return costs | _floors(FLOORS[case.floor], case.cover, own, folder)


def _floors(floor: Floor, cover: str, own: str, folder: Path) -> dict[str, Cost]:
    """Costs of the floor of a row, and of steghide, if it is installed, beside those of JPEGs and sounds."""
    chosen = [floor]
    if floor.name in (FLOORS["jpeglib"].name, FLOORS["PCM"].name) and shutil.which(STEGHIDE.command[0]):
        chosen.append(STEGHIDE)
    places = {f"OUT{suffix}": f"{own}/floor{suffix}" for suffix in ("", ".jpg", ".png", ".mkv", ".mp4", ".wav")}
    places["IN"] = cover
    return {each.name: run_command([places.get(word, word) for word in each.command], folder) for each in chosen}


def run(arguments: tuple[str, ...], folder: Path, expected: int = 0, threads: int = 0) -> Cost:
    """Runs the command line in a folder, with a number of threads, or as many as there are processors.

    Raises:
        SystemExit: it ended otherwise than expected.
    """
    paths = [str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]  # where this package is found
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    return run_command([sys.executable, "-m", "stegnet", *arguments], folder, environment, expected)


def run_command(
    command: Sequence[str], folder: Path, environment: dict[str, str] | None = None, expected: int = 0
) -> Cost:
    """Runs any command in a folder; errors as `run`."""
    timed = [sys.executable, "-I", "-S", "-c", _TIMER, *command]
    done = subprocess.run(timed, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    code, cpu, seconds, peak = map(float, done.stdout.split())
    if code != expected:
        raise SystemExit(f"error: {' '.join(command)}\n{done.stderr}")
    return Cost(round(cpu, 2), round(seconds, 2), round(peak * 1024 / 1e6))


def tables(figures: dict[str, Any]) -> str:
    """The tables of the page, from the figures of the JSON file."""
    at = figures["machine"]
    where = f"{at['cores']} cores of {at['processor']}, {at['system']}; load average before: {at['load']}"
    lines = [
        f"Written by `make bench` on {where}.",
        "Seconds of processor time, seconds of wall time, peak memory.",
        *_table("pictures", figures["pictures"] | figures["information"]),
        *_table("films", figures["films"]),
        *_table("sounds", figures["sounds"]),
        *_table("folders", figures["folders"]),
    ]
    return "\n".join(lines) + "\n"


def with_tables(page: str, text: str) -> str:
    """The page with other text between its markers."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def _table(medium: str, rows: dict[str, dict[str, dict[str, float]]]) -> Iterator[str]:
    yield ""
    yield f"| {medium} | hide | reveal | a wrong key | beside it |"
    yield "|---|---|---|---|---|"
    for name, costs in rows.items():
        shown = [_shown(costs.get(side) or costs.get("info" if side == "hide" else "")) for side in SIDES]
        others = [f"{other} {_shown(cost)}" for other, cost in costs.items() if other not in (*SIDES, "info")]
        yield f"| {' | '.join([name, *shown, '; '.join(others)])} |"


def _shown(cost: dict[str, float] | None) -> str:
    """A cost in a table: seconds of processor time, seconds, peak memory."""
    return f"{cost['cpu']:.2f} s, {cost['seconds']:.2f} s, {cost['megabytes']:.0f} MB" if cost else ""


def _write_inputs(folder: Path, frames: int, robust_frames: int, files: int) -> None:
    """Covers, secrets and keys; photographs of scikit-learn, mirrored up to the size."""
    for name, photograph, size in (
        ("large", "china.jpg", (3000, 4000)), ("other", "flower.jpg", (3000, 4000)),
        ("cover", "china.jpg", (864, 1152)), ("secret", "flower.jpg", (864, 1152)), ("small", "china.jpg", (256, 256))
    ):  # fmt: skip
        write_png(folder / f"{name}.png", mirrored(load_sample_image(photograph), *size))
    film_of(FILMS["cover"], folder / "cover.mp4", frames)
    film_of(FILMS["secret"], folder / "secret.mp4", frames)
    film_of(FILMS["cover"], folder / "long.mp4", robust_frames)
    film_of(FILMS["cover"], folder / "wide.mp4", frames, LARGE_SIZE)
    file_bytes, wide = (int(PAYLOAD * 3 * width * height * frames / 8) for width, height in (SIZE, LARGE_SIZE))
    for name, count in (("file", file_bytes), ("wide", wide), ("tiny", 5_000), ("small", 50_000), ("large", 500_000)):
        (folder / f"{name}.bin").write_bytes(np.random.default_rng(0).bytes(count))
    for name in ("large", "cover", "small"):
        (folder / f"{name}.jpg").write_bytes(encode_jpeg(read_picture(folder / f"{name}.png"), JPEG_QUALITY))
    write_minute(folder / "minute.wav")
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    (folder / "folder").mkdir()
    for number in range(files):
        shutil.copy(folder / "cover.jpg", folder / f"folder/{number}.jpg")
    for name in ("right", "wrong"):
        run(("keygen", f"{name}.key"), folder)


def mirrored(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    more = max(0, height - picture.shape[0]), max(0, width - picture.shape[1])
    return np.ascontiguousarray(
        np.pad(picture, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric")[:height, :width]
    )


def write_minute(path: Path) -> None:
    """A minute of chords that fade, over noise, as CDs have it: 16 bits, 44.1 kHz, stereo."""
    generator = np.random.default_rng(0)
    time = np.arange(60 * 44_100) / 44_100
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.2, 329.6)) * np.exp(-2 * (time % 1))
    noise = generator.normal(0, 60, (len(time), 2))
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes((chord[:, None] * (5000, 4000) + noise).astype("<i2").tobytes())


def film_of(source: Path, path: Path, frames: int, size: tuple[int, int] = SIZE) -> None:
    """The source's frames, looped and scaled, as a typical film: H.264 4:2:0 in MP4, without sound."""
    looped = ffmpeg.input(str(source), stream_loop=-1).video.filter("scale", *size)
    film = ffmpeg.output(looped, str(path), vcodec="libx264", pix_fmt="yuv420p", crf=20, r=RATE, vframes=frames)
    film.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)


if __name__ == "__main__":
    main()
