import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.files import hide_file
from stegnet.files.info import UNKNOWN, file_info
from stegnet.keys import Key, Passphrase
from stegnet.media import FilmWriter, read_frames, read_picture, write_png
from stegnet.media.forecast import picture_quality
from stegnet.methods.network import Network
from stegnet.methods.sealed.embed import embed_file
from stegnet.models import SHIPPED, weights_id
from stegnet.results import OutputTarget
from stegnet.sealing.seal import room
from tests.support.tampering import altered


@pytest.fixture(autouse=True)
def inputs(tmp_path, picture, make_film, monkeypatch):
    """A picture and a film to hide in; a picture, a film with sound, and a text to hide."""
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("cover.mkv"), 6, 160, 192)
    make_film(Path("secret.mkv"), 4, 40, 48, seed=9, stamps=[0, 3, 10, 20], sound="aac")
    Path("notes.txt").write_text("a note")


@pytest.fixture
def hide(exact, key):
    def run(cover: str, secret: str, out: str) -> Path:
        hide_file(lambda: exact, Path(cover), Path(secret), OutputTarget(Path(out)), key)
        return Path(out)

    return run


def test_a_picture():
    sealed, found = room(64, 96) - 109, file_info(Path("cover.png"))
    quality = picture_quality(sealed, 96, 64)
    survivors = found["fits"][3:]
    assert found == {
        "kind": "picture",
        "width": 96,
        "height": 64,
        "grey": False,
        "notes": [],
        "large_enough_to_hide_pictures": True,
        "sealed_bytes": sealed,
        "fits": [
            {"what": "any file", "bytes": sealed, "method": "sealed"},
            {"what": "a picture of its own size", "psnr": round(quality), "method": "sealed, compressed"},
            {"what": "a picture of its own size", "psnr": 46, "method": "network"},
            *survivors,
        ],
        "hidden": UNKNOWN,
    }
    assert survivors
    for fit in survivors:
        assert fit["method"] == "robust" and fit["survive"].startswith("jpeg:")
        assert ("bytes" in fit) == (fit["what"] == "any file") != ("psnr" in fit)


def test_a_film():
    found = file_info(Path("secret.mkv"))
    sealed = found["sealed_bytes_per_frame"]
    assert found == {
        "kind": "film",
        "width": 48,
        "height": 40,
        "grey": False,
        "frames": 4,
        "frames_per_second": found["frames_per_second"],
        "seconds": found["seconds"],
        "sound": ["aac, 44100 Hz, stereo"],
        "notes": [],
        "large_enough_to_hide_pictures": True,
        "sealed_bytes_per_frame": sealed,
        "sealed_bytes": 4 * sealed,
        "fits": found["fits"],
        "hidden": UNKNOWN,
    }
    exact, full, long, network = found["fits"]
    assert network == {"what": "a film of its own size and up to 4 frames", "psnr": 46, "method": "network"}
    assert exact == {"what": "any file", "bytes": 4 * sealed, "method": "sealed"}
    assert full["what"] == "a film of its own size and length" and full["method"] == "sealed, compressed"
    assert re.fullmatch(r"a film of its own size, [\d.]+ times as long", long["what"]) and long["psnr"] == 40
    assert found["seconds"] == pytest.approx(0.8, abs=0.3)


def test_without_a_key_nothing_is_looked_for(hide, monkeypatch):
    hide("cover.png", "secret.png", "c.png")

    def never(*arguments):
        raise AssertionError

    monkeypatch.setattr("stegnet.sealing.seal._unseal", never)
    assert file_info(Path("c.png")) == file_info(Path("cover.png"))


def test_the_reported_capacity_is_exact(key, picture):
    """A file of so many bytes fits, and no longer one; a name takes its own bytes."""
    most = file_info(Path("cover.png"))["sealed_bytes"] - len("f")
    Path("f").write_bytes(bytes(most))
    embed_file(Path("cover.png"), Path("f"), OutputTarget(Path("full.png")), key)
    Path("f").write_bytes(bytes(most + 1))
    with pytest.raises(CapacityError):
        embed_file(Path("cover.png"), Path("f"), OutputTarget(Path("more.png")), key)


def test_the_smallest_cover(exact, key, picture):
    """What is called large enough hides a picture, whatever is in it."""
    sides = range(8, 64, 8)
    for side in sides:
        write_png(Path("small.png"), picture(side, side))
        if file_info(Path("small.png"))["large_enough_to_hide_pictures"]:
            break
    assert 16 < side < 56
    hide_file(lambda: exact, Path("small.png"), Path("secret.png"), OutputTarget(Path("c.png")), key)


def test_a_hidden_picture(hide, key, exact):
    found = file_info(hide("cover.png", "secret.png", "c.png"), key)
    assert {name: found[name] for name in list(found)[list(found).index("hidden") :]} == {
        "hidden": "picture",
        "method": "network",
        "hidden_width": 50,
        "hidden_height": 40,
        "weights": exact.weights,
        "weights_installed": False,
        "base": "none",
        "block": 8,
        "whole": True,
        "trouble": [],
    }


def test_a_hidden_film(hide, key):
    found = file_info(hide("cover.mkv", "secret.mkv", "c.mkv"), key)
    assert (found["hidden"], found["hidden_width"], found["hidden_height"], found["hidden_frames"]) == (
        "film",
        48,
        40,
        4,
    )
    assert (found["hidden_from"], found["hidden_to"]) == (0, 0.8)
    assert found["hidden_sound"] == ["aac, 44100 Hz, stereo"]
    assert (found["whole"], found["trouble"]) == (True, [])


def test_a_hidden_film_with_lost_frames(hide, key):
    hide("cover.mkv", "secret.mkv", "c.mkv")
    frames = list(read_frames(Path("c.mkv")))
    with FilmWriter(Path("cut.mkv"), 192, 160, Fraction(25)) as film:
        for index, frame in enumerate([frames[1], frames[2], frames[0] // 2, frames[5]]):
            film.write(frame, Fraction(index, 25))
    found = file_info(Path("cut.mkv"), key)
    assert found["whole"] is False
    assert found["trouble"] == ["frame 3 was altered beyond reading, and left out", "2 frames (0, 4) were lost"]
    assert (found["hidden_from"], found["hidden_to"]) == (0.12, 0.4)


def test_a_container_that_breaks_off(hide, key, monkeypatch):
    hide("cover.mkv", "secret.mkv", "c.mkv")

    def damaged(path):
        raise MediaError(f"{path}: the film is damaged after 2 frames")

    def breaks_off(path):
        yield from islice(read_frames(path), 2)
        damaged(path)

    monkeypatch.setattr("stegnet.files.info.scan", damaged)
    monkeypatch.setattr("stegnet.record.container.read_frames", breaks_off)
    found = file_info(Path("c.mkv"), key)
    assert found["notes"] == ["c.mkv: the film is damaged after 2 frames"]
    assert (found["hidden_frames"], found["trouble"]) == (4, ["4 frames (2–5) were lost"])
    with pytest.raises(MediaError, match="damaged"):
        file_info(Path("c.mkv"))


def test_sound_that_no_other_file_can_hold(monkeypatch):
    def stuck(path):
        raise MediaError("a track that no other file can hold")

    monkeypatch.setattr("stegnet.files.info.sound_tracks", stuck)
    assert file_info(Path("secret.mkv"))["sound"] == ["aac"]


@pytest.mark.parametrize("cover", ["cover.png", "cover.mkv"])
def test_a_hidden_file(key, cover):
    out = Path(cover).with_stem("c")
    embed_file(Path(cover), Path("notes.txt"), OutputTarget(out), key)
    found = file_info(out, key)
    assert (found["hidden"], found["method"]) == ("file", "sealed")
    assert (found["hidden_name"], found["hidden_bytes"]) == ("notes.txt", 6)
    assert len(found["hidden_sha256"]) == 64
    assert found["whole"] is True


def test_an_altered_picture(hide, key):
    write_png(Path("c.png"), altered(read_picture(hide("cover.png", "secret.png", "c.png"))))
    found = file_info(Path("c.png"), key)
    assert (found["whole"], found["trouble"]) == (False, ["the picture was altered since it was hidden"])


def test_weights_that_are_installed(key):
    network = Network.load(SHIPPED)
    hide_file(lambda: network, Path("cover.png"), Path("secret.png"), OutputTarget(Path("c.png")), key)
    found = file_info(Path("c.png"), key)
    assert (found["weights"], found["weights_installed"]) == (weights_id(SHIPPED), True)


def test_a_passphrase(exact):
    for suffix in (".png", ".mkv"):
        place = OutputTarget(Path(f"c{suffix}"))
        hide_file(lambda: exact, Path(f"cover{suffix}"), Path(f"secret{suffix}"), place, Passphrase("open"))
        assert file_info(place.path, Passphrase("open"))["whole"] is True


def test_errors(key):
    for path in ("cover.png", "cover.mkv"):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            file_info(Path(path), key)
        with pytest.raises(RevealError, match="nothing can be revealed"):
            file_info(Path(path), Key(bytes(32)))
    with pytest.raises(MediaError, match="no such file"):
        file_info(Path("none"))
