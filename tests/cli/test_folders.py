"""Folders of covers, secrets and containers."""

from pathlib import Path

import pytest
from PIL import Image

from stegnet.cli.flags import with_options
from stegnet.media import read_picture
from stegnet.methods.network import Network
from stegnet.results.figures import BETRAYS, WAYS_OUT
from tests.support.tampering import altered

HIDE = "hide covers secrets -o out"


@pytest.fixture
def folders(folder) -> Path:
    """Covers 2.png, 10.png and f.mkv; secrets a.png and b.mkv."""
    for name, files in {
        "covers": {"2.png": "cover.png", "10.png": "cover.png", "f.mkv": "cover.mkv"},
        "secrets": {"a.jpg": "secret.jpg", "b.mkv": "secret.mkv"},
    }.items():
        (folder / name).mkdir()
        for new, old in files.items():
            (folder / name / new).write_bytes((folder / old).read_bytes())
    return folder


def test_refused_addresses(stegnet, capsys):
    for line, problem in (
        (HIDE.replace("-o out", "-o s3://bucket/out"), "s3://bucket/out requires --cluster"),
        (HIDE.replace("covers", "s3://bucket/covers"), "s3://bucket/covers requires --cluster"),
        ("hide cover.png secret.jpg -o out.png --cluster local", "--cluster requires a folder"),
        ("reveal s3://bucket/a.png -o b", "s3://bucket/a.png requires --cluster"),
        ("reveal cover.png -o b.png --cluster local", "--cluster requires a folder"),
    ):
        with pytest.raises(SystemExit):
            stegnet(line)
        assert capsys.readouterr().err.startswith(f"error: {problem}\n")


@pytest.mark.usefixtures("folders")
def test_folders_round_trip(stegnet, monkeypatch):
    """The network is loaded once for each."""
    load, calls = Network.load, []
    monkeypatch.setattr(Network, "load", lambda *arguments: calls.append(1) or load(*arguments))
    code, out, err = stegnet(HIDE)
    assert (code, len(calls)) == (0, 1)
    assert out.splitlines() == [
        "wrote out/2.png: 97x61, SIZE",
        "wrote out/10.png: 97x61, SIZE",
        "wrote out/f.mkv: 96x64, SIZE, 6 frames, 4 hidden",
    ]
    assert err.splitlines() == [
        "note: 1 picture for 2 covers: repeated in order",
        "note: out/f.mkv: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it",
    ]
    code, out, err = stegnet("reveal out -o back")
    assert (code, err, len(calls)) == (0, "", 2)
    assert out.splitlines() == [
        "wrote back/2.png: 40x50, SIZE",
        "wrote back/10.png: 40x50, SIZE",
        "wrote back/f.mp4: 96x64, SIZE, 4 frames",
    ]
    Image.fromarray(altered(read_picture(Path("out/10.png")))).save("out/10.png")
    code, out, err = stegnet("reveal out -o back --force")
    assert (code, len(out.splitlines())) == (3, 3)
    assert err == "warning: back/10.png: the picture was altered since it was hidden, and is shown as it is\n"
    code, _, err = stegnet("reveal out -o strict --strict")
    assert (code, err.splitlines()[0]) == (1, "error: 1 of 3 failed")
    assert sorted(path.name for path in Path("strict").iterdir()) == ["2.png", "f.mp4"]


def test_a_single_secret_is_hidden_in_every_cover(stegnet, folders):
    """But a picture not in a film, by the network. Results are named by what was hidden."""
    code, out, err = stegnet("hide covers secret.jpg -o out")
    assert (code, len(out.splitlines())) == (1, 2)
    told = ["error: 1 of 3 failed", "error: covers/f.mkv: a picture can't be hidden in a film"]
    assert err.splitlines()[:2] == told
    assert len(stegnet("hide covers secret.jpg -o other --method auto --force")[1].splitlines()) == 3
    assert stegnet("reveal other -o back")[0] == 0
    assert {path.name for path in (folders / "back").iterdir()} == {"2.jpg", "10.jpg", "f.jpg"}
    told = "error: secrets: is a folder\nhint: a folder of secrets needs a folder of covers\n"
    assert stegnet("hide cover.png secrets -o out.png") == (1, "", told)


def test_covers_saved_with_loss_are_warned_of_once(stegnet, folder):
    (folder / "covers").mkdir()
    for name in ("1.jpg", "2.jpg", "3.png"):
        Image.open("cover.png").save(folder / "covers" / name)
    code, out, err = stegnet("hide covers k -o out --method sealed")
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert (code, len(out.splitlines())) == (0, 3)
    assert warnings == [f"warning: 2 of 3 covers were saved with loss (a JPEG): {BETRAYS}; {with_options(WAYS_OUT)}"]
    code, out, err = stegnet("hide covers k -o out --method sealed --json --force")
    assert ("warning: " in err, out.count("the cover is a JPEG:")) == (False, 2)


def test_a_jpeg_stays_one_unless_its_container_is_named_otherwise(run, folder, picture):
    """In folders, without a suffix, on standard output; the method sealed writes without loss."""
    (folder / "covers").mkdir()
    Image.fromarray(picture(200, 200, 1)).save("photo.jpg", quality=90)
    Image.open("photo.jpg").save("covers/1.JPEG", quality=90)
    Image.open("cover.png").save("covers/2.png")
    for line, made in {
        "covers k -o out": {"out/1.jpg": "JPEG", "out/2.png": "PNG"},
        "covers k -o sealed --method sealed": {"sealed/1.png": "PNG", "sealed/2.png": "PNG"},
        "photo.jpg k -o single": {"single.jpg": "JPEG"},
        "photo.jpg k -o other --method sealed": {"other.png": "PNG"},
        "photo.jpg k -o named.png": {"named.png": "PNG"},
    }.items():
        assert run(f"hide {line}")[0] == 0
        for name, form in made.items():
            with Image.open(name) as made_picture:
                assert made_picture.format == form
            assert run(f"reveal {name} -o back --force")[0] == 0
            assert Path("back").read_bytes() == Path("k").read_bytes()


REFUSED = {
    "hide covers secrets -o covers": "covers: is an input too",
    "hide covers secrets -o k": "k: is no folder, and none can be made (File exists)",
    "hide covers secrets -o no/out": "no/out: is no folder, and none can be made (No such",
    "hide covers empty -o out --method sealed": "empty: no file in this folder",
    "hide covers none.png -o out": "none.png: no such file",
    "hide none secrets -o out": "none: no such file",
    "hide covers secrets -o out --weights none": "none: no such weights file",
    "reveal covers -o covers": "covers: is an input too",
    "reveal covers -o out": "3 of 3 failed",
}


def test_invalid_input_is_refused(stegnet, folders):
    """No folder is left."""
    (folders / "empty").mkdir()
    before = sorted(folders.rglob("*"))
    for line, message in REFUSED.items():
        code, out, err = stegnet(line)
        assert (code, out, err[: len(message) + 7]) == (1, "", f"error: {message}")
        assert sorted(folders.rglob("*")) == before
