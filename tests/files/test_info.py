"""Facts that anyone sees of a file, and those that its key shows."""

import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from stegnet import CapacityError, MediaError, RevealError
from stegnet.core.card import SHIPPED, weights_id
from stegnet.files import file_info, fits_in
from stegnet.files.info import UNKNOWN
from stegnet.keys import Passphrase
from stegnet.media import FilmWriter, read_frames, read_picture, write_png
from stegnet.media.forecast import picture_quality
from stegnet.methods import METHODS, CoverSize, Fit, Run
from stegnet.results import OutputTarget
from stegnet.sealing import room
from tests.support.tampering import altered

pytestmark = pytest.mark.usefixtures("inputs")


def test_a_picture():
    sealed, found = room(64, 96) - 109, file_info(Path("cover.png"))
    quality, survivors = round(picture_quality(sealed, 96, 64)), found["fits"][3:]
    own = "a picture of its own size"
    assert found == {
        "kind": "picture",
        "width": 96,
        "height": 64,
        "grey": False,
        "notes": [],
        "large_enough_to_hide_pictures": True,
        "sealed_bytes": sealed,
        "fits": [
            Fit("any file", "sealed", sealed, 0),
            Fit(own, "sealed, compressed", psnr=quality),
            Fit(own, "network", psnr=46, brief=False),
            *survivors,
        ],
        "hidden": UNKNOWN,
    }
    assert survivors
    for fit in survivors:
        assert fit.method == "robust" and fit.survive.startswith("jpeg:")
        assert bool(fit.bytes) == (fit.what == "any file") != bool(fit.psnr)


def test_a_film():
    found = file_info(Path("secret.mkv"))
    sealed, known = found["sealed_bytes_per_frame"], ("frames_per_second", "seconds", "fits")
    assert found == {name: found[name] for name in known} | {
        "kind": "film",
        "width": 48,
        "height": 40,
        "grey": False,
        "frames": 4,
        "sound": ["aac, 44100 Hz, stereo"],
        "notes": [],
        "large_enough_to_hide_pictures": True,
        "sealed_bytes_per_frame": sealed,
        "sealed_bytes": 4 * sealed,
        "hidden": UNKNOWN,
    }
    exact, full, long, network = found["fits"]
    assert network == Fit("a film of its own size and up to 4 frames", "network", psnr=46, brief=False)
    assert exact == Fit("any file", "sealed", 4 * sealed)
    assert full.what == "a film of its own size and length" and full.method == "sealed, compressed"
    assert re.fullmatch(r"a film of its own size, [\d.]+ times as long", long.what) and long.psnr == 40
    assert found["seconds"] == pytest.approx(0.8, abs=0.3)


def test_a_hidden_file(hide, key, monkeypatch):
    """Without a key nothing is looked for."""
    for cover, out in (("cover.png", "c.png"), ("cover.mkv", "c.mkv")):
        hide(cover, "notes.txt", out)
        found = file_info(Path(out), key)
        names = ("hidden", "method", "hidden_name", "hidden_bytes", "whole")
        assert [found[name] for name in names] == ["file", "sealed", "notes.txt", 6, True]
        assert len(found["hidden_sha256"]) == 64
    monkeypatch.setattr("stegnet.record.container.Container.__init__", lambda *_: pytest.fail("it was opened"))
    assert file_info(Path("c.png")) == file_info(Path("cover.png"))


def test_the_reported_room_is_exact(hide, picture):
    """A file of so many bytes fits, and no longer one; a name takes its own bytes.

    What is called large enough hides a picture, whatever is in it.
    """
    most = file_info(Path("cover.png"))["sealed_bytes"] - len("f.txt")
    Path("f.txt").write_bytes(bytes(most))
    hide("cover.png", "f.txt", "full.png")
    Path("f.txt").write_bytes(bytes(most + 1))
    with pytest.raises(CapacityError):
        hide("cover.png", "f.txt", "more.png")
    for side in range(8, 64, 8):
        write_png(Path("small.png"), picture(side, side))
        if file_info(Path("small.png"))["large_enough_to_hide_pictures"]:
            break
    assert 16 < side < 56
    hide("small.png", "secret.png", "c.png")


def test_a_hidden_picture(hide, key, exact):
    hide("cover.png", "secret.png", "c.png")
    found, shown = file_info(Path("c.png"), key), file_info(Path("c.png"))
    assert {name: value for name, value in found.items() if name not in shown or name == "hidden"} == {
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
    write_png(Path("c.png"), altered(read_picture(Path("c.png"))))
    found = file_info(Path("c.png"), key)
    assert (found["whole"], found["trouble"]) == (False, ["the picture was altered since it was hidden"])


def test_a_hidden_film(hide, key):
    """Whole, and with lost frames."""
    hide("cover.mkv", "secret.mkv", "c.mkv")
    found = file_info(Path("c.mkv"), key)
    sizes = [found[f"hidden{name}"] for name in ("", "_width", "_height", "_frames", "_from", "_to")]
    assert sizes == ["film", 48, 40, 4, 0, 0.8]
    assert found["hidden_sound"] == ["aac, 44100 Hz, stereo"]
    assert (found["whole"], found["trouble"]) == (True, [])
    frames = list(read_frames(Path("c.mkv")))
    with FilmWriter(Path("cut.mkv"), 160, 120, Fraction(25)) as film:
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


def test_weights_that_are_installed(key):
    by_network, out = METHODS["network"], OutputTarget(Path("c.png"))
    options = by_network.options(any_quality=True)
    by_network.hide(Path("cover.png"), Path("secret.png"), out, key, options, Run(device="cpu"))
    found = file_info(Path("c.png"), key)
    assert (found["weights"], found["weights_installed"]) == (weights_id(SHIPPED), True)


def test_keys(hide, key, quick_scrypt):
    """A passphrase; and where nothing opens."""
    for suffix in (".png", ".mkv"):
        hide(f"cover{suffix}", f"secret{suffix}", f"c{suffix}", Passphrase("open"))
        assert file_info(Path(f"c{suffix}"), Passphrase("open"))["whole"] is True
        with pytest.raises(RevealError, match="nothing can be revealed"):
            file_info(Path(f"cover{suffix}"), key)
    with pytest.raises(MediaError, match="no such file"):
        file_info(Path("none"))


def test_room_where_a_container_is_also_cropped_or_resized() -> None:
    """Less than through JPEG alone; a small picture has no smaller copies that hold something."""
    plain, cropped, resized = (
        {fit.survive: fit.bytes for fit in fits_in(CoverSize(480, 640)) if fit.bytes}.get(f"jpeg:75{more}")
        for more in ("", "+crop", "+resize:0.5")
    )
    assert plain > 2 * cropped > 4 * resized > 0
    assert not [fit for fit in fits_in(CoverSize(100, 100)) if fit.survive == "jpeg:75+resize:0.5"]
