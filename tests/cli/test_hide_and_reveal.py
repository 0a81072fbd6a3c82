"""There and back: pictures, films, any file, and what has been altered on the way."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png


def test_a_picture_goes_there_and_back(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k") == (0, "wrote c.png: 97x61, SIZE\n", "")
    assert stegnet("reveal c.png -o s.png --key-file k") == (0, "wrote s.png: 40x50, SIZE\n", "")
    assert read_picture(Path("s.png")).shape == (50, 40, 3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_film_goes_there_and_back(stegnet, suffix):
    assert stegnet(f"hide cover.mkv secret.mkv -o c.{suffix} --key-file k") == (
        0,
        f"wrote c.{suffix}: 96x64, SIZE, 6 frames, 4 hidden\n",
        "note: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it\n",
    )
    assert stegnet(f"reveal c.{suffix} -o s.{suffix} --key-file k") == (
        0,
        f"wrote s.{suffix}: 96x64, SIZE, 4 frames\n",
        "",
    )
    assert len(scan(Path(f"s.{suffix}")).pts) == 4


def test_longer(stegnet, make_film, folder):
    make_film(folder / "big.mkv", 4, 128, 192)
    line = "hide big.mkv cover.mkv -o c.mkv --key-file k"
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: the secret has 6 frames, the cover only 4",
        "hint: `--longer cut` hides as many as there is room for",
    ]
    code, out, err = stegnet(f"{line} --longer cut")
    assert (code, out) == (0, "wrote c.mkv: 192x128, SIZE, 4 frames, 4 hidden\n")
    assert err.splitlines() == ["note: the secret was cut: 4 of its 6 frames are hidden"]
    assert stegnet("reveal c.mkv -o s.mkv --key-file k")[0] == 0
    assert scan(Path("s.mkv")).sound == ("aac",)


def test_no_sound(stegnet, make_film, folder):
    make_film(folder / "big.mkv", 6, 128, 192)
    code, _, err = stegnet("hide big.mkv cover.mkv -o c.mkv --key-file k --no-sound")
    assert (code, err) == (0, "note: the secret's sound is not hidden, as you wished\n")
    assert stegnet("reveal c.mkv -o s.mkv --key-file k")[0] == 0
    assert scan(Path("s.mkv")).sound == ()


@pytest.mark.parametrize("cover", ["cover.png", "cover.mkv"])
def test_any_file_goes_there_and_back(stegnet, folder, cover):
    (folder / "notes.txt").write_bytes(b"what was said " * 20)
    out = f"c{Path(cover).suffix}"
    code, told, err = stegnet(f"hide {cover} notes.txt -o {out} --key-file k --method sealed")
    assert code == 0
    assert told.startswith(f"wrote {out}: 9")
    assert err.startswith("note: hidden: notes.txt, 280 bytes")
    assert stegnet(f"reveal {out} -o back.anything --key-file k")[:2] == (0, "wrote back.anything: SIZE\n")
    assert Path("back.anything").read_bytes() == (folder / "notes.txt").read_bytes()


def test_a_file_that_does_not_fit_is_compressed(stegnet, folder, picture):
    Image.fromarray(picture(50, 60, 2)).save("secret.bmp")
    line = "hide cover.png secret.bmp -o c.png --key-file k --method sealed"
    assert stegnet(line)[0] == 1
    code, _, err = stegnet(f"{line} --compress")
    assert code == 0
    assert "was compressed" in err


def test_no_verify(stegnet, monkeypatch):
    def never(*arguments):
        raise AssertionError

    monkeypatch.setattr("stegnet.codec.place.check_picture", never)
    monkeypatch.setattr("stegnet.codec.film.check_film", never)
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k --no-verify")[0] == 0
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k --no-verify")[0] == 0


@pytest.mark.parametrize("method", ["network", "sealed"])
def test_what_does_not_read_back_is_an_error(stegnet, folder, monkeypatch, method):
    """Unless somebody wants it unread."""
    monkeypatch.setattr("stegnet.codec.place.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    line = f"hide cover.png secret.jpg -o c.png --key-file k --method {method}"
    Image.new("RGB", (9, 9)).save("secret.jpg")
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.startswith("error: c.png: does not read back as it was written\nhint: ")
    assert not (folder / "c.png").exists()
    assert stegnet(f"{line} --no-verify")[0] == 0


def test_an_altered_picture_is_told_by_the_exit_code(stegnet, folder):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    picture = read_picture(folder / "c.png")
    picture[60, 96] ^= 8
    write_png(folder / "c.png", picture)
    code, out, err = stegnet("reveal c.png -o s.png --key-file k")
    assert (code, out) == (3, "wrote s.png: 40x50, SIZE\n")
    assert err == "warning: the picture was altered since it was hidden, and is shown as it is\n"
    code, out, err = stegnet("reveal c.png -o strict.png --key-file k --strict")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: c.png: the picture was altered since it was hidden"
    assert not Path("strict.png").exists()


def test_a_film_that_lost_a_frame_is_told_by_the_exit_code(stegnet, folder):
    stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k")
    frames = list(read_frames(folder / "c.mkv"))
    with FilmWriter(folder / "cut.mkv", 96, 64, Fraction(25)) as film:
        for index, frame in enumerate(frames[1:]):
            film.write(frame, Fraction(index, 25))
    code, out, err = stegnet("reveal cut.mkv -o s.mkv --key-file k")
    assert (code, out, err) == (3, "wrote s.mkv: 96x64, SIZE, 3 frames\n", "warning: frame 0 was lost\n")
    code, _, err = stegnet("reveal cut.mkv -o strict.mkv --key-file k --strict")
    assert (code, err.splitlines()[0]) == (1, "error: the container is not as it was hidden: frame 0 was lost")


def test_force_overwrites(stegnet, folder):
    (folder / "c.png").write_text("old")
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k --force")[0] == 0
    difference = read_picture(folder / "c.png").astype(int) - read_picture(folder / "cover.png")
    assert np.abs(difference[56:]).max() <= 1


def test_other_weights(stegnet, weights, tmp_path):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    (tmp_path / "w2").write_bytes(data)
    code, out, err = stegnet("reveal c.png -o s.png --key-file k --weights w2")
    assert (code, out) == (1, "")
    assert err.startswith("error: hidden with the weights ")


def test_where_it_runs(stegnet):
    line = "hide cover.png secret.jpg -o c.png --key-file k --device cpu --precision fp32"
    assert stegnet(line)[0] == 0
    code, _, err = stegnet("reveal c.png -o s.png --key-file k --device cuda:99")
    assert code == 1
    assert err.startswith("error: cuda:99: this machine has no such device\nhint: ")
