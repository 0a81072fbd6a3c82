"""Prepares many small pictures, is killed once, continues; prints peak memory: python -m tools.many [--pictures N]."""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from PIL import Image

from pipeline.stage import bar
from stegnet.config.config import ScrambleConfig, load
from stegnet.data.prepare import prepare

SIDE = 64  # pixels
PER_FOLDER = 1000
MEGA = 2**20


def main() -> None:
    """Renders the pictures, and runs itself as the process that prepares them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200_000, metavar="N")
    parser.add_argument("--kill", type=float, default=0.3, metavar="SHARE", help="of the shards, then it is killed")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        print(prepare_folder(options.prepare))
        return
    with TemporaryDirectory() as folder:
        render(Path(folder) / "in", options.pictures)
        shards = sum(1 for _ in range(0, options.pictures, load(Path("params.yaml")).data.shard))
        for stop in (int(options.kill * shards), 0):
            start = time.perf_counter()
            finished, peak = watch(Path(folder), stop)
            seconds = time.perf_counter() - start
            what = f"killed after {finished} of {shards} shards" if stop else "finished"
            print(f"{what}: {seconds:.0f} s, {peak / MEGA:.0f} MB at most in all processes")


def render(folder: Path, count: int) -> None:
    """Writes JPEGs with gradients and waves, a thousand to a folder."""
    rows, cols = np.mgrid[:SIDE, :SIDE, :1][:2] / SIDE
    random = np.random.default_rng(0)
    for index in bar(range(count), "render"):
        if index % PER_FOLDER == 0:
            (folder / f"{index // PER_FOLDER:05d}").mkdir(parents=True)
        across, down, waves, phase = random.random((4, 3))
        picture = 0.3 + across * cols + down * rows + 0.3 * np.sin(20 * waves * cols + 9 * phase)
        path = folder / f"{index // PER_FOLDER:05d}" / f"{index:08d}.jpg"
        Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8)).save(path)


def prepare_folder(folder: Path) -> dict[str, int]:
    """Prepares the pictures, without coded bases, in one process and its worker."""
    data = replace(
        load(Path("params.yaml")).data,
        source="folder",
        folder=str(folder / "in"),
        test_folder="data",
        test_photographs=False,
        test_scenes=0,
        size=SIDE,
        workers=1,
    )
    return prepare(data, ScrambleConfig("none", 90, 8), 0, Path("assets"), folder / "out", lambda records, _: records)


def watch(folder: Path, stop: int) -> tuple[int, int]:
    """Prepares in a process of its own, which is killed after `stop` shards, or never.

    Returns:
        Number of finished shards, and peak memory of all its processes in bytes.
    """
    process = psutil.Popen([sys.executable, "-m", "tools.many", "--prepare", str(folder)])
    finished = peak = 0
    while process.poll() is None:
        try:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(each.memory_info().rss for each in tree))
        except psutil.NoSuchProcess:
            continue  # a worker has just ended
        finished = sum(1 for _ in (folder / "out.part" / "ledger").glob("*.json"))
        if stop and finished >= stop:
            for each in tree:
                each.kill()
        time.sleep(0.1)
    return finished, peak


if __name__ == "__main__":
    main()
