"""Albums: whatever happens to some of the pictures, and what a run that does not end well leaves."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.core.names import FILE
from stegnet.image import read_picture, write_png
from stegnet.keys import ContainerKeys
from stegnet.record import File, Header, Record, format_record
from stegnet.sealing import SealOptions, seal, texture_costs
from tests.support.films import make_film
from tests.support.tampering import altered, unreadable

DATA = random.Random(3).randbytes(700)


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


def hide(covers: Path, key, enough: int | None = None, out: str = "out", **how) -> list[Path]:
    """Makes an album; the paths of its pictures."""
    session = stegnet.Session(progress=how.pop("progress", lambda *step: None))
    reports = session.hide_album(covers, "big.zip", out, key=key, enough=enough, **how)
    paths = [each.path for each in reports if each.path]
    assert len(paths) == len(reports)
    return paths


def reveal(key, folder: Path | str = "out", **how) -> stegnet.Revealed:
    found = stegnet.reveal(folder, key=key, **how)
    assert found.data == DATA
    return found


def test_enough_pictures_in_any_order_under_any_names(covers, key):
    made = hide(covers, key, 3)
    assert [path.name for path in made] == ["0.png", "1.png", "2.png", "3.jpg", "4.jpg"]
    for lost in ((0, 1), (1, 4), (3, 4)):
        folder = Path("-".join(map(str, lost)))
        folder.mkdir()
        for name, path in zip("dacbe", made, strict=True):
            if int(path.stem) not in lost:
                shutil.copy(path, (folder / name).with_suffix(path.suffix))
        missing = "2 of the album's 5 files are missing or unreadable"
        found = reveal(key, folder)
        assert found.trouble == () and f"complete: any 3 of 5 were enough; {missing}" in found.notes
        with pytest.raises(stegnet.RevealError, match=missing):
            reveal(key, folder, strict=True)
    next(folder.iterdir()).unlink()
    with pytest.raises(stegnet.RevealError, match="needs 3 of its 5 files; 3 of the album's 5 files are miss"):
        reveal(key, folder)


def test_a_file_may_be_larger_than_the_first_container(tmp_path, picture, key):
    """Parts in the other files then begin behind its size."""
    (tmp_path / "covers").mkdir()
    for number, side in enumerate((48, 256, 256)):
        write_png(tmp_path / f"covers/{number}.png", picture(side, side, number))
    data = random.Random(1).randbytes(30_000)
    (tmp_path / "big.zip").write_bytes(data)
    first, *_ = stegnet.hide_album(tmp_path / "covers", tmp_path / "big.zip", tmp_path / "out", key=key)
    assert first.path.stat().st_size < 10_000
    assert stegnet.reveal(tmp_path / "out", key=key).data == data


def test_what_else_is_in_the_folder_is_named(covers, key):
    """And in the way of nothing; a second copy of a picture is not worth a line."""
    made, other = hide(covers, key, 4), hide(covers, key, out="other")
    shutil.copy(made[1], "out/copy.png")
    shutil.copy(other[0], "out/another.png")
    shutil.copy("covers/1.png", "out/foreign.png")
    write_png(made[0], unreadable(read_picture(made[0])))
    write_png(made[2], altered(read_picture(made[2])))
    make_film(Path("out/film.mkv"), 2)
    Path("out/notes.txt").write_text("not a picture")
    found = reveal(key)
    assert found.trouble == ("out/2.png: was altered since it was hidden",)
    nothing = "nothing can be revealed: nothing here opens with this key"
    assert set(found.notes[1:]) == {
        "complete: any 4 of 5 were enough; 1 of the album's 5 files is missing or unreadable",
        f"out/0.png: {nothing}",
        f"out/foreign.png: {nothing}",
        "out/another.png: is not of this album",
    }
    for path in other:
        shutil.copy(path, f"out/o-{path.name}")
    assert not reveal(key).trouble, "most of the pictures are of the other one now"


def test_a_container_before_an_album_is_not_ignored(covers, key, picture):
    """If the first file that opens holds a file of its own, each file of the folder is revealed alone."""
    for path in hide(covers, key):
        path.rename(path.with_name(f"b{path.name}"))
    write_png(Path("single.png"), picture(90, 90, 3))
    Path("note.txt").write_text("alone")
    stegnet.hide("single.png", "note.txt", "out/a.png", key=key)
    Path("key").write_bytes(bytes(range(32)))
    assert main(["reveal", "out", "--key-file", "key", "-o", "found"]) == 1
    assert [path.read_text() for path in Path("found").iterdir()] == ["alone"]


def at_the_third(interrupt: Callable[[], None]) -> Callable[..., None]:
    """Progress of an album, which something interrupts at its third picture."""
    return lambda phase, done, total: interrupt() if (phase, done) == ("hide files", 2) else None


def test_an_album_is_there_as_a_whole_or_not_at_all(covers, key):
    def stop() -> None:
        raise KeyboardInterrupt

    def change() -> None:
        Path("big.zip").write_bytes(bytes(700))

    with pytest.raises(KeyboardInterrupt):
        hide(covers, key, progress=at_the_third(stop))
    with pytest.raises(stegnet.MediaError, match="was changed while it was being hidden"):
        hide(covers, key, progress=at_the_third(change))
    Path("big.zip").write_bytes(DATA)
    assert not Path("out").exists()
    before = {path: path.read_bytes() for path in hide(covers, key)}
    Path("out/3.jpg").rename("kept.jpg")
    with pytest.raises(stegnet.MediaError, match=r"out/0.png: already exists"):
        hide(covers, key)
    assert {path: path.read_bytes() for path in Path("out").iterdir()}.items() <= before.items()
    hide(covers, key, overwrite=True)
    assert all(path.read_bytes() != data for path, data in before.items())


KILLED = """
import os, stegnet
kill = lambda phase, done, total: os.kill(os.getpid(), 9) if (phase, done) == ("hide files", 2) else None
stegnet.Session(progress=kill).hide_album("covers", "big.zip", "out", key=stegnet.Key(bytes(32)))
"""


def test_what_a_killed_run_left_is_removed(covers, key):
    """But no folder of a run that goes on, nor one of somebody else."""
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    (left,) = Path("out").iterdir()
    assert sorted(path.name for path in left.iterdir()) == ["0.png", "1.png", "lock"]
    (mine := Path("out/.stegnet-mine")).mkdir()

    def another() -> None:
        assert not left.exists()
        hide(covers, key)

    with pytest.raises(stegnet.MediaError, match="already exists"):  # the other one was faster
        hide(covers, key, progress=at_the_third(another))
    assert {path for path in Path("out").iterdir() if path.is_dir()} == {mine}


def test_a_picture_with_a_lossy_past_carries_only_what_the_others_cannot_hide(tmp_path, monkeypatch, picture, key):
    """In a PNG that was a JPEG, detectors find any amount; in the other picture, this much is hard to find."""
    monkeypatch.chdir(tmp_path)
    Path("covers").mkdir()
    write_png(Path("covers/clean.png"), picture(128, 128, 1))
    with BytesIO() as saved:
        Image.fromarray(picture(256, 256, 2)).save(saved, "JPEG", quality=80)
        write_png(Path("covers/lossy.png"), np.asarray(Image.open(saved).convert("RGB")).copy())
    clean, lossy = stegnet.hide_album("covers", b"meet me at eight" * 4, "out", key=key)
    assert (clean.hiding.cover_format, bool(lossy.hiding.cover_format)) == (None, True)
    assert lossy.hiding.hidden_bytes <= 2 < clean.hiding.hidden_bytes


def test_an_album_of_covers_in_which_nothing_is_hard_to_find(covers, key, picture, capsys):
    """They are named where only what is hard to find may be hidden; the remedy is one for the covers that there are."""
    for path in covers.iterdir():
        path.unlink()
    for number in range(3):
        path = covers / f"{number}.jpg"
        Image.fromarray(picture(200, 240, number)).save(path, quality=60 if number else 90)
        if number:
            with Image.open(path) as once:
                once.save(path, quality=95)
    Path("big.zip").write_bytes(DATA[:9])
    with pytest.raises(stegnet.CapacityError, match=r"^covers: not even an empty part .* find in 1\.jpg, 2\.jpg$"):
        hide(covers, key, at_most_safe=True)
    stegnet.make_key_file("k")
    for method in ("jpeg", "sealed"):
        command = ("hide", "covers", "big.zip", "--spread", "--method", method, "--key-file", "k", "-o", method)
        assert main(command) == 0
        (line,) = (line for line in capsys.readouterr().err.splitlines() if "easy to find: " in line)
        assert "reduce" in line and ("let JPEGs stay JPEGs" in line) == (method == "sealed")


@pytest.mark.parametrize("offset", [1 << 31, 1 << 49, (1 << 63) - 2000])
@pytest.mark.parametrize("files", [1, 2])
def test_a_part_at_an_impossible_offset_is_refused(tmp_path, picture, key, offset, files):
    """As a stranger who knows the key can make it: no file has such an offset, and no disk such a size."""
    folder = tmp_path / "album"
    folder.mkdir()
    header = Header(bytes(16), FILE, 2, File("a", offset + 1000, bytes(32)))
    for index in range(files):
        frame, keys = picture(128, 128, index), ContainerKeys(key, bytes(16))
        data = format_record(Record(header, index, data=bytes(100), offset=index and offset), keys.secret)
        sealed = seal(frame, data, keys, bytes(32), texture_costs(frame), SealOptions(True))
        write_png(folder / f"{index}.png", sealed)
    for container in (folder, folder / f"{files - 1}.png"):
        with pytest.raises(stegnet.RevealError, match="the album needs all of its 2 files"):
            stegnet.reveal(container, tmp_path / "out", key=key)
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
