"""Key files and passphrases, which must never be shown."""

import os
import pty
import re
import subprocess
import traceback
from pathlib import Path

import pytest

from stegnet.media import read_picture
from tests.cli.terminal import typed

PHRASE = "Träumerei at 5 o'clock"
HIDE, REVEAL = "hide cover.png secret.jpg -o c.png", "reveal c.png -o s.png"


@pytest.fixture
def phrase_file(folder):
    (folder / "p").write_bytes(f"{PHRASE}\r\nand a second line\n".encode())
    (folder / "p").chmod(0o600)
    return folder / "p"


@pytest.mark.usefixtures("phrase_file", "quick_scrypt")
def test_passphrases_from_file_and_descriptor_are_equivalent(stegnet, folder):
    assert stegnet(f"{HIDE} --passphrase-file p") == (0, "wrote c.png: 97x61, SIZE\n", "")
    reading, writing = os.pipe()
    os.set_blocking(reading, False)  # the passphrase may come later than it is asked for
    os.write(writing, f"{PHRASE}\nleft".encode())
    assert stegnet(f"{REVEAL} --passphrase-fd {reading}") == (0, "wrote s.png: 40x50, SIZE\n", "")
    assert os.get_blocking(reading)
    assert os.read(reading, 99) == b"left"
    os.close(writing)
    os.close(reading)
    assert read_picture(folder / "s.png").shape == (50, 40, 3)
    for name, text in (("dos", f"\ufeff{PHRASE}\r\n"), ("unix", f"{PHRASE}\n")):
        (folder / name).write_bytes(text.encode())
        (folder / name).chmod(0o600)
        assert stegnet(f"{REVEAL} --passphrase-file {name} --force")[0] == 0


@pytest.mark.usefixtures("phrase_file")
def test_prompting_on_the_terminal(program, stegnet, monkeypatch):
    code, shown = typed(program, f"{HIDE} --passphrase", PHRASE, PHRASE)
    assert code == 0
    assert shown.startswith("Passphrase: ")
    assert "Repeat passphrase: " in shown
    assert "wrote c.png" in shown
    assert PHRASE not in shown
    assert stegnet(f"{REVEAL} --passphrase-file p")[0] == 0
    questions = []
    monkeypatch.setattr("getpass.getpass", lambda question: questions.append(question) or PHRASE)
    assert stegnet(f"{REVEAL} --force --passphrase")[0] == 0
    assert questions == ["Passphrase: "]


def test_passphrases_that_do_not_match_or_would_be_echoed(stegnet, monkeypatch):
    answers = iter([PHRASE, "Traumerei"])
    monkeypatch.setattr("getpass.getpass", lambda question: next(answers))
    code, out, err = stegnet(f"{HIDE} --passphrase")
    assert (code, out, err.splitlines()[0]) == (1, "", "error: the passphrases do not match")
    assert "Traumerei" not in err and not Path("c.png").exists()
    mine, its = pty.openpty()
    code, _, err = stegnet(f"{HIDE} --passphrase-fd {its}")
    told = f"error: descriptor {its} is a terminal, which would echo the passphrase"
    assert (code, err.splitlines()[0]) == (1, told)
    os.close(mine)
    os.close(its)


def test_prompts_that_end(program):
    """Interrupted, and without a terminal."""
    code, shown = typed(program, f"{HIDE} --passphrase", "\x03")
    assert code == 130
    assert shown.endswith("error: interrupted\r\n")
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with program(f"{HIDE} --passphrase", **streams, start_new_session=True) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    told = "error: there is no terminal to prompt for a passphrase\nhint: use --passphrase-file or --passphrase-fd\n"
    assert err == told


# mistakes of a user whose passphrase is "hunter2"
LEAKY = [
    "hide cover.png secret.jpg -o c.png --passphrase=hunter2",
    "hide cover.png secret.jpg -o c.png --passphrase hunter2",
    "hide cover.png secret.jpg -o c.png --passphrase-fd hunter2",
    "hide none.png secret.jpg -o c.png --passphrase-file p",
    "hide cover.png none.jpg -o c.png --passphrase-file p",
    "hide cover.png secret.jpg -o no/c.png --passphrase-file p",
    "hide cover.png secret.jpg -o c.png --passphrase-file p --weights p",
    "hide cover.png secret.jpg -o c.png --key-file p",
    "hide cover.png secret.jpg -o c.png --passphrase-file latin",
    "hide cover.png secret.jpg -o c.png --passphrase-file long",
    "reveal cover.png -o s.png --passphrase-file p",
    "reveal cover.mkv -o s.mkv --passphrase-file p",
    "info cover.png --passphrase-file p",
    "keygen p",
]


@pytest.mark.usefixtures("quick_scrypt")
def test_no_message_contains_a_passphrase(stegnet, capsys, folder):
    (folder / "p").write_text("hunter2\n")
    (folder / "latin").write_bytes(b"hunter2\xe4")
    (folder / "long").write_text("hunter2" * 1000)
    for line in LEAKY:
        try:
            code, out, err = stegnet(line)
        except SystemExit as stop:
            code, (out, err) = stop.code, capsys.readouterr()
        assert code in (1, 2)
        # Nor parts of it, as Python shows bytes.
        assert not re.search(r"hunter|b'|\\xe4|0xe4", out + err)


def test_a_traceback_contains_no_passphrase(stegnet, folder, monkeypatch):
    """A traceback contains source lines and the error's text; keys and passphrases have no revealing repr."""

    def bug(*arguments, **more):
        raise RuntimeError(f"{arguments} {more}")

    monkeypatch.setattr("stegnet.methods.network.film.hide_pictures", bug)
    (folder / "p").write_text("hunter2\n")
    with pytest.raises(RuntimeError) as caught:
        stegnet("hide cover.png secret.jpg -o c.png --passphrase-file p")
    told = "".join(traceback.format_exception(caught.value))
    assert "Passphrase(...)" in told
    assert "hunter2" not in told
