import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.media import read_picture, scan


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, picture, make_film):
    """Two pictures, two films, a key; names in the messages are short."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(picture(61, 97, 1)).save("cover.png")
    Image.fromarray(picture(50, 40, 2)).save("secret.jpg")
    make_film(tmp_path / "cover.mkv", 6, sound="aac")
    make_film(tmp_path / "secret.mkv", 4, seed=9)
    (tmp_path / "k").write_bytes(bytes(range(32)))
    return tmp_path


@pytest.fixture
def stegnet(weights, capsys):
    """Runs a command; gives exit code, stdout and stderr."""

    def run(line: str) -> tuple[int, str, str]:
        arguments = line.split()
        if arguments[0] in ("hide", "reveal") and "--weights" not in arguments:
            arguments += ["--weights", str(weights)]
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, re.sub(r"\d+\.\d\d MB", "SIZE", out), err

    return run


def test_a_picture_goes_there_and_back(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k") == (0, "wrote c.png: 97x61, SIZE\n", "")
    assert stegnet("reveal c.png -o s.png --key-file k") == (0, "wrote s.png: 40x50, SIZE\n", "")
    assert read_picture(Path("s.png")).shape == (50, 40, 3)


def test_a_film_goes_there_and_back(stegnet):
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k") == (
        0,
        "wrote c.mkv: 96x64, SIZE, 6 frames, 4 hidden\n",
        "note: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it\n",
    )
    assert stegnet("reveal c.mkv -o s.mkv --key-file k") == (0, "wrote s.mkv: 96x64, SIZE, 4 frames\n", "")
    assert len(scan(Path("s.mkv")).pts) == 4


def test_longer(stegnet):
    line = "hide secret.mkv cover.mkv -o c.mkv --key-file k"
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: the secret has 6 frames, the cover only 4",
        "hint: `--longer cut` hides as many as there is room for",
    ]
    code, out, err = stegnet(f"{line} --longer cut")
    assert (code, out) == (0, "wrote c.mkv: 96x64, SIZE, 4 frames, 4 hidden\n")
    assert err.splitlines() == [
        "note: the secret was cut: 4 of its 6 frames are hidden",
        "note: the secret's sound is not hidden: this version hides pictures only",
    ]


def test_keygen(stegnet):
    code, out, err = stegnet("keygen new")
    assert (code, out) == (0, "wrote new\n")
    assert err.startswith("note: ")
    code, out, err = stegnet("keygen new")
    assert (code, out) == (1, "")
    assert err.startswith("error: new: exists already\nhint: ")


def test_another_key_and_nothing_hidden_are_one_message(stegnet):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k")
    stegnet("keygen k2")
    answers = {
        stegnet("reveal c.png -o s.png --key-file k2"),
        stegnet("reveal c.mkv -o s.mkv --key-file k2"),
        stegnet("reveal cover.png -o s.png --key-file k"),
        stegnet("reveal secret.jpg -o s.png --key-file k"),
        stegnet("reveal cover.mkv -o s.mkv --key-file k"),
    }
    assert len(answers) == 1
    ((code, out, err),) = answers
    assert (code, out) == (1, "")
    assert err.startswith("error: nothing can be revealed")


# command line, first line of stderr
REFUSED = [
    ("hide none.png secret.jpg -o c.png --key-file k", "error: none.png: no such file"),
    ("hide cover.png none.png -o c.png --key-file k", "error: none.png: no such file"),
    ("hide cover.png secret.jpg -o c.png --key-file none", "error: none: no such key file"),
    ("hide cover.png secret.jpg -o c.png --key-file secret.jpg", "error: secret.jpg: not a key file"),
    ("hide cover.png secret.jpg -o c.jpg --key-file k", "error: c.jpg: a picture is written as .png"),
    ("hide cover.png secret.jpg -o c --key-file k", "error: c: a picture is written as .png"),
    ("hide cover.mkv secret.mkv -o c.mp4 --key-file k", "error: c.mp4: a film is written as .mkv"),
    ("hide cover.png secret.mkv -o c.png --key-file k", "error: a film can't be hidden in a picture"),
    ("hide cover.mkv secret.jpg -o c.mkv --key-file k", "error: a picture can't be hidden in a film"),
    ("hide cover.png secret.jpg -o cover.png --key-file k --force", "error: cover.png: is an input too"),
    ("hide cover.png cover.png -o link.png --key-file k --force", "error: link.png: is an input too"),
    ("hide cover.png secret.jpg -o old.png --key-file k", "error: old.png: exists already"),
    ("hide cover.png secret.jpg -o no/c.png --key-file k", "error: no: no such folder"),
    ("hide cover.mkv secret.mkv -o no/c.mkv --key-file k", "error: no: no such folder"),
    ("hide cover.png secret.jpg -o k/c.png --key-file k", "error: k/c.png: can't be written (Not a directory)"),
    ("hide cover.png secret.jpg -o folder.png --key-file k --force", "error: folder.png: is a folder"),
    ("hide text.mp4 secret.mkv -o c.mkv --key-file k", "error: text.mp4: neither a picture nor a film"),
    ("hide empty.mp4 secret.mkv -o c.mkv --key-file k", "error: empty.mp4: the file is empty"),
    ("hide tiny.png secret.jpg -o c.png --key-file k", "error: the cover is too small: 7×7 pixels"),
    ("hide cut.png secret.jpg -o c.png --key-file k", "error: cut.png: the picture is damaged or truncated"),
    ("hide cover.png secret.jpg -o c.png --key-file k --weights k", "error: k: not a stegnet weights file"),
    ("hide cover.png secret.jpg -o c.png --key-file k --weights no", "error: no: no such weights file"),
    ("reveal none.png -o s.png --key-file k", "error: none.png: no such file"),
    ("reveal cover.png -o s.jpg --key-file k", "error: s.jpg: a picture is written as .png"),
    ("reveal cover.mkv -o cover.mkv --key-file k --force", "error: cover.mkv: is an input too"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_what_is_refused(stegnet, folder, line, message):
    (folder / "link.png").symlink_to("cover.png")
    (folder / "folder.png").mkdir()
    (folder / "text.mp4").write_text("text " * 100)
    (folder / "empty.mp4").touch()
    (folder / "old.png").write_text("old")
    (folder / "cut.png").write_bytes((folder / "cover.png").read_bytes()[:2000])
    Image.new("RGB", (7, 7)).save("tiny.png")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.startswith(message)
    assert all(part.startswith(("error: ", "hint: ")) for part in err.splitlines())
    assert bytes(range(32)).hex() not in err
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_force_overwrites(stegnet, folder):
    (folder / "c.png").write_text("old")
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k --force")[0] == 0
    assert np.array_equal(read_picture(folder / "c.png")[56:], read_picture(folder / "cover.png")[56:])


def test_other_weights(stegnet, weights, tmp_path):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    (tmp_path / "w2").write_bytes(data)
    code, out, err = stegnet("reveal c.png -o s.png --key-file k --weights w2")
    assert (code, out) == (1, "")
    assert err.startswith("error: hidden with the weights ")


@pytest.mark.parametrize("line", ["", "hide", "hide a b -o c", "hide a b -o c --key-file k --longer no", "what"])
def test_usage(line):
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("stegnet 0.")


def test_help_needs_nothing_heavy():
    code = "import sys, stegnet.cli; sys.exit(bool({'torch', 'av', 'PIL', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=_environment(), check=False).returncode == 0


def test_an_interrupt_leaves_nothing(stegnet, folder, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("stegnet.codec.film.hide_frame", interrupted)
    before = sorted(folder.iterdir())
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k") == (130, "", "error: interrupted\n")
    assert sorted(folder.iterdir()) == before


def test_sigterm_leaves_nothing(folder, weights, make_film):
    make_film(folder / "long.mkv", 60, 256, 256)
    command = f"hide long.mkv long.mkv -o c.mkv --key-file k --weights {weights}".split()
    before = sorted(folder.iterdir())
    with subprocess.Popen([sys.executable, "-m", "stegnet.cli", *command], cwd=folder, env=_environment()) as process:
        while not list(folder.glob(".*.mkv")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    assert sorted(folder.iterdir()) == before


def _environment():
    import stegnet

    return os.environ | {"PYTHONPATH": str(Path(stegnet.__file__).parents[1])}
