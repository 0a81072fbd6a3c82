"""One loop over a pool of processes writes the pictures of all sources to shards.

The sources' jobs are cut into parts, which any process prepares by itself. What is finished stays in a folder beside
the output until all is, with a record of each part, so that a run that was killed continues where it was.
"""

import hashlib
import json
import logging
import os
import shutil
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import PIL

from pipeline.config import DataConfig, ScrambleConfig
from pipeline.prepare import catalogue, downloads, folders, scenes  # a new file with a source is imported here, too
from pipeline.prepare.sources import SOURCES, Job, Picture, Source, squares_of
from pipeline.shards import (
    TEST,
    TRAIN,
    VALIDATION,
    Entry,
    ShardLayout,
    ShardWriter,
    is_remote,
    source_hash,
    write_layout,
    write_tables,
)
from stegnet.core.errors import ConfigError, DataError, did_you_mean
from stegnet.core.parallel import AUTO, over_cluster, physical_cores
from stegnet.core.samples import CODED
from stegnet.media.pictures.avif import decode_avif, fit_avif

RAY = "ray"  # value of data.workers
BESIDE = "none"  # value of data.store
MOST_BITS = 4.2  # of a coded base, per pixel: for more, a cover as large as its secret has no room
NAMED = 3  # pictures that a warning names; the others are counted
_CODE = ("pipeline/prepare", "pipeline/shards.py", "stegnet/core", "stegnet/media")  # what computes the pictures

Progress = Callable[[Iterator[dict], int], Iterable[dict]]
T, R = TypeVar("T"), TypeVar("R")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourcePart:
    """Consecutive jobs, the number of their shards, and the numbers of squares in their order that are left out."""

    number: int
    jobs: list[Job]
    without: frozenset[int] = frozenset()


def prepare(
    config: DataConfig, scramble: ScrambleConfig, seed: int, data: Path, out: Path, progress: Progress
) -> dict[str, int]:
    """Writes shards, manifest and index to the folder `out`, by way of `out`.part, which a killed run leaves behind.

    Args:
        scramble: says which base the pictures get.
        data: folder with sources.yaml, as imported by data.dvc.
        progress: wraps the records of the parts, given the number to expect, to show progress.
    Returns:
        Counts: train, validation, test, skipped, and per source.
    Raises:
        ConfigError: an unknown source.
        DataError: no usable training pictures, or no test pictures; a folder is missing; a download failed; or `out`
            is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: is not empty", "empty it, or let `dvc repro` do so")

    def parts() -> Iterator[SourcePart]:
        return cut_parts(list_jobs(config, data, seed), config.shard)

    run, count = digest_of((replace(config, workers=1), scramble), parts())  # whatever the workers
    unfinished = out.with_name(f"{out.name}.part").absolute()
    records = Records(unfinished, run, count)
    store = str(unfinished) if config.store == BESIDE else _folder_of(run, config.store)
    work = partial(prepare_part, config, scramble, store)
    todo = (part for part in parts() if part.number not in records)
    for record in progress(map_in_pool(work, todo, config.workers), count - len(records)):
        records.write(record)
    if without := find_duplicates(records):  # these parts are prepared again
        again = (replace(part, without=without[part.number]) for part in parts() if part.number in without)
        for record in map_in_pool(work, again, config.workers):
            records.write(record)
    counts = _report(records, config)
    write_tables(unfinished, partial(_rows, records))
    write_layout(unfinished, ShardLayout(config.size, config.coding, "" if config.store == BESIDE else store))
    shutil.rmtree(records.folder)
    os.replace(unfinished, out)
    return counts


def _folder_of(run: str, store: str) -> str:
    """A run's own folder in a store, so that no run writes over the shards of another."""
    folder = f"{store.rstrip('/')}/{run[:16]}"
    if is_remote(store):
        return folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    return str(Path(folder).absolute())


# Jobs and parts


def list_jobs(config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """All jobs in a fixed order: data.test_folder, the sources, photographs and scenes to test on.

    Folders are listed while the jobs are taken.
    """
    archives = dict.fromkeys(downloads.archives(data), downloads.archive_jobs)
    names = [name.strip() for name in config.source.split("+")]
    sources = [_find_source(name, SOURCES | archives) for name in names]
    yield from folders.test_folder_jobs(config)
    for name, jobs in zip(names, sources, strict=True):
        yield from jobs(name, config, data, seed)
    if config.test_photographs:
        entries = catalogue.read_catalogue(data / "sources.yaml")
        yield from (partial(catalogue.photographs, entry) for entry in entries if entry.kind == "package")
    yield from scenes.scene_jobs(config, seed, TEST)


def _find_source(name: str, known: dict[str, Source]) -> Source:
    kind, colon, _ = name.partition(":")
    if found := known.get(f"{kind}:<class>" if colon else name):
        return found
    hint = f"{did_you_mean(name, known)} known: {', '.join(known)}, or several joined by +".lstrip()
    raise ConfigError(f"data.source: unknown source {name!r}", hint)


def cut_parts(jobs: Iterable[Job], size: int) -> Iterator[SourcePart]:
    """Parts of `size` jobs each; a tar is a part by itself."""
    number, waiting = 0, []
    for job in jobs:
        is_tar = folders.read_tar in (job.func, waiting[0].func if waiting else None)
        if waiting and (is_tar or len(waiting) == size):
            yield SourcePart(number, waiting)
            number, waiting = number + 1, []
        waiting.append(job)
    if waiting:
        yield SourcePart(number, waiting)


def digest_of(settings: Any, parts: Iterable[SourcePart]) -> tuple[str, int]:
    """Digest of all that a run's bytes depend on: parameters, files, code, packages; and the number of its parts."""
    digest = hashlib.sha256(repr((settings, cv2.__version__, PIL.__version__, source_hash(_CODE))).encode())
    count = 0
    for part in parts:
        count += 1
        for job in part.jobs:
            digest.update(repr((job.func.__qualname__, job.args)).encode(errors="surrogateescape"))
    return digest.hexdigest(), count


# What a process does


def map_in_pool(function: Callable[[T], R], items: Iterable[T], workers: int | str) -> Iterator[R]:
    """Maps a function over items, a few ahead.

    Args:
        function: what every process can import, and its arguments.
        workers: number of processes; 1: this one; auto: one per physical core; ray: the CPUs of the cluster that
            RAY_ADDRESS names, or of one on this machine. It does the items of a node that dies again.
    Raises:
        DataError: a process was killed.
        ConfigError: there is no cluster.
        PackageError: Ray is not installed.
    """
    if workers == RAY:
        yield from over_cluster(function, items)
        return
    count = physical_cores() if workers == AUTO else int(workers)
    if count == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[R]] = deque()
    with ProcessPoolExecutor(count, get_context("spawn")) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            hint = "memory may have run out: lower data.workers, then start again; what is finished is kept"
            raise DataError("a process that prepares pictures was killed", hint) from error
        finally:
            pool.shutdown(cancel_futures=True)


def prepare_part(config: DataConfig, scramble: ScrambleConfig, store: str, part: SourcePart) -> dict:
    """Writes the shards of a part to a store, whatever is there of them already.

    Returns:
        A record that can be JSON: `number`; `pictures`, each its row of the manifest and its row of the index; names
        of `small` pictures and of `duplicates`, lines on `damaged` files.
    """
    cv2.setNumThreads(1)
    count = 0
    record: dict = {"number": part.number, "pictures": [], "damaged": [], "small": [], "duplicates": []}
    with ShardWriter(store, part.number, config.coding) as writer:
        for picture in (picture for job in part.jobs for picture in job()):
            if isinstance(picture, str):
                record["damaged"].append(picture)
                continue
            height, width = picture.pixels.shape[:2]
            key = picture.key or hashlib.sha256(np.ascontiguousarray(picture.pixels)).hexdigest()
            split = draw_split(picture, key, config)
            squares = squares_of(picture, config.size, config.tiles if split == TRAIN else 1, key)
            if not squares:
                record["small"].append(f"{picture.name} ({width}×{height})")
            for index, pixels in enumerate(squares):
                name = f"{picture.name}#{index}" if picture.crops or len(squares) > 1 else picture.name
                count += 1
                if count - 1 in part.without:
                    record["duplicates"].append(name)
                    continue
                base = _coded(pixels, scramble.quality) if scramble.base == CODED and split != TEST else None
                entry = Entry(name, picture.source, hashlib.sha256(pixels).hexdigest(), width, height, split)
                record["pictures"].append([list(asdict(entry).values()), writer.add(split, pixels, base)])
    return record


def draw_split(picture: Picture, key: str, config: DataConfig) -> str:
    """Chooses one of the picture's splits by its content alone, so that new files don't move others."""
    if len(picture.splits) == 1:
        return picture.splits[0]
    place = int(key[:16], 16) / 2**64
    if TEST in picture.splits and place < config.test_share:
        return TEST
    return VALIDATION if VALIDATION in picture.splits and place >= 1 - config.validation_share else TRAIN


def _coded(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The base of a whole picture, as hiding codes it, not of crops."""
    height, width = pixels.shape[:2]
    return decode_avif(fit_avif(pixels, quality, int(MOST_BITS * height * width / 8)), height, width)


# What is finished


class Records:
    """Records of finished parts, in JSON, in a folder of their own among the shards.

    Args:
        folder: of the shards; emptied if another run wrote it.
        run: digest of the run.
        parts: number of its parts.
    """

    def __init__(self, folder: Path, run: str, parts: int) -> None:
        self.folder, self._parts = folder / f"records-{run[:16]}", parts
        if not self.folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            self.folder.mkdir(parents=True)

    def __contains__(self, number: int) -> bool:
        return self._path(number).exists()

    def __iter__(self) -> Iterator[dict]:
        """All records in order, read one by one.

        Raises:
            DataError: a part was not prepared.
        """
        for number in range(self._parts):
            if number not in self:
                raise DataError("data.source: files were removed while it was prepared", "start again")
            yield json.loads(self._path(number).read_text(encoding="utf-8"))

    def __len__(self) -> int:
        return sum(number in self for number in range(self._parts))

    def write(self, record: dict) -> None:
        """Adds the record of a finished part, or replaces it."""
        path = self._path(record["number"])
        path.with_suffix(".part").write_text(json.dumps(record), encoding="utf-8")
        os.replace(path.with_suffix(".part"), path)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.json"


def find_duplicates(records: Records) -> dict[int, frozenset[int]]:
    """Numbers of the squares in each part whose pixels are in another split already.

    The digests are in a table on disk, not in memory.
    """
    found: dict[int, frozenset[int]] = {}
    with closing(sqlite3.connect("")) as table:  # a temporary file
        table.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, split TEXT) WITHOUT ROWID")
        for record in records:
            twice = set()
            for index, ((*_, digest, _, _, split), _) in enumerate(record["pictures"]):
                key = bytes.fromhex(digest[:32])
                if not table.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, split)).rowcount:
                    first = table.execute("SELECT split FROM seen WHERE digest = ?", (key,)).fetchone()[0]
                    twice |= {index} if first != split else set()
            if twice:
                found[record["number"]] = frozenset(twice)
    return found


def _report(records: Records, config: DataConfig) -> dict[str, int]:
    """Counts the pictures, and logs what was skipped.

    Raises:
        DataError: there is nothing to train or to test on.
    """
    counts: Counter[str] = Counter(train=0, validation=0, test=0, skipped=0)
    for record in records:
        for line in record["damaged"]:
            _log.warning("skipped %s", line)
        counts["skipped"] += sum(len(record[reason]) for reason in ("damaged", "small", "duplicates"))
        for (_, source, *_, split), _ in record["pictures"]:
            counts.update((split, f"sources.{source}"))
    _warn(records, "small", f"smaller than data.size {config.size}")
    _warn(records, "duplicates", "that are in another split too")
    if not counts[TRAIN]:
        skipped = f"{counts['skipped']} skipped, see above" if counts["skipped"] else "it contains no pictures"
        reason = f"nothing usable to train on ({skipped})"
        raise DataError(f"data.source {config.source}: {reason}", "see data.* in params.yaml")
    if not counts[TEST]:
        reason, hint = "nothing to test on", "raise data.test_share or data.test_scenes"
        raise DataError(f"data.source {config.source}: {reason}", hint)
    return {name: counts[name] for name in sorted(counts)}


def _warn(records: Records, reason: str, explained: str) -> None:
    """Names the first few pictures that were skipped for a reason."""
    count = sum(len(record[reason]) for record in records)
    names = ", ".join(islice((name for record in records for name in record[reason]), NAMED))
    if count:
        more = f" and {count - NAMED} more" if count > NAMED else ""
        _log.warning("skipped %d %s: %s%s", count, explained, names, more)


def _rows(records: Records, split: str) -> Iterator[tuple[list, list[int]]]:
    """The pictures of a split, in the order of the parts, as `write_tables` takes them."""
    return ((entry, place) for record in records for entry, place in record["pictures"] if entry[-1] == split)
