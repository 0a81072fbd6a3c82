"""Fuzzes revealing with damaged containers: python -m tools.fuzz [--runs 2000].

Files are damaged by bit flips, truncation, and deleted, repeated, replaced or zeroed chunks; pictures also by changed
samples. There must be no traceback and no crash, and exit code 0 only if the output equals the hidden secret.
"""

import argparse
import io
import os
import random
import signal
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from stegnet.cli import main as stegnet_main
from stegnet.core.errors import StegnetError
from stegnet.keys import make_key_file
from stegnet.media import FilmWriter, read_frames, read_picture, resize, write_png
from stegnet.models import Card, build, save_pair

FRAMES, HEIGHT, WIDTH = 4, 64, 96
SMALL = {"blocks": 1, "width": 8, "ends": 0, "backbone": "none"}  # a fast pair
CONTAINERS = ("c.png", "c.mkv", "c.mp4")
_PER_CHILD = 25
_SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        _in_child(_prepare)
        for first in tqdm(range(0, options.runs, _PER_CHILD)):
            runs = range(first, min(first + _PER_CHILD, options.runs))
            counts += _in_child(lambda runs=runs: [_fuzz(options.seed, run) for run in runs])
    for name, count in sorted(counts.items()):
        print(f"{count:6} {name}")
    sys.exit(any(name.startswith("FAULT") for name in counts))


def _in_child(work) -> Counter[str]:
    """Counts the strings that `work` returns in a child process; a child that dies is a fault."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(_SECONDS)
        os.write(writing, "\n".join(work() or ()).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        lines = file.read().splitlines()
    _, status = os.waitpid(child, 0)
    return Counter(lines if status == 0 else ["FAULT: a process died"])


def _fuzz(seed: int, run: int) -> str:
    draw = random.Random(seed * 1_000_003 + run)
    name = CONTAINERS[run % len(CONTAINERS)]
    how = draw.choice(
        (_flip_bits, _truncate, _delete, _repeat, _replace, _zero, _samples if name == "c.png" else _flip_bits)
    )
    Path(f"f{name[1:]}").unlink(missing_ok=True)
    how(Path(name), Path(f"f{name[1:]}"), draw)
    suffix = ".png" if name == "c.png" else ".mkv"
    return f"{name[2:]}, {how.__name__[1:]}: {_reveal(f'f{name[1:]}', f'b{suffix}', f'r{name[1:]}{suffix}')}"


def _reveal(container: str, back: str, reference: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    Path(back).unlink(missing_ok=True)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = stegnet_main(["reveal", container, "-o", back, "--key-file", "k", "--weights", "w"])
    except BaseException as error:  # any exception is a fault
        return f"FAULT: {type(error).__name__}: {error}"
    if "Traceback" in err.getvalue():
        return "FAULT: a traceback was printed"
    if code != 0 and not err.getvalue().startswith(("error: ", "warning: ", "note: ")):
        return "FAULT: no message"
    if code == 0:
        return "revealed correctly" if _same(Path(back), Path(reference)) else "FAULT: exit code 0 with wrong output"
    if code == 1 and Path(back).exists():
        return "FAULT: exit code 1 with an output file"
    return {1: "refused", 3: "revealed with a tampering warning"}.get(code, f"FAULT: exit code {code}")


def _same(a: Path, b: Path) -> bool:
    try:
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
    data, other = source.read_bytes(), Path(f"d{source.suffix}").read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[:start] + other[start : start + size] + data[start + size :])


def _zero(source: Path, target: Path, draw: random.Random) -> None:
    data = source.read_bytes()
    start, size = _chunk(data, draw)
    target.write_bytes(data[:start] + bytes(size) + data[start + size :])


def _samples(source: Path, target: Path, draw: random.Random) -> None:
    picture = read_picture(source)
    for _ in range(draw.choice((1, 2, 100))):
        picture[draw.randrange(HEIGHT), draw.randrange(WIDTH), draw.randrange(3)] ^= 1 << draw.randrange(8)
    write_png(target, picture)


def _chunk(data: bytes, draw: random.Random) -> tuple[int, int]:
    start = draw.randrange(len(data))
    return start, min(draw.choice((1, 16, 256, 4096)), len(data) - start)


def _prepare() -> None:
    make_key_file(Path("k"))
    pair = build("invertible", **SMALL)
    save_pair(Path("w"), pair, Card("invertible", SMALL, {"base": "means", "quality": 85, "block": 8, "period": 0.0}))
    source = Path(__file__).parent.parent / "assets"
    pictures = {}
    for name in ("cover", "secret"):
        frames = [resize(frame, HEIGHT, WIDTH) for frame in islice(read_frames(source / f"{name}.mp4"), FRAMES)]
        pictures[name] = frames[0]
        write_png(Path(f"{name}.png"), frames[0])
        with FilmWriter(Path(f"{name}.mkv"), WIDTH, HEIGHT, 25) as film:
            for index, frame in enumerate(frames):
                film.write(frame, index / 25)
    key = ["--key-file", "k", "--weights", "w"]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        for letter in "cd":
            for container in (f"{letter}.png", f"{letter}.mkv", f"{letter}.mp4"):
                kind = "png" if container.endswith("png") else "mkv"
                line = ["hide", "--method", "network", f"cover.{kind}", f"secret.{kind}", "-o", container, "--force"]
                assert stegnet_main([*line, *key]) == 0
        for container in CONTAINERS:
            suffix = ".png" if container == "c.png" else ".mkv"
            assert stegnet_main(["reveal", container, "-o", f"r{container[1:]}{suffix}", *key]) == 0


if __name__ == "__main__":
    main()
