"""Folders of covers, secrets and containers."""

import pickle
from pathlib import Path

import pytest
from PIL import Image

from stegnet.cli.command import make_parser
from stegnet.cli.commands.hide import _hider
from stegnet.cli.options import network_loader
from stegnet.media import read_picture
from stegnet.results.figures import BETRAYS
from tests.support.tampering import altered

HIDE = "hide covers secrets -o out --key-file k"


@pytest.fixture
def folders(folder, picture):
    """Covers 2.png, 10.png and f.mkv; secrets a.png and b.mkv."""
    for name, files in {
        "covers": {"2.png": "cover.png", "10.png": "cover.png", "f.mkv": "cover.mkv"},
        "secrets": {"a.jpg": "secret.jpg", "b.mkv": "secret.mkv"},
    }.items():
        (folder / name).mkdir()
        for new, old in files.items():
            (folder / name / new).write_bytes((folder / old).read_bytes())
    return folder


@pytest.mark.parametrize("method", ["auto", "sealed", "network", "robust"])
def test_what_hides_can_be_sent_to_other_processes(method):
    line = f"{HIDE} --method {method} --cluster auto"
    options = make_parser().parse_args(line.split())
    hide = _hider(options, network_loader(options))
    sent = pickle.loads(pickle.dumps(hide))
    assert (sent.func, sent.keywords) == (hide.func, hide.keywords)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (HIDE.replace("-o out", "-o s3://bucket/out"), "s3://bucket/out requires --cluster"),
        (HIDE.replace("covers", "s3://bucket/covers"), "s3://bucket/covers requires --cluster"),
        ("hide cover.png secret.jpg -o out.png --key-file k --cluster local", "--cluster requires a folder"),
        ("reveal s3://bucket/a.png -o b --key-file k", "s3://bucket/a.png requires --cluster"),
        ("reveal cover.png -o b.png --key-file k --cluster local", "--cluster requires a folder"),
    ],
)
def test_refused_addresses(stegnet, capsys, line, problem):
    with pytest.raises(SystemExit):
        stegnet(line)
    assert problem in capsys.readouterr().err


@pytest.mark.usefixtures("folders")
def test_folders_round_trip(stegnet):
    code, out, err = stegnet(HIDE)
    assert code == 0
    assert out.splitlines() == [
        "wrote out/2.png: 97x61, SIZE",
        "wrote out/10.png: 97x61, SIZE",
        "wrote out/f.mkv: 96x64, SIZE, 6 frames, 4 hidden",
    ]
    assert err.splitlines() == [
        "note: 1 picture for 2 covers: repeated in order",
        "note: out/f.mkv: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it",
    ]
    code, out, err = stegnet("reveal out -o back --key-file k")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "wrote back/2.png: 40x50, SIZE",
        "wrote back/10.png: 40x50, SIZE",
        "wrote back/f.mp4: 96x64, SIZE, 4 frames",
    ]


def test_a_failure_does_not_stop_the_batch(stegnet, folders):
    Image.new("RGB", (7, 7), "red").save(folders / "covers" / "3.png")
    (folders / "out").mkdir()
    (folders / "out" / "10.png").write_text("old")
    code, out, err = stegnet(HIDE)
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == ["wrote out/2.png", "wrote out/f.mkv"]
    failures = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert failures[:3] == [
        "error: 2 of 4 failed",
        "error: covers/3.png: the cover is too small: 7×7 pixels",
        "error: covers/10.png: out/10.png: exists already",
    ]
    assert all(line.startswith("hint: ") for line in failures[3:])
    assert (folders / "out" / "10.png").read_text() == "old"
    assert stegnet(f"{HIDE} --force")[1].startswith("wrote out/2.png")
    assert read_picture(folders / "out" / "10.png").shape == (61, 97, 3)


def test_a_single_secret_is_hidden_in_every_cover(stegnet, folders):
    (folders / "covers" / "f.mkv").unlink()
    code, out, err = stegnet("hide covers secret.jpg -o out --key-file k")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 2
    code, _, err = stegnet("hide cover.png secrets -o out.png --key-file k")
    assert (code, err.splitlines()) == (
        1,
        ["error: secrets: is a folder", "hint: a folder of secrets needs a folder of covers"],
    )


@pytest.mark.parametrize("json", ["", " --json"])
def test_covers_saved_with_loss_are_warned_of_once(stegnet, folder, json):
    (folder / "covers").mkdir()
    for name in ("1.jpg", "2.jpg", "3.png"):
        Image.open("cover.png").save(folder / "covers" / name)
    code, out, err = stegnet(f"hide covers k -o out --key-file k --method sealed{json}")
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert (code, len(out.splitlines())) == (0, 3)
    if json:
        assert (warnings, out.count("the cover is a JPEG")) == ([], 2)
    else:
        assert warnings == [f"warning: 2 of 3 covers saved with loss (a JPEG): {BETRAYS}"]


def test_a_single_picture_is_not_hidden_in_films(stegnet, folders):
    code, out, err = stegnet("hide covers secret.jpg -o out --key-file k")
    assert (code, len(out.splitlines())) == (1, 2)
    assert err.splitlines()[:2] == [
        "error: 1 of 3 failed",
        "error: covers/f.mkv: a picture can't be hidden in a film",
    ]


def test_folders_of_any_files(stegnet, folders):
    (folders / "files").mkdir()
    for name in ("a.txt", "b", "c.tar.gz"):
        (folders / "files" / name).write_text(name)
    code, out, _ = stegnet("hide covers files -o out --key-file k --method sealed")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "wrote out/2.png",
        "wrote out/10.png",
        "wrote out/f.mkv",
    ]
    code, out, _ = stegnet("reveal out -o back --key-file k")
    assert code == 0
    assert {path.name: path.read_text() for path in (folders / "back").iterdir()} == {
        "2.txt": "a.txt",
        "10.bin": "b",
        "f.gz": "c.tar.gz",
    }


@pytest.mark.usefixtures("folders")
def test_tampering_sets_the_exit_code_of_a_batch(stegnet):
    stegnet(HIDE)
    Image.fromarray(altered(read_picture(Path("out/10.png")))).save("out/10.png")
    code, out, err = stegnet("reveal out -o back --key-file k")
    assert (code, len(out.splitlines())) == (3, 3)
    assert err == "warning: back/10.png: the picture was altered since it was hidden, and is shown as it is\n"
    code, _, err = stegnet("reveal out -o strict --key-file k --strict")
    assert (code, err.splitlines()[0]) == (1, "error: 1 of 3 failed")
    assert sorted(path.name for path in Path("strict").iterdir()) == ["2.png", "f.mp4"]


# command line, first line of stderr
REFUSED = [
    ("hide covers secrets -o covers --key-file k", "error: covers: is an input too"),
    ("hide covers secrets -o k --key-file k", "error: k: is no folder, and none can be made (File exists)"),
    ("hide covers secrets -o no/out --key-file k", "error: no/out: is no folder, and none can be made (No such"),
    ("hide empty secrets -o out --key-file k", "error: empty: no picture and no film in this folder"),
    ("hide covers empty -o out --key-file k", "error: empty: no picture and no film in this folder"),
    ("hide covers empty -o out --key-file k --method sealed", "error: empty: no file in this folder"),
    ("hide covers none.png -o out --key-file k", "error: none.png: no such file"),
    ("hide covers none -o out --key-file k --method sealed", "error: none: no such file"),
    ("hide secrets covers -o out --key-file k", "error: 2 pictures to hide, and only 1 cover for that"),
    ("hide covers secrets -o out --key-file k --weights none", "error: none: no such weights file"),
    ("reveal empty -o out --key-file k", "error: empty: no picture and no film in this folder"),
    ("reveal covers -o covers --key-file k", "error: covers: is an input too"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_invalid_input_is_refused(stegnet, folders, line, message):
    (folders / "empty").mkdir()
    before = sorted(folders.rglob("*"))
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.splitlines()[0].startswith(message)
    assert sorted(folders.rglob("*")) == before


@pytest.mark.usefixtures("folders")
def test_no_folder_is_left_if_nothing_is_revealed(stegnet, folder):
    code, _, err = stegnet("reveal covers -o back --key-file k")
    assert (code, err.splitlines()[0]) == (1, "error: 3 of 3 failed")
    assert not (folder / "back").exists()


@pytest.mark.usefixtures("folders")
def test_the_network_is_loaded_once(stegnet, monkeypatch):
    from stegnet.methods.network import Network

    load, calls = Network.load, []
    monkeypatch.setattr(Network, "load", lambda *arguments: calls.append(1) or load(*arguments))
    assert stegnet(HIDE)[0] == 0
    assert len(calls) == 1
