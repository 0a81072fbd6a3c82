"""Hiding and revealing from file to file, by whatever method."""

import random
import shutil
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.files import plan_revealing
from stegnet.image import write_png
from tests.support.films import add_tone, ffmpeg, make_film, picture


@pytest.fixture(autouse=True)
def inputs(tmp_path, picture, monkeypatch) -> None:
    """cover.png, secret.png and secret.mkv in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("secret.mkv"), 2)


@pytest.mark.parametrize("name", ["note.txt", "note.zip", "picture.png", "papers"])
def test_a_folder_that_is_made_for_a_secret_is_its_owner_s(picture, name):
    """Whatever the secret is: a text, a file, a picture, or a folder."""
    write_png(Path("cover.png"), picture(300, 300, 1))
    write_png(Path("picture.png"), picture(300, 300, 2))
    Path("note.txt").write_text("a note")
    Path("note.zip").write_bytes(bytes(range(9)))
    Path("papers").mkdir()
    Path("papers/note.txt").write_text("a note")
    assert main(["keygen", "k"]) == 0
    assert main(["hide", "cover.png", name, "-o", "sent.png", "--key-file", "k"]) == 0
    assert main(["reveal", "sent.png", "-o", "new/", "--key-file", "k"]) == 0
    assert Path("new").stat().st_mode & 0o777 == 0o700
    assert list(Path("new").iterdir())


def test_natural_order():
    ordered = [f"{name}.png" for name in ("1", "2", "10", "a1b2", "a1b10", "a02b1", "a2b1", "B", "c", "²")]
    Path("mixed").mkdir()
    for name in random.Random(0).sample(ordered, len(ordered)):
        shutil.copy("cover.png", Path("mixed", name))
    assert [job.source.name for job in plan_revealing(Path("mixed")).jobs] == ordered


def starts(film: str) -> tuple[Fraction, Fraction]:
    """Start times of a film's pictures and sound, in seconds."""
    times: dict[str, list[Fraction]] = {"video": [], "audio": []}
    with av.open(film) as opened:
        for packet in opened.demux(opened.streams.video[0], opened.streams.audio[0]):
            if packet.pts is not None:
                times[packet.stream.type].append(packet.pts * packet.time_base)
    return min(times["video"]), min(times["audio"])


@pytest.mark.filterwarnings("ignore:the cover is a film in YCbCr")
def test_a_film_cut_out_of_a_stream_starts_at_zero(key):
    """As cover and as secret; sound and pictures stay in sync."""
    make_film(Path("plain.mkv"), 6, 96, 128, sound="mp2")
    options = "-itsoffset 0.2 -i plain.mkv -i plain.mkv -map 0:v -map 1:a -c:v mpeg2video -c:a copy"
    pictures, sound = starts(str(ffmpeg(options, Path("a.ts"))))
    assert sound > 0.4 and pictures - sound > 0.1
    for form in ("mkv", "mp4"):
        stegnet.hide("a.ts", "a.ts", f"c.{form}", key=key, method="network")
        stegnet.reveal(f"c.{form}", f"s.{form}", key=key, lossless=True)
        for film in (f"c.{form}", f"s.{form}"):
            assert starts(film)[1] == pytest.approx(0, abs=0.001)
            assert starts(film)[0] == pytest.approx(pictures - sound, abs=0.0015)  # Matroska rounds to milliseconds


def test_a_damaged_picture_or_film_of_a_folder_fails_and_a_song_is_skipped(tmp_path, monkeypatch, capsys):
    """It is not passed over with a note: its container would be missing."""
    monkeypatch.chdir(tmp_path)
    stegnet.make_key_file("k")
    Path("note").write_text("at noon")
    Path("covers").mkdir()
    Image.fromarray(picture(60, 80, 1)).save("covers/a.png")
    whole = make_film(tmp_path / "covers/cut.mp4", 12, 64, 96, codec="libx264", pix_fmt="yuv420p").read_bytes()
    Path("covers/cut.mp4").write_bytes(whole[: len(whole) // 3])
    Path("covers/head.png").write_bytes(Path("covers/a.png").read_bytes()[:20])
    with av.open("covers/song.m4a", "w", format="mp4") as song:
        add_tone(song, song.add_stream("aac", rate=44100), 2764, 20)
    assert main(["hide", "covers", "note", "--key-file", "k", "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert "2 of 3 failed" in err and "skipped (not a picture, film or sound): song.m4a" in err
    assert "covers/cut.mp4: the film is truncated" in err and "covers/head.png: the PNG picture is damaged" in err
    assert [path.name for path in Path("out").iterdir()] == ["a.png"]
