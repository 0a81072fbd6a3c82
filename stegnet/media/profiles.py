"""Colour profiles (ICC) of pictures: what the numbers of a picture mean."""

import io
import itertools

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_GREY = {"L", "LA", "La", "1"}
_COLOURS = tuple(itertools.product(range(0, 256, 51), repeat=3))


class BrokenProfileError(ValueError):
    """A profile that can't be read, or not of the picture's kind."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB: relative colorimetric, black point compensated; what is transparent stays so.

    A profile that moves no colour by more than one level is sRGB under another name: the picture stays exactly
    as it is.

    Args:
        image: of 8 bits; colours, grey, palette, or CMYK.
        profile: what its numbers mean.
    Raises:
        BrokenProfileError: the profile can't be read, or is not of the picture's kind.
    """
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image.convert(_kind(image, profile))
    transform = _transform(profile, plain.mode)
    if plain.mode == "RGB" and _moves_nothing(transform):
        return image
    converted = ImageCms.applyTransform(plain, transform)
    if alpha:
        converted.putalpha(alpha)
    return converted


def describes_rgb(profile: bytes) -> bool:
    """Whether the profile is one for red, green and blue.

    Raises:
        BrokenProfileError: it can't be read.
    """
    return _opened(profile).profile.xcolor_space == "RGB "


def _kind(image: Image.Image, profile: bytes) -> str:
    """What the profile's numbers are of: grey pictures often have a profile for colours."""
    if image.mode == "CMYK":
        return "CMYK"
    return "L" if image.mode in _GREY and not describes_rgb(profile) else "RGB"


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    try:
        return ImageCms.buildTransform(_opened(profile), _SRGB, mode, "RGB", _INTENT, _FLAGS)
    except ImageCms.PyCMSError as error:
        raise BrokenProfileError(str(error)) from error


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise BrokenProfileError(str(error)) from error


def _moves_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    colours = np.array(_COLOURS, np.uint8)[None]
    moved = np.array(ImageCms.applyTransform(Image.fromarray(colours), transform))
    return np.abs(moved.astype(int) - colours).max() <= 1
