"""Learning a channel from pictures that were sent through it, and what arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stegnet.channels.destinations import MESSENGER
from stegnet.channels.jpeg_form import JpegForm
from stegnet.channels.jpeg_headers import MOST_HEADERS, are_headers_of, keeps_density, learned_headers
from stegnet.channels.known_channel import MOST_SIZES, KnownChannel
from stegnet.channels.simulation import saved_by
from stegnet.channels.size_rules import Size
from stegnet.core.errors import MediaError
from stegnet.core.process_settings import blas_in_one_thread
from stegnet.core.text import Setting, Text
from stegnet.formats.opened_file import OpenedFile, is_jpeg
from stegnet.image.colour_profiles import BrokenProfileError, to_srgb
from stegnet.image.pictures import exif_orientation, ignoring_warnings, open_picture, turned
from stegnet.jpeg.coefficients import JpegPicture, read_jpeg
from stegnet.jpeg.libjpeg import DctMethod

Pair = tuple[Path, Path]


@dataclass(frozen=True)
class _Picture:
    """Facts on a file of a pair besides its coefficients.

    Attributes:
        pixels: (H, W, 3) uint8 RGB or (H, W) grey, as libjpeg decodes them, neither turned nor converted.
        orientation: as EXIF counts, 1 to 8; 1 without EXIF.
        exif, profile: whether there is one.
        converted: the pixels in sRGB, if a profile changes them.
        jpeg: its coefficients; None: it is no JPEG, or of a rare kind.
    """

    pixels: NDArray[np.uint8]
    orientation: int
    exif: bool
    profile: bool
    converted: NDArray[np.uint8] | None
    jpeg: JpegPicture | None


@dataclass(frozen=True)
class _Example:
    """A pair of files: a picture that was sent, and the JPEG that arrived."""

    sent: _Picture
    arrived: _Picture
    jpeg: JpegPicture  # that arrived
    form: JpegForm
    turned: bool  # whether the picture was turned by its orientation
    is_unchanged: bool  # whether the files are the same, byte for byte

    @property
    def upright(self) -> NDArray[np.uint8]:
        return turned(self.sent.pixels, self.sent.orientation) if self.turned else self.sent.pixels


@blas_in_one_thread
def learn_channel(pairs: Sequence[tuple[str | Path, str | Path]]) -> KnownChannel:
    """Learn what a channel does to pictures.

    Args:
        pairs: for each picture, the file that was sent and the JPEG that arrived. To learn whether what arrives can be
            computed, at least one picture kept its size.

    Raises:
        MediaError: a file can't be read, what arrived is no JPEG or another picture, the pictures were saved in
            different ways, nothing happens to them, or what arrives can't be computed to the bit.
    """
    examples = [_read_example(Path(sent), Path(received)) for sent, received in pairs]
    first = examples[0]
    for (_, received), example in zip(pairs, examples, strict=True):
        if example.form != first.form:
            hint = "a channel has one quality and one sampling; give pictures that were sent in the same way"
            raise MediaError("was saved in another way than the first that arrived", hint, subject=received)

    of_own_size = [
        (received, example)
        for (_, received), example in zip(pairs, examples, strict=True)
        if example.upright.shape[:2] == example.arrived.pixels.shape[:2]
    ]
    methods: tuple[DctMethod, ...] = get_args(DctMethod)
    exact = (dct for dct in methods if all(_arrives_as_simulated(example, dct) for _, example in of_own_size))
    dct = next(exact, None)
    if dct is None and all(example.is_unchanged for example in examples):
        hint = "no channel is needed: what is sent as a file arrives"
        raise MediaError("arrived byte for byte as it was sent", hint, subject=pairs[0][1])
    if dct is None:
        problem = "what arrives can't be computed to the bit, so no channel can be learned from it"
        hint = Text("use ", Setting("survive", MESSENGER), ", which needs no channel, and is easier to find")
        raise MediaError(problem, hint, subject=of_own_size[-1][0])
    sizes = [(_size(example.upright), _size(example.arrived.pixels)) for example in examples]
    jpegs = [example.jpeg for example in examples], [example.sent.jpeg for example in examples]
    headers = learned_headers(*jpegs)
    huffman_is_optimised = [example.jpeg.has_optimised_tables for example in examples]
    return KnownChannel(
        form=first.form,
        dct=dct,
        progressive=first.jpeg.file.progressive,
        optimised=all(huffman_is_optimised),
        exact=bool(of_own_size),
        keeps_exif=_always([example.arrived.exif for example in examples if example.sent.exif]),
        keeps_profile=_always([example.arrived.profile for example in examples if example.sent.profile]),
        turns_upright=_always([example.turned for example in examples if example.sent.orientation != 1]),
        examples=len(examples),
        sizes=tuple(dict.fromkeys(sizes))[:MOST_SIZES],
        headers=headers if len(headers) <= MOST_HEADERS and are_headers_of(headers, first.form) else b"",
        keeps_density=keeps_density(*jpegs),
    )


def _read_example(sent: Path, received: Path) -> _Example:
    """Read a pair of files. Raises the errors of `learn_channel`."""
    before = _read(sent)
    with OpenedFile(received) as file:
        if not is_jpeg(file):
            raise MediaError("what arrives is not a JPEG", subject=received)
    after = _read(received)
    if sent.samefile(received):
        raise MediaError("is given as SENT and as RECEIVED", "save what arrives as another file", subject=received)
    assert after.jpeg is not None
    form = JpegForm.of(after.jpeg)
    form.check(received)

    turns = before.orientation != 1 and after.orientation == 1 and _is_turned(before, after)
    shown = turned(before.pixels, before.orientation) if turns else before.pixels
    ratios = np.array(after.pixels.shape[:2]) / np.array(shown.shape[:2])
    one_pixel = 1.01 / np.array(after.pixels.shape[:2])  # to which sides are rounded
    in_proportion = abs(ratios[0] - ratios[1]) <= ratios.max() * max(0.02, *one_pixel)
    if not in_proportion or ratios.max() > 1 or not _shows_the_same(shown, after.pixels):
        problem = "is not what was sent, whole, at its size or reduced"
        raise MediaError(problem, "RECEIVED must be what arrived of SENT", subject=received)
    return _Example(before, after, after.jpeg, form, turns, sent.read_bytes() == received.read_bytes())


def _read(path: Path) -> _Picture:
    with OpenedFile(path) as file:
        jpeg = read_jpeg(file) if is_jpeg(file) else None
        with open_picture(file) as image:
            profile = image.info.get("icc_profile")
            mode = "L" if image.mode == "L" else "RGB"
            converted = None
            if profile:
                try:
                    converted = np.asarray(to_srgb(image, profile).convert(mode))
                except BrokenProfileError:
                    converted = None
            pixels = np.asarray(image.convert(mode))
            with ignoring_warnings:
                has_exif = bool(image.getexif())
            return _Picture(pixels, exif_orientation(image), has_exif, bool(profile), converted, jpeg)


def _is_turned(sent: _Picture, arrived: _Picture) -> bool:
    """Return whether the picture that arrived shows the one that was sent turned upright."""
    shown = _thumbnail(arrived.pixels)
    upright = _thumbnail(turned(sent.pixels, sent.orientation))
    stored = _thumbnail(sent.pixels)
    return bool(np.abs(upright - shown).mean() < np.abs(stored - shown).mean())


def _shows_the_same(sent: NDArray[np.uint8], arrived: NDArray[np.uint8]) -> bool:
    """Return whether two pictures may show the same: their thumbnails are near each other, or go up and down alike."""
    most_levels = 12.0  # mean difference, by which profiles and gamma may change a flat picture
    least_correlation = 0.6
    before = _thumbnail(sent)
    after = _thumbnail(arrived)
    if np.abs(before - after).mean() < most_levels:
        return True
    deviations = [thumbnail - thumbnail.mean() for thumbnail in (before, after)]
    norms = np.prod([np.linalg.norm(deviation) for deviation in deviations])
    return bool(np.vdot(*deviations) >= least_correlation * norms)


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a small grey copy of a picture, (16, 16), to compare."""
    side = 16
    return np.asarray(Image.fromarray(pixels).convert("L").resize((side, side)), np.float32)


def _size(pixels: NDArray[np.uint8]) -> Size:
    height, width = pixels.shape[:2]
    return height, width


def _arrives_as_simulated(example: _Example, dct: DctMethod) -> bool:
    """Return whether the simulation gives what arrived, bit for bit, of the picture as it is or converted to sRGB."""
    sent = example.sent
    readings = [sent.pixels] if sent.converted is None else [sent.pixels, sent.converted]
    if example.turned:
        readings = [turned(pixels, sent.orientation) for pixels in readings]
    for pixels in readings:
        shown = pixels if example.form.is_grey or pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
        planes = saved_by(example.form, dct, shown).planes
        if all(map(np.array_equal, planes, example.jpeg.planes)):
            return True
    return False


def _always(facts: Sequence[bool]) -> bool | None:
    """Return whether something was so in all examples; None without examples."""
    return all(facts) if facts else None
