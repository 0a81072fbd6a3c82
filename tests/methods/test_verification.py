"""What is written is opened again before it gets its name, by the command line: a fault of the writer is not kept."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.pixels.forms import WRITERS
from stegnet.record import spread
from stegnet.sealing import embedding
from tests.support.films import make_film, picture
from tests.support.sounds import noise, write_wav


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a key, a note and covers."""
    monkeypatch.chdir(tmp_path)
    Path("k").write_bytes(bytes(range(200, 232)))
    Path("note.txt").write_bytes(b"meet me at eight")
    Image.fromarray(picture(96, 128, 1)).save("cover.png")
    Image.fromarray(picture(160, 208, 1)).save("cover.jpg", quality=90)
    return tmp_path


def refused(capsys, *arguments: str, out: str, key: tuple[str, ...] = ("--key-file", "k")) -> None:
    """Hiding ends with an error, and leaves nothing."""
    before = set(Path().iterdir())
    assert main(["hide", *arguments, *key, "-o", out]) == 1
    assert "does not give the secret back" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("cover", ["cover.png", "cover.jpg"])
def test_an_ephemeral_key_that_no_identity_reads(capsys, monkeypatch, cover):
    """The sender knows which one it must be."""
    recipient = str(stegnet.make_identity_file("id"))
    monkeypatch.setattr(embedding, "write_ephemeral", lambda *_: None)
    refused(capsys, cover, "note.txt", out=f"out{Path(cover).suffix}", key=("--recipient", recipient))


def test_a_mac_that_says_altered(capsys, monkeypatch):
    """Since its writer computed another."""
    right, calls = embedding._mac, iter(range(1000))
    monkeypatch.setattr(embedding, "_mac", lambda *given: bytes(16) if next(calls) == 0 else right(*given))
    refused(capsys, "cover.png", "note.txt", out="out.png")


def test_a_share_of_other_bytes(capsys, monkeypatch):
    """All records of the film open, and the file is not theirs."""
    shared = spread.ErasureCode.share

    def other(code, source, frame):
        return bytes(byte ^ (frame == 0) for byte in shared(code, source, frame))

    make_film(Path("cover.mkv"), 6, 96, 128)
    monkeypatch.setattr(spread.ErasureCode, "share", other)
    refused(capsys, "cover.mkv", "note.txt", out="out.mkv")


@pytest.fixture
def second_is_faulty(monkeypatch):
    """The second record that is written has another trit everywhere."""
    written, records = embedding.write_record_zone, []

    def write(samples, trits, plan):
        records.append(plan)
        written(samples, (trits + (len(records) == 2)) % 3, plan)

    monkeypatch.setattr(embedding, "write_record_zone", write)


def test_a_part_of_an_album(capsys, second_is_faulty):
    Path("covers").mkdir()
    for number in (1, 2):
        Image.fromarray(picture(96, 128, number)).save(f"covers/{number}.png")
    refused(capsys, "covers", "note.txt", "--spread", out="album")


@pytest.mark.slow
def test_a_segment_of_a_long_sound(capsys, second_is_faulty):
    write_wav(Path("long.wav"), noise(540_000, channels=8))
    refused(capsys, "long.wav", "note.txt", out="out.wav")


def test_another_form_than_its_name_says(capsys, monkeypatch):
    """Of which the secret would come back."""
    monkeypatch.setitem(WRITERS, ".png", lambda _, __, part, pixels: written_as_tiff(part, pixels))
    before = set(Path().iterdir())
    assert main(["hide", "cover.png", "note.txt", "--key-file", "k", "-o", "out.png"]) == 1
    assert "out.png: was written in another form than its name says" in capsys.readouterr().err
    assert set(Path().iterdir()) == before


def written_as_tiff(part: Path, pixels: np.ndarray) -> tuple[str, ...]:
    Image.fromarray(pixels).save(part, "TIFF")
    return ()


def test_a_suffix_that_no_method_takes(capsys, monkeypatch):
    monkeypatch.setattr("stegnet.methods.auto.Auto.suffixes_of", lambda *_: (".tif",))
    assert main(["hide", "cover.png", "note.txt", "--key-file", "k", "-o", "out.tif"]) == 1
    assert "cover.png: no method hides in such a picture as .tif" in capsys.readouterr().err
