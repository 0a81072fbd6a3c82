"""All kinds of pictures, as cover and as secret."""

import os
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.media.conftest import icc
from tests.odd.case import NEITHER, TOO_SMALL, WROTE_PICTURE, Case
from tests.odd.make import (
    Maker,
    both,
    by_ffmpeg,
    chunk,
    cut,
    folder,
    linked,
    nothing,
    renamed,
    saved,
    with_chunk,
    written,
    zeroed,
)

FLAT = "-f lavfi -i testsrc=s=97x61 -frames:v 1"
DAMAGED = "the picture is damaged or truncated"
FLOAT = "its pixels are floating-point numbers"
TOO_LARGE = "the picture is too large to read"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="97" height="61"><rect width="9" height="9"/></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 97 61\n%%EndComments\nshowpage\n%%EOF\n"
# Red, green and blue as CIE XYZ under D50: the standard's own values.
P3 = (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)


def cover(what: str, make: Maker, name: str = "a.png", says: str = WROTE_PICTURE, **more) -> Case:
    return Case(f"cover: {what}", make, f"hide {name} secret.png -o c.png", says, **more)


def kind(what: str, name: str, *mode: str, **options) -> Case:
    """A cover saved by Pillow."""
    return cover(what, saved(name, *mode, **options), name)


def grey(what: str, name: str, *mode: str) -> Case:
    """A grey cover, in which networks hide nothing."""
    line = f"hide {name} notes.txt --method sealed -o c.png"
    return Case(f"cover: {what}", saved(name, *mode), line, says=WROTE_PICTURE, check=is_grey)


def is_grey() -> None:
    """Checks that the container is grey, as its cover is."""
    with Image.open("c.png") as image:
        assert image.mode == "L"


def no_cover(what: str, name: str, make: Maker, says: str = NEITHER, **more) -> Case:
    return cover(what, make, name, f"error: {name}: {says}", **more)


def secret(
    what: str, make: Maker, name: str = "a.png", back: tuple[int, int] = (97, 61), says: str = WROTE_PICTURE, **more
) -> Case:
    return Case(f"secret: {what}", make, f"hide cover.png {name} -o c.png", says=says, back=back, **more)


def no_secret(what: str, name: str, make: Maker, says: str = NEITHER, **more) -> Case:
    return secret(what, make, name, says=f"error: {name}: {says}", **more)


def profile(red, green, blue) -> bytes:
    """A colour profile with three primaries and one curve (ICC.1, 8.3.3)."""

    def xyz(values) -> bytes:
        return b"XYZ ".ljust(8, b"\0") + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv".ljust(8, b"\0") + struct.pack(">IH", 1, round(2.2 * 256))
    primaries = zip((b"rXYZ", b"gXYZ", b"bXYZ"), (red, green, blue), strict=True)
    tags = {b"wtpt": xyz((0.9642, 1, 0.8249))} | {name: xyz(values) for name, values in primaries}
    return icc(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def rotated(orientation: int) -> Maker:
    """Makes a JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved("a.jpg", exif=exif)


def two_pages() -> None:
    pages = [Image.new("RGB", size, colour) for size, colour in (((97, 61), "teal"), ((200, 200), "red"))]
    pages[0].save("a.tif", save_all=True, append_images=pages[1:])


def palette_with_hole() -> None:
    image = Image.new("P", (97, 61), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save("a.png", transparency=1)


def broken(part: bytes) -> Maker:
    """Makes a copy of the cover with a wrong checksum in the first chunk of this name."""

    def make() -> None:
        data = bytearray(Path("cover.png").read_bytes())
        start = data.index(part) - 4
        data[start + 8 + int.from_bytes(data[start : start + 4], "big")] ^= 1
        Path("a.png").write_bytes(data)

    return make


def with_tail() -> None:
    saved("a.jpg")()
    with Path("a.jpg").open("ab") as file:
        file.write(b"more" * 99)


def text_bomb() -> bytes:
    return chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))


def huge(side: int) -> Maker:
    """Makes a PNG of a few bytes that declares a huge size."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")
    return written("a.png", b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def has(wanted: bytes | None) -> None:
    with Image.open("c.png") as image:
        assert image.info.get("icc_profile") == wanted


def looks(colour: tuple[int, int, int]) -> None:
    """Checks the mean colour of the container, which is close to its cover."""
    with Image.open("c.png") as image:
        assert np.abs(np.asarray(image).reshape(-1, 3).mean(0) - colour).max() < 12


def in_a_folder(name: str) -> Maker:
    return lambda: (Path("d").mkdir(), Path(name).rename(f"d/{name}"))


CASES = (
    cover("23×23, the smallest square", saved("a.png", size=(23, 23)), says="wrote c.png: 23x23"),
    cover("1×4000, no block of 8×8", saved("a.png", size=(1, 4000)), says=f"{TOO_SMALL}: 1×4000 pixels"),
    cover("8×400, one block wide", saved("a.png", size=(8, 400)), says="wrote c.png: 8x400"),
    grey("grey of 8 bits", "a.png", "L"),
    grey("grey of 16 bits", "a.png", "I;16"),
    no_cover("black and white, 1 bit", "a.png", saved("a.png", "1"), "has a palette of 2 colours"),
    no_cover("palette", "a.png", saved("a.png", "P"), "has a palette of 146 colours"),
    no_cover("palette with a transparent colour", "a.png", palette_with_hole, "has a palette of 1 colour"),
    kind("RGB with transparency", "a.png", "RGBA"),
    cover("grey with transparency", saved("a.png", "LA"), says="error: the cover is grey"),
    kind("CMYK JPEG", "a.jpg", "CMYK"),
    cover("RGB of 16 bits", by_ffmpeg(f"{FLAT} -pix_fmt rgb48be a.png")),
    cover("interlaced PNG", by_ffmpeg(f"{FLAT} -pix_fmt rgb24 -flags +ildct a.png")),
    no_cover("TIFF of floating-point numbers", "a.tif", saved("a.tif", "F"), FLOAT),
    cover("TIFF of two pages: the first is used", two_pages, "a.tif", check=partial(looks, (0, 128, 128))),
    kind("BMP", "a.bmp"),
    kind("lossy WebP", "a.webp"),
    kind("lossless WebP", "a.webp", lossless=True),
    kind("AVIF", "a.avif"),
    kind("JPEG 2000", "a.jp2"),
    cover("ICO", saved("a.ico", sizes=[(48, 48)]), "a.ico", "wrote c.png: 48x"),
    kind("PPM", "a.ppm"),
    no_cover("GIF of one frame", "a.gif", saved("a.gif"), "has a palette of 255 colours"),
    kind("animated PNG of one frame", "a.png", save_all=True),
    kind("progressive JPEG", "a.jpg", progressive=True),
    kind("stereo pair of JPEGs (MPO): the first is used", "a.mpo"),
    cover("EXIF orientation 3", rotated(3), "a.jpg"),
    cover("EXIF orientation 6", rotated(6), "a.jpg", "wrote c.png: 61x97"),
    cover("EXIF orientation 8", rotated(8), "a.jpg", "wrote c.png: 61x97"),
    kind("invalid EXIF", "a.jpg", exif=b"Exif\x00\x00nonsense"),
    cover("profile Display P3: kept", saved("a.png", icc_profile=profile(*P3)), check=partial(has, profile(*P3))),
    cover(
        "broken profile: ignored",
        saved("a.png", icc_profile=b"nonsense"),
        says="warning: a.png: its colour profile is ignored",
        check=partial(has, None),
    ),
    cover("JPEG named .png", both(saved("a.jpg"), renamed("a.jpg", "a.png"))),
    cover("JPEG with bytes after its end", with_tail, "a.jpg"),
    no_cover("truncated JPEG", "a.jpg", both(saved("b.jpg"), cut("a.jpg", "b.jpg", 0.6)), DAMAGED),
    no_cover("truncated PNG", "a.png", cut("a.png", "cover.png", 0.6), DAMAGED),
    no_cover("PNG truncated in its header", "a.png", cut("a.png", "cover.png", 0.001)),
    cover("PNG with correct pixels but a wrong CRC", broken(b"IDAT")),
    no_cover("PNG, 20 bytes of its pixels zeroed", "a.png", zeroed("a.png", "cover.png", 0.5, 20), DAMAGED),
    no_cover("PNG, CRC of its header wrong", "a.png", broken(b"IHDR")),
    no_cover("PNG with a text chunk that decompresses to 100 MB", "a.png", with_chunk("a.png", text_bomb())),
    cover("PNG with an unknown chunk", with_chunk("a.png", chunk(b"abCd", b"?" * 99))),
    no_cover("empty file", "a.png", written("a.png", b""), "the file is empty"),
    no_cover("text named .png", "a.png", written("a.png", b"text\n" * 99)),
    no_cover("zeros named .png", "a.png", written("a.png", bytes(9999))),
    no_cover("SVG", "a.svg", written("a.svg", SVG)),
    no_cover("EPS: no interpreter is started", "a.eps", written("a.eps", EPS)),
    no_cover("60000×60000 pixels in a few bytes", "a.png", huge(60000), TOO_LARGE),
    no_cover("no such file", "a.png", nothing, "no such file"),
    no_cover("named pipe", "a.png", partial(os.mkfifo, "a.png"), "not a file"),
    cover("symbolic link to a picture", linked("a.png", "cover.png")),
    no_cover("symbolic link to itself", "a.png", linked("a.png", "a.png"), "can't be read (Too many levels"),
    no_cover("/dev/null", "/dev/null", nothing, "not a file"),
    no_cover("/dev/zero", "/dev/zero", nothing, "not a file"),
    cover("the secret itself", nothing, "secret.png", "wrote c.png: 40x50"),
    no_cover("empty folder", "d", folder("d"), "no picture and no film in this folder"),
    no_cover("folder of text files", "d", in_a_folder("notes.txt"), "no picture and no film in this folder"),
    secret("1×1 pixels", saved("a.png", size=(1, 1)), back=(1, 1)),
    secret("1×500 pixels", saved("a.png", size=(1, 500)), back=(1, 500)),
    secret("500×1 pixels", saved("a.png", size=(500, 1)), back=(500, 1)),
    secret("800×600 pixels, larger than the cover", saved("a.png", size=(800, 600)), back=(800, 600)),
    secret("black and white, 1 bit", saved("a.png", "1")),
    secret("palette with a transparent colour", palette_with_hole),
    secret("GIF of one frame", saved("a.gif"), "a.gif"),
    secret("EXIF orientation 6: revealed upright", rotated(6), "a.jpg", (61, 97)),
    secret("profile Display P3: revealed as sRGB", saved("a.png", icc_profile=profile(*P3))),
    no_secret("TIFF of floating-point numbers", "a.tif", saved("a.tif", "F"), FLOAT),
    no_secret("truncated", "a.png", cut("a.png", "secret.png", 0.6), DAMAGED),
    no_secret("folder", "d", folder("d"), "is a folder"),
    no_secret("text", "notes.txt", nothing),
)
