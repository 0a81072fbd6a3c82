"""Hiding and revealing from file to file: the checks before, and the choice between picture, film and any file."""

import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from stegnet.codec.extract import extract_file
from stegnet.codec.film import HideOptions, hide_film
from stegnet.codec.frame import find
from stegnet.codec.keys import SYSTEM, KeySource, Randomness
from stegnet.codec.network import Network, Step, no_step
from stegnet.codec.output import FORMS, OutputTarget, form_of, write_picture
from stegnet.codec.picture import find_picture, hide_picture, nothing, reveal_picture
from stegnet.codec.progress import Progress, no_progress
from stegnet.codec.quality import SecretQuality, measure_loss, visible
from stegnet.codec.record import FILE, Header
from stegnet.codec.report import Report
from stegnet.codec.reveal import reveal_film
from stegnet.codec.seal import read_salt
from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.measures import psnr
from stegnet.media import FILM, kind, lossy_format, read_cover, read_frames, read_picture

PLAIN = HideOptions()
ALTERED = "the picture was altered since it was hidden"

# Gives the network; called only once it is certain that one is needed.
NetworkLoader = Callable[[], Network]


def hide_file(
    network: NetworkLoader,
    cover: Path,
    secret: Path,
    out: OutputTarget,
    secret_key: KeySource,
    options: HideOptions = PLAIN,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
) -> Report:
    """Hides a picture in a picture (a PNG is written) or a film in a film (an MKV or MP4 is written).

    Raises:
        StegnetError: any but DataError, RevealError and TrainingError.
    """
    cover_kind, secret_kind = input_kind(cover), kind_of_secret(secret)
    if cover_kind != secret_kind:
        hint = f"take a {secret_kind} as the cover, or `--method sealed`, which hides any file"
        raise CapacityError(f"a {secret_kind} can't be hidden in a {cover_kind}", hint)
    out.check(FORMS[cover_kind], cover_kind, cover, secret)
    if cover_kind == FILM:
        options = replace(options, form=form_of(out.path), overwrite=out.force)
        return hide_film(network(), cover, secret, out.path, secret_key, options, randomness, progress)
    pixels, profile = read_cover(cover)
    hidden = read_picture(secret)
    container = hide_picture(network(), pixels, hidden, secret_key, randomness, partial(progress, "hide tiles"))
    notes = visible(psnr(pixels, container))
    del pixels  # large pictures take much memory
    step = partial(progress, "measure tiles")
    quality = picture_quality(network(), container, hidden, secret_key, options.force, step)
    del hidden
    report = write_picture(out, container, profile, verify=options.verify)
    return replace(report, notes=notes, warnings=quality.warnings(), secret_psnr=quality.psnr())


def picture_quality(
    network: Network,
    container: np.ndarray,
    secret: np.ndarray,
    secret_key: KeySource,
    force: bool,
    step: Step = no_step,
) -> SecretQuality:
    """How well a picture comes back.

    Args:
        container: (H, W, 3) uint8, in which `secret`, (h, w, 3) uint8, was hidden.
        force: is nothing refused?
        step: called after each tile of a large picture.
    Raises:
        CapacityError: it comes back too poor to be of use.
    """
    quality = SecretQuality(1, secret.shape[:2], container.shape[:2], force)
    quality.add(measure_loss(network, secret_key.unlock(read_salt(container)), container, secret, step))
    return quality


def reveal_file(
    network: NetworkLoader,
    container: Path,
    out: OutputTarget,
    secret_key: KeySource,
    strict: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Brings back what was hidden: a picture as PNG, a film as MKV or MP4, any other file as it was.

    Args:
        strict: refuse a container that is not exactly as it was hidden.
    Raises:
        StegnetError: any but DataError, CapacityError and TrainingError.
    """
    container_kind = input_kind(container)
    out.check((), "file", container)
    header = find_header(container, secret_key, progress)
    if header.kind == FILE:
        report = extract_file(container, out, secret_key, strict=strict, progress=progress)
        return replace(report, width=0, height=0, frames=1, hidden=1)  # what was written is not what can be seen
    out.check(FORMS[container_kind], container_kind, container)
    if container_kind == FILM:
        form = form_of(out.path)
        return reveal_film(network(), container, out.path, secret_key, strict, form, progress, overwrite=out.force)
    return _reveal_picture(network(), container, out, secret_key, strict, partial(progress, "reveal tiles"))


def find_header(container: Path, secret_key: KeySource, progress: Progress = no_progress) -> Header:
    """What is hidden in a picture, or in the first frame of a film that can be read.

    Raises:
        MediaError: the container can't be read.
        RevealError: nothing opens with this key.
    """
    with lossy_told(container):
        if input_kind(container) == FILM:
            return _film_header(container, secret_key, progress)
        return find_picture(read_cover(container)[0], secret_key)[0].header


@contextmanager
def lossy_told(container: Path) -> Iterator[None]:
    """Says of a file that can't be revealed whether its form alone explains it: nothing survives in a JPEG."""
    try:
        yield
    except RevealError as error:
        form = lossy_format(container)
        if form is None:
            raise
        hint = "get the file that `stegnet hide` wrote, sent as a file: messengers and web sites often convert pictures"
        raise RevealError(f"{container}: {form} does not keep what was hidden", hint) from error


def _film_header(container: Path, secret_key: KeySource, progress: Progress) -> Header:
    key = None
    with closing(read_frames(container)) as frames:
        for done, frame in enumerate(frames, 1):
            key = key or secret_key.unlock(read_salt(frame))
            record = find(frame, key).record
            if record is not None:
                return record.header
            progress("check", done, 0)
    if key is None:
        raise MediaError(f"{container}: the film has no frames")
    raise nothing()


def input_kind(path: Path) -> str:
    """PICTURE or FILM, of a file that can be read.

    Raises:
        MediaError: it can't, or it is neither.
    """
    check_input(path)
    return kind(path)


def kind_of_secret(path: Path) -> str:
    """As `input_kind`, of what the network is to hide; the error names the method that hides anything.

    Raises:
        MediaError: it can't be read, or is neither a picture nor a film.
    """
    check_input(path)
    try:
        return kind(path)
    except MediaError as error:
        hints = (error.hint, "`--method sealed` hides any file as it is")
        raise MediaError(str(error), "; ".join(filter(None, hints))) from error


def check_input(path: Path) -> None:
    """Stops where a file can't be read, and says why.

    Raises:
        MediaError: no such file, a folder, a device, or no permission.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise MediaError(f"{path}: is a folder", "name a file in it")
        if not stat.S_ISREG(mode):
            raise MediaError(f"{path}: not a file")
        path.open("rb").close()
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file") from error
    except OSError as error:
        raise MediaError(f"{path}: can't be read ({error.strerror})") from error


def _reveal_picture(
    network: Network, container: Path, out: OutputTarget, secret_key: KeySource, strict: bool, step: Step
) -> Report:
    revealed = reveal_picture(network, read_cover(container)[0], secret_key, step)
    if strict and not revealed.whole:
        raise RevealError(f"{container}: {ALTERED}", "without --strict, it is revealed")
    report = write_picture(out, revealed.picture, private=True)
    return report if revealed.whole else replace(report, trouble=(f"{ALTERED}, and is shown as it is",))
