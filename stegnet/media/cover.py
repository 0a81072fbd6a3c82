"""Covers: a picture, film or sound, recognised by content, not by name, opened once, and read as far as necessary."""

from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from stegnet import video
from stegnet.core.errors import ConfigError, MediaError
from stegnet.core.names import FILM, PICTURE, SOUND
from stegnet.core.pixels import channels_of
from stegnet.core.text import Setting, Text, joined, prefixed
from stegnet.formats.opened_file import OpenedFile, Source, is_jpeg, is_lossy_webp, is_sound
from stegnet.formats.signatures import Form, form_of, unknown_form
from stegnet.image.pictures import (
    ReadPicture,
    is_lossy_jpeg_2000,
    is_lossy_tiff,
    lost_by_pixels,
    open_picture,
    picture_head,
    picture_notes,
    pixels_of,
    read_with_notes,
    reduced,
)
from stegnet.jpeg.markers import UnsupportedJpegError, open_jpeg
from stegnet.media.condition import Condition, Premise
from stegnet.media.evidence.films import film_evidence
from stegnet.media.evidence.pictures import PictureEvidence, picture_evidence
from stegnet.png.file import PngFile, open_png

if TYPE_CHECKING:
    from stegnet.sound.cover import SoundCover
    from stegnet.video.films import FilmInfo

_LOSSY_WEBP = "a lossy WebP"


class Probe(NamedTuple):
    """Result of recognising a file."""

    kind: str  # PICTURE, FILM or SOUND
    lossy_format: str | None  # such as "a JPEG"; None if RGB is stored without loss


def probe(path: Source) -> Probe:
    """Tell a still from a film, which has a video track or is an animation of more than one frame.

    A file with several stills (TIFF pages, stereo pairs) is a picture; only WAV and FLAC are sounds.

    Raises:
        MediaError: the file is missing or empty, is compressed sound without pictures, has an unknown format, or is an
            animation that FFmpeg can't read as a film.
    """
    if not path.is_file():
        raise MediaError("not a file" if path.exists() else "no such file", subject=path)
    if path.stat().st_size == 0:
        raise MediaError("the file is empty", "copy it again from its source", subject=path)
    form = form_of(path)
    if form is None:
        raise unknown_form(path)
    if form.name == "JPEG":
        return Probe(PICTURE, form.lossy)
    if form.kind == SOUND:
        if is_sound(path):
            return Probe(SOUND, None)
        raise not_a_cover(path, form)
    if form.kind == FILM:
        return _probe_film(path)

    with open_picture(path, hands_on=True) as image:
        format_name = image.format or ""
        animated = format_name in {"GIF", "PNG", "WEBP", "AVIF"} and getattr(image, "is_animated", False)
        lossy = form.lossy or None
        if animated and (unread := _unread_animation(image)):
            raise MediaError(f"is {unread}, which can't be read as a film", "convert it to MP4 first", subject=path)
        if format_name == "GIF" and animated:
            lossy = "a film of 256 colours (GIF)"
        if is_lossy_tiff(image):
            lossy = "a lossy TIFF"
        if is_lossy_jpeg_2000(path, image):
            lossy = "a lossy JPEG 2000"
    if format_name == "WEBP":
        lossy = _LOSSY_WEBP if is_lossy_webp(path) else None
    return Probe(FILM if animated else PICTURE, lossy)


def _unread_animation(image: Image.Image) -> str:
    """Name an animation that FFmpeg can't read, or not all of its pictures; "" for the others."""
    if image.format in ("WEBP", "AVIF"):
        return f"an animated {image.format.replace('WEBP', 'WebP')}"
    if image.format == "GIF":  # FFmpeg takes a second picture without a delay for a part of the first
        image.seek(1)
        has_delays = "duration" in image.info
        image.seek(0)
        return "" if has_delays else "an animated GIF without delays"
    return ""


def not_a_cover(path: Source, form: Form) -> MediaError:
    """Return the error for a sound that can't be a cover: it was coded with loss, or is in a rare container."""
    hint = "convert it to WAV or FLAC" if form.lossless else "use one that was never MP3 or AAC, as WAV or FLAC"
    return MediaError(f"is {form.name}, and of sounds only WAV and FLAC are covers", hint, subject=path)


def kind(path: Source) -> str:
    """Return PICTURE, FILM or SOUND; errors are those of `probe`, whose result a cover caches."""
    return path.kind if isinstance(path, Cover) else probe(path).kind


def media_kind(path: Source) -> str | None:
    """Return PICTURE or FILM; None for anything else."""
    try:
        kind_of_file = kind(path)
    except MediaError:
        return None
    return None if kind_of_file == SOUND else kind_of_file


def _probe_film(path: Source) -> Probe:
    """Tell a film of RGB, which may be lossless, from one of YCbCr."""
    with video.film_head(path) as film:
        stream = video.picture_stream(film, path)
        if stream.format is None or stream.format.is_rgb:
            return Probe(FILM, None)
        return Probe(FILM, f"a film in YCbCr ({stream.codec_context.name})")


@dataclass(frozen=True)
class Compressed:
    """Compressed copy of a picture, film or sound."""

    path: Path
    description: str  # format and quality, for messages
    psnr: float | None = None  # of a picture or film in dB against the original in sRGB; inf if they are equal


def visible_form(path: Source) -> Form | None:
    """Return the form of a picture or film, even a damaged one; None for a sound and for a file that is no media."""
    form = form_of(path)
    if form is None or form.kind == SOUND:
        return None
    try:
        return None if form.kind == FILM and video.has_sound_alone(path) else form
    except MediaError:
        return form


def lost_by_copy(path: Source) -> str:
    """Name the parts of a picture or film, besides quality, that a compressed copy would lose.

    A file that would lose any is hidden as it is, or not at all; the part of a damaged file that can't be read counts
    as lost. The text is "" if nothing would be lost, or the file is neither.
    """
    if visible_form(path) is None:
        return ""
    try:
        return lost_by_pixels(path) if kind(path) == PICTURE else video.lost_by_encoding(path)
    except MediaError as error:
        return f"what can't be read of it ({error})"


def about_secret(path: Source) -> tuple[str, ...]:
    """Return the notes on a secret that is not hidden byte for byte, if it is a picture."""
    return (
        tuple(prefixed("secret: ", line) for line in picture_notes(path, secret=True))
        if media_kind(path) == PICTURE
        else ()
    )


def kind_of_secret(path: Source) -> str:
    """Return PICTURE or FILM for a secret of the network method. Raises MediaError if it is neither.

    The error's hint names the method that hides any file.
    """
    try:
        kind_of_file = kind(path)
        if kind_of_file == SOUND:
            raise MediaError("is a sound, neither a picture nor a film", subject=path)
        return kind_of_file
    except MediaError as error:
        hints = (error.hint, Text(Setting("method", "sealed"), " hides any file as it is"))
        raise error.with_hint(joined("; ", filter(None, hints))) from error


def check_input(path: Path) -> None:
    """Raise MediaError for an input that is not a readable file."""
    OpenedFile(path).close()


def reduced_to(pixels: np.ndarray, side: int | None) -> np.ndarray:
    """Return a cover, (H, W, 3) uint8, with its longer side reduced to `side` pixels.

    Raises ConfigError if it isn't longer.
    """
    longer = max(pixels.shape[:2])
    if side is None:
        return pixels
    if not 0 < side < longer:
        raise ConfigError(
            f"{side} is not from 1 to {longer - 1}: the cover's longer side has {longer} pixels", parameter="resize"
        )
    return reduced(pixels, side)


class Cover(OpenedFile):
    """Cover or container, whose properties are computed when first asked for, and then cached.

    All properties raise MediaError if the file can't be read, or has an unknown format.

    Attributes:
        left_out: lines for the report on parts of the file that are not used.
        strips_metadata: its container is to have none of its metadata.
        is_only_described: nothing is hidden in it, so that the first frames of a film of few bytes are enough.
        orientation, is_converted: as of `ReadPicture`, once the pixels of a picture have been read.
    """

    left_out: tuple[str, ...] = ()
    strips_metadata: bool = False
    is_only_described: bool = False
    orientation: int
    is_converted: bool
    _notes: tuple[str, ...] | None = None

    @cached_property
    def _probe(self) -> Probe:
        return probe(self)

    @property
    def kind(self) -> str:
        """PICTURE, FILM or SOUND."""
        return self._probe.kind

    @property
    def is_film(self) -> bool:
        """True if it is a film or an animation."""
        return self.kind == FILM

    @property
    def called(self) -> str:
        """Kind as a user knows it."""
        return self.sound.file.form if self.kind == SOUND else self.kind

    @cached_property
    def is_jpeg(self) -> bool:
        """True if the file begins as a JPEG does."""
        return is_jpeg(self)

    @property
    def rare_jpeg(self) -> str:
        """Reason that a JPEG can't stay one, such as "it is CMYK"; "" for other JPEGs and other files."""
        error = self._jpeg_error
        return f"it {error.reason}" if isinstance(error, UnsupportedJpegError) else error.problem if error else ""

    @property
    def jpeg_way_out(self) -> str:
        """How to make a JPEG that can't stay one ordinary without loss; "": it need not be, or can't."""
        return self._jpeg_error.way_out if isinstance(self._jpeg_error, UnsupportedJpegError) else ""

    @cached_property
    def _jpeg_error(self) -> MediaError | None:
        if self.is_jpeg:
            try:
                open_jpeg(self)
            except MediaError as error:
                return error
        return None

    @cached_property
    def png(self) -> PngFile | None:
        """Chunks of the file, if it is a PNG."""
        form = form_of(self)
        if form is None or form.name != "PNG":
            return None
        file = open_png(self)
        file.refuse_cut_off()
        return file

    @property
    def stays_jpeg(self) -> bool:
        """True if the file is a JPEG whose coefficients can be hidden in."""
        return self.is_jpeg and not self.rare_jpeg

    @property
    def lossy_format(self) -> str | None:
        """Name of the lossy format; None if the file stores RGB without loss."""
        return f"a JPEG that can't stay one, since {self.rare_jpeg}" if self.rare_jpeg else self._probe.lossy_format

    @cached_property
    def picture(self) -> tuple[np.ndarray, bytes | None]:
        """Pixels of a picture, (H, W, 3) uint8, and its ICC profile, as `read_cover`."""
        if self.is_transparent:
            layers, profile = self.layers
            return pixels_of(Image.fromarray(layers)), profile
        read = read_with_notes(self)
        self._keep(read)
        return read.pixels, read.profile

    def _keep(self, read: ReadPicture) -> None:
        self._notes = read.notes
        self.orientation = read.orientation
        self.is_converted = read.is_converted

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on a picture, collected while its pixels are read."""
        if self._notes is None:
            self._notes = picture_notes(self)
        return self._notes

    @cached_property
    def is_transparent(self) -> bool:
        """True if it is a picture with opacity or several layers."""
        return self.kind == PICTURE and not self.is_jpeg and picture_head(self).has_layers

    @cached_property
    def layers(self) -> tuple[np.ndarray, bytes | None]:
        """Red, green, blue and opacity of a transparent picture, (H, W, 4) uint8, and its ICC profile."""
        read = read_with_notes(self, layers=True)
        self._keep(read)
        return read.pixels, read.profile

    def forget_pixels(self) -> None:
        """Free the memory of the pixels, which are read again if asked for."""
        for name in ("picture", "layers"):
            self.__dict__.pop(name, None)

    @cached_property
    def sound(self) -> "SoundCover":
        """Samples of a sound; errors are those of `read_sound`."""
        from stegnet.sound.cover import SoundCover  # takes 15 ms, with all that reads sounds

        return SoundCover(self)

    @property
    def context(self) -> bytes:
        """Bytes that the MAC covers besides the samples."""
        return self.sound.context if self.kind == SOUND else b""

    @property
    def pixels(self) -> np.ndarray:
        """Pixels of the picture as viewers show them, (H, W, 3) uint8."""
        return self.picture[0]

    @cached_property
    def film(self) -> "FilmInfo":
        """Properties of a film, for which all of it is decoded once, or its first part if it is only described."""
        return video.scan(self, video.soon_decoded(self)) if self.is_only_described else video.scan(self)

    @property
    def frames(self) -> int:
        """Number of frames; 1 for a picture."""
        return len(self.film.pts) if self.is_film else 1

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels; of a sound, its rows that carry something, and their samples."""
        if self.kind == SOUND:
            return self.sound.size
        return (self.film.height, self.film.width) if self.is_film else self.pixels.shape[:2]

    @cached_property
    def stated_size(self) -> tuple[int, int]:
        """Height and width of a picture or film in pixels, as its file says before anything is decoded or turned."""
        if not self.is_film:
            head = picture_head(self)
            return head.height, head.width
        with video.film_head(self) as film:
            frame = video.picture_stream(film, self).codec_context
            return frame.height, frame.width

    @property
    def is_nearly_blank(self) -> bool:
        """True if its pixels are so many for the bytes of its file that it is no photograph, and takes long to read."""
        soon_read = 6 << 20  # pixels
        most_pixels = 30  # for a byte; a camera's JPEG has 3 to 10, small copies for the web 20
        height, width = (0, 0) if self.kind == SOUND else self.stated_size
        return height * width > max(soon_read, most_pixels * self.length)

    @cached_property
    def channels(self) -> int:
        """1 if all pixels are grey, else 3; 1 of a sound."""
        if self.kind == SOUND:
            return 1
        return (1 if self.film.grey else 3) if self.is_film else channels_of(self.pixels)

    @cached_property
    def history(self) -> str | None:
        """Lossy format that the file has or had, such as "a JPEG"; None if it shows no trace of one."""
        if self.lossy_format:
            return self.lossy_format
        if self.kind == SOUND:
            return self.sound.history
        return self.evidence.proof or self.unknown_png

    @property
    def unknown_png(self) -> str | None:
        """The trace of a PNG of no known program, whose container is compressed otherwise than its pixels would be."""
        if self.png is None or not self.png.is_of_unknown_program:
            return None
        return "a PNG that no known program compresses so (save it again first: `convert NAME.png NEW.png`)"

    @cached_property
    def evidence(self) -> PictureEvidence:
        """Evidence that the samples of a picture or film give of changes; of a film, frames of its middle are asked."""
        if not self.is_film:
            return picture_evidence(self.pixels)
        count = self.film.decoded
        asked = sorted({min(at + after, count - 1) for at in (count // 3, count // 2) for after in (0, 1)})
        with closing(video.read_frames(self, asked, as_ffmpeg=True)) as frames:
            found = dict(zip(asked, frames, strict=False))
        pairs = [(found[at], found[at + 1]) for at in found if at + 1 in found]
        return film_evidence(pairs or [(frame, ~frame) for frame in found.values()], self.frames)

    def is_halved(self, side: int | None) -> bool:
        """Return whether a longer side of so many pixels is half of the cover's or less; None: it stays as large."""
        return side is not None and 2 * side <= max(self.size)

    def condition(self, side: int | None = None) -> Condition:
        """Return what has to be so of the cover where its container is called hard to find.

        Its longer side is reduced to so many pixels; None: it stays as large.
        """
        premise = Premise.NEVER_LOSSY
        if self.kind == SOUND:
            premise = Premise.RECORDED
        elif self.is_halved(side):
            premise = Premise.UNPUBLISHED
        elif self.lossy_format:
            premise = Premise.CAMERA
        return Condition(self.path.name, premise)


def about_cover(cover: Cover, *, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the notes on a picture for its container's report, except notes that begin with `without`.

    These notes are on parts of the cover that the container keeps.
    """
    return tuple(prefixed("cover: ", line) for line in cover.notes if not line.startswith(without))
