"""Hiding from file to file by any method, and writing the results.

The cover is opened once, and only complete files are written: new containers, as PNG, JPEG or film or in the form of
their cover, and the files that are found in containers.
"""

import math
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from stegnet.core.disk import atomic_write
from stegnet.core.errors import MediaError, RevealError, StegnetError
from stegnet.core.names import FILM, PICTURE, shown_size
from stegnet.core.parallel import Progress, no_progress, with_heartbeat
from stegnet.core.text import CommandLine, Setting, Text
from stegnet.formats.opened_file import FileInMemory
from stegnet.formats.signatures import has_form
from stegnet.hiding.medium import MediumMethod, SealedSamples
from stegnet.hiding.method import (
    DEFAULT_CONTEXT,
    Context,
    FoundSecret,
    NewContainer,
    Payload,
    ignore,
)
from stegnet.image.pictures import refuse_palette
from stegnet.keys import ContainerKeys, KeySource, Recipient
from stegnet.media.claims import open_cover
from stegnet.media.cover import Cover
from stegnet.media.metadata import PLACE_KEPT, has_gps_position
from stegnet.methods.chosen_method import ChosenMethod
from stegnet.methods.registry import METHODS
from stegnet.record import (
    Container,
    Record,
    not_given_back,
)
from stegnet.results import (
    CHANGED_SECRET,
    HidingFigures,
    OutputTarget,
    Report,
)


def hide_file(
    job: "HideJob", cover: Path, secret: Path | FileInMemory, out: OutputTarget, key_source: KeySource
) -> Report:
    """Hide a secret in a cover, and write the container.

    If a secret does not fit, compressed copies are tried, where the method makes any. Meanwhile they are kept,
    readable, in the system's folder for temporary files.

    Raises:
        StegnetError: any but DataError, RevealError and TrainingError.
    """
    method = job.method
    options = job.options
    context = job.context
    suffix = out.path.suffix.lower()

    # False: what does not fit is refused, since the options leave out the copies that the method makes by default.
    makes_copies = options.compress or not type(options).compress
    with Payload(secret, makes_copies) as payload, open_cover(cover, options.strip_metadata) as opened:
        job.refuse_blank(opened)
        method.check(opened, options)
        secret_file = (secret,) if isinstance(secret, Path) else ()
        suffixes = method.suffixes_of(opened)
        if suffix not in suffixes and opened.kind == PICTURE:
            refuse_palette(opened)  # under no other name is it hidden in
        out.check(suffixes, opened.called, cover, *secret_file, *options.input_files)
        job.refuse_container(opened, key_source)
        for line in job.forewarnings(opened, suffix, is_named=True):
            context.warn(line)

        made = method.embed(opened, payload, suffix, key_source, options, context)
        unused: str = ""
        if context.weights and not METHODS[made.method].info.computes:
            advice = Setting("method", "network")
            unused = Text(Setting("weights", "FILE"), f" has no effect with the method {made.method}: use ", advice)
        return _write(made, opened, out, options.verify, unused)


def hide_record(job: "HideJob", cover: Path, record: Record, out: OutputTarget, keys: ContainerKeys) -> Report:
    """Hide a record of an album in a picture, which opens without the others.

    Raises:
        MediaError: a file can't be read or written.
    """
    with open_cover(cover, job.options.strip_metadata) as opened:
        method, options = job.method.entry(opened, out.path.suffix, job.options)
        assert isinstance(method, MediumMethod), "no other method makes albums"
        medium = method.open_part(opened, options, out.path.suffix, keys.film)
        made = SealedSamples(medium, record, keys, job.context)
        made.method = method.info.name
        return _write(made, opened, out, options.verify)


def _write(made: NewContainer, cover: Cover, out: OutputTarget, verify: bool, unused: str = "") -> Report:
    with atomic_write(out.path, overwrite=out.force) as part:
        written = made.write(part, verify)
        with Cover(part, quiet=True) as container:
            if verify:
                _verify(container, made)
                if not has_form(container, out.path.suffix.lower()):
                    raise MediaError("was written in another form than its name says", "report it", subject=out.path)
            place = [PLACE_KEPT] if has_gps_position(container) else []
    known = {"cover_pixels": made.frames * made.height * made.width} | written.figures
    figures = HidingFigures(method=made.method, cover_bytes=cover.length, **known)

    fitted = written.fitted
    copied = written.changed_secret or made.changed_secret
    changed = Text(copied, kind=CHANGED_SECRET) if copied else ""
    return Report(
        made.width,
        made.height,
        made.frames,
        written.hidden,
        notes=(*cover.left_out, *written.notes, *figures.notes()),
        warnings=tuple(filter(None, (changed, unused, *figures.warnings(), *written.warnings, *place))),
        changed_secret=changed,
        secret_psnr=written.secret_psnr,
        name=fitted.name if fitted else None,
        size=fitted.size if fitted else None,
        may_be_lost=written.may_be_lost,
        unchanged=fitted is not None and fitted.unchanged,
        hiding=figures,
    )


def _verify(written: Cover, made: NewContainer) -> None:
    """Read a file that was written, as its receiver will. Raises MediaError if the secret does not come back."""
    shown = 0, 0  # frames that are verified, of so many
    showing = Lock()

    def progress(_: str, done: int, total: int) -> None:
        nonlocal shown
        with showing:
            shown = done, total or made.frames
            made.context.progress(made.last_phase, *shown)

    def heartbeat() -> None:
        with showing:
            made.context.progress(made.last_phase, *shown)

    context = replace(made.context, progress=progress)

    def comes_back() -> bool:
        try:
            arriving = made.arriving(written)
            received = Cover(arriving, quiet=True) if arriving else nullcontext(written)
            with received as file, Container(file, made.keys) as container:
                for method in (METHODS[made.method], *METHODS.finding_in(container.kind)):
                    found = method.find(container, context)
                    if found is not None:
                        return made.is_in(found)
                return False
        except (MediaError, RevealError):
            return False

    if not with_heartbeat(comes_back, heartbeat):
        raise not_given_back(written.path)


@dataclass(frozen=True)
class HideJob(ChosenMethod):
    """A way to hide one secret after another: a method with its options, and a context.

    It can be pickled. If it `refuses_unmeant`, so are covers that few people mean: those that hide a secret already
    (`refuse_container`), and huge blank ones (`refuse_blank`).
    """

    context: Context = DEFAULT_CONTEXT
    refuses_unmeant: bool = False

    def __call__(self, cover: Path, secret: Path, out: OutputTarget, key_source: KeySource) -> Report:
        """Hide one secret, as `hide_file`."""
        return hide_file(self, cover, secret, out, key_source)

    def refuse_blank(self, cover: Cover) -> None:
        """Raise MediaError if the job refuses what is not meant, and a cover has huge pictures, but few bytes.

        It is asked before any of its pixels is decoded. Screenshots of two screens are smaller than this.
        """
        huge = 0 if cover.kind == FILM else 1 << 24  # pixels; of a film, any that are not soon read
        if not self.refuses_unmeant or not cover.is_nearly_blank or math.prod(cover.stated_size) <= huge:
            return
        height, width = cover.stated_size
        better = "photograph" if cover.kind == PICTURE else "film of a camera"
        error = MediaError(
            f"has {shown_size(cover.length)} for {width}×{height} pixels, as a blank {cover.kind} has",
            Text(f"use a {better}", CommandLine("--force", ", or hide in it all the same, which takes long")),
            subject=cover,
        )
        error.unmeant = True
        raise error

    def refuse_container(self, cover: Cover, key_source: KeySource) -> None:
        """Raise MediaError if the job refuses what is not meant, and something in a cover opens with the sender's key.

        What a recipient's key hides only its identity finds. What survives changes is not looked for: that takes longer
        than to hide.
        """
        if not self.refuses_unmeant or isinstance(key_source, Recipient):
            return
        quiet = replace(self.context, progress=no_progress)
        found = False
        with suppress(StegnetError), Container(cover, key_source) as container:
            methods = (method for method in METHODS.finding_in(container.kind) if method.info.name != "robust")
            found = any(isinstance(method.find(container, quiet), FoundSecret) for method in methods)
        if found:
            ways = (
                "use the picture, film or sound that it was made from",
                CommandLine("--force", ", or destroy that secret"),
            )
            error = MediaError("hides a secret already, which opens with this key", Text(*ways), subject=cover)
            error.unmeant = True
            raise error

    def showing(
        self, progress: Progress, warn: Callable[[str], None] = ignore, tell: Callable[[str, str], None] = ignore
    ) -> "HideJob":
        """Return a copy that reports progress, and warns and tells what is known before the work begins."""
        return replace(self, context=replace(self.context, progress=progress, warn=warn, tell=tell))
