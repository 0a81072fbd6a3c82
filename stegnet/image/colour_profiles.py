"""ICC colour profiles of pictures, and conversion to sRGB."""

import io
import math
import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from PIL import ImageCms

_GREY_MODES = {"L", "LA", "La", "1", "I", "I;16", "I;16L", "I;16B"}  # of Pillow


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
    if grey:
        colours = MatrixColours(SRGB.primaries, colours.curves[:1])
    if not np.isfinite(colours.primaries).all() or min(colours.primaries[:2]) <= 0:
        return None
    try:
        with np.errstate(all="raise"):
            rgb = _rgb_profile(colours)
        if not changes_colours(rgb, "RGB"):
            return None
    except (ArithmeticError, ValueError, struct.error):
        return None
    return _grey_profile(colours) if grey else rgb


_D50 = (0.9642, 1.0, 0.8249)  # XYZ of the white that profiles refer to
_BRADFORD = np.array([(0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)])


def _rgb_profile(colours: MatrixColours) -> bytes:
    """Return a profile for RGB, by a matrix.

    Raises:
        ArithmeticError, ValueError or struct.error: the colours are impossible, or beyond what a profile can hold.
    """
    white, *ends = np.reshape(colours.primaries, (4, 2))
    to_d50 = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / (_BRADFORD @ _xyz_of(*white))) @ _BRADFORD
    shares = np.array([(x, y, 1 - x - y) for x, y in ends]).T  # each column: an end's X, Y and Z, of sum 1
    least = 1e-4  # of the determinant
    if abs(np.linalg.det(shares)) < least:
        raise ValueError("the primaries lie on a line")
    red, green, blue = (to_d50 @ (shares * np.linalg.solve(shares, _xyz_of(*white)))).T
    curves = [_curve(curve) for curve in colours.curves]
    tags = {
        b"wtpt": _tag(b"XYZ ", _fixed(_D50)),
        b"chad": _tag(b"sf32", _fixed(to_d50.ravel())),
        b"rXYZ": _tag(b"XYZ ", _fixed(red)),
        b"bXYZ": _tag(b"XYZ ", _fixed(blue)),
        b"gXYZ": _tag(b"XYZ ", _fixed(green)),
        **dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves if len(curves) > 1 else 3 * curves, strict=True)),
        b"chrm": _tag(b"chrm", struct.pack(">HH", 3, 0) + _fixed(np.ravel(ends))),
    }
    return _profile(b"RGB ", "RGB built-in", tags)


def _grey_profile(colours: MatrixColours) -> bytes:
    white = _xyz_of(*colours.primaries[:2])
    return _profile(
        b"GRAY", "gray built-in", {b"wtpt": _tag(b"XYZ ", _fixed(white)), b"kTRC": _curve(colours.curves[0])}
    )


def _profile(space: bytes, name: str, tags: dict[bytes, bytes]) -> bytes:
    """Return a profile of version 4.4 (ICC.1:2022, 7), with the bytes of Little CMS, as many programs write it."""
    tags = {b"desc": _text(name), b"cprt": _text("No copyright, use freely"), **tags}
    table = struct.pack(">I", len(tags))
    content = b""
    for tag, data in tags.items():
        content = content.ljust(-len(content) % 4 + len(content), b"\0")
        table += struct.pack(">4sII", tag, 128 + 4 + 12 * len(tags) + len(content), len(data))
        content += data
    size = 128 + len(table) + len(content)
    kinds = struct.pack(">I4sI4s4s4s12x4s4s", size, b"lcms", 0x04400000, b"mntr", space, b"XYZ ", b"acsp", b"APPL")
    header = kinds.ljust(68, b"\0") + _fixed(_D50) + b"lcms"
    return header.ljust(128, b"\0") + table + content


def _xyz_of(x: float, y: float) -> np.ndarray:
    """Return X, Y and Z of a chromaticity, for Y = 1."""
    return np.array([x / y, 1, (1 - x - y) / y])


def _tag(kind: bytes, data: bytes) -> bytes:
    return kind + bytes(4) + data


def _fixed(numbers: Iterable[float]) -> bytes:
    """Return numbers as s15Fixed16Number."""
    return b"".join(struct.pack(">i", math.floor(number * 65536 + 0.5)) for number in numbers)


def _curve(light: tuple[float, ...]) -> bytes:
    levels = (65535 * np.array(light)).round().astype(">u2")
    return _tag(b"curv", struct.pack(">I", levels.size) + levels.tobytes())


def _text(text: str) -> bytes:
    """Return an English text as multiLocalizedUnicodeType."""
    data = text.encode("utf-16-be")
    return _tag(b"mluc", struct.pack(">II4sII", 1, 12, b"enUS", len(data), 28) + data)


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


def _parsed(profile: bytes) -> "ImageCms.ImageCmsProfile":
    from PIL import ImageCms  # only a picture with a profile needs it

    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError as error:
        raise BrokenProfileError(str(error)) from error


def _transform(profile: bytes, mode: str) -> "ImageCms.ImageCmsTransform":
    """Return the transform of a Pillow mode's samples to sRGB."""
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        return ImageCms.buildTransform(_parsed(profile), srgb, mode, "RGB", intent, flags)
    except ImageCms.PyCMSError as error:
        raise BrokenProfileError(str(error)) from error


def _is_identity(transform: "ImageCms.ImageCmsTransform") -> bool:
    """Return whether a transform from RGB changes no colour by more than one level, as six levels a channel show."""
    levels = range(0, 256, 51)
    colours = np.array([*product(levels, repeat=3)], np.uint8)[None]
    converted = np.array(transform.apply(Image.fromarray(colours)))
    return bool(np.abs(converted.astype(int) - colours).max() <= 1)
