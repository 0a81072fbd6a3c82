"""Folders of files, of which one is odd, or whose results have nowhere to go."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.image import write_png
from stegnet.media.cover import Cover, kind
from stegnet.pixels.forms import WRITERS
from stegnet.png.writing import write_like


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


@pytest.mark.parametrize(
    ("error", "told", "remedy"),
    [
        (
            ZeroDivisionError("a fault\nin two lines"),
            "ended by a fault (ZeroDivisionError: a fault in two lines)",
            "please report this line, with the file",
        ),
        (MemoryError(), "needs more memory than there is", "use a smaller file, or a machine with more memory"),
    ],
    ids=["a fault", "no memory"],
)
def test_what_nobody_foresaw_ends_the_work_on_one_file_alone(photos, capsys, monkeypatch, error, told, remedy):
    def write(cover: Cover, profile: bytes | None, part: Path, pixels: np.ndarray) -> tuple[str, ...]:
        if part.name.startswith(".b"):
            raise error
        return write_like(cover, profile, part, pixels)

    monkeypatch.setitem(WRITERS, ".png", write)
    lines = ["error: 1 of 3 failed", f"error: photos/b.png: {told}", f"hint: {remedy}"]
    assert run("hide photos note.txt -o out", capsys) == (1, lines)
    assert names("out") == ["a.png", "c.png"]


def test_failures_are_summed_up(photos, capsys):
    """Those of one reason in a line, and no more than four lines; all of them with -v, and when revealing."""
    for number in range(2, 9):
        Image.linear_gradient("L").quantize(number).save(photos / f"{number}.gif")
    palette = "has a palette of 2 to 8 colours, and what is hidden would give it others"
    alike = f"2.gif, 3.gif, 4.gif, 5.gif, 6.gif and 2 more: {palette}"
    hint = "hint: use a photograph, or the picture in full colours that it was made from"
    code, said = run("hide photos note.txt -o out", capsys)
    assert (code, said[-3:]) == (1, ["error: 7 of 10 failed", f"error: {alike}", hint])
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes()[:500])
    (photos / "raw.tif").write_bytes(b"II*\0" + bytes(40))
    rest = "error: cut.png, raw.tif: for other reasons (`-v` shows them)"
    assert run("hide photos note.txt -o again", capsys)[1][-4:] == [
        "error: 9 of 12 failed",
        f"error: {alike}",
        rest,
        hint,
    ]
    assert len([line for line in run("hide photos note.txt -o more -v", capsys)[1] if "photos/" in line]) == 9
    alike = "photos/a.png, photos/b.png, photos/c.png: nothing can be revealed"
    assert alike in run("reveal photos -o back", capsys)[1][1]


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


def test_a_file_that_cannot_be_examined_is_worked_on_and_not_skipped(photos, capsys, monkeypatch):
    """Its own work says why it fails, if it does."""

    def examined(path: Path) -> str:
        if path.name == "b.png":
            raise ZeroDivisionError
        return kind(path)

    monkeypatch.setattr("stegnet.files.folder.kind", examined)
    assert run("hide photos note.txt -o out", capsys) == (0, [])
    assert names("out") == ["a.png", "b.png", "c.png"]
