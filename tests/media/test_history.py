"""Lossy compression is recognised in copies without loss, and in nothing else."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.media.compression_traces import decoder_colours, lossy_past
from stegnet.media.cover import probe
from stegnet.video import read_frames
from tests.support import films
from tests.support.jpegs import lossy_history

COPY = "a copy of one that was saved with loss"
_PHOTOGRAPH = (240, 320)


def saved(picture: np.ndarray, form: str, mode: str = "RGB", **options: object) -> Image.Image:
    """A picture as a decoder gives it."""
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, form, **options)
    return Image.open(file)


def strange(picture: np.ndarray, decoder: str) -> float:
    """Share of pixels of (H, W, 3) uint8 whose colour a decoder never gives."""
    return 1 - decoder_colours(decoder)[picture.astype(int) @ [0x10000, 0x100, 1]].mean()


@pytest.mark.parametrize(
    ("form", "options", "mode"),
    [
        ("JPEG", {"quality": 75}, "RGB"),
        ("JPEG", {"quality": 95, "subsampling": 0}, "RGB"),
        ("JPEG", {"quality": 95}, "L"),
        ("WEBP", {"quality": 80}, "RGB"),
    ],
)
def test_of_pictures(tmp_path: Path, picture, form, options, mode):
    """Cropped off the grid too; after reducing, nothing is left."""
    path, decoded = tmp_path / "a.png", saved(picture(*_PHOTOGRAPH), form, mode, **options)
    for cropped in (decoded, decoded.crop((5, 3, 310, 230))):
        cropped.save(path)
        assert lossy_history(path) == COPY
    decoded.resize((214, 160), Image.Resampling.LANCZOS).save(path)
    assert lossy_history(path) is None


def drawing() -> np.ndarray:
    drawn = np.full((90, 90, 3), 255, np.uint8)
    drawn[20:40, 20:60], drawn[50:70, 10:30] = (200, 30, 30), (20, 60, 180)
    return drawn


PHOTOGRAPH = films.picture(*_PHOTOGRAPH)
GREY = PHOTOGRAPH.mean(2, keepdims=True).repeat(3, 2).astype(np.uint8)
DRAWN, TILED = "a picture of flat areas", "a picture that mostly repeats itself, as tiles"
LACKING = "a picture that lacks some levels, as after a change of its contrast"
NEVER_SAVED_WITH_LOSS: dict[str, tuple[np.ndarray, str | None]] = {
    "photograph": (PHOTOGRAPH, None),
    "grey": (GREY, None),
    "small": (GREY[:5, :7], None),
    "drawing": (drawing(), DRAWN),
    "small drawing": (drawing()[:5, :7], DRAWN),
    "gradient": (np.indices((256, 256, 3))[0].astype(np.uint8), DRAWN),
    "enlarged": (PHOTOGRAPH.repeat(2, 0).repeat(2, 1), "a picture that was enlarged without a filter"),
    "tiles": (np.tile(PHOTOGRAPH[:120, :160], (2, 2, 1)), TILED),
    "contrast": (np.rint(np.clip(PHOTOGRAPH * 1.5 - 60, 0, 255)).astype(np.uint8), LACKING),
}


@pytest.mark.parametrize("name", NEVER_SAVED_WITH_LOSS)
def test_of_what_never_was_saved_with_loss(tmp_path, name):
    pixels, words = NEVER_SAVED_WITH_LOSS[name]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert lossy_history(tmp_path / "a.png") == words


def test_of_films(tmp_path, make_film):
    coded = make_film(tmp_path / "a.mp4", 2, codec="libx264", pix_fmt="yuv420p")
    assert lossy_history(coded) == "a film in YCbCr (h264)"
    first = next(read_frames(coded, as_ffmpeg=True))
    assert strange(first, "film") == 0
    assert lossy_history(make_film(tmp_path / "b.mkv", 2)) is None


def test_colours_of_jpeg_are_those_of_libjpeg(picture):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    assert strange(np.asarray(saved(noise, "JPEG", quality=95).convert("RGB")), "jpeg") == 0
    assert 0.15 < decoder_colours("jpeg").mean() < 0.3
    assert strange(noise, "jpeg") > 0.5


def picture_of(numbers: np.ndarray, width: int) -> np.ndarray:
    """(…, width, 3) uint8 of some colours, as they are numbered, in random order."""
    shuffled = np.random.default_rng(0).permutation(numbers).reshape(-1, width, 1)
    return (shuffled >> [16, 8, 0] & 255).astype(np.uint8)


def clipped() -> np.ndarray:
    """(2²⁴,) bool: the colours that have a level of 0 or 255."""
    levels = np.arange(1 << 24, dtype=np.int32) >> np.array([[16], [8], [0]], np.int32) & 255
    return ((levels == 0) | (levels == 255)).any(0)


@pytest.mark.parametrize("decoder", ["jpeg", "webp"])
def test_a_copy_has_nearly_all_its_colours_from_a_decoder(decoder):
    """At the share of them from which on it is called one."""
    given, random = decoder_colours(decoder), np.random.default_rng(0)
    own, others = (random.choice(np.flatnonzero(each), 4096, replace=False) for each in (given, ~given))
    for count, words in ((3892, COPY), (3891, None)):  # of 4096, 95 %
        assert lossy_past(picture_of(np.concatenate([own[:count], others[count:]]), 64)) == words


def test_colours_that_are_clipped_are_counted_as_others():
    """All are libwebp's, and all but 140 libjpeg's."""
    by_jpeg, by_webp, edge = decoder_colours("jpeg"), decoder_colours("webp"), clipped()
    assert by_webp[edge].all()
    others = np.flatnonzero(edge & ~by_jpeg)
    assert len(others) == 140
    own = np.flatnonzero(by_jpeg & ~by_webp)[::100][:2660]
    for last, words in ((own[2659], COPY), (own[0], None)):  # 95 % of all, or one less
        assert lossy_past(picture_of(np.concatenate([own[:2659], [last], others]), 56)) == words


def test_what_is_called_lossy(tmp_path, make_film):
    """An animated WebP is as its first frame; nothing that is cut short is called so."""
    first, *rest = [Image.new("RGB", (20, 10), (9 * index, 0, 0)) for index in range(3)]
    for lossless, form in ((True, None), (False, "a lossy WebP")):
        first.save(tmp_path / "a.webp", save_all=True, append_images=rest, lossless=lossless)
        assert probe(tmp_path / "a.webp").lossy_format == form
    for compression, form in (("jpeg", "a lossy TIFF"), ("tiff_lzw", None)):
        first.save(tmp_path / "a.tif", compression=compression)
        assert probe(tmp_path / "a.tif").lossy_format == form
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    for ratio, irreversible in ((0, False), (20, False), (2, True)):
        noise.save(tmp_path / "a.jp2", irreversible=irreversible, quality_layers=[ratio] if ratio else None)
        assert probe(tmp_path / "a.jp2").lossy_format == ("a lossy JPEG 2000" if ratio else None)
    film = make_film(tmp_path / "film.mkv")
    film.write_bytes(film.read_bytes()[:3000])
    assert probe(film).lossy_format is None
