"""One loop over a pool of processes writes the pictures of all sources to shards.

The sources' jobs are cut into parts, which any process can prepare separately. A part is a folder beside the output,
named by the hash of all that it depends on: its jobs, parameters, code and packages. It is there or not, so that a
killed run continues where it was.
"""

import hashlib
import json
import logging
import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, groupby, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn, TypeVar

import cv2
import numpy as np
import PIL

from pipeline.fingerprint import source_hash
from pipeline.parameters.data import DataConfig
from pipeline.parameters.shared import CodedBase
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
from stegnet.core.errors import ConfigError, DataError, StegnetError, did_you_mean
from stegnet.core.parallel import Auto, physical_cores
from stegnet.image.avif import decode_avif, fit_avif
from stegnet.processes import Work, over_processes

DAMAGED = "damaged"  # reasons to skip a picture, as its split in a part's pictures; its name is the text of a warning
SMALL = "small"
DUPLICATE = "duplicate"
PICTURES = "pictures.json"  # of a part: rows of the manifest and of the index
Item = TypeVar("Item")
Result = TypeVar("Result")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourcePart:
    """Consecutive jobs, the number of their shards, and the places among their squares of those to leave out."""

    number: int
    jobs: list[Job]
    name: str  # hash of all that the part depends on
    without: frozenset[int] = frozenset()


def prepare(
    config: DataConfig,
    scramble: CodedBase,
    seed: int,
    data: Path,
    out: Path,
    progress: Callable[..., Iterable[tuple[int, str]]],
) -> dict[str, int]:
    """Write shards, manifest and index to the folder `out`, by way of `out`.part, which a killed run leaves behind.

    Args:
        config: the `data` section of params.yaml.
        scramble: says which base the pictures get.
        seed: seed of the sources that draw at random, such as rendered scenes.
        data: folder with sources.yaml, as imported by data.dvc.
        out: folder to write, which must be missing or empty.
        progress: wraps the numbers and names of finished parts, of which there are `total`, to show progress.

    Returns:
        Counts: train, validation, test, skipped, and per source.

    Raises:
        ConfigError: an unknown source.
        DataError: no usable training pictures, or no test pictures; a folder is missing; a download failed; files
            changed meanwhile; or `out` is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: is not empty", "empty it, or let `dvc repro` do so")

    unfinished = out.with_name(f"{out.name}.part").absolute()
    work = partial(prepare_part, config, scramble, unfinished)
    settings = settings_hash(config, scramble)

    def parts(without: Mapping[int, frozenset[int]]) -> Iterator[SourcePart]:
        return cut_parts(list_jobs(config, data, seed), config.shard, settings, without)

    def is_missing(part: str) -> bool:
        return not (unfinished / part).exists()

    names = [part.name for part in parts({})]
    unfinished.mkdir(parents=True, exist_ok=True)
    todo = (part for part in islice(parts({}), len(names)) if is_missing(part.name))
    for _ in progress(map_in_pool(work, todo, config.workers), total=sum(map(is_missing, names))):
        pass
    if any(map(is_missing, names)):
        raise DataError("data.source: files were changed while it was prepared", "start again")

    if without := find_duplicates(unfinished, names):  # these parts are prepared again
        again = (part for part in parts(without) if part.without)
        for number, name in map_in_pool(work, again, config.workers):
            names[number] = name
    counts = _report(config, (picture for name in names for picture in read_part(unfinished / name)))

    whole = unfinished / f"whole-{hashlib.sha256(''.join(names).encode()).hexdigest()}"
    whole.mkdir(exist_ok=True)
    write_tables(
        whole,
        ShardLayout(config.side, config.coding),
        lambda split: (
            picture for name in names for picture in read_part(unfinished / name) if picture.entry.split == split
        ),
    )
    for name in names:
        for shard in (unfinished / name).glob("*.tar"):
            os.replace(shard, whole / shard.name)
        shutil.rmtree(unfinished / name)
    os.replace(whole, out)
    shutil.rmtree(unfinished)
    return counts


# Jobs and parts


def find_sources(config: DataConfig, data: Path) -> dict[str, Source]:
    """Return the sources that data.source names, by name. Raises ConfigError if one is unknown."""
    known = dict(sorted(SOURCES.items())) | dict.fromkeys(downloads.archives(data), downloads.archive_jobs)
    kinds = {name: re.sub(":.*", ":<class>", name) for name in config.sources}
    for name, kind in kinds.items():
        if kind not in known:
            hint = f"{did_you_mean(name, known)} known: {', '.join(known)}, or several joined by +".lstrip()
            raise ConfigError(f"data.source: unknown source {name!r}", hint)
        if name != kind:
            downloads.torchvision_class(name)
    return {name: known[kind] for name, kind in kinds.items()}


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


def cut_parts(
    jobs: Iterable[Job], size: int, settings: str, without: Mapping[int, frozenset[int]]
) -> Iterator[SourcePart]:
    """Yield parts of `size` jobs each, without the squares at some places of theirs; a tar is a part by itself."""
    numbers = count()
    for is_tar, alike in groupby(jobs, lambda job: job.func is folders.read_tar):
        while batch := list(islice(alike, 1 if is_tar else size)):
            number = next(numbers)
            left_out = without.get(number, frozenset())
            content = (settings, number, [(job.func.__qualname__, job.args) for job in batch], sorted(left_out))
            name = hashlib.sha256(repr(content).encode(errors="surrogateescape")).hexdigest()
            yield SourcePart(number, batch, name, left_out)


def settings_hash(config: DataConfig, scramble: CodedBase) -> str:
    """Return the hash of parameters, code and packages that the pictures depend on; the number of workers is not."""
    code = (  # computes the pictures
        "pipeline/prepare", "pipeline/shards.py", "stegnet/core", "stegnet/image", "stegnet/media", "stegnet/video",
    )  # fmt: skip
    settings = (replace(config, workers=1), scramble, cv2.__version__, PIL.__version__, source_hash(code))
    return hashlib.sha256(repr(settings).encode()).hexdigest()


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


def prepare_part(config: DataConfig, scramble: CodedBase, out: Path, part: SourcePart) -> tuple[int, str]:
    """Write a part's shards and the list of its pictures to a folder in `out`, and return its number and its name."""
    cv2.setNumThreads(1)
    most_bits = 4.2  # bits per pixel of a coded base: with more, a secret does not fit into a cover of its size
    rows: list[StoredPicture] = []
    if (out / part.name).exists():
        return part.number, part.name
    folder = out / f"{part.name}.new"
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir()
    with ShardWriter(folder, part.number, config.coding) as writer:
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
    (folder / PICTURES).write_text(json.dumps([(*entry, row.hex()) for entry, row in rows]), encoding="utf-8")
    os.replace(folder, out / part.name)
    return part.number, part.name


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


def read_part(part: Path) -> Iterator[StoredPicture]:
    """Yield the pictures of a part's folder, those that were skipped among them."""
    try:
        rows = json.loads((part / PICTURES).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{part}: can't be read ({error})", f"remove {part.parent}, and start again") from error
    return (StoredPicture(Entry(*entry), bytes.fromhex(row)) for *entry, row in rows)


def find_duplicates(unfinished: Path, names: Iterable[str]) -> dict[int, frozenset[int]]:
    """Return the places of squares whose pixels are in another split already, by the number of their part.

    The digests are sorted into files, of which one at a time is in memory.
    """
    found: dict[int, set[int]] = defaultdict(set)
    with ExitStack() as opened:
        files = [opened.enter_context(TemporaryFile("w+", dir=unfinished)) for _ in range(256)]
        for number, name in enumerate(names):
            for place, (entry, row) in enumerate(read_part(unfinished / name)):
                if row:
                    print(entry.sha256, number, place, entry.split, file=files[int(entry.sha256[:2], 16)])
        for file in files:
            file.seek(0)
            first: dict[str, str] = {}
            for digest, number_text, place_text, split in map(str.split, file):
                if first.setdefault(digest, split) != split:
                    found[int(number_text)].add(int(place_text))
    return {number: frozenset(places) for number, places in found.items()}


def _report(config: DataConfig, pictures: Iterable[StoredPicture]) -> dict[str, int]:
    """Count the pictures, and log the skipped ones and the split of one's own.

    Raises DataError if there is nothing to train or to test on.
    """
    explained = {SMALL: f"smaller than data.side {config.side}", DUPLICATE: "that are in another split too"}
    named = 3  # pictures that a warning names; the others are counted
    own: dict[str, Counter[str]] = defaultdict(Counter)
    counts: Counter[str] = Counter(train=0, validation=0, test=0, skipped=0)
    small_or_twice: dict[str, list[str]] = {reason: [] for reason in explained}
    reasons: Counter[str] = Counter()
    for entry, _ in pictures:
        if entry.split in SPLITS:
            counts.update([entry.split, f"sources.{entry.source}"])
            if entry.source in OWN:
                own[entry.source][entry.split] += 1
            continue
        counts["skipped"] += 1
        reasons[entry.split] += 1
        if entry.split == DAMAGED:
            _log.warning("skipped %s", entry.name)
        elif reasons[entry.split] <= named:
            small_or_twice[entry.split].append(entry.name)
    for reason, words in explained.items():
        if number := reasons[reason]:
            more = f" and {number - named} more" if number > named else ""
            _log.warning("skipped %d %s: %s%s", number, words, ", ".join(small_or_twice[reason]), more)
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
