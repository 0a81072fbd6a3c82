"""What `info` says that fits is what `hide` takes: for each kind of cover, method and destination."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.cli import main
from tests.support.films import make_film, picture, still_film
from tests.support.h264 import stream
from tests.support.sounds import noise, write_wav

pytestmark = pytest.mark.slow

NAME = "n" * 28 + ".bin"  # of 32 bytes, as `info` says
CLOSE = 0.1
OPTIONS = "bframes=3 b-adapt=0 -qp 18"  # of a film with enough B pictures


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["keygen", "k"]) == 0


@pytest.fixture
def facts(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict]:
    def told(*given: str) -> dict:
        capsys.readouterr()
        assert main(["info", *given, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return told


def takes(cover: str, size: int, *how: str, out: str) -> bool:
    """Whether a file of this size, that no compressor makes smaller, is hidden as it is."""
    Path(NAME).write_bytes(random.Random(size).randbytes(size))
    return main(["hide", cover, NAME, "--exact", *how, "--key-file", "k", "-o", out, "--force"]) == 0


def agrees(told: int, cover: str, *how: str, out: str, close: float = CLOSE) -> None:
    """Assert that a tenth less than what is told fits, and that a tenth more does not, or another share."""
    assert told > 0
    assert takes(cover, int(told * (1 - close)), *how, out=out)
    assert not takes(cover, int(told * (1 + close)) + 1, *how, out=out)


def photo(path: str, height: int = 300, width: int = 400) -> None:
    Image.fromarray(picture(height, width, 7)).save(path, quality=92)  # a PNG has none


@pytest.mark.parametrize(
    ("cover", "place"),
    [
        ("photo.jpg", "messenger"), ("photo.png", "website"), ("photo.jpg", "resize"),
        pytest.param("photo.png", "messenger", marks=pytest.mark.night),
        pytest.param("photo.jpg", "website", marks=pytest.mark.night),
        pytest.param("photo.png", "resize", marks=pytest.mark.night),
    ],
)  # fmt: skip
def test_through_a_channel(cover: str, place: str, facts: Callable[..., dict]) -> None:
    """Whether all places are asked for or one."""
    photo(cover)
    bare = facts(cover)["bytes_for"][place]
    named = facts(cover, "--for", place)["bytes_for"][place]
    assert bare == pytest.approx(named, rel=CLOSE)
    if place != "resize":  # there, a full picture of few colours may lose its salt
        agrees(named, cover, "--for", place, out="sent.jpg")


def test_of_a_cover_that_a_messenger_reduces(facts: Callable[..., dict]) -> None:
    photo("photo.jpg", 240, 2200)
    agrees(facts("photo.jpg")["bytes_for"]["messenger"], "photo.jpg", "--for", "messenger", out="sent.jpg")


def test_of_a_film_that_is_encoded_on_its_way(facts: Callable[..., dict]) -> None:
    """By its first frames, which are hidden in and encoded. Of so small a film, much is the chance of its key."""
    still_film(Path("film.mkv"), 200, 192, 256)
    told = facts("film.mkv")
    assert {fit["basis"] for fit in told["fits"] if fit.get("survive")} == {"by its first 144 frames"}
    agrees(told["bytes_for"]["messenger"], "film.mkv", "--for", "messenger", out="sent.mp4", close=0.2)


def test_of_films_in_which_nothing_survives(facts: Callable[..., dict], capsys: pytest.CaptureFixture[str]) -> None:
    make_film(Path("moving.mkv"), 48, 64, 96)
    still_film(Path("short.mkv"), 40, 96, 128)
    for cover in ("moving.mkv", "short.mkv"):
        assert "messenger" not in facts(cover)["bytes_for"]
        assert main(["info", cover]) == 0
        assert "fits with --for messenger: nothing: it is too short, has too much motion" in capsys.readouterr().out
        assert not takes(cover, 1, "--for", "messenger", out="sent.mp4")


def test_a_refusal_says_the_same(facts: Callable[..., dict], capsys: pytest.CaptureFixture[str]) -> None:
    """However large the file is."""
    photo("photo.jpg")
    told = facts("photo.jpg", "--for", "messenger")["bytes_for"]["messenger"]
    for size in (told + told // 5, 100 * told):
        assert not takes("photo.jpg", size, "--for", "messenger", out="sent.jpg")
        refused = capsys.readouterr().err.partition("more than the capacity of ")[2]
        assert int(refused.split()[0]) == pytest.approx(told, rel=CLOSE)


def transparent(path: str) -> None:
    opacity = np.tile(np.arange(120, dtype=np.uint8)[:, None], (1, 160))
    Image.fromarray(np.dstack([picture(120, 160, 3), opacity])).save(path)


def grey(path: str) -> None:
    Image.fromarray(picture(120, 160, 3)[..., 0]).save(path)


COVERS: dict[str, tuple[Callable[[str], object], str, str]] = {  # how it is made, its method, and the container
    "jpeg": (photo, "photo.jpg", "sent.jpg"),
    "sealed": (lambda path: photo(path, 120, 160), "photo.png", "sent.png"),
    "sealed in grey": (grey, "grey.png", "sent.png"),
    "transparent": (transparent, "logo.png", "sent.png"),
    "sound": (lambda path: write_wav(Path(path), noise(44100)), "song.wav", "sent.wav"),
    "sealed in a film": (lambda path: make_film(Path(path)), "film.mkv", "sent.mkv"),
    "h264": (lambda path: stream(Path(path), 40, OPTIONS, noise=8, size=(192, 256)), "film.mp4", "sent.mp4"),
}


@pytest.mark.parametrize("kind", COVERS)
def test_as_a_file(kind: str, facts: Callable[..., dict]) -> None:
    make, cover, out = COVERS[kind]
    make(cover)
    method = kind.partition(" ")[0]
    told = [fit for fit in facts(cover)["fits"] if fit["method"] == method and "bytes" in fit]
    agrees(told[0]["bytes"], cover, "--method", method, out=out)
