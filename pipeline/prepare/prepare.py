"""Writes pictures from all sources to the shards that training and evaluation read.

The sources are cut into parts, which any process prepares by itself. What is finished stays beside the output until all
is, so that a run that was killed continues where it was.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.config import DataConfig, ScrambleConfig
from pipeline.prepare.catalogue import CatalogueEntry, read_catalogue, read_package_pictures
from pipeline.prepare.groups import Group, ReadJob, Sample, cut_squares
from pipeline.prepare.ledger import Ledger, digest_of
from pipeline.prepare.parts import PartSettings, SourcePart, cut, prepare_part
from pipeline.prepare.sources import list_jobs, scene_jobs
from pipeline.prepare.spread import spread
from pipeline.shards import TEST, TRAIN, ShardLayout, write_layout, write_tables
from pipeline.store import is_remote
from stegnet.core.errors import DataError

CROPS = 4  # squares cut from each test photograph
NAMED = 3  # pictures that a warning names; the others are counted
BESIDE = "none"  # value of data.store

Progress = Callable[[Iterator[dict], int], Iterable[dict]]
_log = logging.getLogger(__name__)


def prepare(
    config: DataConfig, scramble: ScrambleConfig, seed: int, data: Path, out: Path, progress: Progress
) -> dict[str, Any]:
    """Writes shards, manifest and index to the folder `out`, by way of `out`.part, which a killed run leaves behind.

    Args:
        scramble: says which base the pictures get.
        data: folder with sources.yaml, as imported by data.dvc.
        progress: wraps the records of the parts, given the number to expect, to show progress.
    Returns:
        Counts: train, validation, test, skipped, and per source.
    Raises:
        DataError: no usable training pictures, or no test pictures; or `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: is not empty", "empty it, or let `dvc repro` do so")

    def parts() -> Iterator[SourcePart]:
        return cut(chain(list_jobs(config, data, seed), _test_jobs(config, seed, data)), config.shard)

    same = replace(config, workers=1)  # whatever the number
    run, count = digest_of(PartSettings(same, scramble, ""), parts())
    unfinished = out.with_name(f"{out.name}.part").absolute()
    store = str(unfinished) if config.store == BESIDE else _folder_of(run, config.store)
    work = partial(prepare_part, PartSettings(config, scramble, store))
    ledger = Ledger(unfinished / "ledger", run, count)
    todo = (part for part in parts() if part not in ledger)
    for record in progress(spread(work, todo, config.workers), ledger.missing):
        ledger.write(record)
    _leave_out_duplicates(ledger, parts(), work, config)
    counts = _report(ledger, config)
    write_tables(unfinished, partial(_rows, ledger))
    write_layout(unfinished, ShardLayout(config.size, config.coding, "" if config.store == BESIDE else store))
    ledger.remove()
    os.replace(unfinished, out)
    return counts


def _folder_of(run: str, store: str) -> str:
    """A run's own folder in a store, so that no run writes over the shards of another."""
    folder = f"{store.rstrip('/')}/{run[:16]}"
    if is_remote(store):
        return folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    return str(Path(folder).absolute())


def _leave_out_duplicates(
    ledger: Ledger, parts: Iterator[SourcePart], work: Callable[[SourcePart], dict], config: DataConfig
) -> None:
    """Prepares parts with pictures that are in another split too again, without these."""
    without = ledger.duplicates()
    again = (replace(part, without=frozenset(without[part.number])) for part in parts if part.number in without)
    if without:
        for record in spread(work, again, config.workers):
            ledger.write(record)


def _report(ledger: Ledger, config: DataConfig) -> dict[str, int]:
    """Counts the pictures, and logs what was skipped."""
    counts: Counter[str] = Counter(train=0, validation=0, test=0, skipped=0)
    small, duplicates = _Skipped(), _Skipped()
    for record in ledger:
        for line in record["damaged"]:
            _log.warning("skipped %s", line)
        small.add(record["small"])
        duplicates.add(record["duplicates"])
        counts["skipped"] += sum(len(record[reason]) for reason in ("damaged", "small", "duplicates"))
        for _, source, _, _, _, split, *_ in record["pictures"]:
            counts[split] += 1
            counts[f"sources.{source}"] += 1
    small.warn(f"smaller than data.size {config.size}")
    duplicates.warn("that are in another split too")
    _check(counts, config.source)
    return {name: counts[name] for name in sorted(counts)}


class _Skipped:
    """Pictures that are skipped for one reason, the first few by name."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._count = 0

    def add(self, names: list[str]) -> None:
        self._names = (self._names + names)[:NAMED]
        self._count += len(names)

    def warn(self, reason: str) -> None:
        if self._count:
            more = f" and {self._count - NAMED} more" if self._count > NAMED else ""
            _log.warning("skipped %d %s: %s%s", self._count, reason, ", ".join(self._names), more)


def _rows(ledger: Ledger, split: str) -> Iterator[tuple[list, list[int]]]:
    """The pictures of a split, in the order of the parts, as `write_tables` takes them."""
    for record in ledger:
        for *entry, _keyed, shard, offset, length, base_offset, base_length in record["pictures"]:
            if entry[-1] == split:
                yield entry, [shard, offset, length, base_offset, base_length]


def _test_jobs(config: DataConfig, seed: int, data: Path) -> Iterator[ReadJob]:
    if config.test_photographs:
        packages = [source for source in read_catalogue(data / "sources.yaml") if source.kind == "package"]
        yield from (partial(_photographs, source, config.size) for source in packages)
    yield from scene_jobs(config, seed, TEST)


def _photographs(source: CatalogueEntry, size: int) -> Iterator[Group]:
    """Squares from the photographs in an installed package."""
    group = Group("photographs", "", splits=(TEST,))
    for name, picture in read_package_pictures(source):
        sample = partial(Sample, width=picture.shape[1], height=picture.shape[0])
        squares = cut_squares(picture, size, CROPS)
        group.samples.extend(sample(f"{name}#{index}", square) for index, square in enumerate(squares))
    yield group


def _check(counts: Counter[str], source: str) -> None:
    if not counts[TRAIN]:
        skipped = f"{counts['skipped']} skipped, see above" if counts["skipped"] else "it contains no pictures"
        raise DataError(f"data.source {source}: nothing usable to train on ({skipped})", "see data.* in params.yaml")
    if not counts[TEST]:
        raise DataError(f"data.source {source}: nothing to test on", "raise data.test_share or data.test_scenes")
