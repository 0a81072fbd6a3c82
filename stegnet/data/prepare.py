"""Writes pictures from all sources to the shards that training and evaluation read."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stegnet.core.config import AUTO, Auto, DataConfig, ScrambleConfig
from stegnet.core.errors import DataError
from stegnet.core.parallel import physical_cores
from stegnet.core.samples import CODED
from stegnet.data.catalogue import Source, read_catalogue, read_package_pictures
from stegnet.data.shards import TEST, TRAIN, VALIDATION, ShardWriter
from stegnet.data.sources import Group, Job, Sample, cut_squares, list_jobs, scene_jobs
from stegnet.media.avif import decode_avif, fit_avif

CROPS = 4  # squares cut from each test photograph
MOST_BITS = 4.2  # of a coded base, per pixel: for more, a cover as large as its secret has no room
NAMED = 3  # pictures that a warning names; the others are counted

Progress = Callable[[Iterable[Group], int], Iterable[Group]]
_log = logging.getLogger(__name__)


def prepare(
    config: DataConfig, scramble: ScrambleConfig, seed: int, data: Path, out: Path, progress: Progress
) -> dict[str, Any]:
    """Writes shards and manifest to the folder `out`.

    Args:
        scramble: says which base the pictures get.
        data: folder with sources.yaml, as imported by data.dvc.
        progress: wraps the groups of pictures, given their number, to show progress.
    Returns:
        Counts: train, validation, test, skipped, and per source.
    Raises:
        DataError: no usable training pictures, or no test pictures.
    """
    jobs = [*list_jobs(config, data, seed), *_test_jobs(config, seed, data)]
    writer = ShardWriter(out, config.shard)
    counts: Counter[str] = Counter(train=0, validation=0, test=0, skipped=0)
    small: list[str] = []
    duplicates: list[str] = []
    splits: dict[bytes, str] = {}
    for group in progress(_run(jobs, scramble, config.workers), len(jobs)):
        for line in group.damaged:
            _log.warning("skipped %s", line)
        small += group.small
        split = _draw_split(group, config)
        duplicates += _drop_duplicates(group, split, splits)
        counts["skipped"] += len(group.damaged) + len(group.small)
        _store(writer, counts, group, split)
    counts["skipped"] += len(duplicates)
    _warn(f"smaller than data.size {config.size}", small)
    _warn("that are in another split too", duplicates)
    writer.close()
    _check(counts, config.source)
    return {name: counts[name] for name in sorted(counts)}


def _run(jobs: list[Job], scramble: ScrambleConfig, workers: int | Auto) -> Iterator[Group]:
    """Runs the jobs in `workers` processes with one thread each; yields their groups in order."""
    count = physical_cores() if workers == AUTO else workers
    chunk = max(1, min(16, len(jobs) // (4 * count)))
    with ProcessPoolExecutor(count, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        yield from pool.map(partial(_call, scramble), jobs, chunksize=chunk)


def _call(scramble: ScrambleConfig, job: Job) -> Group:
    """Runs a job, and codes the bases of its pictures: whole ones, as hiding does, not crops."""
    group = job()
    if scramble.base == CODED and group.splits != (TEST,):
        group.samples[:] = [replace(sample, base=_coded(sample.pixels, scramble.quality)) for sample in group.samples]
    return group


def _coded(pixels: np.ndarray, quality: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    return decode_avif(fit_avif(pixels, quality, int(MOST_BITS * height * width / 8)), height, width)


def _drop_duplicates(group: Group, split: str, splits: dict[bytes, str]) -> list[str]:
    """Removes the pictures whose pixels are in another split already; returns their names.

    Args:
        splits: SHA-256 of the pixels to the split, of all pictures so far; it is updated.
    """
    if not group.key:
        return []
    elsewhere = [splits.setdefault(hashlib.sha256(s.pixels).digest(), split) != split for s in group.samples]
    names = [sample.name for sample, duplicate in zip(group.samples, elsewhere, strict=True) if duplicate]
    group.samples[:] = [sample for sample, duplicate in zip(group.samples, elsewhere, strict=True) if not duplicate]
    return names


def _warn(reason: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        _log.warning("skipped %d %s: %s%s", len(names), reason, ", ".join(names[:NAMED]), more)


def _draw_split(group: Group, config: DataConfig) -> str:
    """Chooses one of the group's splits by its content alone, so that new files don't move others."""
    if len(group.splits) == 1 or not group.key:
        return group.splits[0]
    place = int(group.key[:16], 16) / 2**64
    if TEST in group.splits and place < config.test_share:
        return TEST
    return VALIDATION if VALIDATION in group.splits and place >= 1 - config.validation_share else TRAIN


def _store(writer: ShardWriter, counts: Counter[str], group: Group, split: str) -> None:
    for sample in group.samples:
        base = None if split == TEST else sample.base
        writer.add(sample.pixels, split, sample.name, group.source, sample.width, sample.height, base)
    counts[split] += len(group.samples)
    counts[f"sources.{group.source}"] += len(group.samples)


def _test_jobs(config: DataConfig, seed: int, data: Path) -> Iterator[Job]:
    if config.test_photographs:
        packages = [source for source in read_catalogue(data / "sources.yaml") if source.kind == "package"]
        yield from (partial(_photographs, source, config.size) for source in packages)
    yield from scene_jobs(config, seed, TEST)


def _photographs(source: Source, size: int) -> Group:
    """Squares from the photographs in an installed package."""
    group = Group("photographs", "", splits=(TEST,))
    for name, picture in read_package_pictures(source):
        sample = partial(Sample, width=picture.shape[1], height=picture.shape[0])
        squares = cut_squares(picture, size, CROPS)
        group.samples.extend(sample(f"{name}#{index}", square) for index, square in enumerate(squares))
    return group


def _check(counts: Counter[str], source: str) -> None:
    if not counts[TRAIN]:
        skipped = f"{counts['skipped']} skipped, see above" if counts["skipped"] else "it contains no pictures"
        raise DataError(f"data.source {source}: nothing usable to train on ({skipped})", "see data.* in params.yaml")
    if not counts[TEST]:
        raise DataError(f"data.source {source}: nothing to test on", "raise data.test_share or data.test_scenes")
