"""Information on a file: what anyone can see, and with its key what is hidden in it."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from stegnet.core.errors import CapacityError, ConfigError, MediaError
from stegnet.core.measures import PSNR
from stegnet.core.names import FILM, SOUND
from stegnet.files.reveal import find
from stegnet.image.pictures import TRANSPARENT, refuse_palette
from stegnet.keys import KeySource
from stegnet.media.cover import Cover
from stegnet.methods import AUTO, DEFAULT_CONTEXT, METHODS, Context, CoverSize, Fit
from stegnet.methods.registry import DESTINATIONS, method_for
from stegnet.record import describe_tracks, open_container
from stegnet.video.sound_tracks import sound_tracks

Value = str | int | float | bool | list[str] | list[Fit] | dict[str, int] | None
Info = dict[str, Value]
UNKNOWN = "not looked for without the key; detectors may tell that something is, but not what (docs/security.md)"


def file_info(path: Path, key_source: KeySource | None = None, context: Context = DEFAULT_CONTEXT) -> Info:
    """Describes a file. Without a key, only what it shows openly; nothing hidden is looked for.

    Returns:
        Names and values in display order. With a key, `whole` is False for a container that was altered after
        hiding, and `trouble` says how; both are missing where that is not told.
    Raises:
        MediaError: it can't be read, or is of no form that is known.
        RevealError: nothing opens with this key.
    """
    if key_source is None:
        with Cover(path) as cover:
            return _shown(cover) | {"hidden": UNKNOWN}
    with open_container(path, key_source, context.progress) as container:
        if container.kind == SOUND:
            shown = _sound(container.file)
        elif container.kind != FILM:
            shown = _picture(CoverSize(container.height, container.width, 1, container.channels))
        else:
            try:
                shown = _film(container.file)
            except MediaError as error:  # it breaks off
                shown = {"kind": "film", "notes": [str(error)]}
        hidden = find(container, context)
        return shown | {"hidden": hidden.kind, "method": hidden.method} | hidden.details()


def fit_info(fit: Fit) -> dict[str, str | int]:
    """The same by names, without what is not known."""
    found = {"what": fit.what, "bytes": fit.bytes, "safe_bytes": fit.safe, PSNR.key: fit.psnr, "method": fit.method}
    found["survive"] = fit.survive
    return {name: value for name, value in found.items() if value is not None}


def _shown(cover: Cover) -> Info:
    if cover.kind == SOUND:
        return _sound(cover)
    return _film(cover) if cover.is_film else _picture(CoverSize.of(cover)) | _fitness(cover)


def _sound(cover: Cover) -> Info:
    file = cover.sound.file
    frames, channels, width = file.data.shape
    shown: Info = {"kind": "sound", "form": file.form, "samples_per_second": file.rate, "channels": channels}
    seconds = {"bits": 8 * width, "seconds": round(frames / file.rate, 3)}
    found = shown | seconds | {"notes": []} | _room(CoverSize.of(cover))
    return found if found["fits"] else found | {"unfit": "it is silent or too short"}


def _picture(size: CoverSize) -> Info:
    shown: Info = {"width": size.width, "height": size.height, "grey": size.channels == 1}
    return {"kind": "picture"} | shown | _room(size)


def _fitness(cover: Cover) -> Info:
    """Notes on a picture; a palette fits nothing."""
    kept = TRANSPARENT if cover.is_transparent else None
    notes: Info = {"notes": [line for line in cover.notes if line != kept]}
    try:
        refuse_palette(cover)
    except MediaError as error:
        nothing: Info = {"sealed_bytes": 0, "large_enough_to_hide_pictures": False, "fits": [], "bytes_for": {}}
        return notes | nothing | {"unfit": str(error).removeprefix(f"{cover}: ")}
    return notes


def _film(cover: Cover) -> Info:
    film = cover.film
    end = film.pts[-1] * film.time_base
    try:
        sound = describe_tracks(sound_tracks(cover))
    except MediaError:  # a track that can't be copied to another file; its codec is known all the same
        sound = list(film.sound)
    return {
        "kind": "film",
        "width": film.width,
        "height": film.height,
        "grey": film.grey,
        "frames": cover.frames,
        "frames_per_second": round(float(film.rate), 3),
        "seconds": round(float(end - film.pts[0] * film.time_base + 1 / film.rate), 3),
        "sound": sound,
        "notes": [*film.notes, *filter(None, (method.unfit(cover) for method in METHODS.values()))],
        **_room(CoverSize.of(cover)),
    }


def _room(cover: CoverSize) -> Info:
    """Lists what fits into a cover of this size by each method, AUTO's preference first, and bytes by destination."""
    asked = METHODS.hiding_in(cover.kind)
    preferred = sorted(asked, key=lambda method: -method.preference)
    fits, sent = [fit for method in preferred for fit in method.forecast(cover)], {}
    for destination in DESTINATIONS:
        with suppress(ConfigError, CapacityError):  # it can't be sent there
            method, options = method_for(destination, {}, "")
            if method in asked and method.name != AUTO:
                sent[destination] = method.capacity(cover, "", options).bytes
    exact = max((fit.bytes or 0 for fit in fits if not fit.survive), default=0)
    each = {"sealed_bytes_per_frame": exact // cover.frames} if cover.frames > 1 else {}
    pictures = any(fit.psnr for fit in fits if not fit.brief)
    found: dict[str, Any] = {"large_enough_to_hide_pictures": pictures, **each, "sealed_bytes": exact}
    return found | {"fits": fits, "bytes_for": {name: most for name, most in sent.items() if most}}
