"""Keys and passphrases, which must never be shown, their codes, and the terminal on which they are typed."""

import os
import pty
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from stegnet.core.errors import KeyFileError
from stegnet.image import read_picture
from stegnet.keys import Passphrase, export_secret, guessing_years, random_words
from stegnet.keys.keytext import KEY, to_text
from tests.cli.terminal import typed

PHRASE = "Träumerei at 5 o'clock"
KEY_TEXT = to_text(KEY, bytes(range(32))).encode()
HIDE, REVEAL = "hide cover.png notes.txt -o c.png", "reveal c.png -o n.txt"


def decoded(pixels: np.ndarray) -> str:
    """The text in a picture of a QR code."""
    return cv2.QRCodeDetectorAruco().detectAndDecode(pixels)[0]


def in_terminal(shown: str) -> np.ndarray:
    """The code that a terminal shows, (H, W) uint8."""
    lines = re.findall("\x1b\\[97;40m(.*)\x1b\\[0m", shown)
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    modules = np.array([[light[mark][half] for mark in line] for line in lines for half in (0, 1)], np.uint8)
    return np.kron(modules * 255, np.ones((8, 8), np.uint8))


def test_codes(program, run, folder):
    """In the terminal, and as a picture, which is its owner's."""
    code, shown = typed(program, "keygen new --qr")
    assert code == 0
    assert "note: anyone who sees the code of a key has the key" in shown
    assert "STEGNET" not in shown
    text = run("keygen --show new")[1].strip()
    assert re.fullmatch(r"STEGNET-KEY-1[0-9A-Z]{58}", text)
    assert decoded(in_terminal(shown)) == text
    assert run("keygen --show new --qr code.png")[:2] == (0, "wrote code.png\n")
    assert (folder / "code.png").stat().st_mode & 0o777 == 0o600
    assert decoded(read_picture(folder / "code.png")) == text


def test_random_words_are_many_and_strong():
    text, bits = random_words(2000)
    words = set(re.sub(r"\b(drop-down|felt-tip|t-shirt|yo-yo)\b", "", text).split("-")) - {""}
    assert bits == pytest.approx(2000 * 12.925, abs=1), "of 7,776 words"
    assert len(words) > 1700
    assert all(3 <= len(word) <= 9 and word.isalpha() for word in words)
    assert all(Passphrase(random_words(count)[0]).weakness() == "" for count in (4, 6) for _ in range(20))
    assert guessing_years(51.7) == pytest.approx(15_600, rel=0.05)


def test_a_passphrase_is_weak_if_a_month_is_enough_to_guess_it():
    """On a thousand cores; zxcvbn counts 10 guesses for each sign of what is in no list."""
    for signs, time in {8: "8 hours", 9: "3 days"}.items():
        assert f"guess it in {time};" in Passphrase("qzj7x0wvpkt"[:signs]).weakness()
    for signs in (10, 11):
        assert Passphrase("qzj7x0wvpkt"[:signs]).weakness() == ""


@pytest.fixture
def phrase_file(folder) -> Path:
    (folder / "p").write_text(f"\ufeff{PHRASE}\r\n")
    (folder / "p").chmod(0o600)
    return folder / "p"


@pytest.mark.usefixtures("phrase_file")
def test_a_passphrase_from_the_terminal_a_file_or_a_descriptor(program, run):
    """Of a descriptor, a line is read that may come later than it is asked for, and nothing that comes after it."""
    code, shown = typed(program, f"{HIDE} --passphrase", PHRASE, PHRASE)
    assert code == 0
    assert shown.startswith("Passphrase: ")
    assert "Repeat passphrase: " in shown and "wrote c.png" in shown
    assert PHRASE not in shown
    assert run(f"{REVEAL} --passphrase-file p")[0] == 0
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.write(writing, f"{PHRASE}\n".encode())
    assert run(f"{REVEAL} --passphrase-file fd:{reading} --force")[0] == 0
    assert os.get_blocking(reading)
    os.write(writing, b"left")
    assert os.read(reading, 99) == b"left"
    os.close(writing)
    os.close(reading)


# files that are no passphrase: what they hold, the error after the file's name, and the hint
NO_PASSPHRASES = {
    "key": (b"# stegnet key: whoever has it can reveal what it hides\n" + KEY_TEXT, "a key", "--key-file"),
    "comment": (b"# stegnet key: whoever has it can reveal what it hides\n", "a key", "--key-file"),
    "bare": (KEY_TEXT.lower(), "a key", "--key-file"),
    "raw": (bytes(range(32)), "a key", "--key-file"),
    "identity": (b"# stegnet identity: whoever has it can reveal\n", "an identity", "--identity"),
    "recipient": (b"stegnet1" + b"q" * 58, "a recipient", "--recipient"),
    "age": (b"age1" + b"q" * 58, "a recipient of age", "single line"),
    "ssh": (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@home\n", "a key of another program", "single line"),
    "pem": (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "a key of another program", "single line"),
    "pdf": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "no UTF-8 text", "single line"),
    "letter": (b"Dear Alice,\n\nmeet me\n", "several lines", "single line"),
    "binary": (b"GIF89a\x01\x00", "no text", "single line"),
}


@pytest.mark.parametrize("name", NO_PASSPHRASES)
def test_what_is_no_passphrase_is_refused(run, folder, name):
    """Whoever hides with it, or reveals with it, from a file or a descriptor, is told what it is, and what to do."""
    content, what, way = NO_PASSPHRASES[name]
    (folder / name).write_bytes(content)
    (folder / name).chmod(0o600)
    for command in (HIDE, "reveal cover.png -o n.txt", "info cover.png"):
        code, out, err = run(f"{command} --passphrase-file {name}")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: {name}: this is {what}, not a passphrase\nhint: ") and way in err
        with (folder / name).open("rb") as file:
            code, out, err = run(f"{command} --passphrase-file fd:{file.fileno()}")
        assert (code, out) == (1, "") and f"this is {what}, not a passphrase" in err
    assert not (folder / "c.png").exists()


def test_the_text_of_a_key_is_no_passphrase_for_the_library_or_the_terminal(program):
    with pytest.raises(KeyFileError, match="this is a key, not a passphrase"):
        Passphrase(KEY_TEXT.decode())
    code, shown = typed(program, f"{HIDE} --passphrase", KEY_TEXT.decode(), KEY_TEXT.decode())
    assert code == 1 and "error: this is a key, not a passphrase" in shown and "STEGNET" not in shown
    assert export_secret(Passphrase("six words\r\n")) == export_secret(Passphrase("six words"))


def test_passphrases_that_do_not_match_or_would_be_echoed(program, run):
    code, shown = typed(program, f"{HIDE} --passphrase", PHRASE, "Traumerei")
    assert (code, "error: the passphrases do not match" in shown, "Traumerei" in shown) == (1, True, False)
    assert not Path("c.png").exists()
    mine, its = pty.openpty()
    code, _, err = run(f"{HIDE} --passphrase-file fd:{its}")
    told = f"error: descriptor {its} is a terminal, which would echo the passphrase"
    assert (code, err.splitlines()[0]) == (1, told)
    os.close(mine)
    os.close(its)


def test_prompts_that_end(program):
    """Interrupted, and without a terminal."""
    code, shown = typed(program, f"{HIDE} --passphrase", "\x03")
    assert (code, shown.endswith("error: interrupted\r\n")) == (130, True)
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with program(f"{HIDE} --passphrase", **streams, start_new_session=True) as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    told = "error: there is no terminal to prompt for a passphrase\nhint: use --passphrase-file\n"
    assert err == told


# mistakes of a user whose passphrase is "hunter2"
LEAKY = [
    "hide cover.png notes.txt -o c.png --passphrase-file fd:hunter2",
    "hide none.png notes.txt -o c.png --passphrase-file p",
    "hide cover.png none.jpg -o c.png --passphrase-file p",
    "hide cover.png notes.txt -o no/c.png --passphrase-file p",
    "hide cover.png secret.jpg -o c.png --method network --passphrase-file p --weights p",
    "hide cover.png notes.txt -o c.png --key-file p",
    "hide cover.png notes.txt -o c.png --passphrase-file latin",
    "hide cover.png notes.txt -o c.png --passphrase-file long",
    "reveal cover.png -o s.png --passphrase-file p",
    "reveal cover.mkv -o s.mkv --passphrase-file p",
    "info cover.png --passphrase-file p",
    "keygen p",
]


@pytest.mark.usefixtures("quick_scrypt")
def test_no_message_contains_a_passphrase(run, capsys, folder):
    (folder / "p").write_text("hunter2\n")
    (folder / "latin").write_bytes(b"hunter2\xe4")
    (folder / "long").write_text("hunter2" * 1000)
    for line in LEAKY:
        try:
            code, out, err = run(line)
        except SystemExit as stop:
            code, (out, err) = stop.code, capsys.readouterr()
        assert code in (1, 2)
        # Nor parts of it, as Python shows bytes.
        assert not re.search(r"hunter|b'|\\xe4|0xe4", out + err)


@pytest.mark.usefixtures("quick_scrypt")
def test_words_of_the_list_open_with_blanks_and_capitals_too(run, folder):
    words = "gloomy-t-shirt-panic-yo-yo"
    texts = {"p": words, "typed": "Gloomy T-shirt panic  yo yo ", "other": "Gloomy tshirt panic yo yo"}
    texts |= {"dashes": "gloomy\N{EN DASH}t\N{EN DASH}shirt_panic, yo-yo."}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "covers").mkdir()
    for name in ("a.png", "b.png"):
        (folder / "covers" / name).write_bytes((folder / "cover.png").read_bytes())
    for line, container in ((HIDE, "c.png"), ("hide covers notes.txt --spread -o album/", "album")):
        assert run(f"{line} --passphrase-file p")[0] == 0
        assert run(f"reveal {container} -o n.txt --force --passphrase-file typed")[0] == 0
        assert (folder / "n.txt").read_bytes() == (folder / "notes.txt").read_bytes()
        if container == "c.png":
            assert run(f"info {container} --passphrase-file typed")[0] == 0
            assert run(f"reveal {container} -o n.txt --force --passphrase-file dashes")[0] == 0
            assert run(f"reveal {container} -o n.txt --force --passphrase-file other")[0] == 1


@pytest.mark.usefixtures("quick_scrypt")
def test_what_opens_nothing_says_what_is_mistyped_and_what_the_file_looks_like(run, folder):
    """The same of a container and of a plain picture; a messenger's size without a camera's data is named."""
    (folder / "wrong").write_text("Träumerei")
    (folder / "wrong").chmod(0o600)
    picture = Image.fromarray(np.resize(read_picture(folder / "cover.png"), (96, 1280, 3)))
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    picture.save(folder / "plain.jpg")
    picture.save(folder / "camera.jpg", exif=exif)
    assert run("hide plain.jpg notes.txt --key-file k -o sent.jpg")[0] == 0
    told = [run(f"reveal {name} -o n.txt --passphrase-file wrong")[2] for name in ("plain.jpg", "sent.jpg")]
    assert told[0] == told[1]
    hint = told[0].splitlines()[1]
    assert hint.startswith(
        "hint: the passphrase may be mistyped (capitals, hyphens, blanks), or the JPEG was saved again"
    )
    look = "1280×96 pixels without a camera's data, as in a messenger's copy; ask for the original"
    assert look in hint
    assert "messenger" not in run("reveal camera.jpg -o n.txt --passphrase-file wrong")[2]
    assert "hint: the key may be wrong, or " in run("reveal plain.jpg -o n.txt --key-file k")[2]
