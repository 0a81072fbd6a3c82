"""The method jpeg through a known channel, by its file: how covers are brought into its form, keys, albums, folders."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stegnet import (
    CapacityError,
    ConfigError,
    Identity,
    Key,
    MediaError,
    Passphrase,
    RevealError,
    Session,
)
from stegnet.channels import KnownChannel, read_channel, through_channel
from stegnet.channels.jpeg_form import JpegForm, jpeg_of
from stegnet.cli.command import main
from stegnet.record import format_record
from tests.support.apps import App, converted, in_wide_steps, photo, swapped_profile, with_byte
from tests.support.jpegs import read_jpeg

SECRET = b"Meet me at eight."
# Of a channel that reduces the longer side to 320 pixels.
SIZES = ((480, 640), (240, 320)), ((640, 480), (320, 240)), ((640, 640), (320, 320)), ((400, 480), (267, 320))


APP = App({"quality": 80})


def known(grey: bool = False, **changes: Any) -> KnownChannel:
    """What is known of that app."""
    file = io.BytesIO()
    Image.new("L" if grey else "RGB", (16, 16)).save(file, "JPEG", quality=80)
    form = JpegForm.of(jpeg_of(file.getvalue(), "a picture"))
    exact = KnownChannel(form, "islow", False, False, True, None, None, None, 4, SIZES)
    return replace(exact, **changes)


def written(path: Path, channel: KnownChannel) -> Path:
    path.write_text(channel.text(), encoding="utf-8")
    return path


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    return written(tmp_path / "any.channel", known())


@pytest.mark.parametrize("size, orientation, arrives", [
    ((320, 256), 1, (320, 256)),
    ((640, 480), 1, (320, 240)),
    ((400, 480), 6, (320, 267)),
    ((256, 320), 3, (256, 320)),
])  # fmt: skip
def test_covers_are_turned_and_reduced(
    tmp_path: Path, key: Key, channel: Path, size: tuple[int, int], orientation: int, arrives: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    cover = photo(tmp_path / "c.jpg", size, exif=exif)
    told = Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    assert (told.width, told.height) == arrives
    assert any("reduced to" in note for note in told.notes) == (max(size) > 320)
    assert any("the channel's file is an old one" in note for note in told.notes), "it has no headers"
    with Image.open(tmp_path / "s.jpg") as sent:
        assert sent.size == arrives and not sent.getexif()
    assert JpegForm.of(read_jpeg(tmp_path / "s.jpg")) == read_channel(channel).form
    received = APP(tmp_path / "s.jpg", tmp_path / "r.jpg")
    assert Session().reveal(received, key=key, strict=True).data == SECRET


def test_a_cover_with_a_profile_is_converted_to_srgb(tmp_path: Path, channel: Path, key: Key) -> None:
    cover = photo(tmp_path / "c.png", icc_profile=swapped_profile())
    Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    with Image.open(cover) as image, Image.open(tmp_path / "s.jpg") as sent:
        assert "icc_profile" not in sent.info
        shown = np.asarray(sent).astype(int)
        wanted, stored = np.asarray(converted(image, swapped_profile())), np.asarray(image)
    assert 2 * np.abs(shown - wanted).mean() < np.abs(shown - stored).mean()


@pytest.mark.parametrize("kind", ["textured", "grey", "clipped"])
def test_a_file_that_arrives_otherwise_is_said_not_to_be_whole(tmp_path: Path, key: Key, kind: str) -> None:
    """Blocks near the ends of the range arrive changed, and some of the chroma; grey ones have none of it."""
    channel = written(tmp_path / "a.channel", known(grey=kind == "grey"))
    cover = photo(tmp_path / "c.png", mode="L" if kind == "grey" else "RGB")
    if kind == "clipped":
        with Image.open(cover) as image:
            pixels = np.asarray(image).copy()
        pixels[:128] = np.random.default_rng(2).choice(np.array([0, 255], np.uint8), pixels[:128].shape)
        Image.fromarray(pixels).save(cover)
    told = Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    received = APP(tmp_path / "s.jpg", tmp_path / "r.jpg")
    said = any("only the copy that arrives is whole" in line for line in told.notes)
    sent, arrived = read_jpeg(tmp_path / "s.jpg"), read_jpeg(received)
    assert said == (not all(map(np.array_equal, sent.planes, arrived.planes)))
    assert said or kind == "grey"
    if said:
        with pytest.raises(RevealError):
            Session().reveal(tmp_path / "s.jpg", key=key, strict=True)
    else:
        assert Session().reveal(tmp_path / "s.jpg", key=key, strict=True).data == SECRET
    assert Session().reveal(received, key=key, strict=True).data == SECRET


@pytest.mark.parametrize("grey", [False, True])
def test_grey_and_colours_need_channels_of_their_own(tmp_path: Path, key: Key, grey: bool) -> None:
    channel, wrong = (
        written(tmp_path / "a.channel", known(grey)),
        photo(tmp_path / "c.png", mode="RGB" if grey else "L"),
    )
    with pytest.raises(CapacityError, match="is in colours, and" if grey else "is grey, and"):
        Session().hide(wrong, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)


@pytest.mark.usefixtures("quick_scrypt")
def test_a_passphrase(tmp_path: Path, channel: Path) -> None:
    words = Passphrase("six odd words last far longer")
    Session().hide(photo(tmp_path / "c.png"), SECRET, to=tmp_path / "s.jpg", key=words, survive=channel)
    received = APP(tmp_path / "s.jpg", tmp_path / "r.jpg")
    assert Session().reveal(received, key=words, strict=True).data == SECRET
    for other in (Key(bytes(32)), Passphrase("another"), Identity(bytes(range(32)))):
        for container in (received, tmp_path / "c.png"):
            with pytest.raises(RevealError, match="nothing here opens with this key"):
                Session().reveal(container, key=other)


def test_what_is_hard_to_find_is_one_figure(tmp_path: Path, key: Key, channel: Path) -> None:
    """In `info`, in what `hide` says, and in what `at_most_safe` allows; of a cover that came through the channel."""
    cover = APP(photo(tmp_path / "c.jpg"), tmp_path / "came.jpg")
    (fit,) = Session().info(cover, survive=channel)["fits"]
    assert fit.safe is not None and fit.bytes is not None
    assert 0 < fit.safe < fit.bytes and (fit.method, fit.survive) == ("jpeg", str(channel))
    told = Session().hide(cover, bytes(30), to=tmp_path / "s.jpg", key=key, survive=channel)
    assert told.hiding is not None and told.hiding.secure is not None
    assert told.hiding.secure.hard == fit.safe
    with pytest.raises(CapacityError, match=f"at most {fit.safe} bytes are hard to find"):
        secret = np.random.default_rng(5).bytes(fit.safe + 1)
        Session().hide(cover, secret, to=tmp_path / "n.jpg", key=key, survive=channel, at_most_safe=True)


def test_a_cover_may_be_reduced_further_than_the_channel_does(tmp_path: Path, channel: Path, key: Key) -> None:
    cover = photo(tmp_path / "c.png", (640, 480))
    for resize, size in ((240, (240, 180)), (600, (320, 240))):
        told = Session().hide(cover, SECRET, to=tmp_path / f"{resize}.jpg", key=key, survive=channel, resize=resize)
        assert (told.width, told.height) == size
    with pytest.raises(ConfigError, match="640 is not from 1 to 639"):
        Session().hide(cover, SECRET, to=tmp_path / "u.jpg", key=key, survive=channel, resize=640)


@pytest.mark.parametrize("changes, size", [
    *(({}, size) for size in ((1, 1), (8, 8), (20_000, 10))),
    ({"form": JpegForm(((255,) * 64,) * 3, ((2, 2), (1, 1), (1, 1)))}, (320, 256)),
    ({"form": JpegForm(((1,) * 64,) * 3, ((2, 2), (1, 1), (1, 1))), "dct": "ifast"}, (320, 256)),
    ({"sizes": (((1, 1), (1, 1)),)}, (320, 256)),
], ids=str)  # fmt: skip
def test_where_nothing_fits(tmp_path: Path, key: Key, changes: dict[str, Any], size: tuple[int, int]) -> None:
    """Into a cover, or through a channel."""
    channel = written(tmp_path / "a.channel", known(**changes))
    with pytest.raises(CapacityError, match="more than the capacity of 0"):
        Session().hide(photo(tmp_path / "c.png", size), SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    assert not (tmp_path / "s.jpg").exists()


def run(*words: object) -> int:
    return main(list(map(str, words)))


def test_an_output_is_no_input(tmp_path: Path, channel: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of the channel, by another name."""
    keys = tmp_path / "k"
    assert run("keygen", keys) == 0
    cover, note = photo(tmp_path / "c.png"), tmp_path / "note.txt"
    note.write_bytes(SECRET)
    out = tmp_path / "linked.jpg"
    out.hardlink_to(channel)
    before = out.read_bytes()
    assert run("hide", cover, note, "--key-file", keys, "--force", "-o", out, "--for", channel) == 1
    assert "is an input too" in capsys.readouterr().err
    assert out.read_bytes() == before


@pytest.mark.parametrize("rare", [with_byte(b"\xff\xc0", 11, 0x12), in_wide_steps], ids=["4:4:0", "wide steps"])
def test_covers_of_a_form_that_no_channel_has_are_saved_anew(
    tmp_path: Path, channel: Path, key: Key, rare: Callable[[bytes], bytes]
) -> None:
    cover = photo(tmp_path / "c.jpg", quality=90, subsampling="4:2:2")
    cover.write_bytes(rare(cover.read_bytes()))
    told = Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    assert any("saved in the channel's form" in note for note in told.notes)
    assert JpegForm.of(read_jpeg(tmp_path / "s.jpg")) == read_channel(channel).form


def test_an_album_and_a_folder_of_covers(tmp_path: Path, channel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, covers, secret = tmp_path / "k", tmp_path / "covers", tmp_path / "secret.bin"
    assert run("keygen", keys) == 0
    covers.mkdir()
    for number in range(3):
        photo(covers / f"{number}.png", seed=number)
    secret.write_bytes(np.random.default_rng(3).bytes(900))
    hide = ("hide", covers, secret, "--for", channel, "--key-file", keys)

    assert run(*hide, "--spread", "--resize", 400, "-o", tmp_path / "album") == 1
    assert "0.png: 400 is not from 1 to 319" in capsys.readouterr().err
    assert run(*hide, "--spread", "-o", tmp_path / "album") == 0
    (tmp_path / "arrived").mkdir()
    for sent in (tmp_path / "album").iterdir():
        APP(sent, tmp_path / "arrived" / sent.name)
    assert run("reveal", tmp_path / "arrived", "--key-file", keys, "-o", tmp_path / "back.bin") == 0
    assert (tmp_path / "back.bin").read_bytes() == secret.read_bytes()

    secret.write_bytes(SECRET)
    assert run(*hide, "-o", tmp_path / "sent") == 0
    assert sorted(path.name for path in (tmp_path / "sent").iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]
    for sent in (tmp_path / "sent").iterdir():
        received = APP(sent, tmp_path / f"r-{sent.name}")
        assert run("reveal", received, "--key-file", keys, "-o", tmp_path / f"{sent.stem}.txt") == 0
        assert (tmp_path / f"{sent.stem}.txt").read_bytes() == SECRET
    capsys.readouterr()


def test_what_does_not_open_when_it_has_arrived_is_not_kept(
    tmp_path: Path, key: Key, channel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record's bytes are others than those that are to be hidden."""
    cover = photo(tmp_path / "c.jpg", (320, 256))
    formatted = format_record
    monkeypatch.setattr(
        through_channel, "format_record", lambda *given: bytes([formatted(*given)[0] ^ 1]) + formatted(*given)[1:]
    )
    before = set(tmp_path.iterdir())
    with pytest.raises(MediaError, match="does not give the secret back"):
        Session().hide(cover, SECRET, to=tmp_path / "s.jpg", key=key, survive=channel)
    assert set(tmp_path.iterdir()) == before
