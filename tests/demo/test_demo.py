"""The browser demo: its own tests, and containers exchanged between Python and the page."""

import json
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

import stegnet
from pipeline.prepare.scenes import render_scene
from stegnet.core.pixels import is_grey
from stegnet.image import read_cover, read_picture, write_png
from stegnet.keys import KeySource
from tests.demo.conftest import PAGE, node
from tests.support.jpegs import encode_jpeg, read_jpeg, through_jpeg
from tests.support.quality import psnr

PASSPHRASE = "zwei Käse"
DEMO = Path(__file__).parents[2] / "demo"
NODE = 18, 20, 4  # Debian 12 has this one
SESSION = stegnet.Session(device="cpu", precision="fp32")
MODEM = "survival.test.js"
SIZE = 192, 120  # width and height
MIN_PSNR = 33.0  # dB, of the secret; the two sides round differently
MIN_FITTED_PSNR = 22.0  # dB, of a secret that was made to fit
MIN_SAVED_PSNR = 27.0  # dB, of a container that was saved again


def scene(seed: int) -> np.ndarray:
    return render_scene(SIZE[0], [3, seed])[: SIZE[1]]


def allows(engines: str, version: tuple[int, ...]) -> bool:
    """Returns whether `engines.node` of a package, such as `^18.0.0 || >= 20`, allows a version of Node.js."""
    for alternative in engines.split("||"):
        condition = re.fullmatch(r"\s*(\^|>=)\s*([\d.]*\d)(?:\.x)?\s*", alternative)
        assert condition, alternative
        caret, least = condition.groups()
        lowest = tuple(map(int, least.split(".")))
        if version >= lowest and (caret == ">=" or version[0] == lowest[0]):
            return True
    return False


def test_every_package_supports_the_oldest_node() -> None:
    packages = json.loads((DEMO / "package-lock.json").read_text())["packages"]
    wanted = {name: package["engines"]["node"] for name, package in packages.items() if "engines" in package}
    assert wanted.pop("") == f">={NODE[0]}.{NODE[1]}"
    assert not {name: engines for name, engines in wanted.items() if not allows(engines, NODE)}
    for text in (DEMO / "README.md", DEMO.parent / "Makefile"):
        assert set(re.findall(r"Node.js ([\d.]+)", text.read_text())) == {f"{NODE[0]}.{NODE[1]}"}


def test_format_and_tiles(demo: Path) -> None:
    tests = sorted((demo / "tests").glob("*.test.js"))
    node(demo, *(str(test) for test in tests if test.name != MODEM))


@pytest.mark.night
def test_the_modem(demo: Path) -> None:
    """In Node.js; in Chromium, it hides what survives messengers when the page's own tests run."""
    node(demo, f"tests/{MODEM}")


@pytest.mark.night
@pytest.mark.parametrize("name", ["access", "keys"])
def test_page(page: Path, name: str) -> None:
    node(page, f"tests/browser/{name}.test.js")


@pytest.mark.night
def test_copies_of_libraries_are_those_of_npm(demo: Path, tmp_path: Path) -> None:
    named = re.search(r"/qr\) ([\d.]+),", (demo / "README.md").read_text())
    assert named
    version = named[1]
    subprocess.run(["npm", "pack", f"qr@{version}", "--pack-destination", tmp_path], cwd=demo, check=True)
    with tarfile.open(tmp_path / f"qr-{version}.tgz") as package:
        for copy in (PAGE / "vendor").iterdir():
            name = "LICENSE-MIT" if copy.name == "LICENSE" else copy.name
            published = package.extractfile(f"package/{name}")
            assert published
            assert copy.read_bytes() == published.read(), copy


@pytest.mark.night
def test_page_in_firefox(page: Path, firefox: str) -> None:
    node(page, "tests/browser/firefox.test.js", STEGNET_FIREFOX=firefox)


@pytest.fixture(scope="module")
def exchanged(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of containers and pictures that Python and the page exchanged while the page's own tests ran."""
    folder = tmp_path_factory.mktemp("exchange")
    key = stegnet.Key(bytes(range(32)))
    (folder / "key").write_bytes(bytes(range(32)))
    (folder / "other.key").write_bytes(bytes(32))
    (folder / "note.txt").write_text("a note", encoding="utf-8")
    Image.fromarray(scene(2)).resize((64, 40)).save(folder / "a night.webp")
    write_png(folder / "cover.png", scene(1))
    write_png(folder / "secret.png", scene(2))
    Image.fromarray(np.dstack([scene(1), scene(2)[..., 0]])).save(folder / "transparent.png")
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "a description"
    Image.fromarray(scene(1)).save(folder / "cover.jpg", quality=90, exif=exif)
    make_grey(folder)

    def hide(secret: str, to: str, cover: str = "cover.png", key: KeySource = key, **how: Any) -> None:
        SESSION.hide(folder / cover, folder / secret, folder / to, key=key, **how)

    with pytest.warns(UserWarning, match="passphrase is weak"):
        hide("secret.png", "from_python.png", key=stegnet.Passphrase(PASSPHRASE), method="network")
    hide("small.png", "small_from_python.png", "medium.png", method="network")
    hide("a night.webp", "with_file.png", method="sealed")
    hide("note.txt", "grey_with_file.png", "grey.png", method="sealed")
    hide("secret.png", "robust_from_python.jpg", survive="jpeg:75")
    save_again(folder / "robust_from_python.jpg", folder / "robust_resaved.jpg")
    hide("note.txt", "robust_with_file.jpg", survive="messenger")
    hide("note.txt", "robust_for_resizing.jpg", "large.png", survive="jpeg:75+resize:0.5")
    for name, factor in (("resized", 0.6), ("enlarged", 1.25)):
        save_again(folder / "robust_for_resizing.jpg", folder / f"robust_{name}.jpg", factor)
    node(page, "tests/browser/page.test.js", STEGNET_EXCHANGE=str(folder))
    return folder


def make_grey(folder: Path) -> None:
    """A grey cover, a cover with a palette, and a picture that fits into the former."""
    image = Image.fromarray(scene(1))
    image.save(folder / "moving.png", save_all=True, append_images=[Image.fromarray(scene(2))], duration=80)
    image.convert("L").save(folder / "grey.png")
    image.resize((320, 200)).save(folder / "large.png")
    image.quantize(65).save(folder / "palette.png")
    image.resize((96, 60)).save(folder / "medium.png")
    image.resize((32, 20)).save(folder / "small.png")


def save_again(container: Path, out: Path, factor: float = 1.0) -> None:
    """Saves a JPEG again, reduced or enlarged, as messengers do."""
    picture = Image.fromarray(read_picture(container))
    if factor != 1:
        picture = picture.resize([round(side * factor) for side in picture.size], Image.Resampling.BICUBIC)
    out.write_bytes(encode_jpeg(np.array(picture), 75))


@pytest.fixture
def picture_of(exchanged: Path) -> Callable[[str], np.ndarray]:
    return lambda name: read_picture(exchanged / name)


@pytest.fixture
def key(exchanged: Path) -> stegnet.Key:
    return stegnet.read_key(exchanged / "key")


def test_containers_of_the_page_open_in_python(picture_of, key: stegnet.Key) -> None:
    revealed = SESSION.reveal(picture_of("from_page.png"), key=key)
    assert revealed.trouble == ()
    assert psnr(revealed.picture, picture_of("secret.png")) > MIN_PSNR
    assert psnr(picture_of("from_page.png"), picture_of("cover.png")) > MIN_PSNR


def test_containers_of_python_open_in_the_page(picture_of) -> None:
    in_python = SESSION.reveal(picture_of("from_python.png"), key=stegnet.Passphrase(PASSPHRASE)).picture
    in_page = picture_of("revealed_by_page.png")
    difference = np.abs(in_python.astype(int) - in_page)  # by a base that AVIF decoders convert to RGB differently
    assert difference.max() <= 2
    assert (difference > 1).mean() < 1e-3
    assert psnr(in_page, picture_of("secret.png")) > MIN_PSNR


def test_a_jpeg_that_survives_another_stays_its_own(exchanged: Path, key: stegnet.Key) -> None:
    before, after = (read_jpeg(exchanged / name) for name in ("cover.jpg", "own_jpeg_from_page.jpg"))
    same = (before.planes[0] == after.planes[0]).all(2)
    assert 0.5 < same.mean() < 1
    assert all(map(np.array_equal, before.planes[1:], after.planes[1:]))
    assert before.file.data[: before.file.scans[0].start] == after.file.data[: after.file.scans[0].start]
    for quality in (75, 85):
        shown = through_jpeg(read_cover(exchanged / "own_jpeg_from_page.jpg")[0], quality)
        assert SESSION.reveal(shown, key=key).data == b"a note"


def test_grey_containers_of_the_page_open_in_python(exchanged: Path, key: stegnet.Key) -> None:
    with Image.open(exchanged / "grey_from_page.png") as image:
        assert is_grey(np.asarray(image.convert("RGB")))
    assert SESSION.reveal(exchanged / "grey_from_page.png", key=key).data == (exchanged / "small.png").read_bytes()


def test_robust_containers_of_the_page_open_in_python(
    exchanged: Path, tmp_path: Path, picture_of, key: stegnet.Key
) -> None:
    save_again(exchanged / "robust_from_page.jpg", tmp_path / "again.jpg")
    for container in (exchanged / "robust_from_page.jpg", tmp_path / "again.jpg"):
        revealed = SESSION.reveal(container, key=key)
        assert psnr(revealed.picture, picture_of("secret.png")) > MIN_FITTED_PSNR
        assert psnr(read_picture(container), picture_of("cover.png")) > MIN_SAVED_PSNR
