"""Invalid input: one error line, a hint, and no output files."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.odd.make import ffmpeg

# command line, first line of stderr
REFUSED = [
    ("hide none.png secret.jpg -o c.png --key-file k", "error: none.png: no such file"),
    ("hide cover.png none.png -o c.png --key-file k", "error: none.png: no such file"),
    ("hide cover.png secret.jpg -o c.png --key-file none", "error: none: no such key file"),
    ("hide cover.png secret.jpg -o c.png --key-file secret.jpg", "error: secret.jpg: not a key file"),
    ("hide cover.png secret.jpg -o c.png --key-file folder.png", "error: folder.png: can't be read (Is a directory)"),
    ("hide cover.png secret.jpg -o c.png --passphrase-file none", "error: none: can't be read (No such file"),
    ("hide cover.png secret.jpg -o c.png --passphrase-file empty.mp4", "error: the passphrase is empty"),
    ("hide cover.png secret.jpg -o c.png --passphrase-file cover.png", "error: the passphrase is not UTF-8 text"),
    ("hide cover.png secret.jpg -o c.png --passphrase-fd 99", "error: descriptor 99: can't be read"),
    ("hide cover.png secret.jpg -o c.jpg --key-file k", "error: c.jpg: a picture is written as .png"),
    ("hide cover.png secret.jpg -o c.gif --key-file k", "error: c.gif: a picture is written as .png"),
    ("hide cover.mkv secret.mkv -o c.avi --key-file k", "error: c.avi: a film is written as .mkv or .mp4"),
    ("hide cover.png secret.mkv -o c.png --key-file k", "error: a film can't be hidden in a picture"),
    ("hide cover.mkv secret.jpg -o c.mkv --key-file k", "error: a picture can't be hidden in a film"),
    ("hide cover.png secret.jpg -o cover.png --key-file k --force", "error: cover.png: is an input too"),
    ("hide cover.png cover.png -o link.png --key-file k --force", "error: link.png: is an input too"),
    ("hide cover.png secret.jpg -o key.png --key-file key.png --force", "error: key.png: is an input too"),
    ("hide cover.png secret.jpg -o key.png --passphrase-file key.png --force", "error: key.png: is an input too"),
    ("hide cover.png secret.jpg -o w.png --key-file k --weights w.png --force", "error: w.png: is an input too"),
    ("hide cover.png secret.jpg -o old.png --key-file k", "error: old.png: exists already"),
    ("hide cover.png secret.jpg -o no/c.png --key-file k", "error: no: no such folder"),
    ("hide cover.mkv secret.mkv -o no/c.mkv --key-file k", "error: no: no such folder"),
    ("hide cover.png secret.jpg -o k/c.png --key-file k", "error: k/c.png: can't be written (Not a directory)"),
    ("hide cover.png secret.jpg -o folder.png --key-file k --force", "error: folder.png: is a folder"),
    ("hide cover.png secret.jpg -o . --key-file k --force", "error: .: is a folder"),
    (f"hide cover.png secret.jpg -o {'n' * 300}.png --key-file k", f"error: {'n' * 300}.png: can't be written (File"),
    (f"hide {'n' * 300}.png secret.jpg -o c.png --key-file k", f"error: {'n' * 300}.png: can't be read (File name"),
    ("hide cover.png folder.png -o c.png --key-file k", "error: folder.png: is a folder"),
    ("hide cover.png /dev/null -o c.png --key-file k", "error: /dev/null: not a file"),
    ("hide text.mp4 secret.mkv -o c.mkv --key-file k", "error: text.mp4: neither a picture nor a film"),
    ("hide empty.mp4 secret.mkv -o c.mkv --key-file k", "error: empty.mp4: the file is empty"),
    ("hide tiny.png secret.jpg -o c.png --key-file k", "error: the cover is too small: 7×7 pixels"),
    ("hide cut.png secret.jpg -o c.png --key-file k", "error: cut.png: "),
    ("hide cover.png secret.jpg -o c.png --key-file k --weights k", "error: k: not a stegnet weights file"),
    ("hide cover.png secret.jpg -o c.png --key-file k --weights no", "error: no: no such weights file"),
    ("hide cover.png none -o c.png --key-file k --method sealed", "error: none: no such file"),
    ("hide none.png k -o c.png --key-file k --method sealed", "error: none.png: no such file"),
    ("hide cover.png k -o c.jpg --key-file k --method sealed", "error: c.jpg: a picture is written as .png"),
    ("reveal none.png -o s.png --key-file k", "error: none.png: no such file"),
    ("reveal cover.png -o old.png --key-file k", "error: old.png: exists already"),
    ("reveal cover.mkv -o cover.mkv --key-file k --force", "error: cover.mkv: is an input too"),
    ("reveal cover.png -o w.png --key-file k --weights w.png --force", "error: w.png: is an input too"),
    ("reveal k -o s.png --key-file k", "error: k: neither a picture nor a film"),
    ("info none.png", "error: none.png: no such file"),
    ("info folder.png", "error: folder.png: is a folder"),
    ("info text.mp4", "error: text.mp4: neither a picture nor a film"),
    ("enhance none.png -o e.png", "error: none.png: no such file"),
    ("enhance cover.png -o e.mkv", "error: e.mkv: a picture is written as .png"),
    ("enhance cover.png -o old.png", "error: old.png: exists already"),
    ("enhance cover.png -o cover.png --force", "error: cover.png: is an input too"),
    ("keygen no/k", "error: no/k: can't be written (No such file"),
    ("keygen folder.png", "error: folder.png: exists already"),
]


@pytest.fixture
def odd_files(folder, secret_bytes, weights):
    """Invalid files."""
    (folder / "link.png").symlink_to("cover.png")
    (folder / "folder.png").mkdir()
    (folder / "text.mp4").write_text("text " * 100)
    (folder / "empty.mp4").touch()
    (folder / "old.png").write_text("old")
    (folder / "key.png").write_bytes(secret_bytes)
    (folder / "w.png").write_bytes(weights.read_bytes())
    (folder / "cut.png").write_bytes((folder / "cover.png").read_bytes()[:2000])
    for name in ("empty.mp4", "key.png", "cover.png"):
        (folder / name).chmod(0o600)
    Image.new("RGB", (7, 7), "red").save("tiny.png")


@pytest.mark.usefixtures("odd_files")
@pytest.mark.parametrize(("line", "message"), REFUSED)
def test_invalid_input_is_refused(stegnet, folder, secret_bytes, line, message):
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    code, out, err = stegnet(line)
    assert (code, out) == (1, "")
    assert secret_bytes.hex() not in err
    if "--passphrase-file" in line:  # invalid passphrases are weak, too
        err = re.sub(r"^warning: the passphrase is weak: .*\n", "", err)
    assert err.startswith(message)
    assert all(part.startswith(("error: ", "hint: ")) for part in err.splitlines())
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_the_suffix_of_the_output(stegnet):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    code, _, err = stegnet("reveal c.png -o s.gif --key-file k")
    told = "a picture is written as .png, .jpg, .jpeg, .webp or .avif\nhint: name it s.png\n"
    assert (code, err) == (1, f"error: s.gif: {told}")


def test_a_wrong_key_and_no_secret_are_indistinguishable(stegnet, folder):
    stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    stegnet("hide cover.mkv secret.mkv -o c.mkv --key-file k")
    stegnet("keygen k2")
    (folder / "p").write_text("a phrase\n")
    (folder / "p").chmod(0o600)
    answers = {
        stegnet("reveal c.png -o s.png --key-file k2"),
        stegnet("reveal c.mkv -o s.mkv --key-file k2"),
        stegnet("reveal c.png -o s.png --passphrase-file p"),
        stegnet("reveal c.mkv -o s.mkv --passphrase-file p"),
        stegnet("reveal cover.png -o s.png --key-file k"),
        stegnet("reveal cover.mkv -o s.mkv --key-file k"),
        stegnet("info c.png --key-file k2"),
        stegnet("info cover.mkv --key-file k"),
    }
    assert len(answers) == 1
    ((code, out, err),) = answers
    assert (code, out) == (1, "")
    assert err.startswith("error: nothing can be revealed")


EXIF = Image.Exif()
EXIF[0x010E] = "a description"  # a WebP with it has other chunks before its picture
LOSSY = [
    ("a.jpg", {"quality": 100, "subsampling": 0}, "a JPEG"),
    ("a.webp", {"quality": 100, "exif": EXIF}, "a lossy WebP"),
    ("a.avif", {"quality": 100}, "an AVIF"),
    ("a.gif", {}, "a GIF"),
]


@pytest.mark.parametrize("command", ["reveal {} -o s.png", "info {}"])
@pytest.mark.parametrize(("name", "options", "form"), LOSSY)
def test_a_lossy_picture_format_is_named(stegnet, folder, command, name, options, form):
    stegnet("hide --method sealed cover.png k -o c.png --key-file k")
    with Image.open("c.png") as container:
        container.save(name, **options)
    code, out, err = stegnet(f"{command.format(name)} --key-file k")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: nothing can be revealed: nothing here opens with this key",
        f"hint: the key is another one, or {form} keeps nothing of what was hidden; `hide --survive` hides what stays",
    ]


@pytest.mark.parametrize("coded", ["-c:v libx264 -crf 1", "-c:v ffv1 -pix_fmt yuv444p", "-c:v mpeg4"])
def test_a_lossy_film_format_is_named(stegnet, coded):
    stegnet("hide --method sealed cover.mkv k -o c.mkv --key-file k")
    ffmpeg(f"-i c.mkv -an {coded} a.mkv")
    codec = coded.split()[1].replace("libx264", "h264")
    for command in ("reveal a.mkv -o s", "info a.mkv"):
        assert stegnet(f"{command} --key-file k")[2].splitlines() == [
            "error: nothing can be revealed: nothing here opens with this key",
            f"hint: the key is another one, or a film in YCbCr ({codec}) keeps nothing of what was hidden; "
            "`hide --survive` hides what stays",
        ]


@pytest.mark.parametrize("name", ["a.webp", "a.bmp", "a.tif"])
def test_a_lossless_format_is_not_blamed(stegnet, name):
    with Image.open("cover.png") as cover:
        cover.save(name, **({"lossless": True, "exif": EXIF} if name == "a.webp" else {}))
    assert stegnet(f"reveal {name} -o s --key-file k")[2].startswith("error: nothing can be revealed")


@pytest.mark.parametrize("secret", ["notes.txt", "secrets"])
def test_the_sealed_method_is_suggested_for_other_files(stegnet, folder, secret):
    (folder / "notes.txt").write_text("what was said")
    for name in ("covers", "secrets"):
        (folder / name).mkdir()
    (folder / "secrets" / "notes.txt").write_text("what was said")
    (folder / "cover.png").rename("covers/a.png")
    code, _, err = stegnet(f"hide {'covers' if secret == 'secrets' else 'covers/a.png'} {secret} -o c.png --key-file k")
    assert code == 1
    assert err.splitlines()[0].startswith(f"error: {secret}: n")
    assert err.splitlines()[1].endswith("`--method sealed` hides any file" + " as it is" * (secret == "notes.txt"))


@pytest.mark.parametrize("line", ["reveal cover.png -o s.png", "info cover.png"])
def test_the_hint_for_a_missing_key_to_reveal(stegnet, line):
    told = "error: none: no such key file\nhint: only the key used to hide can reveal\n"
    assert stegnet(f"{line} --key-file none") == (1, "", told)


def test_the_hint_for_a_missing_key_to_hide(stegnet):
    told = "error: none: no such key file\nhint: generate one with `stegnet keygen none`\n"
    assert stegnet("hide cover.png secret.jpg -o c.png --key-file none") == (1, "", told)
    assert stegnet("webcam secret.jpg --key-file none") == (1, "", told)


@pytest.mark.parametrize("name", ["cover.png", "secret.jpg", "k"])
def test_unreadable_files(stegnet, monkeypatch, name):
    before = Path.open

    def refuse(path, *arguments, **more):
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return before(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    code, _, err = stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    assert (code, err) == (1, f"error: {name}: can't be read (Permission denied)\n")


def test_a_full_disk(stegnet, monkeypatch):
    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stegnet.results.output.write_png", full)
    code, _, err = stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    assert (code, err) == (1, "error: c.png: can't be written (No space left on device)\n")
    assert not list(Path().glob(".*"))


def test_out_of_memory(stegnet, monkeypatch):
    def large(*arguments, **more):
        raise MemoryError

    monkeypatch.setattr("stegnet.files.files.read_picture", large)
    code, _, err = stegnet("hide cover.png secret.jpg -o c.png --key-file k")
    assert (code, err) == (1, "error: out of memory\n")
