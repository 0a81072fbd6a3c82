"""Parts of the sources: what one process prepares at a time, and leaves behind as a shard of each split."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import numpy as np

from pipeline.config import DataConfig, ScrambleConfig
from pipeline.prepare.folders import is_tar
from pipeline.prepare.groups import Group, ReadJob, Sample
from pipeline.shards import TEST, TRAIN, VALIDATION, Entry, TarWriter, shard_name
from pipeline.store import open_files
from stegnet.core.samples import CODED
from stegnet.media.pictures.avif import decode_avif, fit_avif

MOST_BITS = 4.2  # of a coded base, per pixel: for more, a cover as large as its secret has no room


@dataclass(frozen=True)
class PartSettings:
    """All that a part's bytes depend on besides its jobs: the parameters, and the address of the shards."""

    data: DataConfig
    scramble: ScrambleConfig
    store: str


@dataclass(frozen=True)
class SourcePart:
    """Some jobs of a source.

    Attributes:
        number: of its shards.
        jobs: consecutive ones.
        without: numbers of pictures, in the order of the jobs, that are left out.
    """

    number: int
    jobs: list[ReadJob]
    without: frozenset[int] = frozenset()


def cut(jobs: Iterable[ReadJob], size: int) -> Iterator[SourcePart]:
    """Parts of `size` jobs each; a tar is a part by itself."""
    number, waiting = 0, []
    for job in jobs:
        if waiting and (is_tar(job) or len(waiting) == size or is_tar(waiting[0])):
            yield SourcePart(number, waiting)
            number, waiting = number + 1, []
        waiting.append(job)
    if waiting:
        yield SourcePart(number, waiting)


def prepare_part(settings: PartSettings, part: SourcePart) -> dict:
    """Writes the shards of a part, whatever is there of them already.

    Returns:
        A record that can be JSON: `number`; `pictures`, each its row of the manifest, then whether another picture like
        it matters, and its row of the index; names of `small` pictures and `duplicates`, lines on `damaged` files.
    """
    record: dict = {"number": part.number, "pictures": [], "damaged": [], "small": [], "duplicates": []}
    count = 0
    with _Writers(settings, part.number) as writers:
        for group in (group for job in part.jobs for group in job()):
            record["damaged"] += group.damaged
            record["small"] += group.small
            split = draw_split(group, settings.data)
            for sample in group.samples:
                if count in part.without:
                    record["duplicates"].append(sample.name)
                else:
                    record["pictures"].append(_store(writers(split), settings.scramble, group, split, sample))
                count += 1
    return record


def _store(writer: TarWriter, scramble: ScrambleConfig, group: Group, split: str, sample: Sample) -> list:
    base = _coded(sample.pixels, scramble.quality) if scramble.base == CODED and split != TEST else None
    digest = hashlib.sha256(sample.pixels).hexdigest()
    entry = Entry(sample.name, group.source, digest, sample.width, sample.height, split)
    return [*asdict(entry).values(), bool(group.key), *writer.add(sample.pixels, base)]


def draw_split(group: Group, config: DataConfig) -> str:
    """Chooses one of the group's splits by its content alone, so that new files don't move others."""
    if len(group.splits) == 1 or not group.key:
        return group.splits[0]
    place = int(group.key[:16], 16) / 2**64
    if TEST in group.splits and place < config.test_share:
        return TEST
    return VALIDATION if VALIDATION in group.splits and place >= 1 - config.validation_share else TRAIN


def _coded(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The base of a whole picture, as hiding codes it, not of crops."""
    height, width = pixels.shape[:2]
    return decode_avif(fit_avif(pixels, quality, int(MOST_BITS * height * width / 8)), height, width)


class _Writers:
    """The shards of one part, opened when their first picture comes."""

    def __init__(self, settings: PartSettings, number: int) -> None:
        self._settings, self._number = settings, number
        self._open: dict[str, TarWriter] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Callable[[str], TarWriter]:
        return self._of

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)

    def _of(self, split: str) -> TarWriter:
        if split not in self._open:
            files, folder = open_files(self._settings.store)
            file = self._stack.enter_context(files.open(f"{folder}/{shard_name(split, self._number)}", "wb"))
            writer = TarWriter(file, self._number, self._settings.data.coding)
            self._stack.callback(writer.close)
            self._open[split] = writer
        return self._open[split]
