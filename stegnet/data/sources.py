"""The sources of training pictures, each a list of jobs that can run in any process.

A job gives the pictures of one *group*: what must stay on one side of the split, like the frames of a film.
"""

import difflib
import hashlib
import inspect
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stegnet.core.config import DataConfig
from stegnet.core.errors import ConfigError, DataError, MediaError
from stegnet.data.archive import fetch
from stegnet.data.catalogue import Source, read_catalogue, read_listing
from stegnet.data.fit import fit
from stegnet.data.scenes import render_scene
from stegnet.data.shards import SPLITS, TEST, TRAIN, VALIDATION
from stegnet.media import FILM, kind, read_frames, read_picture

NOTES = {".yaml", ".yml", ".md", ".txt", ".csv", ".json"}  # what lies beside pictures and is none

FIRST_SCENE = {TRAIN: 0, TEST: 2**31, VALIDATION: 3 * 2**30}  # seeds of rendered scenes

FOLDERS = {"test": TEST, "val": VALIDATION, "validation": VALIDATION, "train": TRAIN}  # of a split made by hand
NO_FOLDER = "data"  # as data.test_folder

KNOWN = ("scenes", "folder", "data", "torchvision:<class>")  # and the catalogue's archives


@dataclass(frozen=True)
class Sample:
    """One picture, ready to store: pixels are (size, size, 3) uint8; width and height are the original's."""

    name: str
    pixels: np.ndarray
    width: int
    height: int


@dataclass(frozen=True)
class Group:
    """The pictures of one job, and what was left out of it and why.

    Attributes:
        source: kind of the source, as the manifest names it.
        key: groups with one key stay on one side of the split; "" for pictures that are only trained on.
        samples: its usable pictures.
        damaged: a line for each file that can't be read.
        small: name and size of each picture that is smaller than data.size.
        splits: those that it may belong to; where there are several, key and shares decide.
    """

    source: str
    key: str
    samples: list[Sample] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    splits: tuple[str, ...] = SPLITS


Job = Callable[[], Group]


def list_jobs(config: DataConfig, data: Path, seed: int) -> list[Job]:
    """All jobs of the sources that `config.source` names, in a fixed order; pictures of data.test_folder come first.

    Args:
        data: folder with sources.yaml.
    Raises:
        ConfigError: an unknown source.
        DataError: a folder is missing, a download failed, or a downloaded file was altered.
    """
    jobs = [job for name in config.source.split("+") for job in _jobs_of(name.strip(), config, data, seed)]
    if config.test_folder == NO_FOLDER:
        return jobs
    folder = _checked(Path(config.test_folder), "data.test_folder")
    return [partial(_file, "test_folder", folder, path, config, (TEST,)) for path in _media_in(folder)] + jobs


def cache_folder() -> Path:
    """Where downloads stay between runs: $STEGNET_CACHE, else stegnet/ in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "stegnet"
    return Path(os.environ.get("STEGNET_CACHE", default))


def _jobs_of(name: str, config: DataConfig, data: Path, seed: int) -> list[Job]:
    if name == "scenes":
        return [*scene_jobs(config, seed, TRAIN), *scene_jobs(config, seed, VALIDATION)]
    if name == "folder":
        return _folder_jobs(name, Path(config.folder), config)
    if name == "data":
        return _folder_jobs(name, data, config)
    if name.startswith("torchvision:"):
        return _torchvision_jobs(name, config)
    archives = _archives(data)
    if name in archives:
        return _archive_jobs(archives[name], data, config)
    raise _unknown(name, [*KNOWN, *archives])


def _unknown(name: str, known: list[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"known: {', '.join(known)}, or several joined by +"
    return ConfigError(f"data.source: unknown source {name!r}", f"did you mean {close[0]}? {hint}" if close else hint)


def _archives(data: Path) -> dict[str, Source]:
    """The catalogue's archives by name: none if a folder data/ of one's own holds no catalogue."""
    path = data / "sources.yaml"
    catalogue = read_catalogue(path) if path.exists() else []
    return {source.name: source for source in catalogue if source.kind == "archive"}


def _archive_jobs(source: Source, data: Path, config: DataConfig) -> list[Job]:
    listing = read_listing(data / source.files)
    folder = fetch(source, listing, cache_folder() / "archives")
    splits = [[row for row in listing if row.split == split] for split in (TRAIN, TEST)]
    kept = [row for rows in splits for row in rows[: config.limit or None]]
    splits = {TRAIN: (TRAIN, VALIDATION), TEST: (TEST,)}
    return [partial(_file, source.name, folder, folder / row.file, config, splits[row.split]) for row in kept]


def scene_jobs(config: DataConfig, seed: int, split: str) -> list[Job]:
    """Jobs that render the scenes of one split: no scene is in two."""
    count = {TRAIN: config.scenes, VALIDATION: config.validation_scenes, TEST: config.test_scenes}[split]
    return [partial(_scene, config.size, seed, split, index) for index in range(count)]


def _scene(size: int, seed: int, split: str, index: int) -> Group:
    name = f"scene-{index:07d}" if split == TRAIN else f"{split}-scene-{index:04d}"
    pixels = render_scene(size, (seed, FIRST_SCENE[split] + index))
    return Group("scenes", "", [Sample(name, pixels, size, size)], splits=(split,))


def _folder_jobs(source: str, folder: Path, config: DataConfig) -> list[Job]:
    """A folder's files; if they lie in train/ and val/ or test/, each on that side. What is not given is drawn."""
    files = _media_in(_checked(folder, "data.folder"))
    named = {name: split for name, split in FOLDERS.items() if (folder / name).is_dir()}
    if TRAIN not in named.values() or len(named) == 1:
        named = {}
    given = {*named.values(), *([] if config.test_folder == NO_FOLDER else [TEST])}
    drawn = (TRAIN, *(split for split in (VALIDATION, TEST) if split not in given))
    if not named:
        return [partial(_file, source, folder, path, config, drawn) for path in files[: config.limit or None]]
    sides: dict[str, list[Path]] = {name: [] for name in named}
    for path in files:
        side = path.relative_to(folder).parts[0]
        if side not in sides:
            hint = "move it into one of them, or call them otherwise"
            raise DataError(f"data.folder: {path} lies beside {', '.join(f'{name}/' for name in named)}", hint)
        sides[side].append(path)
    return [
        partial(_file, source, folder, path, config, drawn if named[side] == TRAIN else (named[side],))
        for side, paths in sides.items()
        for path in paths[: config.limit or None]
    ]


def _checked(folder: Path, key: str) -> Path:
    if not folder.is_dir():
        raise DataError(f"{key}: {folder} is not a folder", "name one that holds pictures or films")
    return folder


def _media_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and _may_be_media(path))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})", "check who may read it") from error


def _may_be_media(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() not in NOTES


def _file(source: str, folder: Path, path: Path, config: DataConfig, splits: tuple[str, ...] = SPLITS) -> Group:
    name = path.relative_to(folder).as_posix()
    group = Group(source, _digest(path), splits=splits)
    try:
        if kind(path) == FILM:
            for index, frame in enumerate(read_frames(path)):
                if index % config.every == 0:
                    _keep(group, f"{name}#{index}", frame, config.size)
        else:
            _keep(group, name, read_picture(path), config.size)
    except MediaError as error:
        group.damaged.append(str(error))
    return group


def _torchvision_jobs(name: str, config: DataConfig) -> list[Job]:
    count = len(_open_torchvision(name))
    return [partial(_torchvision_item, name, index, config.size) for index in range(min(count, config.limit or count))]


@cache
def _open_torchvision(name: str) -> Any:
    """A torchvision data set in its default part; the first time, torchvision downloads and verifies it.

    It is kept only when whole: torchvision itself takes a half unpacked folder for a complete one.
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
        reason = " ".join(str(error).split())
        raise DataError(f"{name}: can't be had ({reason})", "check the network, or use another data.source") from error


def _torchvision_family(name: str) -> Any:
    import torchvision  # heavy, and only this source needs it

    family = getattr(torchvision.datasets, name.partition(":")[2], None)
    parameters = inspect.signature(family).parameters if inspect.isclass(family) else {}
    needed = {key for key, parameter in parameters.items() if parameter.default is parameter.empty} - {"root", "kwargs"}
    if "download" not in parameters or needed:
        raise ConfigError(f"data.source: torchvision can't download {name!r}", "name a class of torchvision.datasets")
    return family


def _torchvision_item(source: str, index: int, size: int) -> Group:
    name = f"{index:07d}"
    try:
        image = _open_torchvision(source)[index][0]
        if not isinstance(image, Image.Image):
            raise DataError(f"{source}: does not hold pictures", "name another class of torchvision.datasets")
        picture = np.asarray(image.convert("RGB"))
    except OSError as error:
        return Group(source, "", damaged=[f"{source} {name}: {error}"])
    group = Group(source, hashlib.sha256(picture.tobytes()).hexdigest())
    _keep(group, name, picture, size)
    return group


def _keep(group: Group, name: str, picture: np.ndarray, size: int) -> None:
    height, width = picture.shape[:2]
    pixels = fit(picture, size)
    if pixels is None:
        group.small.append(f"{name} ({width}×{height})")
    else:
        group.samples.append(Sample(name, pixels, width, height))
