"""Telling pictures from films, and lossy formats from lossless ones: by content, not by name."""

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
_LOSSY_WEBP = "a lossy WebP"


def kind(path: Source) -> str:
    """Returns PICTURE for a still, FILM for a file with a video track or an animation of more than one frame.

    A file with several stills (TIFF pages, stereo pairs) is a picture.

    Raises:
        MediaError: no such file, empty, sound without pictures, or neither a picture nor a film.
    """
    _check_file(path)
    try:
        return _kind_of_picture(path)
    except MediaError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise  # certainly a picture
        with open_film(path) as film:
            picture_stream(film, path)
        return FILM


def media_kind(path: Source) -> str | None:
    """PICTURE or FILM; None for neither."""
    try:
        return kind(path)
    except MediaError:
        return None


def lossy_format(path: Source) -> str | None:
    """Returns the name of a lossy format, such as "a JPEG", or None if the file stores RGB without loss.

    Raises:
        MediaError: as `kind`.
    """
    try:
        with open_picture(path) as image:
            form = image.format
    except MediaError:
        form = None
    if form == "GIF" and kind(path) == FILM:
        return "a film of 256 colours (GIF)"
    if form in _LOSSY:
        return _LOSSY[form]
    if form == "WEBP":
        return _LOSSY_WEBP if is_lossy_webp(path) else None
    if kind(path) == PICTURE:
        return None
    with open_film(path) as film:
        stream = picture_stream(film, path)
        return (
            None if stream.format is None or stream.format.is_rgb else f"a film in YCbCr ({stream.codec_context.name})"
        )


def _check_file(path: Source) -> None:
    if not path.is_file():
        raise MediaError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: the file is empty")


def _kind_of_picture(path: Source) -> str:
    with open_picture(path) as image:
        if image.format in _NOT_PICTURES:
            raise MediaError(f"{path}: not a picture that can be read")
        animated = image.format in _ANIMATED and getattr(image, "is_animated", False)
        return FILM if animated else PICTURE
