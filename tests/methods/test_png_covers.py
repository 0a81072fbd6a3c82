"""A PNG that something is hidden in stays the PNG that it was, but for its samples."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from skimage.data import astronaut

from stegnet import Key, hide, reveal
from stegnet.cli import main
from stegnet.results import Report
from tests.support.pngs import as_png, chunks_of
from tests.support.stills import exif_of

KEY = Key(bytes(range(32)))
COLOURS = astronaut()[100:228, 200:360]
IMAGE = Image.fromarray(COLOURS)
OPACITY = Image.linear_gradient("L").resize(IMAGE.size)
MARKED = COLOURS.copy()
MARKED[:20] = 1, 2, 3
GPS_IN_XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>12,30N</exif:GPSLatitude></x:xmpmeta>'
pytestmark = pytest.mark.filterwarnings("ignore:the container keeps the cover's GPS position")
POSITION = "keeps the cover's GPS position"


def kinds(path: Path) -> list[bytes]:
    """The types of a PNG's chunks, those of image data once."""
    found = [kind for kind, _ in chunks_of(path.read_bytes())]
    return [kind for at, kind in enumerate(found) if kind != b"IDAT" or found[at - 1] != b"IDAT"]


def others(path: Path) -> list[tuple[bytes, bytes]]:
    return [each for each in chunks_of(path.read_bytes()) if each[0] != b"IDAT"]


def with_chunks(path: Path, before: dict[bytes, bytes], behind: dict[bytes, bytes] = {}) -> None:  # noqa: B006
    header, *rest = chunks_of(path.read_bytes())
    path.write_bytes(as_png([header, *before.items(), *rest[:-1], *behind.items(), rest[-1]]))


def save(image: Image.Image, **options: Any) -> Callable[[Path], None]:
    return lambda path: image.save(path, **options)


def with_opacity(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.putalpha(OPACITY)
    return image


def texts(add: str, *given: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    getattr(info, add)(*given)
    return info


def rows_of_16_bits(path: Path) -> None:
    """Of a transparent colour, too; Pillow writes none: the samples are doubled into 16 bits in the rows of a file."""
    rows = b"".join(b"\0" + row.repeat(2).tobytes() for row in MARKED.reshape(len(MARKED), -1))
    header = struct.pack(">IIBBBBB", MARKED.shape[1], len(MARKED), 16, 2, 0, 0, 0)
    colour = struct.pack(">HHH", 257, 514, 771)
    path.write_bytes(as_png([(b"IHDR", header), (b"tRNS", colour), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))


def rows_of_4_bits(path: Path) -> None:
    rows = b"".join(b"\0" + bytes(row[::2] // 17 * 16 + row[1::2] // 17) for row in COLOURS[..., 1])
    header = struct.pack(">IIBBBBB", COLOURS.shape[1], len(COLOURS), 4, 0, 0, 0, 0)
    path.write_bytes(as_png([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))


def with_many_chunks(path: Path) -> None:
    IMAGE.save(path)
    before = {
        b"gAMA": struct.pack(">I", 70000), b"cHRM": struct.pack(">8I", *range(30000, 30008)), b"sBIT": bytes([8, 8, 8]),
        b"bKGD": bytes(6), b"pHYs": struct.pack(">IIB", 2835, 2835, 1), b"cICP": bytes([9, 16, 0, 1]),
    }  # fmt: skip
    behind = {b"tIME": bytes([7, 230, 1, 2, 3, 4, 5]), b"tEXt": b"Author\0me", b"zTXt": b"a\0\0" + zlib.compress(b"b")}
    with_chunks(path, before, behind)


def grey_of_16_bits(path: Path) -> None:
    Image.fromarray((COLOURS[..., 1].astype(np.uint16) << 8) + 7).save(path)
    with_chunks(path, {b"sBIT": bytes([16]), b"pHYs": struct.pack(">IIB", 9, 9, 0), b"bKGD": bytes(2)})


def in_odd_blocks(path: Path) -> None:
    IMAGE.save(path)
    header, (_, data), end = chunks_of(path.read_bytes())
    raw, stream = zlib.decompress(data), zlib.compressobj(6)
    odd = b"".join(stream.compress(raw[at : at + 999]) + stream.flush(zlib.Z_FULL_FLUSH) for at in range(0, 9990, 999))
    path.write_bytes(as_png([header, (b"IDAT", odd + stream.compress(raw[9990:]) + stream.flush()), end]))


def interlaced(path: Path) -> None:
    path.write_bytes((Path(__file__).parents[1] / "png/files/imagemagick-interlaced.png").read_bytes())


def uncompressed(path: Path) -> None:
    IMAGE.save(path, compress_level=0)


def with_gamma_and_author(image: Image.Image) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        image.save(path)
        with_chunks(path, {b"gAMA": struct.pack(">I", 45455), b"tEXt": b"Author\0me"})

    return write


def with_all_that_says_colours(path: Path) -> None:
    """Each chunk by which a PNG says what its samples mean (PNG 3, 11.3.2)."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_opacity(IMAGE).save(path)
    with_chunks(path, {
        b"cHRM": struct.pack(">8I", *range(30000, 30008)), b"gAMA": struct.pack(">I", 45455), b"sRGB": b"\0",
        b"iCCP": b"own\0\0" + zlib.compress(profile), b"cICP": bytes([1, 13, 0, 1]),
        b"mDCV": bytes(24), b"cLLI": bytes(8), b"sBIT": bytes([8, 8, 8, 8]), b"bKGD": bytes(6),
    })  # fmt: skip


KEPT: dict[str, tuple[Callable[[Path], None], str]] = {  # all its chunks; and what is warned of
    "many chunks": (with_many_chunks, ""),
    "grey in colours": (save(IMAGE.convert("L").convert("RGB")), ""),
    **{f"turned {turn}": (save(IMAGE, exif=exif_of(x112=turn)), "") for turn in range(1, 9)},
    "a position": (save(IMAGE, exif=exif_of(x8825={1: "N", 2: (1.0, 2.0, 3.0)})), POSITION),
    "a position in XMP": (save(IMAGE, pnginfo=texts("add_itxt", "XML:com.adobe.xmp", GPS_IN_XMP)), POSITION),
    "a transparent colour": (save(Image.fromarray(MARKED), transparency=(1, 2, 3)), ""),
    "a long text, which takes no memory": (save(IMAGE, pnginfo=texts("add_text", "Comment", "x" * (20 << 20))), ""),
}
PLAIN = [b"IHDR", b"IDAT", b"IEND"]
CHANGED: dict[str, tuple[Callable[[Path], None], dict[str, Any], list[bytes], str]] = {  # options, what stays, note
    "16 bits": (grey_of_16_bits, {}, [b"IHDR", b"pHYs", b"IDAT", b"IEND"], "it has 16 bits per sample: reduced to 8"),
    "4 bits": (rows_of_4_bits, {}, PLAIN, "it has 4 bits per sample: stored with 8"),
    "a palette of greys": (save(IMAGE.convert("L").convert("P")), {}, PLAIN, "its palette of greys is left out"),
    "resized": (with_gamma_and_author(IMAGE), {"resize": 96}, PLAIN, "its comments are left out"),
    "resized, of colours that it says": (with_all_that_says_colours, {"resize": 96}, PLAIN, "composited over white"),
    "resized, composited": (save(with_opacity(IMAGE)), {"resize": 96}, PLAIN, "composited over white"),
    "composited": (
        with_gamma_and_author(with_opacity(IMAGE)), {"method": "sealed"},
        [b"IHDR", b"gAMA", b"tEXt", b"IDAT", b"IEND"], "composited over white",
    ),
}  # fmt: skip


@pytest.fixture
def cover(tmp_path) -> Path:
    return tmp_path / "cover.png"


def sent(cover: Path, **options: Any) -> tuple[Path, Report]:
    """A container of a text, which opens, and the report."""
    out = cover.with_name("sent.png")
    report = hide(cover, b"hi" * 9, out, key=KEY, overwrite=True, **options)
    assert reveal(out, key=KEY).text == "hi" * 9
    return out, report


@pytest.mark.parametrize("what", KEPT)
def test_all_chunks_are_kept(what, cover):
    write, warned = KEPT[what]
    write(cover)
    out, report = sent(cover)
    assert others(out) == others(cover)
    assert not [line for line in report.notes if "left out" in line or "recognised" in line]
    assert [line for line in report.warnings if POSITION in line] == [line for line in report.warnings if warned]
    with Image.open(cover) as before, Image.open(out) as after:
        shown = [np.asarray(image).astype(int) for image in (before, after)]
    assert 0 < np.abs(shown[1] - shown[0]).max() <= 2
    if what == "a transparent colour":
        assert np.array_equal(shown[1][:20], MARKED[:20])


@pytest.mark.filterwarnings("ignore:the cover is a picture that lacks some levels")  # of 4 bits
@pytest.mark.parametrize("what", CHANGED)
def test_what_can_not_stay_is_said(what, cover):
    write, options, kept, note = CHANGED[what]
    write(cover)
    out, report = sent(cover, **options)
    assert kinds(out) == kept
    assert [line for line in report.notes if note in line]
    depth, colours = chunks_of(out.read_bytes())[0][1][8:10]
    assert (depth, colours) == (8, 0 if "bits" in what or "palette" in what else 2)


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"compress_level": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_mode_and_compression_are_kept(cover, mode, options):
    with_opacity(IMAGE).convert(mode).save(cover, **options)
    out, _ = sent(cover)
    with Image.open(out) as image:
        assert image.mode == mode
        again = out.with_name("again.png")
        image.save(again, **options)
    assert out.read_bytes() == again.read_bytes()


def test_a_colour_of_16_bits_that_is_transparent(cover):
    rows_of_16_bits(cover)
    with Image.open(sent(cover)[0]) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGBA", (1, 2, 3, 0))


def test_a_pixel_that_gets_the_transparent_colour_stays_visible(cover):
    colour = 100, 101, 102
    picture = np.random.default_rng(0).choice([-1, 1], (*COLOURS.shape[:2], 1)) + np.array(colour)
    picture[:20] = colour
    Image.fromarray(picture.astype(np.uint8)).save(cover, transparency=colour)
    out, report = sent(cover)
    assert [line for line in report.notes if "a pixel has got the colour that was transparent" in line]
    opacity = np.asarray(Image.open(out))[..., 3]
    assert (opacity[20:] == 255).all() and not opacity[:20].any()


def test_grey_with_opacity_counts_one_channel(cover):
    """As much is hard to find in it as in the same picture without opacity, which is all opaque here."""
    grey = IMAGE.convert("L")
    grey.save(cover)
    without = sent(cover)[1].hiding.secure.hard
    grey.putalpha(Image.new("L", grey.size, 255))
    grey.save(cover)
    assert sent(cover)[1].hiding.secure.hard == without


def test_a_grey_part_of_a_coloured_picture_stays_grey(cover):
    picture, grey = astronaut(), np.s_[300:380, 150:350]
    picture[grey] = picture[grey][..., 1:2]
    Image.fromarray(picture).save(cover)
    out = cover.with_name("sent.png")
    hide(cover, bytes(900), out, key=KEY, at_most_safe=True)
    assert np.ptp(np.asarray(Image.open(out))[grey].astype(int), axis=2).max() == 0


@pytest.mark.parametrize("write", [in_odd_blocks, interlaced, uncompressed])
def test_an_unknown_program_gives_the_container_away_until_the_cover_is_saved_again(cover, capsys, write):
    write(cover)
    with pytest.warns(UserWarning, match="no known program"):
        out, report = sent(cover)
    assert kinds(out) == kinds(cover)
    assert [line for line in report.notes if "not recognised" in line]
    verdicts = [report.hiding.verdict, sent(cover, resize=96)[1].hiding.verdict]
    assert main(["info", str(cover)]) == 0
    assert "easy to find, however little" in capsys.readouterr().out
    with Image.open(cover) as image:
        image.save(cover)
    verdicts.append(sent(cover)[1].hiding.verdict)
    said = "easy to find: the cover is a PNG that no known program compresses so (save it again first: "
    assert [verdict.startswith(said) for verdict in verdicts] == [True, False, False]
    assert verdicts[0].endswith("NEW.png`)")
