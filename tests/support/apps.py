"""Apps that save pictures again: what each does to one, by which channels are learned and tried."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.jpeg.libjpeg import DctMethod, encode_planes

SRGB_PROFILE = ImageCms.createProfile("sRGB")
SRGB = ImageCms.ImageCmsProfile(SRGB_PROFILE).tobytes()


def swapped_profile() -> bytes:
    """A profile whose red and green are swapped, so that it changes colours."""
    data = bytearray(SRGB)
    tags = {bytes(data[at : at + 4]): at + 4 for at in range(132, 132 + 12 * data[131], 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red : red + 8], data[green : green + 8] = data[green : green + 8], data[red : red + 8]
    return bytes(data)


def converted(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB."""
    made = ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB_PROFILE)
    assert made is not None
    return made


def scene(width: int, height: int, grey: bool = False, seed: int = 1) -> Image.Image:
    """A picture whose parts are of different brightness, with some texture, and no colours at the ends."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(50, 206, (4, 5, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    pixels = (smooth + random.normal(0, 8, (height, width, 1))).clip(20, 235).astype(np.uint8)
    made = Image.fromarray(pixels)
    return made.convert("L") if grey else made


def photo(path: Path, size: tuple[int, int] = (320, 256), mode: str = "RGB", seed: int = 1, **how: Any) -> Path:
    """A picture that is textured as photographs are."""
    random = np.random.default_rng(seed)
    rough = 128 + random.normal(0, 40, (-(-size[1] // 4), -(-size[0] // 4), 3)).cumsum(0) / 3
    smooth = np.asarray(Image.fromarray(rough.clip(30, 220).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC))
    pixels = (smooth + random.normal(0, 8, (*size[::-1], 1))).clip(12, 243).astype(np.uint8)
    return saved(Image.fromarray(pixels).convert(mode), path, **how)


def saved(image: Image.Image, path: Path, **how: Any) -> Path:
    image.save(path, **how)
    return path


@dataclass(frozen=True)
class App:
    """An app that saves pictures by libjpeg.

    Attributes:
        how: options of Pillow's encoder.
        side: pixels that the longer side is reduced to.
        turns: whether pictures are turned upright.
        keeps: metadata that stays, of "exif" and "icc_profile".
        converts: whether colours are converted to sRGB.
        change: what is done to the file.
    """

    how: dict[str, Any] = field(default_factory=dict)
    side: int = 1 << 16
    turns: bool = True
    keeps: tuple[str, ...] = ()
    converts: bool = False
    dct: DctMethod = "islow"
    change: Callable[[bytes], bytes] = bytes

    def __call__(self, sent: Path, received: Path) -> Path:
        """Save what is sent as what arrives."""
        with Image.open(sent) as image:
            kept = {name: image.info[name] for name in self.keeps if name in image.info}
            shown = (ImageOps.exif_transpose(image) if self.turns else image).convert(
                "L" if image.mode == "L" else "RGB"
            )
            if self.converts:
                shown = converted(shown, image.info["icc_profile"])
        for name in ("exif", "icc_profile", "comment", "dpi"):
            shown.info.pop(name, None)
        shown.thumbnail((self.side, self.side))
        shown.save(received, "JPEG", **{"quality": 80} | self.how | kept)
        if self.dct != "islow":
            jpeg = jpeg_of(received.read_bytes(), "what arrives")
            form = JpegForm.of(jpeg)
            tables = [np.array(table) for table in form.steps]
            received.write_bytes(jpeg.with_planes(encode_planes(np.asarray(shown), tables, form.sampling, self.dct)))
        received.write_bytes(self.change(received.read_bytes()))
        return received


def with_byte(marker: bytes, place: int, value: int) -> Callable[[bytes], bytes]:
    """Set one byte of the first segment of a kind."""

    def change(data: bytes) -> bytes:
        at = data.index(marker) + place
        return data[:at] + bytes([value]) + data[at + 1 :]

    return change


def in_wide_steps(data: bytes) -> bytes:
    """Write the first quantisation table of a JPEG in 16 bits, with one step that needs them."""
    at = data.index(b"\xff\xdb")
    steps = np.frombuffer(data, np.uint8, 64, at + 5).astype(">u2")
    steps[-1] = 300
    table = b"\xff\xdb" + (2 + 1 + 128).to_bytes(2, "big") + b"\x10" + steps.tobytes()
    return data[:at] + table + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
