"""The method robust on the command line: JPEG out, JPEG in, with a modem that needs no weights."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from stegnet.media import read_picture
from stegnet.methods.robust.modem import Modem
from tests.support.modem import index_modem
from tests.support.quality import psnr

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
    code, out, err = run("hide photo.jpg secret.jpg -o c.jpg --survive jpeg:75")
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


def test_a_file_as_it_is(run):
    """The JPEG stays the cover's, with its profile and its EXIF."""
    for out in ("c.jpg", "c.png"):
        code, _, err = run(f"hide photo.jpg note.txt -o {out} --survive jpeg:80")
        assert code == 0
        hidden, *written, figures = err.splitlines()
        assert hidden == "note: hidden: note.txt, 15 bytes, byte for byte; survives JPEG 80 and better"
        assert written == ["note: cover: EXIF is left out"] * (out == "c.png")
        assert re.fullmatch(r"note: container (49|5\d)\.\d dB, [\d,]+ of 83,250 pixels changed: easy to find", figures)
        for container in (out, saved_again(out, 80)):
            assert run(f"reveal {container} -o n.txt --force")[0] == 0
            assert Path("n.txt").read_text() == NOTE
    with Image.open("c.jpg") as image:
        assert (image.format, image.info["icc_profile"], len(image.getexif())) == ("JPEG", PROFILE, 1)
    assert found_in("c.jpg", run) == ["file", "robust", "note.txt"]
    told = run("info c.jpg --key-file k")[1].splitlines()
    assert told[1:] == ["hidden: note.txt, 15 bytes", "altered: can't be told: it is made to survive that"]


REFUSED = {
    "photo.jpg big.bin -o c.jpg --survive jpeg:75": "big.bin: takes 5012 bytes, and there is room for",
    "photo.jpg note.txt -o c.jpg --survive jpeg:10": "survive: unknown channel 'jpeg:10'",
    "photo.jpg note.txt -o c.jpg --survive jpeg:75+resize:0.1": "survive: unknown channel 'jpeg:75+resize:0.1'",
    "photo.jpg note.txt -o c.jpg --survive jpeg:40": "these weights do not survive JPEG 40 and better",
    "cover.mkv note.txt -o c.jpg": "c.jpg: a film is written as .mkv or .mp4",
    "cover.mkv note.txt -o c.jpg --survive h264:23": "c.jpg: a film is written as .mp4 or .mkv",
    "cover.mkv note.txt -o c.mp4 --survive jpeg:75": "survive: 'jpeg:75' is no channel for films",
    "cover.mkv note.txt -o c.mp4 --survive h264:23": "note.txt: takes ",
    "photo.jpg note.txt -o c.jpg --survive h264:23": "survive: unknown channel 'h264:23'",
    "photo.jpg note.txt -o c.gif --survive jpeg:75": "c.gif: a picture that survives JPEG is written as",
    "tiny.png note.txt -o c.jpg --survive jpeg:75": "nothing that is hidden in this cover survives JPEG 75 and better",
    "photo.jpg none -o c.jpg --survive jpeg:75": "none: no such file",
    "photo.jpg note.txt -o photo.jpg --force --survive jpeg:75": "photo.jpg: is an input too",
}


def test_refused(run):
    Path("big.bin").write_bytes(bytes(5000))
    Image.new("RGB", (48, 40)).save("tiny.png")
    before = sorted(Path().iterdir())
    for line, error in REFUSED.items():
        code, out, err = run(f"hide {line}")
        assert (code, out, err[: len(error) + 7]) == (1, "", f"error: {error}")
        assert sorted(Path().iterdir()) == before


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
