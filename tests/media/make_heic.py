"""Makes the HEIC files of the tests: `pip install pillow-heif`, then `python -m tests.media.make_heic`.

Only the decoder (pi-heif) is a dependency of stegnet: the encoder would be four times as large, and is under the GPL.
"""

from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

FOLDER = Path(__file__).parent / "heic"
SIZE = 64, 48  # width and height
CORNERS = ((250, 40, 30), (30, 220, 60), (40, 60, 240), (240, 220, 40))  # of each quarter, row by row


def quarters() -> np.ndarray:
    """A picture in four colours, (48, 64, 3) uint8."""
    colours = np.array(CORNERS, np.uint8).reshape(2, 2, 3)
    return colours.repeat(SIZE[1] // 2, 0).repeat(SIZE[0] // 2, 1)


def main() -> None:
    """Writes all files."""
    FOLDER.mkdir(exist_ok=True)
    picture = Image.fromarray(quarters())
    save(picture, "plain")
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned a quarter clockwise
    save(picture, "turned", exif=exif.tobytes())
    save(Image.new("RGB", SIZE, CORNERS[0]), "two", save_all=True, append_images=[picture], primary_index=1)
    layer = picture.convert("RGBA")
    layer.putalpha(Image.linear_gradient("L").resize(SIZE))
    save(layer, "transparent")
    # A gain map lies beside its picture as transparency does, under another name.
    data = (FOLDER / "transparent.heic").read_bytes()
    (FOLDER / "gain_map.heic").write_bytes(data.replace(b"urn:mpeg:hevc:2015:auxid:1", b"urn:com:apple:hdrgainmap:1"))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(picture, "profile", icc_profile=profile)
    ten = pillow_heif.from_bytes("RGB;16", SIZE, (quarters().astype(np.uint16) * 257).tobytes())
    ten.save(FOLDER / "ten_bits.heic", quality=90, chroma=444)
    for name, colours in {"hdr": (9, 16), "wide": (12, 13)}.items():
        primaries, transfer = colours
        matrix = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 1}
        save(picture, name, nclx_profile=matrix | {"full_range_flag": 1}, **matrix)


def save(picture: Image.Image, name: str, **options: object) -> None:
    """Writes a picture."""
    pillow_heif.register_heif_opener()
    picture.save(FOLDER / f"{name}.heic", quality=90, chroma=444, **options)


if __name__ == "__main__":
    main()
