"""ICC profiles of pictures, and conversion from them to sRGB."""

import io
import itertools

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_GREY_MODES = {"L", "LA", "La", "1"}
_TEST_COLOURS = tuple(itertools.product(range(0, 256, 51), repeat=3))


class BrokenProfileError(ValueError):
    """A colour profile that can't be read, or doesn't match the picture's colour space."""


def keeps_profile(profile: bytes, mode: str) -> bool:
    """True if a cover of this mode keeps its colour profile: its samples, as red, green and blue, mean the same.

    Raises BrokenProfileError for a broken one.
    """
    space = _parse_profile(profile).profile.xcolor_space
    return mode != "CMYK" and (space == "RGB " or (space == "GRAY" and mode in _GREY_MODES))


def changes_colours(profile: bytes, mode: str) -> bool:
    """True if a colour profile shows pixels of a mode as others than sRGB does; False for a broken one."""
    try:
        read_as = _profile_mode(mode, profile)
        return read_as != "RGB" or not _is_identity(_transform(profile, read_as))
    except BrokenProfileError:
        return False


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts a picture from its ICC profile to sRGB: relative colorimetric, with black point compensation.

    A profile that changes no colour by more than one level is sRGB under another name: the picture stays as it is.

    Args:
        image: 8 bits per sample: RGB, grey, palette or CMYK; transparency is kept.
    Raises:
        BrokenProfileError: the profile can't be read, or doesn't match the picture's colour space.
    """
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image.convert(_profile_mode(image.mode, profile))
    transform = _transform(profile, plain.mode)
    if plain.mode == "RGB" and _is_identity(transform):
        return image
    converted = ImageCms.applyTransform(plain, transform)
    if alpha:
        converted.putalpha(alpha)
    return converted


def is_rgb_profile(profile: bytes) -> bool:
    return _parse_profile(profile).profile.xcolor_space == "RGB "


def _profile_mode(mode: str, profile: bytes) -> str:
    """Pillow's mode of the profile's input; grey pictures often have an RGB profile."""
    if mode == "CMYK":
        return "CMYK"
    return "L" if mode in _GREY_MODES and not is_rgb_profile(profile) else "RGB"


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    try:
        return ImageCms.buildTransform(_parse_profile(profile), _SRGB, mode, "RGB", _INTENT, _FLAGS)
    except ImageCms.PyCMSError as error:
        raise BrokenProfileError(str(error)) from error


def _parse_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise BrokenProfileError(str(error)) from error


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """True if the transform changes no colour by more than one level."""
    colours = np.array(_TEST_COLOURS, np.uint8)[None]
    converted = np.array(ImageCms.applyTransform(Image.fromarray(colours), transform))
    return np.abs(converted.astype(int) - colours).max() <= 1


def is_identity_profile(profile: bytes) -> bool:
    """True if an RGB profile changes no colour by more than one level: that of sRGB, under whatever name."""
    return _is_identity(_transform(profile, "RGB"))
