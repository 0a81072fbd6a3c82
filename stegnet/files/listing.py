"""Listing of folders, on this machine and in object stores: their pictures and films, or all their files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from stegnet.core.errors import MediaError, reading
from stegnet.core.kinds import FILM, PICTURE
from stegnet.core.remote_path import Place, RemotePath
from stegnet.media.cover import check_input, kind, kind_of_secret

_NAMED = 5  # skipped files that a note names
_FILM_SUFFIXES = (".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv")
_PICTURE_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

Files = list[tuple[Place, str]]  # with the media kind of each


def media_files(folder: Place, hint: str = "") -> tuple[Files, tuple[str, ...]]:
    """Lists the pictures and films in a folder in natural order, with notes on what is skipped.

    Args:
        hint: of the error.
    Raises:
        MediaError: it can't be read, or holds none.
    """
    files, notes = _files(folder)
    found = [(path, what) for path in files if (what := _kind(path))]
    if not found:
        raise MediaError(f"{folder}: no picture and no film in this folder", hint)
    media = {path for path, _ in found}
    skipped = [path.name for path in files if path not in media]
    return found, (*notes, *_skipped(folder, skipped, "neither pictures nor films"))


def any_files(folder: Place) -> tuple[Files, tuple[str, ...]]:
    """Lists all files in a folder; the rest as `media_files`."""
    files, notes = _files(folder)
    if not files:
        raise MediaError(f"{folder}: no file in this folder")
    return [(path, "") for path in files], notes


def kind_of_only(secret: Place, any_file: bool) -> str:
    """Media kind of the one secret, "" if any file will do.

    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
    """
    if isinstance(secret, Path):
        check_input(secret)
        return "" if any_file else kind_of_secret(secret)
    if not any_file and not _kind(secret):
        raise MediaError(f"{secret}: neither a picture nor a film by its name", '`method="sealed"` hides any file')
    return "" if any_file else _kind(secret)


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key by which 2 comes before 10."""
    parts = re.split("([0-9]+)", name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def _files(folder: Place) -> tuple[list[Place], tuple[str, ...]]:
    """Lists the files in a folder in natural order, with a note on what is hidden or no file."""
    if isinstance(folder, RemotePath):
        files, others = folder.files()
    else:
        with reading(folder):
            paths = list(folder.iterdir())
            files = [path for path in paths if path.is_file()]
        others = [path.name for path in set(paths) - set(files)]
    others += [path.name for path in files if path.name.startswith(".")]
    shown = [path for path in files if not path.name.startswith(".")]
    notes = _skipped(folder, sorted(others, key=natural), "hidden, or not files")
    return sorted(shown, key=lambda path: natural(path.name)), tuple(notes)


def _kind(path: Place) -> str:
    """Media kind of a file, "" for neither; one that can't be opened counts as a picture, so that its job fails."""
    if isinstance(path, RemotePath):
        suffix = path.suffix.lower()
        return FILM if suffix in _FILM_SUFFIXES else PICTURE if suffix in _PICTURE_SUFFIXES else ""
    try:
        path.open("rb").close()
        return kind(path)
    except MediaError:
        return ""
    except OSError:
        return PICTURE


def _skipped(folder: Place, names: Sequence[str], why: str) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{folder}: skipped, as {why}: {', '.join(names[:_NAMED])}{more}"
