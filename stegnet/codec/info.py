"""What a file is, as anyone can see, and what is hidden in it, as its key shows."""

from collections.abc import Iterable
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from stegnet.codec.diagnosis import Diagnosis
from stegnet.codec.files import ALTERED, input_kind, lossy_told
from stegnet.codec.frame import check_cover, find
from stegnet.codec.keys import FILM_ID_BYTES, KEY_BYTES, Key, KeySource
from stegnet.codec.picture import find_picture
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.record import FILE, File, Header, Pictures, Record, format_record
from stegnet.codec.record import PICTURE as HIDDEN_PICTURE
from stegnet.codec.reveal import open_film_key, survey
from stegnet.codec.seal import room
from stegnet.core.card import SHIPPED, weights_id
from stegnet.core.errors import CapacityError, MediaError
from stegnet.core.shuffle import BLOCK
from stegnet.media import FILM, FilmInfo, SoundTrack, read_cover, read_frames, scan, sound_tracks

Value = str | int | float | bool | list[str] | None
Info = dict[str, Value]
UNKNOWN = "unknown: nobody can tell from this file whether something is hidden in it"
_NO_KEY = Key(bytes(KEY_BYTES))  # for sizes, which are the same for every key


def look(path: Path, secret_key: KeySource | None = None, progress: Progress = no_progress) -> Info:
    """All that can be known of a file: without a key, only what it shows openly; nothing more is looked for.

    Returns:
        Names and values in the order to show them; `whole` (only with a key) is False for a container that is not
        as it was when something was hidden in it, and `trouble` then says what happened.
    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
        RevealError: nothing opens with this key.
    """
    what = input_kind(path)
    if secret_key is None:
        return (_film(path) if what == FILM else _picture(path)) | {"hidden": UNKNOWN}
    with lossy_told(path):
        hidden = _in_film(path, secret_key, progress) if what == FILM else _in_picture(path, secret_key)
    return (_film_or_damage(path) if what == FILM else _picture(path)) | hidden


def _picture(path: Path) -> Info:
    height, width = read_cover(path)[0].shape[:2]
    return {"kind": "picture", "width": width, "height": height, **_room(height, width, 1)}


def _film(path: Path) -> Info:
    film = scan(path)
    frames, end = len(film.pts), film.pts[-1] * film.time_base
    return {
        "kind": "film",
        "width": film.width,
        "height": film.height,
        "frames": frames,
        "frames_per_second": _short(film.rate),
        "seconds": _short(end - film.pts[0] * film.time_base + 1 / film.rate),
        "sound": _sound(path, film),
        "notes": list(film.notes),
        **_room(film.height, film.width, frames),
    }


def _sound(path: Path, film: FilmInfo) -> list[str]:
    try:
        return _tracks(sound_tracks(path))
    except MediaError:  # no other file can hold one of the tracks; what they are can be told all the same
        return list(film.sound)


def _room(height: int, width: int, frames: int) -> Info:
    """What a cover of this size can take."""
    one = Fraction(1)
    header = Header(bytes(FILM_ID_BYTES), HIDDEN_PICTURE, 1, Pictures(1, 1, 1, one, one, True, BLOCK, "00" * 32))
    try:
        check_cover(height, width, header, _NO_KEY, 0)
        hides = True
    except CapacityError:
        hides = False
    empty = Record(Header(bytes(FILM_ID_BYTES), FILE, 1, File("", 0, b"")), 0)
    sealed = max(room(height, width) - len(format_record(empty, _NO_KEY)), 0)
    each = {"sealed_bytes_per_frame": sealed} if frames > 1 else {}
    return {"large_enough_to_hide_pictures": hides, **each, "sealed_bytes": sealed * frames}


def _film_or_damage(path: Path) -> Info:
    """Of a container that breaks off, the frames that are left can be told of all the same."""
    try:
        return _film(path)
    except MediaError as error:
        return {"kind": "film", "notes": [str(error)]}


def _in_picture(path: Path, secret_key: KeySource) -> Info:
    record, whole = find_picture(read_cover(path)[0], secret_key)
    trouble = [] if whole else [ALTERED]
    return _hidden(record.header) | {"whole": whole, "trouble": trouble}


def _in_film(path: Path, secret_key: KeySource, progress: Progress) -> Info:
    key = open_film_key(path, secret_key)
    header, diagnosis = survey(path, key, progress)
    trouble = list(diagnosis.lines())
    times = _times(path, key, header, diagnosis)
    return _hidden(header) | times | {"whole": not trouble, "trouble": trouble}


def _hidden(header: Header) -> Info:
    secret = header.secret
    if isinstance(secret, File):
        named = {"name": secret.name, "bytes": secret.size, "sha256": secret.digest.hex()}
        return {"hidden": "file", "method": "sealed"} | {f"hidden_{name}": value for name, value in named.items()}
    size: Info = {"hidden_width": secret.width, "hidden_height": secret.height}
    film: Info = {
        "hidden_frames": secret.hidden,
        "hidden_frames_per_second": _short(secret.rate),
        "hidden_sound": _tracks(secret.tracks),
    }
    network: Info = {
        "weights": secret.weights,
        "weights_installed": secret.weights in _installed(),
        "detail": secret.detail,
        "block": secret.block,
    }
    if header.kind == HIDDEN_PICTURE:
        return {"hidden": "picture", "method": "network"} | size | network
    return {"hidden": "film", "method": "network"} | size | film | network


def _times(path: Path, key: Key, header: Header, diagnosis: Diagnosis) -> Info:
    """When the first and the last hidden frame that are still there are shown, in seconds."""
    if isinstance(header.secret, File):
        return {}
    places = [place for place, index in diagnosis.order if index < header.secret.hidden]
    stamps = []
    with closing(read_frames(path)) as frames:
        for place, frame in zip(range(max(places, default=-1) + 1), frames, strict=False):
            if place in (places[0], places[-1]):
                record = find(frame, key).record
                assert record is not None
                stamps.append(record.stamp * header.secret.time_base)
    return {"hidden_from": _short(stamps[0]), "hidden_to": _short(stamps[-1])} if stamps else {}


def _installed() -> set[str]:
    """Ids of the weights that come with the package."""
    return {weights_id(path) for path in SHIPPED.parent.glob("*.safetensors")}


def _tracks(tracks: Iterable[SoundTrack]) -> list[str]:
    return [f"{track.codec}, {track.rate} Hz, {track.layout}" for track in tracks]


def _short(value: Fraction) -> float:
    return round(float(value), 3)
