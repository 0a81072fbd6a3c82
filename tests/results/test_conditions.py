"""What "hard to find" rests on is said wherever it is said: nobody can see from a file that it is an original."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from tests.support.films import encoded, still_film
from tests.support.sounds import noise, write_wav

KEY = stegnet.Key(bytes(range(32)))
CAMERA = "photo.jpg is as its camera saved it"
NEVER_LOSSY = "plain.png never was a JPEG or a film"
UNPUBLISHED = "nobody else has photo.jpg"


@pytest.fixture
def covers(tmp_path: Path, picture) -> Path:
    """A folder of covers of each kind."""
    photo = Image.fromarray(picture(480, 640, 1))
    photo.save(tmp_path / "photo.jpg", quality=92)
    photo.save(tmp_path / "plain.png")
    opacity = Image.fromarray(np.random.default_rng(1).integers(0, 256, (480, 640), np.uint8))
    photo.putalpha(opacity)
    photo.save(tmp_path / "clear.png")
    write_wav(tmp_path / "song.wav", noise(60_000))
    return tmp_path


@pytest.mark.parametrize(
    ("cover", "to", "side", "condition"),
    [
        ("photo.jpg", "a.jpg", None, CAMERA),
        ("plain.png", "a.png", None, NEVER_LOSSY),
        ("plain.png", "a.jpg", None, NEVER_LOSSY),  # a JPEG that stegnet makes
        ("plain.png", "a.png", 500, NEVER_LOSSY),
        ("clear.png", "a.png", None, "clear.png never was a JPEG or a film"),
        ("song.wav", "a.wav", None, "song.wav is as it was recorded"),
        # Where it is reduced to half its sides, nothing of its past is left.
        ("photo.jpg", "a.png", 320, UNPUBLISHED),
        ("photo.jpg", "a.jpg", 320, UNPUBLISHED),
    ],
)
def test_the_verdict_names_its_condition(covers: Path, cover: str, to: str, side: int | None, condition: str) -> None:
    figures = stegnet.hide(covers / cover, b"Meet me", covers / to, key=KEY, resize=side).figures
    assert figures.secure is not None
    assert figures.verdict == f"hard to find, if {condition} (7 of at most {figures.secure.hard:,} bytes)"


def test_the_command_line_names_it(covers: Path, capsys) -> None:
    """In what `hide` and `info` print, and as a field of their JSON, which is null where it is not hard to find."""
    key = covers / "k"
    key.write_bytes(bytes(range(32)))
    photo, to = str(covers / "photo.jpg"), str(covers / "sent.jpg")
    hide = ["hide", photo, "--text", "Meet me", "--key-file", str(key), "-o", to, "--force"]
    main(hide)
    assert f"sent.jpg: hard to find, if {CAMERA} (7 of at most " in capsys.readouterr().err
    main([*hide, "--json"])
    assert json.loads(capsys.readouterr().out)["condition"] == CAMERA
    main(["info", photo])
    assert ", if it is as its camera saved it\n" in capsys.readouterr().out
    main(["info", photo, "--json"])
    fits = json.loads(capsys.readouterr().out)["fits"]
    conditions = {fit["condition"] for fit in fits if fit.get("safe_bytes")}
    assert conditions == {"it is as its camera saved it"}
    (covers / "large.bin").write_bytes(bytes(9000))
    main(["hide", photo, str(covers / "large.bin"), "--key-file", str(key), "-o", to, "--force", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (told["detection"] == "hard", told["condition"]) == (False, None)


def test_several_covers_have_one_condition(covers: Path, capsys) -> None:
    """That of their kind, or that each is an original."""
    key = covers / "k"
    key.write_bytes(bytes(range(32)))
    photos, mixed = covers / "photos", covers / "mixed"
    for folder, names in ((photos, ("photo.jpg",)), (mixed, ("photo.jpg", "song.wav"))):
        folder.mkdir()
        for name in names:
            for number in range(2):
                (folder / f"{number}{name}").write_bytes((covers / name).read_bytes())
    for folder, condition in ((photos, "they are as their cameras saved them"), (mixed, "each cover is an original")):
        main(["hide", str(folder), "--text", "Meet me", "--spread", "--key-file", str(key), "-o", f"{folder}-out"])
        assert f"all of them hard to find, if {condition}\n" in capsys.readouterr().out
        main(["info", str(folder)])
        assert capsys.readouterr().out.count(f", if {condition}\n") == 2


def test_a_copy_of_a_film_without_loss_is_easy_to_find(tmp_path: Path, capsys) -> None:
    """As `hide` says it, `info` does."""
    film = encoded(still_film(tmp_path / "a.mkv", 6), tmp_path / "a.mp4", "-c:v", "libx264", "-an")
    main(["info", str(film)])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("fits: any file up to"))
    assert line.endswith("easy to find, however little")
    sealed = [fit for fit in stegnet.capacity(film) if fit.method == "sealed" and fit.bytes]
    assert [fit.safe for fit in sealed] == [0]
