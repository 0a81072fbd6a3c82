"""JPEGs that stay JPEGs, exchanged between Python and the page."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.media.jpeg import JpegPicture, read_jpeg
from tests.demo.conftest import node

pytestmark = [pytest.mark.slow, pytest.mark.long]

SECRET = bytes(range(32))
KEY = stegnet.Key(SECRET)
NOTE = bytes(range(256)) * 3
SIZE = 240, 320
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


@pytest.fixture(scope="module")
def exchanged(page: Path, tmp_path_factory: pytest.TempPathFactory, picture: Callable) -> Path:
    """A folder of JPEGs that Python and the page exchanged while the page's own tests ran."""
    folder = tmp_path_factory.mktemp("jpegs")
    (folder / "key").write_bytes(SECRET)
    (folder / "note.bin").write_bytes(NOTE)
    photo = Image.fromarray(picture(*SIZE, 1))
    for name, (mode, options) in COVERS.items():
        photo.convert(mode).save(folder / f"{name}.jpeg", **options)
        stegnet.hide(folder / f"{name}.jpeg", folder / "note.bin", folder / f"{name}.python.jpg", key=KEY)
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.save(folder / "cover.png")
    node(page, "tests/browser/jpegs.test.js", STEGNET_EXCHANGE=str(folder))
    return folder


@pytest.mark.parametrize("name", COVERS)
def test_a_jpeg_of_the_page_opens_in_python(exchanged: Path, name: str) -> None:
    container = exchanged / f"{name}.page.jpg"
    found = stegnet.reveal(container, key=KEY, strict=True)
    assert (found.name, found.data) == ("note.bin", NOTE)
    assert stegnet.Session().info(container, key=KEY)["method"] == "jpeg"


@pytest.mark.parametrize("name", [name for name in COVERS if name != "fine"])
def test_a_jpeg_of_the_page_stays_the_jpeg_it_was(exchanged: Path, name: str) -> None:
    before, after = read_jpeg(exchanged / f"{name}.jpeg"), read_jpeg(exchanged / f"{name}.page.jpg")
    assert after.file.data == before.with_planes(after.planes)
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    moved = np.abs(after.planes[0].astype(int) - before.planes[0])
    assert not moved[..., 0].any()
    assert moved.max() <= 2
