"""A method with its options, and the form in which it writes a container: one that nobody names, or is asked about."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stegnet.core.errors import MediaError
from stegnet.core.names import PICTURE
from stegnet.core.text import Aside, Text
from stegnet.formats.opened_file import is_mp4
from stegnet.formats.signatures import FORMS, JPEG_SUFFIXES, form_of, has_form
from stegnet.hiding.method import AUTO, CoverSize, Method, MethodOptions, Room
from stegnet.jpeg.cover import TOO_FINE_WAY_OUT, why_made_anew
from stegnet.media.cover import Cover
from stegnet.media.growth import Growth, growth_of, or_without_loss
from stegnet.media.metadata import PLACE_KEPT, has_gps_position
from stegnet.results import H264_FILM


@dataclass(frozen=True)
class ChosenMethod:
    """A method and an instance of its options. It can be pickled."""

    method: Method[Any]
    options: MethodOptions

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

    def forewarnings(self, cover: Cover, suffix: str, is_named: bool) -> tuple[str, ...]:
        """Return the warnings that are due before a container of this suffix is made.

        Args:
            cover: opened cover.
            suffix: suffix of the container.
            is_named: the user has named the container, and so knows that it becomes a PNG, for example.

        Raises:
            MediaError: the cover can't be decoded.
        """
        options = self.options
        place = PLACE_KEPT if not options.strip_metadata and keeps_place(cover, suffix) else ""
        chooses_form = self.method.info.name == AUTO
        if is_named:
            chooses_form = self.method.info.name in (AUTO, "jpeg") and suffix in JPEG_SUFFIXES
        is_kept = chooses_form and not (options.names_channel or options.resize)
        return tuple(filter(None, (place, made_anew(cover, suffix) if is_kept else "")))

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
