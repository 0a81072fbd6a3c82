"""Round trips of pictures, films and other files, and containers altered in between."""

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from tests.odd.make import ffmpeg
from tests.support.tampering import altered, unreadable


def test_a_picture_round_trip(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k") == (0, "wrote c.png: 97x61, SIZE\n", "")
    assert stegnet("reveal c.png -o s.png --key-file k") == (0, "wrote s.png: 40x50, SIZE\n", "")
    assert read_picture(Path("s.png")).shape == (50, 40, 3)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_film_round_trip(stegnet, suffix):
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


def test_a_secret_of_too_low_quality(folder, monkeypatch, capsys):
    """With the shipped network: a checkerboard is lost, a smooth picture is not."""
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 22.0)
    monkeypatch.setattr("stegnet.methods.network.quality.POOR", 30.0)
    board = (np.indices((64, 96)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save("board.png")
    ramp = Image.linear_gradient("L")
    Image.merge("RGB", (ramp, ramp.rotate(90), ramp)).save("smooth.png")
    assert main(["hide", "smooth.png", "board.png", "-o", "c.png", "--key-file", "k", "--method", "network"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"error: the secret would be revealed at \d+\.\d dB PSNR, too poor to be of use: the network can't carry .*\n"
        r"hint: .*`--method sealed`; `--force` hides it all the same\n",
        err,
    )
    assert not Path("c.png").exists()
    assert (
        main(["hide", "smooth.png", "board.png", "-o", "c.png", "--key-file", "k", "--force", "--method", "network"])
        == 0
    )
    out, err = capsys.readouterr()
    assert re.fullmatch(r"wrote c\.png: 256x256, \S+ MB, \d+ times the cover, secret \d+\.\d dB\n", out)
    assert "warning: the secret is revealed at only" in err
    assert main(["hide", "smooth.png", "smooth.png", "-o", "d.png", "--key-file", "k", "--method", "network"]) == 0
    out, err = capsys.readouterr()
    assert float(re.search(r"secret (\d+\.\d) dB", out)[1]) > 35
    assert "secret" not in err


def test_longer(stegnet, make_film, folder):
    make_film(folder / "big.mkv", 4, 128, 192)
    line = "hide big.mkv cover.mkv -o c.mkv --key-file k"
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: the secret has 6 frames, the cover only 4",
        "hint: take a longer cover, or hide as many as there is room for (`--longer cut`)",
    ]
    code, out, err = stegnet(f"{line} --longer cut")
    assert (code, out) == (0, "wrote c.mkv: 192x128, SIZE, 4 frames, 4 hidden\n")
    assert err.splitlines() == ["note: the secret was cut: 4 of its 6 frames are hidden"]
    assert stegnet("reveal c.mkv -o s.mkv --key-file k")[0] == 0
    assert scan(Path("s.mkv")).sound == ("aac",)


def starts(film: str) -> tuple[Fraction, Fraction]:
    """Start times of a film's pictures and sound, in seconds."""
    with av.open(film) as opened:
        tracks = opened.streams.video[0], opened.streams.audio[0]
        first = {}
        for packet in opened.demux(tracks):
            if packet.pts is not None:
                time = packet.pts * packet.time_base
                first[packet.stream] = min(time, first.get(packet.stream, time))
    return first[tracks[0]], first[tracks[1]]


@pytest.mark.parametrize(("source", "form"), [("a.ts", "mkv"), ("a.ts", "mp4"), ("a.mpg", "mkv")])
def test_a_film_cut_out_of_a_stream_starts_at_zero(stegnet, make_film, folder, source, form):
    """As cover and as secret; sound and pictures stay in sync."""
    make_film(folder / "plain.mkv", 6, 192, 256, sound="mp2")
    ffmpeg(f"-itsoffset 0.2 -i plain.mkv -i plain.mkv -map 0:v -map 1:a -c:v mpeg2video -c:a copy {source}")
    pictures, sound = starts(source)
    assert min(pictures, sound) > 0.4
    assert pictures - sound > 0.1 or source == "a.mpg"  # FFmpeg starts both at the same time
    assert stegnet(f"hide {source} {source} -o c.{form} --key-file k")[0] == 0
    assert stegnet(f"reveal c.{form} -o s.{form} --key-file k --lossless")[0] == 0
    for film in (f"c.{form}", f"s.{form}"):
        assert starts(film)[1] == pytest.approx(0, abs=0.001)
        assert starts(film)[0] == pytest.approx(pictures - sound, abs=0.0015)  # Matroska rounds to milliseconds


def test_no_sound(stegnet, make_film, folder):
    make_film(folder / "big.mkv", 6, 128, 192)
    code, _, err = stegnet("hide big.mkv cover.mkv -o c.mkv --key-file k --no-sound")
    assert (code, err) == (0, "note: the secret's sound is left out\n")
    assert stegnet("reveal c.mkv -o s.mkv --key-file k")[0] == 0
    assert scan(Path("s.mkv")).sound == ()


@pytest.mark.parametrize("cover", ["cover.png", "cover.mkv"])
def test_a_file_round_trip(stegnet, folder, cover):
    (folder / "notes.txt").write_bytes(b"what was said " * 20)
    out = f"c{Path(cover).suffix}"
    code, told, err = stegnet(f"hide {cover} notes.txt -o {out} --key-file k --method sealed")
    assert code == 0
    assert told.startswith(f"wrote {out}: 9")
    assert err.startswith("note: hidden: notes.txt, 280 bytes")
    assert stegnet(f"reveal {out} -o back.anything --key-file k")[:2] == (0, "wrote back.anything: SIZE\n")
    assert Path("back.anything").read_bytes() == (folder / "notes.txt").read_bytes()


@pytest.mark.parametrize(("out", "noted"), [("b.txt", False), ("b.TXT", False), ("b.png", True), ("b", True)])
def test_a_revealed_file_with_another_suffix(stegnet, folder, out, noted):
    """The user may choose any name; a note says that it does not match the file type."""
    (folder / "notes.txt").write_text("what was said")
    stegnet("hide cover.png notes.txt -o c.png --key-file k --method sealed")
    code, told, err = stegnet(f"reveal c.png -o {out} --key-file k")
    assert (code, told) == (0, f"wrote {out}: SIZE\n")
    assert ("note: its own name ends in .txt: programs may want it named b.txt" in err.splitlines()) == noted


@pytest.mark.parametrize(("out", "form"), [("b.mp4", "mov"), ("b.mkv", "matroska")])
def test_a_film_that_is_revealed_as_mp4_becomes_one(stegnet, folder, make_film, out, form):
    """As a compressed film does, which is HEVC in Matroska, whatever the secret was."""
    make_film(folder / "small.mkv", 4, codec="libx264", pix_fmt="yuv420p", sound="aac")
    Image.merge("RGB", [Image.effect_noise((300, 300), 60) for _ in "RGB"]).save("large.png")
    assert stegnet("hide large.png small.mkv -o c.png --key-file k --method sealed")[0] == 0
    code, told, err = stegnet(f"reveal c.png -o {out} --key-file k")
    assert (code, told) == (0, f"wrote {out}: SIZE\n")
    with av.open(out) as film:
        assert film.format.name.split(",")[0] == form
    assert ("note: put into MP4; as b.mkv it is revealed byte for byte" in err.splitlines()) == (out == "b.mp4")


def test_an_unsafe_suffix_is_not_printed(stegnet, folder):
    (folder / "a.\u202e").write_text("what was said")
    stegnet("hide cover.png a.\u202e -o c.png --key-file k --method sealed")
    assert len(stegnet("reveal c.png -o b --key-file k")[2].splitlines()) == 1


def test_omitted_streams_of_a_secret_film_are_noted(stegnet, folder):
    (folder / "a.srt").write_text("1\n00:00:00,000 --> 00:00:00,100\nHello\n\n")
    ffmpeg("-i secret.mkv -i a.srt -map 0 -map 1 -c copy -c:s srt a.mkv")
    code, _, err = stegnet("hide cover.mkv a.mkv -o c.mkv --key-file k")
    note = "note: the secret's subtitles are not hidden: `--method sealed` hides a file whole"
    assert (code, err.splitlines()[1:]) == (0, [note])


def test_a_file_that_does_not_fit_can_be_compressed(stegnet, folder, picture):
    Image.fromarray(picture(50, 60, 2)).save("secret.bmp")
    line = "hide cover.png secret.bmp -o c.png --key-file k --method sealed"
    assert stegnet(line)[0] == 1
    code, _, err = stegnet(f"{line} --compress")
    assert code == 0
    assert "was compressed" in err


def test_no_verify(stegnet, monkeypatch):
    def never(*arguments):
        raise AssertionError

    monkeypatch.setattr("stegnet.results.output.check_picture", never)
    monkeypatch.setattr("stegnet.results.output.check_film", never)
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file k --no-verify")[0] == 0
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k --no-verify")[0] == 0


@pytest.mark.parametrize("method", ["network", "sealed"])
def test_failed_verification_is_an_error(stegnet, folder, monkeypatch, method):
    """Unless verification is disabled."""
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    line = f"hide cover.png secret.jpg -o c.png --key-file k --method {method}"
    Image.new("RGB", (9, 9)).save("secret.jpg")
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.startswith("error: c.png: does not read back as it was written\nhint: ")
    assert not (folder / "c.png").exists()
    assert stegnet(f"{line} --no-verify")[0] == 0


def test_tampering_with_a_picture_sets_the_exit_code(stegnet, folder):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    write_png(folder / "c.png", altered(read_picture(folder / "c.png")))
    code, out, err = stegnet("reveal c.png -o s.png --key-file k")
    assert (code, out) == (3, "wrote s.png: 40x50, SIZE\n")
    assert err == "warning: the picture was altered since it was hidden, and is shown as it is\n"
    code, out, err = stegnet("reveal c.png -o strict.png --key-file k --strict")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: c.png: the picture was altered since it was hidden"
    assert not Path("strict.png").exists()


def test_a_lost_frame_sets_the_exit_code(stegnet, folder):
    stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k")
    frames = list(read_frames(folder / "c.mkv"))
    with FilmWriter(folder / "cut.mkv", 96, 64, Fraction(25)) as film:
        for index, frame in enumerate(frames[1:]):
            film.write(frame, Fraction(index, 25))
    code, out, err = stegnet("reveal cut.mkv -o s.mkv --key-file k")
    assert (code, out, err) == (3, "wrote s.mkv: 96x64, SIZE, 3 frames\n", "warning: frame 0 was lost\n")
    code, _, err = stegnet("reveal cut.mkv -o strict.mkv --key-file k --strict")
    assert (code, err.splitlines()[0]) == (1, "error: the container is not as it was hidden: frame 0 was lost")


def test_a_file_comes_back_without_a_third_of_its_frames(stegnet, folder):
    """Two of six: one lost, one altered beyond reading; without a third one, it does not."""
    (folder / "notes.txt").write_bytes(b"what was said " * 20)
    code, _, err = stegnet("hide cover.mkv notes.txt -o c.mkv --key-file k --method sealed")
    assert code == 0
    note = "comes back whole if up to 2 of its 6 frames are lost or altered"
    assert err.splitlines()[1] == f"note: {note}"
    frames = list(read_frames(folder / "c.mkv"))
    frames[1] = unreadable(frames[1])
    for name, kept in (("cut.mkv", frames[:4] + frames[5:]), ("less.mkv", frames[:4])):
        with FilmWriter(folder / name, 96, 64, Fraction(25)) as film:
            for index, frame in enumerate(kept):
                film.write(frame, Fraction(index, 25))
    code, out, err = stegnet("reveal cut.mkv -o back.txt --key-file k")
    assert (code, out) == (3, "wrote back.txt: SIZE\n")
    assert err.splitlines()[1:] == ["warning: frame 1 was altered beyond reading", "warning: frame 4 was lost"]
    assert Path("back.txt").read_bytes() == (folder / "notes.txt").read_bytes()
    code, out, err = stegnet("reveal less.mkv -o none.txt --key-file k")
    assert (code, out, Path("none.txt").exists()) == (1, "", False)
    assert err.startswith("error: less.mkv: the file needs 4 of its 6 frames, and 3 can be read; ")
    code, out, _ = stegnet("info cut.mkv --key-file k")
    assert (code, out.splitlines()[2]) == (3, f"comes back: {note.removeprefix('comes back ')}")
    code, out, _ = stegnet("hide cover.mkv notes.txt -o d.mkv --key-file k --method sealed --json")
    assert json.loads(out)["frames_that_may_be_lost"] == 2


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


def test_device_and_precision(stegnet):
    line = "hide cover.png secret.jpg -o c.png --key-file k --device cpu --precision fp32"
    assert stegnet(line)[0] == 0
    code, _, err = stegnet("reveal c.png -o s.png --key-file k --device cuda:99")
    assert code == 1
    assert err.startswith("error: cuda:99: this machine has no such device\nhint: ")
