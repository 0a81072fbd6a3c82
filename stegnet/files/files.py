"""Hiding and revealing from file to file: checks of the inputs, and the choice between picture, film and any file."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.measures import psnr
from stegnet.core.parallel import watched
from stegnet.core.samples import is_grey
from stegnet.engines.tiling import Step, no_step
from stegnet.keys.keys import SYSTEM, KeyRing, KeySource, Randomness
from stegnet.media import (
    FILM,
    PICTURE,
    about_cover,
    about_secret,
    is_grey_film,
    read_cover,
    read_picture,
    refuse_palette,
)
from stegnet.media.inputs import check_input, cover_name, input_kind, kind_of_secret
from stegnet.media.pictures.pictures import check_lossless
from stegnet.methods.network.film import HideOptions, hide_film, hiding_by_network
from stegnet.methods.network.frame import grey_refused
from stegnet.methods.network.network import Network
from stegnet.methods.network.picture import hide_picture, reveal_read_picture
from stegnet.methods.network.quality import SecretQuality, measure_secret, visibility_notes
from stegnet.methods.network.reveal import reveal_opened_film
from stegnet.methods.robust.content import RobustFile
from stegnet.methods.robust.modems import SHIPPED_MODEMS, Modems
from stegnet.methods.sealed.extract import extract_opened_file, extract_text, text_report, write_robust
from stegnet.methods.segments import WHOLE, Part
from stegnet.record.container import Container, open_container
from stegnet.record.record import FILE
from stegnet.results.naming import result_name
from stegnet.results.output import (
    FORMS,
    REVEALED_FORMS,
    OutputTarget,
    Progress,
    Report,
    form_of,
    in_steps,
    no_progress,
    shown_form,
    write_picture,
    write_revealed,
)

PLAIN = HideOptions()
ALTERED = "the picture was altered since it was hidden"

# Loads the network; called only once it is certain that one is needed.
NetworkLoader = Callable[[], Network]


@dataclass(frozen=True)
class LazyNetwork:
    """A NetworkLoader that can be pickled; it loads at its first call. Arguments as `Network.load`."""

    weights: Path
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"

    def __call__(self) -> Network:
        """The network; errors as `Network.load`."""
        return self._loaded

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_loaded"}

    @cached_property
    def _loaded(self) -> Network:
        return Network.load(self.weights, self.device, self.precision, self.backend)


def hide_file(
    network: NetworkLoader,
    cover: Path,
    secret: Path,
    out: OutputTarget,
    key_source: KeySource,
    options: HideOptions = PLAIN,
    randomness: Randomness = SYSTEM,
    progress: Progress = no_progress,
    part: Part = WHOLE,
) -> Report:
    """Hides a picture in a picture (a PNG is written) or a film in a film (an MKV or MP4 is written).

    Args:
        part: what this process does of a film.
    Raises:
        LongFilm: the film has too many frames for `part`.
        StegnetError: any but DataError, RevealError and TrainingError.
    """
    cover_kind, secret_kind = input_kind(cover), kind_of_secret(secret)
    if cover_kind != secret_kind:
        hint = f"take a {secret_kind} as the cover, or the method sealed, which hides any file"
        raise CapacityError(f"a {secret_kind} can't be hidden in a {cover_kind}", hint)
    out.check(FORMS[cover_kind], cover_name(cover, cover_kind), cover, secret)
    if cover_kind == FILM:
        if is_grey_film(cover):
            raise grey_refused()
        options = replace(options, form=form_of(out.path), overwrite=out.force)
        progress = in_steps(progress, "hide", *("verify",) * options.verify)
        return hide_film(network(), cover, secret, out.path, key_source, options, randomness, progress, part)
    refuse_palette(cover)
    pixels, profile = read_cover(cover)
    if is_grey(pixels):
        raise grey_refused()
    hidden = read_picture(secret)
    progress = in_steps(progress, "hide tiles", "measure tiles", "write")
    container = hide_picture(network(), pixels, hidden, key_source, randomness, partial(progress, "hide tiles"))
    distance = psnr(pixels, container)
    del pixels  # large pictures take much memory
    step = partial(progress, "measure tiles")
    quality = picture_quality(network(), container, hidden, key_source, options.force, step)
    del hidden
    write = partial(write_picture, out, container, profile, verify=options.verify)
    report = watched(write, partial(progress, "write", 0, 0))
    notes = (*visibility_notes(distance), *about_cover(cover), *about_secret(secret))
    report = replace(report, notes=notes, warnings=quality.warnings(), secret_psnr=quality.psnr())
    return report.with_hiding(hiding_by_network(cover, report, distance))


def picture_quality(
    network: Network,
    container: np.ndarray,
    secret: np.ndarray,
    key_source: KeySource,
    force: bool,
    step: Step = no_step,
) -> SecretQuality:
    """Measures the quality of the revealed picture.

    Args:
        container: (H, W, 3) uint8, in which `secret`, (h, w, 3) uint8, was hidden.
        force: accept any quality.
        step: called after each tile of a large picture.
    Raises:
        CapacityError: the quality is too low to be of use.
    """
    quality = SecretQuality(1, secret.shape[:2], container.shape[:2], force)
    quality.add(measure_secret(network, KeyRing(key_source), container, secret, first=True, step=step))
    return quality


def reveal_file(
    network: NetworkLoader,
    container: Path,
    out: OutputTarget,
    key_source: KeySource,
    strict: bool = False,
    progress: Progress = no_progress,
    modems: Modems = SHIPPED_MODEMS,
) -> Report:
    """Reveals the secret in a container: a picture or film in the format of the result's suffix, any file as it was.

    A film as MP4 is for watching, unless it is to be lossless. A file that is a picture or film of another format than
    the suffix says is converted likewise. Where the result names itself, a text is in the report instead.

    Args:
        strict: refuse a container that is not exactly as it was hidden, if it does not hide by bits that survive that.
        modems: read pictures that survive lossy codecs.
    Raises:
        StegnetError: any but DataError, CapacityError and TrainingError.
    """
    check_input(container)
    with open_container(container, key_source, progress) as opened:
        if out.named:
            out.check((), "file", container)
        return reveal_opened(network, opened, out, strict, progress, modems)


def reveal_opened(
    network: NetworkLoader,
    container: Container,
    out: OutputTarget,
    strict: bool = False,
    progress: Progress = no_progress,
    modems: Modems = SHIPPED_MODEMS,
) -> Report:
    """Reveals the secret in a container that is open; arguments and errors as `reveal_file`."""
    if not out.named:
        text = _revealed_text(container, strict, progress, modems)
        if text is not None:
            return text
        out = _named(out, result_name(container, modems, progress, out.lossless))
    return replace(_reveal(network, container, out, strict, progress, modems), path=out.path)


def _revealed_text(container: Container, strict: bool, progress: Progress, modems: Modems) -> Report | None:
    """The report of a hidden text; None if none is hidden."""
    robust = container.robust(modems, progress)
    if robust is not None:
        return text_report(robust.name, robust.data) if isinstance(robust, RobustFile) else None
    return extract_text(container, strict, progress) if container.header(progress).kind == FILE else None


def _named(out: OutputTarget, name: str) -> OutputTarget:
    """The result under its own name, which never overwrites a file."""
    path = out.path / name
    if os.path.lexists(path):
        raise MediaError(f"{path}: exists already", "give the result a name of its own")
    return replace(out, path=path, force=False, named=True)


def _reveal(
    network: NetworkLoader, container: Container, out: OutputTarget, strict: bool, progress: Progress, modems: Modems
) -> Report:
    robust = container.robust(modems, progress)
    if robust is not None:
        return write_robust(out, robust, container.path, progress)
    if container.header(progress).kind == FILE:
        report = extract_opened_file(container, out, strict, progress)
        return replace(report, width=0, height=0, frames=1, hidden=1)  # those of the container, not of the file
    out.check(REVEALED_FORMS[container.kind], container.kind, container.path)
    if container.kind == PICTURE and out.lossless:
        check_lossless(out.path, out.path.suffix.lower())
    if container.kind == FILM:
        form = shown_form(out.path, out.lossless)
        return reveal_opened_film(network(), container, out.path, strict, form, progress, overwrite=out.force)
    return _reveal_picture(network(), container, out, strict, partial(progress, "reveal tiles"))


def _reveal_picture(network: Network, container: Container, out: OutputTarget, strict: bool, step: Step) -> Report:
    (pixels,) = container.frames()
    revealed = reveal_read_picture(network, pixels, container.key, container.first, step)
    if strict and not revealed.whole:
        raise RevealError(f"{container.path}: {ALTERED}", "unless strict, it is revealed")
    report = write_revealed(out, revealed.picture)
    return report if revealed.whole else replace(report, trouble=(f"{ALTERED}, and is shown as it is",))
