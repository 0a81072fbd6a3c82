"""Information on a file: what anyone can see, and with its key what is hidden in it."""

import hashlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from stegnet.core.card import SHIPPED, SHIPPED_MODEM, read_card, weights_id
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.measures import PSNR
from stegnet.core.samples import CODED, channels_of
from stegnet.core.shuffle import BLOCK
from stegnet.files.files import ALTERED
from stegnet.keys.keys import ANY_KEY, FILM_ID_BYTES, KeySource
from stegnet.media import (
    FILM,
    FilmInfo,
    SoundTrack,
    forecast,
    is_grey_film,
    read_cover,
    refuse_palette,
    scan,
    sound_tracks,
)
from stegnet.media.inputs import check_input, input_kind
from stegnet.media.pictures.picture_notes import picture_notes
from stegnet.methods.network.frame import check_cover
from stegnet.methods.robust.content import RobustContent, RobustFile
from stegnet.methods.robust.modem import read_rungs
from stegnet.methods.robust.modems import SHIPPED_MODEMS, Modems
from stegnet.methods.robust.pictures import CONTAINER_PSNR, forecast_room
from stegnet.methods.robust_film.groups import hidden_pixels
from stegnet.methods.sealed.embed import bytes_room
from stegnet.methods.sealed.extract import may_be_lost
from stegnet.record.container import Container, Inspection, open_container
from stegnet.record.record import PICTURE as HIDDEN_PICTURE
from stegnet.record.record import File, Header, Pictures
from stegnet.results.output import Progress, no_progress

Fit = dict[str, str | int]  # "what" fits by which "method"; its "bytes", the PSNR in dB, what it does "survive"
Value = str | int | float | bool | list[str] | list[Fit] | None
Info = dict[str, Value]
_GOOD, _MOST = 40, 52  # dB; the forecast of films ends there
UNKNOWN = "not looked for without the key; detectors may tell that something is, but not what (docs/security.md)"


def file_info(
    path: Path,
    key_source: KeySource | None = None,
    progress: Progress = no_progress,
    modems: Modems = SHIPPED_MODEMS,
) -> Info:
    """Describes a file. Without a key, only what it shows openly; nothing hidden is looked for.

    Returns:
        Names and values in display order. With a key, `whole` is False for a container that was altered after
        hiding, and `trouble` says how.
    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
        RevealError: nothing opens with this key.
    """
    if key_source is None:
        return (_film(path) if input_kind(path) == FILM else _picture(path)) | {"hidden": UNKNOWN}
    check_input(path)
    with open_container(path, key_source, progress) as container:
        if container.kind == FILM:
            robust = container.robust(modems, progress)
            return _film_or_damage(path) | (_in_film(container, progress) if robust is None else _in_robust(robust))
        shown = _picture_of(container.height, container.width, container.channels)
        robust = container.robust(modems, progress)
        return shown | (_in_picture(container) if robust is None else _in_robust(robust))


def fits_in(height: int, width: int, frames: int) -> list[Fit]:
    """What fits into a picture, or a film of so many frames, of this size."""
    fits = _room(height, width, frames, channels=3)["fits"]
    assert isinstance(fits, list)
    return fits


def _picture(path: Path) -> Info:
    pixels, _ = read_cover(path)
    shown = _picture_of(*pixels.shape[:2], channels_of(pixels)) | {"notes": list(picture_notes(path))}
    del pixels  # large pictures take much memory
    try:
        refuse_palette(path)
    except MediaError as error:
        nothing: Info = {"large_enough_to_hide_pictures": False, "sealed_bytes": 0, "fits": []}
        return shown | nothing | {"unfit": str(error).removeprefix(f"{path}: ")}
    return shown


def _picture_of(height: int, width: int, channels: int) -> Info:
    size: Info = {"width": width, "height": height, "grey": channels == 1}
    return {"kind": "picture"} | size | _room(height, width, 1, channels)


def _film(path: Path) -> Info:
    film, channels = scan(path), 1 if is_grey_film(path) else 3
    frames, end = len(film.pts), film.pts[-1] * film.time_base
    return {
        "kind": "film",
        "width": film.width,
        "height": film.height,
        "grey": channels == 1,
        "frames": frames,
        "frames_per_second": _short(film.rate),
        "seconds": _short(end - film.pts[0] * film.time_base + 1 / film.rate),
        "sound": _sound(path, film),
        "notes": list(film.notes),
        **_room(film.height, film.width, frames, channels),
    }


def _sound(path: Path, film: FilmInfo) -> list[str]:
    try:
        return _tracks(sound_tracks(path))
    except MediaError:  # a track that can't be copied to another file; its codec is known all the same
        return list(film.sound)


def _room(height: int, width: int, frames: int, channels: int) -> Info:
    """Capacity of a cover of this size; networks hide nothing in one of a single channel, a grey one."""
    one = Fraction(1)
    header = Header(bytes(FILM_ID_BYTES), HIDDEN_PICTURE, 1, Pictures(1, 1, 1, one, one, CODED, BLOCK, "00" * 32))
    try:
        check_cover(height, width, header, ANY_KEY, 0)
        hides = channels > 1
    except CapacityError:
        hides = False
    sealed = _sealed_bytes(height, width, frames, channels)
    each = {"sealed_bytes_per_frame": sealed // frames} if frames > 1 else {}
    fits: Info = {"fits": _forecast(height, width, frames, sealed, hides)}
    return {"large_enough_to_hide_pictures": hides, **each, "sealed_bytes": sealed, **fits}


def _forecast(height: int, width: int, frames: int, room: int, by_network: bool) -> list[Fit]:
    """Forecasts for a cover by each method; qualities are means of photographs and films."""
    fits: list[Fit] = [{"what": "any file", "bytes": room, "method": "sealed"}] if room else []
    if frames > 1 and room:
        decibels = min(forecast.film_quality(room, width, height, frames), _MOST)
        fits.append(_compressed("a film of its own size and length", decibels))
        times = forecast.film_frames(room, width, height, _GOOD) / frames
        fits.append(_compressed(f"a film of its own size, {times:.1f} times as long", _GOOD))
    elif room:
        fits.append(_compressed("a picture of its own size", forecast.picture_quality(room, width, height)))
    if by_network:
        what = f"a film of its own size and up to {frames} frames" if frames > 1 else "a picture of its own size"
        fits.append({"what": what, PSNR.key: round(_figure()), "method": "network"})
    return fits + (_robust_film_forecast(height, width, frames) if frames > 1 else _robust_forecast(height, width))


def _compressed(what: str, decibels: float) -> Fit:
    return {"what": what, PSNR.key: round(decibels), "method": "sealed, compressed"}


def _robust_forecast(height: int, width: int) -> list[Fit]:
    """Forecast of a picture of this size through JPEG, for each of the shipped modem's rungs at 38 dB."""
    rungs = [rung for rung in read_rungs(SHIPPED_MODEM) if abs(rung.psnr - CONTAINER_PSNR) < 1]
    fits: list[Fit] = []
    for rung in sorted(rungs, key=lambda rung: -rung.lowest):
        room = forecast_room(rung, height, width)
        if room:
            through: Fit = {"method": "robust", "survive": rung.channel}
            decibels = round(forecast.picture_quality(room, width, height))
            fits.append({"what": "any file", "bytes": room} | through)
            fits.append({"what": "a picture of its own size", PSNR.key: decibels} | through)
    return fits


def _robust_film_forecast(height: int, width: int, frames: int) -> list[Fit]:
    """Forecast of a film of this size through H.264, for each CRF that was measured."""
    pixels = hidden_pixels(height, width, frames)
    rooms = {crf: int(rate * pixels / 8) for crf, rate in forecast.ROBUST_FILMS.items()}
    return [
        {"what": "any file", "bytes": room, "method": "robust", "survive": f"h264:{crf}"}
        for crf, room in rooms.items()
        if room
    ]


def _figure() -> float:
    """PSNR in dB that the shipped pair reached on its test photographs."""
    return read_card(SHIPPED).figures[PSNR.of("secret")]


def _sealed_bytes(height: int, width: int, frames: int, channels: int) -> int:
    """Bytes that the sealed method can hide, the file's name in each frame included."""
    try:
        return bytes_room(height, width, "", frames=frames, channels=channels)
    except CapacityError:
        return 0


def _film_or_damage(path: Path) -> Info:
    """As `_film`; of a container that breaks off, only the damage."""
    try:
        return _film(path)
    except MediaError as error:
        return {"kind": "film", "notes": [str(error)]}


def _in_picture(container: Container) -> Info:
    header, whole = container.header(), container.first.whole
    return _hidden(header) | {"whole": whole, "trouble": [] if whole else [ALTERED]}


def _in_robust(content: RobustContent) -> Info:
    """Description of what the method "robust" hid; it was read without error, whatever happened to its container."""
    if isinstance(content, RobustFile):
        digest = hashlib.sha256(content.data).hexdigest()
        named: Info = {"hidden_name": content.name, "hidden_bytes": len(content.data), "hidden_sha256": digest}
        return {"hidden": "file", "method": "robust"} | named
    height, width = content.shape[:2]
    return {"hidden": "picture", "method": "robust", "hidden_width": width, "hidden_height": height}


def _in_film(container: Container, progress: Progress) -> Info:
    inspection = container.inspect(progress)
    trouble = list(inspection.diagnosis.lines())
    return _hidden(inspection.header) | _times(inspection) | {"whole": not trouble, "trouble": trouble}


def _hidden(header: Header) -> Info:
    secret = header.secret
    if isinstance(secret, File):
        named = {"name": secret.name, "bytes": secret.size, "sha256": secret.digest.hex()}
        file: Info = {"hidden": "file", "method": "sealed"} | {f"hidden_{name}": value for name, value in named.items()}
        lost = may_be_lost(header)
        return file if lost is None else file | {"frames_when_hidden": header.frames, "frames_that_may_be_lost": lost}
    size: Info = {"hidden_width": secret.width, "hidden_height": secret.height}
    film: Info = {
        "hidden_frames": secret.hidden,
        "hidden_frames_per_second": _short(secret.rate),
        "hidden_sound": _tracks(secret.tracks),
    }
    network: Info = {
        "weights": secret.weights,
        "weights_installed": secret.weights in _installed(),
        "base": secret.base,
        "block": secret.block,
    }
    if header.kind == HIDDEN_PICTURE:
        return {"hidden": "picture", "method": "network"} | size | network
    return {"hidden": "film", "method": "network"} | size | film | network


def _times(inspection: Inspection) -> Info:
    """Time in seconds of the first and the last hidden frame that are left."""
    secret = inspection.header.secret
    if isinstance(secret, File):
        return {}
    shown = [position for position, index in inspection.diagnosis.order if index < secret.hidden]
    if not shown:
        return {}
    start, end = (inspection.statuses[position].stamp * secret.time_base for position in (shown[0], shown[-1]))
    return {"hidden_from": _short(start), "hidden_to": _short(end)}


def _installed() -> set[str]:
    """Ids of the weights in the package."""
    return {weights_id(path) for path in SHIPPED.parent.glob("*.safetensors")}


def _tracks(tracks: Iterable[SoundTrack]) -> list[str]:
    return [f"{track.codec}, {track.rate} Hz, {track.layout}" for track in tracks]


def _short(value: Fraction) -> float:
    return round(float(value), 3)
