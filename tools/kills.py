"""Kills `stegnet hide` at random moments and checks the files left behind: python -m tools.kills [--runs 200].

Half of the kills are SIGTERM, half SIGKILL; in half of the runs the output file exists already and --force is given.
Damage is: a changed input; an output that is neither the previous file nor a complete container; after SIGTERM, any
other file; after SIGKILL, any other file that looks like a result or that the next run does not clean up.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

import stegnet.files  # noqa: F401  imported before forking, for speed
from stegnet.cli import main as stegnet_main
from stegnet.keys import make_key_file
from stegnet.media import FilmWriter, read_frames, resize
from stegnet.networks.card import Card
from stegnet.networks.pair import build, save_pair

FRAMES, HEIGHT, WIDTH = 40, 96, 160
SMALL = {"blocks": 1, "width": 8, "ends": 0, "backbone": "none"}  # a fast pair


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        _prepare_in_child(Path(folder))
        counts = _kill_all(Path(folder), options.runs, random.Random(options.seed))
    print(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    sys.exit(bool(sum(count for name, count in counts.items() if name.startswith("DAMAGE"))))


def _kill_all(folder: Path, runs: int, draw: random.Random) -> Counter[str]:
    whole = _timed_run()
    inputs = _hashes(folder)
    counts: Counter[str] = Counter()
    for run in tqdm(range(runs)):
        number = (signal.SIGTERM, signal.SIGKILL)[run % 2]
        counts[_kill_once(folder, number, run % 4 >= 2, draw.uniform(0, 1.1 * whole), inputs)] += 1
    return counts


def _kill_once(folder: Path, number: signal.Signals, old: bool, delay: float, inputs: dict[str, str]) -> str:
    """Signal and state of the output after a kill; DAMAGE if anything is wrong."""
    out = folder / "out.mkv"
    out.unlink(missing_ok=True)
    if old:
        out.write_bytes(b"previous output")
    child = _start()
    time.sleep(delay)
    os.kill(child, number)
    os.waitpid(child, 0)
    if {name: value for name, value in _hashes(folder).items() if name in inputs} != inputs:
        return "DAMAGE: changed input"
    extra = {path for path in folder.iterdir() if path.name not in inputs and path != out}
    if number == signal.SIGTERM and extra:
        return "DAMAGE: file left by SIGTERM"
    if any(not (path.name.startswith(".") and path.suffix == ".part") for path in extra):
        return "DAMAGE: looks like a result"
    state = _state(out)
    if extra and not _next_run_cleans_up(folder, extra):
        return "DAMAGE: partial file not cleaned up"
    return f"{number.name}, {state}" + (", partial file cleaned up by the next run" if extra else "")


def _state(out: Path) -> str:
    if not out.exists():
        return "no output"
    if out.read_bytes() == b"previous output":
        return "previous output"
    return (
        "complete output"
        if _quiet(["reveal", "out.mkv", "-o", "back.mkv", "--strict"]) == 0
        else "DAMAGE: broken output"
    )


def _next_run_cleans_up(folder: Path, extra: set[Path]) -> bool:
    code = _quiet(["hide", "--method", "network", "cover.mkv", "secret.mkv", "-o", "next.mkv", "--force"])
    (folder / "next.mkv").unlink()
    return code == 0 and not any(path.exists() for path in extra)


def _timed_run() -> float:
    start = time.perf_counter()
    _, status = os.waitpid(_start(), 0)
    assert status == 0
    return time.perf_counter() - start


def _start() -> int:
    """Starts hiding in a child process with discarded output; returns its PID."""
    return _child(["hide", "--method", "network", "cover.mkv", "secret.mkv", "-o", "out.mkv", "--force"])


def _quiet(line: list[str]) -> int:
    _, status = os.waitpid(_child(line), 0)
    Path("back.mkv").unlink(missing_ok=True)
    return os.waitstatus_to_exitcode(status)


def _child(line: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        code = stegnet_main([*line, "--key-file", "k", "--weights", "w"])
    except SystemExit as ended:
        code = ended.code
    finally:
        os._exit(code)  # skips the parent's clean-up


def _prepare_in_child(folder: Path) -> None:
    """Calls `_prepare` in a child: a process that has computed with torch's threads can't be forked."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _prepare(folder)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0


def _prepare(folder: Path) -> None:
    make_key_file(folder / "k")
    pair = build("invertible", **SMALL)
    save_pair(
        folder / "w", pair, Card("invertible", SMALL, {"base": "means", "quality": 85, "block": 8, "period": 0.0})
    )
    source = Path(__file__).parent.parent / "assets"
    for name in ("cover", "secret"):
        with FilmWriter(folder / f"{name}.mkv", WIDTH, HEIGHT, 25) as film:
            for index, frame in zip(range(FRAMES), read_frames(source / f"{name}.mp4"), strict=False):
                film.write(resize(frame, HEIGHT, WIDTH), index / 25)


def _hashes(folder: Path) -> dict[str, str]:
    names = ("cover.mkv", "secret.mkv", "k", "w")
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


if __name__ == "__main__":
    main()
