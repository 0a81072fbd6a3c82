"""JPEGs that the page hides in as they are, and what it tells of covers by what is in their files."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stegnet.results import betrayed_by
from tests.gui.conftest import Client, request

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_scrypt")]
NAME = "a.bin"


@pytest.fixture
def photo(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "photo.jpeg", quality=92)
    return tmp_path / "photo.jpeg"


def question(cover: Path, size: int = 0) -> dict[str, Any]:
    file = {"name": cover.name, "size": cover.stat().st_size}
    sides = {"width": 300, "height": 200, "frames": 1}
    return {"cover": sides | {"file": file}, "secret": {"name": NAME, "size": size}, "suffix": ".jpg"}


def room(client: Client, cover: Path, frames: int = 1, **other: Any) -> dict[str, Any]:
    asked = question(cover) | other
    asked["cover"]["frames"] = frames
    answer = client.ask("room", "POST", json.dumps(asked).encode() + b"\n" + cover.read_bytes())
    assert answer.status == 200
    return json.loads(answer.body)


def forecast(client: Client, cover: Path, told: dict[str, Any], size: int, *, safe: bool = False) -> str:
    asked = question(cover, size) | told | {"safe": safe}
    return json.loads(client.ask("forecast", "POST", json.dumps(asked).encode() + b"\n").body)["text"]


def test_a_cover_of_unknown_size_is_measured(client: Client, photo: Path) -> None:
    for suffix in (".jpg", ".png"):
        asked = question(photo) | {"suffix": suffix}
        asked["cover"] |= {"width": 0, "height": 0}
        unseen = client.ask("room", "POST", json.dumps(asked).encode() + b"\n" + photo.read_bytes())
        assert json.loads(unseen.body) == room(client, photo, suffix=suffix)


def test_a_jpeg_stays_one(client: Client, photo: Path, tmp_path: Path) -> None:
    """Its room is told before, and is there."""
    found = room(client, photo)
    told = found["room"]
    for size, fits in ((told, True), (told + 1, False)):
        (tmp_path / NAME).write_bytes(bytes(size))
        assert ("byte for byte" in forecast(client, photo, found, size)) is fits
        done = client.do("hide", photo, tmp_path / NAME, suffix=".jpg")
        assert ("result" in done) is fits
        if fits:
            assert (done["result"]["name"], done["result"]["warnings"]) == ("photo.jpg", [])
            (tmp_path / "photo.jpg").write_bytes(client.fetch(done).body)
    with Image.open(photo) as before, Image.open(tmp_path / "photo.jpg") as after:
        assert before.quantization == after.quantization
    found = client.do("reveal", tmp_path / "photo.jpg")
    assert (found["result"]["name"], found["result"]["trouble"]) == (NAME, [])
    assert client.fetch(found).body == bytes(told)


def test_no_more_than_is_hard_to_find(client: Client, photo: Path, tmp_path: Path) -> None:
    """What that is, is told before, and after hiding on which side the secret was."""
    found = room(client, photo)
    assert 0 < found["hard"] < found["room"] / 4
    for size, safe in ((found["hard"], True), (found["hard"] + 1, False)):
        (tmp_path / NAME).write_bytes(bytes(size))
        told = forecast(client, photo, found, size, safe=True)
        assert re.match(r"Room for about [\d.]+ kB, \d+ bytes of it hard to find: ", told)
        assert ("byte for byte" in told) is safe
        assert "byte for byte" in forecast(client, photo, found, size)
        words = "hard to find" if safe else "detectors may find it"
        assert words in client.do("hide", photo, tmp_path / NAME, suffix=".jpg")["result"]["notes"][-1]
        done = client.do("hide", photo, tmp_path / NAME, suffix=".jpg", safe=True)
        assert ("result" in done) is safe
    assert done["error"]["message"].endswith(f"has {size} bytes, and {size - 1} are hard to find in this cover")


def test_a_lossy_past_is_told_before(client: Client, photo: Path, tmp_path: Path, picture, make_film) -> None:
    """By the cover's file, and again as the work begins, for each method as on the command line."""
    Image.open(photo).save(tmp_path / "copy.png")
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "plain.png")
    Image.open(photo).save(tmp_path / "twice.jpg", quality=97)
    film = make_film(tmp_path / "film.mp4", 3, 200, 300, codec="libx264", pix_fmt="yuv420p")
    (tmp_path / NAME).write_bytes(b"a")
    copy, twice = "a copy of one that was saved with loss", "a JPEG that was saved before with coarser tables"
    for cover, suffix, history in (
        (photo, ".png", "a JPEG"),
        (photo, ".jpg", None),
        (tmp_path / "copy.png", ".png", copy),
        (tmp_path / "plain.png", ".png", None),
        (tmp_path / "twice.jpg", ".jpg", twice),
        (film, ".mkv", "a film in YCbCr (h264)"),
    ):
        found = room(client, cover, suffix=suffix, frames=3 if cover == film else 1)
        assert (found["history"], found["hard"] == 0) == (history, bool(history) and cover != film), cover.name
        lines = client.ask("jobs", "POST", request("hide", cover, tmp_path / NAME, suffix=suffix)).lines
        warned = [line["warning"] for line in lines if "warning" in line]
        assert warned == ([betrayed_by(history)] if history else []), cover.name
    assert ", all of it easy to find: " in forecast(client, photo, room(client, photo, suffix=".png"), 1)
    assert room(client, photo, suffix=".jpg", survive="jpeg:75")["history"] is None


def test_the_room_of_a_grey_cover_is_that_of_one_channel(client: Client, tmp_path: Path, picture) -> None:
    told = {}
    for mode in ("RGB", "L"):
        Image.fromarray(picture(200, 300, 1)).convert(mode).save(tmp_path / "plain.png")
        told[mode] = room(client, tmp_path / "plain.png", suffix=".png")
    assert told["L"]["room"] < told["RGB"]["room"] / 2
    assert told["L"]["hard"] < told["RGB"]["hard"]


def test_the_room_of_the_finest_jpegs_is_that_of_what_is_made_of_them(client: Client, tmp_path: Path, picture) -> None:
    told = {}
    for quality in (95, 100):
        Image.fromarray(picture(200, 300, 1)).save(tmp_path / "photo.jpg", quality=quality)
        told[quality] = room(client, tmp_path / "photo.jpg")["room"]
    assert np.isclose(told[100], told[95], rtol=0.05)


def test_a_jpeg_that_is_not_supported_is_told(client: Client, photo: Path, tmp_path: Path) -> None:
    with Image.open(photo) as picture:
        picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert room(client, tmp_path / "cmyk.jpg") == {"text": "cmyk.jpg: the JPEG is CMYK, which is not supported."}
    (tmp_path / "cut.jpg").write_bytes(photo.read_bytes()[:100])
    assert room(client, tmp_path / "cut.jpg")["text"] == "cut.jpg: neither a picture nor a film that can be read."


@pytest.mark.parametrize("wrong", [{"name": 5, "size": 1}, {"name": "a", "size": -1}, {"name": "a"}, 5, None])
def test_bad_questions(client: Client, photo: Path, wrong: object) -> None:
    asked = question(photo)
    asked["cover"]["file"] = wrong
    assert client.ask("room", "POST", json.dumps(asked).encode() + b"\n").status == 400
    assert client.ask("room", "POST", json.dumps(question(photo)).encode() + b"\nshort").status == 400
