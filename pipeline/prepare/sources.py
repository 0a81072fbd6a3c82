"""Sources of training pictures, each a sequence of jobs that can run in any process."""

import difflib
import hashlib
import inspect
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.config import DataConfig
from pipeline.prepare.archive import fetch
from pipeline.prepare.catalogue import CatalogueEntry, read_catalogue, read_listing
from pipeline.prepare.folders import MediaFile, folder_jobs, read_file, test_folder_jobs
from pipeline.prepare.groups import Group, ReadJob, Sample
from pipeline.prepare.scenes import render_scene
from pipeline.shards import TEST, TRAIN, VALIDATION
from pipeline.store import cache_folder
from stegnet.core.errors import ConfigError, DataError

FIRST_SCENE = {TRAIN: 0, TEST: 2**31, VALIDATION: 3 * 2**30}  # first seed of each split's scenes

KNOWN = ("scenes", "folder", "data", "torchvision:<class>")  # besides the catalogue's archives


def list_jobs(config: DataConfig, data: Path, seed: int) -> Iterator[ReadJob]:
    """All jobs of the sources in `config.source`, in a fixed order; those of data.test_folder come first.

    Folders are listed while the jobs are taken.

    Args:
        data: folder with sources.yaml.
    Raises:
        ConfigError: an unknown source.
        DataError: a folder is missing, a download failed, or a downloaded file was changed.
    """
    sources = [_jobs_of(name.strip(), config, data, seed) for name in config.source.split("+")]
    return chain(test_folder_jobs(config), *sources)


def _jobs_of(name: str, config: DataConfig, data: Path, seed: int) -> Iterator[ReadJob]:
    if name == "scenes":
        return chain(scene_jobs(config, seed, TRAIN), scene_jobs(config, seed, VALIDATION))
    if name == "folder":
        return folder_jobs(name, config.folder, config)
    if name == "data":
        return folder_jobs(name, str(data), config)
    if name.startswith("torchvision:"):
        return _torchvision_jobs(name, config)
    archives = _archives(data)
    if name in archives:
        return _archive_jobs(archives[name], data, config)
    raise _unknown_source(name, [*KNOWN, *archives])


def _unknown_source(name: str, known: list[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"known: {', '.join(known)}, or several joined by +"
    return ConfigError(f"data.source: unknown source {name!r}", f"did you mean {close[0]}? {hint}" if close else hint)


def _archives(data: Path) -> dict[str, CatalogueEntry]:
    """The catalogue's archives by name; none if the folder data/ is the user's own, without a catalogue."""
    path = data / "sources.yaml"
    catalogue = read_catalogue(path) if path.exists() else []
    return {source.name: source for source in catalogue if source.kind == "archive"}


def _archive_jobs(source: CatalogueEntry, data: Path, config: DataConfig) -> Iterator[ReadJob]:
    listing = read_listing(data / source.files)
    folder = fetch(source, listing, cache_folder() / "archives")
    splits = [[row for row in listing if row.split == split] for split in (TRAIN, TEST)]
    chosen = [row for rows in splits for row in rows[: config.limit or None]]
    splits = {TRAIN: (TRAIN, VALIDATION), TEST: (TEST,)}
    files = (MediaFile(source.name, str(folder / row.file), row.file, row.sha256, splits[row.split]) for row in chosen)
    return (partial(read_file, file, config.size, config.every) for file in files)


def scene_jobs(config: DataConfig, seed: int, split: str) -> Iterator[ReadJob]:
    """Jobs that render the scenes of one split; no scene is in two splits."""
    count = {TRAIN: config.scenes, VALIDATION: config.validation_scenes, TEST: config.test_scenes}[split]
    return (partial(_scene, config.size, seed, split, index) for index in range(count))


def _scene(size: int, seed: int, split: str, index: int) -> Iterator[Group]:
    name = f"scene-{index:07d}" if split == TRAIN else f"{split}-scene-{index:04d}"
    pixels = render_scene(size, (seed, FIRST_SCENE[split] + index))
    yield Group("scenes", "", [Sample(name, pixels, size, size)], splits=(split,))


def _torchvision_jobs(name: str, config: DataConfig) -> Iterator[ReadJob]:
    count = len(_open_torchvision(name))
    return (partial(_torchvision_item, name, index, config.size) for index in range(min(count, config.limit or count)))


@cache
def _open_torchvision(name: str) -> Any:
    """A torchvision data set in its default split; the first time, torchvision downloads and verifies it.

    The folder is renamed when complete, since torchvision takes a half-extracted one for complete.
    """
    family = _torchvision_family(name)
    root = cache_folder() / "torchvision" / family.__name__
    part = root.with_suffix(".part")
    try:
        if not root.exists():
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            family(root=str(part), download=True)
            part.rename(root)
        return family(root=str(root))
    except (OSError, RuntimeError, ValueError, ImportError, tarfile.TarError, zipfile.BadZipFile) as error:
        reason = f"can't be downloaded ({' '.join(str(error).split())})"
        raise DataError(f"{name}: {reason}", "check the network, or use another data.source") from error


def _torchvision_family(name: str) -> Any:
    import torchvision  # heavy, and only this source needs it

    family = getattr(torchvision.datasets, name.partition(":")[2], None)
    parameters = inspect.signature(family).parameters if inspect.isclass(family) else {}
    needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty} - {"root", "kwargs"}
    if "download" not in parameters or needed:
        raise ConfigError(f"data.source: torchvision can't download {name!r}", "give a class of torchvision.datasets")
    return family


def _torchvision_item(source: str, index: int, size: int) -> Iterator[Group]:
    name = f"{index:07d}"
    try:
        image = _open_torchvision(source)[index][0]
        if not isinstance(image, Image.Image):
            raise DataError(f"{source}: contains no pictures", "give another class of torchvision.datasets")
        picture = np.asarray(image.convert("RGB"))
    except OSError as error:
        yield Group(source, "", damaged=[f"{source} {name}: {error}"])
        return
    group = Group(source, hashlib.sha256(picture.tobytes()).hexdigest())
    yield group.added(name, picture, size)
