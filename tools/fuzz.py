"""Fuzzes revealing with damaged containers, and hiding in damaged MP4s: python -m tools.fuzz [--runs 2000].

Files are damaged by bit flips, truncation, and deleted, repeated, replaced or zeroed chunks; pictures also by changed
samples, MP4s by odd numbers in their tables. There must be no traceback and no crash, and exit code 0 only if the
output equals the hidden secret.
"""

import argparse
import io
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from stegnet.cli import main as stegnet_main
from stegnet.core.errors import StegnetError
from stegnet.image.pictures import read_picture, write_png
from stegnet.keys import make_key_file
from stegnet.video.films import read_frames
from tests.support.films import encode, picture, write_film
from tests.support.h264 import moving
from tests.support.pairs import save_untrained

FRAMES, HEIGHT, WIDTH = 4, 64, 96
MOVING = 48  # frames
CONTAINERS = {"c.png": ".png", "c.mkv": ".mkv", "c.mp4": ".mkv", "h.mp4": ".bin"}  # and the suffix of what they hide
LEVELS = "h.mp4"  # hides in its own H.264
BOXES = b"moov", b"stsz", b"stsc", b"stco", b"stsd", b"avcC", b"mdhd", b"btrt"
ODD = 0, 1, 7, 8, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1
_PER_CHILD = 25
_SECONDS = 900  # of a child, on a machine that does much else


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        counts.update(_in_child(_prepare))
        for first in tqdm(range(0, options.runs, _PER_CHILD)):
            runs = range(first, min(first + _PER_CHILD, options.runs))
            counts.update(_in_child(_fuzz_all, options.seed, runs))
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    sys.exit(any(name.startswith("FAULT") for name in counts))


def _in_child(work: Callable[..., list[str]], *arguments: object) -> list[str]:
    """Runs work in a process of its own; one that dies, or takes too long, is a fault."""
    with ProcessPoolExecutor(1, get_context("fork"), signal.alarm, (_SECONDS,)) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool:
            return ["FAULT: a process died"]


def _fuzz_all(seed: int, runs: Iterable[int]) -> list[str]:
    return [_fuzz(seed, run) for run in runs]


def _fuzz(seed: int, run: int) -> str:
    draw = random.Random(seed * 1_000_003 + run)
    name, suffix = [*CONTAINERS.items()][run % len(CONTAINERS)]
    special = {"c.png": _samples, LEVELS: _tables}.get(name, _flip_bits)
    how = draw.choice((_flip_bits, _truncate, _delete, _repeat, _replace, _zero, special))
    damaged, out, tried = f"f{name}", f"b{suffix}", "revealing"
    Path(damaged).unlink(missing_ok=True)
    how(Path(name), Path(damaged), draw)
    if name == LEVELS and draw.random() < 0.5:
        tried, line = "hiding", ["hide", damaged, f"r{name}{suffix}", "--method", "h264", "-o", "again.mp4"]
        found = _run([*line, "--key-file", "k", "--force"], "again.mp4")
        if found == "done":
            found = _run(["reveal", "again.mp4", "-o", out, "--key-file", "k", "--force"], out, f"r{name}{suffix}")
    else:
        line = ["reveal", damaged, "-o", out, "--key-file", "k", "--weights", "w"]
        found = _run(line, out, f"r{name}{suffix}")
    return f"{name}, {how.__name__[1:]}, {tried}: {found}"


def _run(line: list[str], made: str, reference: str | None = None) -> str:
    """Outcome of a command that writes a file, which is to equal another one."""
    out, err = io.StringIO(), io.StringIO()
    Path(made).unlink(missing_ok=True)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = stegnet_main(line)
    except BaseException as error:  # any exception is a fault
        return f"FAULT: {type(error).__name__}: {error}"
    if "Traceback" in err.getvalue():
        return "FAULT: a traceback was printed"
    if code != 0 and not err.getvalue().startswith(("error: ", "warning: ", "note: ")):
        return "FAULT: no message"
    if code == 0:
        right = reference is None or _same(Path(made), Path(reference))
        return "done" if right else "FAULT: exit code 0 with wrong output"
    if code == 1 and Path(made).exists():
        return "FAULT: exit code 1 with an output file"
    return {1: "refused", 3: "done with a tampering warning"}.get(code, f"FAULT: exit code {code}")


def _same(a: Path, b: Path) -> bool:
    try:
        if a.suffix == ".bin":
            return a.read_bytes() == b.read_bytes()
        if a.suffix == ".png":
            return np.array_equal(read_picture(a), read_picture(b))
        return all(np.array_equal(x, y) for x, y in zip(read_frames(a), read_frames(b), strict=True))
    except (StegnetError, ValueError):
        return False


def _flip_bits(source: Path, target: Path, draw: random.Random) -> None:
    data = bytearray(source.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    target.write_bytes(data)


def _truncate(source: Path, target: Path, draw: random.Random) -> None:
    data = source.read_bytes()
    target.write_bytes(data[: draw.randrange(len(data))])


def _delete(source: Path, target: Path, draw: random.Random) -> None:
    data = source.read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[:start] + data[start + size :])


def _repeat(source: Path, target: Path, draw: random.Random) -> None:
    data = source.read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[: start + size] + data[start:])


def _replace(source: Path, target: Path, draw: random.Random) -> None:
    """Replaces a chunk by one of another container with the same key."""
    data, other = source.read_bytes(), Path(f"d{source.name}").read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[:start] + other[start : start + size] + data[start + size :])


def _zero(source: Path, target: Path, draw: random.Random) -> None:
    data = source.read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[:start] + bytes(size) + data[start + size :])


def _tables(source: Path, target: Path, draw: random.Random) -> None:
    """Puts numbers that are hard to bear into an MP4's tables."""
    data = bytearray(source.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = data.index(draw.choice(BOXES)) + draw.choice((-4, 4, 8, 12, 16, draw.randrange(4, 300)))
        data[place : place + 4] = draw.choice(ODD).to_bytes(4, "big")
    target.write_bytes(data)


def _samples(source: Path, target: Path, draw: random.Random) -> None:
    samples = read_picture(source)
    for _ in range(draw.choice((1, 2, 100))):
        samples[draw.randrange(HEIGHT), draw.randrange(WIDTH), draw.randrange(3)] ^= 1 << draw.randrange(8)
    write_png(target, samples)


def _chunk(data: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randrange(len(data))
    return start, min(draw.choice((1, 16, 256, 4096)), len(data) - start)


def _prepare() -> list[str]:
    """Writes covers, secrets and containers into this folder."""
    make_key_file(Path("k"))
    save_untrained(Path("w"))
    for name, seed in (("cover", 0), ("secret", 9)):
        frames = [picture(HEIGHT, WIDTH, seed + index) for index in range(FRAMES)]
        write_png(Path(f"{name}.png"), frames[0])
        write_film(Path(f"{name}.mkv"), frames)
    encode(Path("levels.mp4"), moving(MOVING, 144, 192, noise=8), "libx264", "yuv420p", crf="18")
    Path("note.bin").write_bytes(b"meet me at eight")
    key, weights = ["--key-file", "k"], ["--weights", "w"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for container, suffix in CONTAINERS.items():
            line = ["--method", "network", "--any-quality", f"cover{suffix}", f"secret{suffix}", *weights]
            if container == LEVELS:
                line = ["--method", "h264", "levels.mp4", "note.bin"]
            for out in (container, f"d{container}"):
                assert stegnet_main(["hide", *line, "-o", out, "--force", *key]) == 0
            assert stegnet_main(["reveal", container, "-o", f"r{container}{suffix}", *key, *weights]) == 0
    return []


if __name__ == "__main__":
    main()
