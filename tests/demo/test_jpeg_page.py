"""JPEGs that stay JPEGs, exchanged between Python and the page."""

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageFilter, ImageOps

import stegnet
from stegnet.core.pixels import channels_of
from stegnet.image import read_cover
from stegnet.jpeg.medium import JpegMedium
from stegnet.jpeg.samples import coefficient_costs
from stegnet.media.condition import Condition, Premise
from stegnet.media.evidence.pictures import picture_evidence
from stegnet.pixels.medium import secure_payload
from stegnet.results import DETECTION_WORDS, Detectability, Detection
from tests.demo.conftest import node
from tests.support.jpegs import JpegPicture, jpeg_cover, lossy_history, read_jpeg

SECRET = bytes(range(32))
KEY = stegnet.Key(SECRET)
NOTE = bytes(range(256)) * 3
SIZE = 240, 320
CLIPPED = {2, 253}  # levels from which on samples may have been clipped
COVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("RGB", {"quality": 90}),
    "progressive": ("RGB", {"quality": 85, "progressive": True}),
    "grey": ("L", {"quality": 92, "optimize": True}),
    "fine": ("RGB", {"quality": 100, "subsampling": "4:4:4"}),
}


def kinds() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, mode and options of Pillow of JPEGs of many kinds."""
    for chroma, progressive, optimal, interval in product(("4:4:4", "4:2:0", "4:2:2", ""), (0, 1), (0, 1), (0, 3)):
        options = {"progressive": bool(progressive), "optimize": bool(optimal), "restart_marker_blocks": interval}
        mode, sampling = ("RGB", {"subsampling": chroma}) if chroma else ("L", {})
        yield f"{chroma.replace(':', '')}{progressive}{optimal}{interval}", mode, options | sampling


def write_planes(path: Path, planes: list[np.ndarray]) -> None:
    np.concatenate([plane.reshape(-1) for plane in planes]).astype("<i2").tofile(path)


def stepped(jpeg: JpegPicture) -> list[np.ndarray]:
    """Its coefficients, some of luma's changed."""
    random, luma = np.random.default_rng(1), jpeg.planes[0].copy()
    steps = random.choice(np.array([-1, 0, 1], np.int16), luma.shape, p=(0.05, 0.9, 0.05))
    luma[..., 1:] += steps[..., 1:]
    return [luma, *jpeg.planes[1:]]


def test_the_page_reads_and_writes_jpegs_as_python(demo: Path, tmp_path: Path, picture: Callable) -> None:
    folder = tmp_path / "kinds"
    folder.mkdir()
    for quality in (40, 95):
        for name, mode, options in kinds():
            cover = folder / f"{name}_{quality}.cover"
            Image.fromarray(picture(61, 83, 1)).convert(mode).save(cover, "JPEG", quality=quality, **options)
            jpeg = read_jpeg(cover)
            changed = stepped(jpeg)
            write_planes(cover.with_suffix(".before"), list(jpeg.planes))
            write_planes(cover.with_suffix(".after"), changed)
            cover.with_suffix(".written").write_bytes(jpeg.with_planes(changed))
    node(demo, "tests/browser/coefficients.test.js", STEGNET_EXCHANGE=str(tmp_path))


def test_the_page_prices_changes_of_a_jpeg_as_python(demo: Path, tmp_path: Path, picture: Callable) -> None:
    """In texture, flat areas, and at both ends of the range; in colours and in grey."""
    folder = tmp_path / "costs"
    folder.mkdir()
    pixels = picture(96, 128, 1)
    pixels[:24], pixels[-24:], pixels[32:56, 40:88] = pixels[:24] // 16, 255 - pixels[-24:] // 16, 128
    for quality, mode in product((60, 92), ("RGB", "L")):
        cover = folder / f"{quality}{mode}.jpg"
        Image.fromarray(pixels).convert(mode).save(cover, quality=quality)
        costs = coefficient_costs(read_jpeg(cover))
        for way, values in (("up", costs.up), ("down", costs.down)):
            values.astype("<u2").tofile(cover.with_suffix(f".{way}"))
    node(demo, "tests/browser/costs.test.js", STEGNET_EXCHANGE=str(tmp_path))


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    """Of a picture that was taken upside down."""
    made = Image.Exif()
    made[ExifTags.Base.Model], made[ExifTags.Base.Orientation] = "a camera", 3
    made.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAltitude] = 12.5
    return made


def save_placed(photo: Image.Image, path: Path) -> None:
    """Writes a photograph, turned and in Adobe RGB, that says in many ways where and by whom it was taken."""
    made = Image.Exif()
    made[ExifTags.Base.Orientation], made[ExifTags.Base.Artist] = 6, "Jane Doe"
    made.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 65535
    made.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: "R03"}
    made.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    about: dict[str, Any] = {"exif": made, "xmp": b"<x:xmpmeta>Jane Doe</x:xmpmeta>", "comment": b"Jane Doe"}
    photo.save(path, quality=90, icc_profile=profile(), progressive=True, **about)
    path.write_bytes(path.read_bytes() + b"Jane Doe")


def covers(folder: Path, photo: Image.Image) -> None:
    """Writes covers with and without a lossy past."""
    for quality in (50, 75, 92, 98):
        photo.save(folder / f"{quality}.jpg", quality=quality)
    photo.convert("L").save(folder / "grey.jpg", quality=90)
    with Image.open(folder / "50.jpg") as once, Image.open(folder / "98.jpg") as fine:
        once.save(folder / "twice.jpg", quality=95)
        once.convert("L").save(folder / "grey_copy.png")
        fine.crop((5, 3, 300, 230)).save(folder / "copy.png")
    photo.save(folder / "lossy.webp", quality=80, icc_profile=profile())
    with Image.open(folder / "lossy.webp") as decoded:
        decoded.convert("RGB").save(folder / "webp_copy.png")
    photo.save(folder / "whole.webp", lossless=True)
    photo.save(folder / "a.avif")
    photo.save(folder / "plain.png")
    photo.convert("L").save(folder / "grey.png")
    with Image.open(folder / "75.jpg") as once:
        once.crop((3, 5, 470, 350)).save(folder / "cropped.jpg", quality=95)
    photo.resize((960, 720), Image.Resampling.BILINEAR).save(folder / "enlarged.png")
    photo.filter(ImageFilter.GaussianBlur(1)).save(folder / "smooth.png")
    photo.convert("RGB", (0.39, 0.77, 0.19, 0, 0.35, 0.69, 0.17, 0, 0.27, 0.53, 0.13, 0)).save(folder / "toned.png")
    photo.point(lambda level: level // 17 * 17).save(folder / "levels.png")
    mirrored = photo.copy()
    mirrored.paste(ImageOps.mirror(photo.crop((0, 0, 240, 360))), (240, 0))
    mirrored.save(folder / "mirrored.png")
    mirrored.save(folder / "mirrored.jpg", quality=90)
    random = np.random.default_rng(0)
    for level in CLIPPED | {3, 252}:  # of many samples of an enlarged picture: clipped ones follow from nothing
        small = random.integers(20, 60, (40, 40, 3)) if level < 128 else random.integers(200, 240, (40, 40, 3))
        small[random.random(small.shape) < 0.5] = level
        enlarged = Image.fromarray(small.astype(np.uint8)).resize((120, 120), Image.Resampling.BILINEAR)
        enlarged.save(folder / f"clipped at {level}.png")


def security(cover: Path, kind: str) -> dict[str, Any]:
    """Python's words for a cover whose container is of a kind: how easily so many bytes are found, in words."""
    if kind == "jpeg":
        made = jpeg_cover(cover, 95)
        secure, history, condition = JpegMedium(made).secure, made.history, made.condition
    else:
        pixels, _ = read_cover(cover)
        evidence = picture_evidence(pixels)
        secure, history = secure_payload(pixels[..., 0].size * channels_of(pixels), evidence.changes), evidence.proof
        condition = Condition(cover.name, Premise.NEVER_LOSSY)
    facts = Detectability(secure=secure, condition=condition)
    bounds = [most for most in (secure.hard, secure.easy) if most is not None]
    sizes = (0, *(size for most in bounds for size in (most, most + 1) if size))
    words = {size: replace(facts, hidden_bytes=size).verdict for size in sizes}
    if history:  # the page tells it apart
        words = dict.fromkeys(sizes, DETECTION_WORDS[Detection.EASY])
    return {"hard": None if history else secure.hard, "history": history, "words": words}


def test_the_page_tells_what_is_hard_to_find_as_python(demo: Path, tmp_path: Path, picture: Callable) -> None:
    folder = tmp_path / "covers"
    folder.mkdir()
    covers(folder, Image.fromarray(picture(360, 480, 1)))
    answers: dict[str, dict[str, Any]] = {}
    for cover in folder.iterdir():
        answers[cover.name] = {"png": {"history": lossy_history(cover)}}
        kind = {".jpg": "jpeg", ".png": "png"}.get(cover.suffix)
        answers[cover.name] |= {kind: security(cover, kind)} if kind else {}
    histories = {name: next(iter(answer.values()))["history"] for name, answer in answers.items()}
    assert {name for name, history in histories.items() if history is None} == {
        *("plain.png", "grey.png", "whole.webp", "smooth.png"),
        *(f"clipped at {level}.png" for level in CLIPPED),
    }
    assert answers["smooth.png"]["png"]["hard"] is None and answers["plain.png"]["png"]["hard"] > 0
    proven = {name for name, answer in answers.items() if (answer.get("jpeg") or {}).get("history")}
    assert proven == {"twice.jpg", "cropped.jpg", "mirrored.jpg"}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    node(demo, "tests/browser/secure.test.js", STEGNET_EXCHANGE=str(tmp_path))


@pytest.fixture(scope="module")
def exchanged(page: Path, tmp_path_factory: pytest.TempPathFactory, picture: Callable) -> Path:
    """A folder of JPEGs that Python and the page exchanged while the page's own tests ran."""
    folder = tmp_path_factory.mktemp("jpegs")
    (folder / "key").write_bytes(SECRET)
    (folder / "note.bin").write_bytes(NOTE)
    photo = Image.fromarray(picture(*SIZE, 1))
    for name, (mode, options) in COVERS.items():
        metadata: dict[str, Any] = {"exif": exif(), "icc_profile": profile()} if name == "fine" else {}
        photo.convert(mode).save(folder / f"{name}.jpeg", **options, **metadata)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the cover can't stay the JPEG that it is")
            stegnet.hide(folder / f"{name}.jpeg", folder / "note.bin", folder / f"{name}.python.jpg", key=KEY)
    save_placed(photo, folder / "placed.jpeg")
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.save(folder / "cover.png")
    with Image.open(folder / "baseline.jpeg") as decoded:
        decoded.save(folder / "copy.png")
    node(page, "tests/browser/jpegs.test.js", STEGNET_EXCHANGE=str(folder))
    return folder


@pytest.mark.night
@pytest.mark.parametrize("name", COVERS)
def test_a_jpeg_of_the_page_opens_in_python(exchanged: Path, name: str) -> None:
    container = exchanged / f"{name}.page.jpg"
    found = stegnet.reveal(container, key=KEY, strict=True)
    assert (found.name, found.data) == ("note.bin", NOTE)
    assert stegnet.Session().info(container, key=KEY)["method"] == "jpeg"


@pytest.mark.night
def test_a_jpeg_that_the_page_saves_first_keeps_the_metadata_that_python_keeps(exchanged: Path) -> None:
    for who in ("python", "page"):
        with Image.open(exchanged / "fine.jpeg") as cover, Image.open(exchanged / f"fine.{who}.jpg") as found:
            tags = found.getexif()
            assert found.info["icc_profile"] == cover.info["icc_profile"]
            assert tags.get(ExifTags.Base.Orientation, 1) == 1
            assert tags[ExifTags.Base.Model] == "a camera"
            assert tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAltitude] == 12.5


@pytest.mark.night
def test_the_page_leaves_out_what_says_where_a_jpeg_was_taken_as_python_does(exchanged: Path) -> None:
    kept, left = exchanged / "placed.kept.jpg", exchanged / "placed.left.jpg"
    assert b"Jane Doe" in kept.read_bytes() and b"Jane Doe" not in left.read_bytes()
    metadata = stegnet.info(left)["metadata"]
    assert metadata == [] and "GPS position" in stegnet.info(kept)["metadata"]
    stegnet.hide(exchanged / "placed.jpeg", b"a note", exchanged / "placed.jpg", key=KEY, strip_metadata=True)
    python, page = (read_jpeg(path).file for path in (exchanged / "placed.jpg", left))
    assert python.data[: python.scans[0].start] == page.data[: page.scans[0].start]
    for path in (kept, left):
        assert stegnet.reveal(path, key=KEY, strict=True).data == b"a note"


@pytest.mark.night
@pytest.mark.parametrize("name", [name for name in COVERS if name != "fine"])
def test_a_jpeg_of_the_page_stays_the_jpeg_it_was(exchanged: Path, name: str) -> None:
    before, after = read_jpeg(exchanged / f"{name}.jpeg"), read_jpeg(exchanged / f"{name}.page.jpg")
    assert after.file.data == before.with_planes(after.planes)
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    moved = np.abs(after.planes[0].astype(int) - before.planes[0])
    assert not moved[..., 0].any()
    assert moved.max() <= 2
