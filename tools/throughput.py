"""Measures the throughput of loading, of training steps and of both: python -m tools.throughput [SHARDS].

The settings are those of params.yaml. Loading is also measured on --pictures pictures in sparse files, which take no
disk space, to show that its speed does not depend on their number.
"""

import argparse
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from torch import Tensor

from pipeline.stage import bar
from stegnet.config.config import Config, load
from stegnet.core.compute import cpu_threads, make_deterministic, resolve
from stegnet.core.errors import StegnetError
from stegnet.core.samples import CODED
from stegnet.data.pairs import SECRETS, WITH_BASES, Pairs, load_batches
from stegnet.data.shards import INDEX, NPY, TRAIN, ShardLayout, Shards, shard_name, write_layout
from stegnet.training.devices import loader_processes, open_fabric
from stegnet.training.trainer import Trainer

WARM_UP = 3  # batches before timing
MEGA = 2**20


def main() -> int:
    """The exit code: 1 if there is nothing to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "shards", type=Path, nargs="?", default=Path("build/shards"), help="output of `dvc repro prepare`"
    )
    parser.add_argument("--seconds", type=float, default=20, metavar="S", help="duration of each measurement")
    parser.add_argument("--pictures", type=int, default=1_000_000, metavar="N", help="size of the large data set")
    parser.add_argument("--workers", type=int, metavar="N", help="loader processes (default: params.yaml)")
    options = parser.parse_args()
    try:
        config = load(Path("params.yaml"))
        if options.workers is not None:
            config = replace(config, train=replace(config.train, workers=options.workers))
        measure(config, options)
    except StegnetError as error:
        print(error.as_text(), file=sys.stderr)
        return 1
    return 0


def measure(config: Config, options: argparse.Namespace) -> None:
    """Prints one line per figure."""
    make_deterministic(config.seed, config.train.threads)
    fabric = open_fabric(config)
    train = replace(config.train, workers=loader_processes(config.train, fabric.device))
    config = replace(config, train=train)
    print(
        f"{fabric.device}, one process, {cpu_threads(train.threads)} threads, {train.workers} loaders,"
        f" batches of {train.batch} × {train.crop}²"
    )
    _time("loader alone", config, options.seconds, _batches(config, options.shards))
    with TemporaryDirectory() as folder:
        make_sparse_shards(Path(folder), options.pictures, config.data.size, config.data.shard)
        _time(f"loader, {options.pictures:,} pictures", config, options.seconds, _batches(config, Path(folder)))
    trainer = Trainer(config, fabric, resolve(train.precision, fabric.device))
    first = next(_batches(config, options.shards))
    _time("step alone", config, options.seconds, map(trainer.step, repeat(first)))
    _time("together", config, options.seconds, map(trainer.step, _batches(config, options.shards)))


def _batches(config: Config, shards: Path) -> Iterator[Tensor]:
    train = config.train
    parts = WITH_BASES if config.scramble.base == CODED else SECRETS
    pairs = Pairs(shards, train.crop, train.augment, config.seed, parts)
    indices = (range(step * train.batch, (step + 1) * train.batch) for step in count())
    return load_batches(pairs, indices, train.workers)


def _time(name: str, config: Config, seconds: float, work: Iterator[object]) -> None:
    """Prints the throughput of `work`, an iterator over batches."""
    for _ in range(WARM_UP):
        next(work)
    start, done, shown = time.perf_counter(), 0, bar(desc=name, unit="batch", leave=False)
    while time.perf_counter() - start < seconds:
        next(work)
        done += 1
        shown.update()
    rate = done * config.train.batch / (time.perf_counter() - start)
    shown.close()
    print(f"{name:<28}{rate:>8.0f} pairs/s{_own_memory() / MEGA:>8.0f} MB", flush=True)


def _own_memory() -> int:
    """Unique set size in bytes of this process and its loaders; pages of mapped files do not count."""
    this = psutil.Process()
    return sum(process.memory_full_info().uss for process in (this, *this.children(recursive=True)))


def make_sparse_shards(folder: Path, pictures: int, size: int, shard: int) -> None:
    """Writes training shards of black pictures and their bases as sparse files, without the headers of a tar."""
    length = size * size * 3
    for number, first in enumerate(range(0, pictures, shard)):
        with open(folder / shard_name(TRAIN, number), "wb") as file:
            file.truncate(2 * length * min(shard, pictures - first))
    with open(folder / f"{TRAIN}{INDEX}", "wb") as index:
        for number in range(pictures):
            start = 2 * length * (number % shard)
            index.write(struct.pack("<5q", number // shard, start, length, start + length, length))
    write_layout(folder, ShardLayout(size, NPY, ""))
    assert len(Shards(folder, TRAIN)) == pictures


if __name__ == "__main__":
    sys.exit(main())
