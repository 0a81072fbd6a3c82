"""Texts, standard input and output, results that name themselves, and results as JSON."""

import io
import json
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from stegnet.media import digest, read_frames
from tests.cli.conftest import files_up_to
from tests.support.waiting import LIMIT

TEXT = "Grüße ☃\nfrom far away\n"


@pytest.fixture
def stdin(monkeypatch):
    """Sets what standard input holds."""

    def holds(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return holds


@pytest.fixture
def text(run) -> None:
    """Makes c.png, which holds a text."""
    code, _, err = run(["hide", "cover.png", "--text", TEXT, "-o", "c.png"])
    assert (code, "other users of this machine can see a text on the command line" in err) == (0, True)


@pytest.mark.usefixtures("text")
def test_a_text_is_printed_and_not_written(folder, run):
    before = sorted(folder.iterdir())
    assert run("reveal c.png") == run("reveal c.png -o -") == (0, TEXT, "")
    (found,) = objects(run("reveal c.png --json")[1])
    assert (found["output"], found["kind"], found["text"]) == (None, "text", TEXT)
    assert sorted(folder.iterdir()) == before
    assert run("reveal c.png -o said.txt")[0] == 0
    assert Path("said.txt").read_text() == TEXT


def test_a_text_through_jpeg_and_in_a_film(run, stdin, picture):
    Image.fromarray(picture(256, 256, 5)).resize((512, 512)).save("large.png")
    for cover, out in (("large.png", "c.jpg"), ("cover.mkv", "c.mkv")):
        stdin(TEXT.encode())
        code, _, err = run(["hide", cover, "--text", "-", "-o", out])
        assert (code, "other users" in err) == (0, False)
        assert run(f"reveal {out}")[:2] == (0, TEXT)


def test_a_text_can_not_control_the_terminal(run, monkeypatch):
    run(["hide", "cover.png", "--text", "a\x1b[2Jb\tc\nd", "-o", "c.png"])
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run("reveal c.png") == (0, "a\\x1b[2Jb    c\nd\n", "")


def test_texts_that_are_refused(run, stdin):
    for data, message in (
        (b"", "the text is empty"),
        (b"\xff\xfe", "the text is not UTF-8"),
        (b"a" * 65537, "the text has more than 65536 bytes"),
    ):
        stdin(data)
        code, out, err = run("hide cover.png --text - -o c.png")
        assert (code, out, err.splitlines()[0]) == (1, "", f"error: {message}")
        assert not Path("c.png").exists()


def test_a_file_of_the_name_of_a_text_that_is_none_is_written(run):
    Image.merge("RGB", [Image.effect_noise((400, 400), 60) for _ in "RGB"]).save("large.png")
    for content in (b"\xff\xfe", b"a" * 65537):
        Path("message.txt").write_bytes(content)
        run("hide large.png message.txt -o c.png --force")
        Path("message.txt").unlink()
        assert run("reveal c.png")[0] == 0
        assert Path("message.txt").read_bytes() == content


def test_pipes_from_end_to_end(folder, program):
    """A container through pipes; in it a file, whose bytes come out again."""
    (folder / "notes.txt").write_bytes(b"\0\r\n\xff binary")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (folder / "cover.png").open("rb") as cover:
        hide = program("hide - notes.txt -o - --method sealed", stdin=cover, **pipes)
    with hide, program("reveal - -o -", stdin=hide.stdout, **pipes) as reveal:
        hide.stdout.close()
        out, err = reveal.communicate(timeout=LIMIT)
        told = hide.stderr.read()
    assert (reveal.returncode, hide.returncode, out) == (0, 0, b"\0\r\n\xff binary")
    assert b"note: wrote standard output: 11 bytes\n" in err
    assert b"note: wrote standard output: 97x61" in told


def test_standard_input(run, stdin):
    """It gives a secret a name, and stands in errors."""
    stdin(b"some bytes")
    assert run("hide cover.png - -o c.png")[0] == 0
    assert run("reveal c.png")[:2] == (0, "wrote stdin: 10 bytes\n")
    assert (Path("stdin").read_bytes(), Path("stdin").stat().st_mode & 0o777) == (b"some bytes", 0o600)
    stdin(b"no picture")
    code, out, err = run("hide - secret.jpg -o d.png")
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: standard input: neither a picture nor a film that can be read"


def test_closed_streams(folder, program, run):
    """Not even a file that is written takes the place of one."""
    assert program("hide cover.png k -o c.png --method sealed", preexec_fn=lambda: os.closerange(0, 3)).wait(LIMIT) == 0
    assert run("reveal c.png -o back")[0] == 0
    assert (folder / "back").read_bytes() == (folder / "k").read_bytes()
    reveal = program("reveal c.png -o -", preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE)
    assert reveal.communicate(timeout=LIMIT)[1].startswith(b"error: standard output is closed\n")
    assert reveal.returncode == 1


def test_streams_that_another_program_left_unblocked(program):
    """There, an empty pipe would be the end of the input, and a full one that of the output."""
    ends = [*os.pipe(), *os.pipe()]
    for end in ends:
        os.set_blocking(end, False)
    assert program("--version", stdin=ends[0], stdout=ends[1], stderr=ends[3]).wait(LIMIT) == 0
    assert [os.get_blocking(end) for end in ends] == [True, True, False, True]
    for end in ends:
        os.close(end)


def test_help_where_output_is_ascii(program):
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert b"\\u2026" in program("hide --help", env=env, stdout=subprocess.PIPE).communicate(timeout=LIMIT)[0]


def test_terminals_are_refused(run, monkeypatch):
    run("hide cover.png k -o c.png")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for line in ("hide cover.png k -o -", "reveal c.png -o -"):
        code, out, err = run(line)
        assert (code, out, err.splitlines()[0]) == (1, "", "error: standard output is a terminal, and this is no text")
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    code, _, err = run("reveal - -o out")
    assert (code, err.splitlines()[0]) == (1, "error: standard input is a terminal")


def test_command_lines_that_can_not_be(folder, capsys, run, stdin):
    stdin(b"")
    (folder / "folder").mkdir()
    (folder / "folder" / "a.png").write_bytes((folder / "cover.png").read_bytes())
    for line, message in {
        "hide - - -o c.png": "only one input can be read from standard input",
        "hide - --text - -o c.png": "only one input can be read from standard input",
        "hide a b --text c -o c.png": "a text is hidden instead of SECRET: give one of them",
        "hide a -o c.png": "missing: SECRET",
        "hide a b -o - --json": "--json requires a file for the result",
        "hide folder b -o -": "`-o -` is for the result of one file",
        "hide folder - -o out --cluster local": "--cluster requires files: neither a text nor a stream",
        "reveal a -o - --json": "--json requires a file for the result",
        "reveal folder": "a folder requires -o",
        "reveal a --force": "--force requires -o: without -o, no file is ever overwritten",
    }.items():
        with pytest.raises(SystemExit, match="2"):
            run(line)
        assert capsys.readouterr().err.startswith(f"error: {message}")


def test_the_own_name_of_a_file(folder, run):
    """It is made harmless, and never overwrites a file."""
    (folder / "-x\n.txt").write_text("a note")
    assert run(["hide", "--method", "sealed", "-o", "c.png", "--", "cover.png", "-x\n.txt"])[0] == 0
    assert run("reveal c.png")[:2] == (0, "wrote _x_.txt: 6 bytes\n")
    (folder / "_x_.txt").write_text("mine")
    assert run("reveal c.png") == (1, "", "error: _x_.txt: exists already\nhint: `-o FILE` names another file\n")
    assert (folder / "_x_.txt").read_text() == "mine"


@pytest.mark.usefixtures("hidden")
def test_names_where_the_network_hides(stegnet):
    """A lossless film is the same in MP4 and in Matroska."""
    assert stegnet("reveal c.png")[1] == "wrote revealed.png: 40x50, SIZE\n"
    assert stegnet("reveal c.mkv")[1] == "wrote revealed.mp4: 96x64, SIZE, 4 frames\n"
    assert stegnet("reveal c.mkv --lossless")[1] == "wrote revealed.mkv: 96x64, SIZE, 4 frames\n"
    assert stegnet("reveal c.mkv")[2].startswith("error: revealed.mp4: exists already\n")
    stegnet("reveal c.mkv -o b.mp4 --lossless")
    names = ("revealed.mkv", "b.mp4", "revealed.mp4")
    frames = [[digest(frame) for frame in read_frames(Path(name))] for name in names]
    assert len(frames[0]) == 4
    assert frames[0] == frames[1] != frames[2]


@pytest.mark.usefixtures("hidden")
def test_a_picture_in_the_format_of_its_name(stegnet):
    for suffix in ("jpg", "webp", "avif"):
        assert stegnet(f"reveal c.png -o s.{suffix}") == (0, f"wrote s.{suffix}: 40x50, SIZE\n", "")
        with Image.open(f"s.{suffix}") as image:
            assert (image.format, image.size) == (suffix.upper().replace("JPG", "JPEG"), (40, 50))
    for name, told in {
        "t.gif": "a picture is written as .png, .jpg, .jpeg, .webp or .avif\nhint: name it t.png\n",
        "t.jpg --lossless": "JPEG is never lossless\nhint: name it .png or .webp, or leave --lossless out\n",
    }.items():
        assert stegnet(f"reveal c.png -o {name}") == (1, "", f"error: {name.split()[0]}: {told}")
        assert not Path(name.split()[0]).exists()


def objects(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines()]


def test_results_as_json(stegnet, folder):
    code, out, err = stegnet("hide cover.png k -o c.png --method sealed --json")
    (hidden,) = objects(out)
    assert (code, err) == (0, "")
    assert (hidden["output"], hidden["kind"], hidden["width"], hidden["height"]) == ("c.png", "picture", 97, 61)
    assert (hidden["hidden_name"], hidden["hidden_bytes"]) == ("k", 32)
    assert hidden["bytes"] == (folder / "c.png").stat().st_size
    assert hidden["notes"][0].startswith("hidden: k, 32 bytes")
    assert (hidden["warnings"], hidden["trouble"]) == ([], [])
    assert (hidden["method"], hidden["secret_unchanged"], hidden["lossy_cover"]) == ("sealed", True, False)
    assert hidden["bits_per_sample"] == pytest.approx(8 * 32 / (3 * 97 * 61))
    assert (hidden["container_psnr"] > 55, 0 < hidden["room_used"] < 1, hidden["changed_pixels"] > 0) == (True,) * 3
    assert (hidden["detection"], hidden["cover_bytes"]) == ("possible", (folder / "cover.png").stat().st_size)
    (revealed,) = objects(stegnet("reveal c.png -o back --json")[1])
    assert (revealed["output"], revealed["kind"], revealed["bytes"]) == ("back", "file", 32)
    assert revealed["secret_unchanged"] and "method" not in revealed
    code, out, err = stegnet("reveal c.png -o back --json")
    assert (code, out, err.splitlines()[0]) == (1, "", "error: back: exists already")
    (hidden,) = objects(stegnet("hide cover.mkv secret.mkv -o c.mkv --json")[1])
    assert (hidden["kind"], hidden["frames"], hidden["hidden_frames"], hidden["hidden_name"]) == ("film", 6, 4, None)
    assert (type(hidden["secret_psnr"]), hidden["secret_unchanged"]) == (float, False)


def test_a_folder_as_json_lines(stegnet, folder):
    (folder / "covers").mkdir()
    for name in ("1.png", "2.png"):
        (folder / "covers" / name).write_bytes((folder / "cover.png").read_bytes())
    (folder / "covers" / "3.png").write_bytes(b"\x89PNG")
    found = objects(stegnet("hide covers k -o out --method sealed --json")[1])
    expected = [(f"covers/{number}.png", "k", f"out/{number}.png") for number in (1, 2)]
    assert [(one["source"], one["secret"], one["output"]) for one in found] == expected
    _, out, err = stegnet("reveal out -o back --json")
    expected = [(f"out/{number}.png", f"back/{number}.bin", "file") for number in (1, 2)]
    assert [(one["source"], one["output"], one["kind"]) for one in objects(out)] == expected
    assert err == ""


@pytest.mark.parametrize(
    "line",
    [
        "hide cover.png notes.txt -o c.jpg",
        "hide cover.png notes.txt -o c.jpg --survive jpeg:90",
        "hide cover.png notes.txt -o -",
        "hide - notes.txt -o c.png",
        "hide cover.png large.png -o c.png --method sealed --compress",
        "reveal secret.jpg",
        "info secret.jpg",
    ],
)
def test_a_full_temporary_folder_is_named(tmp_path, monkeypatch, run, stdin, picture, line):
    (temporary := tmp_path / "full").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    Image.fromarray(picture(300, 300, 5)).save("large.png")
    stdin(Path("large.png").read_bytes())
    before = sorted(tmp_path.iterdir())
    with files_up_to(500):
        code, _, err = run(line)
    error, hint = err.splitlines()[-2:]
    assert (code, error.partition(": temp")[0], "TMPDIR" in hint) == (1, f"error: {temporary}", True)
    assert (sorted(tmp_path.iterdir()), list(temporary.iterdir())) == (before, [])
