"""Counts that a header only says: what is made of them costs no more than the file has bytes."""

import struct
from pathlib import Path

import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.media.claims import claims_of
from tests.support.films import make_film, picture
from tests.support.sounds import chunk, noise, write_wav

TERMS = b"xmlns:c='http://purl.org/dc/terms/' "


def told(capsys: pytest.CaptureFixture[str], *command: object) -> str:
    """What a command that fails says, with its hint."""
    assert main([str(each) for each in command]) == 1
    said = capsys.readouterr().err
    assert "\nhint: " in said
    return said


@pytest.fixture
def film(tmp_path: Path) -> Path:
    make_film(tmp_path / "film.mp4", 10, 48, 64, codec="libx264", pix_fmt="yuv420p", sound="aac")
    return tmp_path / "film.mp4"


def with_field(film: Path, box: bytes, place: int, number: int) -> None:
    """Changes 32 bits of the first box of a kind."""
    data = bytearray(film.read_bytes())
    struct.pack_into(">I", data, data.index(box) + 4 + place, number)
    film.write_bytes(data)


def test_a_film_whose_tables_count_more_samples_than_it_has_bytes(film, capsys):
    with_field(film, b"stsz", 4, 1)
    with_field(film, b"stsz", 8, 0x0FFFFFFF)
    with_field(film, b"stsc", 12, 0x0FFFFFFF)
    assert "its tables count 268,435,4" in told(capsys, "info", film)


def test_a_film_of_too_many_tracks_is_not_called_a_lack_of_memory(film, capsys):
    data = film.read_bytes()
    start = data.index(b"moov") - 4
    more = data[start + 8 :] + struct.pack(">I4s", 8, b"trak") * 1000
    film.write_bytes(data[:start] + struct.pack(">I4s", 8 + len(more), b"moov") + more)
    assert "has 1,002 tracks" in told(capsys, "info", film)
    film.write_bytes(data)
    with_field(film, b"stts", 4, 0x7FFFFFFF)
    assert "out of memory" not in told(capsys, "info", film)


def test_the_size_of_a_copy_follows_the_packets_not_the_duration(tmp_path, capsys):
    make_film(tmp_path / "film.mkv", 10, 48, 64, codec="libx264", pix_fmt="yuv420p", sound="aac")
    data = bytearray((tmp_path / "film.mkv").read_bytes())
    struct.pack_into(">d", data, data.index(b"\x44\x89\x88") + 3, 1e15)  # milliseconds
    (tmp_path / "film.mkv").write_bytes(data)
    assert main(["info", str(tmp_path / "film.mkv")]) == 0
    assert "TB" not in capsys.readouterr().out
    (tmp_path / "note.txt").write_text("Meet me at eight.\n")
    assert main(["keygen", str(tmp_path / "k")]) == 0
    hide = ("hide", tmp_path / "film.mkv", tmp_path / "note.txt", "--key-file", tmp_path / "k")
    assert main([*map(str, hide), "-o", str(tmp_path / "out.mkv")]) == 0
    assert "TB" not in capsys.readouterr().err


def test_a_sound_of_more_channels_than_any_recorder_has(tmp_path, capsys):
    write_wav(tmp_path / "a.wav", noise(4, 2048))
    assert "has 2048 channels" in told(capsys, "info", tmp_path / "a.wav")
    write_wav(tmp_path / "a.wav", noise(4096, 64))
    assert main(["info", str(tmp_path / "a.wav")]) == 0


@pytest.mark.parametrize(
    "packet",
    [
        TERMS + b"c:provenance" + b" " * 2_000_000,
        TERMS * 50_000,
        TERMS + b"<c:provenance " * 100_000,
        TERMS + b"<c:provenance>" * 100_000,
        TERMS + b" c:provenance=" * 100_000,
        b"xmlns:" + b"c" * 2_000_000,
        b"".join(b"xmlns:c='%d' " % number for number in range(100_000)) + b"<c:provenance>" * 100_000,
    ],
    ids=["blanks", "namespaces", "open tags", "elements", "attributes", "prefix", "rebound"],
)
def test_claims_are_searched_once_in_what_repeats(packet, tmp_path):
    """Each of these takes hours if a pattern is tried from each place to the end."""
    write_wav(tmp_path / "a.wav", noise(4096, 2), 16, chunk(b"_PMX", packet))
    assert claims_of(tmp_path / "a.wav") == []


def test_a_jpeg_of_fill_bytes(tmp_path):
    Image.fromarray(picture(48, 64)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:2] + (b"\xff" * 1000 + b"\0") * 3000 + data[2:])
    assert main(["info", str(tmp_path / "a.jpg")]) == 0


def test_tags_that_repeat_a_name_of_a_digest(tmp_path):
    """The number of a CD in a database stays: it is no digest."""
    text = b"\3" + b"ctdb" * 200_000 + b"id\0001"
    frame = b"TXXX" + sized(len(text)) + bytes(2) + text
    tag = b"ID3\4\0\0" + sized(len(frame)) + frame
    write_wav(tmp_path / "a.wav", noise(4096, 2), 16, chunk(b"id3 ", tag))
    assert claims_of(tmp_path / "a.wav") == []


def sized(size: int) -> bytes:
    """Returns a number as ID3 writes it."""
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
