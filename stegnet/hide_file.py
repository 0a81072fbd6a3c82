"""Hiding from file to file by any method, and writing the results.

The cover is opened once, and only complete files are written: new containers, as PNG, JPEG or film or in the form of
their cover, and the files that are found in containers.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from stegnet.core.disk import atomic_write
from stegnet.core.errors import MediaError, RevealError, StegnetError
from stegnet.core.names import FILM, PICTURE, shown_size
from stegnet.core.parallel import Progress, no_progress, with_heartbeat
from stegnet.core.text import Aside, CommandLine, Setting, Text
from stegnet.formats.opened_file import FileInMemory, is_mp4
from stegnet.formats.signatures import FORMS, JPEG_SUFFIXES, form_of, has_form
from stegnet.hiding.medium import MediumMethod, SealedSamples
from stegnet.hiding.method import (
    AUTO,
    DEFAULT_CONTEXT,
    Context,
    CoverSize,
    FoundSecret,
    Method,
    MethodOptions,
    NewContainer,
    Payload,
    Room,
    ignore,
)
from stegnet.jpeg.cover import TOO_FINE_WAY_OUT, why_made_anew
from stegnet.keys import ContainerKeys, KeySource, Recipient
from stegnet.media.claims import open_cover
from stegnet.media.cover import Cover
from stegnet.media.growth import Growth, growth_of, or_without_loss
from stegnet.media.metadata import PLACE_KEPT, has_gps_position
from stegnet.methods.registry import METHODS
from stegnet.record import (
    Container,
    Record,
    not_given_back,
)
from stegnet.results import (
    CHANGED_SECRET,
    H264_FILM,
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

    with Payload(secret, job.may_compress) as payload, open_cover(cover, options.strip_metadata) as opened:
        job.refuse_blank(opened)
        method.check(opened, options)
        secret_file = (secret,) if isinstance(secret, Path) else ()
        out.check(method.suffixes_of(opened), opened.called, cover, *secret_file, *options.input_files)
        job.refuse_container(opened, key_source)
        if not options.strip_metadata and keeps_place(opened, suffix):
            context.warn(PLACE_KEPT)
        keeps_form = method.info.name in (AUTO, "jpeg") and not (options.names_channel or options.resize)
        if keeps_form and suffix in JPEG_SUFFIXES and (anew := made_anew(opened, suffix)):
            context.warn(anew)

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
        if verify:
            _verify(part, made)
            if not has_form(part, out.path.suffix.lower()):
                raise MediaError("was written in another form than its name says", "report it", subject=out.path)
    known = {"cover_pixels": made.frames * made.height * made.width} | written.figures
    figures = HidingFigures(method=made.method, cover_bytes=cover.length, **known)
    place = [PLACE_KEPT] if has_gps_position(out.path) else []

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


def _verify(part: Path, made: NewContainer) -> None:
    """Open a file that was written, as its receiver will. Raises MediaError if the secret does not come back."""
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
            with Container(Cover(made.arriving(part), quiet=True), made.keys) as container:
                for method in (METHODS[made.method], *METHODS.finding_in(container.kind)):
                    found = method.find(container, context)
                    if found is not None:
                        return made.is_in(found)
                return False
        except (MediaError, RevealError):
            return False

    if not with_heartbeat(comes_back, heartbeat):
        raise not_given_back(part)


@dataclass(frozen=True)
class HideJob:
    """A way to hide one secret after another: a method, an instance of its options, and a context.

    It can be pickled. If it `refuses_unmeant`, so are covers that few people mean: those that hide a secret already
    (`refuse_container`), and huge blank ones (`refuse_blank`).
    """

    method: Method[Any]
    options: MethodOptions
    context: Context = DEFAULT_CONTEXT
    refuses_unmeant: bool = False

    def __call__(self, cover: Path, secret: Path, out: OutputTarget, key_source: KeySource) -> Report:
        """Hide one secret, as `hide_file`."""
        return hide_file(self, cover, secret, out, key_source)

    @property
    def may_compress(self) -> bool:
        """False if the options refuse the copies that the method makes by default of what does not fit."""
        return self.options.compress or not type(self.options).compress

    def suffix_of(self, cover: Path) -> str:
        """Return the default suffix for the container of a cover; errors are those of `Cover` and `Method.check`."""
        with Cover(cover) as opened:
            return self._suffix_of(opened)

    def _suffix_of(self, cover: Cover) -> str:
        self.method.check(cover, self.options)
        return self.method.suffixes_of(cover)[0]

    def unasked_suffix(self, cover: Path, alone: bool = True) -> str:
        """Return the suffix for the container of a cover that nobody has named; an MP4 with H.264 is to stay one.

        Args:
            cover: file of the cover.
            alone: refuse a JPEG that can't stay one; of several covers, those become PNGs, and the user is told.

        Raises:
            MediaError: it would be many times as large as its cover, or not the JPEG that it is; `larger`: its suffix.
        """
        with Cover(cover) as opened:
            suffix = self.usual_suffix(opened)
            if alone and opened.rare_jpeg and self.method.info.name == AUTO and not self.options.resize:
                raise _refused_form(opened, suffix)
            growth = self.growth(opened, suffix) if self.method.info.name == AUTO else None
            if growth and growth.is_asked_about:
                raise refused_growth(opened, growth, suffix)
            return suffix

    def usual_suffix(self, cover: Cover) -> str:
        """Return the suffix of `unasked_suffix`, however large the container gets."""
        suffix = self._suffix_of(cover)
        is_chosen = self.method.info.name != AUTO
        return ".mp4" if not is_chosen and cover.lossy_format == H264_FILM and is_mp4(cover) else suffix

    def foretold(self, cover: Path) -> tuple[str, ...]:
        """Return the warnings that are due before one of several covers is hidden in, whose containers nobody names."""
        with Cover(cover) as opened:
            suffix = self.usual_suffix(opened)
            place = PLACE_KEPT if not self.options.strip_metadata and keeps_place(opened, suffix) else ""
            form = made_anew(opened, suffix) if self.method.info.name == AUTO and not self.options.resize else ""
        return tuple(filter(None, (place, form)))

    def growth(self, cover: Cover, suffix: str) -> Growth | None:
        """Return how large the container gets; None: about as large as its cover, or not known."""
        is_larger = suffix in FORMS[PICTURE] and not has_form(cover, suffix)
        is_larger |= suffix == ".mkv" and cover.png is None
        return growth_of(cover, self.options.resize) if is_larger else None

    def room(self, cover: CoverSize, name: str, suffix: str) -> Room | None:
        """Return the room in an open cover for a file, by the method that hides in containers of this suffix.

        Raises MediaError if the cover can't stay what it is, with the reason.
        """
        assert cover.cover is not None
        method, options = self.method.entry(cover.cover, suffix, self.options)
        found = method.room(cover, name, options)
        if found and not found.bytes:
            for fit in method.what_fits(cover):
                if fit.why_not:
                    raise or_without_loss(MediaError(fit.why_not, subject=cover.cover), cover.cover)
        return found

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
        with suppress(StegnetError):
            container = Container(cover, key_source)  # closing it would close the cover
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


def refused_growth(cover: Cover, growth: Growth, suffix: str) -> MediaError:
    """Return the error for a container without loss that nobody has asked for."""
    what, stays = ("a film without loss", "an MP4 with H.264") if cover.is_film else ("a PNG", "a JPEG or PNG")
    problem = f"would become {what} of {growth.in_words}: only {stays} can stay what it is"
    other = "another cover" if cover.is_film else "a JPEG of it"
    hint = Text(f"use {other}, or ask for the larger file", Aside("to", f"NAME{suffix}", quoted=False))
    error = MediaError(problem, hint, subject=cover)
    error.larger = suffix
    return error


def _refused_form(cover: Cover, suffix: str) -> MediaError:
    """Return the error for a JPEG that can't stay the JPEG it is, where nobody has asked for another form.

    Raises MediaError if it can't be decoded at all.
    """
    _ = cover.pixels
    anew = Text(
        f"ask for a JPEG made anew, or a {suffix[1:].upper()}", Aside("to", f"NAME.jpg, NAME{suffix}", quoted=False)
    )
    hint = Text(f"{cover.jpeg_way_out}; or ", anew) if cover.jpeg_way_out else anew
    error = MediaError(f"can't stay the JPEG that it is, since {cover.rare_jpeg}", hint, subject=cover)
    error.larger = suffix
    return error


def made_anew(cover: Cover, suffix: str) -> str:
    """Return the warning that a JPEG does not stay the JPEG that it is; "" if it does, or needs not.

    Raises MediaError if it can't be decoded at all.
    """
    why = why_made_anew(cover) if suffix in JPEG_SUFFIXES else cover.rare_jpeg
    if not why:
        return ""
    if cover.rare_jpeg:
        _ = cover.pixels
    becomes = "a JPEG made anew" if suffix in JPEG_SUFFIXES else f"a {suffix[1:].upper()}"
    made = f"the cover can't stay the JPEG that it is, since {why}: it becomes {becomes}"
    if not cover.rare_jpeg:
        return f"{made}; {TOO_FINE_WAY_OUT}"
    return f"{made}; to keep it, {cover.jpeg_way_out}" if cover.jpeg_way_out else made


def keeps_place(cover: Cover, suffix: str) -> bool:
    """Return whether a container of this suffix says where its cover was taken, whose metadata it keeps."""
    form = form_of(cover)
    if form is None or not has_gps_position(cover):
        return False
    return form.kind != PICTURE or suffix in JPEG_SUFFIXES or (form.keeps_metadata and suffix in form.suffixes)
