"""The page as one file, `stegnet page`, opened from a disk in both browsers; containers exchanged with the program."""

import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

import stegnet
from pipeline.prepare.scenes import render_scene
from stegnet.cli import main
from stegnet.image import read_picture
from tests.demo.conftest import needs_chromium, node
from tests.support.jpegs import encode_jpeg
from tests.support.quality import psnr

PASSPHRASE = "zwei Käse"  # of tests/browser/open.js
NOTE = bytes(range(256))
KEY = stegnet.Key(bytes(range(32)))
LONGEST = 1280  # pixels, as messengers reduce a photograph
MIN_PSNR = 22.0  # dB, of a picture that was made to fit


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "stegnet.html"
    assert main(["page", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def given(make_film: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of covers, keys and what the program hid."""
    folder = tmp_path_factory.mktemp("given")
    for name in ("my.key", "other.key"):
        assert main(["keygen", str(folder / name)]) == 0
    identity = folder / "my.identity"
    assert main(["keygen", "--identity", str(identity)]) == 0
    (folder / "note.bin").write_bytes(NOTE)
    (folder / "note.txt").write_text("meet me at eight", encoding="utf-8")
    scenes = [render_scene(320, [5, seed])[:240] for seed in range(2)]
    Image.fromarray(scenes[0]).save(folder / "cover.png")
    Image.fromarray(scenes[0]).save(folder / "cover.jpg", quality=92)
    Image.fromarray(render_scene(1400, [5, 2])[:900]).save(folder / "large.jpg", quality=92)
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    Image.fromarray(scenes[0]).save(folder / "phone.jpg", quality=92, exif=exif)
    Image.fromarray(scenes[1]).save(folder / "secret.png")
    make_film(folder / "film.mp4", codec="libx264", pix_fmt="yuv420p")
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    for suffix in ("jpg", "png"):
        (folder / f"broken.{suffix}").write_bytes((folder / f"cover.{suffix}").read_bytes()[:5000])

    def hide(cover: str, secret: str, to: str, *how: str) -> None:
        paths = [str(folder / name) for name in (cover, secret)]
        assert main(["hide", *paths, "-o", str(folder / to), *how]) == 0

    key = ["--key-file", str(folder / "my.key")]
    recipient = ["--recipient", str(stegnet.read_identity(identity).recipient)]
    (folder / "recipient").write_text(recipient[1], encoding="utf-8")
    (folder / "words").write_text(PASSPHRASE, encoding="utf-8")
    for suffix in ("jpg", "png"):
        hide(f"cover.{suffix}", "note.bin", f"by_key.{suffix}", *key)
        hide(f"cover.{suffix}", "note.bin", f"for_recipient.{suffix}", *recipient)
    hide("cover.png", "note.bin", "by_passphrase.png", "--passphrase-file", str(folder / "words"))
    hide("cover.png", "secret.png", "by_network.png", "--method", "network", *key)
    for secret, to in (("note.txt", "sent_file.jpg"), ("secret.png", "sent_picture.jpg")):
        hide("cover.png", secret, to, "--for", "messenger", *key)
        (folder / to).write_bytes(encode_jpeg(read_picture(folder / to), 75))  # as a messenger does
    return folder


@pytest.fixture(scope="module", params=["chromium", pytest.param("firefox", marks=pytest.mark.night)])
def browser(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """The name of a browser, and the environment that chooses it."""
    if request.param == "firefox":
        return request.param, {"STEGNET_FIREFOX": request.getfixturevalue("firefox")}
    needs_chromium()
    return request.param, {}


def test_the_page_from_a_disk(demo: Path, page: Path, given: Path, browser: Any, tmp_path: Path) -> None:
    """What it made opens in the program, and what the program hid opens in it: see the file's own tests."""
    name, environment = browser
    shutil.copytree(given, tmp_path / "files")
    folder = tmp_path / "files"
    node(demo, "tests/browser/one_file.test.js", STEGNET_EXCHANGE=str(folder), STEGNET_PAGE=str(page), **environment)

    key = stegnet.read_key(folder / "my.key")
    for cover in ("cover.jpg", "cover.png"):
        found = stegnet.reveal(folder / f"{name}_{cover}", key=key, strict=True)
        assert (found.name, found.data) == ("note.bin", NOTE)
    identity = stegnet.read_identity(folder / "my.identity")
    for cover in ("cover.jpg", "cover.png"):
        assert stegnet.reveal(folder / f"{name}_for_{cover}", key=identity, strict=True).data == NOTE
    for sent_as, quality in (("messenger_cover.jpg", 70), ("messenger_large.jpg", 70), ("website_cover.jpg", 75)):
        sent = folder / f"{name}_{sent_as}"
        shown = read_picture(sent)
        assert max(shown.shape) <= LONGEST
        sent.write_bytes(encode_jpeg(shown, quality))
        assert stegnet.reveal(sent, key=key).data == (folder / "note.txt").read_bytes()
    made = folder / f"{name}_phone.jpg"
    assert stegnet.reveal(made, key=stegnet.Passphrase(PASSPHRASE), strict=True).data == NOTE
    with Image.open(made) as picture:
        assert not picture.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    revealed = read_picture(folder / f"{name}_revealed.png")
    assert psnr(revealed, read_picture(folder / "secret.png")) > MIN_PSNR
    assert np.array_equal(revealed.shape, read_picture(folder / "secret.png").shape)
