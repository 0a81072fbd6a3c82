"""A PNG that something is hidden in stays the PNG that it was, but for its samples."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from skimage.data import astronaut

from stegnet import Key, hide, reveal
from stegnet.results import Report
from tests.support.pngs import as_png, chunks_of

KEY = Key(bytes(range(32)))
COLOURS = astronaut()[100:228, 200:360]
GPS = 0x8825


def kinds(path: Path) -> list[bytes]:
    """The types of a PNG's chunks, those of image data once."""
    found = [kind for kind, _ in chunks_of(path.read_bytes())]
    return [kind for at, kind in enumerate(found) if kind != b"IDAT" or found[at - 1] != b"IDAT"]


def others(path: Path) -> list[tuple[bytes, bytes]]:
    return [each for each in chunks_of(path.read_bytes()) if each[0] != b"IDAT"]


def with_chunks(path: Path, before: dict[bytes, bytes], behind: dict[bytes, bytes] = {}) -> None:  # noqa: B006
    header, *rest = chunks_of(path.read_bytes())
    path.write_bytes(as_png([header, *before.items(), *rest[:-1], *behind.items(), rest[-1]]))


@pytest.fixture
def cover(tmp_path) -> Path:
    path = tmp_path / "cover.png"
    Image.fromarray(COLOURS).save(path)
    return path


def sent(cover: Path, **options: Any) -> tuple[Path, Report]:
    """A container of a text, which opens, and the report."""
    out = cover.with_name("sent.png")
    report = hide(cover, b"hi" * 9, out, key=KEY, overwrite=True, **options)
    assert reveal(out, key=KEY).text == "hi" * 9
    return out, report


def test_all_chunks_are_kept(cover):
    before = {
        b"gAMA": struct.pack(">I", 70000), b"cHRM": struct.pack(">8I", *range(30000, 30008)), b"sBIT": bytes([8, 8, 8]),
        b"bKGD": bytes(6), b"pHYs": struct.pack(">IIB", 2835, 2835, 1), b"cICP": bytes([9, 16, 0, 1]),
    }  # fmt: skip
    behind = {b"tIME": bytes([7, 230, 1, 2, 3, 4, 5]), b"tEXt": b"Author\0me", b"zTXt": b"a\0\0" + zlib.compress(b"b")}
    with_chunks(cover, before, behind)
    out, report = sent(cover)
    assert others(out) == others(cover)
    assert not [line for line in report.notes if "left out" in line or "recognised" in line]


@pytest.mark.parametrize("save", [{}, {"optimize": True}, {"compress_level": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_mode_and_compression_are_kept(cover, mode, save):
    image = Image.fromarray(COLOURS)
    opacity = Image.linear_gradient("L").resize(image.size)
    image.putalpha(opacity)
    image.convert(mode).save(cover, **save)
    out, _ = sent(cover)
    with Image.open(out) as image:
        assert image.mode == mode
        again = out.with_name("again.png")
        image.save(again, **save)
    assert out.read_bytes() == again.read_bytes()


def test_a_grey_picture_in_colours_stays_in_colours(cover):
    Image.fromarray(COLOURS).convert("L").convert("RGB").save(cover)
    assert others(sent(cover)[0]) == others(cover)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_stays_turned(cover, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(COLOURS).save(cover, exif=exif)
    out, _ = sent(cover)
    assert others(out) == others(cover)
    assert np.abs(np.asarray(Image.open(out)).astype(int) - COLOURS).max() <= 2


def test_a_position_that_stays_is_warned_of(cover):
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0)}
    Image.fromarray(COLOURS).save(cover, exif=exif)
    out, report = sent(cover)
    assert [line for line in report.warnings if "keeps the cover's GPS position" in line]
    assert others(out) == others(cover)


def test_a_colour_that_is_transparent(cover):
    pixels = COLOURS.copy()
    pixels[:20] = 1, 2, 3
    Image.fromarray(pixels).save(cover, transparency=(1, 2, 3))
    out, _ = sent(cover)
    assert others(out) == others(cover)
    assert np.array_equal(np.asarray(Image.open(out))[:20], pixels[:20])


def test_a_colour_of_16_bits_that_is_transparent(cover):
    """Pillow writes none: the samples are doubled into 16 bits in the rows of a file."""
    pixels = COLOURS.copy()
    pixels[:20] = 1, 2, 3
    rows = b"".join(b"\0" + row.repeat(2).tobytes() for row in pixels.reshape(len(pixels), -1))
    header = struct.pack(">IIBBBBB", pixels.shape[1], len(pixels), 16, 2, 0, 0, 0)
    key = struct.pack(">HHH", 257, 514, 771)
    chunks = [(b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    cover.write_bytes(as_png(chunks))
    out, _ = sent(cover)
    with Image.open(out) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGBA", (1, 2, 3, 0))


def test_16_bits_become_8_with_the_chunks_that_fit(cover):
    Image.fromarray((COLOURS[..., 1].astype(np.uint16) << 8) + 7).save(cover)
    with_chunks(cover, {b"sBIT": bytes([16]), b"pHYs": struct.pack(">IIB", 9, 9, 0), b"bKGD": bytes(2)})
    out, report = sent(cover)
    assert kinds(out) == [b"IHDR", b"pHYs", b"IDAT", b"IEND"]
    assert chunks_of(out.read_bytes())[0][1][8:] == bytes([8, 0, 0, 0, 0])
    assert "cover: it has 16 bits per sample: reduced to 8" in report.notes


def test_a_palette_of_greys_is_left_out_with_a_note(cover):
    Image.fromarray(COLOURS).convert("L").convert("P").save(cover)
    out, report = sent(cover)
    assert kinds(cover) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert kinds(out) == [b"IHDR", b"IDAT", b"IEND"]
    assert "cover: its palette of greys is left out: they are stored as they are" in report.notes


def test_few_bits_become_8_with_a_note(cover):
    rows = b"".join(b"\0" + bytes(row[::2] // 17 * 16 + row[1::2] // 17) for row in COLOURS[..., 1])
    header = struct.pack(">IIBBBBB", COLOURS.shape[1], len(COLOURS), 4, 0, 0, 0, 0)
    cover.write_bytes(as_png([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]))
    _, report = sent(cover)
    assert "cover: it has 4 bits per sample: stored with 8" in report.notes


def test_an_opaque_container_has_no_opacity(cover):
    image = Image.fromarray(COLOURS)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(cover)
    with_chunks(cover, {b"gAMA": struct.pack(">I", 45455)})
    out, _ = sent(cover, method="sealed")
    assert chunks_of(out.read_bytes())[0][1][9] == 2
    assert kinds(out) == [b"IHDR", b"gAMA", b"IDAT", b"IEND"]


def test_a_resized_picture_is_a_new_file(cover):
    with_chunks(cover, {b"gAMA": struct.pack(">I", 45455), b"tEXt": b"Author\0me"})
    out, report = sent(cover, resize=96)
    assert kinds(out) == [b"IHDR", b"IDAT", b"IEND"]
    assert "cover: its comments are left out" in report.notes


def test_an_unknown_program_is_noted(cover):
    header, (_, data), end = chunks_of(cover.read_bytes())
    raw, stream = zlib.decompress(data), zlib.compressobj(6)
    odd = b"".join(stream.compress(raw[at : at + 999]) + stream.flush(zlib.Z_FULL_FLUSH) for at in range(0, 9990, 999))
    data = odd + stream.compress(raw[9990:]) + stream.flush()
    cover.write_bytes(as_png([header, (b"IDAT", data), end]))
    _, report = sent(cover)
    assert [line for line in report.notes if "not recognised" in line]


def test_a_long_text_takes_no_memory(cover):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * (20 << 20))
    Image.fromarray(COLOURS).save(cover, pnginfo=info)
    out, _ = sent(cover)
    assert others(out) == others(cover)


def test_a_position_in_xmp_is_warned_of(cover):
    packet = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>12,30N</exif:GPSLatitude></x:xmpmeta>'
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    Image.fromarray(COLOURS).save(cover, pnginfo=info)
    _, report = sent(cover)
    assert [line for line in report.warnings if "keeps the cover's GPS position" in line]


def test_grey_with_opacity_counts_one_channel(cover):
    """As much is hard to find in it as in the same picture without opacity, which is all opaque here."""
    grey = Image.fromarray(COLOURS).convert("L")
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
