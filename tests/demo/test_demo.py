"""The browser demo: its own tests, and containers exchanged between Python and the page."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.core.jpeg import encode_jpeg
from stegnet.data.scenes import render_scene
from stegnet.media import read_picture, write_png
from stegnet.methods.sealed.embed import hide_bytes
from stegnet.methods.sealed.extract import reveal_bytes

pytestmark = pytest.mark.slow

PASSPHRASE = "zwei Käse"
DEMO = Path(__file__).parents[2] / "demo"
NODE = 18, 20, 4  # Debian 12 has this one
HIDDEN_FILE = DEMO / "public" / "examples" / "night.webp"
SIZE = 320, 200  # width and height
MIN_PSNR = 33.0  # dB, of the secret; the two sides round differently
MIN_ROBUST_PSNR = 27.0  # dB, of a secret that was made to fit, and of a container that was saved again
SESSION = stegnet.Session(device="cpu", precision="fp32")


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(one.astype(float) - other).mean()))


def scene(seed: int) -> np.ndarray:
    return render_scene(SIZE[0], [3, seed])[: SIZE[1]]


def node(demo: Path, *tests: str, **environment: str) -> None:
    command = ["node", "--test", *tests]
    subprocess.run(command, cwd=demo, env=os.environ | environment, check=True)


def allows(engines: str, version: tuple[int, ...]) -> bool:
    """Returns whether `engines.node` of a package, such as `^18.0.0 || >= 20`, allows a version of Node.js."""
    for alternative in engines.split("||"):
        caret, least = re.fullmatch(r"\s*(\^|>=)\s*([\d.]*\d)(?:\.x)?\s*", alternative).groups()
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
    node(demo, *map(str, sorted((demo / "tests").glob("*.test.js"))))


@pytest.mark.parametrize("name", ["access", "keys", "offline"])
def test_page(page: Path, name: str) -> None:
    node(page, f"tests/browser/{name}.test.js")


def test_page_in_firefox(page: Path, firefox: str) -> None:
    node(page, "tests/browser/firefox.test.js", STEGNET_FIREFOX=firefox)


@pytest.fixture(scope="module")
def exchanged(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of containers and pictures that Python and the page exchanged while the page's own tests ran."""
    folder = tmp_path_factory.mktemp("exchange")
    cover, secret = scene(1), scene(2)
    write_png(folder / "cover.png", cover)
    write_png(folder / "secret.png", secret)
    with pytest.warns(UserWarning, match="passphrase is weak"):
        SESSION.hide(cover, secret, folder / "from_python.png", key=stegnet.Passphrase(PASSPHRASE), method="network")
    key = bytes(range(32))
    (folder / "key").write_bytes(key)
    hidden = hide_bytes(cover, HIDDEN_FILE.read_bytes(), stegnet.Key(key), name="a night.webp")
    write_png(folder / "with_file.png", hidden)
    hide_robustly(folder / "secret.png", folder / "robust_from_python.jpg", stegnet.Key(key), "jpeg:75")
    resave(folder / "robust_from_python.jpg", folder / "robust_resaved.jpg", 75)
    (folder / "note.txt").write_text("a note", encoding="utf-8")
    hide_robustly(folder / "note.txt", folder / "robust_with_file.jpg", stegnet.Key(key), "messenger")
    hide_robustly(folder / "note.txt", folder / "robust_for_resizing.jpg", stegnet.Key(key), "jpeg:75+resize:0.5")
    reduce(folder / "robust_for_resizing.jpg", folder / "robust_resized.jpg", 0.6, 75)
    make_grey(folder, cover, stegnet.Key(key))
    node(page, "tests/browser/page.test.js", STEGNET_EXCHANGE=str(folder))
    return folder


def make_grey(folder: Path, cover: np.ndarray, key: stegnet.Key) -> None:
    """A grey cover and a container of it, a cover with a palette, and a picture that fits into the former."""
    image = Image.fromarray(cover)
    image.convert("L").save(folder / "grey.png")
    image.quantize(65).save(folder / "palette.png")
    image.resize((64, 40)).save(folder / "small.png")
    write_png(
        folder / "grey_with_file.png", hide_bytes(read_picture(folder / "grey.png"), b"a note", key, name="n.bin")
    )


def hide_robustly(secret: Path, out: Path, key: stegnet.Key, survive: str) -> None:
    SESSION.hide(secret.parent / "cover.png", secret, out, key=key, survive=survive)


def resave(container: Path, out: Path, quality: int) -> None:
    """Saves a JPEG again, as other programs do."""
    out.write_bytes(encode_jpeg(read_picture(container), quality))


def reduce(container: Path, out: Path, factor: float, quality: int) -> None:
    """Saves a smaller copy of a JPEG, as messengers do."""
    picture = read_picture(container)
    height, width = (round(side * factor) for side in picture.shape[:2])
    small = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    out.write_bytes(encode_jpeg(np.array(small), quality))


@pytest.fixture
def picture_of(exchanged: Path) -> Callable[[str], np.ndarray]:
    return lambda name: read_picture(exchanged / f"{name}.png")


def test_containers_of_the_page_open_in_python(exchanged: Path, picture_of: Callable[[str], np.ndarray]) -> None:
    revealed = SESSION.reveal(exchanged / "from_page.png", key=stegnet.read_key(exchanged / "key"), strict=True)
    assert psnr(revealed.picture, picture_of("secret")) > MIN_PSNR
    assert psnr(picture_of("from_page"), picture_of("cover")) > MIN_PSNR


def test_containers_of_python_open_in_the_page(picture_of: Callable[[str], np.ndarray]) -> None:
    in_python = SESSION.reveal(picture_of("from_python"), key=stegnet.Passphrase(PASSPHRASE)).picture
    in_page = picture_of("revealed_by_page")
    difference = np.abs(in_python.astype(int) - in_page)  # by a base that AVIF decoders convert to RGB differently
    assert difference.max() <= 2
    assert (difference > 1).mean() < 1e-3
    assert psnr(in_page, picture_of("secret")) > MIN_PSNR


def test_grey_containers_of_the_page_open_in_python(exchanged: Path) -> None:
    with Image.open(exchanged / "grey_from_page.png") as image:
        assert image.mode == "L"
    container, key = read_picture(exchanged / "grey_from_page.png"), stegnet.read_key(exchanged / "key")
    assert reveal_bytes(container, key) == (exchanged / "small.png").read_bytes()


@pytest.mark.parametrize("quality", [None, 75])
def test_robust_containers_of_the_page_open_in_python(exchanged: Path, tmp_path: Path, quality: int | None) -> None:
    container = exchanged / "robust_from_page.jpg"
    if quality:
        resave(container, tmp_path / "again.jpg", quality)
        container = tmp_path / "again.jpg"
    revealed = SESSION.reveal(container, key=stegnet.read_key(exchanged / "key"))
    assert revealed.kind == "picture"
    assert psnr(revealed.picture, read_picture(exchanged / "secret.png")) > MIN_ROBUST_PSNR
    assert psnr(read_picture(container), read_picture(exchanged / "cover.png")) > MIN_ROBUST_PSNR
