"""Hiding from file to file, whatever the method: the cover is opened once, and nothing is written that is not whole."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stegnet.core.disk import atomic_write
from stegnet.core.errors import CapacityError, PackageError
from stegnet.core.parallel import Progress
from stegnet.keys import ContainerKeys, KeySource
from stegnet.media.cover import Cover
from stegnet.methods.method import DEFAULT_CONTEXT, Context, Method, NewContainer, Payload, ignore
from stegnet.record import Record
from stegnet.results import HidingFigures, OutputTarget, Report


@dataclass(frozen=True)
class HideJob:
    """A way to hide one secret after the other: a method, an instance of its options, and a context.

    It can be pickled.
    """

    method: Method
    options: Any
    context: Context = DEFAULT_CONTEXT

    def __call__(self, cover: Path, secret: Path, out: OutputTarget, key_source: KeySource) -> Report:
        """Hides one secret, as `hide_file`."""
        return hide_file(self, cover, secret, out, key_source)

    def suffix_of(self, cover: Path) -> str:
        """Suffix of the container of a cover, where it is not named; errors as `Cover`."""
        with Cover(cover) as opened:
            return self.method.form(opened)

    def showing(self, progress: Progress, warn: Callable[[str], None] = ignore) -> "HideJob":
        """The same, which tells its progress, and warns before the work begins."""
        return replace(self, context=replace(self.context, progress=progress, warn=warn))


def hide_file(job: HideJob, cover: Path, secret: Path, out: OutputTarget, key_source: KeySource) -> Report:
    """Hides a secret in a cover, and writes the container.

    Of a secret that does not fit, compressed copies are tried where the method has any; they are kept, readable, in the
    system's folder for temporary files meanwhile. AUTO turns to another method where one has no room.

    Raises:
        StegnetError: any but DataError, RevealError and TrainingError.
    """
    suffix = out.path.suffix.lower()
    with Payload(secret) as payload, Cover(cover) as opened:
        for method, fitness in job.method.candidates(opened, payload, suffix, job.options):
            options = fitness.options
            try:
                method.check_cover(opened, job.options)
                out.check(method.suffixes_for(opened), opened.called, cover, secret, *method.inputs(options))
                method.check(opened, payload, options)
                made = method.embed(opened, payload, suffix, key_source, options, job.context)
                report = _write(method.name, made, opened, out, options)
            except (CapacityError, PackageError) as error:
                refused = error
            else:
                return replace(report, notes=(*filter(None, [fitness.note]), *report.notes))
        raise refused


def hide_record(job: HideJob, cover: Path, record: Record, out: OutputTarget, keys: ContainerKeys) -> Report:
    """Hides a record of an album in a picture, which opens by itself; the method makes albums.

    Raises:
        MediaError: a file can't be read or written.
    """
    with Cover(cover) as opened:
        method, options = job.method.for_album(opened, job.options)
        made = method.embed_record(opened, record, keys, options, job.context)
        return _write(method.name, made, opened, out, options)


def _write(method: str, made: NewContainer, cover: Cover, out: OutputTarget, options: Any) -> Report:
    with atomic_write(out.path, overwrite=out.force) as part:
        made.write(part, getattr(options, "verify", True))
    pixels, fitted = made.frames * made.height * made.width, made.fitted
    known = {"cover_pixels": pixels, "film": cover.is_film} | made.figures()
    figures = HidingFigures(method, cover.length, **known)
    return Report(
        made.width,
        made.height,
        made.frames,
        made.hidden,
        (*made.notes(), *figures.notes()),
        warnings=(*figures.warnings(), *made.warnings()),
        secret_psnr=made.secret_psnr(),
        name=fitted.name if fitted else None,
        size=fitted.size if fitted else None,
        may_be_lost=made.may_be_lost,
        unchanged=bool(fitted) and fitted.unchanged,
        hiding=figures,
    )
