"""On a full disk: an error that names the file, and nothing is left of it."""

import pytest
from PIL import Image

from tests.cli.conftest import files_up_to
from tests.support.films import make_film, picture

# command line, bytes that a file may have, what the error begins with
FULL = [
    ("hide cover.png secret.jpg -o o.png", 2000, "o.png: can't be written (File too large)"),
    ("hide cover.mkv secret.mkv -o o.mkv", 9000, "o.mkv: can't be written (File too large)"),
    ("hide cover.mkv secret.mkv -o o.mp4", 9000, "o.mp4: can't be written (File too large)"),
    ("hide cover.mkv notes.txt -o o.mkv --method sealed", 9000, "o.mkv: can't be written (File too large)"),
    ("reveal c.png -o o.png", 1000, "o.png: can't be written (File too large)"),
    ("reveal c.mkv -o o.mkv", 1000, "o.mkv: can't be written (File too large)"),
    ("reveal c.mkv -o o.mp4", 1000, "o.mp4: can't be written (File too large)"),
    ("reveal sealed.png -o o.txt", 100, "o.txt: can't be written (File too large)"),
    ("keygen o", 10, "o: can't be written (No space left on device)"),
    ("hide cover.png large.bmp -o o.png --method sealed --compress", 300, "temporary: temporary files can't"),
    ("hide cover.png long.mkv -o o.png --method sealed --compress", 3000, "long.mkv: can't be made HEVC"),
]


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize(("line", "size", "message"), FULL)
def test_nothing_is_left(stegnet, folder, monkeypatch, line, size, message):
    (temporary := folder / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    Image.fromarray(picture(150, 200)).save("large.bmp")
    make_film(folder / "long.mkv", 25)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with files_up_to(size):
        code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert err.replace(f"{folder}/", "").startswith(f"error: {message}")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not list(temporary.iterdir())
