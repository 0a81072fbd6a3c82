"""JPEGs to hide in, made of any picture: rounding errors show which changes are nearly free.

The sender who makes the JPEG knows them; otherwise they are estimated. A change back towards the value before rounding
changes little that was not lost anyway: Denemark, Fridrich 2015, "Side-informed steganography with additive distortion"
(IEEE WIFS). A smoothed picture estimates the picture before rounding: Li, Chen, Zhang, Zhou, Wang, Yu 2020, "JPEG
steganography with estimated side-information" (IEEE TCSVT 30(7)).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image

from stegnet.core.disk import temporary_folder
from stegnet.core.pixels import BLOCK, coefficients, encode_jpeg, in_block_rows
from stegnet.image.pictures import KEPT_IN_FORM, UNREADABLE, as_stored, ignoring_warnings, open_picture, refuse_palette
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.jpeg.evidence import jpeg_proof
from stegnet.jpeg.markers import open_jpeg
from stegnet.media.condition import Condition
from stegnet.media.cover import Cover, about_cover, reduced_to
from stegnet.media.evidence.lattice import lattice_proof
from stegnet.media.evidence.pictures import FLAT, is_flat
from stegnet.media.evidence.tiles import tiles

_FINEST = 1.8  # mean quantum; below it, at qualities 99 and 100, changes are found by themselves
_TOO_FINE = "changes at its quality, 99 or 100, are easy to find"
TOO_FINE_WAY_OUT = "use one that was saved at 98 or less, which stays as it is"


@dataclass(frozen=True, eq=False)
class JpegCover:
    """JPEG to hide in."""

    picture: JpegPicture  # its coefficients
    file: Cover
    condition: Condition  # on which rests how hard to find its container is
    history: str | None = None  # trace of an earlier format, if it reveals changes
    # rounding errors of luma's coefficients, (rows, columns, 64) float32, −0.5 to 0.5; None: not known
    errors: np.ndarray | None = None
    notes: tuple[str, ...] = ()  # lines on how it was made
    # luma's coefficients, without the first of each block, that may change, (rows, columns, 63) bool; None: all
    usable: np.ndarray | None = None


def why_made_anew(cover: Cover) -> str:
    """Return why the container of a JPEG is another JPEG, such as "it is CMYK"; "" if it stays, or is no JPEG."""
    if not cover.stays_jpeg:
        return cover.rare_jpeg
    file = open_jpeg(cover)
    return _TOO_FINE if np.mean(file.quantisation[file.components[0].table]) < _FINEST else ""


def jpeg_cover(cover: Cover, quality: int, side: int | None = None) -> JpegCover:
    """Return the cover if it is a JPEG that can be hidden in; else a JPEG of this quality that is made of it.

    Args:
        cover: opened picture.
        quality: quality of the JPEG that is made, 1 to 100; not used if the cover stays as it is.
        side: longer side in pixels that the cover is reduced to; None: it is not reduced.

    Raises:
        ConfigError: the cover is not larger than that.
        MediaError: the cover can't be read, or has a palette.
    """
    if not cover.is_jpeg:
        refuse_palette(cover)
        return _made(cover, quality, side)
    if why := cover.rare_jpeg if side else why_made_anew(cover):
        return _made(cover, quality, side, f", since {why}")
    if side is not None:
        return _made(cover, quality, side)
    picture = cover.once("coefficients", read_jpeg)  # which other readers look at, too
    return JpegCover(picture, cover, cover.condition(), jpeg_proof(picture.planes[0], picture.quanta(0)))


def _made(cover: Cover, quality: int, side: int | None, why: str = "") -> JpegCover:
    """Return a JPEG that is made of a cover; `why` is a part of the note on it."""
    read = reduced_to(cover.pixels, side)
    pixels, profile = as_stored(read, cover.picture[1])
    exif = _exif(cover)
    with temporary_folder() as folder:
        path = folder / "cover.jpg"
        path.write_bytes(encode_jpeg(pixels, quality, icc=profile, exif=exif))
        with Cover(path) as made, ThreadPoolExecutor(1) as pool:
            decoding = pool.submit(lambda: made.pixels)  # cached before the file is deleted
            picture = read_jpeg(made)
            decoding.result()

    about = about_cover(cover, without=KEPT_IN_FORM[:1] if exif else ())  # EXIF
    notes = (f"the cover was saved as JPEG of quality {quality}{why}", *about)
    history = FLAT if is_flat(read) else None
    # Of a JPEG of quality 99 or 100, values lie closer than in the new one.
    if side is None and not cover.stays_jpeg:
        history = history or cover.lossy_format or lattice_proof(list(tiles(read)))
    history = history or jpeg_proof(picture.planes[0], picture.quanta(0))
    return JpegCover(picture, made, cover.condition(side), history, rounding_errors(pixels, picture), notes)


def _exif(cover: Cover) -> bytes:
    """Return the EXIF of a cover, for upright pixels; b"" if it can't be copied.

    The EXIF of a TIFF can't, since its tags describe its pixels.
    """
    has_exif = any(line.startswith(KEPT_IN_FORM[:1]) for line in cover.notes)
    if cover.strips_metadata or not has_exif:  # a PNG without EXIF would be decoded to find none
        return b""
    with open_picture(cover) as image, ignoring_warnings:  # damage in it was reported when it was read
        try:
            exif = image.getexif()
            exif.pop(ExifTags.Base.Orientation, None)
            content = b"" if image.format == "TIFF" or not exif else exif.tobytes()
        except UNREADABLE:
            return b""
    most_exif = (1 << 16) - 3  # bytes of a JPEG's segment
    return content if len(content) <= most_exif else b""


def rounding_errors(pixels: np.ndarray, jpeg: JpegPicture) -> np.ndarray:
    """Return the rounding errors of luma's coefficients: the exact ones less the JPEG's, in quanta.

    They are (rows, columns, 64) float32, clipped to −0.5 to 0.5, as the encoder's own DCT may be less exact. The JPEG
    was made of the pixels, (H, W, 3) or (H, W) uint8.
    """
    rows, cols, _ = jpeg.planes[0].shape
    luma = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("YCbCr"))[..., 0]
    below = BLOCK * rows - luma.shape[0]
    right = BLOCK * cols - luma.shape[1]
    luma = np.pad(luma, ((0, below), (0, right)), mode="edge")
    errors = np.empty(jpeg.planes[0].shape, np.float32)

    def fill(part: slice) -> None:
        strip = luma[BLOCK * part.start : BLOCK * part.stop].astype(np.float32)
        errors[part] = _difference(strip, jpeg, part).clip(-0.5, 0.5)

    in_block_rows(fill, rows)
    return errors


def rounding_directions(jpeg: JpegPicture) -> Callable[[slice], np.ndarray]:
    """Return a function of rows of blocks: the signs of an estimate of their `rounding_errors`, (n, columns, 64) int8.

    A sign is −1, 0 or 1.
    """
    shown = jpeg.decoded_luma.shown
    noise = noise_of(shown)
    return lambda part: np.sign(_difference(smoothed(shown, part, noise), jpeg, part)).astype(np.int8)


def noise_of(pixels: np.ndarray) -> np.float32:
    """Return the mean variance of the 3×3 pixels around each of the pixels, (H, W)."""
    sums = in_block_rows(
        lambda part: float(_means_and_variances(_with_edges(pixels, part))[1].sum()), -(-len(pixels) // BLOCK)
    )
    return np.float32(sum(sums) / pixels.size)


def smoothed(pixels: np.ndarray, part: slice, noise: np.float32) -> np.ndarray:
    """Return rows of blocks, (n, W) float32, of pixels, (H, W), after a 3×3 Wiener filter for this noise variance."""
    wide = _with_edges(pixels, part)
    mean, variance = _means_and_variances(wide)
    least_noise = np.float32(1e-6)
    gain = np.maximum(variance - noise, 0) / np.maximum(variance, max(noise, least_noise))
    smooth: np.ndarray = mean + gain * (wide[1:-1, 1:-1] - mean)
    return smooth


def _with_edges(pixels: np.ndarray, part: slice) -> np.ndarray:
    """Return rows of blocks with a pixel around them, (n + 2, W + 2) float32, of pixels, (H, W), whose edges repeat."""
    rows = np.arange(BLOCK * part.start - 1, min(BLOCK * part.stop, len(pixels)) + 1).clip(0, len(pixels) - 1)
    return np.pad(pixels[rows].astype(np.float32), ((0, 0), (1, 1)), mode="edge")


def _means_and_variances(strip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the means and the variances of the 3×3 pixels around each pixel, (n, W) float32 each.

    The strip is (n + 2, W + 2): these pixels, and one more on each side.
    """
    means: list[np.ndarray] = []
    for values in (strip, strip * strip):
        column_sums = values[:-2] + values[1:-1] + values[2:]
        means.append((column_sums[:, :-2] + column_sums[:, 1:-1] + column_sums[:, 2:]) / np.float32(9))
    mean, mean_square = means
    return mean, np.maximum(mean_square - mean * mean, 0)


def _difference(luma: np.ndarray, jpeg: JpegPicture, part: slice) -> np.ndarray:
    """Return the coefficients of rows of blocks of luma, (8n, 8 · columns) float32, minus the JPEG's, in quanta."""
    difference: np.ndarray = coefficients(luma - 128) / jpeg.quanta(0).astype(np.float32) - jpeg.planes[0][part]
    return difference
