"""Kills `stegnet hide` at random moments and checks the files left behind: python -m tools.kills [--runs 200].

Half of the kills are SIGTERM, half SIGKILL; in half of the runs the output file already exists and --force is given.
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
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

import stegnet.files  # noqa: F401  imported before forking, for speed
from stegnet.cli import main as stegnet_main
from stegnet.keys import make_key_file
from tests.support.films import picture, write_film
from tests.support.pairs import save_untrained

FORK = get_context("fork")
FRAMES, HEIGHT, WIDTH = 40, 96, 160
INPUTS = "cover.mkv", "secret.mkv", "k", "w"
OUT, PREVIOUS = Path("out.mkv"), b"previous output"
HIDE = "hide --method network --any-quality cover.mkv secret.mkv -o out.mkv --force"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        prepared = FORK.Process(target=_prepare)  # one that has computed with torch's threads can't be forked
        prepared.start()
        prepared.join()
        counts = _kill_all(options.runs, random.Random(options.seed))
    print(", ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    sys.exit(any("DAMAGE" in name for name in counts))


def _kill_all(runs: int, draw: random.Random) -> Counter[str]:
    start = time.perf_counter()
    assert _code(HIDE) == 0
    whole = time.perf_counter() - start
    inputs = _hashes()
    counts: Counter[str] = Counter()
    for run in tqdm(range(runs)):
        number = (signal.SIGTERM, signal.SIGKILL)[run % 2]
        counts[_kill_once(number, run % 4 >= 2, draw.uniform(0, 1.1 * whole), inputs)] += 1
    return counts


def _kill_once(number: signal.Signals, old: bool, delay: float, inputs: dict[str, str]) -> str:
    """Signal and state of the output after a kill; DAMAGE if anything is wrong."""
    OUT.unlink(missing_ok=True)
    if old:
        OUT.write_bytes(PREVIOUS)
    child = _start(HIDE)
    assert child.pid
    time.sleep(delay)
    os.kill(child.pid, number)
    child.join()
    if _hashes() != inputs:
        return "DAMAGE: changed input"
    extra = {path for path in Path().iterdir() if path.name not in inputs and path != OUT}
    if number == signal.SIGTERM and extra:
        return "DAMAGE: file left by SIGTERM"
    if any(not (path.name.startswith(".") and path.suffix == ".part") for path in extra):
        return "DAMAGE: looks like a result"
    state = _state()
    if extra and not _next_run_cleans_up(extra):
        return "DAMAGE: partial file not cleaned up"
    return f"{number.name}, {state}" + (", partial file cleaned up by the next run" if extra else "")


def _state() -> str:
    if not OUT.exists():
        return "no output"
    if OUT.read_bytes() == PREVIOUS:
        return "previous output"
    code = _code("reveal out.mkv -o back.mkv --strict")
    Path("back.mkv").unlink(missing_ok=True)
    return "DAMAGE: broken output" if code else "complete output"


def _next_run_cleans_up(extra: set[Path]) -> bool:
    code = _code(HIDE.replace("out.mkv", "next.mkv"))
    Path("next.mkv").unlink()
    return code == 0 and not any(path.exists() for path in extra)


def _code(line: str) -> int:
    child = _start(line)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def _start(line: str) -> BaseProcess:
    """Starts a command in a process of its own: a fork, since a new Python takes longer to import than to hide."""
    child = FORK.Process(target=_run, args=(line,))
    child.start()
    return child


def _run(line: str) -> None:
    with open(os.devnull, "w", encoding="utf-8") as null, redirect_stdout(null), redirect_stderr(null):
        sys.exit(stegnet_main([*line.split(), "--key-file", "k", "--weights", "w"]))


def _prepare() -> None:
    make_key_file(Path("k"))
    save_untrained(Path("w"))
    for name, seed in (("cover", 0), ("secret", 9)):
        write_film(Path(f"{name}.mkv"), (picture(HEIGHT, WIDTH, seed + index) for index in range(FRAMES)))


def _hashes() -> dict[str, str]:
    return {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in INPUTS}


if __name__ == "__main__":
    main()
