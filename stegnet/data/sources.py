"""Sources of training pictures, each a list of jobs that can run in any process.

A job returns the pictures of one *group*, which must stay in one split, like the frames of a film.
"""

import difflib
import hashlib
import inspect
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from stegnet.core.config import DataConfig
from stegnet.core.errors import ConfigError, DataError, MediaError
from stegnet.data.archive import fetch
from stegnet.data.catalogue import Source, read_catalogue, read_listing
from stegnet.data.scenes import render_scene
from stegnet.data.shards import SPLITS, TEST, TRAIN, VALIDATION
from stegnet.media import FILM, kind, read_frames, read_picture

NOT_MEDIA = {".yaml", ".yml", ".md", ".txt", ".csv", ".json"}  # suffixes of files that are skipped silently

FIRST_SCENE = {TRAIN: 0, TEST: 2**31, VALIDATION: 3 * 2**30}  # first seed of each split's scenes

FOLDERS = {"test": TEST, "val": VALIDATION, "validation": VALIDATION, "train": TRAIN}  # of a manual split
NO_FOLDER = "data"  # value of data.test_folder
ZOOM = 1.25  # largest width of a shrunk picture, relative to its crop: at least the middle 80 % are kept

KNOWN = ("scenes", "folder", "data", "torchvision:<class>")  # besides the catalogue's archives


@dataclass(frozen=True)
class Sample:
    """A picture to store: pixels and base are (size, size, 3) uint8; width and height are those of the original."""

    name: str
    pixels: np.ndarray
    width: int
    height: int
    base: np.ndarray | None = None


@dataclass(frozen=True)
class Group:
    """The pictures of one job, and what was skipped.

    Attributes:
        source: kind of the source, as in the manifest.
        key: groups with the same key stay in the same split; "" if there is only one split to choose from.
        samples: usable pictures.
        damaged: a line for each file that can't be read.
        small: name and size of each picture that is smaller than data.size.
        splits: splits it may belong to; among several, key and shares decide.
    """

    source: str
    key: str
    samples: list[Sample] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    splits: tuple[str, ...] = SPLITS


Job = Callable[[], Group]


def list_jobs(config: DataConfig, data: Path, seed: int) -> list[Job]:
    """All jobs of the sources in `config.source`, in a fixed order; those of data.test_folder come first.

    Args:
        data: folder with sources.yaml.
    Raises:
        ConfigError: an unknown source.
        DataError: a folder is missing, a download failed, or a downloaded file was changed.
    """
    jobs = [job for name in config.source.split("+") for job in _jobs_of(name.strip(), config, data, seed)]
    if config.test_folder == NO_FOLDER:
        return jobs
    folder = _existing_folder(Path(config.test_folder), "data.test_folder")
    return [partial(_file, "test_folder", folder, path, config, (TEST,)) for path in _media_in(folder)] + jobs


def cache_folder() -> Path:
    """Folder of downloads: $STEGNET_CACHE, else stegnet/ in the user's cache folder."""
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
    raise _unknown_source(name, [*KNOWN, *archives])


def _unknown_source(name: str, known: list[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"known: {', '.join(known)}, or several joined by +"
    return ConfigError(f"data.source: unknown source {name!r}", f"did you mean {close[0]}? {hint}" if close else hint)


def _archives(data: Path) -> dict[str, Source]:
    """The catalogue's archives by name; none if the folder data/ is the user's own, without a catalogue."""
    path = data / "sources.yaml"
    catalogue = read_catalogue(path) if path.exists() else []
    return {source.name: source for source in catalogue if source.kind == "archive"}


def _archive_jobs(source: Source, data: Path, config: DataConfig) -> list[Job]:
    listing = read_listing(data / source.files)
    folder = fetch(source, listing, cache_folder() / "archives")
    splits = [[row for row in listing if row.split == split] for split in (TRAIN, TEST)]
    chosen = [row for rows in splits for row in rows[: config.limit or None]]
    splits = {TRAIN: (TRAIN, VALIDATION), TEST: (TEST,)}
    return [partial(_file, source.name, folder, folder / row.file, config, splits[row.split]) for row in chosen]


def scene_jobs(config: DataConfig, seed: int, split: str) -> list[Job]:
    """Jobs that render the scenes of one split; no scene is in two splits."""
    count = {TRAIN: config.scenes, VALIDATION: config.validation_scenes, TEST: config.test_scenes}[split]
    return [partial(_scene, config.size, seed, split, index) for index in range(count)]


def _scene(size: int, seed: int, split: str, index: int) -> Group:
    name = f"scene-{index:07d}" if split == TRAIN else f"{split}-scene-{index:04d}"
    pixels = render_scene(size, (seed, FIRST_SCENE[split] + index))
    return Group("scenes", "", [Sample(name, pixels, size, size)], splits=(split,))


def _folder_jobs(source: str, folder: Path, config: DataConfig) -> list[Job]:
    """Jobs of a folder's files. Folders train/, val/ and test/ in it are a manual split; missing splits are drawn."""
    files = _media_in(_existing_folder(folder, "data.folder"))
    manual = _manual_split(folder)
    given = {*manual.values(), *([] if config.test_folder == NO_FOLDER else [TEST])}
    drawn = (TRAIN, *(split for split in (VALIDATION, TEST) if split not in given))
    if not manual:
        return [partial(_file, source, folder, path, config, drawn) for path in files[: config.limit or None]]
    return [
        partial(_file, source, folder, path, config, drawn if manual[name] == TRAIN else (manual[name],))
        for name, paths in _by_folder(files, folder, manual).items()
        for path in paths[: config.limit or None]
    ]


def _manual_split(folder: Path) -> dict[str, str]:
    """Folder name to split; empty unless there is train/ and one other."""
    manual = {name: split for name, split in FOLDERS.items() if (folder / name).is_dir()}
    return manual if TRAIN in manual.values() and len(manual) > 1 else {}


def _by_folder(files: list[Path], folder: Path, names: Iterable[str]) -> dict[str, list[Path]]:
    """The files in each of the named folders.

    Raises:
        DataError: a file is in none of them.
    """
    grouped: dict[str, list[Path]] = {name: [] for name in names}
    for path in files:
        name = path.relative_to(folder).parts[0]
        if name not in grouped:
            hint = "move it into one of these folders, or rename them"
            raise DataError(f"data.folder: {path} is outside {', '.join(f'{each}/' for each in names)}", hint)
        grouped[name].append(path)
    return grouped


def _existing_folder(folder: Path, key: str) -> Path:
    if not folder.is_dir():
        raise DataError(f"{key}: {folder} is not a folder", "give a folder with pictures or films")
    return folder


def _media_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and _may_be_media(path))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: can't be read ({error.strerror})", "check its permissions") from error


def _may_be_media(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() not in NOT_MEDIA


def _file(source: str, folder: Path, path: Path, config: DataConfig, splits: tuple[str, ...] = SPLITS) -> Group:
    name = path.relative_to(folder).as_posix()
    group = Group(source, _digest(path), splits=splits)
    try:
        if kind(path) == FILM:
            for index, frame in enumerate(read_frames(path)):
                if index % config.every == 0:
                    _add(group, f"{name}#{index}", frame, config.size)
        else:
            _add(group, name, read_picture(path), config.size)
    except MediaError as error:
        group.damaged.append(str(error))
    return group


def _torchvision_jobs(name: str, config: DataConfig) -> list[Job]:
    count = len(_open_torchvision(name))
    return [partial(_torchvision_item, name, index, config.size) for index in range(min(count, config.limit or count))]


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


def _torchvision_item(source: str, index: int, size: int) -> Group:
    name = f"{index:07d}"
    try:
        image = _open_torchvision(source)[index][0]
        if not isinstance(image, Image.Image):
            raise DataError(f"{source}: contains no pictures", "give another class of torchvision.datasets")
        picture = np.asarray(image.convert("RGB"))
    except OSError as error:
        return Group(source, "", damaged=[f"{source} {name}: {error}"])
    group = Group(source, hashlib.sha256(picture.tobytes()).hexdigest())
    _add(group, name, picture, size)
    return group


def _add(group: Group, name: str, picture: np.ndarray, size: int) -> None:
    height, width = picture.shape[:2]
    pixels = fit_square(picture, size)
    if pixels is None:
        group.small.append(f"{name} ({width}×{height})")
    else:
        group.samples.append(Sample(name, pixels, width, height))


def fit_square(picture: np.ndarray, size: int) -> np.ndarray | None:
    """The middle square of a picture, shrunk (area filter) to a short side of at most ZOOM · size if it is larger.

    Args:
        picture: (H, W, 3) uint8.
    Returns:
        (size, size, 3) uint8, or None if a side of the picture is shorter than `size`.
    """
    short = min(picture.shape[:2])
    if short < size:
        return None
    if short > ZOOM * size:
        scale = round(ZOOM * size) / short
        height, width = (max(size, round(side * scale)) for side in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    top, left = ((side - size) // 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def cut_squares(picture: np.ndarray, size: int, limit: int) -> list[np.ndarray]:
    """Up to `limit` adjacent squares from the middle of a picture, each (size, size, 3), not scaled."""
    rows, cols = (side // size for side in picture.shape[:2])
    top, left = ((side - count * size) // 2 for side, count in zip(picture.shape[:2], (rows, cols), strict=True))
    corners = [(top + row * size, left + col * size) for row in range(rows) for col in range(cols)]
    return [np.ascontiguousarray(picture[y : y + size, x : x + size]) for y, x in corners[:limit]]
