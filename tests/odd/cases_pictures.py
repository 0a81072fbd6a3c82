"""Pictures of every kind, as cover and as secret."""

import os
import struct
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.media.conftest import icc
from tests.odd.case import NEITHER, TOO_SMALL, WROTE_PICTURE, Case
from tests.odd.make import both, chunk, cut, ffmpeg, nothing, saved, with_chunk, written

COVER, SECRET = "hide {} secret.png -o c.png", "hide cover.png {} -o c.png"
FLAT = "-f lavfi -i testsrc=s=97x61 -frames:v 1"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="97" height="61"><rect width="9" height="9"/></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 97 61\n%%EndComments\nshowpage\n%%EOF\n"
# Red, green and blue as CIE XYZ under D50, and the exponent: the standards' own values.
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407), 2.2)
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.2)


def cover(what: str, make=nothing, name: str = "a.png", code: int = 0, says: str = WROTE_PICTURE, **more) -> Case:
    return Case(f"cover: {what}", make, COVER.format(name), code, says, **more)


def secret(what: str, make=nothing, name: str = "a.png", code: int = 0, says: str = WROTE_PICTURE, **more) -> Case:
    return Case(f"secret: {what}", make, SECRET.format(name), code, says, **{"back": (97, 61)} | more)


def profile(red, green, blue, gamma: float) -> bytes:
    """A colour profile of three primaries and one curve (ICC.1, 8.3.3)."""

    def xyz(values) -> bytes:
        return b"XYZ ".ljust(8, b"\0") + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv".ljust(8, b"\0") + struct.pack(">IH", 1, round(gamma * 256))
    primaries = zip((b"rXYZ", b"gXYZ", b"bXYZ"), (red, green, blue), strict=True)
    tags = {b"wtpt": xyz((0.9642, 1, 0.8249))} | {name: xyz(values) for name, values in primaries}
    return icc(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def turned(orientation: int, name: str = "a.jpg"):
    """What saves a JPEG that a viewer turns."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(name, exif=exif)


def two_pages() -> None:
    pages = [Image.new("RGB", size, colour) for size, colour in (((97, 61), "teal"), ((200, 200), "red"))]
    pages[0].save("a.tif", save_all=True, append_images=pages[1:])


def palette_with_hole() -> None:
    image = Image.new("P", (97, 61), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save("a.png", transparency=1)


def broken(part: bytes):
    """What spoils the checksum of the first chunk of this name in a copy of the cover."""

    def make() -> None:
        data = bytearray(Path("cover.png").read_bytes())
        start = data.index(part) - 4
        data[start + 8 + int.from_bytes(data[start : start + 4], "big")] ^= 1
        Path("a.png").write_bytes(data)

    return make


def flipped() -> None:
    data = bytearray(Path("cover.png").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    Path("a.png").write_bytes(data)


def huge(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x\x9c\x03\0\0\0\0\x01") + chunk(b"IEND", b"")


def has_profile(wanted: bytes | None) -> None:
    with Image.open("c.png") as image:
        assert image.info.get("icc_profile") == wanted


def looks(colour: tuple[int, int, int], name: str = "c.png") -> None:
    """A container is its cover, give or take what the network changes."""
    with Image.open(name) as image:
        assert np.abs(np.asarray(image).reshape(-1, 3).mean(0) - colour).max() < 12


CASES = (
    cover("1×1 pixels", saved("a.png", size=(1, 1)), code=1, says=f"{TOO_SMALL}: 1×1 pixels"),
    cover("36×36, just too small", saved("a.png", size=(36, 36)), code=1, says=TOO_SMALL),
    cover("37×37, the smallest square", saved("a.png", size=(37, 37)), says="wrote c.png: 37x37"),
    cover("1×4000, no block of 8×8", saved("a.png", size=(1, 4000)), code=1, says=TOO_SMALL),
    cover("8×400, one block wide", saved("a.png", size=(8, 400)), says="wrote c.png: 8x400"),
    cover("grey of 8 bits", saved("a.png", "L")),
    cover("grey of 16 bits", saved("a.png", "I;16")),
    cover("black and white, 1 bit", saved("a.png", "1")),
    cover("palette", saved("a.png", "P")),
    cover("palette with a transparent colour", palette_with_hole, check=partial(looks, (255, 255, 255))),
    cover("RGB with transparency", saved("a.png", "RGBA")),
    cover("grey with transparency", saved("a.png", "LA")),
    cover("CMYK JPEG", saved("a.jpg", "CMYK"), "a.jpg"),
    cover("RGB of 16 bits", partial(ffmpeg, f"{FLAT} -pix_fmt rgb48be a.png")),
    cover("RGB of 16 bits with transparency", partial(ffmpeg, f"{FLAT} -pix_fmt rgba64be a.png")),
    cover("interlaced PNG", partial(ffmpeg, f"{FLAT} -pix_fmt rgb24 -flags +ildct a.png")),
    cover("TIFF of floating-point numbers", saved("a.tif", "F"), "a.tif", 1, "error: a.tif: its pixels are floating"),
    cover("TIFF of two pages: the first counts", two_pages, "a.tif", check=partial(looks, (0, 128, 128))),
    cover("TIFF in CIE L*a*b*", saved("a.tif", "LAB"), "a.tif", 1, "error: a.tif: its pixels are CIE L*a*b*"),
    cover("BMP", saved("a.bmp"), "a.bmp"),
    cover("lossy WebP", saved("a.webp"), "a.webp"),
    cover("lossless WebP", saved("a.webp", lossless=True), "a.webp"),
    cover("AVIF", saved("a.avif"), "a.avif"),
    cover("JPEG 2000", saved("a.jp2"), "a.jp2"),
    cover("ICO", saved("a.ico", sizes=[(48, 48)]), "a.ico", says="wrote c.png: 48x"),
    cover("PPM", saved("a.ppm"), "a.ppm"),
    cover("GIF of one frame", saved("a.gif"), "a.gif"),
    cover("progressive JPEG", saved("a.jpg", progressive=True), "a.jpg"),
    cover("two JPEGs for two eyes (MPO): the first counts", saved("a.mpo"), "a.mpo"),
    *(
        cover(f"EXIF orientation {n}", turned(n), "a.jpg", says=f"wrote c.png: {size}")
        for n, size in ((2, "97x61"), (3, "97x61"), (6, "61x97"), (8, "61x97"))
    ),
    cover("EXIF that is nonsense", saved("a.jpg", exif=b"Exif\0\0nonsense"), "a.jpg"),
    cover(
        "profile Display P3: it is kept",
        saved("a.png", icc_profile=profile(*P3)),
        check=partial(has_profile, profile(*P3)),
    ),
    cover(
        "profile Adobe RGB in a JPEG: it is kept",
        saved("a.jpg", icc_profile=profile(*ADOBE)),
        "a.jpg",
        check=partial(has_profile, profile(*ADOBE)),
    ),
    cover(
        "broken profile: left out, with a word",
        saved("a.png", icc_profile=b"nonsense"),
        says="warning: a.png: its colour profile is left out",
        check=partial(has_profile, None),
    ),
    cover("JPEG named .png", both(saved("a.jpg"), lambda: os.rename("a.jpg", "a.png"))),
    cover(
        "JPEG with bytes after its end",
        both(saved("b.jpg"), lambda: Path("a.jpg").write_bytes(Path("b.jpg").read_bytes() + b"more" * 99)),
        "a.jpg",
    ),
    cover(
        "JPEG cut off",
        both(saved("b.jpg"), cut("a.jpg", "b.jpg", 0.6)),
        "a.jpg",
        1,
        "error: a.jpg: the picture is damaged or truncated",
    ),
    cover("PNG cut off", cut("a.png", "cover.png", 0.6), code=1, says="error: a.png: the picture is damaged or trunc"),
    cover("PNG cut off in its header", cut("a.png", "cover.png", 0.001), code=1, says=f"error: a.png: {NEITHER}"),
    cover("PNG, wrong checksum in its pixels", broken(b"IDAT"), code=1, says="error: a.png: the picture is damaged"),
    cover("PNG, 20 bytes of its pixels changed", flipped, code=1, says="error: a.png: the picture is damaged"),
    cover("animated PNG of one frame", saved("a.png", save_all=True)),
    cover("PNG, wrong checksum in its header", broken(b"IHDR"), code=1, says=f"error: a.png: {NEITHER}"),
    cover(
        "PNG with a text chunk that unpacks to 100 MB",
        with_chunk("a.png", chunk(b"zTXt", b"a\0\0" + __import__("zlib").compress(bytes(10**8)))),
        code=1,
        says="error: a.png: ",
    ),
    cover("PNG with an unknown chunk", with_chunk("a.png", chunk(b"abCd", b"?" * 99))),
    cover("empty file", written("a.png", b""), code=1, says="error: a.png: the file is empty"),
    cover("text named .png", written("a.png", b"text\n" * 99), code=1, says=f"error: a.png: {NEITHER}"),
    cover("zeros named .png", written("a.png", bytes(9999)), code=1, says=f"error: a.png: {NEITHER}"),
    cover("SVG", written("a.svg", SVG), "a.svg", 1, f"error: a.svg: {NEITHER}"),
    cover("EPS: no program is run for it", written("a.eps", EPS), "a.eps", 1, f"error: a.eps: {NEITHER}"),
    cover("HEIC", written("a.heic", b"\0\0\0\x18ftypheic" + bytes(99)), "a.heic", 1, "error: a.heic: HEIC pictures"),
    cover(
        "60000×60000 pixels, in a few bytes",
        written("a.png", huge(60000, 60000)),
        code=1,
        says="error: a.png: the picture is too large to read",
    ),
    cover(
        "10000×10000 pixels, in a few bytes",
        written("a.png", huge(10000, 10000)),
        code=1,
        says="error: a.png: the picture is damaged or truncated",
    ),
    cover("no such file", code=1, says="error: a.png: no such file"),
    cover("named pipe", partial(os.mkfifo, "a.png"), code=1, says="error: a.png: not a file"),
    cover("symbolic link to a picture", partial(os.symlink, "cover.png", "a.png")),
    cover("symbolic link to nowhere", partial(os.symlink, "none.png", "a.png"), code=1, says="error: a.png: no such"),
    cover("symbolic link to itself", partial(os.symlink, "a.png", "a.png"), code=1, says="error: a.png: can't be read"),
    cover("/dev/null", name="/dev/null", code=1, says="error: /dev/null: not a file"),
    cover("/dev/zero", name="/dev/zero", code=1, says="error: /dev/zero: not a file"),
    cover("/dev/stdin", name="/dev/stdin", code=1, says="error: /dev/stdin: not a file"),
    cover("the secret itself", name="secret.png", says="wrote c.png: 40x50"),
    secret("1×1 pixels", saved("a.png", size=(1, 1)), back=(1, 1)),
    secret("1×500", saved("a.png", size=(1, 500)), back=(1, 500)),
    secret("500×1", saved("a.png", size=(500, 1)), back=(500, 1)),
    secret("800×600, larger than the cover", saved("a.png", size=(800, 600)), back=(800, 600)),
    secret("grey of 16 bits", saved("a.png", "I;16")),
    secret("black and white, 1 bit", saved("a.png", "1")),
    secret("palette with a transparent colour", palette_with_hole),
    secret("CMYK JPEG", saved("a.jpg", "CMYK"), "a.jpg"),
    secret("animated neither: a GIF of one frame", saved("a.gif"), "a.gif"),
    secret("EXIF orientation 6: it comes back upright", turned(6), "a.jpg", back=(61, 97)),
    secret("profile Display P3: it comes back as sRGB", saved("a.png", icc_profile=profile(*P3))),
    secret("broken profile", saved("a.png", icc_profile=b"nonsense"), says="warning: a.png: its colour profile"),
    secret("TIFF of floating-point numbers", saved("a.tif", "F"), "a.tif", 1, "error: a.tif: its pixels are floating"),
    secret("cut off", cut("a.png", "secret.png", 0.6), code=1, says="error: a.png: the picture is damaged"),
    secret("folder", partial(os.mkdir, "a.png"), code=1, says="error: a.png: is a folder"),
    Case("cover: empty folder", partial(os.mkdir, "d"), "hide d secret.png -o o", 1, "error: d: "),
    Case(
        "cover: folder of texts",
        lambda: (os.mkdir("d"), Path("d/a.png").write_text("text")),
        "hide d secret.png -o o",
        1,
        "error: ",
    ),
    Case(
        "cover: folder, and an output that is a file",
        lambda: (os.mkdir("d"), os.rename("cover.png", "d/a.png")),
        "hide d secret.png -o k",
        1,
        "error: k: ",
    ),
    secret("text", written("a.png", b"text\n" * 99), code=1, says=f"error: a.png: {NEITHER}"),
    secret(
        "60000×60000 pixels, in a few bytes",
        written("a.png", huge(60000, 60000)),
        code=1,
        says="error: a.png: the picture is too large to read",
    ),
)
