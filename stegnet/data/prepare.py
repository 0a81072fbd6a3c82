"""From sources of pictures to shards that training and evaluation read."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from stegnet.config import DataConfig
from stegnet.data.catalogue import read_catalogue, read_package_pictures
from stegnet.data.fit import cut
from stegnet.data.scenes import render_scene
from stegnet.data.shards import TEST, TRAIN, ShardWriter
from stegnet.data.sources import Group, Job, Sample, list_jobs
from stegnet.errors import DataError

CROPS = 4  # squares cut from each test photograph

Progress = Callable[[Iterable[Group], int], Iterable[Group]]
_TEST_SCENES = 2**31  # seeds from here on are never trained on
_log = logging.getLogger(__name__)


def prepare(config: DataConfig, seed: int, data: Path, out: Path, progress: Progress) -> dict[str, Any]:
    """Writes shards and manifest to the folder `out`.

    Args:
        data: folder with sources.yaml, as data.dvc brings it.
        progress: wraps the groups of pictures and their number, to show how far it is.
    Returns:
        Counts: train, test, skipped, and per source.
    Raises:
        DataError: nothing usable to train on, or nothing to test on.
    """
    jobs = list_jobs(config, data, seed)
    writer = ShardWriter(out, config.shard)
    counts: Counter[str] = Counter(train=0, test=0, skipped=0)
    for group in progress(_run(jobs, config.workers), len(jobs)):
        for line in group.skipped:
            _log.warning("skipped %s", line)
        counts["skipped"] += len(group.skipped)
        _store(writer, counts, group, group.split or _draw_split(group.key, config.test_share))
    for group in _test_groups(config, seed, data):
        _store(writer, counts, group, TEST)
    writer.close()
    _check(counts, config.source)
    return {name: counts[name] for name in sorted(counts)}


def _run(jobs: list[Job], workers: int) -> Iterator[Group]:
    """The jobs' groups, in order; they run in `workers` processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_call, jobs, chunksize=8)


def _call(job: Job) -> Group:
    return job()


def _draw_split(key: str, share: float) -> str:
    """Train or test: decided by a group's content alone, so new files move no old ones."""
    return TEST if key and int(key[:16], 16) < share * 2**64 else TRAIN


def _store(writer: ShardWriter, counts: Counter[str], group: Group, split: str) -> None:
    for sample in group.samples:
        writer.add(sample.pixels, split, sample.name, group.source, sample.width, sample.height)
    counts[split] += len(group.samples)
    counts[f"sources.{group.source}"] += len(group.samples)


def _test_groups(config: DataConfig, seed: int, data: Path) -> Iterator[Group]:
    if config.test_photographs:
        yield from _photographs(config.size, data)
    scenes = Group("scenes", "")
    for index in range(config.test_scenes):
        pixels = render_scene(config.size, (seed, _TEST_SCENES + index))
        scenes.samples.append(Sample(f"test-scene-{index:04d}", pixels, config.size, config.size))
    yield scenes


def _photographs(size: int, data: Path) -> Iterator[Group]:
    """Squares out of the photographs that come with installed packages."""
    packages = [source for source in read_catalogue(data / "sources.yaml") if source.kind == "package"]
    for source in packages:
        for name, picture in read_package_pictures(source):
            squares = cut(picture, size, CROPS)
            sample = partial(Sample, width=picture.shape[1], height=picture.shape[0])
            yield Group("photographs", "", [sample(f"{name}#{i}", square) for i, square in enumerate(squares)])


def _check(counts: Counter[str], source: str) -> None:
    if not counts[TRAIN]:
        skipped = f"{counts['skipped']} skipped, see above" if counts["skipped"] else "it holds no pictures"
        raise DataError(f"data.source {source}: nothing usable to train on ({skipped})", "see data.* in params.yaml")
    if not counts[TEST]:
        raise DataError(f"data.source {source}: nothing to test on", "raise data.test_share or data.test_scenes")
