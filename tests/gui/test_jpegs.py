"""JPEGs that the page hides in as they are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.gui.conftest import Client

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


def room(client: Client, cover: Path) -> dict[str, Any]:
    answer = client.ask("room", "POST", json.dumps(question(cover)).encode() + b"\n" + cover.read_bytes())
    assert answer.status == 200
    return json.loads(answer.body)


def forecast(client: Client, cover: Path, told: int, size: int) -> str:
    asked = question(cover, size) | {"room": told}
    return json.loads(client.ask("forecast", "POST", json.dumps(asked).encode() + b"\n").body)["text"]


def test_a_jpeg_stays_one(client: Client, photo: Path, tmp_path: Path) -> None:
    """Its room is told before, and is there."""
    told = room(client, photo)["room"]
    for size, fits in ((told, True), (told + 1, False)):
        (tmp_path / NAME).write_bytes(bytes(size))
        assert ("byte for byte" in forecast(client, photo, told, size)) is fits
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
    assert room(client, tmp_path / "cut.jpg")["text"].startswith("cut.jpg: the JPEG is ")


@pytest.mark.parametrize("wrong", [{"name": 5, "size": 1}, {"name": "a", "size": -1}, {"name": "a"}, 5, None])
def test_bad_questions(client: Client, photo: Path, wrong: object) -> None:
    asked = question(photo)
    asked["cover"]["file"] = wrong
    assert client.ask("room", "POST", json.dumps(asked).encode() + b"\n").status == 400
    assert client.ask("room", "POST", json.dumps(question(photo)).encode() + b"\nshort").status == 400
