"""ICC colour profiles of pictures, and conversion to sRGB."""

import io
import itertools

import numpy as np
from PIL import Image, ImageCms

_GREY_MODES = {"L", "LA", "La", "1"}  # of Pillow
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class BrokenProfileError(ValueError):
    """Error for a colour profile that can't be read, or doesn't match the picture's colour space."""


def keeps_profile(profile: bytes, mode: str) -> bool:
    """Return whether a cover of a Pillow mode keeps its ICC profile, so that its samples mean the same in RGB.

    Raises:
        BrokenProfileError: the profile can't be read or used.
    """
    space = _parsed(profile).profile.xcolor_space
    _transform(profile, profile_mode(mode, profile))  # fails for some profiles that can be parsed
    return mode != "CMYK" and (space == "RGB " or (space == "GRAY" and mode in _GREY_MODES))


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a picture from its ICC profile to sRGB: relative colorimetric, with black point compensation.

    A profile that changes no colour by more than one level is sRGB under another name: the picture stays as it is.

    Raises:
        BrokenProfileError: the profile can't be read or used.
    """
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image.convert(profile_mode(image.mode, profile))
    transform = _transform(profile, plain.mode)
    if plain.mode == "RGB" and _is_identity(transform):
        return image

    converted = transform.apply(plain)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def changes_colours(profile: bytes, mode: str) -> bool:
    """Return whether `to_srgb` changes the colours of a picture of a Pillow mode; errors are the same."""
    input_mode = profile_mode(mode, profile)
    transform = _transform(profile, input_mode)
    return input_mode != "RGB" or not _is_identity(transform)


def is_rgb_profile(profile: bytes) -> bool:
    """Return whether a profile is one for RGB. Raises BrokenProfileError if it can't be read."""
    return _parsed(profile).profile.xcolor_space == "RGB "


def profile_mode(mode: str, profile: bytes) -> str:
    """Return Pillow's mode of the profile's input; grey pictures often have an RGB profile."""
    if mode == "CMYK":
        return "CMYK"
    return "L" if mode in _GREY_MODES and not is_rgb_profile(profile) else "RGB"


def _parsed(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise BrokenProfileError(str(error)) from error


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """Return the transform of a Pillow mode's samples to sRGB."""
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        return ImageCms.buildTransform(_parsed(profile), _SRGB, mode, "RGB", intent, flags)
    except ImageCms.PyCMSError as error:
        raise BrokenProfileError(str(error)) from error


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether a transform from RGB changes no colour by more than one level, as six levels a channel show."""
    levels = range(0, 256, 51)
    colours = np.array([*itertools.product(levels, repeat=3)], np.uint8)[None]
    converted = np.array(transform.apply(Image.fromarray(colours)))
    return bool(np.abs(converted.astype(int) - colours).max() <= 1)
