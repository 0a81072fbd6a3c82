"""Texts, standard input and output, results that name themselves, and results as JSON."""

import io
import os
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from stegnet.media import digest, read_frames
from tests.cli.conftest import files_up_to
from tests.support.waiting import LIMIT


@pytest.fixture
def stdin(monkeypatch):
    """Sets what standard input holds."""

    def holds(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    return holds


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
