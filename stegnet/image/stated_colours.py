"""Colours that a picture's file states otherwise than by an ICC profile that Pillow reads.

They are returned as an ICC profile, so that all who read pictures treat them alike; of PQ and HLG, which no profile for
8 bits can say, only the name. Order of precedence: as in PNG (W3C, third edition, section 4.3).
"""

import struct
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from stegnet.formats.boxes import FileBytes, boxes
from stegnet.formats.opened_file import Source, mapped
from stegnet.image.colour_profiles import SRGB, MatrixColours, is_grey_mode, power_curve, profile_of
from stegnet.png.file import open_png

WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}  # colour primaries of films (ITU-T H.273)
HDR = {16: "PQ", 18: "HLG"}  # transfer functions (ITU-T H.273)
_PRIMARIES = {  # x and y of white, red, green and blue (ITU-T H.273, table 2), where they are not those of sRGB
    4: (0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (0.3127, 0.329, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (0.31, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (0.3127, 0.329, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
# Exponents by transfer function (table 3); viewers take those of BT.709 and its kind for that of sRGB.
_EXPONENTS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}


class StatedColours(NamedTuple):
    """Colours of a file: their ICC profile, None for sRGB; and the name of HDR's transfer function, "" for others."""

    profile: bytes | None = None
    hdr: str = ""


def stated_colours(source: Source, image: Image.Image) -> StatedColours:
    """Return the colours that an opened picture's file states; impossible ones are ignored, as by viewers.

    Raises:
        any error of UNREADABLE: what it says of them is damaged.
    """
    codes = _codes(source, image)
    embedded = image.info.get("icc_profile") or _embedded_profile(source, image)
    if embedded and not (codes and image.format == "PNG"):
        return StatedColours(embedded)
    if codes and codes[1] in HDR:
        return StatedColours(hdr=HDR[codes[1]])
    colours = _coded(*codes) if codes else _measured(source, image)
    if colours is None or image.mode == "CMYK":
        return StatedColours()
    return StatedColours(profile_of(colours, grey=is_grey_mode(image.mode)))


def _codes(source: Source, image: Image.Image) -> tuple[int, int] | None:
    """Return the codes of primaries and transfer function (ITU-T H.273) in a file; None without."""
    if image.format == "PNG":
        return _cicp(source)
    about = image.info
    if image.format == "AVIF" and "icc_profile" not in about:
        import pi_heif  # takes 40 ms

        with source.open("rb") as file:  # of which libheif reads the boxes only
            about = pi_heif.open_heif(file).info
    nclx = about.get("nclx_profile")
    return (nclx["color_primaries"], nclx["transfer_characteristics"]) if nclx else None


def _cicp(source: Source) -> tuple[int, int] | None:
    """Return the codes in the chunk cICP of a PNG."""
    for kind, start, end in open_png(source).before:
        if kind == "cICP" and end - start == 16:
            with source.open("rb") as file:
                file.seek(start + 8)
                primaries, transfer = file.read(2)
            unspecified = 2
            return None if primaries == transfer == unspecified else (primaries, transfer)
    return None


def _coded(primaries: int, transfer: int) -> MatrixColours:
    curve = power_curve(_EXPONENTS[transfer]) if transfer in _EXPONENTS else SRGB.curves[0]
    return MatrixColours(_PRIMARIES.get(primaries, SRGB.primaries), (curve,))


def _embedded_profile(source: Source, image: Image.Image) -> bytes | None:
    """Return the ICC profile of a BMP or JPEG 2000, which Pillow does not read; None without."""
    if image.format == "BMP":
        with mapped(source) as data:
            if _bmp_space(data) == b"DEBM":  # PROFILE_EMBEDDED
                start, size = struct.unpack_from("<II", data, 126)
                return data[14 + start : 14 + start + size] or None
    if image.format == "JPEG2000":
        restricted_or_any = (2, 3)  # METH of the box colr (ITU-T T.800, I.5.3.3; T.801, M.11.7.3)
        with mapped(source) as data:
            headers = [part for part in boxes(data) if part.kind == b"jp2h"] if data[:4] == bytes([0, 0, 0, 12]) else []
            for header in headers:
                for part in boxes(data, header.content, header.end):
                    if part.kind == b"colr" and data[part.content] in restricted_or_any:
                        return data[part.content + 3 : part.end]
    return None


def _bmp_space(data: FileBytes) -> bytes:
    """Return the field bV5CSType of a BMP; b"" if its header is older."""
    header = int.from_bytes(data[14:18], "little")
    return data[70:74] if header >= 108 else b""


def _measured(source: Source, image: Image.Image) -> MatrixColours | None:
    """Return colours by primaries and curves in a file; None without."""
    if image.format == "PNG":
        return _of_png(image)
    if image.format == "BMP":
        return _of_bmp(source)
    if isinstance(image, TiffImageFile):
        return _of_tiff(image)
    if image.format in {"JPEG", "MPO"}:
        return _of_exif(image)
    return None


def _of_png(image: Image.Image) -> MatrixColours | None:
    """Return the colours by the chunks gAMA and cHRM of a PNG without sRGB."""
    gamma = image.info.get("gamma")
    chromaticity = image.info.get("chromaticity")
    if "srgb" in image.info or not (gamma or chromaticity):
        return None
    primaries = tuple(chromaticity) if chromaticity else SRGB.primaries
    near = 0.05  # relative, as by libpng: such an exponent stands for the curve of sRGB, as PNG recommends (11.3.2.5)
    if not gamma or (abs(2.2 * gamma - 1) < near and np.allclose(primaries, SRGB.primaries, atol=0.002)):
        return MatrixColours(primaries, SRGB.curves)
    return MatrixColours(primaries, (power_curve(1 / gamma),))


def _of_bmp(source: Source) -> MatrixColours | None:
    """Return the colours by end points and exponents of a BMP (BITMAPV4HEADER, LCS_CALIBRATED_RGB)."""
    with mapped(source) as data:
        if _bmp_space(data) != bytes(4):
            return None
        ends = np.array(struct.unpack_from("<9i", data, 74)).reshape(3, 3) / (1 << 30)
        exponents = [value / (1 << 16) for value in struct.unpack_from("<3I", data, 110)]
    white = ends.sum(0)
    if not (white.sum() and ends.sum(1).all() and all(exponents)):
        return None
    primaries = [*white[:2] / white.sum(), *(ends[:, :2] / ends.sum(1, keepdims=True)).flat]
    # Some programs write the encoder's exponents, which are less than 1.
    return MatrixColours(tuple(primaries), tuple(power_curve(max(value, 1 / value)) for value in exponents))


def _of_tiff(image: TiffImageFile) -> MatrixColours:
    """Return the colours that a TIFF states: WhitePoint, PrimaryChromaticities, TransferFunction (6.0, section 20)."""
    tags = image.tag_v2
    primaries = SRGB.primaries
    if ExifTags.Base.PrimaryChromaticities in tags:
        white = tags.get(ExifTags.Base.WhitePoint, SRGB.primaries[:2])
        primaries = tuple(map(float, (*white, *tags[ExifTags.Base.PrimaryChromaticities])))
    table = np.array(tags.get(ExifTags.Base.TransferFunction, ()))
    curves = SRGB.curves
    if table.size:
        channels = 3 if table.size % 3 == 0 else 1
        levels = table.reshape(channels, -1)
        sampled = np.linspace(0, levels.shape[1] - 1, 256).round().astype(int)
        curves = tuple(tuple(curve.tolist()) for curve in levels[:, sampled] / 65535)
    return MatrixColours(primaries, curves)


def _of_exif(image: Image.Image) -> MatrixColours | None:
    """Return Adobe RGB if EXIF says so (DCF 2.0: "R03", an optional file), as cameras do without a profile."""
    adobe = 2  # ColorSpace of some cameras, which EXIF doesn't know
    uncalibrated = 65535
    exif = Image.Exif()  # image.getexif() would keep what is read here, and write it
    exif.load(image.info.get("exif", b""))
    space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    is_adobe = space == adobe or (space == uncalibrated and index.rstrip("\0") == "R03")
    if not is_adobe:
        return None
    return MatrixColours((0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), (power_curve(2.19921875),))
