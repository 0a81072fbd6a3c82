"""JPEGs as the library reads and saves them, for the tests that look into them."""

from pathlib import Path

from stegnet.core.pixels import DITHER, ZIGZAG, encode_jpeg, through_jpeg, through_webp
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.jpeg.cover import JpegCover, jpeg_cover as made
from stegnet.jpeg.samples import juniward
from stegnet.media.cover import Cover


def jpeg_cover(path: Path, quality: int) -> JpegCover:
    """A JPEG to hide in, made of a file."""
    with Cover(path) as cover:
        found = made(cover, quality)
        assert found.file.pixels.size  # which is decoded before the file is closed
        return found


def lossy_history(path: Path) -> str | None:
    """The lossy format that a file has or had."""
    with Cover(path) as cover:
        return cover.history
