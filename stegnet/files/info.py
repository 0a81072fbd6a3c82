"""Information on a file: what anyone can see, and with its key what is hidden in it."""

from pathlib import Path
from typing import Any

from stegnet.core.errors import MediaError
from stegnet.core.kinds import FILM
from stegnet.core.measures import PSNR
from stegnet.core.samples import channels_of
from stegnet.files.finding import find
from stegnet.keys import KeySource
from stegnet.media import is_grey_film, read_cover, refuse_palette, scan, sound_tracks
from stegnet.media.inputs import check_input, input_kind
from stegnet.media.pictures.picture_notes import picture_notes
from stegnet.methods import DEFAULT_RUN, METHODS, CoverSize, Fit, Run
from stegnet.record import Container, describe_tracks, open_container

Value = str | int | float | bool | list[str] | list[Fit] | None
Info = dict[str, Value]
UNKNOWN = "not looked for without the key; detectors may tell that something is, but not what (docs/security.md)"


def file_info(path: Path, key_source: KeySource | None = None, run: Run = DEFAULT_RUN) -> Info:
    """Describes a file. Without a key, only what it shows openly; nothing hidden is looked for.

    Returns:
        Names and values in display order. With a key, `whole` is False for a container that was altered after
        hiding, and `trouble` says how; both are missing where that is not told.
    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
        RevealError: nothing opens with this key.
    """
    if key_source is None:
        return (_film(path) if input_kind(path) == FILM else _picture(path)) | {"hidden": UNKNOWN}
    check_input(path)
    with open_container(path, key_source, run.progress) as container:
        shown, hidden = _openly(container), find(container, run)
        return shown | {"hidden": hidden.kind, "method": hidden.method} | hidden.details()


def fit_info(fit: Fit) -> dict[str, str | int]:
    """The same by names, without what is not known."""
    found = {
        "what": fit.what,
        "bytes": fit.bytes,
        "safe_bytes": fit.safe,
        PSNR.key: fit.psnr,
        "method": fit.method,
        "survive": fit.survive,
    }
    return {name: value for name, value in found.items() if value is not None}


def _openly(container: Container) -> Info:
    """Values that a container shows; of a film that breaks off, only the damage."""
    if container.kind != FILM:
        return _picture_of(container.height, container.width, container.channels)
    try:
        return _film(container.path)
    except MediaError as error:
        return {"kind": "film", "notes": [str(error)]}


def _picture(path: Path) -> Info:
    pixels, _ = read_cover(path)
    shown = _picture_of(*pixels.shape[:2], channels_of(pixels), path) | {"notes": list(picture_notes(path))}
    del pixels  # large pictures take much memory
    try:
        refuse_palette(path)
    except MediaError as error:
        nothing: Info = {"sealed_bytes": 0, "large_enough_to_hide_pictures": False, "fits": []}
        return shown | nothing | {"unfit": str(error).removeprefix(f"{path}: ")}
    return shown


def _picture_of(height: int, width: int, channels: int, file: Path | None = None) -> Info:
    size: Info = {"width": width, "height": height, "grey": channels == 1}
    return {"kind": "picture"} | size | _room(CoverSize(height, width, 1, channels, file))


def _film(path: Path) -> Info:
    film, channels = scan(path), 1 if is_grey_film(path) else 3
    frames, end = len(film.pts), film.pts[-1] * film.time_base
    try:
        sound = describe_tracks(sound_tracks(path))
    except MediaError:  # a track that can't be copied to another file; its codec is known all the same
        sound = list(film.sound)
    return {
        "kind": "film",
        "width": film.width,
        "height": film.height,
        "grey": channels == 1,
        "frames": frames,
        "frames_per_second": round(float(film.rate), 3),
        "seconds": round(float(end - film.pts[0] * film.time_base + 1 / film.rate), 3),
        "sound": sound,
        "notes": list(film.notes),
        **_room(CoverSize(film.height, film.width, frames, channels, path)),
    }


def _room(cover: CoverSize) -> Info:
    """What fits into a cover of this size, by each method."""
    fits = [fit for method in METHODS.values() for fit in method.room(cover)]
    exact = max((fit.bytes or 0 for fit in fits if not fit.survive), default=0)
    each = {"sealed_bytes_per_frame": exact // cover.frames} if cover.frames > 1 else {}
    pictures = any(fit.psnr for fit in fits if not fit.brief)
    found: dict[str, Any] = {"large_enough_to_hide_pictures": pictures, **each, "sealed_bytes": exact}
    return found | {"fits": fits}
