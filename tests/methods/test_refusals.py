"""What is refused for a reason that is known at its start is refused before the work, which may take minutes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.methods import METHODS
from tests.support.films import make_film, picture, still_film


class Worked(Exception):
    """The work has begun."""


def work(*_: Any, **__: Any) -> Any:
    raise Worked


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    stegnet.make_key_file("k")
    Path("note.txt").write_text("at noon")
    Path("papers").mkdir()
    Path("papers/note.txt").write_text("at noon")
    Path("large.bin").write_bytes(bytes(1 << 20))
    Image.fromarray(picture(200, 300, 1)).save("photo.jpg")
    Image.fromarray(picture(200, 300, 2)).save("photo.png")
    make_film(Path("film.mkv"), 3, 120, 160)
    yield


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("nowhere/sent{}", "error: nowhere: no such folder\nhint: create it first\n"),
        ("there{}", "error: there{}: already exists\nhint: `--force` overwrites it\n"),
        ("sent.doc", "error: sent.doc: a {} is written as "),
        ("k{}", "error: k{}: is an input too\n"),
    ],
)
@pytest.mark.parametrize(
    ("command", "suffix"),
    [
        ("hide photo.jpg note.txt", ".jpg"),
        ("hide photo.png note.txt", ".png"),
        ("hide photo.png photo.jpg", ".png"),
        ("hide photo.png note.txt --for messenger", ".jpg"),
        ("hide film.mkv note.txt", ".mkv"),
        ("hide film.mkv film.mkv --method network", ".mkv"),
        ("hide photo.png papers --archive", ".png"),
    ],
)
def test_an_output_that_cannot_be_written(command, suffix, out, told, monkeypatch, capsys):
    for method in METHODS.values():
        monkeypatch.setattr(type(method), "embed", work, raising=False)  # AUTO only chooses
    if "nowhere" in out or "there" in out:
        monkeypatch.setattr("stegnet.cli.commands.hide.pack", work)
    Path(f"there{suffix}").touch()
    key = Path(f"k{suffix}") if out.startswith("k") else Path("k")
    key.write_bytes(Path("k").read_bytes())
    key.chmod(0o600)
    assert main([*command.split(), "--key-file", str(key), "-o", out.format(suffix)]) == 1
    kind = "film" if "film" in command else "picture"
    assert capsys.readouterr().err.startswith(told.format(kind if "doc" in out else suffix))


def test_a_result_that_cannot_be_written(monkeypatch, capsys):
    assert main(["hide", "photo.png", "note.txt", "--key-file", "k", "-o", "sent.png"]) == 0
    monkeypatch.setattr("stegnet.files.revealing.find", work)
    capsys.readouterr()
    assert main(["reveal", "sent.png", "--search", "--key-file", "k", "-o", "nowhere/note.txt"]) == 1
    assert capsys.readouterr().err == "error: nowhere: no such folder\nhint: create it first\n"


def test_a_channel_that_cannot_be_written(monkeypatch, capsys):
    Path("there.channel").touch()
    monkeypatch.setattr("stegnet.cli.commands.channel.learn_channel", work)
    for out, told in (
        ("nowhere/a.channel", "nowhere: no such folder"),
        ("there.channel", "there.channel: already exists"),
    ):
        assert main(["channel", "photo.png", "photo.jpg", "-o", out]) == 1
        assert capsys.readouterr().err.startswith(f"error: {told}\n")


@pytest.mark.parametrize(
    ("cover", "secret", "options", "begins", "told"),
    [
        (
            *("film.mkv", "longer.mkv", {"method": "network"}, "network.chosen_network"),
            "the secret has 5 frames, the cover only 3",
        ),
        (
            *("photo.png", "large.bin", {"survive": "messenger"}, "robust.picture_containers.picture_cover"),
            r"^large.bin: has 1048576 bytes, more than the capacity of \d+ at most$",
        ),
        (
            *("wide.mkv", "large.bin", {"survive": "messenger"}, "robust.film_containers._write_reduced"),
            r"^large.bin: has 1048576 bytes, more than the capacity of \d+ at most$",
        ),
        (
            *("photo.png", "photo.png", {"method": "auto", "at_most_safe": True}, "method.media_compressors"),
            r"^photo.png: has \d+ bytes, but none are hard to find in this cover$",
        ),
    ],
)
def test_what_does_not_fit(cover, secret, options, begins, told, monkeypatch):
    make_film(Path("longer.mkv"), 5)
    if cover == "wide.mkv":
        still_film(Path(cover), 48, 500, 900)
    monkeypatch.setattr(f"stegnet.methods.{begins}", work)
    if options.get("at_most_safe"):
        Image.fromarray(picture(48, 40, 2)).save(cover)
    with pytest.raises(stegnet.CapacityError, match=told):
        stegnet.hide(cover, secret, key=stegnet.read_key("k"), **options)


def test_a_film_that_is_far_too_long_is_not_encoded(tmp_path, monkeypatch):
    """A black one, of the fewest bytes, is too large as well."""
    long = still_film(tmp_path / "long.mkv", 100)
    make_film(tmp_path / "small.mkv", 2, 30, 36)
    monkeypatch.setattr("stegnet.media.compress._Hevc", work)
    with pytest.raises(stegnet.CapacityError, match="at least 2300 bytes even at the lowest quality, more than the"):
        stegnet.hide(tmp_path / "small.mkv", long, key=stegnet.read_key("k"), method="sealed", compress=True)


def test_a_film_does_not_grow_many_times_unless_it_is_asked_for(monkeypatch, capsys):
    """At once, with the reason and the ways out; a name with a suffix asks for it."""
    make_film(Path("phone.mkv"), 80, 360, 640, codec="mpeg4", pix_fmt="yuv420p")
    with monkeypatch.context() as patched:
        patched.setattr("stegnet.methods.grouped_medium.SealedGroups.write", work)
        for out in ("sent", "folder/"):
            assert main(["hide", "phone.mkv", "note.txt", "--key-file", "k", "-o", out]) == 1
            problem, hint = capsys.readouterr().err.splitlines()
            assert " without loss of about 11 MB, " in problem and "only an MP4 with H.264 can stay" in problem
            assert "`-o NAME.mkv`" in hint and "`--method sealed`" in hint
    assert main(["hide", "phone.mkv", "note.txt", "--key-file", "k", "-o", "sent.mkv"]) == 0
    assert Path("sent.mkv").stat().st_size > 9e6
    assert not Path("folder").exists()
