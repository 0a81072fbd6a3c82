"""Distortions of a container in transit: codecs, noise, blur, resizing, brightness. 8 bits after each.

A codec is added here: a `Distortion` in PICTURE_DISTORTIONS or FILM_DISTORTIONS. Codecs are real, the file is written
and read back. Nothing here depends on what is hidden, and only the noise is random, by a seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from stegnet.media.films.recode import FilmCodec, recode_film, recode_picture

GREY = 128
_FILTER = Image.Resampling

Pictures = Sequence[np.ndarray]
# Of pictures, (H, W, 3) uint8 each, a strength and a seed; returns as many of the same shape and dtype.
Apply = Callable[[Pictures, float, int], list[np.ndarray]]


@dataclass(frozen=True)
class Distortion:
    """One kind of distortion, at several strengths.

    Attributes:
        kind: its name in tables and files.
        title: in reports.
        unit: of its strengths.
        strengths: in order of presentation.
        neutral: the strength without effect, or None.
        apply: distorts pictures.
    """

    kind: str
    title: str
    unit: str
    strengths: tuple[float, ...]
    neutral: float | None
    apply: Apply


def jpeg(picture: np.ndarray, quality: float, subsampling: str) -> np.ndarray:
    """Through a JPEG file, colour "4:2:0" or "4:4:4"."""
    return recode_picture(picture, "JPEG", quality=int(quality), subsampling=subsampling)


def webp(picture: np.ndarray, quality: float, lossless: bool) -> np.ndarray:
    """Through a WebP file; without loss, `quality` is the effort."""
    return recode_picture(picture, "WEBP", quality=int(quality), lossless=lossless)


def noise(pictures: Pictures, sigma: float, seed: int) -> list[np.ndarray]:
    """Gaussian noise, standard deviation `sigma` in grey levels, independent for each sample."""
    drawn = (np.random.default_rng((seed, index)).normal(0, sigma, one.shape) for index, one in enumerate(pictures))
    return [_to_8_bits(picture + change) for picture, change in zip(pictures, drawn, strict=True)]


def blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, `sigma` in pixels; border samples are repeated."""
    return _to_8_bits(gaussian_filter(picture.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def resize(picture: np.ndarray, scale: float) -> np.ndarray:
    """To another size and back: downscaled by area, upscaled by bicubic interpolation, 8 bits in between."""
    there, back = (_FILTER.BOX, _FILTER.BICUBIC) if scale < 1 else (_FILTER.BICUBIC, _FILTER.BOX)
    return _resize_and_back(picture, scale, there, back)


def screenshot(picture: np.ndarray, scale: float) -> np.ndarray:
    """Displayed at another scale by bilinear interpolation, captured, and resized back by Lanczos interpolation."""
    return _resize_and_back(picture, scale, _FILTER.BILINEAR, _FILTER.LANCZOS)


def crop(picture: np.ndarray, share: float) -> np.ndarray:
    """Cropped on all four sides by `share` of the height and of the width, padded with grey (128)."""
    rows, cols = (round(share * side) for side in picture.shape[:2])
    inside = slice(rows, picture.shape[0] - rows), slice(cols, picture.shape[1] - cols)
    left = np.full_like(picture, GREY)
    left[inside] = picture[inside]
    return left


def brightness(picture: np.ndarray, levels: float) -> np.ndarray:
    """Adds `levels` grey levels to every sample, clipped to 0 and 255."""
    return _to_8_bits(picture.astype(np.float64) + levels)


def gamma(picture: np.ndarray, exponent: float) -> np.ndarray:
    """Every sample v, of 255, becomes 255 · (v / 255) ^ exponent."""
    return _to_8_bits(255 * (np.arange(256) / 255) ** exponent)[picture]


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def _resize_and_back(picture: np.ndarray, scale: float, there: Image.Resampling, back: Image.Resampling) -> np.ndarray:
    height, width = picture.shape[:2]
    shown = Image.fromarray(picture).resize((round(width * scale), round(height * scale)), there)
    return np.array(shown.resize((width, height), back))


def _each(of: Callable[..., np.ndarray], **fixed: object) -> Apply:
    """A deterministic distortion of single pictures."""
    return lambda pictures, strength, seed: [of(picture, strength, **fixed) for picture in pictures]


def _film(codec: FilmCodec) -> Apply:
    """The pictures are the frames of one film."""
    return lambda pictures, crf, seed: recode_film(pictures, codec, crf)


def _stills(codec: FilmCodec) -> Apply:
    """Each picture is a film of one key frame, coded without reference to the others."""
    return lambda pictures, crf, seed: [recode_film([picture], codec, crf)[0] for picture in pictures]


_QUALITIES = (100, 95, 90, 80, 70, 60, 50)
_CRFS, _FEW_CRFS = (0, 5, 10, 14, 18, 23, 28), (0, 10, 18, 23)
_H264, _H264_444 = FilmCodec("libx264", "yuv420p"), FilmCodec("libx264", "yuv444p")
_H265, _H265_444 = FilmCodec("libx265", "yuv420p"), FilmCodec("libx265", "yuv444p")
_coded = partial(Distortion, unit="CRF", neutral=None)
_jpeg = partial(Distortion, unit="quality", strengths=_QUALITIES, neutral=None)

NONE = Distortion("none", "undistorted", "", (0,), 0, lambda pictures, strength, seed: list(pictures))
PICTURE_DISTORTIONS = (
    NONE,
    Distortion("webp_lossless", "WebP, lossless", "effort", (0,), 0, _each(webp, lossless=True)),
    _jpeg("jpeg", "JPEG 4:2:0", apply=_each(jpeg, subsampling="4:2:0")),
    _jpeg("jpeg_444", "JPEG 4:4:4", apply=_each(jpeg, subsampling="4:4:4")),
    Distortion("webp", "WebP", "quality", (100, 90, 75, 50), None, _each(webp, lossless=False)),
    _coded("h264_still", "H.264 4:2:0, one frame", strengths=_CRFS, apply=_stills(_H264)),
    _coded("h264_444_still", "H.264 4:4:4, one frame", strengths=_FEW_CRFS, apply=_stills(_H264_444)),
    Distortion("noise", "Gaussian noise", "σ in grey levels", (0.5, 1, 2, 4, 8), 0, noise),
    Distortion("blur", "Gaussian blur", "σ in pixels", (0.3, 0.4, 0.5, 0.7, 1, 2), 0, _each(blur)),
    Distortion("resize", "resized and back (area, bicubic)", "scale", (0.5, 0.75, 0.9, 1.25, 1.5, 2), 1, _each(resize)),
    Distortion("screenshot", "screenshot (bilinear, Lanczos)", "scale", (1.1, 1.25, 1.5, 2), 1, _each(screenshot)),
    Distortion("crop", "cut off, grey there", "share of each side", (0.05, 0.1, 0.25), 0, _each(crop)),
    Distortion("brightness", "brightness", "grey levels", (-16, -8, -2, -1, 1, 2, 5, 8, 16), 0, _each(brightness)),
    Distortion("gamma", "gamma", "exponent", (0.9, 1.1), 1, _each(gamma)),
)
FILM_DISTORTIONS = (
    NONE,
    _coded("h264", "H.264 4:2:0", strengths=_CRFS, apply=_film(_H264)),
    _coded("h264_444", "H.264 4:4:4", strengths=_FEW_CRFS, apply=_film(_H264_444)),
    _coded("h265", "H.265 4:2:0", strengths=_FEW_CRFS, apply=_film(_H265)),
    _coded("h265_444", "H.265 4:4:4", strengths=_FEW_CRFS, apply=_film(_H265_444)),
)
