"""Pictures as arrays: in 8 bits and in [0, 1], in strips, in blocks of 8×8 pixels with their DCT, and saved as JPEG.

Blocks, zigzag order and quanta are JPEG's (ITU-T T.81). A network hides a picture minus its base, which both sides
know: the base travels losslessly, as sealed bits. The residual is multiplied by a gain that gives it the same strength
for every base: after a good base, little is left, and much after a poor one. Pictures that are split this way are (H,
W, 3), with sides that are multiples of 8.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Self, TypeVar

import numpy as np
from PIL import Image

from stegnet.core.errors import MediaError
from stegnet.core.parallel import in_parts
from stegnet.core.text import Setting, Text

BLOCK = 8  # side of a block in pixels
DITHER = BLOCK**2  # luma coefficients of a block: a modem shifts the phases of each
LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue (ITU-R BT.601-7, 2.5.1)
# Quanta of luma in levels at quality 50 (T.81, table K.1), row by row.
LUMA_QUANTA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
# Position of the k-th coefficient in zigzag order: row · 8 + column. Diagonals run upwards and downwards in turn.
ZIGZAG = np.array(
    [
        BLOCK * row + column
        for row, column in sorted(product(range(BLOCK), repeat=2), key=lambda at: (sum(at), at[1 - sum(at) % 2]))
    ],
    np.intp,
)
# (8, 8) float64: orthonormal DCT, type II, frequency by place.
COSINES = np.cos(np.outer(np.arange(BLOCK), 2 * np.arange(BLOCK) + 1) * np.pi / (2 * BLOCK)) / 2
COSINES[0] /= np.sqrt(2)
# Pixels of a block for a coefficient of 1, (64, 64) float64: coefficients in zigzag order by pixels.
DCT_BASIS = np.einsum("ku,lv->kluv", COSINES, COSINES).reshape(BLOCK**2, BLOCK**2)[ZIGZAG]
Result = TypeVar("Result")
NONE = "none"  # kind of base: grey
MEANS = "means"  # kind of base: the means of blocks
CODED = "coded"  # kind of base: a small AVIF
LEVELS = 255
GREY = 128  # value of the base of kind "none"
MOST_JPEG_SIDE = 65_500  # pixels, the limit of libjpeg (JPEG_MAX_DIMENSION)
_STRIP = 1 << 20  # pixels
LARGE_PHOTOGRAPH = 1 << 26  # pixels of a hidden picture that any container may declare
LARGEST_RATIO = 64  # pixels of a larger one for each of its container
HIDDEN_RMS = 0.1  # root mean square of the signal that a network hides
MIN_RMS = 0.25 / LEVELS  # of a residual; a weaker one is hidden as if it had this strength


def by_block(pixels: np.ndarray) -> np.ndarray:
    """Arrange pixels, (8 · rows, 8 · columns), by block, (rows, columns, 64)."""
    rows, cols = (side // BLOCK for side in pixels.shape)
    return pixels.reshape(rows, BLOCK, cols, BLOCK).swapaxes(1, 2).reshape(rows, cols, BLOCK**2)


def dct(blocks: np.ndarray) -> np.ndarray:
    """Return the DCT of blocks of pixels, (rows, columns, 64) float32, in zigzag order."""
    products: np.ndarray = blocks.reshape(-1, BLOCK**2) @ DCT_BASIS.astype(np.float32).T
    return products.reshape(blocks.shape)


def coefficients(luma: np.ndarray) -> np.ndarray:
    """Return the DCT of a plane's blocks, (rows, columns, 64) float32 in zigzag order; luma is (8 rows, 8 columns)."""
    return dct(by_block(luma))


def encode_jpeg(
    picture: np.ndarray, quality: int, *, full_chroma: bool = False, icc: bytes | None = None, exif: bytes = b""
) -> bytes:
    """Encode (H, W, 3) uint8, or (H, W) for a grey picture, as libjpeg's ordinary baseline JPEG.

    Args:
        picture: (H, W, 3) uint8, or (H, W) uint8 for a grey picture.
        quality: 1 to 100, as libjpeg scales its tables.
        full_chroma: 4:4:4 instead of 4:2:0.
        icc: ICC profile; without one, the picture is sRGB.
        exif: Exif data to store; empty: no Exif is stored.

    Raises:
        MediaError: a side is too long for libjpeg.
    """
    height, width = picture.shape[:2]
    if max(height, width) > MOST_JPEG_SIDE:
        message = f"{width}×{height} pixels can't be made JPEG, which has at most {MOST_JPEG_SIDE} a side"
        resize = Setting("resize", str(MOST_JPEG_SIDE), quoted=False)
        raise MediaError(message, Text("reduce it first: ", resize))
    file = io.BytesIO()
    chroma = {"subsampling": "4:4:4" if full_chroma else "4:2:0"} if picture.ndim == 3 else {}
    Image.fromarray(picture).save(file, "JPEG", quality=quality, icc_profile=icc, exif=exif, **chroma)
    return file.getvalue()


def through_jpeg(picture: np.ndarray, quality: int, *, full_chroma: bool = False) -> np.ndarray:
    """Return (H, W, 3) uint8 as a viewer shows it after it was saved as JPEG; same shape and type."""
    with Image.open(io.BytesIO(encode_jpeg(picture, quality, full_chroma=full_chroma))) as image:
        return np.array(image)


def through_webp(picture: np.ndarray, quality: int) -> np.ndarray:
    """Return the picture after lossy WebP, like `through_jpeg`."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=quality)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


@dataclass(frozen=True, eq=False)
class Base:
    """Part of a secret that both sides know."""

    picture: np.ndarray  # (H, W, 3) uint8
    gain: float  # factor of the residual
    enhanced: np.ndarray | None = None  # enhanced by a pair, (H, W, 3) float32 in [0, 1]; None: not computed yet

    @classmethod
    def grey(cls, height: int, width: int) -> Self:
        """Return the base of kind "none": the whole secret, centred on 0, is hidden."""
        return cls(np.full((height, width, 3), GREY, np.uint8), 1.0)


def strips(height: int, width: int) -> Iterator[slice]:
    """Yield a picture's rows in parts, so that work on one part at a time needs little memory."""
    rows = _rows(width)
    yield from (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def in_strips(work: Callable[[slice], Result], height: int, width: int) -> list[Result]:
    """Call `work` with the strips of a picture, which threads share."""
    return in_parts(work, height, most=_rows(width))


def _rows(width: int) -> int:
    """Return the number of rows of a strip."""
    return max(1, _STRIP // width)


def free_memory() -> int:
    """Return the free memory in bytes."""
    with suppress(OSError, StopIteration), open("/proc/meminfo", "rb") as lines:  # of Linux
        return int(next(line for line in lines if line.startswith(b"MemAvailable:")).split()[1]) << 10
    from psutil import virtual_memory  # imported here, since it takes 15 ms

    return virtual_memory().available


def in_block_rows(work: Callable[[slice], Result], rows: int) -> list[Result]:
    """Call `work` with some rows of blocks at a time, which bounds the memory; threads share them."""
    return in_parts(work, rows, most=16)


def median(values: np.ndarray) -> np.floating:
    """Return what np.median does, which imports numpy.ma (15 ms); the values are reordered."""
    flat = values.reshape(-1)
    lower, upper = (flat.size - 1) // 2, flat.size // 2
    flat.partition((lower, upper))
    middle: np.floating = flat[lower : upper + 1].mean()
    return middle


def memory_to_hide(pixels: int) -> int:
    """Return about how many bytes of memory it takes to hide a text in a picture of so many pixels."""
    program = 50_000_000  # bytes
    bytes_each = 15  # for a pixel
    return program + bytes_each * pixels


def check_memory(path: object, needed: int, what: str) -> None:
    """Raise a MediaError if hiding in a cover, described by `what`, needs more bytes of memory than are free."""
    free = free_memory()
    if needed > free:
        hint = f"{free / 1e9:.1f} GB are free: close other programs, or use a smaller cover"
        raise MediaError(f"hiding in {what} needs {needed / 1e9:.1f} GB of memory", hint, subject=path)


def check_declared(height: int, width: int, container: int) -> None:
    """Ask whether a picture may be decoded that says it has these sides, before anything of it is.

    Every decoder of what a container hides asks this: a few bytes may declare a picture that fills the memory.

    Args:
        height: rows, as declared.
        width: columns, as declared.
        container: pixels of the container, or of its frame.

    Raises:
        ValueError: no writer hides so large a picture in such a container.
        MediaError: it needs more memory than is free.
    """
    count = height * width
    if not 0 < count <= most_declared(container):
        raise ValueError("a picture of no size, or of far too large a one")
    check_reading(height, width, "the hidden picture")


def check_reading(height: int, width: int, what: str, path: object = "") -> None:
    """Raise a MediaError, about a file if one is named, if a picture needs more memory than is free."""
    negligible = 1 << 24  # pixels
    bytes_each = 8  # that reading and writing takes for a pixel
    count = height * width
    if count > negligible and bytes_each * count > (free := free_memory()):
        problem = f"{what} has {width}×{height} pixels, which take {bytes_each * count / 1e9:.1f} GB of memory"
        raise MediaError(problem, f"{free / 1e9:.1f} GB are free: close other programs", subject=path)


def most_declared(container: int) -> int:
    """Return the pixels of the largest picture that a container of so many pixels may hide."""
    return max(LARGE_PHOTOGRAPH, LARGEST_RATIO * container)


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """Convert float to uint8, same shape: clamped to [0, 1], scaled, rounded to nearest."""
    levels: np.ndarray = np.rint(picture.clip(0, 1) * LEVELS)
    return levels.astype(np.uint8)


def from_8_bits(picture: np.ndarray) -> np.ndarray:
    """Convert uint8 to float32 in [0, 1], same shape."""
    samples: np.ndarray = np.divide(picture, LEVELS, dtype=np.float32)
    return samples


def by_plane(picture: np.ndarray) -> np.ndarray:
    """Return the same picture, (H, W, C), with planes contiguous in memory, as networks take and return them.

    Between such pictures, NumPy computes several times as fast as between one of them and an ordinary one.
    """
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(picture, 2, 0)), 0, 2)


def empty_by_plane(height: int, width: int, dtype: type[np.generic]) -> np.ndarray:
    """Return an empty picture, (height, width, 3), with planes contiguous in memory."""
    return np.moveaxis(np.empty((3, height, width), dtype), 0, 2)


def into_range(picture: np.ndarray, period: float) -> np.ndarray:
    """Move a picture's samples outside [0, 1], float32 of any shape, by one period towards it."""
    periods: np.ndarray = (picture < 0).astype(np.float32) - (picture > 1).astype(np.float32)
    moved: np.ndarray = picture + np.float32(period) * periods
    return moved


def is_grey(picture: np.ndarray) -> bool:
    """Return whether red, green and blue are equal in all pixels of (H, W, 3) uint8; always True for (H, W, 1)."""
    if picture.shape[2] == 1:
        return True
    rows = max(16, (1 << 16) // max(picture.shape[1], 1))  # compared at a time: 16, or more in a narrow picture
    parts = (picture[start : start + rows] for start in range(0, len(picture), rows))
    channels = range(1, picture.shape[2])  # one channel after the other: rows are compared faster than pixels
    return all((part[..., 0] == part[..., channel]).all() for part in parts for channel in channels)


def middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the middle of a picture, (H, W, …), so many pixels down and across; a view."""
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def channels_of(picture: np.ndarray) -> int:
    """Return the number of samples per pixel of (H, W, 3) uint8 to seal in: 1 in a grey picture, else 3."""
    return 1 if is_grey(picture) else 3


def split(picture: np.ndarray, base: np.ndarray, gain: float) -> np.ndarray:
    """Return the residual, which the network hides, of a float32 picture and base in [0, 1].

    It is centred on 0, with a root mean square of about HIDDEN_RMS.
    """
    residual: np.ndarray = (picture - base) * np.float32(gain)
    return residual


def gain_for(picture: np.ndarray, base: np.ndarray) -> float:
    """Return the gain that makes the residual of a uint8 picture HIDDEN_RMS strong; `base` is float32 in [0, 1]."""
    difference = np.subtract(from_8_bits(picture), base, order="C")  # the order of the sum decides its last bits
    rms = float(np.sqrt(np.mean(np.square(difference))))
    return HIDDEN_RMS / max(rms, MIN_RMS)


def block_means(picture: np.ndarray) -> np.ndarray:
    """Return the means of a uint8 picture's 8×8 blocks, (H/8, W/8, 3) uint8, rounded to nearest, ties to even."""
    height, width, channels = picture.shape
    rows = picture.reshape(height // BLOCK, BLOCK, width * channels).sum(1, dtype=np.uint16)
    sums = rows.reshape(height // BLOCK, width // BLOCK, BLOCK, channels).sum(2, dtype=np.uint16)
    means: np.ndarray = np.rint(sums / BLOCK**2)
    return means.astype(np.uint8)


def enlarge(means: np.ndarray) -> np.ndarray:
    """Repeat each of the block means over its block: (h, w, 3) to (8h, 8w, 3), same dtype."""
    return means.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
