"""Known channels in the page: learned, read, asked for their capacity, and hidden for."""

from pathlib import Path
from typing import Any

import pytest

from stegnet.channels import learn_channel, read_channel
from stegnet.gui import server as gui
from tests.gui.conftest import Client, body_of, named, request
from tests.support.phone_photographs import APP_SIDE, Shot, through_app

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_scrypt")]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A photograph, what arrived of it, and what arrived of that."""
    sent = Shot(640, 480, seed=3).save(tmp_path / "photo.jpg")
    received = through_app(sent, tmp_path / "received.jpg")
    return [sent, received, through_app(received, tmp_path / "again.jpg")]


@pytest.fixture
def channel(photos: list[Path], tmp_path: Path) -> Path:
    sent, received, again = photos
    (tmp_path / "app.channel").write_text(learn_channel([(sent, received), (received, again)]).text(), "utf-8")
    return tmp_path / "app.channel"


def told_of(client: Client, *files: Path) -> dict[str, Any]:
    return client.told("channel", {"files": [*map(named, files)]}, *files)


def capacity(client: Client, cover: Path, channel: Path, size: int = 1) -> tuple[dict[str, Any], str]:
    """Return the answer about the capacity, and the forecast of it."""
    question: dict[str, Any] = {
        "cover": {"width": 640, "height": 480, "frames": 1, "file": named(cover)},
        "secret": {"name": "note.bin", "size": size},
        "destination": "channel",
        "suffix": ".jpg",
        "channel": named(channel),
    }
    found = client.told("capacity", question, cover, channel)
    return found, client.told("forecast", question | found)["text"]


def test_what_fits_arrives_through_the_app(client: Client, photos: list[Path], channel: Path, tmp_path: Path) -> None:
    """As much as is told before; a byte more is refused."""
    cover = Shot(960, 720, seed=5).save(tmp_path / "cover.jpg")
    found, forecast = capacity(client, cover, channel)
    assert 0 < found["hard"] < found["capacity"]
    assert "of it hard to find. The secret fits as it is" in forecast
    assert capacity(client, cover, channel, found["capacity"] + 1)[1].endswith("Use a larger cover, or a film.")
    secret = tmp_path / "note.bin"
    for size, safe in ((found["capacity"], False), (found["hard"], True)):
        for more in (1, 0):
            secret.write_bytes(bytes(size + more))
            done = client.do("hide", cover, secret, channel, destination="channel", suffix=".jpg", safe=safe)
            assert ("result" in done) is (more == 0), done
        (tmp_path / "sent.jpg").write_bytes(client.fetch(done).body)
        received = through_app(tmp_path / "sent.jpg", tmp_path / "arrived.jpg")
        revealed = client.do("reveal", received)
        assert (revealed["result"]["trouble"], client.fetch(revealed).body) == ([], bytes(size))
    facts = done["result"]
    assert (facts["name"], max(facts["width"], facts["height"])) == ("cover.jpg", APP_SIDE)


def test_a_channel_is_learned_or_read(
    client: Client, photos: list[Path], channel: Path, workspace: gui.Workspace
) -> None:
    sent, received, again = photos
    known = read_channel(channel)
    told = {"described": [*map(list, known.described())], "file": known.text()}
    assert told_of(client, sent, received, received, again) == told_of(client, channel) == told
    assert [name for name, _ in told["described"]] == ["size", "JPEG", "metadata", "arrival", "learned from"]
    assert not [path for path in workspace._folder.iterdir() if path.is_dir()]


def test_too_little_is_learned(client: Client, photos: list[Path], tmp_path: Path, note: Path) -> None:
    """It is told with what is known, and again when it is hidden for."""
    sent, received, _ = photos
    told = told_of(client, sent, received)
    unready = "app.channel: does not tell whether what arrives can be computed"
    assert told["error"]["message"] == unready
    assert told["error"]["hint"].startswith("send what arrived once more")
    assert len(told["described"]) == 5
    channel = tmp_path / "app.channel"
    channel.write_text(told["file"], "utf-8")
    assert told_of(client, channel) == told
    assert capacity(client, sent, channel)[0] == {"text": f"{unready}."}
    error = client.do("hide", sent, note, channel, destination="channel", suffix=".jpg")["error"]
    assert (error["message"], error["hint"]) == (unready, told["error"]["hint"])


def test_what_is_no_channel_is_refused(client: Client, photos: list[Path], channel: Path, note: Path) -> None:
    """In one line with a hint, which names no folder."""
    sent, received, _ = photos
    told = told_of(client, note)
    assert told["error"]["message"] == "note.txt: is not a channel's file"
    assert told["error"]["hint"] and "file" not in told
    channel.write_text(channel.read_text("utf-8").replace('"dct": "', '"dct": "un'), "utf-8")
    error = client.do("hide", sent, sent, channel, destination="channel", suffix=".jpg")["error"]
    assert error["message"].startswith("app.channel: is a damaged channel's file: dct is ")
    error = told_of(client, received, sent)["error"]
    assert error["message"] == "photo.jpg: is not what was sent, whole, at its size or reduced"


def test_what_the_page_does_not_ask(client: Client, photos: list[Path], channel: Path, note: Path) -> None:
    """A channel without its file, files that are no pairs, and nothing is known without a file."""
    sent, *_ = photos
    for files, destination in (
        ((sent, note), "channel"),
        ((sent, note, channel), "website"),
        ((sent, note, channel), str(channel)),
    ):
        body = request("hide", *files, suffix=".jpg", destination=destination)
        assert client.ask("jobs", "POST", body).status == 400
    for count in (0, 3):
        body = body_of({"files": [named(note)] * count}, *[note] * count)
        assert client.ask("channel", "POST", body).status == 400
    for wrong in (b"{}\n", b"[]\n", b'{"files": [5]}\n', b'{"files": [{"name": "a", "size": 9}]}\n'):
        assert client.ask("channel", "POST", wrong).status == 400
    question = {"cover": {"width": 640, "height": 480, "frames": 1}, "secret": {"name": "a", "size": 1}}
    assert client.told("forecast", question | {"destination": "channel", "suffix": ".jpg"}) == {"text": ""}
