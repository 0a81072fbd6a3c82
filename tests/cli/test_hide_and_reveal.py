"""Round trips of pictures, films and other files, and containers altered in between."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stegnet.media import FilmWriter, read_frames, write_png
from tests.support.films import ffmpeg
from tests.support.tampering import unreadable


def starts(film: str) -> tuple[Fraction, Fraction]:
    """Start times of a film's pictures and sound, in seconds."""
    times = {"video": [], "audio": []}
    with av.open(film) as opened:
        for packet in opened.demux(opened.streams.video[0], opened.streams.audio[0]):
            if packet.pts is not None:
                times[packet.stream.type].append(packet.pts * packet.time_base)
    return min(times["video"]), min(times["audio"])


def test_a_film_cut_out_of_a_stream_starts_at_zero(stegnet, make_film):
    """As cover and as secret; sound and pictures stay in sync."""
    make_film(Path("plain.mkv"), 6, 192, 256, sound="mp2")
    for source, form in (("a.ts", "mkv"), ("a.ts", "mp4"), ("a.mpg", "mkv")):
        options = "-itsoffset 0.2 -i plain.mkv -i plain.mkv -map 0:v -map 1:a -c:v mpeg2video -c:a copy"
        ffmpeg(options, Path(source))
        pictures, sound = starts(source)
        assert min(pictures, sound) > 0.4
        assert pictures - sound > 0.1 or source == "a.mpg"  # FFmpeg starts both at the same time
        assert stegnet(f"hide {source} {source} -o c.{form} --force")[0] == 0
        assert stegnet(f"reveal c.{form} -o s.{form} --lossless --force")[0] == 0
        for film in (f"c.{form}", f"s.{form}"):
            assert starts(film)[1] == pytest.approx(0, abs=0.001)
            assert starts(film)[0] == pytest.approx(pictures - sound, abs=0.0015)  # Matroska rounds to milliseconds


def test_a_file_round_trip(stegnet):
    """Under any name; a note says if it does not match the file's type. An unsafe suffix is not printed."""
    assert stegnet("hide cover.png notes.txt -o c.png --method sealed")[2].startswith(
        "note: hidden: notes.txt, 280 bytes"
    )
    for out, noted in (("b.txt", False), ("b.TXT", False), ("b.png", True), ("b", True)):
        code, told, err = stegnet(f"reveal c.png -o {out} --force")
        assert (code, told) == (0, f"wrote {out}: SIZE\n")
        assert ("note: its own name ends in .txt: programs may want it named b.txt" in err.splitlines()) == noted
        assert Path(out).read_bytes() == Path("notes.txt").read_bytes()
    Path("a.\u202e").write_text("what was said")
    stegnet("hide cover.png a.\u202e -o d.png --method sealed")
    assert len(stegnet("reveal d.png -o c")[2].splitlines()) == 1


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
    monkeypatch.setattr("stegnet.media.output.check_film", None)
    assert stegnet("hide cover.mkv secret.mkv -o c.mkv --no-verify")[0] == 0


def rewritten(name: str, frames: list[np.ndarray]) -> None:
    with FilmWriter(Path(name), 96, 64, Fraction(25)) as film:
        for index, frame in enumerate(frames):
            film.write(frame, Fraction(index, 25))


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


def test_device_and_precision(stegnet):
    assert stegnet("hide cover.png secret.jpg -o c.png --device cpu --precision fp32")[:2] == (
        0,
        "wrote c.png: 97x61, SIZE\n",
    )
    code, _, err = stegnet("reveal c.png -o s.png --device cuda:99")
    assert (code, err.startswith("error: cuda:99: this machine has no such device\nhint: ")) == (1, True)
