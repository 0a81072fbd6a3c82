"""Albums on the command line: one secret in the pictures of a folder, and back."""

import json
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def album(folder, picture) -> Path:
    """A folder of two PNG pictures and a JPEG."""
    (folder / "covers").mkdir()
    for number in range(2):
        Image.fromarray(picture(70, 90, number)).save(folder / f"covers/{number}.png")
    Image.fromarray(picture(120, 160, 2)).save(folder / "covers/2.jpg", quality=90)
    return folder


@pytest.mark.usefixtures("album")
def test_a_file_there_and_back(run):
    """To a file, a folder, standard output, or the current folder."""
    code, out, err = run("hide covers notes.txt -o out --spread --any 2")
    assert code == 0
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        "wrote out/0.png",
        "wrote out/1.png",
        "wrote out/2.jpg",
    ]
    assert err.splitlines()[0] == "note: notes.txt, 280 bytes: any 2 of the 3 pictures bring it back"
    data = Path("notes.txt").read_bytes()
    assert run("reveal out -o back.txt")[0] == 0
    Path("empty").mkdir()
    assert run("reveal out -o empty")[:2] == (0, "wrote empty/notes.txt: 280 bytes\n")
    assert run("reveal out -o new")[:2] == (0, "wrote new/notes.txt: 280 bytes\n")
    assert Path("new").stat().st_mode & 0o777 == 0o700
    assert run("reveal out -o -")[:2] == (0, data.decode())
    Path("notes.txt").unlink()
    assert run("reveal out")[:2] == (0, "wrote notes.txt: 280 bytes\n")
    for path in ("back.txt", "empty/notes.txt", "new/notes.txt", "notes.txt"):
        assert Path(path).read_bytes() == data
    for line, told in {
        "reveal out -o empty --force": "empty/notes.txt: exists already",
        "reveal out -o back.txt": "back.txt: exists already",
        "reveal out -o out": "out: is an input too",
        "reveal out -o out/0.png --force": "out/0.png: is an input too",
        "hide covers notes.txt -o out --spread": "out/0.png: exists already",
    }.items():
        code, out, err = run(line)
        assert (code, out, err.splitlines()[0]) == (1, "", f"error: {told}")


@pytest.mark.usefixtures("album")
def test_a_missing_picture(run):
    run("hide covers notes.txt -o out --spread --any 2")
    Path("out/1.png").unlink()
    Path("out/3.png").write_bytes(Path("covers/0.png").read_bytes())
    code, out, err = run("reveal out -o back.txt")
    assert (code, out) == (3, "wrote back.txt: 280 bytes\n")
    assert err.splitlines()[1:] == [
        "note: out/3.png: nothing can be revealed: nothing here opens with this key",
        "warning: 1 of the album's 3 pictures is missing",
    ]
    Path("out/2.jpg").unlink()
    code, out, err = run("reveal out -o new")
    assert (code, out, err.splitlines()) == (
        1,
        "",
        [
            "error: out: the album needs 2 of its 3 pictures; 2 of the album's 3 pictures are missing; out/3.png: "
            "nothing can be revealed: nothing here opens with this key",
            "hint: reveal a folder that holds enough of them, as they were written",
        ],
    )
    assert not Path("new").exists()
    assert run("info out/0.png --key-file k")[1].splitlines()[2] == (
        "comes back: from any 2 of the 3 pictures of its album"
    )


@pytest.mark.usefixtures("album")
def test_a_text_and_json(run):
    code, out, _ = run(["hide", "covers", "--text", "Meet me at eight.", "-o", "out", "--spread", "--json"])
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, [each["method"] for each in found]) == (0, ["sealed", "sealed", "jpeg"])
    assert {(each["hidden_name"], each["hidden_bytes"]) for each in found} == {("message.txt", 17)}
    assert run("reveal out")[1] == "Meet me at eight."
    assert json.loads(run("reveal out --json")[1])["text"] == "Meet me at eight."


REFUSED = {
    "hide cover.png notes.txt -o out --spread": "--spread requires a folder of covers",
    "hide covers notes.txt -o out --any 2": "--any requires --spread",
    "hide covers notes.txt -o - --spread": "`-o -` is for the result of one file",
    "hide covers notes.txt -o out --spread --cluster local": "--spread hides on this machine",
    "hide covers notes.txt -o out --spread --any 4": "any: must be from 1 to 3, the number of pictures, is 4",
    "hide covers notes.txt -o out --spread --method robust": "method: robust can't divide a secret over an album",
    "hide covers covers -o out --spread": "covers: is a folder",
    "hide covers none -o out --spread": "none: no such file",
    "hide covers notes.txt -o covers --spread": "covers: is an input too",
}


def test_what_is_refused(album, run, capsys):
    """No folder is left."""
    before = sorted(album.rglob("*"))
    for line, told in REFUSED.items():
        try:
            _, out, err = run(line)
        except SystemExit:
            out, err = capsys.readouterr()
        assert (out, err[: len(told) + 7]) == ("", f"error: {told}"), line
        assert sorted(album.rglob("*")) == before
