"""Lossless WebP files: a container has the chunks of its cover, and is coded as the cover was (RFC 9649).

Nearly all programs code by libwebp, whose bytes depend on its method, its quality and its version. The first two are
recognised by coding the cover's own pixels again, by the version in Pillow.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.formats.opened_file import Source, mapped
from stegnet.formats.raster import not_kept, truncated
from stegnet.image.pictures import open_picture

_FORM, _LOSSLESS = "WebP", b"VP8L"
_HEADER, _CHUNK = 12, 8  # bytes of RIFF's, and of a chunk's
_MOST_CHUNKS = 1 << 16
_LEAST_DATA = 5  # bytes of VP8L's header
_SIDE = 0x3FFF  # of which a picture's, less 1, has 14 bits
UNKNOWN_PROGRAM = (
    "the program, or version of libwebp, that wrote this WebP is not recognised: the container is coded as by the "
    "nearest one"
)


class Settings(NamedTuple):
    """Of libwebp: its method, 0 to 6, and its quality, which is its effort."""

    method: int
    quality: int


# In the order of likelihood, each with the seconds that a megapixel takes, about.
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
_MOST_SECONDS = 20  # that are spent on recognising settings: of 12 megapixels, the first three are tried
# Bits that the stream begins with behind its header (sections 4.1 and 4.3): subtracting green, and the predictors' size
# of blocks, which depends on the method and the picture, not on the quality.
_TRANSFORMS = 0x1FF


class WebpFile:
    """A lossless WebP whose chunks were looked through.

    Attributes:
        height, width: in pixels, as stored.

    Raises:
        MediaError: it is truncated, lossy, or an animation.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        with mapped(source) as data:
            found = [(at, end) for kind, at, end in _chunks(source, data) if kind == _LOSSLESS]
            if len(found) != 1:
                raise not_kept(source, _FORM, "it is lossy, or an animation")
            self._start, self._end = found[0]
            head = data[self._start + _CHUNK : self._start + _CHUNK + _LEAST_DATA]
        if len(head) < _LEAST_DATA:
            raise truncated(source, _FORM)
        sides = int.from_bytes(head[1:], "little")
        self.height, self.width = (sides >> 14 & _SIDE) + 1, (sides & _SIDE) + 1

    def write(self, file: BinaryIO, samples: np.ndarray) -> str:
        """Write the file with other pixels, (H, W, 3) uint8, or (H, W, 4) with opacity, as stored.

        Return a line if its program is not recognised; "" if it is.
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
        """Return the settings by which the file was coded, and True; or those that give as many bytes, and False."""
        with open_picture(self.source) as image:
            samples = np.asarray(image)
        with mapped(self.source) as data:
            own = data[self._start : self._end]
        sizes, ruled_out, left = {}, set(), _MOST_SECONDS * 1e6 / (self.height * self.width)
        for settings, seconds in _SETTINGS.items():
            if settings.method in ruled_out or seconds > left:
                continue
            left -= seconds
            made = coded(samples, settings)
            if made == own:
                return settings, True
            sizes[settings] = abs(len(made) - len(own))
            if _transforms(made) != _transforms(own):
                ruled_out.add(settings.method)
        return min(sizes, key=sizes.get, default=next(iter(_SETTINGS))), False


def coded(samples: np.ndarray, settings: Settings) -> bytes:
    """Return the chunk VP8L of (H, W, 3) uint8, or (H, W, 4) with opacity; what can't be seen keeps its colour.

    Raises:
        MediaError: libwebp can't code it, as where memory runs out.
    """
    try:
        Image.fromarray(samples).save(file := io.BytesIO(), "WEBP", lossless=True, exact=True, **settings._asdict())
    except (OSError, RuntimeError, ValueError) as error:
        size = f"{samples.shape[1]}×{samples.shape[0]} pixels"
        raise MediaError(f"{size} can't be made a WebP ({error})", "name the container .png") from error
    return file.getvalue()[_HEADER:]


def _transforms(chunk: bytes) -> int:
    first = _CHUNK + _LEAST_DATA
    return int.from_bytes(chunk[first : first + 2], "little") & _TRANSFORMS


def _chunks(source: Source, data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each chunk, and where it begins and ends, with what fills it up to an even length."""
    at, end = _HEADER, _CHUNK + int.from_bytes(data[4:8], "little")
    for _ in range(_MOST_CHUNKS):
        if at >= end:
            return
        after = at + _CHUNK + int.from_bytes(data[at + 4 : at + 8], "little")
        after += after % 2
        if after > len(data):
            raise truncated(source, _FORM)
        yield data[at : at + 4], at, after
        at = after
    raise MediaError(
        f"the WebP has more than {_MOST_CHUNKS:,} chunks", "save it anew in an image editor", subject=source
    )
