"""Costs of a million pictures or films, by arithmetic: python -m tools.scale [--measure].

Without options, prints the tables of docs/scale.md, from the costs in reports/scale/units.json. `--measure` measures
these first: commands are run on one core with a few pictures or frames and with more, so that the difference is the
cost of each, and the rest that of starting.

Needs `pip install '.[all,dev]'`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import ffmpeg
import imageio_ffmpeg
import ray
import yaml
from PIL import Image

from stegnet.data.scenes import render_scene

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "reports" / "scale" / "units.json"
MACHINES, CORES = 100, 16
NETWORK = 10e9 / 8  # bytes per second of each machine
PUTS, GETS = 3500, 5500  # requests per second that S3 promises for each prefix of its keys
PART = 50 << 20  # bytes of a part, in which s3fs moves larger files
FPS, FILM = 25, 60  # frames per second, seconds of a film
MILLION = 1_000_000
_FRAMES, _PICTURES, _PREPARED = (50, 150), (2, 10), (20, 120)  # few and many
_SIDE = 512  # of a picture
_TASKS = 500  # that are handed out to measure how long that takes


@dataclass(frozen=True)
class Cost:
    """Cost of one picture or frame.

    Attributes:
        cpu: seconds of one core.
        start: seconds of one core, once for each process.
        read: bytes of its inputs, in files.
        written: bytes of its result.
    """

    cpu: float
    start: float
    read: float
    written: float

    def times(self, count: int) -> "Cost":
        """Cost of a file with so many frames."""
        return Cost(count * self.cpu, self.start, count * self.read, count * self.written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    if parser.parse_args().measure:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        UNITS.parent.mkdir(exist_ok=True)
        UNITS.write_text(json.dumps(measure(), indent=2) + "\n", encoding="utf-8")
    print("\n\n".join(tables(json.loads(UNITS.read_text(encoding="utf-8")))))


def tables(units: Mapping) -> list[str]:
    """The tables of docs/scale.md: of one picture or frame; of a million pictures or an hour; of MACHINES machines."""
    costs = {name: Cost(**figures) for name, figures in units["costs"].items()}
    return [_unit_table(costs), _model_table(costs), _bounds_table(costs, units["driver"])]


def _unit_table(costs: Mapping[str, Cost]) -> str:
    rows = {
        name: {
            "core seconds": f"{cost.cpu:.3f}",
            "to start": f"{cost.start:.1f}",
            "kB read": f"{cost.read / 1e3:.0f}",
            "kB written": f"{cost.written / 1e3:.0f}",
        }
        for name, cost in costs.items()
    }
    return _markdown(rows, "one picture or frame")


def _model_table(costs: Mapping[str, Cost]) -> str:
    """A million pictures, or a film of an hour."""
    rows = {}
    for name, cost in costs.items():
        film = "frame" in name
        file, files = (cost.times(FPS * 3600), 1) if film else (cost, MILLION)
        gets, puts = _requests(name, file)
        rows[name.replace("a frame", "an hour") if film else name.replace("a picture", "a million pictures")] = {
            "core hours": f"{file.cpu * files / 3600:,.1f}",
            "GB read": f"{file.read * files / 1e9:,.1f}",
            "GB written": f"{file.written * files / 1e9:,.1f}",
            "reading requests": f"{gets * files:,}",
            "writing requests": f"{puts * files:,}",
        }
    return _markdown(rows, "a million pictures, or a film of an hour")


def _bounds_table(costs: Mapping[str, Cost], driver: float) -> str:
    """Hours that each resource of MACHINES machines would take alone for a million files."""
    rows = {}
    for name, cost in costs.items():
        file = cost.times(FPS * FILM) if "frame" in name else cost
        gets, puts = _requests(name, file)
        seconds = {
            "processors": file.cpu / MACHINES / CORES,
            "network": (file.read + file.written) / MACHINES / NETWORK,
            "requests": max(gets / GETS, puts / PUTS),
            "driver": driver,
        }
        hours = {of: _short(MILLION * value / 3600) for of, value in seconds.items()}
        bound = max(seconds, key=seconds.get)
        rows[name.replace("a frame", f"a film of {FILM} s")] = {**hours, "bound by": bound}
    return _markdown(rows, "hours for a million times")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def _requests(name: str, file: Cost) -> tuple[int, int]:
    """Requests to the object store that read and write, for the files of a task; one asks for the result's size."""
    inputs = 2 if name.startswith("hide") else 1
    return inputs * _gets(file.read / inputs) + 1, _puts(file.written)


def _gets(size: float) -> int:
    """Requests of s3fs for a file."""
    return 1 if size <= PART else ceil(size / PART) + 1


def _puts(size: float) -> int:
    """Requests with which s3fs stores a file; larger ones begin with one and end with another."""
    return 1 if size <= 2 * PART else ceil(size / PART) + 2


def _markdown(rows: Mapping[str, Mapping[str, str]], corner: str) -> str:
    head = [corner, *next(iter(rows.values()))]
    lines = [head, ["---"] * len(head), *([name, *cells.values()] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace(" --- ", "---")


def measure() -> dict:
    """Costs of all that is in the tables; takes some minutes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run(folder, "stegnet.cli", "keygen", "key")
        (folder / "note").write_bytes(bytes(300))
        for number in range(2 * max(_PICTURES[1], _PREPARED[1])):
            _write_picture(folder, number)
        for frames in _FRAMES:
            for film in ("cover", "secret"):
                _write_film(ROOT / "assets" / f"{film}.mp4", folder / f"{film}{frames}.mp4", frames)
        network, jpeg, h264 = (["--method", "network"], ["--survive", "jpeg:75"], ["--survive", "h264:23"])
        costs = {
            "prepare a picture": _slope(_PREPARED, lambda count: _prepare(folder, count)),
            "hide a picture, network": _slope(_PICTURES, lambda count: _hide(folder, count, "png", network)),
            "hide a picture, JPEG 75": _slope(_PICTURES, lambda count: _hide(folder, count, "jpg", jpeg)),
            "reveal a picture, network": _slope(_PICTURES, lambda count: _reveal(folder, count, "png")),
            "reveal a picture, JPEG 75": _slope(_PICTURES, lambda count: _reveal(folder, count, "jpg")),
            "hide a frame, network": _slope(_FRAMES, lambda count: _hide_film(folder, count, "mkv", network)),
            "hide a frame, H.264 at CRF 23": _slope(_FRAMES, lambda count: _hide_film(folder, count, "mp4", h264)),
            "reveal a frame, network": _slope(_FRAMES, lambda count: _reveal_film(folder, count, "mkv")),
            "reveal a frame, H.264 at CRF 23": _slope(_FRAMES, lambda count: _reveal_film(folder, count, "mp4")),
        }
    return {"costs": {name: vars(cost) for name, cost in costs.items()}, "driver": _driver()}


Run = tuple[float, int, int]  # seconds of a core, bytes read, bytes written


def _slope(counts: tuple[int, int], run: Callable[[int], Run]) -> Cost:
    few, many = counts
    (cpu, *_), (more_cpu, read, written) = run(few), run(many)
    each = (more_cpu - cpu) / (many - few)
    return Cost(round(each, 4), round(max(0.0, cpu - few * each), 1), round(read / many), round(written / many))


def _prepare(folder: Path, count: int) -> Run:
    here = folder / f"prepare{count}"
    pictures = _some(folder / "covers", here / "pictures", count)
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"] |= {"source": "folder", "folder": str(pictures), "test_photographs": False, "test_scenes": 1}
    (here / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    seconds = _run(here, "pipeline.prepare", ROOT / "assets", "shards", "counts.json")
    return seconds, _bytes(pictures), _bytes(here / "shards")


def _hide(folder: Path, count: int, suffix: str, options: list[str]) -> Run:
    """Hides pictures in pictures; their results are there for `_reveal`."""
    covers, secrets = (_some(folder / name, folder / f"{name}{count}", count) for name in ("covers", "secrets"))
    return _stegnet(folder, "hide", [covers, secrets], folder / f"{suffix}{count}", options)


def _reveal(folder: Path, count: int, suffix: str) -> Run:
    return _stegnet(folder, "reveal", [folder / f"{suffix}{count}"], folder / f"{suffix}{count}-back")


def _hide_film(folder: Path, count: int, suffix: str, options: list[str]) -> Run:
    """Hides a film in a film without loss, or a note in one that may be encoded again."""
    cover, secret = folder / f"cover{count}.mp4", folder / ("note" if suffix == "mp4" else f"secret{count}.mp4")
    return _stegnet(folder, "hide", [cover, secret], folder / f"film{count}.{suffix}", options)


def _reveal_film(folder: Path, count: int, suffix: str) -> Run:
    return _stegnet(folder, "reveal", [folder / f"film{count}.{suffix}"], folder / f"back{count}.{suffix}")


def _stegnet(folder: Path, command: str, inputs: list[Path], out: Path, options: Sequence[str] = ()) -> Run:
    """Runs `stegnet hide` or `stegnet reveal`."""
    seconds = _run(folder, "stegnet.cli", command, *inputs, "-o", out, "--key-file", "key", *options)
    return seconds, sum(map(_bytes, inputs)), _bytes(out)


def _driver() -> float:
    """Seconds of a core in which the process that hands out tasks does so with one, while all cores have two each."""
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error")
    task = ray.remote(num_cpus=1)(lambda content: None)
    running = {task.remote(bytes(1000)) for _ in range(2 * MACHINES * CORES)}
    begin = time.process_time()
    for _ in range(_TASKS):
        (done,), _ = ray.wait(list(running))
        running.remove(done)
        ray.get(done)
        running.add(task.remote(bytes(1000)))
    seconds = (time.process_time() - begin) / _TASKS
    ray.shutdown()
    return round(seconds, 5)


def _run(folder: Path, module: str, *arguments: object) -> float:
    """Seconds of a core that a command takes, with the processes that it starts."""
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    before = os.times()
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=folder, env=os.environ | own, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _write_picture(folder: Path, number: int) -> None:
    """A rendered scene, for covers and secrets in turn."""
    path = folder / ("covers", "secrets")[number % 2] / f"{number // 2:03}.jpg"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(render_scene(_SIDE, number)).save(path, quality=92)


def _write_film(source: Path, path: Path, frames: int) -> None:
    """The film again and again, up to this number of frames."""
    shown = ffmpeg.input(str(source), stream_loop=-1).video.filter("scale", 640, 360)
    written = shown.output(str(path), vframes=frames, vcodec="libx264", crf=18, threads=1)
    written.run(imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)


def _some(source: Path, folder: Path, count: int) -> Path:
    """A folder with the first files of another."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for path in sorted(source.iterdir())[:count]:
            shutil.copy(path, folder)
    return folder


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
