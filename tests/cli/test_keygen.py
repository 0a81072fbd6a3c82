"""Key files, their codes, and random passphrases."""

import re

import cv2
import numpy as np
import pytest

from stegnet.keys import Passphrase
from stegnet.keys.keys import guessing_years, random_words
from stegnet.media import read_picture
from tests.cli.terminal import typed

TEXT = re.compile(r"STEGNET-KEY-1[0-9A-Z]{58}")


def decoded(pixels: np.ndarray) -> str:
    """The text in a picture of a QR code."""
    return cv2.QRCodeDetectorAruco().detectAndDecode(pixels)[0]


def in_terminal(shown: str) -> np.ndarray:
    """The code that a terminal shows, (H, W) uint8."""
    lines = re.findall("\x1b\\[97;40m(.*)\x1b\\[0m", shown)
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    modules = np.array([[light[mark][half] for mark in line] for line in lines for half in (0, 1)], np.uint8)
    return np.kron(modules * 255, np.ones((8, 8), np.uint8))


def test_a_code_in_the_terminal(program, stegnet, folder):
    code, shown = typed(program, "keygen new --qr")
    assert code == 0
    assert "wrote new" in shown
    assert "note: anyone who sees the code of a key has the key" in shown
    assert "STEGNET" not in shown
    assert in_terminal(shown).shape == (304, 296)
    assert decoded(in_terminal(shown)) == stegnet("keygen --show new")[1].strip()


def test_a_code_as_a_picture(stegnet, folder):
    """And the text of a raw key, which is the same key."""
    code, out, err = stegnet("keygen new --qr code.png")
    assert (code, out) == (0, "wrote new\nwrote code.png\n")
    assert err.count("note: ") == 2
    assert (folder / "code.png").stat().st_mode & 0o777 == 0o600
    code, text, err = stegnet("keygen --show k")
    assert (code, err) == (0, "")
    assert TEXT.fullmatch(text.strip())
    assert stegnet("keygen --show k --qr k.png")[:2] == (0, "wrote k.png\n")
    assert decoded(read_picture(folder / "k.png")) == text.strip()
    assert stegnet("keygen --show k --qr k.svg")[:2] == (0, "wrote k.svg\n")
    assert (folder / "k.svg").read_text().startswith("<?xml")
    assert stegnet("keygen --show k --qr k.png")[2].startswith("error: k.png: exists already\nhint: ")
    (folder / "text").write_text(text)
    assert stegnet("hide cover.png secret.jpg -o c.png")[0] == 0
    assert stegnet("reveal c.png -o s.png --key-file text")[0] == 0


@pytest.mark.usefixtures("quick_scrypt")
def test_random_words(stegnet, folder):
    code, out, err = stegnet("keygen --passphrase-words 6")
    assert code == 0
    assert re.fullmatch(r"([a-z]+-){5,}[a-z]+\n", out)
    assert re.fullmatch(r"note: 77 random bits: a thousand processor cores would guess it in [\d,]+ years\n", err)
    (folder / "p").write_text(out)
    (folder / "p").chmod(0o600)
    assert stegnet("hide cover.png secret.jpg -o c.png --passphrase-file p")[::2] == (0, ""), "it is not weak"
    assert stegnet("reveal c.png -o s.png --passphrase-file p")[0] == 0


def test_random_words_are_many_and_strong():
    text, bits = random_words(2000)
    words = set(re.sub(r"\b(drop-down|felt-tip|t-shirt|yo-yo)\b", "", text).split("-")) - {""}
    assert bits == pytest.approx(2000 * 12.925, abs=1), "of 7,776 words"
    assert len(words) > 1700
    assert all(3 <= len(word) <= 9 and word.isalpha() for word in words)
    assert all(Passphrase(random_words(count)[0]).weakness() == "" for count in (4, 6) for _ in range(20))
    assert guessing_years(51.7) == pytest.approx(15_600, rel=0.05)


@pytest.fixture
def bob(stegnet, folder) -> bytes:
    """An identity, id, and its recipient in a file, bob; the identity's bytes."""
    stegnet("keygen --identity id")
    (folder / "bob").write_text(stegnet("keygen --show id")[1])
    return (folder / "id").read_bytes()


@pytest.mark.usefixtures("bob")
def test_films_for_a_recipient(stegnet):
    stegnet("keygen --identity other")
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --recipient bob")[0] == 0
    assert stegnet("reveal c.mkv -o s.mkv --identity id")[0] == 0
    assert stegnet("reveal c.mkv -o t.mkv --identity other")[2].startswith("error: nothing can be revealed")
