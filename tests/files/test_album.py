"""Albums: whatever happens to some of the pictures, what is told of them, and what is refused."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from stegnet import CapacityError, ConfigError, MediaError, RevealError
from stegnet.files import album_in, make_album, open_hidden, plan_album, reveal_file
from stegnet.keys import Identity, Key, Passphrase
from stegnet.media import read_picture, write_png
from stegnet.media.locks import locked_folder
from stegnet.methods import METHODS, Hider, Run
from stegnet.methods.sealed import Sealed
from stegnet.results import OutputTarget
from tests.support.tampering import altered, unreadable

DATA = random.Random(3).randbytes(700)
OTHER = Key(bytes(32))


@pytest.fixture
def covers(tmp_path, picture, monkeypatch) -> Path:
    """A folder of three PNG pictures and two JPEGs, each larger than the one before; the secret is big.zip."""
    monkeypatch.chdir(tmp_path)
    Path("covers").mkdir()
    for number in range(3):
        write_png(Path(f"covers/{number}.png"), picture(60 + 8 * number, 90, number))
    for number in (3, 4):
        Image.fromarray(picture(150, 160 + 16 * number, number)).save(f"covers/{number}.jpg", quality=90)
    Path("big.zip").write_bytes(DATA)
    return Path("covers")


def hide(covers: Path, key, enough: int | None = None, out: str = "out", method: str = "auto", **target) -> list[Path]:
    """Makes an album; the paths of its pictures."""
    folder = OutputTarget(Path(out), **target)
    folder.path.mkdir(exist_ok=True)
    hider = Hider(METHODS[method], METHODS[method].options(), Run())
    return [each.out for each in make_album(plan_album(covers, Path("big.zip"), enough), folder, key, hider)]


def reveal(key, folder: str = "out", **more):
    report = reveal_file(Path(folder), OutputTarget(Path("back"), force=True), key, **more)
    assert Path("back").read_bytes() == DATA
    return report


def test_all_pictures_together(covers, key):
    """In any order, under any names."""
    made = hide(covers, key)
    assert [path.name for path in made] == ["0.png", "1.png", "2.png", "3.jpg", "4.jpg"]
    for path, name in zip(made, "dacbe", strict=True):
        path.rename(path.with_stem(name))
    report = reveal(key)
    assert (report.name, report.size, report.unchanged, report.trouble) == ("big.zip", len(DATA), True, ())
    Path("out/b.jpg").unlink()
    with pytest.raises(RevealError, match="out: the album needs all of its 5 pictures; 1 of the album's 5 pictures is"):
        reveal(key)


def test_any_pictures_that_are_enough(covers, key):
    made = hide(covers, key, 3)
    for lost in ((0, 1), (1, 4), (3, 4)):
        folder = Path("-".join(map(str, lost)))
        folder.mkdir()
        for path in made[: lost[0]] + made[lost[0] + 1 : lost[1]] + made[lost[1] + 1 :]:
            shutil.copy(path, folder)
        report = reveal(key, folder)
        assert report.trouble == ("2 of the album's 5 pictures are missing",)
        with pytest.raises(RevealError, match="2 of the album's 5 pictures are missing"):
            reveal(key, folder, strict=True)
    next(iter(sorted(folder.glob("*.png")))).unlink()
    next(iter(sorted(folder.glob("*.png")))).unlink()
    with pytest.raises(RevealError, match="the album needs 3 of its 5 pictures; 4 of the album's 5 pictures are miss"):
        reveal(key, folder)


def test_what_else_is_in_the_folder_is_named(covers, key, make_film):
    """And in the way of nothing; a second copy of a picture is not worth a line."""
    made, other = hide(covers, key, 4), hide(covers, key, out="other")
    shutil.copy(made[1], "out/copy.png")
    shutil.copy(other[0], "out/another.png")
    shutil.copy("covers/1.png", "out/foreign.png")
    write_png(made[0], unreadable(read_picture(made[0])))
    write_png(made[2], altered(read_picture(made[2])))
    make_film(Path("out/film.mkv"), 2)
    Path("out/notes.txt").write_text("not a picture")
    report = reveal(key)
    assert report.trouble == (
        "out/2.png: was altered since it was hidden",
        "1 of the album's 5 pictures is missing",
    )
    nothing = "nothing can be revealed: nothing here opens with this key"
    assert set(report.notes[1:-1]) == {
        f"out/0.png: {nothing}",
        f"out/foreign.png: {nothing}",
        "out/another.png: is not of this album",
    }
    for path in other:
        shutil.copy(path, f"out/o-{path.name}")
    assert not reveal(key).trouble, "most of the pictures are of the other one now"


@pytest.mark.usefixtures("quick_scrypt")
def test_each_picture_opens_by_itself(covers, key):
    identity = Identity(bytes(range(32)))
    for hiding, revealing in ((key, key), (Passphrase("a phrase"),) * 2, (identity.recipient, identity)):
        for path in hide(covers, hiding, 2, force=True):
            shutil.rmtree("alone", ignore_errors=True)
            Path("alone").mkdir()
            shutil.copy(path, "alone")
            assert album_in(Path("alone"), revealing).header().frames == 5
        reveal(revealing)


def test_a_single_picture_says_that_it_is_not_alone(covers, key):
    (path, *_) = hide(covers, key, 2)
    with pytest.raises(RevealError, match=r"out/0.png: the album needs 2 of its 5 pictures; 4 of") as error:
        reveal_file(path, OutputTarget(Path("back")), key)
    assert "reveal a folder" in error.value.hint
    hide(covers, key, 1, force=True)
    assert reveal_file(path, OutputTarget(Path("back")), key).trouble


def test_folders_without_an_album(covers, key, tmp_path):
    assert album_in(covers, key) is None
    hide(covers, key)
    assert album_in(Path("out"), OTHER) is None
    with pytest.raises(MediaError, match="covers: is a folder"):
        open_hidden(covers, key)


def test_what_is_refused(covers, key, make_film, monkeypatch):
    """Nothing is written, and a secret that is too large is not read."""
    for enough in (0, -1, 6):
        with pytest.raises(ConfigError, match=f"any: must be from 1 to 5, the number of pictures, is {enough}"):
            plan_album(covers, Path("big.zip"), enough)
    for method in ("network", "robust"):
        with pytest.raises(ConfigError, match=f"method: {method} can't divide a secret over an album"):
            hide(covers, key, method=method)
    os.truncate("big.zip", 60 << 30)  # a sparse file
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", lambda *_: pytest.fail("the secret is read"))
        for enough, who in ((None, "these 5 covers"), (2, "any 2 of these 5 covers")):
            with pytest.raises(CapacityError, match=f"has {60 << 30} bytes, and {who} have room for"):
                hide(covers, key, enough)
    Path("big.zip").write_bytes(DATA)
    write_png(covers / "tiny.png", read_picture(covers / "0.png")[:9, :9])
    with pytest.raises(CapacityError, match=r"covers/tiny.png: has no room for any part of the secret"):
        hide(covers, key)
    make_film(covers / "film.mkv", 2)
    with pytest.raises(CapacityError, match=r"covers/film.mkv: is a film"):
        plan_album(covers, Path("big.zip"))
    assert not list(Path("out").iterdir())


def test_an_album_is_there_as_a_whole_or_not_at_all(covers, key, monkeypatch):
    hide_record, calls = Sealed.hide_record, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return hide_record(*arguments)

    monkeypatch.setattr(Sealed, "hide_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hide(covers, key)
    assert not list(Path("out").iterdir())
    hide(covers, key)
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    Path("out/3.jpg").rename("kept.jpg")
    with pytest.raises(MediaError, match=r"out/0.png: exists already"):
        hide(covers, key)
    assert {path: path.read_bytes() for path in Path("out").iterdir()}.items() <= before.items()
    hide(covers, key, force=True)
    assert all(path.read_bytes() != data for path, data in before.items())


def test_what_a_killed_run_left_is_removed(covers, key):
    """But no folder of a run that goes on, nor one of somebody else."""
    Path("out").mkdir()
    killed = "import os, pathlib; from stegnet.media.locks import locked_folder as folder\n"
    killed += "with folder('.stegnet-', pathlib.Path('out')) as made: (made / '0.png').touch(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    (left,) = Path("out").iterdir()
    assert (left / "0.png").exists()
    Path("out/.stegnet-mine").mkdir()
    with locked_folder(".stegnet-", Path("out")) as running:
        assert not left.exists()
        hide(covers, key)
        assert {path for path in Path("out").iterdir() if path.is_dir()} == {running, Path("out/.stegnet-mine")}
    assert not running.exists()
