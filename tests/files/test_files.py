from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stegnet.core.errors import CapacityError, MediaError, RevealError
from stegnet.core.progress import Progress, no_progress
from stegnet.files import hide_file, reveal_file
from stegnet.keys import Key, Passphrase
from stegnet.media import FilmWriter, read_frames, read_picture, scan, write_png
from stegnet.media.inputs import check_input, input_kind
from stegnet.methods.network import HideOptions
from stegnet.methods.sealed.embed import embed_file
from stegnet.record.container import Container
from stegnet.record.record import FILE, FILM, PICTURE, Header
from stegnet.results import OutputTarget
from tests.support.tampering import altered


@pytest.fixture
def inputs(tmp_path, picture, make_film, monkeypatch):
    """cover.png, secret.png, cover.mkv, secret.mkv, notes.txt in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_png(Path("cover.png"), picture(64, 96, 1))
    write_png(Path("secret.png"), picture(40, 50, 2))
    make_film(Path("cover.mkv"), 6)
    make_film(Path("secret.mkv"), 4, 40, 48, seed=9)
    Path("notes.txt").write_text("a note")
    return tmp_path


def find_header(path: Path, key: Key, progress: Progress = no_progress) -> Header:
    with Container(path, key) as container:
        return container.header(progress)


def never():
    raise AssertionError("the network is not needed")


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("suffix", [".png", ".mkv", ".mp4"])
def test_there_and_back(exact, key, suffix):
    source = ".png" if suffix == ".png" else ".mkv"
    out, back = Path(f"c{suffix}"), Path(f"s{suffix}")
    hide_file(lambda: exact, Path(f"cover{source}"), Path(f"secret{source}"), OutputTarget(out), key)
    report = reveal_file(lambda: exact, out, OutputTarget(back), key)
    assert report.trouble == ()
    if suffix == ".png":
        assert read_picture(back).shape == (40, 50, 3)
    else:
        assert (scan(back).width, scan(back).height, len(scan(back).pts)) == (48, 40, 4)


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("cover", ["cover.png", "cover.mkv"])
def test_a_file_needs_no_network(key, cover):
    out = Path(cover).with_stem("c")
    embed_file(Path(cover), Path("notes.txt"), OutputTarget(out), key)
    report = reveal_file(never, out, OutputTarget(Path("back")), key)
    assert (report.width, report.height, report.frames) == (0, 0, 1)
    assert Path("back").read_text() == "a note"


@pytest.mark.usefixtures("inputs")
def test_refused_inputs_need_no_network(key):
    cover, secret = Path("cover.png"), Path("secret.png")
    with pytest.raises(CapacityError, match="a film can't be hidden in a picture"):
        hide_file(never, cover, Path("secret.mkv"), OutputTarget(Path("c.png")), key)
    with pytest.raises(MediaError, match=r"c\.jpg: a picture is written as \.png"):
        hide_file(never, cover, secret, OutputTarget(Path("c.jpg")), key)
    with pytest.raises(MediaError, match="exists already"):
        hide_file(never, cover, secret, OutputTarget(Path("notes.txt").rename("old.png")), key)
    with pytest.raises(MediaError, match="is an input too"):
        hide_file(never, cover, secret, OutputTarget(cover, force=True), key)
    with pytest.raises(MediaError, match="is an input too"):
        hide_file(never, cover, secret, OutputTarget(Path("old.png"), True, (Path("old.png"),)), key)
    for container in (cover, Path("cover.mkv")):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            reveal_file(never, container, OutputTarget(Path("out.png")), key)


@pytest.mark.usefixtures("inputs")
def test_the_header_says_the_kind(exact, key):
    for cover, secret, kind in (("cover.png", "secret.png", PICTURE), ("cover.mkv", "secret.mkv", FILM)):
        out = Path(cover).with_stem("c")
        hide_file(lambda: exact, Path(cover), Path(secret), OutputTarget(out), key)
        assert find_header(out, key).kind == kind
    embed_file(Path("cover.mkv"), Path("notes.txt"), OutputTarget(Path("f.mkv")), key)
    assert find_header(Path("f.mkv"), key).kind == FILE
    for container in ("c.png", "c.mkv"):
        with pytest.raises(RevealError, match="nothing can be revealed"):
            find_header(Path(container), Key(bytes(32)))


@pytest.mark.usefixtures("inputs")
def test_the_first_frame_that_can_be_read_says_it(exact, key):
    hide_file(lambda: exact, Path("cover.mkv"), Path("secret.mkv"), OutputTarget(Path("c.mkv")), key)
    frames = list(read_frames(Path("c.mkv")))
    with FilmWriter(Path("cut.mkv"), 96, 64, scan(Path("c.mkv")).rate) as film:
        for time, frame in zip(scan(Path("c.mkv")).times, [frames[0] // 2, frames[1] // 2, *frames[2:]], strict=True):
            film.write(frame, time)
    calls = []
    header = find_header(Path("cut.mkv"), key, lambda *call: calls.append(call))
    assert (header.kind, calls) == (FILM, [("check", 1, 0), ("check", 2, 0)])


@pytest.mark.usefixtures("inputs")
def test_a_passphrase(exact):
    phrase = Passphrase("open sesame")
    hide_file(lambda: exact, Path("cover.mkv"), Path("secret.mkv"), OutputTarget(Path("c.mkv")), phrase)
    assert reveal_file(lambda: exact, Path("c.mkv"), OutputTarget(Path("s.mkv")), Passphrase("open sesame")).frames == 4


@pytest.mark.usefixtures("inputs")
def test_an_altered_picture(exact, key):
    hide_file(lambda: exact, Path("cover.png"), Path("secret.png"), OutputTarget(Path("c.png")), key)
    write_png(Path("c.png"), altered(read_picture(Path("c.png"))))
    report = reveal_file(lambda: exact, Path("c.png"), OutputTarget(Path("s.png")), key)
    assert report.trouble == ("the picture was altered since it was hidden, and is shown as it is",)
    with pytest.raises(RevealError, match="altered"):
        reveal_file(lambda: exact, Path("c.png"), OutputTarget(Path("t.png")), key, strict=True)
    assert not Path("t.png").exists()


@pytest.mark.usefixtures("inputs")
def test_a_picture_that_does_not_read_back_is_not_kept(exact, key, monkeypatch):
    monkeypatch.setattr("stegnet.results.output.write_png", lambda path, pixels, **more: write_png(path, pixels ^ 1))
    hide = partial(hide_file, lambda: exact, Path("cover.png"), Path("secret.png"), OutputTarget(Path("c.png")), key)
    with pytest.raises(MediaError, match=r"c\.png: does not read back"):
        hide()
    assert not Path("c.png").exists()
    hide(HideOptions(verify=False))


@pytest.mark.usefixtures("inputs")
def test_options_go_through(exact, key):
    calls = []
    options = HideOptions(longer="cut", verify=False)
    hide_file(
        lambda: exact,
        Path("cover.mkv"),
        Path("cover.mkv"),
        OutputTarget(Path("c.mkv")),
        key,
        replace(options),
        progress=lambda *call: calls.append(call),
    )
    assert calls == [("hide", done, 6) for done in range(1, 7)]


def test_inputs(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        check_input(tmp_path / "none")
    with pytest.raises(MediaError, match="is a folder"):
        check_input(tmp_path)
    with pytest.raises(MediaError, match="not a file"):
        check_input(Path("/dev/null"))
    with pytest.raises(MediaError, match="can't be read"):
        check_input(tmp_path / ("n" * 300))
    (tmp_path / "text").write_text("text")
    check_input(tmp_path / "text")
    with pytest.raises(MediaError, match="neither a picture nor a film"):
        input_kind(tmp_path / "text")


def test_the_cover_is_not_changed(inputs, exact, key):
    before = np.array(read_picture(Path("cover.png")))
    hide_file(lambda: exact, Path("cover.png"), Path("secret.png"), OutputTarget(Path("c.png")), key)
    np.testing.assert_array_equal(read_picture(Path("cover.png")), before)


@pytest.mark.parametrize(
    ("width", "doings"), [(2100, ["hide tiles", "measure tiles", "reveal tiles"]), (64, [])], ids=["large", "small"]
)
def test_a_large_picture_shows_how_far_it_is(exact, key, picture, tmp_path, width, doings):
    """In tiles; a small one, in one pass, has none to show."""
    cover, out, back = (tmp_path / name for name in ("cover.png", "out.png", "back.png"))
    write_png(cover, picture(64, width, 1))
    calls = []
    hide_file(lambda: exact, cover, cover, OutputTarget(out), key, progress=lambda *call: calls.append(call))
    reveal_file(lambda: exact, out, OutputTarget(back), key, progress=lambda *call: calls.append(call))
    tiles = [call for call in calls if call[0].endswith("tiles")]
    assert tiles == [(doing, done, 4) for doing in doings for done in range(1, 5)]
    assert {call[0] for call in calls} == {*doings, "write", "open"}
