"""A cover is opened once: each decoder and each parser gets it a single time, whatever is asked of it."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.formats.opened_file import OpenedFile
from stegnet.jpeg import markers, medium as jpeg_medium
from stegnet.png.file import PngFile
from stegnet.sound import cover as sound_cover
from tests.support.films import make_film, picture
from tests.support.sounds import noise, write_wav

PHONE = Path(__file__).parents[1] / "format/h264_vectors/cavlc.mp4"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each decoder and parser got the cover, and the folder to work in, which has a key and a note."""
    monkeypatch.chdir(tmp_path)
    Path("k").write_bytes(bytes(range(32)))
    Path("k").chmod(0o600)
    Path("note.txt").write_text("meet me at eight")
    count: Counter[str] = Counter()

    def counted(owner: Any, name: str, what: str, place: int = 0) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            source = args[place]
            file = getattr(source, "name", source)
            count[what] += Path(str(file)).name.startswith("cover.")
            return original(*args, **options)

        monkeypatch.setattr(owner, name, call)

    counted(OpenedFile, "__init__", "file", 1)
    counted(Image, "open", "Pillow")
    counted(av, "open", "FFmpeg")
    counted(markers, "parse_jpeg", "parser of JPEGs", 1)
    counted(PngFile, "__init__", "parser of PNGs", 1)
    counted(sound_cover, "read_sound_file", "parser of sounds")
    return count


def hide(cover: str) -> None:
    assert main(["hide", cover, "note.txt", "--key-file", "k", "-o", f"out{Path(cover).suffix}"]) == 0


@pytest.mark.parametrize("parser", [("cover.jpg", "parser of JPEGs"), ("cover.png", "parser of PNGs")])
def test_a_picture(opened, parser):
    cover, own = parser
    Image.fromarray(picture(96, 128, 1)).save(cover, quality=90)
    hide(cover)
    assert opened == {"file": 1, "Pillow": 1, own: 1}


def test_a_jpeg_that_is_written(opened, monkeypatch):
    """It is parsed once, too, whatever is asked of it before it gets its name."""
    names: list[str] = []
    parse = markers.parse_jpeg
    monkeypatch.setattr(markers, "parse_jpeg", lambda data, name: names.append(name) or parse(data, name))
    Image.fromarray(picture(96, 128, 1)).save("cover.jpg", quality=90)
    hide("cover.jpg")
    assert len(names) == 2, names


def test_a_picture_without_a_parser_of_ours(opened):
    Image.fromarray(picture(96, 128, 1)).save("cover.webp", lossless=True)
    assert main(["hide", "cover.webp", "note.txt", "--key-file", "k", "-o", "out.png"]) == 0
    assert opened["file"] == opened["Pillow"] == 1


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_sound(opened, suffix):
    write_wav(Path("cover.wav"), noise(100_000, 1, 16), 16)
    if suffix == ".flac":
        shutil.move("cover.wav", "a.wav")
        import soundfile

        soundfile.write("cover.flac", *soundfile.read("a.wav", dtype="int16"))
    hide(f"cover{suffix}")
    assert opened["file"] == opened["parser of sounds"] == 1


@pytest.mark.parametrize(("suffix", "passes"), [(".mkv", 8), (".mp4", 8)])
def test_a_film_is_passed_through_once_for_each_question(opened, suffix, passes):
    """Packets are not kept: what it shows, holds and gets is read each time, but what only a header says is not."""
    if suffix == ".mkv":
        make_film(Path("cover.mkv"), 6)
        opened.clear()
    else:
        Path("k").write_bytes(bytes(32))  # another key than that of what is hidden in it
        shutil.copy(PHONE, "cover.mp4")
    hide(f"cover{suffix}")
    assert opened["file"] == 1
    assert opened["FFmpeg"] <= passes


def test_what_may_not_change_in_a_jpeg_is_found_once(opened, monkeypatch):
    found = []
    original = jpeg_medium.fixed_samples
    monkeypatch.setattr(jpeg_medium, "fixed_samples", lambda jpeg: found.append(jpeg) or original(jpeg))
    Image.fromarray(picture(96, 128, 1)).save("cover.jpg", quality=90)
    hide("cover.jpg")
    assert len(found) == 1


def test_damaged_exif_of_a_jpeg_is_no_matter_of_its_user(opened, capsys):
    """Of which Pillow warns: a tag whose data would lie behind the end."""
    entry = (0x8825).to_bytes(2, "little") + b"\4\0\1\0\0\0" + (26).to_bytes(4, "little")
    position = (2).to_bytes(2, "little") + b"\5\0\3\0\0\x3c" + (9999).to_bytes(4, "little")
    tiff = b"II*\0\x08\0\0\0" + b"\1\0" + entry + bytes(4) + b"\1\0" + position + bytes(4)
    Image.fromarray(picture(96, 128, 1)).save("cover.jpg", quality=90, exif=b"Exif\0\0" + tiff)
    hide("cover.jpg")
    assert "warning" not in capsys.readouterr().err
