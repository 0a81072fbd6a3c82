"""One loop over a pool of processes writes the pictures of all sources to shards.

The sources' jobs are cut into parts, which any process can prepare separately. Finished parts stay in a folder beside
the output until all are finished, with a record of each, so that a killed run continues where it was.
"""

import hashlib
import logging
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, groupby, islice
from pathlib import Path
from typing import NoReturn, TypeVar

import cv2
import numpy as np
import PIL

from pipeline.config import DataConfig, ScrambleConfig
from pipeline.fingerprint import source_hash
from pipeline.prepare import downloads, folders, scenes  # a new file with a source must be imported here, too
from pipeline.prepare.sources import SOURCES, Job, Picture, Source, squares_of
from pipeline.shards import (
    OWN,
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    Entry,
    ShardLayout,
    ShardWriter,
    StoredPicture,
    write_tables,
)
from stegnet.core.errors import ConfigError, DataError, DiskError, StegnetError, did_you_mean
from stegnet.core.parallel import Auto, physical_cores
from stegnet.core.processes import Work, over_processes
from stegnet.image.avif import decode_avif, fit_avif

DAMAGED = "damaged"  # reasons to skip a picture
SMALL = "small"
DUPLICATE = "duplicate"
_TABLES = """
PRAGMA synchronous = OFF;  -- a killed process loses nothing by it
CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS pictures (part, place, name, source, sha256, width, height, split, row,
                                     PRIMARY KEY (part, place)) WITHOUT ROWID;
"""
_DUPLICATES = """  -- places in each part of the squares whose pixels are in another split already
SELECT part, place FROM (
    SELECT part, place, split, FIRST_VALUE(split) OVER (PARTITION BY sha256 ORDER BY part, place) AS first
    FROM pictures WHERE row != x''
) WHERE split != first ORDER BY part
"""

# A part's number, and its pictures. A skipped picture has the reason as its split, no row, and the text of a warning as
# its name.
Record = tuple[int, list[StoredPicture]]
Item = TypeVar("Item")
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourcePart:
    """Consecutive jobs, the number of their shards, and the places in their record of squares to leave out."""

    number: int
    jobs: list[Job]
    without: frozenset[int] = frozenset()


def prepare(
    config: DataConfig,
    scramble: ScrambleConfig,
    seed: int,
    data: Path,
    out: Path,
    progress: Callable[..., Iterable[Record]],
) -> dict[str, int]:
    """Write shards, manifest and index to the folder `out`, by way of `out`.part, which a killed run leaves behind.

    Args:
        config: the `data` section of params.yaml.
        scramble: says which base the pictures get.
        seed: seed of the sources that draw at random, such as rendered scenes.
        data: folder with sources.yaml, as imported by data.dvc.
        out: folder to write, which must be missing or empty.
        progress: wraps the records, of which there are `total`, to show progress.

    Returns:
        Counts: train, validation, test, skipped, and per source.

    Raises:
        ConfigError: an unknown source.
        DataError: no usable training pictures, or no test pictures; a folder is missing; a download failed; files
            were removed meanwhile; or `out` is not empty.
        DiskError: the records can't be read or written.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: is not empty", "empty it, or let `dvc repro` do so")

    def parts() -> Iterator[SourcePart]:
        return cut_parts(list_jobs(config, data, seed), config.shard)

    run, total = digest_of((replace(config, workers=1), scramble), parts())  # the result does not depend on the workers
    unfinished = out.with_name(f"{out.name}.part").absolute()
    work = partial(prepare_part, config, scramble, unfinished)
    file = unfinished / f"records-{run[:16]}.sqlite"
    with open_records(file) as records:
        done = {number for (number,) in records.execute("SELECT number FROM parts")}
        todo = (part for part in islice(parts(), total) if part.number not in done)
        for record in progress(map_in_pool(work, todo, config.workers), total=total - len(done)):
            write_record(records, *record)
            done.add(record[0])
        if len(done) < total:
            raise DataError("data.source: files were removed while it was prepared", "start again")
        found = groupby(records.execute(_DUPLICATES), lambda row: row[0])
        without = {number: frozenset(place for _, place in rows) for number, rows in found}
        if without:  # these parts are prepared again
            again = (replace(part, without=without[part.number]) for part in parts() if part.number in without)
            for record in map_in_pool(work, again, config.workers):
                write_record(records, *record)
        counts = _report(records, config)
        layout = ShardLayout(config.side, config.coding)
        write_tables(unfinished, layout, lambda split: pictures_of(records, split))
    file.unlink()
    os.replace(unfinished, out)
    return counts


# Jobs and parts


def find_sources(config: DataConfig, data: Path) -> dict[str, Source]:
    """Return the sources that data.source names, by name. Raises ConfigError if one is unknown."""
    known = SOURCES | dict.fromkeys(downloads.archives(data), downloads.archive_jobs)
    names = [name.strip() for name in config.source.split("+")]
    kinds = {name: re.sub(":.*", ":<class>", name) for name in names}
    for name in names:
        if kinds[name] not in known:
            hint = f"{did_you_mean(name, known)} known: {', '.join(known)}, or several joined by +".lstrip()
            raise ConfigError(f"data.source: unknown source {name!r}", hint)
        if name != kinds[name]:
            downloads.torchvision_class(name)
    return {name: known[kinds[name]] for name in names}


def list_jobs(config: DataConfig, data: Path, seed: int) -> Iterator[Job]:
    """Yield all jobs in a fixed order: data.test_folder, the sources, photographs and scenes to test on.

    Folders are listed while the jobs are taken.
    """
    sources = find_sources(config, data)
    yield from folders.test_folder_jobs(config)
    for name, jobs in sources.items():
        yield from jobs(name, config, data, seed)
    if config.test_photographs:
        yield from downloads.photograph_jobs(data / "sources.yaml")
    yield from scenes.scene_jobs(config, seed, TEST)


def cut_parts(jobs: Iterable[Job], size: int) -> Iterator[SourcePart]:
    """Yield parts of `size` jobs each; a tar is a part by itself."""
    numbers = count()
    for is_tar, alike in groupby(jobs, lambda job: job.func is folders.read_tar):
        while batch := list(islice(alike, 1 if is_tar else size)):
            yield SourcePart(next(numbers), batch)


def digest_of(settings: object, parts: Iterable[SourcePart]) -> tuple[str, int]:
    """Return the digest of all that a run's bytes depend on, and the number of its parts.

    The digest covers parameters, files, code and packages.
    """
    code = (  # computes the pictures
        "pipeline/prepare", "pipeline/shards.py", "stegnet/core", "stegnet/image", "stegnet/media", "stegnet/video",
    )  # fmt: skip
    digest = hashlib.sha256(repr((settings, cv2.__version__, PIL.__version__, source_hash(code))).encode())
    total = 0
    for part in parts:
        total += 1
        for job in part.jobs:
            digest.update(repr((job.func.__qualname__, job.args)).encode(errors="surrogateescape"))
    return digest.hexdigest(), total


# What a process does


def map_in_pool(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | Auto
) -> Generator[Result, None, None]:
    """Map a function that every process can import over items, a few ahead, as data.workers says.

    It is 1, this process; or auto, one per physical core.
    """
    count = physical_cores() if isinstance(workers, str) else workers
    return over_processes(Work(function, _killed), items, count, ahead=2)


def _killed(item: object, error: StegnetError) -> NoReturn:
    hint = "memory may have run out: lower data.workers, then start again; what is finished is kept"
    raise DataError("a process that prepares pictures was killed", hint) from error


def prepare_part(config: DataConfig, scramble: ScrambleConfig, out: Path, part: SourcePart) -> Record:
    """Write the shards of a part to a folder, replacing any that are there, and return its record."""
    cv2.setNumThreads(1)
    most_bits = 4.2  # bits per pixel of a coded base: with more, a secret does not fit into a cover of its size
    rows: list[StoredPicture] = []
    with ShardWriter(out, part.number, config.coding) as writer:
        for picture in (picture for job in part.jobs for picture in job()):
            if isinstance(picture, str):
                rows.append(_skipped(picture, DAMAGED))
                continue
            height, width = picture.pixels.shape[:2]
            key = picture.key or hashlib.sha256(np.ascontiguousarray(picture.pixels).data).hexdigest()
            split = draw_split(picture, key, config)
            squares = squares_of(picture, config.side, config.tiles if split == TRAIN else 1, key)
            if not squares:
                rows.append(_skipped(f"{picture.name} ({width}×{height})", SMALL))
            for index, pixels in enumerate(squares):
                name = f"{picture.name}#{index}" if picture.crops or len(squares) > 1 else picture.name
                if len(rows) in part.without:
                    rows.append(_skipped(name, DUPLICATE))
                    continue
                base = None
                if split != TEST:  # of the whole picture, as hiding codes it, whether this training needs it or not
                    coded = fit_avif(pixels, scramble.quality, int(most_bits * config.side**2 / 8))
                    base = decode_avif(coded, config.side, config.side)
                entry = Entry(name, picture.source, hashlib.sha256(pixels.data).hexdigest(), width, height, split)
                rows.append(StoredPicture(entry, writer.add(split, pixels, base)))
    return part.number, rows


def _skipped(name: str, reason: str) -> StoredPicture:
    return StoredPicture(Entry(name, "", "", 0, 0, reason), b"")


def draw_split(picture: Picture, key: str, config: DataConfig) -> str:
    """Choose one of the picture's splits by its content alone, so that new files don't move others."""
    if len(picture.splits) == 1:
        return picture.splits[0]
    place = int(key[:16], 16) / 2**64
    if TEST in picture.splits and place < config.test_share:
        return TEST
    return VALIDATION if VALIDATION in picture.splits and place >= 1 - config.validation_share else TRAIN


# Finished parts


@contextmanager
def open_records(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the records of a run among its unfinished shards; empty the folder if another run wrote it."""
    if not file.exists():
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.mkdir(parents=True)
    try:
        with closing(sqlite3.connect(file)) as records:
            records.executescript(_TABLES)
            yield records
    except sqlite3.Error as error:
        hint = f"free space on its disk, or remove {file.parent}, and start again"
        raise DiskError(f"{file}: can't be used ({error})", hint) from error


def write_record(records: sqlite3.Connection, number: int, pictures: list[StoredPicture]) -> None:
    """Add the record of a finished part, or replace it."""
    with records:
        records.execute("INSERT OR IGNORE INTO parts VALUES (?)", (number,))
        records.execute("DELETE FROM pictures WHERE part = ?", (number,))
        rows = ((number, place, *picture.entry, picture.row) for place, picture in enumerate(pictures))
        records.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def pictures_of(records: sqlite3.Connection, split: str) -> Iterator[StoredPicture]:
    """Yield the pictures of a split, or those skipped for a reason, in the order of the parts, read one by one."""
    columns = "name, source, sha256, width, height, split, row"
    found = records.execute(f"SELECT {columns} FROM pictures WHERE split = ? ORDER BY part, place", (split,))
    return (StoredPicture(Entry(*entry), row) for *entry, row in found)


def _report(records: sqlite3.Connection, config: DataConfig) -> dict[str, int]:
    """Count the pictures, and log the skipped ones and the split of one's own.

    Raises DataError if there is nothing to train or to test on.
    """
    own: dict[str, Counter[str]] = {}
    counts: Counter[str] = Counter(train=0, validation=0, test=0, skipped=0)
    for split, source, number in records.execute("SELECT split, source, COUNT(*) FROM pictures GROUP BY split, source"):
        counts.update({split: number, f"sources.{source}": number} if split in SPLITS else {"skipped": number})
        if split in SPLITS and source in OWN:
            own.setdefault(source, Counter())[split] = number
    for picture in pictures_of(records, DAMAGED):
        _log.warning("skipped %s", picture.entry.name)
    explained = {SMALL: f"smaller than data.side {config.side}", DUPLICATE: "that are in another split too"}
    named = 3  # pictures that a warning names; the others are counted
    for reason, words in explained.items():
        if number := sum(1 for _ in pictures_of(records, reason)):
            names = ", ".join(picture.entry.name for picture in islice(pictures_of(records, reason), named))
            more = f" and {number - named} more" if number > named else ""
            _log.warning("skipped %d %s: %s%s", number, words, names, more)
    for source, numbers in own.items():
        _log.info("pictures of %s: %s", source, ", ".join(f"{numbers[split]} {split}" for split in SPLITS))
    if own and all(numbers[TEST] < 2 for numbers in own.values()):
        hint = "raise data.test_share, or give two or more in data.test_folder"
        _log.warning("none of your pictures is tested, since a pair needs two: %s", hint)
    if not counts[TRAIN]:
        skipped = f"{counts['skipped']} skipped, see above" if counts["skipped"] else "it contains no pictures"
        reason = f"nothing usable to train on ({skipped})"
        raise DataError(f"data.source {config.source}: {reason}", "see data.* in params.yaml")
    if not counts[TEST]:
        hint = "raise data.test_share or data.test_scenes"
        raise DataError(f"data.source {config.source}: nothing to test on", hint)
    return {name: counts[name] for name in sorted(counts)}
