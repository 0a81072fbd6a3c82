"""The method robust on the command line: JPEG out, JPEG in, with a modem that needs no weights."""

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms
from stegnet.methods.robust.modems import SHIPPED_MODEMS

from stegnet.cli import main
from stegnet.media import read_picture
from tests.support.films import encoded, still_film
from tests.support.modem import index_modem

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(autouse=True)
def inputs(monkeypatch, picture, folder):
    """A larger cover than that of the other tests, with a profile and EXIF, and a modem."""
    modems = SimpleNamespace(picture=index_modem(), film=SHIPPED_MODEMS.film)
    for module in ("hide", "reveal"):
        monkeypatch.setattr(f"stegnet.cli.{module}.chosen_modems", lambda options: modems)
    monkeypatch.setattr("stegnet.files.info.file_info.__defaults__", (None, lambda *step: None, modems))
    exif = Image.Exif()
    exif[0x010E] = "a description"
    Image.fromarray(picture(250, 333, 3)).save("photo.jpg", quality=92, icc_profile=PROFILE, exif=exif)
    Path("note.txt").write_text("meet me at noon")


@pytest.fixture
def run(capsys):
    """Runs a command with the key; returns exit code, stdout and stderr."""

    def call(line: str) -> tuple[int, str, str]:
        code = main([*line.split(), "--key-file", "k"])
        return code, *capsys.readouterr()

    return call


def saved_again(path: str, quality: int, out: str = "shared.jpg") -> str:
    with Image.open(path) as image:
        image.save(out, quality=quality)
    return out


def test_a_picture_comes_back_from_a_jpeg_that_was_saved_again(run):
    code, out, err = run("hide photo.jpg secret.jpg -o c.jpg")
    assert code == 0, err
    assert out.startswith("wrote c.jpg: 333x250, 0.0")
    assert ", secret " in out
    assert "survives JPEG 75 and better" in err.splitlines()[0]
    for quality in (75, 83, 95):
        shared = saved_again("c.jpg", quality)
        code, told, err = run(f"reveal {shared} -o s{quality}.png")
        assert (code, err) == (0, "")
        assert told == f"wrote s{quality}.png: 40x50, {Path(f's{quality}.png').stat().st_size} bytes\n"
    revealed = [read_picture(Path(f"s{quality}.png")) for quality in (75, 83, 95)]
    assert all(np.array_equal(revealed[0], other) for other in revealed[1:])
    promised = float(out.split("secret ")[1].split()[0])
    assert promised == pytest.approx(decibels(read_picture(Path("secret.jpg")), revealed[0]), abs=0.06)


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.square(one.astype(float) - other).mean())


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


@pytest.mark.parametrize("out", ["c.jpg", "c.png", "c.JPEG"])
def test_a_file_as_it_is(run, out):
    code, _, err = run(f"hide photo.jpg note.txt -o {out} --survive jpeg:80")
    assert code == 0
    hidden, *written, figures = err.splitlines()
    assert hidden == "note: hidden: note.txt, 15 bytes, byte for byte; survives JPEG 80 and better"
    saved = ["note: written as JPEG of quality 95, 4:2:0, with the cover's colour profile"] * (out != "c.png")
    assert written == ["note: cover: EXIF is left out", *saved]
    assert re.fullmatch(r"note: container 5\d.\d dB: easy to find", figures)
    for container in (out, saved_again(out, 80)):
        assert run(f"reveal {container} -o n.txt --force")[0] == 0
        assert Path("n.txt").read_text() == "meet me at noon"


def test_an_unknown_reduction(run):
    code, _, err = run("hide photo.jpg note.txt -o c.jpg --survive jpeg:75+resize:0.1")
    assert code == 1
    assert "+resize:0.25 to +resize:1" in err


def test_information(run):
    assert run("hide photo.jpg note.txt -o c.jpg")[0] == 0
    code, out, _ = run("info c.jpg --json")
    found = json.loads(out)
    assert code == 0
    assert [found[name] for name in ("hidden", "method", "hidden_name", "hidden_bytes")] == [
        "file", "robust", "note.txt", 15,
    ]  # fmt: skip
    run("hide photo.jpg secret.jpg -o d.jpg")
    found = json.loads(run("info d.jpg --json")[1])
    assert [found[name] for name in ("hidden", "method", "hidden_width", "hidden_height")] == [
        "picture", "robust", 40, 50,
    ]  # fmt: skip


def test_messengers(run, picture):
    Image.fromarray(picture(120, 2000, 3)).save("wide.png")
    code, out, err = run("hide wide.png note.txt -o c.jpg --survive messenger")
    assert code == 0, err
    assert out.startswith("wrote c.jpg: 1600x96")
    assert "note: the cover was reduced from 2000×120 pixels, as messengers do" in err.splitlines()
    once = saved_again("c.jpg", 78)
    assert run(f"reveal {saved_again(once, 71, 'twice.jpg')} -o n.txt")[0] == 0


def test_what_messengers_reduce(run, picture):
    Image.fromarray(picture(120, 2000, 3)).save("wide.png")
    code, out, err = run("hide wide.png note.txt -o c --survive jpeg:80 --longer cut --compress --json")
    assert code == 0, err
    assert (json.loads(out)["output"], json.loads(out)["method"]) == ("c.jpg", "robust")
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
    assert [path.read_text() for path in sorted(Path("back").iterdir())] == ["meet me at noon"] * 2
    assert [path.name for path in sorted(Path("back").iterdir())] == ["1.txt", "2.txt"]


@pytest.mark.slow
def test_films(run):
    still_film(Path("still.mkv"), 50, title="Old title")
    code, out, err = run("hide still.mkv note.txt -o film.mp4 --survive h264:23")
    assert code == 0, err
    assert err.splitlines()[-1] == "note: cover: its tags title are left out"
    assert out.startswith("wrote film.mp4: 160x128")
    assert "; survives H.264 at CRF 23 and better (x264, fast to veryslow)\n" in err
    assert ": easy to find\n" in err
    encoded(Path("film.mp4"), Path("again.mp4"), "-crf", "23")
    code, _, err = run("reveal again.mp4 -o n.txt")
    assert (code, err) == (0, "note: hidden: note.txt, 15 bytes\n")
    assert Path("n.txt").read_text() == "meet me at noon"
    found = json.loads(run("info again.mp4 --json")[1])
    assert [found[name] for name in ("hidden", "method", "hidden_name")] == ["file", "robust", "note.txt"]
    Path("k").write_bytes(bytes(32))
    code, _, err = run("reveal again.mp4 -o n2.txt")
    assert (code, err.splitlines()[0]) == (1, "error: nothing can be revealed: nothing here opens with this key")


@pytest.mark.slow
def test_folders_of_films(run):
    Path("covers").mkdir()
    still_film(Path("covers/a.mkv"), 50)
    assert run("hide covers note.txt -o out --survive h264:23")[0] == 0
    assert [path.name for path in Path("out").iterdir()] == ["a.mp4"]
    assert run("reveal out -o back")[0] == 0
    assert Path("back/a.txt").read_text() == "meet me at noon"


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


REFUSED = [
    ("hide photo.jpg big.bin -o c.jpg", "error: big.bin: takes 5012 bytes, and there is room for"),
    ("hide photo.jpg note.txt -o c.jpg --survive jpeg:10", "error: survive: unknown channel 'jpeg:10'"),
    ("hide photo.jpg note.txt -o c.jpg --survive jpeg:40", "error: these weights do not survive JPEG 40 and better"),
    ("hide cover.mkv note.txt -o c.jpg", "error: c.jpg: a film is written as .mp4 or .mkv"),
    ("hide cover.mkv note.txt -o c.mp4 --survive jpeg:75", "error: survive: 'jpeg:75' is no channel for films"),
    ("hide cover.mkv note.txt -o c.mp4 --survive h264:23", "error: note.txt: takes "),
    ("hide photo.jpg note.txt -o c.jpg --survive h264:23", "error: survive: unknown channel 'h264:23'"),
    ("hide photo.jpg note.txt -o c.gif --survive jpeg:75", "error: c.gif: a picture that survives JPEG is written as"),
    ("hide tiny.png note.txt -o c.jpg", "error: nothing that is hidden in this cover survives JPEG 75 and better"),
    ("hide photo.jpg none -o c.jpg", "error: none: no such file"),
    ("hide photo.jpg note.txt -o photo.jpg --force", "error: photo.jpg: is an input too"),
]


@pytest.mark.parametrize(("line", "error"), REFUSED)
def test_refused(run, line, error):
    Path("big.bin").write_bytes(bytes(5000))
    Image.new("RGB", (48, 40)).save("tiny.png")
    code, out, err = run(line)
    assert (code, out) == (1, "")
    assert err.startswith(error)
    assert not list(Path().glob("c.*[gG]")) and not list(Path().glob("*.part"))


@pytest.mark.parametrize(
    "line",
    [
        "hide photo.jpg note.txt -o c.png --survive jpeg:75 --method sealed",
        "hide photo.jpg note.txt -o c.png --container-psnr 32 --method network",
        "hide photo.jpg note.txt -o c.jpg --no-sound",
    ],
)
def test_options_of_other_methods(run, line):
    with pytest.raises(SystemExit, match="2"):
        run(line)
