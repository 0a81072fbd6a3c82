"""A secret is hidden as it is, or as a copy of which the report says so first, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import stegnet
from stegnet.cli import main
from tests.support.films import picture

KEY = stegnet.Key(bytes(range(32)))
PHOTO = picture(300, 400, 7)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (90, 120, 3), np.uint8)).save("small.png")
    Image.fromarray(PHOTO).save("photo.jpg", quality=95)
    stegnet.make_key_file("k")


def test_scripts_can_tell_a_copy_from_the_secret(capsys):
    for secret, exact in (("photo.jpg", False), ("k", True)):
        assert main(["hide", "small.png", secret, "--key-file", "k", "-o", f"{secret}.png", "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert (made["exact"], any("does not fit as it is" in line for line in made["warnings"])) == (exact, not exact)


@pytest.mark.parametrize("out", ["out.png", "out.jpg"])
def test_an_exact_secret_is_refused_where_it_does_not_fit(out, capsys):
    assert main(["hide", "small.png", "photo.jpg", "--exact", "--key-file", "k", "-o", out]) == 1
    assert "more than the capacity of" in capsys.readouterr().err
    with pytest.raises(stegnet.CapacityError, match="more than the capacity of"):
        stegnet.hide("small.png", "photo.jpg", out, key=KEY, compress=False)
    assert not Path(out).exists()


@pytest.mark.slow
@pytest.mark.parametrize("destination", ["messenger", "website"])
def test_no_copy_is_made_for_a_place_either_where_the_secret_must_be_exact(destination, capsys):
    Image.fromarray(picture(480, 640, 5)).save("cover.jpg", quality=90)
    given = ["hide", "cover.jpg", "photo.jpg", "--for", destination, "--key-file", "k", "-o", "out.jpg"]
    assert main([*given, "--exact"]) == 1
    assert "photo.jpg: has " in capsys.readouterr().err and not Path("out.jpg").exists()
    assert main([*given, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["exact"] is False and "revealed as a PNG (JPEG → AVIF, " in made["warnings"][0]


def test_a_network_is_warned_of_as_a_copy_is(capsys):
    """A picture that no copy of fits."""
    Image.fromarray(np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)).save("noise.png")
    Image.fromarray(picture(64, 64, 3)).save("tiny.png")
    with pytest.raises(stegnet.CapacityError):
        stegnet.hide("tiny.png", "noise.png", "out.png", key=KEY, compress=False)
    report = stegnet.hide("tiny.png", "noise.png", "out.png", key=KEY, any_quality=True)
    assert report.unchanged is False and "noise.png does not fit as it is" in report.warnings[0]


def saved(picture: np.ndarray, mode: str = "", **options: Any) -> Callable[[str], None]:
    def save(path: str) -> None:
        image = Image.fromarray(picture)
        (image.convert(mode) if mode else image).save(path, **options)

    return save


def _two_tracks(path: str) -> None:
    import av

    with av.open(path, "w") as film:
        tracks = [film.add_stream("ffv1", rate=25) for _ in range(2)]
        for track in tracks:
            track.width, track.height, track.pix_fmt = 160, 120, "bgr0"
        for track in tracks:
            for index in range(3):
                film.mux(track.encode(av.VideoFrame.from_ndarray(picture(120, 160, index), format="rgb24")))
            film.mux(track.encode(None))


TRANSLUCENT = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 100, np.uint8)])
WHOLE = {
    "raw.tif": (saved(PHOTO, tiffinfo={50706: b"\x01\x04\x00\x00"}), "a camera's raw data"),  # the tag DNGVersion
    "layers.tif": (saved(PHOTO, tiffinfo={37724: b"Adobe Photoshop Document Data Block\0"}), "its layers"),
    "pages.tif": (
        saved(PHOTO, save_all=True, append_images=[Image.fromarray(PHOTO[::-1])]),
        "all but one of its 2 pages",
    ),
    "deep.png": (saved(PHOTO[..., 0].astype(np.uint16) * 257), "its 16 bits per sample"),
    "sticker.png": (saved(TRANSLUCENT), "its transparency"),
    "lab.tif": (saved(PHOTO, "LAB"), "its pixels, which are CIE L*a*b*"),
    "tracks.mkv": (_two_tracks, "all but one of its 2 video tracks"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_a_copy_would_not_be_is_refused_with_the_sizes(name):
    write, lost = WHOLE[name]
    write(name)
    size = Path(name).stat().st_size
    with pytest.raises(stegnet.CapacityError, match=rf"{name}: has {size} bytes, more than the capacity of") as caught:
        stegnet.hide("small.png", name, "out.png", key=KEY)
    assert f"a compressed copy would lose {lost}" in caught.value.hint
    assert not Path("out.png").exists()


@pytest.mark.parametrize("name", ["song.mp3", "song.ogg"])
def test_of_a_song_no_picture_would_be_lost(name):
    soundfile.write(name, np.random.default_rng(4).uniform(-0.5, 0.5, 150_000), 44100)
    with pytest.raises(stegnet.CapacityError, match=f"{name}: has .* bytes, more than the capacity of") as caught:
        stegnet.hide("small.png", name, "out.png", key=KEY)
    assert "would lose" not in caught.value.hint


def test_opacity_that_hides_nothing_is_no_transparency():
    """As of a screenshot."""
    Image.fromarray(np.dstack([PHOTO, np.full(PHOTO.shape[:2], 255, np.uint8)])).save("screen.png")
    with pytest.warns(UserWarning, match="screen.png does not fit as it is: hidden "):
        report = stegnet.hide("small.png", "screen.png", "out.png", key=KEY)
    assert "screen.png does not fit as it is" in report.changed_secret
