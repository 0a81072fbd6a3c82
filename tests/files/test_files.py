"""Hiding and revealing from file to file, by whatever method."""

from pathlib import Path

import numpy as np
import pytest

from stegnet import CapacityError, MediaError, RevealError
from stegnet.files import reveal_file
from stegnet.keys import Key
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from stegnet.media.inputs import check_input, input_kind
from stegnet.methods import METHODS, Run
from stegnet.methods.network import run_of
from stegnet.record import Container
from stegnet.results import OutputTarget
from tests.support.tampering import altered


@pytest.fixture
def reveal(exact, key):
    """Reveals to a file that may exist."""

    def run(container: str, out: str, key_source=key, strict: bool = False, run: Run | None = None):
        return reveal_file(
            Path(container), OutputTarget(Path(out), force=True), key_source, strict, run or run_of(exact)
        )

    return run


@pytest.mark.usefixtures("inputs")
def test_a_picture_there_and_back(hide, reveal, key):
    """The header says what it is; the cover is not changed; that it was altered is told."""
    before = Path("cover.png").read_bytes()
    hide("cover.png", "secret.png", "c.png")
    assert Path("cover.png").read_bytes() == before
    with Container(Path("c.png"), key) as container:
        assert container.header().kind == "picture"
    assert reveal("c.png", "s.png", strict=True).trouble == ()
    assert read_picture(Path("s.png")).shape == (40, 50, 3)
    write_png(Path("c.png"), altered(read_picture(Path("c.png"))))
    assert reveal("c.png", "s.png").trouble == ("the picture was altered since it was hidden, and is shown as it is",)
    with pytest.raises(RevealError, match="altered"):
        reveal("c.png", "t.png", strict=True)
    assert not Path("t.png").exists()


@pytest.mark.usefixtures("inputs")
def test_refused_inputs_need_no_network(key, monkeypatch):
    monkeypatch.setattr(Run, "network", lambda *_: pytest.fail("the network is not needed"))
    by_network, old = METHODS["network"], Path("notes.txt").rename("old.png")
    refused = [
        ("secret.mkv", OutputTarget(Path("c.png")), CapacityError, "a film can't be hidden in a picture"),
        ("secret.png", OutputTarget(Path("c.jpg")), MediaError, r"c\.jpg: a picture is written as \.png"),
        ("secret.png", OutputTarget(old), MediaError, "exists already"),
        ("secret.png", OutputTarget(Path("cover.png"), force=True), MediaError, "is an input too"),
        ("secret.png", OutputTarget(old, True, (old,)), MediaError, "is an input too"),
    ]
    for secret, out, error, message in refused:
        with pytest.raises(error, match=message):
            by_network.hide(Path("cover.png"), Path(secret), out, key, by_network.options(), Run())


@pytest.mark.usefixtures("inputs")
def test_the_first_frame_that_can_be_read_says_the_kind(hide, key):
    hide("cover.mkv", "secret.mkv", "c.mkv")
    frames, calls = list(read_frames(Path("c.mkv"))), []
    with FilmWriter(Path("cut.mkv"), 160, 120, scan(Path("c.mkv")).rate) as film:
        for time, frame in zip(scan(Path("c.mkv")).times, [frames[0] // 2, frames[1] // 2, *frames[2:]], strict=True):
            film.write(frame, time)
    with Container(Path("cut.mkv"), key) as container:
        header = container.header(lambda *call: calls.append(call))
    assert (header.kind, calls) == ("film", [("check", 1, 0), ("check", 2, 0)])
    with Container(Path("c.mkv"), Key(bytes(32))) as container:
        assert container.header() is None


@pytest.mark.usefixtures("inputs")
def test_a_picture_that_does_not_read_back_is_not_kept(hide, monkeypatch):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    with pytest.raises(MediaError, match=r"c\.png: does not read back"):
        hide("cover.png", "secret.png", "c.png")
    assert not Path("c.png").exists()
    hide("cover.png", "secret.png", "c.png", verify=False)


def test_inputs(tmp_path):
    (tmp_path / "text").write_text("text")
    check_input(tmp_path / "text")
    for path, message in (
        (tmp_path / "none", "no such file"),
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "not a file"),
        (tmp_path / ("n" * 300), "can't be read"),
    ):
        with pytest.raises(MediaError, match=message):
            check_input(path)
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        input_kind(tmp_path / "text")


@pytest.mark.parametrize("width", [2100, 64])
def test_a_large_picture_shows_how_far_it_is(inputs, exact, hide, reveal, picture, width):
    """In tiles; a small one, in one pass, has none to show."""
    write_png(Path("cover.png"), picture(64, width, 1))
    calls, doings = [], ["hide tiles", "measure tiles", "reveal tiles"] if width > 2048 else []

    def progress(*call):
        calls.append(call)

    hide("cover.png", "cover.png", "out.png", progress=progress)
    reveal("out.png", "back.png", run=run_of(exact, Run(progress=progress)))
    tiles = [call for call in calls if call[0].endswith("tiles")]
    assert tiles == [(doing, done, 4) for doing in doings for done in range(1, 5)]
    assert {call[0] for call in calls} == {*doings, "write", "open"}
    np.testing.assert_array_equal(read_picture(Path("cover.png")), picture(64, width, 1))
