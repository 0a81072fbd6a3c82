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

from stegnet import kernels
from stegnet.core.disk import temporary_folder
from stegnet.core.pixels import BLOCK, GREY, by_block, dct, encode_jpeg, in_block_rows
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
        _less_coefficients(by_block(strip - GREY), jpeg, part).clip(-0.5, 0.5, out=errors[part])

    in_block_rows(fill, rows)
    return errors


def estimated_errors(jpeg: JpegPicture) -> Callable[[slice], np.ndarray]:
    """Return a function of rows of blocks: an estimate of their `rounding_errors`, (n, columns, 64) float32.

    Only the signs are of use: the estimated picture is smooth, and so far from the one before rounding.
    """
    shown = jpeg.decoded_luma.shown
    noise = noise_of(shown)
    return lambda part: _less_coefficients(smoothed(shown, part, noise), jpeg, part)


def noise_of(pixels: np.ndarray) -> float:
    """Return the mean variance of the 3×3 pixels around each of the pixels, (8 · rows, 8 · columns) uint8."""
    height, width = pixels.shape

    def variance(part: slice) -> float:
        variances = np.empty((BLOCK * (part.stop - part.start), width), np.float32)
        kernels.jpeg_variances(pixels, width, BLOCK * part.start, variances)
        return float(variances.sum())

    return sum(in_block_rows(variance, height // BLOCK)) / pixels.size


def smoothed(pixels: np.ndarray, part: slice, noise: float) -> np.ndarray:
    """Return rows of blocks of pixels, (8 · rows, 8 · columns) uint8, after a 3×3 Wiener filter for a noise variance.

    They are relative to the middle of their range, (n, columns, 64) float32.
    """
    least_noise = 1e-6
    width = pixels.shape[1]
    blocks = np.empty((part.stop - part.start, width // BLOCK, BLOCK**2), np.float32)
    kernels.jpeg_wiener(pixels, width, BLOCK * part.start, noise, least_noise, blocks)
    return blocks


def _less_coefficients(blocks: np.ndarray, jpeg: JpegPicture, part: slice) -> np.ndarray:
    """Return the coefficients of blocks of pixels, (n, columns, 64) float32, less those of rows of luma, in quanta."""
    exact = dct(blocks)
    kernels.jpeg_errors(np.ascontiguousarray(jpeg.planes[0][part]), jpeg.quanta(0).astype(np.float32), exact)
    return exact
