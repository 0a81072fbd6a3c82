"""Lossless WebP files: a container has the chunks of its cover, and is coded as the cover was (RFC 9649).

Nearly all programs use libwebp, whose bytes depend on its method, its quality and its version. The first two are
recognised by coding the cover's pixels again, with the version in Pillow.
"""

import io
from collections.abc import Iterator
from mmap import mmap
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import not_kept, truncated
from stegnet.image.pictures import open_picture

_FORM = "WebP"
_HEADER = 12  # bytes of RIFF's header
_CHUNK = 8  # bytes of a chunk's header
_LEAST_DATA = 5  # bytes of VP8L's header
UNKNOWN_PROGRAM = (
    "the program, or version of libwebp, that wrote this WebP is not recognised: the container is coded as by the "
    "nearest one"
)


class Settings(NamedTuple):
    """Settings of libwebp: its method, 0 to 6, and its quality, 0 to 100, which is the effort if lossless."""

    method: int
    quality: int


# Settings of programs in the order of likelihood, each with the seconds that a megapixel takes, about.
_SETTINGS = {
    Settings(4, 80): 0.7,  # Pillow, sharp and libvips
    Settings(4, 75): 0.7,  # cwebp -lossless and -z 6, ffmpeg, ImageMagick
    Settings(0, 75): 0.2,  # Chromium's canvas
    Settings(4, 70): 0.6,  # OpenCV, and all that call WebPEncodeLosslessRGB
    Settings(6, 100): 7,  # cwebp -z 9, Pillow at its most
    Settings(6, 80): 0.8,  # sharp at its most
    Settings(6, 75): 0.8,  # cwebp -lossless -m 6
    Settings(6, 90): 0.9,  # GIMP
    Settings(4, 100): 0.9,  # ImageMagick -quality 100
    **dict.fromkeys([Settings(0, 0), Settings(1, 20), Settings(2, 25)], 0.2),  # cwebp -z 0 to 8, this line and the next
    **dict.fromkeys([Settings(3, 30), Settings(3, 50), Settings(4, 50), Settings(4, 90), Settings(5, 90)], 0.8),
}


class WebpFile:
    """Lossless WebP whose chunks were checked.

    Attributes:
        height, width: size in pixels, as stored.

    Raises:
        MediaError: it is truncated, lossy, or an animation.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        with mapped(source) as data:
            chunks = [(start, end) for kind, start, end in _chunks(source, data) if kind == b"VP8L"]
            if len(chunks) != 1:
                raise not_kept(source, _FORM, "it is lossy, or an animation")
            self._start, self._end = chunks[0]
            head = data[self._start + _CHUNK : self._start + _CHUNK + _LEAST_DATA]
        if len(head) < _LEAST_DATA:
            raise truncated(source, _FORM)
        sides = int.from_bytes(head[1:], "little")  # each less 1, in 14 bits
        self.height = (sides >> 14 & 0x3FFF) + 1
        self.width = (sides & 0x3FFF) + 1

    def write(self, file: BinaryIO, samples: np.ndarray) -> str:
        """Write the file with other pixels, (H, W, 3) uint8, or (H, W, 4) with opacity, as stored.

        Return a note if its program is not recognised, else "". Raises the errors of `coded`.
        """
        settings, known = self._recognised()
        picture = coded(samples, settings)
        with mapped(self.source) as data:
            size = int.from_bytes(data[4:8], "little") + len(picture) - (self._end - self._start)
            file.write(data[:4] + size.to_bytes(4, "little") + data[8 : self._start])
            file.write(picture)
            file.write(data[self._end :])
        return "" if known else UNKNOWN_PROGRAM

    def _recognised(self) -> tuple[Settings, bool]:
        """Return the settings by which the file was coded, and True; else those nearest in size, and False."""
        with open_picture(self.source) as image:
            samples = np.asarray(image)
        with mapped(self.source) as data:
            original = data[self._start : self._end]

        differences = {}  # in bytes
        ruled_out = set()  # methods
        seconds_left = 20e6 / (self.height * self.width)  # per megapixel: for 12 megapixels, the first three are tried
        for settings, seconds in _SETTINGS.items():
            if settings.method in ruled_out or seconds > seconds_left:
                continue
            seconds_left -= seconds
            made = coded(samples, settings)
            if made == original:
                return settings, True
            differences[settings] = abs(len(made) - len(original))
            if _transforms(made) != _transforms(original):
                ruled_out.add(settings.method)
        return min(differences, key=lambda tried: differences[tried], default=next(iter(_SETTINGS))), False


def coded(samples: np.ndarray, settings: Settings) -> bytes:
    """Return the chunk VP8L of (H, W, 3) uint8, or (H, W, 4) with opacity; transparent pixels keep their colours.

    Raises:
        MediaError: libwebp can't encode it, as if memory runs out.
    """
    try:
        Image.fromarray(samples).save(file := io.BytesIO(), "WEBP", lossless=True, exact=True, **settings._asdict())
    except (OSError, RuntimeError, ValueError) as error:
        size = f"{samples.shape[1]}×{samples.shape[0]} pixels"
        raise MediaError(f"{size} can't be made a WebP ({error})", "name the container .png") from error
    return file.getvalue()[_HEADER:]


def _transforms(chunk: bytes) -> int:
    """Return the nine bits behind the header of a stream (sections 4.1 and 4.3).

    They tell whether green is subtracted, and the block size of predictors, which depends on the method and the
    picture, not on the quality.
    """
    first = _CHUNK + _LEAST_DATA
    return int.from_bytes(chunk[first : first + 2], "little") & 0x1FF


def _chunks(source: Source, data: mmap) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name, start and end of each chunk, with the byte that pads it to an even length."""
    most_chunks = 1 << 16
    start = _HEADER
    end_of_file = _CHUNK + int.from_bytes(data[4:8], "little")
    for _ in range(most_chunks):
        if start >= end_of_file:
            return
        end = start + _CHUNK + int.from_bytes(data[start + 4 : start + 8], "little")
        end += end % 2
        if end > len(data):
            raise truncated(source, _FORM)
        yield data[start : start + 4], start, end
        start = end
    problem = f"the WebP has more than {most_chunks:,} chunks"
    raise MediaError(problem, "save it anew in an image editor", subject=source)
