"""Telling pictures from films, and lossy formats from lossless ones: by content, not by name."""

from typing import NamedTuple

from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.kinds import FILM, PICTURE
from stegnet.media.films.films import open_film, picture_stream
from stegnet.media.opened_file import Source
from stegnet.media.pictures.pictures import open_picture
from stegnet.media.signature import is_lossy_webp

_ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
# What Pillow wrongly takes for a still, or has Ghostscript render.
_NOT_PICTURES = {"MPEG", "EPS"}
_LOSSY = {"JPEG": "a JPEG", "MPO": "a JPEG", "GIF": "a GIF", "AVIF": "an AVIF", "HEIF": "a HEIC"}
_LOSSY_WEBP, _LOSSY_GIF = "a lossy WebP", "a film of 256 colours (GIF)"


class Probe(NamedTuple):
    """What a file is: PICTURE or FILM, and its lossy format, such as "a JPEG"; None if it stores RGB without loss."""

    kind: str
    lossy_format: str | None


def probe(path: Source) -> Probe:
    """Tells a still from a film, which has a video track or is an animation of more than one frame.

    A file with several stills (TIFF pages, stereo pairs) is a picture.

    Raises:
        MediaError: no such file, empty, sound without pictures, or neither a picture nor a film.
    """
    if not path.is_file():
        raise MediaError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty")
    try:
        with open_picture(path) as image:
            form = image.format
            animated = form in _ANIMATED and getattr(image, "is_animated", False)
    except MediaError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise  # certainly a picture
        return _probe_film(path)
    if form in _NOT_PICTURES:
        return _probe_film(path)
    if form == "WEBP":
        lossy = _LOSSY_WEBP if is_lossy_webp(path) else None
    else:
        lossy = _LOSSY_GIF if form == "GIF" and animated else _LOSSY.get(form)
    return Probe(FILM if animated else PICTURE, lossy)


def kind(path: Source) -> str:
    """PICTURE or FILM; errors as `probe`."""
    return probe(path).kind


def media_kind(path: Source) -> str | None:
    """PICTURE or FILM; None for neither."""
    try:
        return kind(path)
    except MediaError:
        return None


def _probe_film(path: Source) -> Probe:
    with open_film(path) as film:
        stream = picture_stream(film, path)
        if stream.format is None or stream.format.is_rgb:
            return Probe(FILM, None)
        return Probe(FILM, f"a film in YCbCr ({stream.codec_context.name})")
