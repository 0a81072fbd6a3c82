"""Hiding and revealing from file to file: the checks before, and the choice between picture and film."""

from pathlib import Path

import numpy as np

from stegnet.codec.film import Longer, Progress, hide_film, no_progress, reveal_film
from stegnet.codec.keys import SYSTEM, Key, Randomness, read_key
from stegnet.codec.network import Network
from stegnet.codec.picture import hide_picture, reveal_picture
from stegnet.codec.report import Report
from stegnet.errors import CapacityError, MediaError
from stegnet.media import FILM, PICTURE, kind, read_note, read_picture, whole_file, write_png
from stegnet.models import SHIPPED

SUFFIX = {PICTURE: ".png", FILM: ".mkv"}


def hide_file(
    cover: Path,
    secret: Path,
    out: Path,
    key_file: Path,
    weights: Path = SHIPPED,
    longer: Longer = "refuse",
    force: bool = False,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides a picture in a picture (`out` is a PNG) or a film in a film (`out` is an MKV).

    Args:
        longer: what to do with a film of more frames than its cover: refuse it, or cut it.
        force: may `out` be overwritten? An input never may.
    Raises:
        StegnetError: any but ConfigError, DataError and TrainingError.
    """
    key = read_key(key_file)
    cover_kind, secret_kind = kind(cover), kind(secret)
    if cover_kind != secret_kind:
        raise CapacityError(f"a {secret_kind} can't be hidden in a {cover_kind}", f"take a {secret_kind} as the cover")
    _check_output(out, cover_kind, (cover, secret, key_file, weights), force)
    network = Network.load(weights)
    if cover_kind == FILM:
        return hide_film(network, cover, secret, out, key, longer, randomness, progress)
    return _hide_picture_file(network, cover, secret, out, key, randomness)


def reveal_file(
    container: Path,
    out: Path,
    key_file: Path,
    weights: Path = SHIPPED,
    force: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Brings back what `hide_file` hid; `out` is a PNG or an MKV, as the container is.

    Args:
        force: may `out` be overwritten? An input never may.
    Raises:
        StegnetError: any but ConfigError, DataError, CapacityError and TrainingError.
    """
    key = read_key(key_file)
    container_kind = kind(container)
    _check_output(out, container_kind, (container, key_file, weights), force)
    network = Network.load(weights)
    if container_kind == FILM:
        return reveal_film(network, container, out, key, progress)
    picture = reveal_picture(network, read_picture(container), read_note(container), key)
    return _write_picture(out, picture, None)


def _hide_picture_file(
    network: Network, cover: Path, secret: Path, out: Path, key: Key, randomness: Randomness
) -> Report:
    container, sealed = hide_picture(network, read_picture(cover), read_picture(secret), key, randomness)
    return _write_picture(out, container, sealed)


def _write_picture(out: Path, picture: np.ndarray, note: bytes | None) -> Report:
    with whole_file(out) as part:
        write_png(part, picture, note)
    return Report(picture.shape[1], picture.shape[0])


def _check_output(out: Path, made: str, inputs: tuple[Path, ...], force: bool) -> None:
    if out.suffix.lower() != SUFFIX[made]:
        raise MediaError(f"{out}: a {made} is written as {SUFFIX[made]}", f"name it {out.with_suffix(SUFFIX[made])}")
    if not out.exists():
        return
    if any(source.exists() and out.samefile(source) for source in inputs):
        raise MediaError(f"{out}: is an input too", "name another file to write")
    if not force:
        raise MediaError(f"{out}: exists already", "`--force` overwrites it")
