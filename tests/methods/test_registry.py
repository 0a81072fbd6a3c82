"""A method is a room: one that is registered is everywhere, with no other line touched."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stegnet.cli import main
from stegnet.methods import METHODS

NOTE = b"meet me at eight"


@pytest.fixture
def toy(tmp_path, monkeypatch, picture) -> Iterator[None]:
    """The method is registered; covers, files and two keys are in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("covers", "files"):
        Path(name).mkdir()
    for number in range(2):
        Image.fromarray(picture(40, 48, number)).save(f"covers/{number}.png")
        Path(f"files/{number}.txt").write_bytes(NOTE + bytes([number]))
        Path(f"k{number}").write_bytes(bytes(range(number, number + 32)))
        Path(f"k{number}").chmod(0o600)
    METHODS.add("toy", "tests.methods.toy:Toy")
    yield
    METHODS.remove("toy")


def run(line: str, capsys) -> tuple[str | int | None, str]:
    """Exit code and all output of a command."""
    code: str | int | None
    try:
        code = main(line.split())
    except SystemExit as end:
        code = end.code
    return code, "".join(capsys.readouterr())


@pytest.mark.usefixtures("toy")
def test_it_hides_and_reveals_by_the_command_line(capsys):
    hide = "hide covers/0.png files/1.txt -o out.png --key-file k0 --force"
    cover = np.asarray(Image.open("covers/0.png"))
    for more, kept in (("", 0), (" --method toy", 0), (" --method toy --top 3", 3)):
        assert run(hide + more, capsys)[0] == 0  # what others hid is still revealed
        changed = np.flatnonzero(np.any(cover != np.asarray(Image.open("out.png")), (1, 2)))
        assert changed[0] >= kept
        assert run("reveal out.png -o back.txt --key-file k0 --force", capsys)[0] == 0
        assert Path("back.txt").read_bytes() == NOTE + b"\1"
    code, told = run("reveal out.png -o other.txt --key-file k1", capsys)
    assert code == 1 and "nothing here opens with this key" in told
    assert not Path("other.txt").exists()


@pytest.mark.usefixtures("toy")
def test_help_lists_it_and_its_option(capsys):
    told = " ".join(run("hide --help-all", capsys)[1].split())
    assert "toy any file, in the green of a picture" in told
    assert "--top ROWS rows at the top that stay as they are" in told
    code, told = run("hide covers/0.png files/0.txt -o out.png --key-file k0 --top 3", capsys)
    assert code == 2 and "--top requires --method toy" in told
    code, told = run("hide covers/0.png files/0.txt -o out.png --key-file k0 --method toy --device cpu", capsys)
    assert code == 2 and "--device requires --method" in told
