"""PNGs, written in the form of their cover or of a common program."""

from pathlib import Path

import numpy as np

from stegnet.core.pixels import is_grey
from stegnet.image.pictures import KEPT_IN_FORM, turned_back, write_png, writing
from stegnet.media.cover import Cover, about_cover
from stegnet.png.file import ColourType, PngFile


def write_like(cover: Cover, profile: bytes | None, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
    """Write pixels as PNG, in the form of the cover if that is a PNG of their size, and return lines for the report.

    Args:
        cover: opened picture.
        profile: ICC profile of the pixels' colours; None: they are sRGB.
        part: file to write.
        pixels: (H, W, 3) uint8, or (H, W, 4) with opacity.

    Raises:
        MediaError: the file can't be written.
    """
    file = cover.png
    stored = turned_back(pixels, cover.orientation) if file and file.may_have_exif else pixels
    if file is None or (file.header.height, file.header.width) != stored.shape[:2]:
        write_png(part, pixels, profile)
        return about_cover(cover)
    samples, dropped, notes = _as_stored_by(file, stored)
    converted = profile is None and file.has("iCCP") and cover.is_converted
    form, unrecognised = file.form(samples.shape[2], same_colours=not converted, dropped=dropped)
    with writing(part) as target:
        form.write(target, samples)
    return (*about_cover(cover, without=KEPT_IN_FORM), *notes, *([f"cover: {unrecognised}"] if unrecognised else []))


def _as_stored_by(file: PngFile, pixels: np.ndarray) -> tuple[np.ndarray, set[str], list[str]]:
    """Return samples as a PNG has them, (H, W, 1 to 4) uint8, chunks that don't fit them, and lines for the report."""
    colours = pixels[..., :3]
    opacity = pixels[..., 3:]
    dropped = set()
    notes = []
    colour_type = file.header.colour_type
    if colour_type == ColourType.PALETTE:
        notes.append("cover: its palette of greys is left out: they are stored as they are")
    elif file.header.bits < 8:
        notes.append(f"cover: it has {file.header.bits} bits per sample: stored with 8")

    if colour_type in {ColourType.GREY, ColourType.COLOUR} and file.has("tRNS"):  # one colour is transparent
        keeps_colour = opacity.size and file.keeps_samples
        key = np.array(file.transparent_colour)
        if not keeps_colour:
            dropped.add("tRNS")
        elif (np.all(colours == key, axis=-1) & (opacity[..., 0] > 0)).any():
            dropped.add("tRNS")
            problem = "a pixel has got the colour that was transparent"
            notes.append(f"cover: {problem}: opacity is stored for each pixel instead")
        else:
            opacity = opacity[..., :0]

    if colour_type in {ColourType.GREY, ColourType.GREY_ALPHA, ColourType.PALETTE} and is_grey(colours):
        colours = colours[..., :1]
    return np.dstack([colours, opacity]) if opacity.size else colours, dropped, notes
