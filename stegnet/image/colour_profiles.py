"""ICC colour profiles of pictures, and conversion to sRGB."""

import io
from functools import lru_cache
from itertools import chain, product
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

_GREY_MODES = {"L", "LA", "La", "1", "I", "I;16", "I;16L", "I;16B"}  # of Pillow
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class MatrixColours(NamedTuple):
    """Colours by their primaries, and by linear light, from 0 to 1, at 256 levels.

    Attributes:
        primaries: x and y of white, red, green and blue (CIE 1931).
        curves: the one of all channels, or one for each.
    """

    primaries: tuple[float, ...]
    curves: tuple[tuple[float, ...], ...]


def power_curve(exponent: float) -> tuple[float, ...]:
    """Return the curve of a power function, as in MatrixColours."""
    return tuple((_LEVELS**exponent).tolist())


_LEVELS = np.linspace(0, 1, 256)
_SRGB_CURVE = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
SRGB = MatrixColours((0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06), (tuple(_SRGB_CURVE.tolist()),))


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


@lru_cache(maxsize=4)
def profile_of(colours: MatrixColours, *, grey: bool) -> bytes | None:
    """Return an ICC profile of colours, for greys or for RGB; None if they are those of sRGB, or impossible."""
    from imagecodecs import CmsError, cms_profile  # imported here, as few pictures need it

    if grey:
        colours = MatrixColours(SRGB.primaries, colours.curves[:1])
    if not np.isfinite(colours.primaries).all() or min(colours.primaries[:2]) <= 0:
        return None
    white, *primaries = ((x, y, 1.0) for x, y in np.reshape(colours.primaries, (4, 2)).tolist())
    curves = (65535 * np.array(colours.curves)).round().astype(np.uint16)
    transfer = curves[0] if len(curves) == 1 else curves
    try:
        rgb = cms_profile("rgb", whitepoint=white, primaries=[*chain(*primaries)], transferfunction=transfer)
        if not changes_colours(rgb, "RGB"):
            return None
        profile = cms_profile("gray", whitepoint=white, transferfunction=transfer) if grey else rgb
    except (CmsError, BrokenProfileError):
        return None
    return bytes(profile[:24] + bytes(12) + profile[36:])  # without the time of its creation


def is_grey_mode(mode: str) -> bool:
    """Return whether pictures of a Pillow mode are grey."""
    return mode in _GREY_MODES


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
    colours = np.array([*product(levels, repeat=3)], np.uint8)[None]
    converted = np.array(transform.apply(Image.fromarray(colours)))
    return bool(np.abs(converted.astype(int) - colours).max() <= 1)
