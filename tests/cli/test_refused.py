"""Invalid input: one error line, a hint, and no output files."""

import re
from pathlib import Path
from unittest import mock

import pytest
from PIL import Image

from stegnet import MediaError
from tests.cli.conftest import KEY
from tests.support.films import ffmpeg

# command line, first line of stderr; tests/transcripts has more of them
REFUSED = [
    ("hide cover.png secret.jpg -o c.png --weights k", "error: k: not a stegnet weights file"),
    ("hide cover.png secret.jpg -o c.png --weights no", "error: no: no such weights file"),
    ("reveal cover.png -o old.png", "error: old.png: exists already"),
    ("reveal cover.png -o /dev/null", "error: /dev/null: is not a file that can be replaced"),
    ("reveal cover.png -o w.png --weights w.png --force", "error: w.png: is an input too"),
    ("info folder.png", "error: folder.png: is a folder"),
    ("enhance none.png -o e.png", "error: none.png: no such file"),
    ("enhance cover.png -o e.mkv", "error: e.mkv: a picture is written as .png"),
    ("enhance cover.png -o old.png", "error: old.png: exists already"),
    ("enhance cover.png -o cover.png --force", "error: cover.png: is an input too"),
    ("keygen folder.png", "error: folder.png: exists already"),
]


@pytest.fixture
def odd_files(folder, weights):
    """Invalid files."""
    (folder / "folder.png").mkdir()
    (folder / "text.mp4").write_text("text " * 100)
    (folder / "old.png").write_text("old")
    (folder / "w.png").write_bytes(weights.read_bytes())


@pytest.mark.usefixtures("odd_files")
def test_invalid_input_is_refused(stegnet, folder):
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for line, message in REFUSED:
        code, out, err = stegnet(line)
        assert (code, out) == (1, ""), line
        assert KEY.hex() not in err
        assert err[: len(message)] == message
        assert all(part.startswith(("error: ", "hint: ")) for part in err.splitlines())
        assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.usefixtures("hidden")
def test_a_wrong_key_and_no_secret_are_indistinguishable(stegnet, folder):
    stegnet("keygen k2")
    (folder / "p").write_text("a phrase\n")
    (folder / "p").chmod(0o600)
    for suffix in ("png", "mkv"):
        lines = [f"reveal c.{suffix} -o s.{suffix} {key}" for key in ("--key-file k2", "--passphrase-file p")]
        lines += [f"reveal cover.{suffix} -o s.{suffix}", f"info c.{suffix} --key-file k2"]
        answers = {stegnet(line) for line in [*lines, f"info cover.{suffix} --key-file k"]}
        assert len(answers) == 1
        ((code, out, err),) = answers
        assert (code, out) == (1, "")
        assert err.startswith("error: nothing can be revealed")
        assert ("`--search`" in err) == (suffix == "png")  # nothing in a film without loss is made to survive


EXIF = Image.Exif()
EXIF[0x010E] = "a description"  # a WebP with it has other chunks before its picture
NOTHING = "error: nothing can be revealed: nothing here opens with this key"
LOSSY = [
    ("a.jpg", {"quality": 100, "subsampling": 0}, "a JPEG"),
    ("a.webp", {"quality": 100, "exif": EXIF}, "a lossy WebP"),
    ("a.avif", {"quality": 100}, "an AVIF"),
    ("a.gif", {}, "a GIF"),
]


def test_a_lossy_format_is_named_and_a_lossless_one_not_blamed(stegnet, hidden):
    for name, options, _ in LOSSY:
        save("sealed.png", name, **options)
    lossy = [(name, form) for name, _, form in LOSSY]
    for name, coded in (("a.mkv", "libx264 -crf 1"), ("b.mkv", "ffv1 -pix_fmt yuv444p"), ("c.mkv", "mpeg4")):
        ffmpeg(f"-i sealed.mkv -an -c:v {coded}", Path(name))
        lossy.append((name, f"a film in YCbCr ({coded.split()[0].replace('libx264', 'h264')})"))
    for name, form in lossy:
        told = f"the key is another one, or {form} keeps nothing of what was hidden; hide it with `--survive`"
        for command in (f"reveal {name} -o s", f"info {name} --key-file k"):
            code, out, err = stegnet(command)
            first, hint = err.splitlines()
            assert (code, out, first) == (1, "", NOTHING)
            assert re.fullmatch(rf"hint: {re.escape(told)}; if .* since, try `--search`: about \d+ s", hint)
    for name, options in (("b.webp", {"lossless": True, "exif": EXIF}), ("a.bmp", {}), ("a.tif", {})):
        save("cover.png", name, **options)
        err = stegnet(f"reveal {name} -o s")[2]
        assert (err.splitlines()[0], "keeps nothing" in err) == (NOTHING, False)


def save(name: str, out: str, **options) -> None:
    with Image.open(name) as image:
        image.save(out, **options)


def test_unreadable_files_and_no_memory(stegnet, monkeypatch):
    before, refused = Path.open, []

    def refuse(path, *arguments, **more):
        if path.name == refused[-1]:
            raise PermissionError(13, "Permission denied")
        return before(path, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        for name in ("cover.png", "secret.jpg", "k"):
            refused.append(name)
            told = f"error: {name}: can't be read (Permission denied)\n"
            assert stegnet("hide cover.png secret.jpg -o c.png") == (1, "", told)
    damaged = MediaError("a.mp4: the film is damaged")
    damaged.__cause__ = BlockingIOError(11, "Resource temporarily unavailable")  # as FFmpeg says of threads
    for error in (MemoryError(), RuntimeError("can't start new thread"), damaged):
        monkeypatch.setattr("stegnet.results.output.write_png", mock.Mock(side_effect=error))
        code, out, err = stegnet("hide cover.png secret.jpg -o c.png")
        assert (code, out, err.splitlines()[0]) == (1, "", "error: out of memory, or of threads")
    assert not list(Path().glob(".*"))
