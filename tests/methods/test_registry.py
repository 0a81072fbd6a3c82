"""A method is a room: one that is registered is everywhere, with no other line touched."""

import json
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from PIL import Image

from stegnet import ConfigError
from stegnet.cli import main
from stegnet.methods import FILM, METHODS, PICTURE, CoverSize, Method, UnknownOption
from tests.methods.toy import MOST, Toy

NOTE = b"meet me at eight"


@pytest.fixture
def run(tmp_path, monkeypatch, picture, capsys):
    """Exit code and all output of a command; the toy is registered; pictures and two keys are in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("covers").mkdir()
    for number in range(2):
        Image.fromarray(picture(40, 48, number)).save(f"covers/{number}.png")
        Path(f"k{number}").write_bytes(bytes(range(number, number + 32)))
        Path(f"k{number}").chmod(0o600)
    Path("note.txt").write_bytes(NOTE)

    def command(line: str) -> tuple[int, str]:
        try:
            code = main(line.split())
        except SystemExit as end:
            code = end.code
        return code, "".join(capsys.readouterr())

    METHODS.add(Toy())
    yield command
    del METHODS["toy"]


def test_the_command_line_has_it(run):
    """What others hid is still revealed."""
    hide = "hide covers/0.png note.txt -o out.png --key-file k0 --force"
    for more in ("", " --method toy --shift 200"):
        assert run(hide + more)[0] == 0
        data = Path("out.png").read_bytes()
        assert NOTE not in data and data.startswith(Path("covers/0.png").read_bytes()) == bool(more)
        assert run("reveal out.png -o back.txt --key-file k0 --force")[0] == 0
        assert Path("back.txt").read_bytes() == NOTE
    code, told = run("reveal out.png -o other.txt --key-file k1")
    assert code == 1 and "nothing here opens with this key" in told
    assert not Path("other.txt").exists()
    found = json.loads(run("info out.png --json --key-file k0")[1])
    expected = ("file", "toy", "note.txt", len(NOTE))
    assert tuple(found[name] for name in ("hidden", "method", "hidden_name", "hidden_bytes")) == expected
    fit = {"what": "any small file", "bytes": MOST, "method": "toy"}
    assert fit in json.loads(run("info covers/0.png --json")[1])["fits"]
    assert run("hide covers note.txt -o out --key-file k0 --method toy")[0] == 0
    assert run("reveal out -o back --key-file k0")[0] == 0
    assert {path.read_bytes() for path in Path("back").iterdir()} == {NOTE}
    told = " ".join(run("hide --help")[1].split())
    assert "toy: a small file, behind a picture" in told
    assert "--shift LEVELS toy: levels that each byte is moved by" in told
    for more, message in (
        ("--shift 3", "--shift requires --method toy"),
        ("--method toy --device cpu", "--device req"),
    ):
        code, told = run(f"{hide} {more}")
        assert code == 2 and message in told


@pytest.mark.usefixtures("run")
def test_the_registry():
    """A second method of a name is refused; an unknown name lists the known ones, an option those that have it."""
    with pytest.raises(ValueError, match="there is a method toy already"):
        METHODS.add(Toy())
    assert next(iter(METHODS)) == "auto"
    with pytest.raises(ConfigError, match="must be one of auto, sealed, network, robust, jpeg, h264, toy, is 'none'"):
        METHODS.choose("none")
    assert METHODS.choose("toy", ["shift"]) is METHODS["toy"]
    with pytest.raises(UnknownOption, match="survive: goes with robust"):
        METHODS.choose("toy", ["survive"])
    with pytest.raises(UnknownOption, match="height: no method has it"):
        METHODS.choose("auto", ["height"])


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_every_method(method: Method):
    assert METHODS[method.name] is method
    assert method.summary and not method.summary.endswith(".")
    assert set(method.forms) == {PICTURE, FILM}
    assert all(suffix.startswith(".") for suffix in method.suffixes)
    assert method.options() == method.options()
    for each in fields(method.options):
        assert each.default is not MISSING
        assert each.metadata["help"] and not each.metadata["help"].endswith(".")
    for cover in (CoverSize(480, 640), CoverSize(480, 640, 100), CoverSize(8, 8), CoverSize(480, 640, 1, 1)):
        for fit in method.room(cover):
            assert fit.method.startswith(method.name)
            assert (fit.bytes is None) != (fit.psnr is None)
