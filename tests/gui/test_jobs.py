"""Hiding and revealing by the page, and what it tells of covers before."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from stegnet.core.text import Aside, Setting, Text
from stegnet.gui import jobs
from stegnet.results import betrayed_by
from tests.gui.conftest import PASSPHRASE, Client, body_of, named, request
from tests.support.films import make_film, noisy_film, picture
from tests.support.sounds import noise, write_wav

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_scrypt")]
NAME = "a.bin"
PAGE = Path(jobs.__file__).with_name("page")


@pytest.fixture
def photo(tmp_path: Path, picture) -> Path:
    Image.fromarray(picture(200, 300, 1)).save(tmp_path / "photo.jpeg", quality=92)
    return tmp_path / "photo.jpeg"


def question(cover: Path, size: int = 0) -> dict[str, Any]:
    sides = {"width": 300, "height": 200, "frames": 1}
    return {"cover": sides | {"file": named(cover)}, "secret": {"name": NAME, "size": size}, "suffix": ".jpg"}


def capacity(client: Client, cover: Path, **other: Any) -> dict[str, Any]:
    asked = question(cover)
    asked["cover"] |= {name: other.pop(name) for name in ("width", "height", "frames") if name in other}
    return client.told("capacity", asked | other, cover)


def forecast(client: Client, cover: Path, told: dict[str, Any], size: int, *, safe: bool = False) -> str:
    return client.told("forecast", question(cover, size) | told | {"safe": safe})["text"]


def test_a_file_is_recovered(client: Client, cover: Path, note: Path, tmp_path: Path) -> None:
    done = client.do("hide", cover, note)
    facts = done["result"]
    assert (facts["name"], facts["width"], facts["height"], facts["warnings"]) == ("a cover.png", 300, 200, [])
    assert facts["psnr"]["container"] > 50
    container = client.fetch(done)
    assert container.headers["Content-Type"] == "image/png"
    assert container.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20cover.png"
    shown = {name: client.ask(path) for name, path in facts["previews"].items()}
    assert set(shown) == {"cover", "container", "difference"}
    assert {answer.headers["Content-Type"] for answer in shown.values()} == {"image/jpeg"}
    assert np.asarray(Image.open(io.BytesIO(shown["difference"].body))).mean() > 0
    (tmp_path / "c.png").write_bytes(container.body)
    found = client.do("reveal", tmp_path / "c.png")
    assert (found["result"]["name"], found["result"]["trouble"], found["result"]["text"]) == ("note.txt", [], None)
    assert client.fetch(found).body == b"a note"


def test_a_text_is_shown_and_a_weak_passphrase_told(client: Client, cover: Path, tmp_path: Path, capfd) -> None:
    """Before hiding, too."""
    (tmp_path / "message.txt").write_text("Grüße", "utf-8")
    done = client.do("hide", cover, tmp_path / "message.txt", key=PASSPHRASE)
    (warning,) = done["result"]["warnings"]
    assert warning.startswith("the passphrase is weak")
    (tmp_path / "c.png").write_bytes(client.fetch(done).body)
    assert client.do("reveal", tmp_path / "c.png", key=PASSPHRASE)["result"]["text"] == "Grüße"
    answer = client.told("words", {})
    assert re.fullmatch(r"[a-z]+(-[a-z]+){5,}", answer["passphrase"])
    assert answer["text"].startswith("77 random bits")
    asked = (PASSPHRASE["passphrase"], "", answer["passphrase"])
    weak, empty, strong = (client.told("weakness", {"passphrase": phrase})["text"] for phrase in asked)
    assert weak.startswith("the passphrase is weak")
    assert (empty, strong) == ("the passphrase is empty or too long", "")
    assert capfd.readouterr() == ("", "")  # keys are in no output


def test_a_result_names_no_option_and_no_decibels(client: Client, cover: Path, note: Path, photo: Path) -> None:
    for given, suffix, destination in ((cover, "", "file"), (photo, ".jpg", "file"), (photo, ".jpg", "website")):
        told = client.do("hide", given, note, destination=destination, suffix=suffix)["result"]
        lines = [*told["notes"], *told["warnings"], told["verdict"]]
        assert lines
        assert not [line for line in lines if re.search(r"\bdB\b|`|--\w", line)]


def test_what_survives(client: Client, note: Path, tmp_path: Path, picture) -> None:
    """A note has its PSNR."""
    Image.fromarray(picture(136, 200, 3)).save(tmp_path / "cover.jpg", quality=95)
    done = client.do("hide", tmp_path / "cover.jpg", note, destination="website", suffix=".jpg")
    measured = done["result"]["psnr"]
    assert (done["result"]["name"], measured["container"], measured["difference"] > 10) == ("cover.jpg", None, True)
    assert client.fetch(done).headers["Content-Type"] == "image/jpeg"
    (tmp_path / "c.jpg").write_bytes(client.fetch(done).body)
    found = client.do("reveal", tmp_path / "c.jpg")
    assert (found["result"]["robust"], client.fetch(found).body) == (True, b"a note")


PICTURE = {"width": 1600, "height": 1200, "frames": 1}
FILM = PICTURE | {"frames": 48}
TINY = {"width": 8, "height": 8, "frames": 1}
PHOTO = {"name": "a.jpg", "size": 10**6, "width": 1600, "height": 1200}
LARGE = {"name": "a", "size": 10**9}
FORECASTS = [
    (PICTURE, {"name": "a.bin", "size": 10**6}, "file", r"Capacity: about [\d.]+ MB\. The secret fits as it is, .*"),
    (PICTURE, PHOTO, "website", r"Easy to find\. Capacity: about \d\d kB\. A copy .*"),
    (FILM, {"name": "a", "size": 1}, "website", r"Easy to find\. How much fits is measured while it is hidden\."),
    (FILM, LARGE | {"film": True}, "file", r".* \d\d MB\. A copy .*"),
    (FILM, LARGE, "file", r".* The secret is too large\. Use a longer or larger cover\."),
    (TINY, PHOTO, "file", r"Capacity: about 0 bytes\. The secret is too large\. Use a larger cover, or a film\."),
]


def test_the_capacity_is_told_before_hiding(client: Client) -> None:
    for cover, secret, destination, expected in FORECASTS:
        is_film = cover["frames"] > 1
        suffix = (".mkv" if is_film else "") if destination == "file" else ".mp4" if is_film else ".jpg"
        asked = {"cover": cover, "secret": secret, "destination": destination, "suffix": suffix}
        assert re.fullmatch(expected, client.told("forecast", asked)["text"])
        if suffix == ".mkv":  # else its file shows whether it can stay what it is
            assert client.told("forecast", asked | {"suffix": ""})["text"] == ""


def test_a_film_stays_what_it_is_or_a_larger_one_is_offered(client: Client, note: Path, tmp_path: Path) -> None:
    """As on the command line, before the work; asked for by its suffix, the larger one is made."""
    film = noisy_film(tmp_path / "film.mp4")
    assert capacity(client, film, width=0, height=0, suffix="")["capacity"] > len(note.read_bytes())
    assert client.do("hide", film, note, suffix="")["result"]["name"] == "film.mp4"

    make_film(tmp_path / "phone.mp4", 6, 64, 96, codec="libx264", pix_fmt="yuv420p")
    told = capacity(client, tmp_path / "phone.mp4", width=0, height=0, suffix="")
    size = r"write it without loss, about [\d.]+ kB, [\d.]+ times the cover"
    assert told["larger"]["message"] == "phone.mp4: its own H.264 can't be used: it has no B pictures, or too few"
    assert re.fullmatch(size, told["larger"]["hint"])
    error = client.do("hide", tmp_path / "phone.mp4", note, suffix="")["error"]
    assert error["message"] == told["larger"]["message"] and re.fullmatch(f".*; or {size}", error["hint"])
    assert client.do("hide", tmp_path / "phone.mp4", note, suffix=error["larger"])["result"]["name"] == "phone.mkv"


def test_a_picture_that_gets_much_larger_is_told_of(client: Client, note: Path, tmp_path: Path) -> None:
    small, large = tmp_path / "small.webp", tmp_path / "large.webp"
    Image.fromarray(picture(200, 300, 1)).save(small, quality=60)
    Image.fromarray(np.tile(picture(480, 640, 3), (5, 5, 1))).save(large, quality=60)
    assert re.fullmatch(r"about \d+ kB, \d+ times the cover", capacity(client, small, suffix="")["grows"])
    assert client.do("hide", small, note, suffix="")["result"]["name"] == "small.png"
    told = capacity(client, large, width=0, height=0, suffix="")
    assert told["larger"]["message"].startswith("large.webp: would become a PNG of about 17.")
    error = client.do("hide", large, note, suffix="")["error"]
    assert (error["message"], error["larger"]) == (told["larger"]["message"], ".png")


def test_what_fits_in_a_jpeg_and_what_of_it_is_hard_to_find(client: Client, photo: Path, tmp_path: Path) -> None:
    """It is told before, and is there, to the byte."""
    found = capacity(client, photo)
    assert capacity(client, photo, width=0, height=0) == found, "it is measured if its size is not known"
    assert 0 < found["hard"] < found["capacity"] / 4
    for most, safe in ((found["hard"], True), (found["capacity"], False)):
        for size in (most + 1, most):
            (tmp_path / NAME).write_bytes(bytes(size))
            told = forecast(client, photo, found, size, safe=safe)
            assert ("byte for byte" in told) is (size == most)
            if safe:
                assert told.startswith("Hard to find, if photo.jpeg is as its camera saved it. Capacity: about ")
                assert re.search(r" kB, at most \d+ bytes of it hard to find\. ", told)
            done = client.do("hide", photo, tmp_path / NAME, suffix=".jpg", safe=safe)
            assert ("result" in done) is (size == most)
            if safe and size > most:
                refused = f"has {size} bytes, but at most {most} bytes are hard to find in this cover"
                assert done["error"]["message"].endswith(refused)
    assert (done["result"]["name"], done["result"]["warnings"]) == ("photo.jpg", [])
    (tmp_path / "photo.jpg").write_bytes(client.fetch(done).body)
    assert client.fetch(client.do("reveal", tmp_path / "photo.jpg")).body == bytes(found["capacity"])


def test_a_sound_stays_one(client: Client, note: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", noise(60_000))
    assert capacity(client, tmp_path / "song.wav", width=0, height=0, suffix=".wav")["hard"] > 0
    done = client.do("hide", tmp_path / "song.wav", note, suffix=".wav")
    assert (done["result"]["name"], done["result"]["previews"], done["result"]["width"]) == ("song.wav", {}, 0)
    (tmp_path / "song.wav").write_bytes(client.fetch(done).body)
    assert client.fetch(client.do("reveal", tmp_path / "song.wav")).body == note.read_bytes()


def test_the_first_examples_are_hard_to_find(client: Client) -> None:
    zones = (PAGE / "form/drop.js").read_text("utf-8")
    cover, secret = (PAGE / "examples" / name for name in re.findall(r'^  \w+: \{ "([^"]+)"', zones, re.M))
    found = capacity(client, cover, width=0, height=0, suffix=".png")
    assert (found["history"], secret.stat().st_size <= found["hard"]) == (None, True)
    verdict = client.do("hide", cover, secret)["result"]["verdict"]
    assert verdict.startswith("hard to find, if day.webp never was a JPEG or a film (")


def test_a_lossy_past_is_told_before(client: Client, photo: Path, note: Path, tmp_path: Path) -> None:
    """By the cover's file, and again as the work begins, for each method as on the command line."""
    Image.open(photo).save(tmp_path / "copy.png")
    film = make_film(tmp_path / "film.mp4", 3, 200, 300, codec="libx264", pix_fmt="yuv420p")
    for cover, suffix, history in (
        (photo, ".png", "a JPEG"),
        (photo, ".jpg", None),
        (tmp_path / "copy.png", ".png", "a copy of one that was saved with loss"),
        (film, ".mkv", "a film in YCbCr (h264)"),
    ):
        found = capacity(client, cover, suffix=suffix, frames=3 if cover == film else 1)
        assert (found["history"], found["hard"] == 0) == (history, bool(history)), cover.name
        lines = client.ask("jobs", "POST", request("hide", cover, note, suffix=suffix)).lines
        warned = [line["warning"] for line in lines if "warning" in line]
        assert warned == ([jobs.in_words(betrayed_by(history))] if history else []), cover.name
    assert ", all of it easy to find. " in forecast(client, photo, capacity(client, photo, suffix=".png"), 1)
    assert capacity(client, photo, suffix=".jpg", destination="website")["history"] is None
    with Image.open(photo) as picture:
        picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    found = capacity(client, tmp_path / "cmyk.jpg")  # which is made anew
    assert (found["capacity"] > 1000, found["hard"]) == (True, 0)
    assert found["history"] == "a JPEG that can't stay one, since it is CMYK"
    assert found["anew"].startswith("the cover can't stay the JPEG that it is, since it is CMYK")
    with Image.open(photo) as picture:
        picture.save(tmp_path / "finest.jpg", quality=100)
    found = capacity(client, tmp_path / "finest.jpg")
    assert "since changes at its quality, 99 or 100, are easy to find: it becomes a JPEG made anew" in found["anew"]


def test_a_container_as_a_cover_is_asked_about(client: Client, cover: Path, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"a note")
    (tmp_path / "c.png").write_bytes(client.fetch(client.do("hide", cover, tmp_path / NAME)).body)
    refused = client.do("hide", tmp_path / "c.png", tmp_path / NAME)["error"]
    assert refused["message"] == "c.png: hides a secret already, which opens with this key" and refused["unmeant"]
    assert "result" in client.do("hide", tmp_path / "c.png", tmp_path / NAME, meant=True)


def test_settings_have_the_labels_of_the_page():
    page = "".join(file.read_text("utf-8") for file in PAGE.rglob("*.js"))
    for setting in (Setting("at_most_safe", True), Setting("survive", "CHANNEL")):
        assert jobs.in_words(Text(setting)).strip("“”") in page
    ways = Setting("method", "sealed"), " or ", Setting("survive", "jpeg:50")
    line = Text("let `x=1` stay one", Aside("to", "NAME.jpg"), ", or try ", *ways)
    assert jobs.in_words(line) == "let `x=1` stay one, or try the method sealed or “Where will it be sent?” jpeg:50"


def test_bad_questions(client: Client, photo: Path) -> None:
    asked = question(photo)
    assert client.ask("capacity", "POST", body_of(asked) + b"short").status == 400
    for wrong in ({"name": 5, "size": 1}, {"name": "a", "size": -1}, {"name": "a"}, 5, None):
        asked["cover"]["file"] = wrong
        assert client.ask("capacity", "POST", body_of(asked)).status == 400, wrong


def test_a_photographs_place_is_left_out_unless_it_is_to_stay(client: Client, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (48, 8, 0)})
    Image.fromarray(picture(96, 128, 1)).save(tmp_path / "photo.jpg", exif=exif)
    (tmp_path / NAME).write_bytes(b"a note")
    for keeps in (False, True):
        done = client.do("hide", tmp_path / "photo.jpg", tmp_path / NAME, suffix=".jpg", place=keeps)
        assert (b"Exif\0\0" in client.fetch(done).body) is keeps
        assert any("GPS position" in line for line in done["result"]["warnings"]) is keeps
