"""Folders of files, of which one is odd, or whose results have nowhere to go."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stegnet.cli import main
from stegnet.image import write_png
from stegnet.media.cover import Cover
from stegnet.media.picture_form import write_like
from tests.support.pngs import as_png, chunks_of

LATE = (b"iCCP", b"")  # behind the pixels, where Pillow makes no checks


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, picture: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three pictures, beside a key and note.txt in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate("abc"):
        write_png(folder / f"{name}.png", picture(48, 64, number))
    Path("note.txt").write_text("see you at nine", "utf-8")
    assert main(["keygen", "k"]) == 0
    return folder


def run(command: str, capsys: pytest.CaptureFixture) -> tuple[int, list[str]]:
    """Runs a command; returns its exit code, and the lines that it wrote on errors and hints."""
    capsys.readouterr()
    code = main(f"{command} --key-file k".split())
    return code, [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error", "hint"))]


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_one_odd_file_does_not_end_a_folder(photos, capsys):
    assert run("hide photos note.txt -o out", capsys) == (0, [])
    for folder in (photos, Path("out")):
        chunks = chunks_of((folder / "b.png").read_bytes())
        (folder / "b.png").write_bytes(as_png([*chunks[:-1], LATE, chunks[-1]]))
    damaged = "b.png: the picture is damaged or truncated (index out of range)"
    code, (failed, refused, hint) = run("hide photos note.txt -o again", capsys)
    assert (code, failed, refused) == (1, "error: 1 of 3 failed", f"error: photos/{damaged}")
    assert hint == "hint: copy it again from its source, or convert it to PNG"
    assert names("again") == ["a.png", "c.png"]
    code, lines = run("reveal out -o back", capsys)
    assert (code, lines[:2]) == (1, ["error: 1 of 3 failed", f"error: out/{damaged}"])
    assert names("back") == ["a.txt", "c.txt"]


def test_a_fault_ends_the_work_on_one_file_alone(photos, capsys, monkeypatch):
    def write(cover: Cover, profile: bytes | None, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
        if not (pixels[0, 0] - odd[0, 0]).any():
            raise ZeroDivisionError("a fault\nin two lines")
        return write_like(cover, profile, part, pixels)

    odd = np.full((48, 64, 3), 77, np.uint8)
    odd[8:] = np.random.default_rng(0).integers(0, 256, (40, 64, 3))
    write_png(photos / "b.png", odd)
    monkeypatch.setattr("stegnet.methods.hiding.write_like", write)
    code, (failed, fault, hint) = run("hide photos note.txt -o out", capsys)
    assert (code, failed) == (1, "error: 1 of 3 failed")
    assert fault == "error: photos/b.png: ended by a fault (ZeroDivisionError: a fault in two lines)"
    assert hint == "hint: please report this line, with the file"
    assert names("out") == ["a.png", "c.png"]


@pytest.mark.parametrize("command", ["hide photos note.txt", "hide photos note.txt --spread", "reveal photos"])
@pytest.mark.parametrize("name", ["z.jpg", "z.PNG", "z.mkv", "z.wav"])
def test_results_of_a_folder_need_a_folder(command, name, capsys):
    error = [
        f"error: {name}: is the name of a file, and a folder has many results",
        "hint: name a folder, such as -o z/",
    ]
    assert run(f"{command} -o {name}", capsys) == (1, error)
    assert not Path(name).exists()


def test_a_folder_may_have_the_name_of_a_file_if_that_is_meant(photos, capsys):
    Path("there.jpg").mkdir()
    for out in ("there.jpg", "new.jpg/"):
        assert run(f"hide photos note.txt -o {out}", capsys) == (0, [])
        assert names(out) == ["a.png", "b.png", "c.png"]


def test_one_secret_for_several_covers_is_said_to_be_hidden_in_each(photos, capsys):
    note = "note: the secret is hidden 3 times, whole in each cover"
    assert main(["hide", "photos", "note.txt", "-o", "out", "--key-file", "k"]) == 0
    assert capsys.readouterr().err.splitlines().count(note) == 1
    shutil.rmtree("out")
    for name in "bc":
        (photos / f"{name}.png").unlink()
    assert main(["hide", "photos", "note.txt", "-o", "out", "--key-file", "k"]) == 0
    assert "times" not in capsys.readouterr().err


def test_a_file_for_which_memory_does_not_suffice_ends_its_own_job_alone(photos, capsys, monkeypatch):
    def write(cover: Cover, profile: bytes | None, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
        if part.name.startswith(".b"):
            raise MemoryError
        return write_like(cover, profile, part, pixels)

    monkeypatch.setattr("stegnet.methods.hiding.write_like", write)
    code, lines = run("hide photos note.txt -o out", capsys)
    assert (code, lines[:2]) == (1, ["error: 1 of 3 failed", "error: photos/b.png: needs more memory than there is"])
    assert names("out") == ["a.png", "c.png"]
