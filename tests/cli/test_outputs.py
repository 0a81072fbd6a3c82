"""Output files: they overwrite nothing, are their owner's, and nothing of them is left on a full disk."""

import os
import stat
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from tests.cli.conftest import files_up_to
from tests.support.films import make_film, picture
from tests.support.sounds import noise
from tests.support.temporary import temporary_files_in

HIDING = ("hide cover.png notes.txt -o out.png", "hide cover.mkv secret.mkv -o out.mp4 --method network")
REVEALING = ("reveal c.png -o out.png", "reveal c.mkv -o out.mkv", "reveal sealed.png -o out.txt")


def mode(path: str | Path) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def test_an_output_created_meanwhile_is_not_overwritten(run, hidden, monkeypatch):
    link = os.link

    def overtaken(part: Path, path: Path) -> None:
        path.write_text("the other run's")
        link(part, path)

    monkeypatch.setattr(os, "link", overtaken)
    for line in HIDING + REVEALING:
        before, out = sorted(hidden.iterdir()), Path(line.split()[line.split().index("-o") + 1])
        code, told, err = run(line)
        assert (code, told) == (1, "")
        assert err.endswith(f"error: {out}: already exists\nhint: `--force` overwrites it\n")
        assert out.read_text() == "the other run's"
        assert sorted(hidden.iterdir()) == sorted([*before, hidden / out])
        out.chmod(0o644)
        assert run(f"{line} --force")[0] == 0
        assert out.read_bytes() != b"the other run's"
        assert mode(out) == (0o600 if line in REVEALING else mode("cover.mkv")), line
        out.unlink()


def test_a_key_file_is_synced_to_disk(run, folder, monkeypatch):
    sync, synced = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), sync(number)))
    assert run("keygen new")[0] == 0
    assert mode("new") == 0o600
    assert synced == [Path("new").stat().st_ino, folder.stat().st_ino]


# command line, bytes that a file may have, what the error says
FULL = [
    ("hide cover.png notes.txt -o o.png", 2000, "o.png: can't be written (File too large)"),
    ("hide cover.mkv secret.mkv -o o.mkv --method network", 9000, "o.mkv: can't be written (File too large)"),
    ("hide cover.mkv notes.txt -o o.mp4 --method sealed", 9000, "o.mp4: can't be written (File too large)"),
    ("hide sound.flac notes.txt -o o.flac", 2000, "o.flac: can't be written (File too large)"),
    ("reveal c.png -o o.png", 1000, "o.png: can't be written (File too large)"),
    ("reveal c.mkv -o o.mp4", 1000, "o.mp4: can't be written (File too large)"),
    ("reveal sealed.png -o o.txt", 100, "o.txt: can't be written (File too large)"),
    ("keygen o", 10, "o: can't be written (No space left on device)"),
    ("hide cover.png large.bmp -o o.png --method sealed --compress", 300, "temporary: temporary files can't"),
    ("hide cover.png long.mkv -o o.png --method sealed --compress", 3000, "long.mkv: can't be made HEVC"),
    ("hide cover.png notes.txt -o o.jpg", 500, "temporary: temp"),
    ("hide cover.png notes.txt -o -", 500, "temporary: temp"),
]


def test_nothing_is_left_on_a_full_disk(run, hidden):
    (temporary := hidden / "temporary").mkdir()
    Image.fromarray(picture(150, 200)).save("large.bmp")
    make_film(hidden / "long.mkv", 25)
    soundfile.write("sound.flac", noise(20_000).astype(np.int16), 44100)
    before = {path: path.read_bytes() for path in hidden.rglob("*") if path.is_file()}
    for line, size, message in FULL:
        with temporary_files_in(temporary), files_up_to(size):
            code, out, err = run(line)
        error = next(told for told in err.splitlines() if told.startswith("error: "))
        assert (code, out) == (1, ""), line
        assert error.replace(f"{hidden}/", "").startswith(f"error: {message}"), line
        assert "temporary: temp" not in message or "TMPDIR" in err, line
        assert {path: path.read_bytes() for path in hidden.rglob("*") if path.is_file()} == before, line
        assert not list(temporary.iterdir())


def test_what_is_hardly_meant_is_asked_for(run, folder):
    """An empty secret, and a cover that hides a secret already, which nobody may know who has not the key."""
    (folder / "empty.txt").touch()
    refused = "error: empty.txt: is empty\nhint: name the file that you mean, or hide it with `--force`\n"
    assert run("hide cover.png empty.txt --key-file k -o out.png") == (1, "", refused)
    assert run("hide cover.png notes.txt --key-file k -o out.png")[0] == 0
    code, out, err = run("hide out.png notes.txt --key-file k -o again.png")
    assert (code, out) == (1, "")
    assert (
        err.startswith("error: out.png: hides a secret already, which opens with this key\nhint: ") and "--force" in err
    )
    (folder / "covers").mkdir()
    (folder / "out.png").rename(folder / "covers/out.png")
    for spread in ("", " --spread"):
        code, _, err = run(f"hide covers notes.txt --key-file k -o many/{spread}")
        assert code == 1 and "covers/out.png: hides a secret already" in err
    assert run("keygen other")[0] == 0
    assert run("hide covers/out.png notes.txt --key-file other -o again.png")[0] == 0
    assert run("hide covers/out.png empty.txt --key-file k -o again.png --force")[0] == 0


def test_an_empty_secret_is_refused_for_a_folder_and_an_album_too(run, folder):
    (folder / "empty.txt").touch()
    (folder / "covers").mkdir()
    (folder / "cover.png").rename(folder / "covers/cover.png")
    for spread in ("", " --spread"):
        code, _, err = run(f"hide covers empty.txt --key-file k -o many/{spread}")
        assert code == 1
        assert "empty.txt: is empty" in err
