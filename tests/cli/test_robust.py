"""The method robust on the command line: JPEG out, JPEG in, with a modem that needs no weights."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from stegnet.core.measures import psnr
from stegnet.media import read_picture
from stegnet.methods.robust.modem import Modem
from tests.support.films import encoded, still_film
from tests.support.modem import index_modem

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NOTE = "meet me at noon"


@pytest.fixture(autouse=True)
def inputs(monkeypatch, picture, folder):
    """A larger cover than that of the other tests, with a profile and EXIF, and a modem."""
    monkeypatch.setattr(Modem, "load", lambda *settings: index_modem())
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.fromarray(picture(250, 333, 3)).save("photo.jpg", quality=92, icc_profile=PROFILE, exif=exif)
    Path("note.txt").write_text(NOTE)


def saved_again(path: str, quality: int, out: str = "shared.jpg") -> str:
    with Image.open(path) as image:
        image.save(out, quality=quality)
    return out


def found_in(path: str, run) -> list:
    found = json.loads(run(f"info {path} --json --key-file k")[1])
    return [found[name] for name in ("hidden", "method", "hidden_name", "hidden_width") if name in found]


def test_a_picture_comes_back_from_a_jpeg_that_was_saved_again(run):
    code, out, err = run("hide photo.jpg secret.jpg -o c.jpg")
    assert code == 0, err
    assert out.startswith("wrote c.jpg: 333x250, 0.0")
    assert "survives JPEG 75 and better" in err.splitlines()[0]
    for quality in (75, 83, 95):
        code, told, err = run(f"reveal {saved_again('c.jpg', quality)} -o s{quality}.png")
        assert (code, err) == (0, "")
        assert told == f"wrote s{quality}.png: 40x50, {Path(f's{quality}.png').stat().st_size} bytes\n"
    revealed = [read_picture(Path(f"s{quality}.png")) for quality in (75, 83, 95)]
    assert all(np.array_equal(revealed[0], other) for other in revealed[1:])
    promised = float(out.split("secret ")[1].split()[0])
    assert promised == pytest.approx(psnr(read_picture(Path("secret.jpg")), revealed[0]), abs=0.06)
    assert found_in("c.jpg", run) == ["picture", "robust", 40]


def test_the_file_is_an_ordinary_jpeg(run):
    assert run("hide photo.jpg note.txt -o c.jpg")[0] == 0
    expected = io.BytesIO()
    with Image.open("c.jpg") as image, Image.open("photo.jpg") as cover:
        Image.new("RGB", image.size).save(expected, "JPEG", quality=95, subsampling="4:2:0")
        assert (image.format, image.size) == ("JPEG", cover.size)
        assert image.info["icc_profile"] == PROFILE
        assert not image.getexif()
        with Image.open(expected) as plain:
            assert image.quantization == plain.quantization
            assert image.layer == plain.layer


def test_a_file_as_it_is(run):
    for out in ("c.jpg", "c.png", "c.JPEG"):
        code, _, err = run(f"hide photo.jpg note.txt -o {out} --survive jpeg:80")
        assert code == 0
        hidden, *written, figures = err.splitlines()
        assert hidden == "note: hidden: note.txt, 15 bytes, byte for byte; survives JPEG 80 and better"
        saved = ["note: written as JPEG of quality 95, 4:2:0, with the cover's colour profile"] * (out != "c.png")
        assert written == ["note: cover: EXIF is left out", *saved]
        assert re.fullmatch(r"note: container 5\d.\d dB: easy to find", figures)
        for container in (out, saved_again(out, 80)):
            assert run(f"reveal {container} -o n.txt --force")[0] == 0
            assert Path("n.txt").read_text() == NOTE
    assert found_in("c.jpg", run) == ["file", "robust", "note.txt"]
    told = run("info c.jpg --key-file k")[1].splitlines()
    assert told[1:] == ["hidden: note.txt, 15 bytes", "altered: can't be told: it is made to survive that"]


def test_messengers(run, picture):
    Image.fromarray(picture(120, 2000, 3)).save("wide.png")
    code, out, err = run("hide wide.png note.txt -o c.jpg --survive messenger")
    assert code == 0, err
    assert out.startswith("wrote c.jpg: 1600x96")
    assert "note: the cover was reduced from 2000×120 pixels, as messengers do" in err.splitlines()
    once = saved_again("c.jpg", 78)
    assert run(f"reveal {saved_again(once, 71, 'twice.jpg')} -o n.txt")[0] == 0
    code, out, err = run("hide wide.png note.txt -o d --survive jpeg:80 --json")
    assert code == 0, err
    assert (json.loads(out)["output"], json.loads(out)["method"]) == ("d.jpg", "robust")
    (note,) = (line for line in json.loads(out)["notes"] if line.startswith("messengers"))
    assert note.startswith("messengers reduce pictures to 1600 pixels, which this does not survive: ")


def test_folders(run, picture):
    Path("covers").mkdir()
    for seed in (1, 2):
        Image.fromarray(picture(200, 240, seed)).save(f"covers/{seed}.png")
    code, _, err = run("hide covers note.txt -o out --survive jpeg:75")
    assert code == 0, err
    assert sorted(path.name for path in Path("out").iterdir()) == ["1.jpg", "2.jpg"]
    code, _, err = run("reveal out -o back")
    assert code == 0, err
    assert {path.name: path.read_text() for path in Path("back").iterdir()} == {"1.txt": NOTE, "2.txt": NOTE}


def test_films(run):
    """Of a folder, so that it is one, and the file names none."""
    Path("covers").mkdir()
    still_film(Path("covers/film.mkv"), 50, title="Old title")
    code, out, err = run("hide covers note.txt -o out --survive h264:23")
    assert code == 0, err
    assert "note: out/film.mp4: cover: its tags title are left out" in err.splitlines()
    assert out.startswith("wrote out/film.mp4: 160x128")
    assert "; survives H.264 at CRF 23 and better (x264, fast to veryslow)\n" in err
    assert ": easy to find\n" in err
    encoded(Path("out/film.mp4"), Path("again.mp4"), "-crf", "23")
    assert run("reveal again.mp4 -o n.txt")[::2] == (0, "note: hidden: note.txt, 15 bytes\n")
    assert Path("n.txt").read_text() == NOTE
    assert found_in("again.mp4", run) == ["file", "robust", "note.txt"]
    Path("k").write_bytes(bytes(32))
    code, _, err = run("reveal again.mp4 -o n2.txt")
    assert (code, err.splitlines()[0]) == (1, "error: nothing can be revealed: nothing here opens with this key")


def test_the_wrong_key_and_nothing_hidden_get_one_answer(run):
    assert run("hide photo.jpg note.txt -o c.jpg")[0] == 0
    expected = (
        "error: nothing can be revealed: nothing here opens with this key\n"
        "hint: the key is another one, or a JPEG keeps nothing of what was hidden; `hide --survive` hides what stays\n"
    )
    assert run("reveal photo.jpg -o n.txt") == (1, "", expected)
    Path("k").write_bytes(bytes(32))
    assert run("reveal c.jpg -o n.txt") == (1, "", expected)
    assert not Path("n.txt").exists()


REFUSED = {
    "photo.jpg big.bin -o c.jpg": "big.bin: takes 5012 bytes, and there is room for",
    "photo.jpg note.txt -o c.jpg --survive jpeg:10": "survive: unknown channel 'jpeg:10'",
    "photo.jpg note.txt -o c.jpg --survive jpeg:75+resize:0.1": "survive: unknown channel 'jpeg:75+resize:0.1'",
    "photo.jpg note.txt -o c.jpg --survive jpeg:40": "these weights do not survive JPEG 40 and better",
    "cover.mkv note.txt -o c.jpg": "c.jpg: a film is written as .mp4 or .mkv",
    "cover.mkv note.txt -o c.mp4 --survive jpeg:75": "survive: 'jpeg:75' is no channel for films",
    "cover.mkv note.txt -o c.mp4 --survive h264:23": "note.txt: takes ",
    "photo.jpg note.txt -o c.jpg --survive h264:23": "survive: unknown channel 'h264:23'",
    "photo.jpg note.txt -o c.gif --survive jpeg:75": "c.gif: a picture that survives JPEG is written as",
    "tiny.png note.txt -o c.jpg": "nothing that is hidden in this cover survives JPEG 75 and better",
    "photo.jpg none -o c.jpg": "none: no such file",
    "photo.jpg note.txt -o photo.jpg --force": "photo.jpg: is an input too",
}


def test_refused(run):
    Path("big.bin").write_bytes(bytes(5000))
    Image.new("RGB", (48, 40)).save("tiny.png")
    before = sorted(Path().iterdir())
    for line, error in REFUSED.items():
        code, out, err = run(f"hide {line}")
        assert (code, out, err[: len(error) + 7]) == (1, "", f"error: {error}")
        assert sorted(Path().iterdir()) == before


def test_options_of_other_methods(run, capsys):
    for line, error in {
        "--survive jpeg:75 --method sealed": "--survive requires --method robust",
        "--container-psnr 32 --method network": "--container-psnr requires --method robust",
        "--survive jpeg:75 --no-sound": "--no-sound requires --method network",
        "--survive jpeg:75 --compress": "--compress requires --method sealed",
    }.items():
        with pytest.raises(SystemExit, match="2"):
            run(f"hide photo.jpg note.txt -o c.png {line}")
        assert capsys.readouterr().err.startswith(f"error: {error}\nhint: ")
