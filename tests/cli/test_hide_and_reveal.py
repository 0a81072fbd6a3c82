"""Round trips of pictures, films and other files, and containers altered in between."""

import json
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from tests.odd.make import ffmpeg
from tests.support.tampering import altered, unreadable


def test_a_picture_round_trip(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png") == (0, "wrote c.png: 97x61, SIZE\n", "")
    assert stegnet("reveal c.png -o s.png") == (0, "wrote s.png: 40x50, SIZE\n", "")
    assert read_picture(Path("s.png")).shape == (50, 40, 3)


def test_a_film_round_trip(stegnet):
    for suffix in ("mkv", "mp4"):
        assert stegnet(f"hide cover.mkv secret.mkv -o c.{suffix}") == (
            0,
            f"wrote c.{suffix}: 96x64, SIZE, 6 frames, 4 hidden\n",
            "note: the hidden film ends at 0.16 s: 4 of the cover's 6 frames hold it\n",
        )
        told = f"wrote s.{suffix}: 96x64, SIZE, 4 frames\n"
        assert stegnet(f"reveal c.{suffix} -o s.{suffix}") == (0, told, "")
        assert len(scan(Path(f"s.{suffix}")).pts) == 4


def test_a_secret_of_too_low_quality(run, monkeypatch):
    """With the shipped network: a checkerboard is lost, a smooth picture is not. To overwrite is not to accept it."""
    monkeypatch.setattr("stegnet.methods.network.quality.LEAST", 22.0)
    monkeypatch.setattr("stegnet.methods.network.quality.POOR", 30.0)
    Image.fromarray((np.indices((64, 96)).sum(0) % 2 * 255).astype(np.uint8)).save("board.png")
    ramp = Image.linear_gradient("L")
    Image.merge("RGB", (ramp, ramp.rotate(90), ramp)).save("smooth.png")
    line = "hide smooth.png board.png -o c.png --method network"
    for more in ("", " --force"):
        code, out, err = run(line + more)
        assert (code, out, Path("c.png").exists()) == (1, "", False)
        assert re.fullmatch(
            r"error: the secret would be revealed at \d+\.\d dB PSNR, too poor to be of use: the network can't .*\n"
            r"hint: .*`--method sealed`; `--any-quality` hides it all the same\n",
            err,
        )
    code, out, err = run(f"{line} --any-quality")
    assert re.fullmatch(r"wrote c\.png: 256x256, \S+ MB, \d+ times the cover, secret \d+\.\d dB\n", out)
    assert (code, "warning: the secret is revealed at only" in err) == (0, True)
    assert run(f"{line} --any-quality")[2].startswith("error: c.png: exists already")
    code, out, err = run("hide smooth.png smooth.png -o d.png --method network")
    assert (code, float(re.search(r"secret (\d+\.\d) dB", out)[1]) > 35, "secret" in err) == (0, True, False)


def test_longer(stegnet, make_film):
    make_film(Path("big.mkv"), 4, 128, 192)
    line = "hide big.mkv cover.mkv -o c.mkv"
    told = "error: the secret has 6 frames, the cover only 4\n"
    hint = "hint: take a longer cover, or hide as many as there is room for (`--longer cut`)\n"
    assert stegnet(line) == (1, "", told + hint)
    code, out, err = stegnet(f"{line} --longer cut")
    assert (code, out) == (0, "wrote c.mkv: 192x128, SIZE, 4 frames, 4 hidden\n")
    assert err == "note: the secret was cut: 4 of its 6 frames are hidden\n"
    assert stegnet("reveal c.mkv -o s.mkv")[0] == 0
    assert scan(Path("s.mkv")).sound == ("aac",)
    told = "note: the secret was cut: 4 of its 6 frames are hidden\nnote: the secret's sound is left out\n"
    assert stegnet(f"{line} --longer cut --no-sound --force")[2] == told
    assert stegnet("reveal c.mkv -o s.mkv --force")[0] == 0
    assert scan(Path("s.mkv")).sound == ()


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


def test_a_film_cut_out_of_a_stream_starts_at_zero(stegnet, make_film):
    """As cover and as secret; sound and pictures stay in sync."""
    make_film(Path("plain.mkv"), 6, 192, 256, sound="mp2")
    for source, form in (("a.ts", "mkv"), ("a.ts", "mp4"), ("a.mpg", "mkv")):
        ffmpeg(f"-itsoffset 0.2 -i plain.mkv -i plain.mkv -map 0:v -map 1:a -c:v mpeg2video -c:a copy {source}")
        pictures, sound = starts(source)
        assert min(pictures, sound) > 0.4
        assert pictures - sound > 0.1 or source == "a.mpg"  # FFmpeg starts both at the same time
        assert stegnet(f"hide {source} {source} -o c.{form} --force")[0] == 0
        assert stegnet(f"reveal c.{form} -o s.{form} --lossless --force")[0] == 0
        for film in (f"c.{form}", f"s.{form}"):
            assert starts(film)[1] == pytest.approx(0, abs=0.001)
            assert starts(film)[0] == pytest.approx(pictures - sound, abs=0.0015)  # Matroska rounds to milliseconds


def test_a_file_round_trip(stegnet):
    """Under any name; a note says if it does not match the file's type."""
    for suffix in ("png", "mkv"):
        code, told, err = stegnet(f"hide cover.{suffix} notes.txt -o c.{suffix} --method sealed")
        assert (code, told.startswith(f"wrote c.{suffix}: 9")) == (0, True)
        assert err.startswith("note: hidden: notes.txt, 280 bytes")
        for out, noted in (("b.txt", False), ("b.TXT", False), ("b.png", True), ("b", True)):
            code, told, err = stegnet(f"reveal c.{suffix} -o {out} --force")
            assert (code, told) == (0, f"wrote {out}: SIZE\n")
            assert ("note: its own name ends in .txt: programs may want it named b.txt" in err.splitlines()) == noted
            assert Path(out).read_bytes() == Path("notes.txt").read_bytes()
    Path("a.\u202e").write_text("what was said")
    stegnet("hide cover.png a.\u202e -o d.png --method sealed")
    assert len(stegnet("reveal d.png -o c")[2].splitlines()) == 1, "an unsafe suffix is not printed"


def test_a_film_that_is_revealed_as_mp4_becomes_one(stegnet, make_film):
    """As a compressed film does, which is HEVC in Matroska, whatever the secret was."""
    make_film(Path("small.mkv"), 4, codec="libx264", pix_fmt="yuv420p", sound="aac")
    Image.merge("RGB", [Image.effect_noise((300, 300), 60) for _ in "RGB"]).save("large.png")
    assert stegnet("hide large.png small.mkv -o c.png --method sealed")[0] == 0
    for out, form in (("b.mp4", "mov"), ("b.mkv", "matroska")):
        code, told, err = stegnet(f"reveal c.png -o {out}")
        assert (code, told) == (0, f"wrote {out}: SIZE\n")
        with av.open(out) as film:
            assert film.format.name.split(",")[0] == form
        assert ("note: put into MP4; as b.mkv it is revealed byte for byte" in err.splitlines()) == (out == "b.mp4")


def test_omitted_streams_of_a_secret_film_are_noted(stegnet):
    Path("a.srt").write_text("1\n00:00:00,000 --> 00:00:00,100\nHello\n\n")
    ffmpeg("-i secret.mkv -i a.srt -map 0 -map 1 -c copy -c:s srt a.mkv")
    code, _, err = stegnet("hide cover.mkv a.mkv -o c.mkv")
    note = "note: the secret's subtitles are not hidden: `--method sealed` hides a file whole"
    assert (code, err.splitlines()[1:]) == (0, [note])


def test_a_file_that_does_not_fit_can_be_compressed(stegnet, picture):
    Image.fromarray(picture(50, 60, 2)).save("secret.bmp")
    line = "hide cover.png secret.bmp -o c.png --method sealed"
    assert stegnet(line)[0] == 1
    code, _, err = stegnet(f"{line} --compress")
    assert (code, "was compressed" in err) == (0, True)


def test_verification(stegnet, monkeypatch):
    """What does not read back is an error, unless it is not verified."""
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    Image.new("RGB", (9, 9)).save("secret.jpg")
    for method in ("network", "sealed"):
        line = f"hide cover.png secret.jpg -o {method}.png --method {method}"
        code, out, err = stegnet(line)
        assert (code, out, Path(f"{method}.png").exists()) == (1, "", False)
        assert err.startswith(f"error: {method}.png: does not read back as it was written\nhint: ")
        assert stegnet(f"{line} --no-verify")[0] == 0
    monkeypatch.setattr("stegnet.results.output.check_film", None)
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --no-verify")[0] == 0


def test_tampering_with_a_picture_sets_the_exit_code(stegnet, hidden):
    write_png(hidden / "c.png", altered(read_picture(hidden / "c.png")))
    code, out, err = stegnet("reveal c.png -o s.png")
    assert (code, out) == (3, "wrote s.png: 40x50, SIZE\n")
    assert err == "warning: the picture was altered since it was hidden, and is shown as it is\n"
    code, out, err = stegnet("reveal c.png -o strict.png --strict")
    assert (code, out, Path("strict.png").exists()) == (1, "", False)
    assert err.startswith("error: c.png: the picture was altered since it was hidden\nhint: without --strict,")


def rewritten(name: str, frames: list[np.ndarray]) -> None:
    with FilmWriter(Path(name), 96, 64, Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))


def test_a_lost_frame_sets_the_exit_code(stegnet, hidden):
    rewritten("cut.mkv", list(read_frames(hidden / "c.mkv"))[1:])
    told = "wrote s.mkv: 96x64, SIZE, 3 frames\n"
    assert stegnet("reveal cut.mkv -o s.mkv") == (3, told, "warning: frame 0 was lost\n")
    code, _, err = stegnet("reveal cut.mkv -o strict.mkv --strict")
    assert (code, err.splitlines()[0]) == (1, "error: the container is not as it was hidden: frame 0 was lost")


def test_a_file_comes_back_without_a_third_of_its_frames(stegnet, hidden):
    """Two of six: one lost, one altered beyond reading; without a third one, it does not."""
    code, out, err = stegnet("hide cover.mkv notes.txt -o d.mkv --method sealed --json")
    note = "comes back whole if up to 2 of its 6 frames are lost or altered"
    assert (json.loads(out)["frames_that_may_be_lost"], json.loads(out)["notes"][1]) == (2, note)
    frames = list(read_frames(hidden / "sealed.mkv"))
    frames[1] = unreadable(frames[1])
    rewritten("cut.mkv", frames[:4] + frames[5:])
    rewritten("less.mkv", frames[:4])
    code, out, err = stegnet("reveal cut.mkv -o back.txt")
    assert (code, out) == (3, "wrote back.txt: SIZE\n")
    assert err.splitlines()[1:] == ["warning: frame 1 was altered beyond reading", "warning: frame 4 was lost"]
    assert Path("back.txt").read_bytes() == Path("notes.txt").read_bytes()
    code, out, err = stegnet("reveal less.mkv -o none.txt")
    assert (code, out, Path("none.txt").exists()) == (1, "", False)
    assert err.startswith("error: less.mkv: the file needs 4 of its 6 frames, and 3 can be read; ")
    code, out, _ = stegnet("info cut.mkv --key-file k")
    assert (code, out.splitlines()[2]) == (3, f"comes back: {note.removeprefix('comes back ')}")


def test_other_weights(stegnet, hidden, weights):
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    (hidden / "w2").write_bytes(data)
    code, out, err = stegnet("reveal c.png -o s.png --weights w2")
    assert (code, out, err.startswith("error: hidden with the weights ")) == (1, "", True)


def test_device_and_precision(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png --device cpu --precision fp32")[0] == 0
    code, _, err = stegnet("reveal c.png -o s.png --device cuda:99")
    assert (code, err.startswith("error: cuda:99: this machine has no such device\nhint: ")) == (1, True)
