"""Picture files that are damaged, or that no program writes: whatever reads them raises errors that a user can fix."""

import random
import warnings
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet import MediaError, StegnetError
from stegnet.image.pictures import picture_notes, read_cover, read_picture, refuse_palette
from stegnet.media.cover import Cover
from tests.support.memory import memory_limited
from tests.support.pngs import as_png, chunks_of
from tests.support.settings import NIGHT
from tests.support.stills import saved, stills
from tools.mutate import by_suffix

# Chunks that end too early, are empty, too many, or in the wrong place.
CHUNKS = (
    *((b"PLTE", bytes(count)) for count in (0, 7, 30)), *((b"tRNS", bytes(count)) for count in (0, 1, 300)),
    *((b"iCCP", data) for data in (b"", b"x", b"x\0\0zz")), *((b"tEXt", data) for data in (b"", b"\0\0")),
    *((b"zTXt", data) for data in (b"", b"k\0\0abc", b"k\0\5abc")), (b"iTXt", b"k"), (b"iTXt", b"k\0\1\0\0\0abc"),
    *((b"eXIf", data) for data in (b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff")),
    *((b"pHYs", bytes(count)) for count in (0, 9)), *((b"gAMA", bytes(count)) for count in (0, 1)),
    *((b"cHRM", bytes(count)) for count in (3, 32)), *((b"sRGB", data) for data in (b"", b"\x09")),
    *((b"acTL", data) for data in (b"", bytes(8), b"\0\0\0\5\0\0\0\0", b"\xff\xff\xff\xff\0\0\0\0")),
    *((b"fcTL", bytes(count)) for count in (0, 26)), (b"fdAT", b"\0\0\0\1ab"), (b"IDAT", b""), (b"IDAT", b"zzz"),
    (b"IEND", b""), *((b"IHDR", bytes(count)) for count in (0, 13)), (b"CgBI", b"ab"), (b"cICP", b"\1"),
)  # fmt: skip


def pixels(channels: int = 3) -> np.ndarray:
    rows, cols = np.mgrid[:20, :24]
    smooth = 128 + 60 * np.sin(cols / 7) + 50 * np.cos(rows / 5)
    return np.stack([smooth + 9 * channel for channel in range(channels)], 2).clip(0, 255).astype(np.uint8)


def damaged_chunks(png: bytes) -> Iterator[bytes]:
    """A PNG with a chunk too many or too few, or in another place; all checksums are right."""
    chunks = chunks_of(png)
    for place in (1, chunks.index(next(each for each in chunks if each[0] == b"IDAT")) + 1, len(chunks)):
        yield from (as_png([*chunks[:place], chunk, *chunks[place:]]) for chunk in CHUNKS)
    for place in range(len(chunks)):
        yield as_png(chunks[:place] + chunks[place + 1 :])
        yield as_png([chunks[place], *chunks[:place], *chunks[place + 1 :]])
        yield as_png([*chunks[:place], *chunks[place + 1 :], chunks[place]])


def layers(path: Path) -> None:
    with Cover(path) as cover:
        assert cover.layers[0].shape[2] == 4


READERS = stegnet.info, layers, partial(picture_notes, secret=True), read_picture, read_cover, refuse_palette


def read(path: Path) -> list[str]:
    """Reads a picture in each way; returns what came instead of an error that a user can fix."""
    faults = []
    for reader in READERS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                reader(path)
            except StegnetError:
                pass
            except Exception as error:
                faults.append(f"{reader}: {error!r}")
    return faults


@pytest.fixture
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of more than a megapixel are too large: what is damaged in a header can make them so."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1 << 19)


WHOLE = stills(pixels(4))


@pytest.mark.parametrize("count", [8, pytest.param(100, marks=pytest.mark.night)])
@pytest.mark.parametrize("name", WHOLE)
def test_damaged_bytes(name, count, tmp_path, few_pixels):
    path, draw, damage = tmp_path / name, random.Random(f"{NIGHT}{name}"), by_suffix(Path(name).suffix)
    for number in range(count):
        path.write_bytes(damage(WHOLE[name], draw))
        assert read(path) == [], number


@pytest.mark.parametrize("first", [(b"IDAT", b"IHDR"), (b"IDAT",)])
def test_a_png_without_a_header_before_its_samples_is_damaged(first, tmp_path):
    """Pillow shows the former, with a transparent colour."""
    chunks = chunks_of(WHOLE["colour.png"])
    moved = [next(each for each in chunks if each[0] == kind) for kind in first]
    (tmp_path / "a.png").write_bytes(as_png(moved + [each for each in chunks if each[0] != b"IHDR"]))
    assert read(tmp_path / "a.png") == []
    with pytest.raises(MediaError, match=r"a\.png: .*(damaged|can't be read)"):
        stegnet.info(tmp_path / "a.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["palette.png", *(pytest.param(name, marks=pytest.mark.night) for name in ("rgb.png", "moving.png"))]
)
def test_chunks_that_are_damaged_or_in_the_wrong_place(name, tmp_path, few_pixels):
    path = tmp_path / name
    for number, data in enumerate(damaged_chunks(WHOLE[name])):
        path.write_bytes(data)
        assert read(path) == [], number


BROKEN_STREAMS = {  # the chunks of image data, made of the filtered rows
    "wrong checksum": lambda raw: [zlib.compress(raw)[:-4] + b"abcd"],
    "wrong checksum in a chunk of its own": lambda raw: [zlib.compress(raw)[:-4], b"abcd"],
    "no checksum": lambda raw: [zlib.compress(raw)[:-4]],
    "bytes behind it": lambda raw: [zlib.compress(raw) + b"\7" * 40],
    "too many rows": lambda raw: [zlib.compress(raw + raw)],
    "too many rows, damaged": lambda raw: [zlib.compress(raw + raw)[:-4] + b"abcd"],
    "no rows": lambda raw: [b""],
    "an empty chunk first": lambda raw: [b"", zlib.compress(raw)],
    "too few rows": lambda raw: [zlib.compress(raw[: len(raw) // 2])],
    "a block of no kind behind the rows": lambda raw: [zlib.compress(raw)[:-6] + b"\7" * 9],
    "another header": lambda raw: [b"\x79" + zlib.compress(raw)[1:]],
    "a filter of no kind": lambda raw: [zlib.compress(b"\7" + raw[1:])],
    "stored, and too many rows": lambda raw: [zlib.compress(raw + raw, 0)],
    "stored, wrong checksum": lambda raw: [zlib.compress(raw, 0)[:-4], b"abcd"],
    "stored, wrong complement": lambda raw: [zlib.compress(raw, 0).replace(raw[:4], b"abcd" + raw[:4], 1)],
}


@pytest.mark.parametrize("broken", BROKEN_STREAMS)
def test_image_data_that_is_broken_is_read_as_by_pillow_or_refused(broken, tmp_path):
    """Of a picture with opacity whose first rows several programs filter alike, as only all rows tell them apart."""
    key, path = stegnet.Key(bytes(32)), tmp_path / "a.png"
    draw = np.random.default_rng(0)
    layers = np.arange(160)[:, None] // 2 + draw.integers(0, 120, (120, 1, 4)) + draw.integers(0, 9, (120, 160, 4))
    head, *whole, end = chunks_of(saved(Image.fromarray(layers.astype(np.uint8)), "PNG"))
    raw = zlib.decompress(b"".join(data for _, data in whole))
    path.write_bytes(as_png([head, *((b"IDAT", data) for data in BROKEN_STREAMS[broken](raw)), end]))
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError):
        with pytest.raises(MediaError, match="damaged"):
            stegnet.hide(path, b"note", tmp_path / "o.png", key=key)
        return
    unknown = broken.startswith("stored")
    with pytest.warns(UserWarning, match="no known program compresses so") if unknown else nullcontext():
        stegnet.hide(path, b"note", tmp_path / "o.png", key=key)
    assert stegnet.reveal(tmp_path / "o.png", key=key).data == b"note"


def test_a_length_beyond_the_file_takes_no_memory(tmp_path):
    """Behind the samples, where Pillow would ask for as many bytes as the chunk is said to have."""
    path, chunks = tmp_path / "a.png", chunks_of(saved(Image.fromarray(pixels()), "PNG"))
    data = as_png([*chunks[:-1], (b"IDAT", b"ab"), chunks[-1]])
    place = data.rindex(b"IDAT") - 4
    path.write_bytes(data[:place] + (0xFFFFFFF0).to_bytes(4, "big") + data[place + 4 :])
    with memory_limited(200 << 20), pytest.raises(MediaError, match="a chunk says that it is longer than the file"):
        stegnet.info(path)


def arithmetic_jpeg(comment_bytes: int) -> bytes:
    """A sound JPEG of 24×24 greys, rising to the right and downwards, coded arithmetically by jpegtran."""
    table = b"\xff\xdb\0\x43\0" + b"\x10" * 64
    frame = bytes.fromhex("ffc9000b080018001801011100")
    scan = bytes.fromhex("ffda0008010100003f00 ff00714527a869205cf5565635589ecd73bb406c33e72b3c20")
    comment = b"\xff\xfe" + (2 + comment_bytes).to_bytes(2, "big") + bytes(comment_bytes)
    return b"\xff\xd8" + comment + table + frame + scan + b"\xff\xd9"


@pytest.mark.parametrize("comment_bytes", [0, 65_425])  # the scan is in one block of 64 KB, or in two
def test_arithmetically_coded_jpegs_are_read_at_any_length(comment_bytes, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(arithmetic_jpeg(comment_bytes))
    rows, cols = np.mgrid[:24, :24]
    assert np.abs(read_picture(path)[..., 0] - (7.0 * cols + 3 * rows)).max() < 12
    assert stegnet.info(path)["width"] == 24


KINDS_OF_JPEGS = {  # by the marker of their frame: SOF3, SOF5 and so on
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
    0xCA: "arithmetically coded",
    0xCB: "lossless and arithmetically coded",
    **dict.fromkeys((0xCD, 0xCE, 0xCF), "hierarchical and arithmetically coded"),
}


@pytest.mark.parametrize("marker", KINDS_OF_JPEGS)
def test_a_jpeg_that_can_not_be_decoded_is_named_by_its_kind(marker, tmp_path):
    jpeg = saved(Image.fromarray(pixels()), "JPEG", quality=90)
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg.replace(b"\xff\xc0\0\x11", bytes([0xFF, marker, 0, 0x11])))
    kind = f"a.jpg: the JPEG is {KINDS_OF_JPEGS[marker]}, which is not supported"
    key = stegnet.Key(bytes(32))
    for call in (
        lambda: stegnet.info(path),
        lambda: stegnet.hide(path, b"a", tmp_path / "o.png", key=key),
        lambda: stegnet.hide(path, b"a", tmp_path / "o.jpg", key=key),
        lambda: stegnet.reveal(path, key=key),
    ):
        with pytest.raises(MediaError, match=kind) as caught:
            call()
        assert ("jpegtran" in caught.value.hint) == (marker == 0xCA)
    assert sorted(tmp_path.iterdir()) == [path]
