"""What is refused for a reason that is known at its start is refused before the work, which may take minutes."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import stegnet
from stegnet.cli import main
from stegnet.methods import METHODS
from tests.support.films import ffmpeg, make_film, picture, still_film


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
        ("hide photo.png papers", ".png"),
    ],
)
def test_an_output_that_cannot_be_written(command, suffix, out, told, monkeypatch, capsys):
    for method in METHODS.values():
        monkeypatch.setattr(type(method), "embed", work, raising=False)  # AUTO only chooses
    if "nowhere" in out or "there" in out:
        monkeypatch.setattr("stegnet.files.pack", work)
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
    assert main(["reveal", "sent.png", "--key-file", "k", "-o", "nowhere/note.txt"]) == 1
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
            *("film.mkv", "longer.mkv", {"method": "network"}, "methods.network_containers.chosen_network"),
            "the secret has 5 frames, the cover only 3",
        ),
        (
            *("photo.png", "large.bin", {"survive": "messenger"}, "methods.robust.picture_containers.fit_picture"),
            r"^large.bin: has 1048576 bytes, more than the capacity of \d+$",
        ),
        (
            *("wide.mkv", "large.bin", {"survive": "messenger"}, "methods.robust.film_containers._write_reduced"),
            r"^large.bin: has 1048576 bytes, more than the capacity of \d+ at most$",
        ),
        (
            *("photo.png", "photo.png", {"method": "auto", "at_most_safe": True}, "hiding.method.media_compressors"),
            r"^photo.png: has \d+ bytes, but none are hard to find in this cover$",
        ),
    ],
)
def test_what_does_not_fit(cover, secret, options, begins, told, monkeypatch):
    make_film(Path("longer.mkv"), 5)
    if cover == "wide.mkv":
        still_film(Path(cover), 48, 500, 900)
    monkeypatch.setattr(f"stegnet.{begins}", work)
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


def photo_in_webp(path):
    """A picture of 8 megapixels, seventeen times as large as a PNG."""
    Image.fromarray(np.tile(picture(480, 640, 3), (5, 5, 1))).save(path, quality=60)


@pytest.mark.parametrize(
    ("cover", "told", "step"),
    [
        ("phone.mkv", "a film without loss of about 16", "hiding.grouped_medium.SealedGroups.write"),
        ("photo.webp", "a PNG of about 17", "hiding.medium.seal_record"),
    ],
)
def test_nothing_grows_many_times_unless_it_is_asked_for(cover, told, step, monkeypatch, capsys):
    """At once, with the reason and the ways out; a name with a suffix asks for it."""
    suffix = ".mkv" if cover == "phone.mkv" else ".png"
    if suffix == ".mkv":
        make_film(Path(cover), 80, 360, 640, codec="mpeg4", pix_fmt="yuv420p")
    else:
        photo_in_webp(cover)
    hide = ["hide", cover, "note.txt", "--key-file", "k", "-o"]
    with monkeypatch.context() as patched:
        patched.setattr(f"stegnet.{step}", work)
        for out in ("sent", "folder/"):
            assert main([*hide, out]) == 1
            problem, hint = capsys.readouterr().err.splitlines()
            assert f" would become {told}" in problem and " times the cover: only " in problem
            assert f"`-o NAME{suffix}`" in hint and "folder" not in hint
    assert main([*hide, f"sent{suffix}"]) == 0
    assert Path(f"sent{suffix}").stat().st_size > 9e6
    assert not Path("folder").exists()


def test_neither_a_folder_nor_an_album_grows_unasked(capsys):
    Path("covers").mkdir()
    photo_in_webp("covers/1.webp")
    for more in ((), ("--spread",)):
        assert main(["hide", "covers", "note.txt", *more, "--key-file", "k", "-o", "sent"]) == 1
        *_, hint = capsys.readouterr().err.splitlines()
        assert hint.endswith("; for all files of a folder: `--method sealed`")
    assert main(["hide", "covers", "note.txt", "--method", "sealed", "--key-file", "k", "-o", "sent"]) == 0


@pytest.mark.parametrize(
    ("cover", "made_of"),
    [
        ("test.mp4", "testsrc2=size=320x240:duration=2 -c:v libx264 -pix_fmt yuv420p"),
        ("bars.mkv", "smptebars=size=320x240:duration=2 -c:v mpeg4"),
        (
            "noise.mp4",
            "nullsrc=size=160x120:duration=1,geq=random(1)*255:128:128 -c:v libx264 -crf 35 -pix_fmt yuv420p",
        ),
        ("fade.avi", "mandelbrot=size=160x120,fade=in:0:30,fade=out:60:30 -t 4 -c:v mpeg4 -q:v 20"),
        ("test.gif", "testsrc2=size=320x240:duration=1"),
        ("test.ts", "testsrc2=size=320x240:duration=2 -c:v mpeg2video -b:v 400k"),
        ("drawing.webp", "testsrc2=size=900x1200 -frames:v 1 -c:v libwebp -quality 20"),
        ("fractal.webp", "mandelbrot=size=1200x900 -frames:v 1 -c:v libwebp -quality 20"),
    ],
)
def test_how_large_a_container_gets_is_said_before_the_work(cover, made_of, capsys):
    """Whatever the cover shows: a part of it is coded."""
    ffmpeg("-f lavfi -i", Path(cover), made_of)
    assert main(["hide", cover, "note.txt", "--method", "sealed", "--key-file", "k", "-o", "sent"]) == 0
    verdict, *_ = capsys.readouterr().err.splitlines()
    (sent,) = Path().glob("sent.*")
    told = re.match(r"sent\.\w+ \(about ([\d.]+) (kB|MB), [\d.]+ times the cover\): ", verdict)
    size = float(told[1]) * {"kB": 1e3, "MB": 1e6}[told[2]]
    assert 0.75 < size / sent.stat().st_size < 1.35


def test_how_long_it_takes_is_said_before_the_work_if_that_is_long(capsys, monkeypatch):
    monkeypatch.setattr("stegnet.hiding.method.Context.with_phases", work)
    Image.fromarray(np.tile(picture(600, 1000, 1), (5, 3, 1))).save("large.png")
    with pytest.raises(Worked):
        main(["hide", "large.png", "photo.png", "--method", "network", "--key-file", "k", "-o", "sent.png"])
    assert "sent.png (takes about 12 seconds): easy to find" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "size", "needed"), [("large.png", 100, "0.3"), ("large.png", 300_000, "0.5"), ("large.jpg", 100, "0.3")]
)
def test_how_much_memory_it_takes_is_said_before_the_work_if_that_is_much(name, size, needed, capsys, monkeypatch):
    monkeypatch.setattr("stegnet.hiding.medium.SampleMedium.sealed", work)
    Image.fromarray(np.tile(picture(750, 1000, 1), (5, 4, 1))).save(name)
    Path("secret.bin").write_bytes(random.Random(1).randbytes(size))
    with pytest.raises(Worked):
        main(["hide", name, "secret.bin", "--key-file", "k", "-o", f"sent{Path(name).suffix}"])
    assert re.match(rf"sent\.\w+ \(about {needed} GB of memory\): ", capsys.readouterr().err)
